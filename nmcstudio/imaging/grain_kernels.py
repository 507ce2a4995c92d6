"""Compiled loops of the clean-up of grains, of what lies between grains, and of their boundaries on a plane.

Those that work on a range of rows (row = z * ny + y) let their caller report and cancel in between.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from nmcstudio.imaging.orientation_kernels import half_cosine


@nb.njit(nogil=True, cache=True)
def replace_rows(
    quaternions: Any, ids: Any, changeable: Any, group: Any, cosine: float, turned: Any, found: Any, first: int, last: int
) -> int:
    """Give points that are unusable, or near to no face neighbour, the orientation on which most face neighbours agree.

    Parameters
    ----------
    quaternions, ids
        float32 ``[z, y, x, 4]``, uint32 ``[z, y, x]`` (0: unusable), before the pass.
    changeable
        bool ``[z, y, x]``, points that may be changed.
    turned, found
        The same after the pass; copies at the start.
    cosine
        Of half the largest disorientation of what agrees.

    Returns the number of points that changed.
    """
    nz, ny, nx = ids.shape
    z_of, y_of, x_of = np.empty(6, np.int64), np.empty(6, np.int64), np.empty(6, np.int64)
    changed = 0
    for row in range(first, last):
        z, y = row // ny, row % ny
        for x in range(nx):
            if not changeable[z, y, x]:
                continue
            places, around, alone = 0, 0, True
            for dz, dy, dx in ((-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1)):
                c, b, a = z + dz, y + dy, x + dx
                if c < 0 or b < 0 or a < 0 or c >= nz or b >= ny or a >= nx:
                    continue
                places += 1
                if ids[c, b, a] == 0:
                    continue
                z_of[around], y_of[around], x_of[around] = c, b, a
                around += 1
                if ids[z, y, x] == ids[c, b, a] and half_cosine(quaternions[z, y, x], quaternions[c, b, a], group) >= cosine:
                    alone = False
                    break
            if not alone or 2 * around <= places:
                continue
            best, most = 0, 0
            for i in range(around):
                agreeing = 0
                for j in range(around):
                    one, two = quaternions[z_of[i], y_of[i], x_of[i]], quaternions[z_of[j], y_of[j], x_of[j]]
                    if ids[z_of[i], y_of[i], x_of[i]] == ids[z_of[j], y_of[j], x_of[j]]:
                        agreeing += half_cosine(one, two, group) >= cosine
                if agreeing > most:
                    best, most = i, agreeing
            if 2 * most > places:
                found[z, y, x] = ids[z_of[best], y_of[best], x_of[best]]
                for k in range(4):
                    turned[z, y, x, k] = quaternions[z_of[best], y_of[best], x_of[best], k]
                changed += 1
    return changed


@nb.njit(nogil=True, cache=True)
def _stays_whole(block: Any, label: int) -> bool:
    """Whether the face neighbours with a label, at least one, hang together in the 3 x 3 x 3 block without its middle."""
    seen = np.zeros((3, 3, 3), np.bool_)
    stack = np.empty((27, 3), np.int64)
    size, starts = 0, 0
    for dz, dy, dx in ((0, 1, 1), (2, 1, 1), (1, 0, 1), (1, 2, 1), (1, 1, 0), (1, 1, 2)):
        if block[dz, dy, dx] != label or seen[dz, dy, dx]:
            continue
        starts += 1
        if starts > 1:
            return False
        seen[dz, dy, dx] = True
        stack[0, 0], stack[0, 1], stack[0, 2] = dz, dy, dx
        size = 1
        while size > 0:
            size -= 1
            c, b, a = stack[size, 0], stack[size, 1], stack[size, 2]
            for sz, sy, sx in ((-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1)):
                k, j, i = c + sz, b + sy, a + sx
                if k < 0 or j < 0 or i < 0 or k > 2 or j > 2 or i > 2 or (k == 1 and j == 1 and i == 1):
                    continue
                if block[k, j, i] == label and not seen[k, j, i]:
                    seen[k, j, i] = True
                    stack[size, 0], stack[size, 1], stack[size, 2] = k, j, i
                    size += 1
    return starts == 1


@nb.njit(nogil=True, cache=True)
def smooth_rows(before: Any, labels: Any, first: int, last: int) -> int:
    """Give labelled voxels the label that most of their 26 neighbours and themselves have, in place; returns how many changed.

    `before` is a copy of `labels` at the start of the pass: what most neighbours have is counted there, else a change would run
    along the rows. A voxel changes only if its grain stays in one piece around it as it stands and the other grain has one of
    its faces.
    """
    nz, ny, nx = labels.shape
    block = np.empty((3, 3, 3), np.int64)
    changed = 0
    for row in range(first, last):
        z, y = row // ny, row % ny
        for x in range(nx):
            own = before[z, y, x]
            if own == 0:
                continue
            near_other = False
            for dz, dy, dx in ((-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1)):
                c, b, a = z + dz, y + dy, x + dx
                if 0 <= c < nz and 0 <= b < ny and 0 <= a < nx and before[c, b, a] != 0 and before[c, b, a] != own:
                    near_other = True
            if not near_other:
                continue
            mine = 0
            for k in range(3):
                for j in range(3):
                    for i in range(3):
                        c, b, a = z + k - 1, y + j - 1, x + i - 1
                        inside = 0 <= c < nz and 0 <= b < ny and 0 <= a < nx
                        block[k, j, i] = before[c, b, a] if inside else 0
                        mine += block[k, j, i] == own
            best, most = np.int64(0), mine
            for dz, dy, dx in ((0, 1, 1), (2, 1, 1), (1, 0, 1), (1, 2, 1), (1, 1, 0), (1, 1, 2)):
                other = block[dz, dy, dx]
                if other == 0 or other == own:
                    continue
                if other == best:
                    continue
                count = 0
                for k in range(3):
                    for j in range(3):
                        for i in range(3):
                            count += block[k, j, i] == other
                if count > most:
                    best, most = other, count
            if best == 0:
                continue
            for k in range(3):
                for j in range(3):
                    for i in range(3):
                        c, b, a = z + k - 1, y + j - 1, x + i - 1
                        if 0 <= c < nz and 0 <= b < ny and 0 <= a < nx:
                            block[k, j, i] = labels[c, b, a]
            touches = block[0, 1, 1] == best or block[2, 1, 1] == best or block[1, 0, 1] == best
            touches |= block[1, 2, 1] == best or block[1, 1, 0] == best or block[1, 1, 2] == best
            if touches and _stays_whole(block, own):
                labels[z, y, x] = best
                changed += 1
    return changed


@nb.njit(nogil=True, cache=True)
def contact_faces(labels: Any, quaternions: Any, group: Any, first: int, last: int, keys: Any, cosines: Any) -> int:
    """Faces of the rows' voxels, with their neighbours before them, between different labels; returns their number.

    ``keys`` (int64, three per voxel) gets smaller label * 2^32 + larger label, ``cosines`` (float32) the cosine of half of the
    disorientation across the face.
    """
    ny, nx = labels.shape[1], labels.shape[2]
    size = 0
    for row in range(first, last):
        z, y = row // ny, row % ny
        for x in range(nx):
            own = np.int64(labels[z, y, x])
            if own == 0:
                continue
            for dz, dy, dx in ((0, 0, 1), (0, 1, 0), (1, 0, 0)):
                c, b, a = z - dz, y - dy, x - dx
                if c < 0 or b < 0 or a < 0:
                    continue
                other = np.int64(labels[c, b, a])
                if other == 0 or other == own:
                    continue
                keys[size] = (min(own, other) << 32) + max(own, other)
                cosines[size] = half_cosine(quaternions[z, y, x], quaternions[c, b, a], group)
                size += 1
    return size


@nb.njit(nogil=True, cache=True)
def plane_angles(quaternions: Any, ids: Any, group: Any, angles: Any) -> None:
    """Disorientation (radians) of each point of a plane with its right and its lower neighbour.

    Parameters
    ----------
    quaternions, ids
        float32 ``[a, b, 4]``, uint32 ``[a, b]``, 0 where there is no usable orientation.
    angles
        float32 ``[2, a, b]``: to the right, downwards; NaN where one of the two is not usable.
    """
    rows, columns = ids.shape
    for y in range(rows):
        for x in range(columns):
            for side in range(2):
                b, a = (y, x + 1) if side == 0 else (y + 1, x)
                if b >= rows or a >= columns or ids[y, x] == 0 or ids[b, a] == 0:
                    angles[side, y, x] = np.nan
                else:
                    angles[side, y, x] = 2 * np.arccos(min(1.0, half_cosine(quaternions[y, x], quaternions[b, a], group)))
