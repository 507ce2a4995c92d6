"""Gaussian filter in machine code: sums of shifted rows, which the compiler turns into vector instructions."""

from __future__ import annotations

import numba
import numpy as np

# A product and a sum may be rounded once instead of twice; nothing else is left to the compiler, so results do not depend on
# how the volume was cut into pieces.
ROUNDING = {"contract"}


@numba.njit(cache=True, nogil=True)
def reflected(i, n):  # type: ignore[no-untyped-def]
    """Index of an array that goes on mirrored: d c b a | a b c d | d c b a."""
    i %= 2 * n
    return i if i < n else 2 * n - 1 - i


@numba.njit(cache=True, nogil=True)
def convert(to, row):  # type: ignore[no-untyped-def]
    """Copy a row into one of another type."""
    for i in range(to.size):
        to[i] = row[i]


@numba.njit(cache=True, nogil=True)
def convert_where(to, row, known):  # type: ignore[no-untyped-def]
    """Copy a row, 0 where `known` is False."""
    for i in range(to.size):
        to[i] = row[i] if known[i] else 0


@numba.njit(cache=True, nogil=True, fastmath=ROUNDING)
def _begin(total, row, weight):  # type: ignore[no-untyped-def]
    for i in range(total.size):
        total[i] = weight * row[i]


@numba.njit(cache=True, nogil=True, fastmath=ROUNDING)
def _add_pair(total, a, b, weight):  # type: ignore[no-untyped-def]
    for i in range(total.size):
        total[i] += weight * (a[i] + b[i])


@numba.njit(cache=True, nogil=True, fastmath=ROUNDING)
def _add_four_pairs(total, a0, b0, a1, b1, a2, b2, a3, b3, w0, w1, w2, w3):  # type: ignore[no-untyped-def]
    for i in range(total.size):
        total[i] += w0 * (a0[i] + b0[i]) + w1 * (a1[i] + b1[i]) + w2 * (a2[i] + b2[i]) + w3 * (a3[i] + b3[i])


@numba.njit(cache=True, nogil=True)
def across_rows(rows, k, weights, total):  # type: ignore[no-untyped-def]
    """``sum over j of weights[|j|] * rows[k + j]`` for a float32 array ``(n, nx)``."""
    reach = len(weights) - 1
    _begin(total, rows[k], weights[0])
    j = 1
    while j + 3 <= reach:
        _add_four_pairs(
            total,
            rows[k - j],
            rows[k + j],
            rows[k - j - 1],
            rows[k + j + 1],
            rows[k - j - 2],
            rows[k + j + 2],
            rows[k - j - 3],
            rows[k + j + 3],
            weights[j],
            weights[j + 1],
            weights[j + 2],
            weights[j + 3],
        )
        j += 4
    while j <= reach:
        _add_pair(total, rows[k - j], rows[k + j], weights[j])
        j += 1


@numba.njit(cache=True, nogil=True)
def along_row(row, weights, total):  # type: ignore[no-untyped-def]
    """``total[i] = sum over j of weights[|j|] * row[reach + i + j]`` for a row that is longer by reach at both ends."""
    reach, n = len(weights) - 1, len(total)
    _begin(total, row[reach : reach + n], weights[0])
    j = 1
    while j + 3 <= reach:
        a, b = reach - j, reach + j
        _add_four_pairs(
            total,
            row[a : a + n],
            row[b : b + n],
            row[a - 1 : a - 1 + n],
            row[b + 1 : b + 1 + n],
            row[a - 2 : a - 2 + n],
            row[b + 2 : b + 2 + n],
            row[a - 3 : a - 3 + n],
            row[b + 3 : b + 3 + n],
            weights[j],
            weights[j + 1],
            weights[j + 2],
            weights[j + 3],
        )
        j += 4
    while j <= reach:
        _add_pair(total, row[reach - j : reach - j + n], row[reach + j : reach + j + n], weights[j])
        j += 1


