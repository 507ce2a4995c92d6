"""Loops of ring removal over one slice."""

from __future__ import annotations

import numba
import numpy as np

MOST_DIRECTIONS = 1200  # the standard error of a ring is then 4 % of the noise's deviation


@numba.njit(cache=True, nogil=True)
def ring_means(plane, known, cy, cx, reach, length):  # type: ignore[no-untyped-def]
    """Middle mean over the calm directions of a slice minus its running mean along the radius; with its standard error.

    `plane` is float32 ``[y, x]``; `known` bool of the same shape, or ``(1, 1)``; the running mean takes `reach` radii on both
    sides. Calm are the directions that vary less than twice as much (in variance) as the calmest third does at that radius: no
    surface of a particle is near, while a ring varies in all of them alike. The middle mean is that of the half between the
    quartiles. Returns float64 ``(length,)`` each, NaN and 0 where fewer than 24 directions see the radius.
    """
    ny, nx = plane.shape
    everything = known.shape[0] == 1 and ny > 1
    directions = min(MOST_DIRECTIONS, int(np.pi * length) + 24)
    rest = np.full((length, directions), np.nan, np.float32)
    unrest = np.empty((length, directions), np.float32)
    line = np.empty(length)
    there = np.empty(length, np.bool_)
    sums = np.empty(length + 1)
    squares = np.empty(length + 1)
    counts = np.empty(length + 1, np.int64)
    for t in range(directions):
        angle = 2 * np.pi * t / directions
        sy, sx = np.sin(angle), np.cos(angle)
        for r in range(length):
            y, x = cy + r * sy, cx + r * sx
            i, j = int(np.floor(y)), int(np.floor(x))
            there[r] = 0 <= i < ny - 1 and 0 <= j < nx - 1
            line[r] = 0.0
            if there[r] and not everything:
                there[r] = known[i, j] and known[i + 1, j] and known[i, j + 1] and known[i + 1, j + 1]
            if there[r]:
                v, u = y - i, x - j
                top = plane[i, j] * (1 - u) + plane[i, j + 1] * u
                low = plane[i + 1, j] * (1 - u) + plane[i + 1, j + 1] * u
                line[r] = top * (1 - v) + low * v
        sums[0], squares[0], counts[0] = 0.0, 0.0, 0
        for r in range(length):
            sums[r + 1] = sums[r] + line[r]
            squares[r + 1] = squares[r] + line[r] ** 2
            counts[r + 1] = counts[r] + there[r]
        # Near the axis neighbouring directions see the same voxels: as many are used as there are voxels.
        for r in range(length):
            if there[r]:
                a, b = max(0, r - reach), min(length, r + reach + 1)
                number = counts[b] - counts[a]
                if number > reach:
                    level = (sums[b] - sums[a]) / number
                    rest[r, t] = line[r] - level
                    unrest[r, t] = (squares[b] - squares[a]) / number - level * level
    mean = np.full(length, np.nan)
    error = np.zeros(length)
    kept = np.empty(directions, np.float32)
    waves = np.empty(directions, np.float32)
    for r in range(length):
        number = 0
        stride = max(1, int(directions / (2 * np.pi * max(r, 1))))
        for t in range(0, directions, stride):
            if not np.isnan(rest[r, t]):
                waves[number] = unrest[r, t]
                kept[number] = rest[r, t]
                number += 1
        if number < 24:
            continue
        limit = 2 * np.partition(waves[:number], number // 3)[number // 3]
        calm = 0
        for t in range(number):
            if waves[t] <= limit:
                kept[calm] = kept[t]
                calm += 1
        number = calm
        part = np.partition(kept[:number], (number // 4, number - 1 - number // 4))
        low, high = part[number // 4], part[number - 1 - number // 4]
        middle = part[number // 4 : number - number // 4]
        mean[r] = middle.mean()
        # Normal law: the middle mean has 1.09 times the standard error of the mean; the quartiles lie 1.349 sigma apart.
        error[r] = 1.09 * (high - low) / 1.349 / np.sqrt(number)
    return mean, error


@numba.njit(cache=True, nogil=True)
def ring_energy(stack, cy, cx, farthest):  # type: ignore[no-untyped-def]
    """Sum over slices and rings of (sum of the values on a ring)^2 / their number, from a third of a radius up to it."""
    count, ny, nx = stack.shape
    sums = np.zeros((count, farthest + 1))
    numbers = np.zeros(farthest + 1)
    for y in range(max(0, int(cy - farthest)), min(ny, int(cy + farthest) + 1)):
        for x in range(max(0, int(cx - farthest)), min(nx, int(cx + farthest) + 1)):
            r = int(np.sqrt((y - cy) ** 2 + (x - cx) ** 2) + 0.5)
            if r <= farthest:
                numbers[r] += 1
                for k in range(count):
                    sums[k, r] += stack[k, y, x]
    total = 0.0
    for r in range(farthest // 3, farthest + 1):
        if numbers[r] > 0:
            for k in range(count):
                total += sums[k, r] ** 2 / numbers[r]
    return total
