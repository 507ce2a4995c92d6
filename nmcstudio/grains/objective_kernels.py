"""Compiled objectives of the tessellation fit: losses and gradients over training points, with a short candidate list a block."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from nmcstudio.grains.labelling_kernels import prune

CROSS_ENTROPY, BINARY_SUM, EXPECTED_ERROR = 0, 1, 2
SLOPE = 0.02
_FAR = 25.0  # scores this far below the best one have no weight
_CLIP = 1.0 - 1e-12


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
def candidates_of_blocks(
    kind: int,
    s: NDArray[np.float64],
    w: NDArray[np.float64],
    m: NDArray[np.float64],
    gap: float,
    centres: NDArray[np.float64],
    halves: NDArray[np.float64],
    starts: NDArray[np.int64],
    truth: NDArray[np.int32],
    given: NDArray[np.int32],
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Generators that may come within `gap` of the nearest one in each block, and the labels that its points have.

    Blocks ``(b, 3)`` hold the points ``starts[b]`` to ``starts[b + 1]``; returned are offsets ``(b + 1,)`` and generators.
    """
    n, blocks = len(w), len(centres)
    pointers = np.zeros(blocks + 1, np.int64)
    found = np.empty(16 * blocks + n, np.int32)
    kept, d = np.empty(n, np.int32), np.empty(n)
    seen = np.full(n, -1, np.int64)
    for b in range(blocks):
        count = prune(kind, s, w, m, given, len(given), centres[b], halves[b], d, kept, gap)
        place = pointers[b]
        if place + n > len(found):
            more = np.empty(2 * len(found) + n, np.int32)
            more[:place] = found[:place]
            found = more
        for a in range(count):
            found[place] = kept[a]
            seen[kept[a]] = b
            place += 1
        for p in range(starts[b], starts[b + 1]):
            if seen[truth[p]] != b:
                seen[truth[p]] = b
                found[place] = truth[p]
                place += 1
        pointers[b + 1] = place
    return pointers, found[: pointers[blocks]].copy()


@njit(nogil=True, cache=True)
def _slopes(objective: int, score: NDArray[np.float64], p: NDArray[np.float64], count: int, right: int) -> float:
    """Loss of one point; its derivatives by the scores are left in `score`, the probabilities in `p`."""
    top = score[0]
    for k in range(1, count):
        top = max(top, score[k])
    total = 0.0
    for k in range(count):
        gap = score[k] - top
        p[k] = np.exp(gap) if gap > -_FAR else 0.0
        total += p[k]
    own = score[right] - top
    for k in range(count):
        p[k] /= total
    if objective == CROSS_ENTROPY:
        for k in range(count):
            score[k] = p[k]
        score[right] -= 1.0
        return np.log(total) - own
    if objective == EXPECTED_ERROR:
        for k in range(count):
            score[k] = p[right] * p[k]
        score[right] -= p[right]
        return 1.0 - p[right]
    loss, mean = 0.0, 0.0
    for k in range(count):
        q = min(p[k], _CLIP)
        if k == right:
            # log p from the scores: stays finite where p itself is zero
            loss -= own - np.log(total)
            mean -= 1.0
        else:
            loss -= np.log1p(-q)
            score[k] = 1.0 / (1.0 - q)
            mean += p[k] * score[k]
    # p g = -1 for the right label is put in by hand, so that nothing is divided by a p of zero
    for k in range(count):
        if k == right:
            score[k] = -1.0 - p[k] * mean
        else:
            score[k] = p[k] * (score[k] - mean)
    return loss


