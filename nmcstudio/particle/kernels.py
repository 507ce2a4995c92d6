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


@njit(nogil=True, cache=True)
def root_of(parents, label):  # type: ignore[no-untyped-def]
    """Representative of a label's group; shortens the way there."""
    while parents[label] != label:
        parents[label] = parents[parents[label]]
        label = parents[label]
    return label


@njit(nogil=True, cache=True)
def join_neighbours(labels, first, last, parents):  # type: ignore[no-untyped-def]
    """Join the groups of labels above 0 that share a voxel face, for slices first to last and the one below each."""
    _, ny, nx = labels.shape
    for k in range(first, last):
        for j in range(ny):
            for i in range(nx):
                own = np.int64(labels[k, j, i])
                if own == 0:
                    continue
                for axis in range(3):
                    kk, jj, ii = k - (axis == 0), j - (axis == 1), i - (axis == 2)
                    if kk < 0 or jj < 0 or ii < 0:
                        continue
                    other = np.int64(labels[kk, jj, ii])
                    if other != 0 and other != own:
                        a, b = root_of(parents, own), root_of(parents, other)
                        if a != b:
                            parents[max(a, b)] = min(a, b)


def slabs(shape: tuple[int, ...], voxels: int = 4_000_000) -> list[tuple[int, int]]:
    """Ranges of slices of about this many voxels each."""
    step = max(1, voxels // max(1, int(np.prod(shape[1:]))))
    return [(first, min(first + step, shape[0])) for first in range(0, shape[0], step)]
