"""Gaussian filter in slabs, with reflecting ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.workers import in_threads, slices, worker_count
from nmcstudio.imaging import gauss_kernels

SLAB_VOXELS = 8_000_000  # in work at a time, by each thread
EVERYTHING = np.ones((1, 1, 1), bool)


def gaussian_weights(sigma_voxels: float) -> NDArray[np.float32]:
    """Weights of offsets 0, 1, … up to four standard deviations; both sides together sum to one."""
    reach = int(4 * sigma_voxels + 0.5)
    if sigma_voxels <= 0:
        return np.ones(1, np.float32)
    weights = np.exp(-0.5 * (np.arange(reach + 1) / sigma_voxels) ** 2)
    return (weights / (2 * weights.sum() - weights[0])).astype(np.float32)


def smooth(
    values: NDArray[Any],
    sigma_voxels: float,
    observed: NDArray[np.bool_] | None = None,
    monitor: Monitor | None = None,
) -> NDArray[np.float32]:
    """Gaussian filter with reflecting ends, cut off at four standard deviations (models.md 2.2).

    Parameters
    ----------
    values
        Array ``[z, y, x]``.
    sigma_voxels
        Standard deviation in voxels along every axis longer than one voxel; 0 only converts.
    observed
        bool ``[z, y, x]``: unobserved voxels take no part (normalised convolution), so that the rim of a cylindrical field of
        view is not darkened; None if everything is observed.

    Returns
    -------
    smoothed
        float32 ``[z, y, x]``; 0 where nothing observed is near.
    """
    result = np.empty(values.shape, np.float32)

    def keep(z: int, plane: NDArray[np.float32]) -> None:
        result[z] = plane

    each_smoothed_plane(values, sigma_voxels, observed, keep, monitor or Monitor())
    return result


def each_smoothed_plane(
    values: NDArray[Any],
    sigma_voxels: float,
    observed: NDArray[np.bool_] | None,
    use: Callable[[int, NDArray[np.float32]], None],
    monitor: Monitor,
    prepare: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
    wanted: tuple[slice, slice] | None = None,
) -> None:
    """Call ``use(z, plane)`` with each plane of what `smooth` returns, in any order and from several threads.

    Only the planes and rows `wanted` (z, y) are made, all if it is None. `prepare` makes of a few planes of the values what is
    smoothed. A plane depends on planes up to ``int(4 sigma + 0.5)`` away only, so a slab with that much around it gives equal
    planes.
    """
    nz, ny, nx = values.shape
    depth, rows = wanted or (slice(0, nz), slice(0, ny))
    weights = [gaussian_weights(sigma_voxels if n > 1 else 0.0) for n in values.shape]
    reach = [len(w) - 1 for w in weights]
    step = max(1, min(SLAB_VOXELS // (ny * nx), -(-nz // (2 * worker_count()))))
    fixed = None
    if observed is not None and observed.strides[0] == 0:
        # A cylinder or the like: the share of known voxels is the same in all planes.
        fixed = _blurred(observed[:1], EVERYTHING, np.zeros(1, np.int64), [np.ones(1, np.float32), *weights[1:]], rows)[0]

    def work(part: slice) -> None:
        planes = _reflected(np.arange(part.start - reach[0], part.stop + reach[0]), nz)
        low, high = int(planes.min()), int(planes.max()) + 1
        piece = _readable(values[low:high] if prepare is None else prepare(values[low:high]))
        known = EVERYTHING if observed is None else _readable(observed[low:high])
        slab = _blurred(piece, known, planes - low, weights, rows)
        share = None
        if observed is not None and fixed is None:
            share = _blurred(known, EVERYTHING, planes - low, weights, rows)
        for k, z in enumerate(range(part.start, part.stop)):
            if observed is not None:
                gauss_kernels.divide(slab[k], fixed if share is None else share[k])
            use(z, slab[k])

    pieces = [slice(max(part.start, depth.start), min(part.stop, depth.stop)) for part in slices(nz, step)]
    in_threads(work, [part for part in pieces if part.start < part.stop], monitor, "Smoothing")


def smooth_to_codes(
    values: NDArray[Any],
    sigma_voxels: float,
    observed: NDArray[np.bool_] | None,
    offset: float,
    scale: float,
    monitor: Monitor,
) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """`smooth`, held as whole numbers.

    Returns
    -------
    codes
        uint16 ``[z, y, x]``, nearest to ``(smoothed value - offset) / scale``.
    counts
        int64 ``(65536,)``, how often each code occurs among the observed voxels.
    """
    codes = np.empty(values.shape, np.uint16)
    counts = np.zeros(65536, np.int64)
    guard = threading.Lock()

    def use(z: int, plane: NDArray[np.float32]) -> None:
        gauss_kernels.quantise(plane, np.float32(offset), np.float32(1 / scale), codes[z])
        found = np.zeros(65536, np.int64)
        gauss_kernels.tally(codes[z], EVERYTHING[0] if observed is None else observed[z], found)
        with guard:
            np.add(counts, found, out=counts)

    each_smoothed_plane(values, sigma_voxels, observed, use, monitor)
    return codes, counts


def smooth_plane_to_codes(
    values: NDArray[Any],
    sigma_voxels: float,
    observed: NDArray[np.bool_] | None,
    offset: float,
    scale: float,
    axis: int,
    index: int,
) -> NDArray[np.uint16]:
    """The plane at `index` along `axis` of the codes of `smooth_to_codes`, without making the others."""
    wanted = [slice(0, n) for n in values.shape]
    wanted[axis] = slice(index, index + 1)
    shape = [part.stop - part.start for part in wanted]
    result = np.empty(shape, np.float32)

    def use(z: int, plane: NDArray[np.float32]) -> None:
        result[z - wanted[0].start] = plane[wanted[1], wanted[2]]

    each_smoothed_plane(values, sigma_voxels, observed, use, Monitor(), wanted=(wanted[0], wanted[1]))
    plane = np.ascontiguousarray(result.take(0, axis=axis))
    codes = np.empty(plane.shape, np.uint16)
    gauss_kernels.quantise(plane, np.float32(offset), np.float32(1 / scale), codes)
    return codes


def _blurred(
    source: NDArray[Any],
    known: NDArray[np.bool_],
    planes: NDArray[np.int64],
    weights: list[NDArray[np.float32]],
    rows: slice,
) -> NDArray[np.float32]:
    """Filtered planes; `planes` are those that the filter along z reads, one after the other."""
    count = len(planes) - 2 * (len(weights[0]) - 1)
    _, ny, nx = source.shape
    slab = np.empty((count, ny, nx), np.float32)
    gauss_kernels.blur_across_planes(source, known, planes, weights[0], slab, np.empty((len(planes), nx), np.float32))
    if len(weights[1]) > 1 or len(weights[2]) > 1:
        padded = np.empty((ny + 2 * (len(weights[1]) - 1), nx), np.float32)
        row = np.empty(nx + 2 * (len(weights[2]) - 1), np.float32)
        for plane in slab:
            gauss_kernels.blur_plane(plane, rows.start, rows.stop, weights[1], weights[2], padded, row)
    return slab


def _reflected(index: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    index = index % (2 * length)
    return np.where(index < length, index, 2 * length - 1 - index)


def _readable(piece: NDArray[Any]) -> NDArray[Any]:
    """A piece as the kernels take it: contiguous, of the machine's byte order, and read-only (one compiled version for all)."""
    dtype = piece.dtype.newbyteorder("=")
    if dtype.kind == "f" and dtype.itemsize not in (4, 8):
        dtype = np.dtype(np.float32)
    piece = np.ascontiguousarray(piece, dtype=dtype).view()
    piece.flags.writeable = False
    return piece
