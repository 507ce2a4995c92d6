"""Compiled clipping of convex polyhedra by half-spaces."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

_FACES, _CORNERS = 256, 128  # room for one cell: its faces and the corners of one of them


@njit(nogil=True, cache=True)
def _box(window: NDArray[np.float64], corners: NDArray[np.float64], sizes: NDArray[np.int64], owners: NDArray[np.int64]) -> int:
    """Write the faces of a box ``(3, 2)``; owners -1 to -6 are its sides x0, x1, y0, y1, z0, z1."""
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        for side in range(2):
            face = 2 * axis + side
            sizes[face], owners[face] = 4, -1 - face
            for k in range(4):
                # counter-clockwise seen from outside
                turn = k if side == 1 else 3 - k
                corners[face, k, axis] = window[axis, side]
                corners[face, k, u] = window[u, 1 if turn in (1, 2) else 0]
                corners[face, k, v] = window[v, 1 if turn in (2, 3) else 0]
    return 6


@njit(nogil=True, cache=True)
def _clip(
    nx: float,
    ny: float,
    nz: float,
    offset: float,
    owner: int,
    slack: float,
    corners: NDArray[np.float64],
    sizes: NDArray[np.int64],
    owners: NDArray[np.int64],
    count: int,
    room: NDArray[np.float64],
    rim: NDArray[np.float64],
) -> int:
    """Keep the part with ``n . x <= offset`` (unit normal n); returns the number of faces, -1 if the room is too small."""
    kept, on_rim, cut = 0, 0, False
    for f in range(count):
        size, new = sizes[f], 0
        for k in range(size):
            m = k + 1 if k + 1 < size else 0
            da = nx * corners[f, k, 0] + ny * corners[f, k, 1] + nz * corners[f, k, 2] - offset
            db = nx * corners[f, m, 0] + ny * corners[f, m, 1] + nz * corners[f, m, 2] - offset
            if new + 2 > _CORNERS or on_rim + 2 > len(rim):
                return -1
            if da <= slack:
                for c in range(3):
                    room[new, c] = corners[f, k, c]
                new += 1
                if da > -slack:
                    for c in range(3):
                        rim[on_rim, c] = corners[f, k, c]
                    on_rim += 1
            else:
                cut = True
            if (da < -slack and db > slack) or (da > slack and db < -slack):
                t = da / (da - db)
                for c in range(3):
                    room[new, c] = corners[f, k, c] + t * (corners[f, m, c] - corners[f, k, c])
                    rim[on_rim, c] = room[new, c]
                new += 1
                on_rim += 1
        if new >= 3:
            sizes[kept], owners[kept] = new, owners[f]
            for k in range(new):
                for c in range(3):
                    corners[kept, k, c] = room[k, c]
            kept += 1
    if not cut or kept == 0 or on_rim < 3:
        return kept
    if kept + 1 > _FACES:
        return -1
    size = _ordered(nx, ny, nz, rim, on_rim, slack)
    if size > _CORNERS:
        return -1
    if size >= 3:
        sizes[kept], owners[kept] = size, owner
        for k in range(size):
            for c in range(3):
                corners[kept, k, c] = rim[k, c]
        kept += 1
    return kept


@njit(nogil=True, cache=True)
def _ordered(nx: float, ny: float, nz: float, rim: NDArray[np.float64], count: int, slack: float) -> int:
    """Put the points of the rim in order, counter-clockwise about the normal, without repetition; returns how many are left."""
    size = 0
    for k in range(count):
        fresh = True
        for m in range(size):
            gap = max(abs(rim[m, 0] - rim[k, 0]), abs(rim[m, 1] - rim[k, 1]), abs(rim[m, 2] - rim[k, 2]))
            if gap <= 4.0 * slack:
                fresh = False
                break
        if fresh:
            for c in range(3):
                rim[size, c] = rim[k, c]
            size += 1
    cx, cy, cz = 0.0, 0.0, 0.0
    for k in range(size):
        cx += rim[k, 0] / size
        cy += rim[k, 1] / size
        cz += rim[k, 2] / size
    # two directions in the plane: the axis that is least along the normal, made perpendicular, and its turn by a right angle
    ux, uy, uz = 0.0, 0.0, 0.0
    if abs(nx) <= abs(ny) and abs(nx) <= abs(nz):
        ux, uy, uz = 1.0 - nx * nx, -nx * ny, -nx * nz
    elif abs(ny) <= abs(nz):
        ux, uy, uz = -ny * nx, 1.0 - ny * ny, -ny * nz
    else:
        ux, uy, uz = -nz * nx, -nz * ny, 1.0 - nz * nz
    vx, vy, vz = ny * uz - nz * uy, nz * ux - nx * uz, nx * uy - ny * ux
    angle = np.empty(size)
    for k in range(size):
        dx, dy, dz = rim[k, 0] - cx, rim[k, 1] - cy, rim[k, 2] - cz
        angle[k] = np.arctan2(dx * vx + dy * vy + dz * vz, dx * ux + dy * uy + dz * uz)
    for k in range(1, size):
        m = k
        while m > 0 and angle[m - 1] > angle[m]:
            angle[m - 1], angle[m] = angle[m], angle[m - 1]
            for c in range(3):
                rim[m - 1, c], rim[m, c] = rim[m, c], rim[m - 1, c]
            m -= 1
    return size


@njit(nogil=True, cache=True)
def cut_cells(
    first: int,
    last: int,
    seeds: NDArray[np.float64],
    weights: NDArray[np.float64],
    pointers: NDArray[np.int64],
    neighbours: NDArray[np.int64],
    window: NDArray[np.float64],
    slack: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], int]:
    """Faces of cells `first` to `last`: pairs ``(m, 2)`` of cell and owner of the face, corners per face, corners, failed cell.

    The possible neighbours of cell i are ``neighbours[pointers[i]:pointers[i + 1]]``, the nearest first.
    """
    corners = np.empty((_FACES, _CORNERS, 3))
    sizes, owners = np.empty(_FACES, np.int64), np.empty(_FACES, np.int64)
    room, rim = np.empty((_CORNERS + 2, 3)), np.empty((2 * _FACES, 3))
    pairs, lengths, points = np.empty((64, 2), np.int64), np.empty(64, np.int64), np.empty((256, 3))
    n_faces, n_points = 0, 0
    for i in range(first, last):
        if pointers[i + 1] == pointers[i] and len(weights) > 1:
            continue
        count = _box(window, corners, sizes, owners)
        for k in range(pointers[i], pointers[i + 1]):
            j = neighbours[k]
            dx, dy, dz = seeds[j, 0] - seeds[i, 0], seeds[j, 1] - seeds[i, 1], seeds[j, 2] - seeds[i, 2]
            length = np.sqrt(dx * dx + dy * dy + dz * dz)
            along = (seeds[j, 0] + seeds[i, 0]) * dx + (seeds[j, 1] + seeds[i, 1]) * dy + (seeds[j, 2] + seeds[i, 2]) * dz
            offset = 0.5 * (along - weights[j] + weights[i])
            if length == 0.0:
                # concentric: the larger weight has everything, on a tie the lower index
                if weights[j] > weights[i] or (weights[j] == weights[i] and j < i):
                    count = 0
            else:
                nx, ny, nz = dx / length, dy / length, dz / length
                count = _clip(nx, ny, nz, offset / length, j, slack, corners, sizes, owners, count, room, rim)
            if count < 0:
                return pairs[:0], lengths[:0], points[:0], i
            if count == 0:
                break
        for f in range(count):
            if n_faces == len(lengths):
                more, longer = np.empty((2 * n_faces, 2), np.int64), np.empty(2 * n_faces, np.int64)
                for g in range(n_faces):
                    more[g, 0], more[g, 1], longer[g] = pairs[g, 0], pairs[g, 1], lengths[g]
                pairs, lengths = more, longer
            if n_points + sizes[f] > len(points):
                wider = np.empty((2 * len(points) + sizes[f], 3))
                for g in range(n_points):
                    for c in range(3):
                        wider[g, c] = points[g, c]
                points = wider
            pairs[n_faces, 0], pairs[n_faces, 1] = i, owners[f]
            lengths[n_faces] = sizes[f]
            for k in range(sizes[f]):
                for c in range(3):
                    points[n_points + k, c] = corners[f, k, c]
            n_faces += 1
            n_points += sizes[f]
    return pairs[:n_faces], lengths[:n_faces], points[:n_points], -1
