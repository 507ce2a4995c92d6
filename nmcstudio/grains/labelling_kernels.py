"""Compiled labelling: distances of the three kinds and the pruning of generators that cannot win anywhere in a block."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

LAGUERRE, QUADRATIC, SQRT = 0, 1, 2
CODES = {"laguerre": LAGUERRE, "gbpd-quadratic": QUADRATIC, "gbpd-sqrt": SQRT}
_EDGES = (64, 16, 8)  # voxels of the blocks, coarse to fine
_SLACK = 1e-11  # relative; keeps ties and rounding out of the pruning


@njit(nogil=True, cache=True, inline="always")
def _form(m: NDArray[np.float64], i: int, dx: float, dy: float, dz: float) -> float:
    """(x - s)' M (x - s) with M as xx, xy, xz, yy, yz, zz."""
    cross = 2.0 * (m[i, 1] * dy + m[i, 2] * dz)
    rest = (m[i, 3] * dy + 2.0 * m[i, 4] * dz) * dy + m[i, 5] * dz * dz
    return (m[i, 0] * dx + cross) * dx + rest


@njit(nogil=True, cache=True)
def distance(
    kind: int, s: NDArray[np.float64], w: NDArray[np.float64], m: NDArray[np.float64], i: int, x: float, y: float, z: float
) -> float:
    """Distance of a point to generator i, as in models.md 6.1 and 6.2; the one definition that ties are judged by."""
    dx, dy, dz = x - s[i, 0], y - s[i, 1], z - s[i, 2]
    if kind == LAGUERRE:
        return dx * dx + (dy * dy + dz * dz) - w[i]
    if kind == QUADRATIC:
        return _form(m, i, dx, dy, dz) - w[i]
    return np.sqrt(max(_form(m, i, dx, dy, dz), 0.0)) - w[i]


@njit(nogil=True, cache=True)
def _beaten(
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
    """Whether generator j is nearer than i by more than `gap` in the whole block."""
    slack = gap + _SLACK * (abs(di) + abs(dj) + abs(w[i]) + abs(w[j]))
    if kind == LAGUERRE:
        # the difference is affine: its smallest value stands at a corner
        drop = 0.0
        for k in range(3):
            drop += 2.0 * abs(s[i, k] - s[j, k]) * half[k]
        return di - dj - drop > slack
    ax, ay, az = centre[0] - s[i, 0], centre[1] - s[i, 1], centre[2] - s[i, 2]
    bx, by, bz = centre[0] - s[j, 0], centre[1] - s[j, 1], centre[2] - s[j, 2]
    gix = m[i, 0] * ax + m[i, 1] * ay + m[i, 2] * az
    giy = m[i, 1] * ax + m[i, 3] * ay + m[i, 4] * az
    giz = m[i, 2] * ax + m[i, 4] * ay + m[i, 5] * az
    gjx = m[j, 0] * bx + m[j, 1] * by + m[j, 2] * bz
    gjy = m[j, 1] * bx + m[j, 3] * by + m[j, 4] * bz
    gjz = m[j, 2] * bx + m[j, 4] * by + m[j, 5] * bz
    hx, hy, hz = half[0], half[1], half[2]
    if kind == QUADRATIC:
        # gradient term at the worst corner, plus the smallest value of the quadratic remainder entry by entry
        drop = 2.0 * (abs(gix - gjx) * hx + abs(giy - gjy) * hy + abs(giz - gjz) * hz)
        drop -= min(m[i, 0] - m[j, 0], 0.0) * hx * hx + min(m[i, 3] - m[j, 3], 0.0) * hy * hy
        drop -= min(m[i, 5] - m[j, 5], 0.0) * hz * hz
        drop += 2.0 * abs(m[i, 1] - m[j, 1]) * hx * hy + 2.0 * abs(m[i, 2] - m[j, 2]) * hx * hz
        drop += 2.0 * abs(m[i, 4] - m[j, 4]) * hy * hz
        return di - dj - drop > slack
    # The norm is convex: it lies above its tangent at the centre (generator i) and, its square root being concave, below the
    # tangent plus |h|^2 / (2 |z|) (generator j); near a seed, where that is loose, the triangle inequality bounds instead.
    reach = m[j, 0] * hx * hx + m[j, 3] * hy * hy + m[j, 5] * hz * hz
    reach += 2.0 * (abs(m[j, 1]) * hx * hy + abs(m[j, 2]) * hx * hz + abs(m[j, 4]) * hy * hz)
    ni, nj = max(di + w[i], 1e-300), max(dj + w[j], 1e-300)
    tangent = abs(gix / ni - gjx / nj) * hx + abs(giy / ni - gjy / nj) * hy + abs(giz / ni - gjz / nj) * hz + 0.5 * reach / nj
    plain = (abs(gix) * hx + abs(giy) * hy + abs(giz) * hz) / ni + np.sqrt(reach)
    return di - dj - min(tangent, plain) > slack


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
    best = 0
    for a in range(count):
        d[a] = distance(kind, s, w, m, given[a], centre[0], centre[1], centre[2])
        if d[a] < d[best]:
            best = a
    number = 0
    for a in range(count):
        if a == best or not _beaten(kind, s, w, m, given[a], given[best], centre, half, d[a], d[best], gap):
            kept[number] = given[a]
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
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    spacing: NDArray[np.float64],
    origin: NDArray[np.float64],
    out: NDArray[np.int32],
) -> None:
    """Nearest of `count` generators for each voxel of a block; ranges are (x, y, z), `kept` ascends."""
    if count == 1:
        out[low[2] : high[2], low[1] : high[1], low[0] : high[0]] = kept[0]
        return
    width = high[0] - low[0]
    best = np.empty(width)
    label = np.empty(width, np.int32)
    xs = np.empty(width)
    for ix in range(width):
        xs[ix] = origin[0] + (low[0] + ix) * spacing[0]
    for iz in range(low[2], high[2]):
        z = origin[2] + iz * spacing[2]
        for iy in range(low[1], high[1]):
            y = origin[1] + iy * spacing[1]
            best[:] = np.inf
            label[:] = kept[0]
            for a in range(count):
                i = kept[a]
                dy, dz = y - s[i, 1], z - s[i, 2]
                if kind == LAGUERRE:
                    rest = dy * dy + dz * dz
                    for ix in range(width):
                        dx = xs[ix] - s[i, 0]
                        value = dx * dx + rest - w[i]
                        if value < best[ix]:
                            best[ix] = value
                            label[ix] = i
                else:
                    cross = 2.0 * (m[i, 1] * dy + m[i, 2] * dz)
                    rest = (m[i, 3] * dy + 2.0 * m[i, 4] * dz) * dy + m[i, 5] * dz * dz
                    for ix in range(width):
                        dx = xs[ix] - s[i, 0]
                        value = (m[i, 0] * dx + cross) * dx + rest
                        value = value - w[i] if kind == QUADRATIC else np.sqrt(max(value, 0.0)) - w[i]
                        if value < best[ix]:
                            best[ix] = value
                            label[ix] = i
            out[iz, iy, low[0] : high[0]] = label


