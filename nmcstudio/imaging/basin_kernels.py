"""Basins of a field of heights in machine code: where a voxel flows to, what a basin is made of, where two of them meet."""

from __future__ import annotations

import numba
import numpy as np

BLOCK = 128  # voxels of a row that are passed over together where there is no material


@numba.njit(cache=True, nogil=True)
def _steeper(rise, step, best, goal):  # type: ignore[no-untyped-def]
    better = rise > best
    return rise if better else best, step if better else goal


@numba.njit(cache=True, nogil=True)
def _flow(before, same, after, y, start, weights, steps, first, parents):  # type: ignore[no-untyped-def]
    """Goals of a block of a row; `before`, `same` and `after` are planes of heights with a rim of one, `y` counts from it."""
    n = parents.size
    stop = start + n + 2
    a0, a1, a2 = before[y, start:stop], before[y + 1, start:stop], before[y + 2, start:stop]
    b0, b1, b2 = same[y, start:stop], same[y + 1, start:stop], same[y + 2, start:stop]
    c0, c1, c2 = after[y, start:stop], after[y + 1, start:stop], after[y + 2, start:stop]
    for i in range(n):
        h = b1[i + 1]
        best, goal = _steeper((a0[i] - h) * weights[0], steps[0], np.float32(0), steps[13])
        best, goal = _steeper((a0[i + 1] - h) * weights[1], steps[1], best, goal)
        best, goal = _steeper((a0[i + 2] - h) * weights[2], steps[2], best, goal)
        best, goal = _steeper((a1[i] - h) * weights[3], steps[3], best, goal)
        best, goal = _steeper((a1[i + 1] - h) * weights[4], steps[4], best, goal)
        best, goal = _steeper((a1[i + 2] - h) * weights[5], steps[5], best, goal)
        best, goal = _steeper((a2[i] - h) * weights[6], steps[6], best, goal)
        best, goal = _steeper((a2[i + 1] - h) * weights[7], steps[7], best, goal)
        best, goal = _steeper((a2[i + 2] - h) * weights[8], steps[8], best, goal)
        best, goal = _steeper((b0[i] - h) * weights[9], steps[9], best, goal)
        best, goal = _steeper((b0[i + 1] - h) * weights[10], steps[10], best, goal)
        best, goal = _steeper((b0[i + 2] - h) * weights[11], steps[11], best, goal)
        best, goal = _steeper((b1[i] - h) * weights[12], steps[12], best, goal)
        best, goal = _steeper((b1[i + 2] - h) * weights[14], steps[14], best, goal)
        best, goal = _steeper((b2[i] - h) * weights[15], steps[15], best, goal)
        best, goal = _steeper((b2[i + 1] - h) * weights[16], steps[16], best, goal)
        best, goal = _steeper((b2[i + 2] - h) * weights[17], steps[17], best, goal)
        best, goal = _steeper((c0[i] - h) * weights[18], steps[18], best, goal)
        best, goal = _steeper((c0[i + 1] - h) * weights[19], steps[19], best, goal)
        best, goal = _steeper((c0[i + 2] - h) * weights[20], steps[20], best, goal)
        best, goal = _steeper((c1[i] - h) * weights[21], steps[21], best, goal)
        best, goal = _steeper((c1[i + 1] - h) * weights[22], steps[22], best, goal)
        best, goal = _steeper((c1[i + 2] - h) * weights[23], steps[23], best, goal)
        best, goal = _steeper((c2[i] - h) * weights[24], steps[24], best, goal)
        best, goal = _steeper((c2[i + 1] - h) * weights[25], steps[25], best, goal)
        best, goal = _steeper((c2[i + 2] - h) * weights[26], steps[26], best, goal)
        parents[i] = first + i + goal if h > 0 else -1
    for i in range(n):
        if parents[i] == first + i:
            # The top of a hill, or a plateau: there the way leads on to a voxel behind that is as high.
            for k in range(14, 27):
                z, row, column = k // 9, y + (k // 3) % 3, start + i + k % 3
                if (same if z == 1 else after)[row, column] == b1[i + 1]:
                    parents[i] += steps[k]
                    break


