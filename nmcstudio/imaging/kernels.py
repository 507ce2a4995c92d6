"""Loops over voxels in machine code. All of them take a range, so that the caller can stop between two calls."""

from __future__ import annotations

import numba
import numpy as np

FAR = np.float32(1e30)  # squared distance where no background was met yet


@numba.njit(cache=True, nogil=True)
def lower_envelope(rows, edge):  # type: ignore[no-untyped-def]
    """Squared distance along each row of a float32 array ``(rows, n)``, in place: min over j of f(j) + (edge (i - j))^2.

    Lower envelope of parabolas (Felzenszwalb and Huttenlocher 2012, Theory of Computing 8, algorithm 1).
    """
    count, n = rows.shape
    place = np.empty(n, np.int64)
    height = np.empty(n, np.float64)
    limit = np.empty(n + 1, np.float64)
    square = edge * edge
    for r in range(count):
        last = -1
        for j in range(n):
            f = rows[r, j]
            if f >= FAR:
                continue
            start = -np.inf
            while last >= 0:
                start = (f - height[last] + square * (j * j - place[last] * place[last])) / (2 * square * (j - place[last]))
                if start > limit[last]:
                    break
                last -= 1
            if last < 0:
                start = -np.inf
            last += 1
            place[last] = j
            height[last] = f
            limit[last] = start
        if last < 0:
            continue
        k = 0
        for i in range(n):
            while k < last and limit[k + 1] < i:
                k += 1
            rows[r, i] = height[k] + square * (i - place[k]) * (i - place[k])


@numba.njit(cache=True, nogil=True)
def point_uphill(field, parents, edges, start, stop):  # type: ignore[no-untyped-def]
    """Let every voxel of slices start to stop point to its steepest of 26 higher neighbours, to itself if there is none.

    `field` is float32 ``[z, y, x]``, 0 in the background (its parent is -1); `parents` holds flat indices; `edges` are the
    voxel's edges.
    """
    nz, ny, nx = field.shape
    inverse = np.zeros((3, 3, 3))
    for a in range(3):
        for b in range(3):
            for c in range(3):
                d = ((a - 1) * edges[0]) ** 2 + ((b - 1) * edges[1]) ** 2 + ((c - 1) * edges[2]) ** 2
                inverse[a, b, c] = 1 / np.sqrt(d) if d > 0 else 0.0
    for z in range(start, stop):
        for y in range(ny):
            for x in range(nx):
                here = field[z, y, x]
                if here <= 0:
                    parents[z, y, x] = -1
                    continue
                best = 0.0
                goal = (z * ny + y) * nx + x
                for dz in range(-1, 2):
                    if z + dz < 0 or z + dz >= nz:
                        continue
                    for dy in range(-1, 2):
                        if y + dy < 0 or y + dy >= ny:
                            continue
                        for dx in range(-1, 2):
                            if x + dx < 0 or x + dx >= nx:
                                continue
                            slope = (field[z + dz, y + dy, x + dx] - here) * inverse[dz + 1, dy + 1, dx + 1]
                            if slope > best:
                                best = slope
                                goal = ((z + dz) * ny + y + dy) * nx + x + dx
                parents[z, y, x] = goal


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
def measure(labels, observed, limited, sizes, cut, start, stop):  # type: ignore[no-untyped-def]
    """Count voxels of each label and mark those that touch the volume's border or an unobserved voxel.

    The border counts along axes longer than one voxel. `limited` says whether `observed` is to be looked at.
    """
    nz, ny, nx = labels.shape
    for z in range(start, stop):
        for y in range(ny):
            for x in range(nx):
                label = labels[z, y, x]
                if label == 0:
                    continue
                sizes[label] += 1
                outer = (nz > 1 and (z == 0 or z == nz - 1)) or (ny > 1 and (y == 0 or y == ny - 1))
                outer = outer or (nx > 1 and (x == 0 or x == nx - 1))
                if not outer and limited:
                    outer = (
                        not observed[z, y, x]
                        or (nz > 1 and not (observed[z - 1, y, x] and observed[z + 1, y, x]))
                        or (ny > 1 and not (observed[z, y - 1, x] and observed[z, y + 1, x]))
                        or (nx > 1 and not (observed[z, y, x - 1] and observed[z, y, x + 1]))
                    )
                cut[label] |= outer
