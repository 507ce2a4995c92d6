"""Passes over the voxels of a composed particle."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def gather_cells(cells, first, last, counts, sums, edge):  # type: ignore[no-untyped-def]
    """Voxel counts, sums of voxel indices (z, y, x) and contact with the grid's border of each cell, for slices first to last."""
    nz, ny, nx = cells.shape
    for k in range(first, last):
        for j in range(ny):
            side = k == 0 or k == nz - 1 or j == 0 or j == ny - 1
            for i in range(nx):
                cell = cells[k, j, i]
                counts[cell] += 1
                sums[cell, 0] += k
                sums[cell, 1] += j
                sums[cell, 2] += i
                if side or i == 0 or i == nx - 1:
                    edge[cell] = True


@njit(nogil=True, cache=True)
def paint_labels(cells, table, first, last, labels):  # type: ignore[no-untyped-def]
    """Write ``table[cell]`` for every voxel of slices first to last."""
    _, ny, nx = cells.shape
    for k in range(first, last):
        for j in range(ny):
            for i in range(nx):
                labels[k, j, i] = table[cells[k, j, i]]


def slabs(shape: tuple[int, ...], voxels: int = 4_000_000) -> list[tuple[int, int]]:
    """Ranges of slices of about this many voxels each."""
    step = max(1, voxels // max(1, int(np.prod(shape[1:]))))
    return [(first, min(first + step, shape[0])) for first in range(0, shape[0], step)]
