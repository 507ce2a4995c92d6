"""Compiled objectives of the tessellation fit: losses and gradients over training points, with a short candidate list a block."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from nmcstudio.grains.labelling_kernels import prune

CROSS_ENTROPY, BINARY_SUM, ROOT_ERROR = 0, 1, 2
SLOPE = 0.02
_FAR = 25.0  # scores further below the best one count as so far below: a probability of 1e-11
_CLIP = 1.0 - 1e-12
_C3, _C4, _C5, _C6, _C7 = 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040  # of the exponential series
_AT_ONCE = 128  # points whose scores are held together: they stay in the nearest cache
_SUMS = {"reassoc", "contract", "nsz"}  # sums may be vectorised; missing values keep their meaning


@njit(nogil=True, cache=True)
def near_faces(labels: NDArray[np.int32], reach: int, first: int, last: int, near: NDArray[np.uint8]) -> None:
    """Mark voxels of planes `first` to `last`: 2 within `reach` steps along an axis of another grain, 1 inside a grain, else 0.

    `labels` ``[z, y, x]`` has grain rows from 0 and -1 elsewhere.
    """
    nz, ny, nx = labels.shape
    for z in range(first, last):
        for y in range(ny):
            for x in range(nx):
                a = labels[z, y, x]
                if a < 0:
                    continue
                mark = 1
                for k in range(1, reach + 1):
                    if (
                        (x >= k and labels[z, y, x - k] != a and labels[z, y, x - k] >= 0)
                        or (x + k < nx and labels[z, y, x + k] != a and labels[z, y, x + k] >= 0)
                        or (y >= k and labels[z, y - k, x] != a and labels[z, y - k, x] >= 0)
                        or (y + k < ny and labels[z, y + k, x] != a and labels[z, y + k, x] >= 0)
                        or (z >= k and labels[z - k, y, x] != a and labels[z - k, y, x] >= 0)
                        or (z + k < nz and labels[z + k, y, x] != a and labels[z + k, y, x] >= 0)
                    ):
                        mark = 2
                        break
                near[z, y, x] = mark


@njit(nogil=True, cache=True)
def choose_of_region(
    kind: int,
    s: NDArray[np.float64],
    w: NDArray[np.float64],
    m: NDArray[np.float64],
    gap: float,
    region: int,
    region_boxes: NDArray[np.float64],
    group_boxes: NDArray[np.float64],
    block_boxes: NDArray[np.float64],
    regions: NDArray[np.int64],
    groups: NDArray[np.int64],
    starts: NDArray[np.int64],
    truth: NDArray[np.int32],
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Generators that may come within `gap` of the nearest one in each block of a region, and the labels that its points have.

    Boxes are ``(2, k, 3)``: centres and half edges. Returned are the number of generators of each block, and these.
    """
    n = len(w)
    first_group, last_group = regions[region], regions[region + 1]
    first, last = groups[first_group], groups[last_group]
    lengths = np.zeros(last - first, np.int64)
    found = np.empty(16 * (last - first) + n, np.int32)
    every = np.empty(n, np.int32)
    for i in range(n):
        every[i] = i
    wide, middle, kept, d = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n)
    seen = np.full(n, -1, np.int64)
    in_region = prune(kind, s, w, m, every, n, region_boxes[0, region], region_boxes[1, region], d, wide, gap)
    place = 0
    for group in range(first_group, last_group):
        in_group = prune(kind, s, w, m, wide, in_region, group_boxes[0, group], group_boxes[1, group], d, middle, gap)
        for b in range(groups[group], groups[group + 1]):
            count = prune(kind, s, w, m, middle, in_group, block_boxes[0, b], block_boxes[1, b], d, kept, gap)
            if place + in_group + starts[b + 1] - starts[b] > len(found):
                more = np.empty(2 * len(found) + n, np.int32)
                more[:place] = found[:place]
                found = more
            begin = place
            for a in range(count):
                found[place] = kept[a]
                seen[kept[a]] = b
                place += 1
            for p in range(starts[b], starts[b + 1]):
                if seen[truth[p]] != b:
                    seen[truth[p]] = b
                    found[place] = truth[p]
                    place += 1
            lengths[b - first] = place - begin
    return lengths, found[:place].copy()