@numba.njit(cache=True, nogil=True)
def _any(row):  # type: ignore[no-untyped-def]
    count = np.int32(0)
    for i in range(row.size):
        count += np.int32(row[i] > 0)
    return count > 0


@numba.njit(cache=True, nogil=True)
def point_uphill(codes, weights, steps, z_start, z_stop, y_start, y_stop, planes, parents):  # type: ignore[no-untyped-def]
    """Let every voxel point to its steepest higher neighbour of 26, to the next equal one behind it, or to itself.

    A rule of the 26 neighbours alone: a block with a rim of one voxel gives the same goals.

    Parameters
    ----------
    codes
        uint16 heights ``[z, y, x]``, 0 in the background (its parent is -1).
    weights
        float32 ``(27,)``, one over the distance to each neighbour in the order of z, y, x.
    steps
        ``(27,)`` of the type of `parents`, flat index of each neighbour relative to the voxel.
    z_start, z_stop, y_start, y_stop
        What is done in this call.
    planes
        Room for float32 ``(3, y_stop - y_start + 2, nx + 2)``, all 0.
    parents
        int32 or int64 ``[z, y, x]``, flat indices.
    """
    nz, ny, nx = codes.shape
    for z in range(z_start - 1, z_stop + 1):
        plane = planes[(z + 1) % 3]
        for y in range(y_start - 1, y_stop + 1):
            to = plane[y - y_start + 1, 1 : nx + 1]
            if 0 <= z < nz and 0 <= y < ny:
                row = codes[z, y]
                for x in range(nx):
                    to[x] = row[x]
            else:
                for x in range(nx):
                    to[x] = 0
        if z <= z_start:
            continue
        before, same, after = planes[(z - 1) % 3], planes[z % 3], planes[(z + 1) % 3]
        for y in range(y_start, y_stop):
            for start in range(0, nx, BLOCK):
                stop = min(start + BLOCK, nx)
                goals = parents[z - 1, y, start:stop]
                if _any(codes[z - 1, y, start:stop]):
                    first = steps.dtype.type(((z - 1) * ny + y) * nx + start)
                    _flow(before, same, after, y - y_start, start, weights, steps, first, goals)
                else:
                    for i in range(goals.size):
                        goals[i] = -1


@numba.njit(cache=True, nogil=True)
def find_pair(keys, key):  # type: ignore[no-untyped-def]
    """Place of a key in an open table whose length is a power of two; free places hold -1."""
    last = len(keys) - 1
    place = np.int64((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20)) & last
    while keys[place] != key and keys[place] != -1:
        place = (place + 1) & last
    return place


@numba.njit(cache=True, nogil=True)
def move(keys, necks, new_keys, new_necks):  # type: ignore[no-untyped-def]
    """Put all entries of a table into an empty one."""
    for i in range(len(keys)):
        if keys[i] != -1:
            place = find_pair(new_keys, keys[i])
            new_keys[place], new_necks[place] = keys[i], necks[i]


@numba.njit(cache=True, nogil=True)
def _meet(keys, necks, a, b, neck):  # type: ignore[no-untyped-def]
    """Raise the neck between two basins; 1 if the pair is new."""
    low, high = (a, b) if a < b else (b, a)
    key = (np.int64(low) << 32) | np.int64(high)
    place = find_pair(keys, key)
    if keys[place] == key:
        necks[place] = max(necks[place], neck)
        return 0
    keys[place], necks[place] = key, neck
    return 1


