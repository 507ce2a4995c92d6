"""Compiled sums over a label volume: moments, 13-direction intercepts, contacts, borders; one pass, slab by slab."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

BACKGROUND, UNOBSERVED = -1, -2
# Half of the 26 neighbours as (z, y, x): three along the axes, six along face diagonals, four along space diagonals.
OFFSETS = np.array(
    [
        (0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 1, 1), (0, 1, -1), (1, 0, 1), (1, 0, -1), (1, 1, 0), (1, -1, 0),
        (1, 1, 1), (1, 1, -1), (1, -1, 1), (1, -1, -1),
    ],
    dtype=np.int64,
)  # fmt: skip
_LOW = 7  # bits of a code that the first of two tables takes

Row = NDArray[np.int32]
Codes = NDArray[np.uint16]
Counts = NDArray[np.int64]


@njit(nogil=True, cache=True)
def count_labels(labels: NDArray[Any], counts: NDArray[np.int64]) -> None:
    """Add the number of voxels of each label in a slab ``[z, y, x]``."""
    for z in range(labels.shape[0]):
        for y in range(labels.shape[1]):
            row = labels[z, y]
            begun = 0
            for x in range(1, len(row)):
                if row[x] != row[begun]:
                    counts[row[begun]] += x - begun
                    begun = x
            if len(row):
                counts[row[begun]] += len(row) - begun


@njit(nogil=True, cache=True)
def padded_slab(
    labels: NDArray[Any], observed: NDArray[np.bool_], rows: NDArray[np.int32], start: int, stop: int
) -> NDArray[np.int32]:
    """Row numbers of planes ``start - 1`` to ``stop + 1`` (inclusive) with a rim; `observed` may have no planes.

    Beyond the volume its nearest voxel is repeated.
    """
    nz, ny, nx = labels.shape
    out = np.empty((stop - start + 3, ny + 2, nx + 2), np.int32)
    masked = observed.shape[0] > 0
    for k in range(out.shape[0]):
        z = min(max(start - 1 + k, 0), nz - 1)
        for y in range(ny):
            row, source = out[k, y + 1], labels[z, y]
            for x in range(nx):
                row[x + 1] = rows[source[x]]
            if masked:
                for x in range(nx):
                    if not observed[z, y, x]:
                        row[x + 1] = UNOBSERVED
            row[0], row[nx + 1] = row[1], row[nx]
        out[k, 0] = out[k, 1]
        out[k, ny + 1] = out[k, ny]
    return out


@njit(nogil=True, cache=True)
def _differing(s: Row, a: Row, b: Row, c: Row, d: Row, e: Row, f: Row, g: Row, out: Codes) -> None:
    """Bits 0 to 6: where a value of ``s`` is not that of ``a``, …, ``g``."""
    for i in range(len(out)):
        v = s[i]
        code = (v != a[i]) | ((v != b[i]) << 1) | ((v != c[i]) << 2) | ((v != d[i]) << 3)
        out[i] = code | ((v != e[i]) << 4) | ((v != f[i]) << 5) | ((v != g[i]) << 6)


@njit(nogil=True, cache=True)
def _differing_more(s: Row, a: Row, b: Row, c: Row, d: Row, e: Row, f: Row, out: Codes) -> None:
    """Bits 7 to 12, likewise."""
    for i in range(len(out)):
        v = s[i]
        code = ((v != a[i]) << 7) | ((v != b[i]) << 8) | ((v != c[i]) << 9)
        out[i] |= code | ((v != d[i]) << 10) | ((v != e[i]) << 11) | ((v != f[i]) << 12)


@njit(nogil=True, cache=True)
def _gathered(a: Codes, b: Codes, c: Codes, d: Codes, e: Codes, f: Codes, g: Codes, out: Codes) -> None:
    """Bit 0 of ``a``, bit 1 of ``b``, … bit 6 of ``g``."""
    for i in range(len(out)):
        out[i] = (a[i] & 1) | (b[i] & 2) | (c[i] & 4) | (d[i] & 8) | (e[i] & 16) | (f[i] & 32) | (g[i] & 64)


@njit(nogil=True, cache=True)
def _gathered_more(a: Codes, b: Codes, c: Codes, d: Codes, e: Codes, f: Codes, out: Codes) -> None:
    """Bits 7 to 12, likewise."""
    for i in range(len(out)):
        out[i] |= (a[i] & 128) | (b[i] & 256) | (c[i] & 512) | (d[i] & 1024) | (e[i] & 2048) | (f[i] & 4096)


@njit(nogil=True, cache=True)
def _add_edges(codes: NDArray[np.uint16], start: int, nz: int, low: NDArray[np.int64], high: NDArray[np.int64]) -> None:
    """Set the bits of the directions that leave the volume, `low` ``(3,)`` at its first and `high` at its last z, y, x."""
    planes, ny, nx = codes.shape[0] - 2, codes.shape[1] - 2, codes.shape[2] - 2
    for k in range(1, planes + 1):
        z = start + k - 1
        if z >= nz:
            break
        whole = (low[0] if z == 0 else 0) | (high[0] if z == nz - 1 else 0)
        for y in range(1, ny + 1):
            line = whole | (low[1] if y == 1 else 0) | (high[1] if y == ny else 0)
            if line:
                for x in range(1, nx + 1):
                    codes[k, y, x] |= line
            codes[k, y, 1] |= low[2]
            codes[k, y, nx] |= high[2]


@njit(nogil=True, cache=True)
def end_codes(
    slab: NDArray[np.int32], start: int, nz: int, offsets: NDArray[np.int64]
) -> tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint16]]:
    """Directions, a bit each, in which a run of a voxel's label ends there going forward, and going backward, and in which a
    run of two voxels begins there.

    A run ends at another label, and at the border of the volume. The loops are over whole rows of memory and without a choice,
    so that they become vector code.
    """
    ahead, behind, two = np.zeros(slab.shape, np.uint16), np.zeros(slab.shape, np.uint16), np.zeros(slab.shape, np.uint16)
    plane, width = slab.shape[1] * slab.shape[2], slab.shape[2]
    d = offsets[:, 0] * plane + offsets[:, 1] * width + offsets[:, 2]
    far = plane + width + 1
    n = slab.size - far
    s, f, b, t = slab.ravel(), ahead.ravel(), behind.ravel(), two.ravel()
    _differing(
        s, s[d[0] : d[0] + n], s[d[1] : d[1] + n], s[d[2] : d[2] + n], s[d[3] : d[3] + n], s[d[4] : d[4] + n],
        s[d[5] : d[5] + n], s[d[6] : d[6] + n], f[:n],
    )  # fmt: skip
    _differing_more(
        s, s[d[7] : d[7] + n], s[d[8] : d[8] + n], s[d[9] : d[9] + n], s[d[10] : d[10] + n], s[d[11] : d[11] + n],
        s[d[12] : d[12] + n], f[:n],
    )  # fmt: skip
    minus, plus = np.zeros(3, np.int64), np.zeros(3, np.int64)
    for q in range(13):
        for axis in range(3):
            if offsets[q, axis] < 0:
                minus[axis] |= 1 << q
            elif offsets[q, axis] > 0:
                plus[axis] |= 1 << q
    _add_edges(ahead, start, nz, minus, plus)
    e = far - d
    _gathered(f[e[0] :], f[e[1] :], f[e[2] :], f[e[3] :], f[e[4] :], f[e[5] :], f[e[6] :], b[far:])
    _gathered_more(f[e[7] :], f[e[8] :], f[e[9] :], f[e[10] :], f[e[11] :], f[e[12] :], b[far:])
    _add_edges(behind, start, nz, plus, minus)
    _gathered(f[d[0] :], f[d[1] :], f[d[2] :], f[d[3] :], f[d[4] :], f[d[5] :], f[d[6] :], t[:n])
    _gathered_more(f[d[7] :], f[d[8] :], f[d[9] :], f[d[10] :], f[d[11] :], f[d[12] :], t[:n])
    for i in range(n):
        t[i] &= b[i] & ~f[i]
    return ahead, behind, two


@njit(nogil=True, cache=True)
def _end(slab: NDArray[np.int32], k: int, y: int, x: int, dz: int, dy: int, dx: int, start: int, nz: int) -> int:
    """Halves of an intercept at the end of a run: two at another label; at the border of the volume, where only half of the
    step lies within, one if the label beside that place is another one."""
    ny, nx = slab.shape[1] - 2, slab.shape[2] - 2
    z = start + k - 1 + dz
    if 0 <= z < nz and 1 <= y + dy <= ny and 1 <= x + dx <= nx:
        return 2
    return int(slab[k + dz, y + dy, x + dx] != slab[k, y, x])


@njit(nogil=True, cache=True)
def _near_edge(
    slab: NDArray[np.int32],
    k: int,
    y: int,
    x: int,
    ahead: int,
    behind: int,
    pair: int,
    start: int,
    nz: int,
    factors: NDArray[np.int64],
    offsets: NDArray[np.int64],
) -> int:
    """What a voxel within two of the border of the volume adds to the area of its object, in twelfths of the factors."""
    total = 0
    for q in range(13):
        dz, dy, dx = offsets[q, 0], offsets[q, 1], offsets[q, 2]
        before, after = 0, 0
        if behind >> q & 1:
            before = _end(slab, k, y, x, -dz, -dy, -dx, start, nz)
        if ahead >> q & 1:
            after = _end(slab, k, y, x, dz, dy, dx, start, nz)
        total += (11 if (ahead & behind) >> q & 1 else 6) * (before + after) * factors[q]
        if pair >> q & 1:
            total -= 2 * (before + _end(slab, k + dz, y + dy, x + dx, dz, dy, dx, start, nz)) * factors[q]
    return total


@njit(nogil=True, cache=True)
def _slot(keys: NDArray[np.int64], key: int) -> int:
    mask = len(keys) - 1
    place = (key * 0x9E3779B97F4A7C1 >> 11) & mask
    while keys[place] != -1 and keys[place] != key:
        place = (place + 1) & mask
    return place


@njit(nogil=True, cache=True)
def _grown(keys: NDArray[np.int64], faces: NDArray[np.int64], least: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The table with `least` places or more; their number is a power of two."""
    size = len(keys)
    while size < least:
        size *= 2
    more, counts = np.full(size, -1, np.int64), np.zeros((size, 3), np.int64)
    for old in range(len(keys)):
        if keys[old] != -1:
            place = _slot(more, keys[old])
            more[place] = keys[old]
            counts[place] = faces[old]
    return more, counts