@njit(nogil=True, cache=True)
def polynomial_loss(
    objective: int,
    coefficients: NDArray[np.float64],
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
    """Loss of blocks `first` to `last` for scores that are polynomials of x; adds to `gradient` and to `right_mass`.

    `coefficients`, `gradient` ``(n, 4 or 10)``: 1, x, y, z, xx, yy, zz, xy, xz, yz. `right_mass` ``(n,)``: mass of the points
    of each grain whose own score is largest.
    """
    terms = coefficients.shape[1]
    most = 1
    for b in range(first, last):
        most = max(most, pointers[b + 1] - pointers[b])
    a, g = np.empty((terms, most)), np.empty((terms, most))
    score, p, phi = np.empty(most), np.empty(most), np.ones(terms)
    loss = 0.0
    for b in range(first, last):
        base, count = pointers[b], pointers[b + 1] - pointers[b]
        for k in range(count):
            for f in range(terms):
                a[f, k] = coefficients[candidates[base + k], f]
                g[f, k] = 0.0
        for i in range(starts[b], starts[b + 1]):
            x, y, z = points[i, 0], points[i, 1], points[i, 2]
            phi[1], phi[2], phi[3] = x, y, z
            if terms == 4:
                for k in range(count):
                    score[k] = a[0, k] + a[1, k] * x + a[2, k] * y + a[3, k] * z
            else:
                phi[4], phi[5], phi[6], phi[7], phi[8], phi[9] = x * x, y * y, z * z, x * y, x * z, y * z
                for k in range(count):
                    value = a[0, k] + a[1, k] * x + a[2, k] * y + a[3, k] * z + a[4, k] * phi[4] + a[5, k] * phi[5]
                    score[k] = value + a[6, k] * phi[6] + a[7, k] * phi[7] + a[8, k] * phi[8] + a[9, k] * phi[9]
            right, best = 0, 0
            for k in range(count):
                if candidates[base + k] == truth[i]:
                    right = k
                if score[k] > score[best]:
                    best = k
            if best == right:
                right_mass[truth[i]] += masses[i]
            loss += masses[i] * _slopes(objective, score, p, count, right)
            for k in range(count):
                e = score[k] * masses[i]
                if abs(e) > 1e-10:
                    for f in range(terms):
                        g[f, k] += e * phi[f]
        for k in range(count):
            for f in range(terms):
                gradient[candidates[base + k], f] += g[f, k]
    return loss


@njit(nogil=True, cache=True)
def norm_loss(
    objective: int,
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
    """As `polynomial_loss` for the sqrt form: score = -(|L'(x - s)| - r) / temperature.

    `parameters`, `gradient` ``(n, 10)``: s (3), L as 00, 10, 11, 20, 21, 22, r.
    """
    most = 1
    for b in range(first, last):
        most = max(most, pointers[b + 1] - pointers[b])
    score, p, rho = np.empty(most), np.empty(most), np.empty(most)
    v = np.empty((3, most))
    loss = 0.0
    for b in range(first, last):
        base, count = pointers[b], pointers[b + 1] - pointers[b]
        for i in range(starts[b], starts[b + 1]):
            right, best = 0, 0
            for k in range(count):
                t = parameters[candidates[base + k]]
                zx, zy, zz = points[i, 0] - t[0], points[i, 1] - t[1], points[i, 2] - t[2]
                v[0, k] = t[3] * zx + t[4] * zy + t[6] * zz
                v[1, k] = t[5] * zy + t[7] * zz
                v[2, k] = t[8] * zz
                rho[k] = max(np.sqrt(v[0, k] ** 2 + v[1, k] ** 2 + v[2, k] ** 2), 1e-6)
                score[k] = (t[9] - rho[k]) / temperature
                if candidates[base + k] == truth[i]:
                    right = k
                if score[k] > score[best]:
                    best = k
            if best == right:
                right_mass[truth[i]] += masses[i]
            loss += masses[i] * _slopes(objective, score, p, count, right)
            for k in range(count):
                e = score[k] * masses[i] / temperature
                if abs(e) <= 1e-10:
                    continue
                c = candidates[base + k]
                t = parameters[c]
                zx, zy, zz = points[i, 0] - t[0], points[i, 1] - t[1], points[i, 2] - t[2]
                ux, uy, uz = v[0, k] / rho[k], v[1, k] / rho[k], v[2, k] / rho[k]
                gradient[c, 0] += e * t[3] * ux
                gradient[c, 1] += e * (t[4] * ux + t[5] * uy)
                gradient[c, 2] += e * (t[6] * ux + t[7] * uy + t[8] * uz)
                gradient[c, 3] -= e * zx * ux
                gradient[c, 4] -= e * zy * ux
                gradient[c, 5] -= e * zy * uy
                gradient[c, 6] -= e * zz * ux
                gradient[c, 7] -= e * zz * uy
                gradient[c, 8] -= e * zz * uz
                gradient[c, 9] += e
    return loss


@njit(nogil=True, cache=True)
def curvature_blocks(
    squares: bool,
    temperature: float,
    coefficients: NDArray[np.float64],
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
    """Add to ``out[i]`` the block of grain i of the cross-entropy's Hessian: sum of mass p (1 - p) d d'.

    d is the derivative of the grain's score by its local parameters: (1, z / R, zz' / R^2) where `squares` or four terms are
    asked for, else that of the sqrt form, whose scores and `coefficients` are those of `norm_loss`. The number of terms is
    that of `out` ``(n, terms, terms)``.
    """
    terms = out.shape[1]
    norm = terms == 10 and not squares
    most = 1
    for b in range(first, last):
        most = max(most, pointers[b + 1] - pointers[b])
    score, d = np.empty(most), np.ones(terms)
    for b in range(first, last):
        base, count = pointers[b], pointers[b + 1] - pointers[b]
        if count == 1:
            continue
        for i in range(starts[b], starts[b + 1]):
            x, y, z = points[i, 0], points[i, 1], points[i, 2]
            top = -np.inf
            for k in range(count):
                a = coefficients[candidates[base + k]]
                if norm:
                    zx, zy, zz = x - a[0], y - a[1], z - a[2]
                    vx, vy, vz = a[3] * zx + a[4] * zy + a[6] * zz, a[5] * zy + a[7] * zz, a[8] * zz
                    value = (a[9] - np.sqrt(vx * vx + vy * vy + vz * vz)) / temperature
                else:
                    value = a[0] + a[1] * x + a[2] * y + a[3] * z
                    if terms == 10:
                        value += a[4] * x * x + a[5] * y * y + a[6] * z * z + a[7] * x * y + a[8] * x * z + a[9] * y * z
                score[k] = value
                top = max(top, value)
            total = 0.0
            for k in range(count):
                score[k] = np.exp(max(score[k] - top, -700.0))
                total += score[k]
            for k in range(count):
                p = score[k] / total
                c = candidates[base + k]
                slope = 1.0 - p if c == truth[i] else p
                # where the loss is already straight (a point far on the wrong side) its slope stands in for the curvature
                mass = masses[i] * (p * (1.0 - p) + SLOPE * slope)
                if slope < 1e-3:
                    continue
                if norm:
                    a, r = coefficients[c], radii[c]
                    zx, zy, zz = x - a[0], y - a[1], z - a[2]
                    vx, vy, vz = a[3] * zx + a[4] * zy + a[6] * zz, a[5] * zy + a[7] * zz, a[8] * zz
                    rho = max(np.sqrt(vx * vx + vy * vy + vz * vz), 1e-6)
                    ux, uy, uz = vx / rho, vy / rho, vz / rho
                    d[0], d[1], d[2] = a[3] * ux, a[4] * ux + a[5] * uy, a[6] * ux + a[7] * uy + a[8] * uz
                    d[3], d[4], d[5] = -zx * ux * a[3] / r, -zy * ux / r, -zy * uy * a[5] / r
                    d[6], d[7], d[8], d[9] = -zz * ux / r, -zz * uy / r, -zz * uz * a[8] / r, 1.0
                else:
                    r = radii[c]
                    zx, zy, zz = (x - centroids[c, 0]) / r, (y - centroids[c, 1]) / r, (z - centroids[c, 2]) / r
                    d[1], d[2], d[3] = zx, zy, zz
                    if terms == 10:
                        d[4], d[5], d[6], d[7], d[8], d[9] = zx * zx, zy * zy, zz * zz, zx * zy, zx * zz, zy * zz
                for f in range(terms):
                    for e in range(f + 1):
                        out[c, f, e] += mass * d[f] * d[e]