@numba.njit(cache=True, nogil=True)
def reaches_out(faces, shape, z, y, x):  # type: ignore[no-untyped-def]
    """Whether a voxel lies on a face of a volume of this shape, across an axis longer than one voxel, where material goes on.

    `faces` are the first and the last plane across z, y and x, bool.
    """
    return (
        (shape[0] > 1 and ((z == 0 and faces[0][y, x]) or (z == shape[0] - 1 and faces[1][y, x])))
        or (shape[1] > 1 and ((y == 0 and faces[2][z, x]) or (y == shape[1] - 1 and faces[3][z, x])))
        or (shape[2] > 1 and ((x == 0 and faces[4][z, y]) or (x == shape[2] - 1 and faces[5][z, y])))
    )


@numba.njit(cache=True, nogil=True)
def is_beside_unknown(observed, z, y, x):  # type: ignore[no-untyped-def]
    """Whether a voxel or a face neighbour of it was not observed."""
    nz, ny, nx = observed.shape
    return not (
        observed[z, y, x]
        and observed[max(z - 1, 0), y, x]
        and observed[min(z + 1, nz - 1), y, x]
        and observed[z, max(y - 1, 0), x]
        and observed[z, min(y + 1, ny - 1), x]
        and observed[z, y, max(x - 1, 0)]
        and observed[z, y, min(x + 1, nx - 1)]
    )


@numba.njit(cache=True, nogil=True)
def survey(basins, codes, observed, faces, row, stop, sizes, cut, keys, necks, used):  # type: ignore[no-untyped-def]
    """Count voxels, mark cut basins and collect necks, for rows (z ny + y) from `row` to `stop`.

    A neck is the largest height of a pair of face neighbours' lower one, over all pairs that two basins share. A basin is cut
    if it `reaches_out` or touches an unobserved voxel. Rows look one voxel back along each axis.

    Parameters
    ----------
    basins
        Integers ``[z, y, x]`` below 2**31, 0 is background.
    observed
        bool ``[z, y, x]``, of shape (1, 1, 1) if everything is.
    faces
        As in `reaches_out`.
    sizes, cut
        ``(n + 1,)``, added to.
    keys, necks
        Table of pairs (smaller basin times 2**32 plus the larger) and their necks; `used` of its places are taken.

    Returns
    -------
    row, used
        The row to go on with: it stops early when the table is half full.
    """
    nz, ny, nx = basins.shape
    limited = observed.size > 1
    while row < stop:
        if used * 2 + 6 * nx > len(keys):
            break
        z, y = row // ny, row % ny
        mine, heights = basins[z, y], codes[z, y]
        up, up_heights = basins[z, max(y - 1, 0)], codes[z, max(y - 1, 0)]
        back, back_heights = basins[max(z - 1, 0), y], codes[max(z - 1, 0), y]
        outer = z == 0 or z == nz - 1 or y == 0 or y == ny - 1
        left = 0
        for x in range(nx):
            label = mine[x]
            if label == 0:
                left = 0
                continue
            sizes[label] += 1
            if (outer or x == 0 or x == nx - 1) and reaches_out(faces, basins.shape, z, y, x):
                cut[label] = True
            elif limited:
                cut[label] |= is_beside_unknown(observed, z, y, x)
            if left != label and left != 0:
                used += _meet(keys, necks, label, left, min(heights[x], heights[x - 1]))
            if up[x] != label and up[x] != 0:
                used += _meet(keys, necks, label, up[x], min(heights[x], up_heights[x]))
            if back[x] != label and back[x] != 0:
                used += _meet(keys, necks, label, back[x], min(heights[x], back_heights[x]))
            left = label
        row += 1
    return row, used


@numba.njit(cache=True, nogil=True)
def paint(basins, lookup, labels):  # type: ignore[no-untyped-def]
    """``labels = lookup[basins]`` for a slab."""
    for z in range(basins.shape[0]):
        for y in range(basins.shape[1]):
            row, to = basins[z, y], labels[z, y]
            for x in range(len(row)):
                to[x] = lookup[row[x]]
