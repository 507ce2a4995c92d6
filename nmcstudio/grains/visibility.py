"""Which cells of a tessellation show in an image: those with enough voxels of its raster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Triple
from nmcstudio.grains.labelling import label_grid, packed

Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_BLOCK = 32  # voxels of the edge of one piece of work
_TILE_CELLS = 1500.0  # in a cube of such pieces
# Coarse voxels in a mean cell of the first look: nearly all cells show in it, and the rest is few enough for a closer one.
_COARSE_VOXELS = 60.0
_CERTAIN = 6


@dataclass(frozen=True)
class Raster:
    """The grid of voxels that an image has, and which of them were observed.

    Attributes
    ----------
    shape, spacing_um, origin_um
        As in `Volume`, (z, y, x).
    mask
        bool ``[z, y, x]``, voxels that count; None where all do.
    """

    shape: tuple[int, int, int]
    spacing_um: Triple
    origin_um: Triple
    mask: NDArray[np.bool_] | None = None


def count_visible_voxels(
    kind: str,
    seeds_um: Array,
    weights: Array,
    matrices: Array | None,
    raster: Raster,
    minimum_voxels: int,
    monitor: Monitor | None = None,
) -> NDArray[np.int64]:
    """Voxels of each cell in a raster: exact up to `minimum_voxels`, a lower bound of at least that above.

    A quick look shows nearly all cells: near the seeds for Laguerre, else on a coarse raster out of the same voxels. The others
    are counted voxel by voxel, in blocks where they may be.

    Parameters
    ----------
    kind, seeds_um, weights, matrices
        As in `label_grid`.
    raster
        The image.
    minimum_voxels
        Counts from here on need not be exact.
    monitor
        Cancelling.

    Returns
    -------
    int64 ``(n,)``.
    """
    monitor = monitor or Monitor()
    packing = packed(kind, seeds_um, weights, matrices)
    if kind == "laguerre" and minimum_voxels == 1:
        sizes = _found(packing[0], packing[1], raster).astype(np.int64)
    else:
        sizes = _coarse_sizes(kind, seeds_um, weights, matrices, raster, minimum_voxels, monitor)
    wanted = (sizes < minimum_voxels).astype(np.uint8)
    exact = np.zeros(len(weights), np.int64)
    for low, high in _pieces(raster, np.zeros(3, np.int64), np.array(raster.shape[::-1]), _tile(raster, len(weights))):
        # Each block looks at the generators of its tile only, lest the work grows with the square of their number.
        near = _near(kind, packing, raster, low, high)
        if wanted[near].any():
            exact[near] += _counted(kind, packing, near, wanted, raster, low, high, monitor)
    return np.where(wanted, exact, sizes)


def _tile(raster: Raster, count: int) -> int:
    """Voxels of the edge of a tile of about `_TILE_CELLS` cells."""
    edge = (_TILE_CELLS * np.prod(raster.shape, dtype=float) / max(count, 1)) ** (1 / 3)
    return _BLOCK * int(np.ceil(min(edge, max(raster.shape)) / _BLOCK))


def _pieces(raster: Raster, low: Indices, high: Indices, edge: int) -> Iterator[tuple[Indices, Indices]]:
    """Corners of the pieces of a part of the raster, (x, y, z)."""
    for z in range(low[2], high[2], edge):
        for y in range(low[1], high[1], edge):
            for x in range(low[0], high[0], edge):
                corner = np.array([x, y, z], dtype=np.int64)
                yield corner, np.minimum(corner + edge, high)


def _near(kind: str, packing: tuple[Array, Array, Array], raster: Raster, low: Indices, high: Indices) -> NDArray[np.int32]:
    """Generators that may own a voxel of a part of the raster, in their order."""
    from nmcstudio.grains.labelling_kernels import CODES, prune

    _, spacing, origin = _as_xyz(raster)
    every = np.arange(len(packing[1]), dtype=np.int32)
    half = 0.5 * (high - 1 - low) * spacing
    kept = np.empty_like(every)
    number = prune(CODES[kind], *packing, every, len(every), origin + low * spacing + half, half, np.empty(len(every)), kept, 0.0)
    return kept[:number]


def _counted(
    kind: str,
    packing: tuple[Array, Array, Array],
    near: NDArray[np.int32],
    wanted: NDArray[np.uint8],
    raster: Raster,
    low: Indices,
    high: Indices,
    monitor: Monitor,
) -> NDArray[np.int64]:
    """Voxels in a part of the raster of those of the generators `near` that are wanted."""
    from nmcstudio.grains.labelling_kernels import CODES
    from nmcstudio.grains.visibility_kernels import count_voxels

    _, spacing, origin = _as_xyz(raster)
    s, w, m = packing
    own = s[near], w[near], m if kind == "laguerre" else m[near]
    found = np.zeros(len(near), np.int64)
    for at, end in _pieces(raster, low, high, _BLOCK):
        monitor.check()
        count_voxels(CODES[kind], *own, wanted[near], at, end, spacing, origin, _bytes(raster), found)
    return found


def _as_xyz(raster: Raster) -> tuple[NDArray[np.int64], Array, Array]:
    return (
        np.array(raster.shape[::-1], dtype=np.int64),
        np.array(raster.spacing_um[::-1], dtype=np.float64),
        np.array(raster.origin_um[::-1], dtype=np.float64),
    )


def _bytes(raster: Raster) -> NDArray[np.uint8]:
    """The mask as kernels want it."""
    return np.ones((1, 1, 1), np.uint8) if raster.mask is None else np.ascontiguousarray(raster.mask).view(np.uint8)


def _found(seeds: Array, weights: Array, raster: Raster) -> NDArray[np.uint8]:
    """1 for Laguerre cells of which a voxel was found near the seed."""
    from nmcstudio.grains.visibility_kernels import find_voxels

    corner = seeds.min(axis=0)
    extent = seeds.max(axis=0) - corner
    edge = max(float((np.prod(extent) / len(weights)) ** (1 / 3)), 1e-3 * float(extent.max()), 1e-12)
    cells = (extent / edge).astype(np.int64) + 1
    keys = np.ravel_multi_index(tuple(((seeds - corner) / edge).astype(np.int64).T), tuple(cells))
    order = np.argsort(keys, kind="stable")
    first = np.searchsorted(keys[order], np.arange(int(np.prod(cells)) + 1))
    found = np.zeros(len(weights), np.uint8)
    find_voxels(seeds, weights, first, order, corner, edge, cells, *_as_xyz(raster), _bytes(raster), 0, len(weights), found)
    return found


def _coarse_sizes(
    kind: str, seeds_um: Array, weights: Array, matrices: Array | None, raster: Raster, minimum_voxels: int, monitor: Monitor
) -> NDArray[np.int64]:
    """Voxels of each cell among every n-th of the raster."""
    shape, spacing, origin = (np.array(v) for v in (raster.shape, raster.spacing_um, raster.origin_um))
    voxels = np.prod(shape, dtype=float) / max(len(weights), 1)
    stride = int(np.clip((voxels / _COARSE_VOXELS) ** (1 / 3), 1, max(shape.min() // 2, 1)))
    first = np.minimum(stride // 2, shape - 1)
    coarse = tuple(int(v) for v in (shape - first + stride - 1) // stride)
    steps = tuple(float(v) for v in spacing * stride)
    corner = tuple(float(v) for v in origin + first * spacing)
    labels = label_grid(kind, seeds_um, weights, matrices, coarse, steps, corner, monitor)  # type: ignore[arg-type]
    if raster.mask is not None:
        labels = labels[raster.mask[first[0] :: stride, first[1] :: stride, first[2] :: stride]]
    sizes = np.bincount(labels.ravel(), minlength=len(weights)).astype(np.int64)
    if stride == 1:
        return sizes
    # A cell with several coarse voxels, each of which stands for many, need not be counted.
    enough = (sizes >= minimum_voxels) | ((sizes >= _CERTAIN) & (sizes * stride**3 >= 4 * minimum_voxels))
    return np.where(enough, np.maximum(sizes, minimum_voxels), 0)
