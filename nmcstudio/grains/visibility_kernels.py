"""Compiled count of the voxels of chosen cells, that looks only where such a cell may be."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from nmcstudio.grains.labelling_kernels import beaten, distance, prune

_EDGES = (16, 8, 4)  # voxels of the blocks inside the piece that is worked on
_LOOKS = 12  # voxels that are tried before a cell is left to the count


@njit(nogil=True, cache=True)
def _is_wanted_here(
    kind: int, s: NDArray[np.float64], w: NDArray[np.float64], m: NDArray[np.float64], kept: NDArray[np.int32], count: int,
    wanted: NDArray[np.uint8], centre: NDArray[np.float64], half: NDArray[np.float64], d: NDArray[np.float64],
) -> bool:  # fmt: skip
    """Whether a wanted generator may be the nearest one somewhere in the block; `d` is room for `count` values."""
    some = False
    for a in range(count):
        if wanted[kept[a]]:
            some = True
            break
    if not some:
        return False
    for a in range(count):
        d[a] = distance(kind, s, w, m, kept[a], centre[0], centre[1], centre[2])
    for a in range(count):
        if not wanted[kept[a]]:
            continue
        alive = True
        for b in range(count):
            if d[b] < d[a] and beaten(kind, s, w, m, kept[a], kept[b], centre, half, d[a], d[b], 0.0):
                alive = False
                break
        if alive:
            return True
    return False


@njit(nogil=True, cache=True)
def _box(
    low: NDArray[np.int64], high: NDArray[np.int64], spacing: NDArray[np.float64], origin: NDArray[np.float64],
    centre: NDArray[np.float64], half: NDArray[np.float64],
) -> None:  # fmt: skip
    for k in range(3):
        half[k] = 0.5 * (high[k] - 1 - low[k]) * spacing[k]
        centre[k] = origin[k] + low[k] * spacing[k] + half[k]


@njit(nogil=True, cache=True)
def count_voxels(
    kind: int, s: NDArray[np.float64], w: NDArray[np.float64], m: NDArray[np.float64], wanted: NDArray[np.uint8],
    low: NDArray[np.int64], high: NDArray[np.int64], spacing: NDArray[np.float64], origin: NDArray[np.float64],
    mask: NDArray[np.uint8], sizes: NDArray[np.int64],
) -> None:  # fmt: skip
    """Add to `sizes` the voxels ``low <= (x, y, z) < high`` of the wanted generators' cells.

    Parameters
    ----------
    kind, s, w, m
        Packed generators (`labelling.packed`).
    wanted
        uint8 ``(n,)``: blocks of voxels where none of these can be nearest are left out.
    low, high, spacing, origin
        The piece of the grid, as (x, y, z).
    mask
        uint8 ``[z, y, x]`` of the whole grid: voxels of 0 do not count; of shape (1, 1, 1) where all do.
    sizes
        int64 ``(n,)``, written.
    """
    n = len(w)
    centre, half, d = np.empty(3), np.empty(3), np.empty(n)
    every = np.arange(n).astype(np.int32)
    coarse = np.empty(n, np.int32)
    _box(low, high, spacing, origin, centre, half)
    n_coarse = prune(kind, s, w, m, every, n, centre, half, d, coarse, 0.0)
    if not _is_wanted_here(kind, s, w, m, coarse, n_coarse, wanted, centre, half, d):
        return
    levels = len(_EDGES)
    kept = np.empty((levels + 1, n_coarse), np.int32)
    kept[0] = coarse[:n_coarse]
    counts = np.empty(levels + 1, np.int64)
    counts[0] = n_coarse
    at, end = np.empty((levels + 1, 3), np.int64), np.empty((levels + 1, 3), np.int64)
    at[0], end[0] = low, high
    level = 1
    at[1] = low
    while level > 0:
        # A walk through blocks in blocks: `at` is the block at hand of each level, within the one of the level above.
        size = _EDGES[level - 1]
        if at[level, 0] >= end[level - 1, 0]:
            at[level, 0] = at[level - 1, 0]
            at[level, 1] += size
        if at[level, 1] >= end[level - 1, 1]:
            at[level, 1] = at[level - 1, 1]
            at[level, 2] += size
        if at[level, 2] >= end[level - 1, 2]:
            level -= 1
            if level > 0:
                at[level, 0] += _EDGES[level - 1]
            continue
        for k in range(3):
            end[level, k] = min(at[level, k] + size, end[level - 1, k])
        _box(at[level], end[level], spacing, origin, centre, half)
        counts[level] = prune(kind, s, w, m, kept[level - 1], counts[level - 1], centre, half, d, kept[level], 0.0)
        if _is_wanted_here(kind, s, w, m, kept[level], counts[level], wanted, centre, half, d):
            if level < levels:
                level += 1
                at[level] = at[level - 1]
                continue
            _count(kind, s, w, m, kept[level], counts[level], at[level], end[level], spacing, origin, mask, sizes)
        at[level, 0] += size


@njit(nogil=True, cache=True)
def _count(
    kind: int, s: NDArray[np.float64], w: NDArray[np.float64], m: NDArray[np.float64], kept: NDArray[np.int32], count: int,
    low: NDArray[np.int64], high: NDArray[np.int64], spacing: NDArray[np.float64], origin: NDArray[np.float64],
    mask: NDArray[np.uint8], sizes: NDArray[np.int64],
) -> None:  # fmt: skip
    masked = mask.size > 1
    for iz in range(low[2], high[2]):
        z = origin[2] + iz * spacing[2]
        for iy in range(low[1], high[1]):
            y = origin[1] + iy * spacing[1]
            for ix in range(low[0], high[0]):
                if masked and mask[iz, iy, ix] == 0:
                    continue
                x = origin[0] + ix * spacing[0]
                best, label = np.inf, -1
                for a in range(count):
                    value = distance(kind, s, w, m, kept[a], x, y, z)
                    if value < best:
                        best, label = value, kept[a]
                sizes[label] += 1


@njit(nogil=True, cache=True)
def _slot(place: float, count: int) -> int:
    """Number of the cube at a place along one axis, the first or last one beyond the ends."""
    return int(min(max(place, 0.0), count - 1.0))


@njit(nogil=True, cache=True)
def _nearest(
    x: NDArray[np.float64], i: int, s: NDArray[np.float64], w: NDArray[np.float64], most: float, first: NDArray[np.int64],
    order: NDArray[np.int64], corner: NDArray[np.float64], edge: float, cells: NDArray[np.int64],
) -> int:  # fmt: skip
    """Index of the Laguerre generator of x, i where none is nearer than i; the lowest index on ties."""
    best = -w[i]
    for k in range(3):
        best += (x[k] - s[i, k]) ** 2
    label = i
    # A nearer generator has |x - s|^2 < best + its weight.
    reach = np.sqrt(max(best + most, 0.0))
    l0 = _slot((x[0] - reach - corner[0]) / edge, cells[0])
    l1 = _slot((x[1] - reach - corner[1]) / edge, cells[1])
    l2 = _slot((x[2] - reach - corner[2]) / edge, cells[2])
    h0 = _slot((x[0] + reach - corner[0]) / edge, cells[0])
    h1 = _slot((x[1] + reach - corner[1]) / edge, cells[1])
    h2 = _slot((x[2] + reach - corner[2]) / edge, cells[2])
    for a in range(l0, h0 + 1):
        for b in range(l1, h1 + 1):
            row = (a * cells[1] + b) * cells[2]
            for p in range(first[row + l2], first[row + h2 + 1]):
                j = order[p]
                value = (x[0] - s[j, 0]) ** 2 + (x[1] - s[j, 1]) ** 2 + (x[2] - s[j, 2]) ** 2 - w[j]
                if value < best or (value == best and j < label):
                    best, label = value, j
    return label


@njit(nogil=True, cache=True)
def find_voxels(
    s: NDArray[np.float64], w: NDArray[np.float64], first: NDArray[np.int64], order: NDArray[np.int64],
    corner: NDArray[np.float64], edge: float, cells: NDArray[np.int64], shape: NDArray[np.int64], spacing: NDArray[np.float64],
    origin: NDArray[np.float64], mask: NDArray[np.uint8], begin: int, stop: int, found: NDArray[np.uint8],
) -> None:  # fmt: skip
    """Look for a voxel of each Laguerre cell ``begin <= i < stop``: at the seed, then across the planes that part it from there.

    Parameters
    ----------
    s, w
        Seeds ``(n, 3)`` and weights ``(n,)``.
    first, order, corner, edge, cells
        Seeds sorted into cubes: order[first[c] : first[c + 1]] lie in cube c of a grid of `cells` cubes from `corner` on.
    shape, spacing, origin, mask
        The raster as (x, y, z); the mask ``[z, y, x]`` as in `count_voxels`.
    found
        uint8 ``(n,)``, 1 is written where a voxel was found; 0 says nothing.
    """
    masked = mask.size > 1
    most = w.max()
    x, y = np.empty(3), np.empty(3)
    v = np.empty(3, np.int64)
    for i in range(begin, stop):
        for k in range(3):
            x[k] = s[i, k]
        for _ in range(_LOOKS):
            for k in range(3):
                v[k] = _slot((x[k] - origin[k]) / spacing[k] + 0.5, shape[k])
                y[k] = origin[k] + v[k] * spacing[k]
            j = _nearest(y, i, s, w, most, first, order, corner, edge, cells)
            if j == i:
                if not masked or mask[v[2], v[1], v[0]]:
                    found[i] = 1
                break
            length, gap = 0.0, w[j] - w[i]
            for k in range(3):
                length += (s[i, k] - s[j, k]) ** 2
                gap += (y[k] - s[i, k]) ** 2 - (y[k] - s[j, k]) ** 2
            if length == 0.0:
                break
            length = np.sqrt(length)
            push = (0.5 * gap / length + 0.5 * spacing[0]) / length
            for k in range(3):
                x[k] = y[k] + push * (s[i, k] - s[j, k])
