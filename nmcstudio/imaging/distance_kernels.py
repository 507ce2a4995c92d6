"""Exact squared Euclidean distance in machine code, limited by how deep a voxel can lie (vectors along x throughout).

Rows are uint16 where voxels are cubes, which holds distances below 256 edges and saturates above, else float32.
"""

from __future__ import annotations

import numba
import numpy as np

BLOCK = 128  # voxels of a row that stop looking together


@numba.njit(cache=True, nogil=True)
def along_row(solid, edge, far, squared):  # type: ignore[no-untyped-def]
    """Squared distance of each solid voxel to the nearest other one of its row; the row goes on solid at both ends.

    `far` stands for a row without any other voxel, and for what is further.
    """
    n = solid.size
    i = 0
    while i < n:
        if not solid[i]:
            squared[i] = 0
            i += 1
            continue
        start = i
        while i < n and solid[i]:
            i += 1
        for j in range(i - start):
            left = j + 1 if start > 0 else n + 1
            right = i - start - j if i < n else n + 1
            steps = left if left < right else right
            d = edge * edge * steps * steps
            squared[start + j] = d if steps <= n and d < far else far


@numba.njit(cache=True, nogil=True)
def _any_above(row, level):  # type: ignore[no-untyped-def]
    # Counting is done in vectors; a running maximum of real numbers is not.
    count = np.int32(0)
    for i in range(row.size):
        count += np.int32(row[i] > level)
    return count > 0


@numba.njit(cache=True, nogil=True)
def _lower_by_two(row, a, b, more, top):  # type: ignore[no-untyped-def]
    for i in range(row.size):
        least = a[i] if a[i] < b[i] else b[i]
        least = least if least < top else top
        lower = row.dtype.type(least + more)
        row[i] = lower if lower < row[i] else row[i]


@numba.njit(cache=True, nogil=True)
def _lower_by_one(row, a, more, top):  # type: ignore[no-untyped-def]
    for i in range(row.size):
        least = a[i] if a[i] < top else top
        lower = row.dtype.type(least + more)
        row[i] = lower if lower < row[i] else row[i]


@numba.njit(cache=True, nogil=True)
def across_rows(rows, k, edge, far, result):  # type: ignore[no-untyped-def]
    """``min over j of rows[k + j] + (edge j)^2`` for rows ``(n, nx)``; nothing lies beyond the ends.

    Exact: a block of a row looks no further than its largest distance so far.
    """
    n, nx = rows.shape
    for start in range(0, nx, BLOCK):
        stop = min(start + BLOCK, nx)
        row = result[start:stop]
        mine = rows[k, start:stop]
        for i in range(row.size):
            row[i] = mine[i]
        j = 1
        while k - j >= 0 or k + j < n:
            square = edge * edge * j * j
            if square >= far or ((j < 4 or j % 2 == 0) and not _any_above(row, rows.dtype.type(square))):
                break
            more, top = rows.dtype.type(square), rows.dtype.type(far - square)
            if k - j >= 0 and k + j < n:
                _lower_by_two(row, rows[k - j, start:stop], rows[k + j, start:stop], more, top)
            elif k - j >= 0:
                _lower_by_one(row, rows[k - j, start:stop], more, top)
            else:
                _lower_by_one(row, rows[k + j, start:stop], more, top)
            j += 1


@numba.njit(cache=True, nogil=True)
def in_planes(solid, edge_y, edge_x, far, squared, rows):  # type: ignore[no-untyped-def]
    """Squared distances within each plane of a slab ``[z, y, x]``; `rows` is room for a plane."""
    nz, ny, _ = solid.shape
    for z in range(nz):
        for y in range(ny):
            along_row(solid[z, y], edge_x, far, rows[y])
        for y in range(ny):
            across_rows(rows, y, edge_y, far, squared[z, y])


@numba.njit(cache=True, nogil=True)
def across_planes(squared, start, stop, edge, far, rows):  # type: ignore[no-untyped-def]
    """Squared distances from those within planes, in place, for rows y from start to stop; `rows` is room for ``(nz, nx)``."""
    nz, _, nx = squared.shape
    for y in range(start, stop):
        for z in range(nz):
            row, to = squared[z, y], rows[z]
            for x in range(nx):
                to[x] = row[x]
        for z in range(nz):
            across_rows(rows, z, edge, far, squared[z, y])
