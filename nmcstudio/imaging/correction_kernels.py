"""Loops of the grey-value corrections. All of them work on a block whose voxels have known places in the volume."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def subtract_rings(block, zs, ys, xs, profiles, cy, cx):  # type: ignore[no-untyped-def]
    """Take the rings off a float32 block ``[z, y, x]`` in place; `zs`, `ys`, `xs` are its voxels' places in the volume."""
    last = profiles.shape[1] - 1
    for k in range(len(zs)):
        profile = profiles[zs[k]]
        for j in range(len(ys)):
            across = (ys[j] - cy) ** 2
            for i in range(len(xs)):
                r = np.sqrt(across + (xs[i] - cx) ** 2)
                low = min(int(r), last - 1)
                part = np.float32(r - low)
                block[k, j, i] -= profile[low] * (np.float32(1) - part) + profile[low + 1] * part


@numba.njit(cache=True, nogil=True)
def even_out(block, z, y, x, coefficients, multiplies):  # type: ignore[no-untyped-def]
    """Divide a float32 block ``[z, y, x]`` by a polynomial of the places `z`, `y`, `x`, or subtract it, in place."""
    nz, ny, nx = coefficients.shape
    line = np.empty(nx)
    for k in range(len(z)):
        for j in range(len(y)):
            for c in range(nx):
                total = 0.0
                for a in range(nz - 1, -1, -1):
                    row = 0.0
                    for b in range(ny - 1, -1, -1):
                        row = row * y[j] + coefficients[a, b, c]
                    total = total * z[k] + row
                line[c] = total
            for i in range(len(x)):
                field = 0.0
                for c in range(nx - 1, -1, -1):
                    field = field * x[i] + line[c]
                if multiplies:
                    block[k, j, i] = np.float32(block[k, j, i] / field)
                else:
                    block[k, j, i] = np.float32(block[k, j, i] - field)


@numba.njit(cache=True, nogil=True)
def median_of_cubes(block, rz, ry, rx, result):  # type: ignore[no-untyped-def]
    """Median over boxes of half widths `rz`, `ry`, `rx` of a float32 block; `result` is smaller by them on both sides.

    A row of results at a time: half of the values and two more are kept, the smallest and the largest of them fall out, the next
    one comes in, until one is left. Every step is a minimum and a maximum of whole rows.
    """
    nz, ny, nx = result.shape
    total = (2 * rz + 1) * (2 * ry + 1) * (2 * rx + 1)
    room = total // 2 + 2
    piece = 128
    rows = np.empty((room, piece), np.float32)
    for z in range(nz):
        for y in range(ny):
            for start in range(0, nx, piece):
                width = min(piece, nx - start)
                held, taken = 0, 0
                for dz in range(2 * rz + 1):
                    for dy in range(2 * ry + 1):
                        for dx in range(2 * rx + 1):
                            for i in range(width):
                                rows[held, i] = block[z + dz, y + dy, start + dx + i]
                            held += 1
                            taken += 1
                            if taken < min(room, total):
                                continue
                            # The smallest goes to row 0 and the largest to the last one; neither can be the median.
                            for a in range(held // 2):
                                _order(rows, a, held - 1 - a, width)
                            for a in range(1, (held + 1) // 2):
                                _order(rows, 0, a, width)
                            for a in range(held // 2, held - 1):
                                _order(rows, a, held - 1, width)
                            if taken < total:
                                for i in range(width):
                                    rows[0, i] = rows[held - 2, i]
                                held -= 2
                # What is left are the middle three, in order at the ends.
                for i in range(width):
                    result[z, y, start + i] = rows[held // 2, i]


@numba.njit(cache=True, nogil=True, inline="always")
def _order(rows, a, b, width):  # type: ignore[no-untyped-def]
    """Smaller values to row `a`, larger ones to row `b`."""
    if a == b:
        return
    for i in range(width):
        low, high = rows[a, i], rows[b, i]
        rows[a, i] = min(low, high)
        rows[b, i] = max(low, high)


@numba.njit(cache=True, nogil=True)
def average_alike(block, rz, ry, rx, pz, py, px, noise, strength, result):  # type: ignore[no-untyped-def]
    """Non-local means of a float32 block ``[z, y, x]``: voxels within `r` averaged by the likeness of the patches within `p`.

    `result` is smaller than `block` by ``r + p`` on every side. The weight is exp(-max(d2 - 2 noise^2, 0) / strength^2) with d2
    the mean squared difference of the patches, and 0 where that is below exp(-5), as in scikit-image.
    """
    nz, ny, nx = result.shape
    oz, oy, ox = rz + pz, ry + py, rx + px
    volume = np.float32((2 * pz + 1) * (2 * py + 1) * (2 * px + 1))
    over = np.float32(1 / (strength * strength) / volume)
    less = np.float32(2 * noise * noise) * volume
    sums = np.zeros((nz, ny, nx), np.float32)
    weights = np.zeros((nz, ny, nx), np.float32)
    squares = np.empty((ny + 2 * py, nx + 2 * px), np.float32)
    along = np.empty((ny + 2 * py, nx), np.float32)
    flat = np.empty((nz + 2 * pz, ny, nx), np.float32)
    for dz in range(-rz, rz + 1):
        for dy in range(-ry, ry + 1):
            for dx in range(-rx, rx + 1):
                for k in range(nz + 2 * pz):
                    for j in range(ny + 2 * py):
                        here = block[k + rz, j + ry]
                        there = block[k + rz + dz, j + ry + dy]
                        row = squares[j]
                        for i in range(nx + 2 * px):
                            gap = here[i + rx] - there[i + rx + dx]
                            row[i] = gap * gap
                        total = along[j]
                        for i in range(nx):
                            total[i] = row[i]
                        for step in range(1, 2 * px + 1):
                            for i in range(nx):
                                total[i] += row[i + step]
                    for j in range(ny):
                        total = flat[k, j]
                        for i in range(nx):
                            total[i] = along[j, i]
                        for step in range(1, 2 * py + 1):
                            more = along[j + step]
                            for i in range(nx):
                                total[i] += more[i]
                for k in range(nz):
                    for j in range(ny):
                        total = along[j]
                        for i in range(nx):
                            total[i] = flat[k, j, i]
                        for step in range(1, 2 * pz + 1):
                            more = flat[k + step, j]
                            for i in range(nx):
                                total[i] += more[i]
                        there = block[k + oz + dz, j + oy + dy]
                        sums_row, weights_row = sums[k, j], weights[k, j]
                        for i in range(nx):
                            t = max((total[i] - less) * over, np.float32(0))
                            # exp(-t) as the eighth power of a polynomial: right to 1e-5 for t up to 5.
                            u = np.float32(-0.125) * t
                            e = np.float32(1 / 120) + u * np.float32(1 / 720)
                            e = np.float32(1 / 24) + u * e
                            e = np.float32(1 / 6) + u * e
                            e = np.float32(0.5) + u * e
                            e = np.float32(1) + u * e
                            e = np.float32(1) + u * e
                            e = e * e
                            e = e * e
                            e = e * e
                            w = e if t <= np.float32(5) else np.float32(0)
                            weights_row[i] += w
                            sums_row[i] += w * there[i + ox + dx]
    for k in range(nz):
        for j in range(ny):
            for i in range(nx):
                result[k, j, i] = sums[k, j, i] / weights[k, j, i]
