"""Forests over voxels in machine code. All of them take a range, so that the caller can stop between two calls."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def join_faces(mask, parents, start, stop):  # type: ignore[no-untyped-def]
    """Union-find of face neighbours inside `mask` for slices start to stop; roots are the first voxels."""
    _, ny, nx = mask.shape
    flat = parents.reshape(-1)
    for z in range(start, stop):
        for y in range(ny):
            for x in range(nx):
                i = (z * ny + y) * nx + x
                if not mask[z, y, x]:
                    flat[i] = -1
                    continue
                flat[i] = i
                for axis in range(3):
                    if axis == 0 and (z == 0 or not mask[z - 1, y, x]):
                        continue
                    if axis == 1 and (y == 0 or not mask[z, y - 1, x]):
                        continue
                    if axis == 2 and (x == 0 or not mask[z, y, x - 1]):
                        continue
                    j = i - (ny * nx if axis == 0 else nx if axis == 1 else 1)
                    a, b = i, j
                    while flat[a] != a:
                        flat[a] = flat[flat[a]]
                        a = flat[a]
                    while flat[b] != b:
                        flat[b] = flat[flat[b]]
                        b = flat[b]
                    if a < b:
                        flat[b] = a
                    else:
                        flat[a] = b


@numba.njit(cache=True, nogil=True)
def follow(parents, start, stop):  # type: ignore[no-untyped-def]
    """Let voxels start to stop of a flat forest point to their roots, and shorten the paths on the way."""
    for i in range(start, stop):
        root = parents[i]
        if root < 0:
            continue
        while parents[root] != root:
            root = parents[root]
        j = i
        while parents[j] != root:
            following = parents[j]
            parents[j] = root
            j = following


@numba.njit(cache=True, nogil=True)
def number_roots(parents, start, stop, count):  # type: ignore[no-untyped-def]
    """Replace roots by -2 - (0, 1, 2, …) in the order of the voxels; returns the new count."""
    for i in range(start, stop):
        if parents[i] == i:
            parents[i] = -2 - count
            count += 1
    return count


@numba.njit(cache=True, nogil=True)
def take_numbers(parents, start, stop):  # type: ignore[no-untyped-def]
    """Give every voxel the (negative) number of its root."""
    for i in range(start, stop):
        if parents[i] >= 0:
            parents[i] = parents[parents[i]]


@numba.njit(cache=True, nogil=True)
def find_roots(parents, start, stop):  # type: ignore[no-untyped-def]
    """Flat indices of the roots among voxels start to stop."""
    count = 0
    for i in range(start, stop):
        count += parents[i] == i
    roots = np.empty(count, np.int64)
    if count == 0:
        return roots
    count = 0
    for i in range(start, stop):
        if parents[i] == i:
            roots[count] = i
            count += 1
    return roots


@numba.njit(cache=True, nogil=True)
def rank_roots(parents, roots, start, stop):  # type: ignore[no-untyped-def]
    """Replace the root of voxels start to stop by 1 + its place among the sorted `roots`, and -1 by 0."""
    last, number = -1, 0
    for i in range(start, stop):
        root = parents[i]
        if root != last:
            last = root
            low, high = 0, len(roots) if root >= 0 else 0
            while low < high:
                middle = (low + high) // 2
                if roots[middle] <= root:
                    low = middle + 1
                else:
                    high = middle
            number = low
        parents[i] = number
