"""Compiled loops over voxels with orientations: components, grain means, agreement of sections.

Every kernel works on a range of rows (row = z * ny + y), so that its caller can report and cancel in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor

_VOXELS_A_CHUNK = 120_000
# Stands in the phases of sections that are compared for what was not observed.
UNSEEN = 255


def row_chunks(shape: tuple[int, ...], monitor: Monitor, message: str = "") -> Iterator[tuple[int, int]]:
    """Ranges of rows of about 50 ms of work each; reports before each."""
    rows = int(np.prod(shape[:-1]))
    size = max(1, _VOXELS_A_CHUNK // max(1, shape[-1]))
    for start in range(0, rows, size):
        monitor.report(start / rows, message)
        yield start, min(start + size, rows)


@nb.njit(nogil=True, cache=True)
def half_cosine(a: Any, b: Any, group: Any) -> float:
    """Cosine of half the disorientation of two orientations; `group` holds proper rotations, the identity first."""
    # In double precision: which of the two comes first must not decide in the last digit.
    a0, a1, a2, a3 = np.float64(a[0]), np.float64(a[1]), np.float64(a[2]), np.float64(a[3])
    b0, b1, b2, b3 = np.float64(b[0]), np.float64(b[1]), np.float64(b[2]), np.float64(b[3])
    w = b0 * a0 + b1 * a1 + b2 * a2 + b3 * a3
    x = -b0 * a1 + b1 * a0 - b2 * a3 + b3 * a2
    y = -b0 * a2 + b1 * a3 + b2 * a0 - b3 * a1
    z = -b0 * a3 - b1 * a2 + b2 * a1 + b3 * a0
    best = abs(w)
    for k in range(1, len(group)):
        best = max(best, abs(group[k, 0] * w + group[k, 1] * x + group[k, 2] * y + group[k, 3] * z))
    return best


@nb.njit(nogil=True, cache=True)
def _near(p: Any, y: int, x: int, q: Any, v: int, u: int, group: Any, cosine: float) -> bool:
    """Whether the disorientation of two points of sections has a cosine of its half of at least `cosine`.

    Numbers instead of arrays: views of single points would take most of the time.
    """
    a0, a1, a2, a3 = np.float64(p[y, x, 0]), np.float64(p[y, x, 1]), np.float64(p[y, x, 2]), np.float64(p[y, x, 3])
    b0, b1, b2, b3 = np.float64(q[v, u, 0]), np.float64(q[v, u, 1]), np.float64(q[v, u, 2]), np.float64(q[v, u, 3])
    w = b0 * a0 + b1 * a1 + b2 * a2 + b3 * a3
    # Inside a grain most points have the same setting: the first product is enough.
    if abs(w) >= cosine:
        return True
    i = -b0 * a1 + b1 * a0 - b2 * a3 + b3 * a2
    j = -b0 * a2 + b1 * a3 + b2 * a0 - b3 * a1
    k = -b0 * a3 - b1 * a2 + b2 * a1 + b3 * a0
    for each in range(1, len(group)):
        if abs(group[each, 0] * w + group[each, 1] * i + group[each, 2] * j + group[each, 3] * k) >= cosine:
            return True
    return False


@nb.njit(nogil=True, cache=True)
def _joins(q: Any, z: int, y: int, x: int, c: int, b: int, a: int, group: Any, cosine: float) -> bool:
    """`_near` of two voxels, or True for a negative cosine; no array is made for most of them."""
    if cosine < 0:
        return True
    dot = q[z, y, x, 0] * q[c, b, a, 0] + q[z, y, x, 1] * q[c, b, a, 1]
    dot += q[z, y, x, 2] * q[c, b, a, 2] + q[z, y, x, 3] * q[c, b, a, 3]
    if abs(dot) >= cosine + 1e-6:
        return True
    return half_cosine(q[z, y, x], q[c, b, a], group) >= cosine


@nb.njit(nogil=True, cache=True)
def _root(parent: Any, i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@nb.njit(nogil=True, cache=True)
def _union(parent: Any, i: int, j: int) -> None:
    a, b = _root(parent, i), _root(parent, j)
    if a < b:
        parent[b] = a
    elif b < a:
        parent[a] = b


@nb.njit(nogil=True, cache=True)
def join_rows(parent: Any, ids: Any, quaternions: Any, group: Any, cosine: float, first: int, last: int) -> None:
    """Join each voxel of the rows with its neighbours before it that have the same id and a near orientation.

    Parameters
    ----------
    parent
        int ``(n,)``, union-find forest, the identity at the start; a parent never has a higher index than its child.
    ids
        ``[z, y, x]``, 0 joins nothing.
    quaternions
        float32 ``[z, y, x, 4]``; not looked at where `cosine` is negative.
    group
        Proper rotations ``(m, 4)``, the identity first.
    cosine
        Of half the largest disorientation; negative to join by id alone.
    first, last
        Range of rows.
    """
    ny, nx = ids.shape[1], ids.shape[2]
    for row in range(first, last):
        z, y = row // ny, row % ny
        for x in range(nx):
            own = ids[z, y, x]
            if own == 0:
                continue
            here = row * nx + x
            if x > 0 and ids[z, y, x - 1] == own and _joins(quaternions, z, y, x, z, y, x - 1, group, cosine):
                _union(parent, here, here - 1)
            if y > 0 and ids[z, y - 1, x] == own and _joins(quaternions, z, y, x, z, y - 1, x, group, cosine):
                _union(parent, here, here - nx)
            if z > 0 and ids[z - 1, y, x] == own and _joins(quaternions, z, y, x, z - 1, y, x, group, cosine):
                _union(parent, here, here - ny * nx)


@nb.njit(nogil=True, cache=True)
def count_rows(parent: Any, counts: Any, ids: Any, first: int, last: int) -> None:
    """Point every voxel of the rows straight at its root and count the roots' voxels; rows must come in ascending order."""
    ny, nx = ids.shape[1], ids.shape[2]
    for row in range(first, last):
        for x in range(nx):
            if ids[row // ny, row % ny, x] == 0:
                continue
            i = row * nx + x
            root = parent[parent[i]]
            parent[i] = root
            counts[root] += 1


@nb.njit(nogil=True, cache=True)
def number_rows(
    parent: Any,
    counts: Any,
    ids: Any,
    labels: Any,
    numbers: Any,
    least: int,
    next_label: int,
    first: int,
    last: int,
) -> int:
    """Write labels of components with at least `least` voxels, numbered in the order of their first voxel.

    Returns the next free label.
    """
    ny, nx = ids.shape[1], ids.shape[2]
    for row in range(first, last):
        z, y = row // ny, row % ny
        for x in range(nx):
            if ids[z, y, x] == 0:
                continue
            i = row * nx + x
            root = parent[i]
            if counts[root] < least:
                continue
            if i == root:
                numbers[i] = next_label
                next_label += 1
            labels[z, y, x] = numbers[root]
    return next_label


@nb.njit(nogil=True, cache=True)
def contact_rows(parent: Any, counts: Any, ids: Any, labels: Any, balance: Any, least: int, first: int, last: int) -> None:
    """For each component with fewer than `least` voxels: its faces with labelled voxels minus its other outer faces.

    Faces on the border of the volume do not count. The result stands in `balance` ``(n,)`` at the component's root.
    """
    nz, ny, nx = ids.shape
    for row in range(first, last):
        z, y = row // ny, row % ny
        for x in range(nx):
            if ids[z, y, x] == 0:
                continue
            root = parent[row * nx + x]
            if counts[root] >= least:
                continue
            for dz, dy, dx in ((-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1)):
                c, b, a = z + dz, y + dy, x + dx
                if c < 0 or b < 0 or a < 0 or c >= nz or b >= ny or a >= nx:
                    continue
                if labels[c, b, a] > 0:
                    balance[root] += 1
                elif ids[c, b, a] == 0 or parent[(c * ny + b) * nx + a] != root:
                    balance[root] -= 1


@nb.njit(nogil=True, cache=True)
def enclosed_rows(parent: Any, counts: Any, ids: Any, balance: Any, enclosed: Any, least: int, first: int, last: int) -> None:
    """Mark voxels of small components that touch grains with at least half of their outer faces."""
    ny, nx = ids.shape[1], ids.shape[2]
    for row in range(first, last):
        for x in range(nx):
            if ids[row // ny, row % ny, x] != 0:
                root = parent[row * nx + x]
                enclosed[row // ny, row % ny, x] = counts[root] < least and balance[root] >= 0


@nb.njit(nogil=True, cache=True)
def sum_rows(
    labels: Any, quaternions: Any, phase: Any, group: Any, reference: Any, sums: Any, least: float, first: int, last: int
) -> None:
    """Add to each label's sum its voxels' orientations, each as the equivalent nearest to the label's reference.

    A reference of NaN is replaced by the first voxel. Orientations whose half disorientation from the reference has a cosine
    below `least` are left out.
    """
    ny, nx = labels.shape[1], labels.shape[2]
    e = np.empty(4)
    best = np.empty(4)
    for row in range(first, last):
        z, y = row // ny, row % ny
        for x in range(nx):
            label = labels[z, y, x]
            if label == 0 or phase[z, y, x] == 0:
                continue
            q = quaternions[z, y, x]
            if np.isnan(reference[label, 0]):
                for c in range(4):
                    reference[label, c] = q[c]
            top = -1.0
            sign = 1.0
            for k in range(len(group)):
                s = group[k]
                e[0] = s[0] * q[0] - s[1] * q[1] - s[2] * q[2] - s[3] * q[3]
                e[1] = s[0] * q[1] + s[1] * q[0] + s[2] * q[3] - s[3] * q[2]
                e[2] = s[0] * q[2] - s[1] * q[3] + s[2] * q[0] + s[3] * q[1]
                e[3] = s[0] * q[3] + s[1] * q[2] - s[2] * q[1] + s[3] * q[0]
                dot = 0.0
                for c in range(4):
                    dot += e[c] * reference[label, c]
                if abs(dot) > top:
                    top = abs(dot)
                    sign = 1.0 if dot >= 0 else -1.0
                    best[:] = e
                    # No two settings of any Laue class are less than 60 degrees apart: within 30 none is nearer.
                    if top > 0.966:
                        break
            if top < least:
                continue
            for c in range(4):
                sums[label, c] += sign * best[c]


@nb.njit(nogil=True, cache=True)
def agreement(
    first: Any,
    second: Any,
    first_phase: Any,
    second_phase: Any,
    first_quality: Any,
    second_quality: Any,
    group: Any,
    cosine: float,
    dy: int,
    dx: int,
    stride: int,
) -> tuple[int, int, float]:
    """Points of two sections ``[y, x]`` that agree if the second one is moved by (-dy, -dx), points compared, and the correlation
    of their qualities (of zero mean; 0 where there is none).

    Point (y, x) of the first is compared with (y + dy, x + dx) of the second, every `stride` points, for all shifts on one grid.
    Two indexed points agree if they have one phase and a near orientation; an indexed and an empty one disagree; two empty ones
    do not count, nor does what was not observed (`UNSEEN`) in one of them.
    """
    ny, nx = first_phase.shape
    same, total = 0, 0
    ab, aa, bb = 0.0, 0.0, 0.0
    for y in range(-(min(0, dy) // stride) * stride, min(ny, ny - dy), stride):
        for x in range(-(min(0, dx) // stride) * stride, min(nx, nx - dx), stride):
            a, b = first_phase[y, x], second_phase[y + dy, x + dx]
            if a == UNSEEN or b == UNSEEN:
                continue
            p, q = np.float64(first_quality[y, x]), np.float64(second_quality[y + dy, x + dx])
            ab += p * q
            aa += p * p
            bb += q * q
            if a == 0 and b == 0:
                continue
            total += 1
            if a == b and _near(first, y, x, second, y + dy, x + dx, group, cosine):
                same += 1
    return same, total, ab / np.sqrt(aa * bb) if aa * bb > 0 else 0.0


@nb.njit(nogil=True, cache=True)
def boundary_share(quaternions: Any, phase: Any, group: Any, cosine: float, out: Any) -> None:
    """Share of the right and lower neighbours of each point of a section that belong to another grain, into `out` ``[y, x]``."""
    ny, nx = phase.shape
    for y in range(ny):
        for x in range(nx):
            for dy, dx in ((0, 1), (1, 0)):
                if y + dy >= ny or x + dx >= nx:
                    continue
                a, b = phase[y, x], phase[y + dy, x + dx]
                if a == 0 and b == 0:
                    continue
                if a != b or not _near(quaternions, y, x, quaternions, y + dy, x + dx, group, cosine):
                    out[y, x] += 0.5


def forest(size: int) -> NDArray[Any]:
    """Union-find forest of `size` single voxels."""
    return np.arange(size, dtype=np.int32 if size < 2**31 else np.int64)
