"""Compiled labelling: distances of the three kinds and the pruning of generators that cannot win anywhere in a block."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

LAGUERRE, QUADRATIC, SQRT = 0, 1, 2
CODES = {"laguerre": LAGUERRE, "gbpd-quadratic": QUADRATIC, "gbpd-sqrt": SQRT}
EDGE = 8  # voxels of the smallest parts along each axis
AREA = EDGE * EDGE
_SLACK = 1e-11  # relative; keeps ties and rounding out of the pruning


@njit(nogil=True, cache=True, inline="always")
def _form(m: NDArray[np.float64], i: int | np.int64, dx: float, dy: float, dz: float) -> float:
    """(x - s)' M (x - s) with M as xx, xy, xz, yy, yz, zz."""
    cross = 2.0 * (m[i, 1] * dy + m[i, 2] * dz)
    rest = (m[i, 3] * dy + 2.0 * m[i, 4] * dz) * dy + m[i, 5] * dz * dz
    return (m[i, 0] * dx + cross) * dx + rest


@njit(nogil=True, cache=True)
def distance(
    kind: int,
    s: NDArray[np.float64],
    w: NDArray[np.float64],
    m: NDArray[np.float64],
    i: int | np.int64,
    x: float,
    y: float,
    z: float,
) -> float:
    """Distance of a point to generator i, as in models.md 6.1 and 6.2; the one definition that ties are judged by."""
    dx, dy, dz = x - s[i, 0], y - s[i, 1], z - s[i, 2]
    if kind == LAGUERRE:
        return dx * dx + (dy * dy + dz * dz) - w[i]
    if kind == QUADRATIC:
        return _form(m, i, dx, dy, dz) - w[i]
    return np.sqrt(max(_form(m, i, dx, dy, dz), 0.0)) - w[i]


@njit(nogil=True, cache=True)
def _terms(
    kind: int,
    s: NDArray[np.float64],
    w: NDArray[np.float64],
    m: NDArray[np.float64],
    i: int | np.int64,
    x: float,
    y: float,
    z: float,
) -> tuple[float, ...]:
    """What the pruning asks of generator i: M (x - s) at the centre of the block, M itself, the weight."""
    dx, dy, dz = x - s[i, 0], y - s[i, 1], z - s[i, 2]
    if kind == LAGUERRE:
        return dx, dy, dz, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, w[i]
    xx, xy, xz, yy, yz, zz = m[i, 0], m[i, 1], m[i, 2], m[i, 3], m[i, 4], m[i, 5]
    gx, gy, gz = xx * dx + xy * dy + xz * dz, xy * dx + yy * dy + yz * dz, xz * dx + yz * dy + zz * dz
    return gx, gy, gz, xx, xy, xz, yy, yz, zz, w[i]


@njit(nogil=True, cache=True)
def _falls_behind(
    kind: int, a: tuple[float, ...], b: tuple[float, ...], half: tuple[float, float, float], da: float, db: float, gap: float
) -> bool:
    """Whether generator b is nearer than a by more than `gap` in the whole block, from their `_terms` and distances.

    Numbers and tuples only: an array handed to a function has its references counted, which costs more than all of this.
    """
    hx, hy, hz = half
    ax, ay, az, axx, axy, axz, ayy, ayz, azz, wa = a
    bx, by, bz, bxx, bxy, bxz, byy, byz, bzz, wb = b
    lead = da - db - gap - _SLACK * (abs(da) + abs(db) + abs(wa) + abs(wb))
    # the linear part of the difference is smallest at a corner
    drop = 2.0 * (abs(ax - bx) * hx + abs(ay - by) * hy + abs(az - bz) * hz)
    if kind == LAGUERRE:
        return lead > drop
    if kind == QUADRATIC:
        # plus the smallest value of the quadratic remainder, entry by entry
        drop -= min(axx - bxx, 0.0) * hx * hx + min(ayy - byy, 0.0) * hy * hy + min(azz - bzz, 0.0) * hz * hz
        return lead > drop + 2.0 * (abs(axy - bxy) * hx * hy + abs(axz - bxz) * hx * hz + abs(ayz - byz) * hy * hz)
    # The norm is convex: it lies above its tangent at the centre (generator a) and, its square root being concave, below the
    # tangent plus |h|^2 / (2 |z|) (generator b); near a seed, where that is loose, the triangle inequality bounds instead.
    reach = bxx * hx * hx + byy * hy * hy + bzz * hz * hz
    reach += 2.0 * (abs(bxy) * hx * hy + abs(bxz) * hx * hz + abs(byz) * hy * hz)
    na, nb = 1.0 / max(da + wa, 1e-300), 1.0 / max(db + wb, 1e-300)
    tangent = abs(ax * na - bx * nb) * hx + abs(ay * na - by * nb) * hy + abs(az * na - bz * nb) * hz + 0.5 * reach * nb
    plain = (abs(ax) * hx + abs(ay) * hy + abs(az) * hz) * na + np.sqrt(reach)
    return lead > min(tangent, plain)


