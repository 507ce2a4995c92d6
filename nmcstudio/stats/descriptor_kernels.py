"""Compiled sums over a label volume: moments, 13-direction intercepts, contacts, borders; one pass, slab by slab."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

BACKGROUND, UNOBSERVED, OUTSIDE = -1, -2, -3
# Half of the 26 neighbours as (z, y, x): three along the axes, six along face diagonals, four along space diagonals.
OFFSETS = np.array(
    [
        (0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 1, 1), (0, 1, -1), (1, 0, 1), (1, 0, -1), (1, 1, 0), (1, -1, 0),
        (1, 1, 1), (1, 1, -1), (1, -1, 1), (1, -1, -1),
    ],
    dtype=np.int64,
)  # fmt: skip


@njit(nogil=True, cache=True)
def count_labels(labels: NDArray[Any], counts: NDArray[np.int64]) -> None:
    """Add the number of voxels of each label in a slab ``[z, y, x]``."""
    for z in range(labels.shape[0]):
        for y in range(labels.shape[1]):
            for x in range(labels.shape[2]):
                counts[labels[z, y, x]] += 1


@njit(nogil=True, cache=True)
def padded_slab(
    labels: NDArray[Any], observed: NDArray[np.bool_], rows: NDArray[np.int32], start: int, stop: int
) -> NDArray[np.int32]:
    """Row numbers of planes ``start - 1`` to ``stop`` (inclusive) with a rim of OUTSIDE; `observed` may have no planes."""
    nz, ny, nx = labels.shape
    out = np.full((stop - start + 2, ny + 2, nx + 2), OUTSIDE, np.int32)
    masked = observed.shape[0] > 0
    for z in range(max(start - 1, 0), min(stop + 1, nz)):
        for y in range(ny):
            for x in range(nx):
                value = rows[labels[z, y, x]]
                if masked and not observed[z, y, x]:
                    value = UNOBSERVED
                out[z - start + 1, y + 1, x + 1] = value
    return out


@njit(nogil=True, cache=True)
def _slot(keys: NDArray[np.int64], key: int) -> int:
    mask = len(keys) - 1
    place = (key * 0x9E3779B97F4A7C1 >> 11) & mask
    while keys[place] != -1 and keys[place] != key:
        place = (place + 1) & mask
    return place


@njit(nogil=True, cache=True)
def _grown(keys: NDArray[np.int64], faces: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    more = np.full(2 * len(keys), -1, np.int64)
    counts = np.zeros((2 * len(keys), 3), np.int64)
    for old in range(len(keys)):
        if keys[old] != -1:
            place = _slot(more, keys[old])
            more[place] = keys[old]
            counts[place] = faces[old]
    return more, counts


@njit(nogil=True, cache=True)
def add_slab(
    slab: NDArray[np.int32],
    first_plane: int,
    with_rim: bool,
    sums: NDArray[np.float64],
    intercepts: NDArray[np.int64],
    outer: NDArray[np.int64],
    border: NDArray[np.bool_],
    boxes: NDArray[np.int64],
    axes_open: NDArray[np.bool_],
    keys: NDArray[np.int64],
    faces: NDArray[np.int64],
    used: int,
    offsets: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Add one padded slab to the sums.

    `sums` ``(n, 10)``: count, z, y, x, zz, zy, zx, yy, yx, xx about the volume's first voxel; `intercepts` ``(n, 13)``: pairs
    (p, p + offset) with exactly one voxel of the label; `outer` ``(n, 3)``: faces towards background, by axis (x, y, z);
    `keys`, `faces`: hash table of touching pairs ``a * n + b`` (a < b) and their faces by axis (x, y, z).
    `axes_open` tells for (z, y, x) whether the rim is a border. With `with_rim` the plane before the slab is the rim.
    """
    n = sums.shape[0]
    nz, ny, nx = slab.shape
    for z in range(0 if with_rim else 1, nz - 1):
        for y in range(ny):
            for x in range(nx):
                a = slab[z, y, x]
                if a >= 0:
                    gz, gy, gx = first_plane + z - 1, y - 1, x - 1
                    sums[a, 0] += 1
                    sums[a, 1] += gz
                    sums[a, 2] += gy
                    sums[a, 3] += gx
                    sums[a, 4] += gz * gz
                    sums[a, 5] += gz * gy
                    sums[a, 6] += gz * gx
                    sums[a, 7] += gy * gy
                    sums[a, 8] += gy * gx
                    sums[a, 9] += gx * gx
                    boxes[a, 0] = min(boxes[a, 0], gz)
                    boxes[a, 1] = min(boxes[a, 1], gy)
                    boxes[a, 2] = min(boxes[a, 2], gx)
                    boxes[a, 3] = max(boxes[a, 3], gz + 1)
                    boxes[a, 4] = max(boxes[a, 4], gy + 1)
                    boxes[a, 5] = max(boxes[a, 5], gx + 1)
                for q in range(13):
                    bx = x + offsets[q, 2]
                    by = y + offsets[q, 1]
                    if bx < 0 or bx >= nx or by < 0 or by >= ny:
                        continue
                    b = slab[z + offsets[q, 0], by, bx]
                    if a == b:
                        continue
                    if a >= 0:
                        intercepts[a, q] += 1
                    if b >= 0:
                        intercepts[b, q] += 1
                    if q > 2:
                        continue
                    if a >= 0 and b >= 0:
                        key = min(a, b) * n + max(a, b)
                        place = _slot(keys, key)
                        if keys[place] == -1:
                            keys[place] = key
                            used += 1
                        faces[place, q] += 1
                        if 2 * used > len(keys):
                            keys, faces = _grown(keys, faces)
                    elif a >= 0 or b >= 0:
                        grain, other = max(a, b), min(a, b)
                        if other == BACKGROUND:
                            outer[grain, q] += 1
                        elif other == UNOBSERVED or axes_open[2 - q]:
                            border[grain] = True
    return keys, faces, used