@njit(nogil=True, cache=True, fastmath=_SUMS, error_model="numpy")
def _score(
    norm: bool,
    temperature: float,
    given: NDArray[np.float64],
    count: int,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    z: NDArray[np.float64],
    many: int,
    score: NDArray[np.float64],
) -> None:
    """Scores ``(count, many)`` of the generators `given` ``(count, terms)`` at `many` points.

    Polynomials: 1, x, y, z, xx, yy, zz, xy, xz, yz. Else the sqrt form (|L'(x - s)| - r) / -temperature of s (3), L as 00, 10,
    11, 20, 21, 22, and r.
    """
    for k in range(count):
        a0, a1, a2, a3 = given[k, 0], given[k, 1], given[k, 2], given[k, 3]
        if given.shape[1] == 4:
            for i in range(many):
                score[k, i] = a0 + a1 * x[i] + a2 * y[i] + a3 * z[i]
            continue
        a4, a5, a6 = given[k, 4], given[k, 5], given[k, 6]
        a7, a8, a9 = given[k, 7], given[k, 8], given[k, 9]
        if norm:
            for i in range(many):
                zx, zy, zz = x[i] - a0, y[i] - a1, z[i] - a2
                vx, vy, vz = a3 * zx + a4 * zy + a6 * zz, a5 * zy + a7 * zz, a8 * zz
                score[k, i] = (a9 - np.sqrt(vx * vx + vy * vy + vz * vz)) / temperature
        else:
            for i in range(many):
                px, py, pz = x[i], y[i], z[i]
                value = a0 + (a1 + a4 * px + a7 * py + a8 * pz) * px
                score[k, i] = value + (a2 + a5 * py + a9 * pz) * py + (a3 + a6 * pz) * pz


@njit(nogil=True, cache=True, fastmath=_SUMS, error_model="numpy")
def _soften(
    score: NDArray[np.float64],
    count: int,
    many: int,
    p: NDArray[np.float64],
    top: NDArray[np.float64],
    top_share: NDArray[np.float64],
) -> None:
    """Probabilities `p` ``(count, many)`` of the scores, largest score and probability of each point."""
    for i in range(many):
        top[i] = score[0, i]
        top_share[i] = 0.0
    for k in range(1, count):
        for i in range(many):
            top[i] = score[k, i] if score[k, i] > top[i] else top[i]
    for k in range(count):
        for i in range(many):
            e = score[k, i] - top[i]
            e = (e if e > -_FAR else -_FAR) * 0.015625
            # exp(e)^64 of a short series: within 1e-6 at the far end and 1e-12 where it matters, and without a branch
            series = _C4 + e * (_C5 + e * (_C6 + e * _C7))
            e = 1.0 + e * (1.0 + e * (0.5 + e * (_C3 + e * series)))
            e *= e
            e *= e
            e *= e
            e *= e
            e *= e
            e *= e
            p[k, i] = e
            top_share[i] += e
    for i in range(many):
        top_share[i] = 1.0 / top_share[i]
    for k in range(count):
        for i in range(many):
            p[k, i] *= top_share[i]


@njit(nogil=True, cache=True)
def _binary_slopes(p: NDArray[np.float64], count: int, i: int, right: int, log_right: float, slope: NDArray[np.float64]) -> float:
    """Loss of point i of the binary sum; its derivatives by the scores are left in ``slope[:, i]``."""
    # log p of the right label from the scores: stays finite where p itself is zero
    loss, mean = -log_right, -1.0
    for k in range(count):
        if k != right:
            q = min(p[k, i], _CLIP)
            loss -= np.log1p(-q)
            mean += p[k, i] / (1.0 - q)
    for k in range(count):
        # p g = -1 for the right label is put in by hand, so that nothing is divided by a p of zero
        g = -1.0 if k == right else p[k, i] / (1.0 - min(p[k, i], _CLIP))
        slope[k, i] = g - p[k, i] * mean
    return loss