@numba.njit(cache=True, nogil=True)
def blur_across_planes(source, known, planes, weights, slab, rows):  # type: ignore[no-untyped-def]
    """Filter along z: ``slab[k]`` from planes ``planes[k]`` to ``planes[k + 2 reach]`` of `source` (any type).

    `known` is bool of the source's shape (0 is taken where it is False), or of shape (1, 1, 1) if everything counts. `rows` is
    room for ``(len(planes), nx)`` float32.
    """
    count, ny, _ = slab.shape
    limited = known.size > 1
    for y in range(ny):
        for k in range(len(planes)):
            if limited:
                convert_where(rows[k], source[planes[k], y], known[planes[k], y])
            else:
                convert(rows[k], source[planes[k], y])
        for k in range(count):
            across_rows(rows, k + len(weights) - 1, weights, slab[k, y])


@numba.njit(cache=True, nogil=True)
def blur_plane(plane, start, stop, weights_y, weights_x, padded, row):  # type: ignore[no-untyped-def]
    """Filter rows start to stop of a float32 plane ``[y, x]`` along y and x, in place, with reflecting ends.

    `padded` is room for ``(ny + 2 reach, nx)`` and `row` for ``nx + 2 reach`` float32.
    """
    ny, nx = plane.shape
    reach_y, reach_x = len(weights_y) - 1, len(weights_x) - 1
    for y in range(start - reach_y, stop + reach_y):
        convert(padded[y + reach_y], plane[reflected(y, ny)])
    for y in range(start, stop):
        across_rows(padded, y + reach_y, weights_y, row[reach_x : reach_x + nx])
        for i in range(reach_x):
            row[reach_x - 1 - i] = row[reach_x + reflected(i, nx)]
            row[reach_x + nx + i] = row[reach_x + reflected(nx + i, nx)]
        along_row(row, weights_x, plane[y])


@numba.njit(cache=True, nogil=True)
def divide(plane, weights):  # type: ignore[no-untyped-def]
    """Values over weights, in place; 0 where next to nothing is known."""
    for y in range(plane.shape[0]):
        for x in range(plane.shape[1]):
            plane[y, x] = plane[y, x] / weights[y, x] if weights[y, x] > 1e-3 else 0


@numba.njit(cache=True, nogil=True)
def quantise(plane, offset, inverse, codes):  # type: ignore[no-untyped-def]
    """Nearest of the whole numbers 0 to 65535 to ``(value - offset) * inverse``."""
    for y in range(plane.shape[0]):
        row, to = plane[y], codes[y]
        for x in range(len(row)):
            scaled = (row[x] - offset) * inverse + np.float32(0.5)
            scaled = scaled if scaled > 0 else np.float32(0)
            scaled = scaled if scaled < np.float32(65535) else np.float32(65535)
            to[x] = np.uint16(np.int32(scaled))


@numba.njit(cache=True, nogil=True)
def quantise_inside(plane, inverse, inside, codes):  # type: ignore[no-untyped-def]
    """Nearest of the whole numbers 1 to 65535 to ``value * inverse`` where `inside` is True, else 0."""
    for y in range(plane.shape[0]):
        row, there, to = plane[y], inside[y], codes[y]
        for x in range(len(row)):
            scaled = row[x] * inverse + np.float32(0.5)
            scaled = scaled if scaled > 1 else np.float32(1)
            scaled = scaled if scaled < np.float32(65535) else np.float32(65535)
            to[x] = np.uint16(np.int32(scaled)) if there[x] else np.uint16(0)


@numba.njit(cache=True, nogil=True)
def tally(codes, known, counts):  # type: ignore[no-untyped-def]
    """Count each code of a plane where `known` is True; of shape (1, 1) it counts everything."""
    limited = known.size > 1
    for y in range(codes.shape[0]):
        for x in range(codes.shape[1]):
            if not limited or known[y, x]:
                counts[codes[y, x]] += 1
