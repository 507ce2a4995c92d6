"""A Gaussian-filtered piece of a volume, on a lattice as coarse as the filter allows.

A filter of standard deviation sigma leaves nothing finer than about sigma. So the piece is halved first, by a narrow filter whose
variance the Gaussian gives away, as often as two standard deviations remain: at sigma = 4 one voxel in eight is filtered, with
half as many weights, and cubic interpolation between the nodes is good to 0.01 voxel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor

#: Multiplications between two looks at the monitor: about 50 ms.
_CHUNK = 200_000_000
_TYPES = (np.uint8, np.uint16, np.float32)
#: Removes what would fold back on every second voxel, and is symmetric about the middle between two.
_HALVING = np.array([1, 3, 3, 1], np.float32) / np.float32(8)
_HALVING_VARIANCE = 0.75
_COARSEST_SIGMA = 4.0


@dataclass(frozen=True)
class Lattice:
    """Attributes: `values`, float32 ``[z, y, x]``; `origin`, voxel index of the first node (z, y, x); `stride` in voxels."""

    values: NDArray[np.float32]
    origin: NDArray[np.float64]
    stride: int


def smooth_on_lattice(
    values: NDArray[Any],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    sigma_voxels: float,
    observed: NDArray[np.bool_] | None,
    monitor: Monitor,
) -> Lattice:
    """Gaussian filter with reflecting ends, cut off at four standard deviations, around a box.

    Parameters
    ----------
    values
        Array ``[z, y, x]``, of which only the box and the filter's reach are read.
    low, high
        First and one past the last voxel (z, y, x) between which the field will be asked for; may lie outside of the array.
    observed
        bool of the same shape: voxels that are not observed take no part (normalised convolution).
    """
    sigma, halvings = sigma_voxels, 0
    while sigma >= _COARSEST_SIGMA:
        sigma = float(np.sqrt(sigma**2 - _HALVING_VARIANCE)) / 2
        halvings += 1
    reach = int(4 * sigma + 0.5)
    steps = np.arange(-reach, reach + 1)
    shape = np.exp(-0.5 * (steps / sigma) ** 2) if reach else np.ones(1)
    # The kernel takes four at a time; what is filled up with zeros stands at the end.
    weights: NDArray[np.float32] = np.pad(shape / shape.sum(), (0, -len(shape) % 4)).astype(np.float32)

    # On the last lattice: nodes that are asked for, two more on either side for the interpolation, and the filter's reach.
    stride = 2**halvings
    shift = (stride - 1) / 2
    first = np.floor((np.asarray(low) - shift) / stride).astype(np.int64) - 2
    counts = np.ceil((np.asarray(high) - shift) / stride).astype(np.int64) + 2 - first
    first_needed, needed = first - reach, counts + len(weights) - 1

    # The voxels below them, and what a reflection at the volume's ends makes of their indices.
    start, length = first_needed * stride, needed * stride
    for level in range(halvings):
        start, length = start - 2**level, length + 2 ** (level + 1)
    rows, box = [], []
    for axis in range(3):
        inside = _reflected(start[axis] + np.arange(length[axis]), values.shape[axis])
        rows.append(inside - inside.min())
        box.append(slice(int(inside.min()), int(inside.max()) + 1))
    source = values[tuple(box)]
    source = np.ascontiguousarray(source, dtype=source.dtype if source.dtype in _TYPES else np.float32)
    known = None if observed is None else observed[tuple(box)]
    if known is None or known.all():
        found = _filter(source, rows, weights, halvings, counts, monitor)
    else:
        found = _filter(source * known, rows, weights, halvings, counts, monitor)
        share = _filter(known.astype(np.uint8), rows, weights, halvings, counts, monitor)
        found /= np.maximum(share, np.float32(1e-3))
    return Lattice(found, first * stride + shift, stride)


def _reflected(index: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Indices beyond the ends, reflected about the outer faces of the outermost voxels."""
    folded = np.mod(index, 2 * size)
    return np.where(folded < size, folded, 2 * size - 1 - folded)


def _filter(
    source: NDArray[Any],
    rows: list[NDArray[np.int64]],
    weights: NDArray[np.float32],
    halvings: int,
    counts: NDArray[np.int64],
    monitor: Monitor,
) -> NDArray[np.float32]:
    for _ in range(halvings):
        shape = np.array([len(row) // 2 - 1 for row in rows])
        source = _filter_once(source, rows, _HALVING, 2, shape, monitor)
        rows = [np.arange(n) for n in shape]
    return _filter_once(source, rows, weights, 1, counts, monitor)


def _filter_once(
    source: NDArray[Any],
    rows: list[NDArray[np.int64]],
    weights: NDArray[np.float32],
    stride: int,
    shape: NDArray[np.int64],
    monitor: Monitor,
) -> NDArray[np.float32]:
    from nmcstudio.shell.lattice_kernels import filter_planes

    out = np.empty(tuple(int(n) for n in shape), np.float32)
    slab = max(1, _CHUNK // max(1, source[0].size * len(weights) * 2))
    for start in range(0, len(out), slab):
        monitor.check()
        filter_planes(source, rows[0], rows[1], rows[2], weights, stride, start, min(start + slab, len(out)), out)
    return out