@njit(nogil=True, cache=True, fastmath=_SUMS, error_model="numpy")
def _gather(
    norm: bool,
    temperature: float,
    given: NDArray[np.float64],
    count: int,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    z: NDArray[np.float64],
    many: int,
    slope: NDArray[np.float64],
    gradient: NDArray[np.float64],
) -> None:
    """Add the derivatives by the parameters to `gradient` ``(count, terms)``, from those by the scores ``(count, many)``."""
    for k in range(count):
        g0, g1, g2, g3, g4, g5, g6, g7, g8, g9 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        if given.shape[1] == 4:
            for i in range(many):
                g0 += slope[k, i]
                g1 += slope[k, i] * x[i]
                g2 += slope[k, i] * y[i]
                g3 += slope[k, i] * z[i]
        elif norm:
            s0, s1, s2, a3 = given[k, 0], given[k, 1], given[k, 2], given[k, 3]
            a4, a5, a6, a7, a8 = given[k, 4], given[k, 5], given[k, 6], given[k, 7], given[k, 8]
            for i in range(many):
                zx, zy, zz = x[i] - s0, y[i] - s1, z[i] - s2
                vx, vy, vz = a3 * zx + a4 * zy + a6 * zz, a5 * zy + a7 * zz, a8 * zz
                rho = np.sqrt(vx * vx + vy * vy + vz * vz)
                q = slope[k, i] / temperature / (rho if rho > 1e-6 else 1e-6)
                ux, uy, uz = q * vx, q * vy, q * vz
                g0 += a3 * ux
                g1 += a4 * ux + a5 * uy
                g2 += a6 * ux + a7 * uy + a8 * uz
                g3 -= zx * ux
                g4 -= zy * ux
                g5 -= zy * uy
                g6 -= zz * ux
                g7 -= zz * uy
                g8 -= zz * uz
                g9 += slope[k, i] / temperature
        else:
            for i in range(many):
                ex, ey, ez = slope[k, i] * x[i], slope[k, i] * y[i], slope[k, i] * z[i]
                g0 += slope[k, i]
                g1 += ex
                g2 += ey
                g3 += ez
                g4 += ex * x[i]
                g5 += ey * y[i]
                g6 += ez * z[i]
                g7 += ex * y[i]
                g8 += ex * z[i]
                g9 += ey * z[i]
        gradient[k, 0] += g0
        gradient[k, 1] += g1
        gradient[k, 2] += g2
        gradient[k, 3] += g3
        if given.shape[1] == 10:
            gradient[k, 4] += g4
            gradient[k, 5] += g5
            gradient[k, 6] += g6
            gradient[k, 7] += g7
            gradient[k, 8] += g8
            gradient[k, 9] += g9


@njit(nogil=True, cache=True)
def add_losses(
    objective: int,
    norm: bool,
    temperature: float,
    parameters: NDArray[np.float64],
    points: NDArray[np.float64],
    truth: NDArray[np.int32],
    masses: NDArray[np.float64],
    starts: NDArray[np.int64],
    pointers: NDArray[np.int64],
    candidates: NDArray[np.int32],
    first: int,
    last: int,
    gradient: NDArray[np.float64],
    right_mass: NDArray[np.float64],
) -> float:
    """Loss of blocks `first` to `last`; adds to `gradient` ``(n, terms)`` and to `right_mass` ``(n,)``.

    `parameters` ``(n, terms)`` and `temperature` as in `_score`; `points` ``(3, m)``. `right_mass` is the mass of the points of
    each grain whose own score is largest.
    """
    n, terms = parameters.shape
    most = 1
    for b in range(first, last):
        most = max(most, pointers[b + 1] - pointers[b])
    given, summed = np.empty((most, terms)), np.empty((most, terms))
    score, p = np.empty((most, _AT_ONCE)), np.empty((most, _AT_ONCE))
    top, top_share, own = np.empty(_AT_ONCE), np.empty(_AT_ONCE), np.empty(_AT_ONCE)
    place, right = np.empty(n, np.int32), np.empty(_AT_ONCE, np.int32)
    loss = 0.0
    for b in range(first, last):
        base, count = pointers[b], pointers[b + 1] - pointers[b]
        if count == 1:
            for i in range(starts[b], starts[b + 1]):
                right_mass[truth[i]] += masses[i]
            continue
        for k in range(count):
            place[candidates[base + k]] = k
            for f in range(terms):
                given[k, f] = parameters[candidates[base + k], f]
                summed[k, f] = 0.0
        for begin in range(starts[b], starts[b + 1], _AT_ONCE):
            many = min(_AT_ONCE, starts[b + 1] - begin)
            end = begin + many
            x, y, z, mass = points[0, begin:end], points[1, begin:end], points[2, begin:end], masses[begin:end]
            _score(norm, temperature, given, count, x, y, z, many, score)
            _soften(score, count, many, p, top, top_share)
            for i in range(many):
                grain = truth[begin + i]
                right[i] = place[grain]
                own[i] = score[right[i], i] - top[i]
                if own[i] == 0.0:
                    right_mass[grain] += mass[i]
            if objective == BINARY_SUM:
                for i in range(many):
                    loss += mass[i] * _binary_slopes(p, count, i, right[i], own[i] + np.log(top_share[i]), score)
                for k in range(count):
                    for i in range(many):
                        score[k, i] *= mass[i]
            else:
                for i in range(many):
                    if objective == CROSS_ENTROPY:
                        loss += mass[i] * (-np.log(top_share[i]) - own[i])
                        own[i] = mass[i]
                    else:
                        root = np.sqrt(p[right[i], i])
                        loss += 2.0 * mass[i] * (1.0 - root)
                        own[i] = mass[i] * root
                for k in range(count):
                    for i in range(many):
                        score[k, i] = own[i] * p[k, i]
                for i in range(many):
                    score[right[i], i] -= own[i]
            _gather(norm, temperature, given, count, x, y, z, many, score, summed)
        for k in range(count):
            for f in range(terms):
                gradient[candidates[base + k], f] += summed[k, f]
    return loss