@njit(nogil=True, cache=True)
def _add_faces(
    a: int, b: int, axis: int, count: int, n: int, outer: Counts, border: NDArray[np.bool_], keys: Counts, faces: Counts
) -> int:
    """Add `count` faces between two neighbours; the table must have room. Returns 1 where the pair is new to it.

    A neighbour with the same label is the repeated voxel beyond the volume: no face.
    """
    if a == b:
        return 0
    if a >= 0 and b >= 0:
        key = min(a, b) * n + max(a, b)
        place = _slot(keys, key)
        new = keys[place] == -1
        keys[place] = key
        faces[place, axis] += count
        return int(new)
    inside, beyond = max(a, b), min(a, b)
    if inside >= 0:
        if beyond == BACKGROUND:
            outer[inside, axis] += count
        else:
            border[inside] = True
    return 0


@njit(nogil=True, cache=True)
def code_tables(factors: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sums of the factors ``(13,)`` over the bits of a code, for its lower seven and its upper six bits."""
    low, high = np.zeros(1 << _LOW, np.int64), np.zeros(1 << (13 - _LOW), np.int64)
    for q in range(13):
        table, bit = (low, q) if q < _LOW else (high, q - _LOW)
        for code in range(len(table)):
            table[code] += factors[q] * (code >> bit & 1)
    return low, high


@njit(nogil=True, cache=True)
def _add_run(
    a: int, z: int, y: int, x: int, count: int, shape: tuple[int, int, int], sums: Counts, boxes: Counts, cut: Counts
) -> None:
    """Add `count` voxels of object `a` along x, the first at (z, y, x) of a volume of this shape, to moments, box and faces on
    the border of the volume."""
    nz, ny, nx = shape
    end = x + count - 1
    in_x = (x + end) * count // 2
    in_xx = (end * (end + 1) * (2 * end + 1) - (x - 1) * x * (2 * x - 1)) // 6
    sums[a, 0] += count
    sums[a, 1] += count * z
    sums[a, 2] += count * y
    sums[a, 3] += in_x
    sums[a, 4] += count * z * z
    sums[a, 5] += count * z * y
    sums[a, 6] += in_x * z
    sums[a, 7] += count * y * y
    sums[a, 8] += in_x * y
    sums[a, 9] += in_xx
    boxes[a, 0] = min(boxes[a, 0], z)
    boxes[a, 1] = min(boxes[a, 1], y)
    boxes[a, 2] = min(boxes[a, 2], x)
    boxes[a, 3] = max(boxes[a, 3], z + 1)
    boxes[a, 4] = max(boxes[a, 4], y + 1)
    boxes[a, 5] = max(boxes[a, 5], end + 1)
    cut[a, 0] += int(x == 0) + int(end == nx - 1)
    cut[a, 1] += count * (int(y == 0) + int(y == ny - 1))
    cut[a, 2] += count * (int(z == 0) + int(z == nz - 1))


@njit(nogil=True, cache=True)
def add_slab(
    slab: NDArray[np.int32],
    forward: Codes,
    backward: Codes,
    two: Codes,
    start: int,
    nz: int,
    sums: NDArray[np.int64],
    areas: NDArray[np.int64],
    outer: NDArray[np.int64],
    cut: NDArray[np.int64],
    border: NDArray[np.bool_],
    boxes: NDArray[np.int64],
    keys: NDArray[np.int64],
    faces: NDArray[np.int64],
    used: int,
    factors: NDArray[np.int64],
    offsets: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Add one padded slab with its codes to the sums.

    `sums` ``(n, 10)``: count, z, y, x, zz, zy, zx, yy, yx, xx about the volume's first voxel; `areas` ``(n,)``: twelfths of
    `factors` ``(13,)``; `outer`, `cut` ``(n, 3)``: faces towards background and on the border of the volume, by axis (x, y, z);
    `border` ``(n,)``: faces against unobserved voxels; `boxes` ``(n, 6)``; `keys`, `faces`: hash table of touching pairs
    ``a * n + b`` (a < b) and their faces by axis (x, y, z), `used` entries.

    A chord shorter than the step of its direction may hit no voxel. With a density a + b l of short chords of length l (in
    steps), a + b chords hit one voxel and a + 2 b hit two, while a / 2 + b / 6 are missed: 5 / 6 of the first less 1 / 3 of the
    second. Near an edge of a polyhedron a is not zero.
    """
    n = sums.shape[0]
    planes, height, width = slab.shape
    ny, nx = height - 2, width - 2
    low, high = code_tables(factors)
    for k in range(1, planes - 2):
        z = start + k - 1
        for y in range(1, height - 1):
            if 2 * (used + 3 * nx) > len(keys):
                keys, faces = _grown(keys, faces, 4 * (used + 3 * nx))
            row, aheads, behinds, twos = slab[k, y], forward[k, y], backward[k, y], two[k, y]
            above_y, below_y, above_z, below_z = slab[k, y + 1], slab[k, y - 1], slab[k + 1, y], slab[k - 1, y]
            left = 1
            while left <= nx:
                a = row[left]
                right = left + 1
                while right <= nx and row[right] == a:
                    right += 1
                if a < 0:
                    left = right
                    continue
                if right <= nx:
                    used += _add_faces(a, row[right], 0, 1, n, outer, border, keys, faces)
                if left > 1 and row[left - 1] < 0:
                    _add_faces(a, row[left - 1], 0, 1, n, outer, border, keys, faces)
                _add_run(a, z, y - 1, left - 1, right - left, (nz, ny, nx), sums, boxes, cut)
                edge_row = z == 0 or z == nz - 1 or y == 1 or y == ny
                near_row = z == nz - 2 or y == 2 or y == ny - 1
                total = 0
                side_y, count_y, side_z, count_z = a, 0, a, 0  # stretches of faces towards the same neighbour
                for x in range(left, right):
                    ahead, behind = int(aheads[x]), int(behinds[x])
                    if ahead | behind == 0:
                        continue
                    if ahead & 2:
                        if above_y[x] != side_y:
                            if count_y:
                                used += _add_faces(a, side_y, 1, count_y, n, outer, border, keys, faces)
                            side_y, count_y = above_y[x], 0
                        count_y += 1
                    if ahead & 4:
                        if above_z[x] != side_z:
                            if count_z:
                                used += _add_faces(a, side_z, 2, count_z, n, outer, border, keys, faces)
                            side_z, count_z = above_z[x], 0
                        count_z += 1
                    if behind & 2 and below_y[x] < 0:
                        _add_faces(a, below_y[x], 1, 1, n, outer, border, keys, faces)
                    if behind & 4 and below_z[x] < 0:
                        _add_faces(a, below_z[x], 2, 1, n, outer, border, keys, faces)
                    both, pair = ahead & behind, int(twos[x])
                    on_edge = edge_row or x == 1 or x == nx
                    # the second voxel of a pair may lie on the edge
                    if on_edge or (pair and (near_row or x == 2 or x == nx - 1)):
                        total += _near_edge(slab, k, y, x, ahead, behind, pair, start, nz, factors, offsets)
                        continue
                    total += 12 * (low[ahead & 127] + high[ahead >> 7] + low[behind & 127] + high[behind >> 7])
                    if both | pair:
                        total += 20 * (low[both & 127] + high[both >> 7]) - 8 * (low[pair & 127] + high[pair >> 7])
                areas[a] += total
                if count_y:
                    used += _add_faces(a, side_y, 1, count_y, n, outer, border, keys, faces)
                if count_z:
                    used += _add_faces(a, side_z, 2, count_z, n, outer, border, keys, faces)
                left = right
    return keys, faces, used