@njit(nogil=True, cache=True)
def _box(
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    spacing: NDArray[np.float64],
    origin: NDArray[np.float64],
    centre: NDArray[np.float64],
    half: NDArray[np.float64],
) -> None:
    for k in range(3):
        half[k] = 0.5 * (high[k] - 1 - low[k]) * spacing[k]
        centre[k] = origin[k] + low[k] * spacing[k] + half[k]


@njit(nogil=True, cache=True)
def label_block(
    kind: int,
    s: NDArray[np.float64],
    w: NDArray[np.float64],
    m: NDArray[np.float64],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    spacing: NDArray[np.float64],
    origin: NDArray[np.float64],
    out: NDArray[np.int32],
) -> None:
    """Label the voxels ``low <= (x, y, z) < high`` of ``out[z, y, x]``."""
    n = len(w)
    centre, half, d = np.empty(3), np.empty(3), np.empty(n)
    every = np.arange(n).astype(np.int32)
    coarse, middle, fine = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    a_low, a_high = np.empty(3, np.int64), np.empty(3, np.int64)
    b_low, b_high = np.empty(3, np.int64), np.empty(3, np.int64)
    _box(low, high, spacing, origin, centre, half)
    n_coarse = prune(kind, s, w, m, every, n, centre, half, d, coarse, 0.0)
    step, small = _EDGES[1], _EDGES[2]
    for az in range(low[2], high[2], step):
        a_low[2], a_high[2] = az, min(az + step, high[2])
        for ay in range(low[1], high[1], step):
            a_low[1], a_high[1] = ay, min(ay + step, high[1])
            for ax in range(low[0], high[0], step):
                a_low[0], a_high[0] = ax, min(ax + step, high[0])
                _box(a_low, a_high, spacing, origin, centre, half)
                n_middle = prune(kind, s, w, m, coarse, n_coarse, centre, half, d, middle, 0.0)
                if n_middle == 1:
                    _fill(kind, s, w, m, middle, 1, a_low, a_high, spacing, origin, out)
                    continue
                for bz in range(a_low[2], a_high[2], small):
                    b_low[2], b_high[2] = bz, min(bz + small, a_high[2])
                    for by in range(a_low[1], a_high[1], small):
                        b_low[1], b_high[1] = by, min(by + small, a_high[1])
                        for bx in range(a_low[0], a_high[0], small):
                            b_low[0], b_high[0] = bx, min(bx + small, a_high[0])
                            _box(b_low, b_high, spacing, origin, centre, half)
                            n_fine = prune(kind, s, w, m, middle, n_middle, centre, half, d, fine, 0.0)
                            _fill(kind, s, w, m, fine, n_fine, b_low, b_high, spacing, origin, out)


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