@njit(nogil=True, cache=True, fastmath=_SUMS, error_model="numpy")
def add_curvature(
    norm: bool,
    temperature: float,
    parameters: NDArray[np.float64],
    centroids: NDArray[np.float64],
    radii: NDArray[np.float64],
    points: NDArray[np.float64],
    truth: NDArray[np.int32],
    masses: NDArray[np.float64],
    starts: NDArray[np.int64],
    pointers: NDArray[np.int64],
    candidates: NDArray[np.int32],
    first: int,
    last: int,
    out: NDArray[np.float64],
) -> None:
    """Add to ``out[i]`` ``(terms, terms)``, its lower half, the block of grain i of the cross-entropy's Hessian.

    That is the sum of mass p (1 - p) d d'; d is the derivative of the grain's score by its local parameters: (1, z / R,
    zz' / R^2), or that of the sqrt form.
    """
    n, terms = parameters.shape
    most = 1
    for b in range(first, last):
        most = max(most, pointers[b + 1] - pointers[b])
    given, place = np.empty((most, terms)), np.empty(n, np.int32)
    score, p = np.empty((most, _AT_ONCE)), np.empty((most, _AT_ONCE))
    top, top_share = np.empty(_AT_ONCE), np.empty(_AT_ONCE)
    d, weighted = np.ones((terms, _AT_ONCE)), np.empty(_AT_ONCE)
    for b in range(first, last):
        base, count = pointers[b], pointers[b + 1] - pointers[b]
        if count == 1:
            continue
        for k in range(count):
            place[candidates[base + k]] = k
            for f in range(terms):
                given[k, f] = parameters[candidates[base + k], f]
        for begin in range(starts[b], starts[b + 1], _AT_ONCE):
            many = min(_AT_ONCE, starts[b + 1] - begin)
            x, y, z = points[0, begin : begin + many], points[1, begin : begin + many], points[2, begin : begin + many]
            _score(norm, temperature, given, count, x, y, z, many, score)
            _soften(score, count, many, p, top, top_share)
            # where the loss is already straight (a point far on the wrong side) its slope stands in for the curvature
            for k in range(count):
                for i in range(many):
                    score[k, i] = masses[begin + i] * p[k, i] * (1.0 - p[k, i] + SLOPE)
            for i in range(many):
                k = place[truth[begin + i]]
                score[k, i] = masses[begin + i] * (1.0 - p[k, i]) * (p[k, i] + SLOPE)
            for k in range(count):
                c = candidates[base + k]
                r, weight = radii[c], score[k]
                sum_of = 0.0
                for i in range(many):
                    sum_of += weight[i]
                if sum_of < 1e-6 * masses[begin]:
                    continue
                if norm:
                    a = given[k]
                    for i in range(many):
                        zx, zy, zz = x[i] - a[0], y[i] - a[1], z[i] - a[2]
                        vx, vy, vz = a[3] * zx + a[4] * zy + a[6] * zz, a[5] * zy + a[7] * zz, a[8] * zz
                        rho = np.sqrt(vx * vx + vy * vy + vz * vz) + 1e-6
                        ux, uy, uz = vx / rho, vy / rho, vz / rho
                        d[0, i], d[1, i] = a[3] * ux, a[4] * ux + a[5] * uy
                        d[2, i] = a[6] * ux + a[7] * uy + a[8] * uz
                        d[3, i], d[4, i], d[5, i] = -zx * ux * a[3] / r, -zy * ux / r, -zy * uy * a[5] / r
                        d[6, i], d[7, i], d[8, i] = -zz * ux / r, -zz * uy / r, -zz * uz * a[8] / r
                        d[9, i] = 1.0
                else:
                    for i in range(many):
                        d[1, i], d[2, i] = (x[i] - centroids[c, 0]) / r, (y[i] - centroids[c, 1]) / r
                        d[3, i] = (z[i] - centroids[c, 2]) / r
                    if terms == 10:
                        for i in range(many):
                            d[4, i], d[5, i], d[6, i] = d[1, i] * d[1, i], d[2, i] * d[2, i], d[3, i] * d[3, i]
                            d[7, i], d[8, i], d[9, i] = d[1, i] * d[2, i], d[1, i] * d[3, i], d[2, i] * d[3, i]
                for f in range(terms):
                    left = d[f]
                    for i in range(many):
                        weighted[i] = weight[i] * left[i]
                    for e in range(f + 1):
                        right, product = d[e], 0.0
                        for i in range(many):
                            product += weighted[i] * right[i]
                        out[c, f, e] += product