@njit(nogil=True, cache=True)
def beaten(
    kind: int,
    s: NDArray[np.float64],
    w: NDArray[np.float64],
    m: NDArray[np.float64],
    i: int,
    j: int,
    centre: NDArray[np.float64],
    half: NDArray[np.float64],
    di: float,
    dj: float,
    gap: float,
) -> bool:
    """Whether generator j is nearer than i by more than `gap` in the whole block; `di` and `dj` are those of its centre."""
    a = _terms(kind, s, w, m, i, centre[0], centre[1], centre[2])
    b = _terms(kind, s, w, m, j, centre[0], centre[1], centre[2])
    return _falls_behind(kind, a, b, (half[0], half[1], half[2]), di, dj, gap)


@njit(nogil=True, cache=True)
def prune(
    kind: int,
    s: NDArray[np.float64],
    w: NDArray[np.float64],
    m: NDArray[np.float64],
    given: NDArray[np.int32],
    count: int,
    centre: NDArray[np.float64],
    half: NDArray[np.float64],
    d: NDArray[np.float64],
    kept: NDArray[np.int32],
    gap: float,
) -> int:
    """Write those of the first `count` generators in `given` that may come within `gap` of the nearest one somewhere in the
    block to `kept`, in order; `d` is room for `count` values."""
    x, y, z = centre[0], centre[1], centre[2]
    best, least = 0, np.inf
    for a in range(count):
        d[a] = distance(kind, s, w, m, np.int64(given[a]), x, y, z)
        if d[a] < least:
            best, least = a, d[a]
    first = _terms(kind, s, w, m, np.int64(given[best]), x, y, z)
    reach = (half[0], half[1], half[2])
    number = 0
    for a in range(count):
        i = np.int64(given[a])
        if a == best or not _falls_behind(kind, _terms(kind, s, w, m, i, x, y, z), first, reach, d[a], least, gap):
            kept[number] = i
            number += 1
    return number


@njit(nogil=True, cache=True)
def _fill(
    kind: int,
    s: NDArray[np.float64],
    w: NDArray[np.float64],
    m: NDArray[np.float64],
    kept: NDArray[np.int32],
    count: int,
    part: NDArray[np.int64],
    spacing: NDArray[np.float64],
    origin: NDArray[np.float64],
    plane: NDArray[np.float64],
    out: NDArray[np.int32],
) -> None:
    """Nearest of the first `count` generators in `kept`, which ascends, for each voxel of ``part[0] <= (x, y, z) < part[1]``.

    A plane of `EDGE` times `EDGE` voxels, the largest there is if `count` is above 1, is compared with one generator after
    another without branches and with a fixed number of turns, so that the compiler makes vectors of it. `plane` holds, in one
    array so that they are known not to overlap: x, y, smallest distances, and labels as wide as these.
    """
    x_low, y_low = part[0, 0], part[0, 1]
    # unsigned, so that nothing looks for indices from the end
    x_first, y_first = np.uint64(x_low), np.uint64(y_low)
    x_wide, y_wide = np.uint64(part[1, 0] - x_low), np.uint64(part[1, 1] - y_low)
    if count == 1:
        only = kept[0]
        for iz in range(part[0, 2], part[1, 2]):
            for iy in range(y_wide):
                for ix in range(x_wide):
                    out[iz, y_first + iy, x_first + ix] = only
        return
    for iy in range(EDGE):
        for ix in range(EDGE):
            plane[EDGE * iy + ix] = origin[0] + (x_low + ix) * spacing[0]
            plane[AREA + EDGE * iy + ix] = origin[1] + (y_low + iy) * spacing[1]
    for iz in range(part[0, 2], part[1, 2]):
        z = origin[2] + iz * spacing[2]
        for p in range(2 * AREA, 3 * AREA):
            plane[p] = np.inf
        for a in range(count):
            i = np.int64(kept[a])
            name = np.float64(i)
            sx, sy, dz, weight = s[i, 0], s[i, 1], z - s[i, 2], w[i]
            if kind == LAGUERRE:
                far = dz * dz
                for p in range(AREA):
                    dx, dy = plane[p] - sx, plane[AREA + p] - sy
                    value = dx * dx + (dy * dy + far) - weight
                    before, held = plane[2 * AREA + p], plane[3 * AREA + p]
                    plane[2 * AREA + p] = value if value < before else before
                    plane[3 * AREA + p] = name if value < before else held
            else:
                xx, xy, xz = m[i, 0], m[i, 1], m[i, 2] * dz
                yy, yz, far = m[i, 3], 2.0 * m[i, 4] * dz, m[i, 5] * dz * dz
                for p in range(AREA):
                    dx, dy = plane[p] - sx, plane[AREA + p] - sy
                    value = (xx * dx + 2.0 * (xy * dy + xz)) * dx + ((yy * dy + yz) * dy + far)
                    value = value - weight if kind == QUADRATIC else np.sqrt(max(value, 0.0)) - weight
                    before, held = plane[2 * AREA + p], plane[3 * AREA + p]
                    plane[2 * AREA + p] = value if value < before else before
                    plane[3 * AREA + p] = name if value < before else held
        for iy in range(y_wide):
            label = np.uint64(3 * AREA) + np.uint64(EDGE) * iy
            for ix in range(x_wide):
                out[iz, y_first + iy, x_first + ix] = np.int32(plane[label + ix])


@njit(nogil=True, cache=True)
def label_block(
    kind: int,
    s: NDArray[np.float64],
    w: NDArray[np.float64],
    m: NDArray[np.float64],
    edges: NDArray[np.int64],
    block: NDArray[np.int64],
    spacing: NDArray[np.float64],
    origin: NDArray[np.float64],
    out: NDArray[np.int32],
) -> None:
    """Label the voxels ``block[0] <= (x, y, z) < block[1]`` of ``out[z, y, x]``.

    The block is cut into parts of at most ``edges[0]`` voxels along (x, y, z), these into parts of ``edges[1]`` and so on; each
    part passes on the generators that may be nearest somewhere in it, until one is left or its voxels are tried.
    """
    n, levels = len(w), len(edges)
    centre, half, d = np.empty(3), np.empty(3), np.empty(n)
    plane = np.zeros(4 * AREA)
    kept = np.empty((levels + 1, n), np.int32)
    parts = np.empty((levels + 1, 2, 3), np.int64)
    counts, done, number = np.zeros(levels + 1, np.int64), np.zeros(levels + 1, np.int64), np.zeros(levels + 1, np.int64)
    for i in range(n):
        kept[0, i] = i
    for k in range(3):
        parts[0, 0, k], parts[0, 1, k] = block[0, k], block[1, k]
    # one walk through all levels instead of nested loops: `prune` and `_fill` are compiled into it once, not once a level
    level, counts[0] = 0, n
    while level >= 0:
        if level == levels or counts[level] == 1:
            _fill(kind, s, w, m, kept[level], counts[level], parts[level], spacing, origin, plane, out)
            level -= 1
            continue
        if done[level] == 0:
            number[level] = 1
            for k in range(3):
                number[level] *= (parts[level, 1, k] - parts[level, 0, k] + edges[level, k] - 1) // edges[level, k]
        if done[level] == number[level]:
            done[level] = 0
            level -= 1
            continue
        which = done[level]
        done[level] += 1
        for k in range(3):
            step = edges[level, k]
            along = (parts[level, 1, k] - parts[level, 0, k] + step - 1) // step
            begin = parts[level, 0, k] + which % along * step
            which //= along
            end = min(begin + step, parts[level, 1, k])
            parts[level + 1, 0, k], parts[level + 1, 1, k] = begin, end
            half[k] = 0.5 * (end - 1 - begin) * spacing[k]
            centre[k] = origin[k] + begin * spacing[k] + half[k]
        counts[level + 1] = prune(kind, s, w, m, kept[level], counts[level], centre, half, d, kept[level + 1], 0.0)
        level += 1


@njit(nogil=True, cache=True)
def label_some(
    kind: int,
    s: NDArray[np.float64],
    w: NDArray[np.float64],
    m: NDArray[np.float64],
    points: NDArray[np.float64],
    out: NDArray[Any],
) -> None:
    """Nearest generator of each of a few points, by trying all."""
    for p in range(len(points)):
        best, label = np.inf, 0
        for i in range(len(w)):
            value = distance(kind, s, w, m, i, points[p, 0], points[p, 1], points[p, 2])
            if value < best:
                best, label = value, i
        out[p] = label
