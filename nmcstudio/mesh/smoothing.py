"""Moving the nodes of a labelled tetrahedral mesh onto the interfaces without ever turning a cell over."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True, inline="always")
def _quality(ax, ay, az, bx, by, bz, cx, cy, cz, dx, dy, dz):  # type: ignore[no-untyped-def]
    """Volume over the cube of the root mean square edge, scaled: 1 for the regular tetrahedron, negative when turned over."""
    ux, uy, uz = bx - ax, by - ay, bz - az
    vx, vy, vz = cx - ax, cy - ay, cz - az
    wx, wy, wz = dx - ax, dy - ay, dz - az
    det = ux * (vy * wz - vz * wy) - uy * (vx * wz - vz * wx) + uz * (vx * wy - vy * wx)
    squares = (
        ux * ux + uy * uy + uz * uz + vx * vx + vy * vy + vz * vz + wx * wx + wy * wy + wz * wz
        + (ux - vx) ** 2 + (uy - vy) ** 2 + (uz - vz) ** 2
        + (ux - wx) ** 2 + (uy - wy) ** 2 + (uz - wz) ** 2
        + (vx - wx) ** 2 + (vy - wy) ** 2 + (vz - wz) ** 2
    )  # fmt: skip
    mean = squares / 6.0
    return 1.4142135623730951 * det / (mean * np.sqrt(mean) + 1e-300)


@njit(nogil=True, cache=True)
def cell_qualities(points, cells):  # type: ignore[no-untyped-def]
    """Scaled quality of each tetrahedron."""
    result = np.empty(len(cells))
    for t in range(len(cells)):
        a, b, c, d = cells[t]
        result[t] = _quality(
            points[a, 0], points[a, 1], points[a, 2], points[b, 0], points[b, 1], points[b, 2],
            points[c, 0], points[c, 1], points[c, 2], points[d, 0], points[d, 1], points[d, 2],
        )  # fmt: skip
    return result


@njit(nogil=True, cache=True)
def _lowest(points, cells, labels, around, outside_scale):  # type: ignore[no-untyped-def]
    """Lowest quality of the cells around a node; cells outside (label 0) count scaled up, they only must not turn over."""
    low = 2.0
    for n in range(len(around)):
        t = around[n]
        a, b, c, d = cells[t, 0], cells[t, 1], cells[t, 2], cells[t, 3]
        q = _quality(
            points[a, 0], points[a, 1], points[a, 2], points[b, 0], points[b, 1], points[b, 2],
            points[c, 0], points[c, 1], points[c, 2], points[d, 0], points[d, 1], points[d, 2],
        )  # fmt: skip
        if labels[t] == 0 and q > 0:
            q *= outside_scale
        if q < low:
            low = q
    return low


@njit(nogil=True, cache=True)
def node_tables(cells, labels, node_count):  # type: ignore[no-untyped-def]
    """For each node its cells, and its labels in ascending order, both as starts ``(nodes + 1,)`` and values."""
    cell_starts = np.zeros(node_count + 1, np.int64)
    for t in range(len(cells)):
        for c in range(4):
            cell_starts[cells[t, c] + 1] += 1
    for node in range(node_count):
        cell_starts[node + 1] += cell_starts[node]
    place = cell_starts[:-1].copy()
    cell_ids = np.empty(4 * len(cells), np.int64)
    for t in range(len(cells)):
        for c in range(4):
            node = cells[t, c]
            cell_ids[place[node]] = t
            place[node] += 1
    label_starts = np.zeros(node_count + 1, np.int64)
    label_ids = np.empty(4 * len(cells), np.int64)
    used = 0
    for node in range(node_count):
        start = used
        for e in range(cell_starts[node], cell_starts[node + 1]):
            label = labels[cell_ids[e]]
            at = used
            while at > start and label_ids[at - 1] > label:
                at -= 1
            if at > start and label_ids[at - 1] == label:
                continue
            for k in range(used, at, -1):
                label_ids[k] = label_ids[k - 1]
            label_ids[at] = label
            used += 1
        label_starts[node + 1] = used
    return cell_starts, cell_ids, label_starts, label_ids[:used].copy()


@njit(nogil=True, cache=True)
def node_neighbours(cells, labels, cell_starts, cell_ids, label_starts, label_ids, node_count):  # type: ignore[no-untyped-def]
    """Neighbours that a node is averaged with: ends of those edges that carry all labels of the node itself.

    So a node on a face between two grains is averaged over that face, one on a line of three grains along the line, and one
    where four meet has none.
    """
    starts = np.zeros(node_count + 1, np.int64)
    out = np.empty(14 * node_count, np.int64)
    used = 0
    near = np.empty(256, np.int64)
    for node in range(node_count):
        s0, s1 = label_starts[node], label_starts[node + 1]
        n = 0
        for e in range(cell_starts[node], cell_starts[node + 1]):
            for c in range(4):
                other = cells[cell_ids[e], c]
                if other == node:
                    continue
                known = False
                for m in range(n):
                    if near[m] == other:
                        known = True
                        break
                if not known and n < 256:
                    near[n] = other
                    n += 1
        for m in range(n):
            other = near[m]
            # labels of the node that are missing in the neighbour rule the edge out before its cells are looked at
            carried = 0
            for s in range(s0, s1):
                for e in range(cell_starts[node], cell_starts[node + 1]):
                    t = cell_ids[e]
                    if labels[t] == label_ids[s] and (
                        cells[t, 0] == other or cells[t, 1] == other or cells[t, 2] == other or cells[t, 3] == other
                    ):
                        carried += 1
                        break
            if carried == s1 - s0:
                if used == len(out):
                    bigger = np.empty(2 * len(out), np.int64)
                    bigger[:used] = out
                    out = bigger
                out[used] = other
                used += 1
        starts[node + 1] = used
    return starts, out[:used].copy()


@njit(nogil=True, cache=True)
def _interface_step(volume, spacing, lower, x, y, z, own, sigma):  # type: ignore[no-untyped-def]
    """Gauss-Newton step (x, y, z) to where the smoothed indicators of the labels `own` are all equal.

    Where the outside (label 0) is among them it gets one half and the grains share the other: a grain boundary that ends at the
    skin does not bend it.
    """
    k_labels = len(own)
    value = np.zeros(k_labels)
    slope = np.zeros((k_labels, 3))
    voxel = (spacing[0] * spacing[1] * spacing[2]) ** (1.0 / 3.0)
    stride = max(1, int(np.rint(sigma / voxel / 1.5)))
    nz, ny, nx = volume.shape
    ck = int(np.floor((z - lower[0]) / spacing[0]))
    cj = int(np.floor((y - lower[1]) / spacing[1]))
    ci = int(np.floor((x - lower[2]) / spacing[2]))
    rk = int(np.ceil(2.2 * sigma / (stride * spacing[0])))
    rj = int(np.ceil(2.2 * sigma / (stride * spacing[1])))
    ri = int(np.ceil(2.2 * sigma / (stride * spacing[2])))
    total = 0.0
    inverse = 1.0 / (sigma * sigma)
    for dk in range(-rk, rk + 1):
        k = ck + dk * stride
        pz = lower[0] + (k + 0.5) * spacing[0] - z
        for dj in range(-rj, rj + 1):
            j = cj + dj * stride
            py = lower[1] + (j + 0.5) * spacing[1] - y
            for di in range(-ri, ri + 1):
                i = ci + di * stride
                px = lower[2] + (i + 0.5) * spacing[2] - x
                weight = np.exp(-0.5 * inverse * (px * px + py * py + pz * pz))
                total += weight
                label = 0
                if 0 <= k < nz and 0 <= j < ny and 0 <= i < nx:
                    label = volume[k, j, i]
                for s in range(k_labels):
                    if own[s] == label:
                        value[s] += weight
                        slope[s, 0] += weight * px * inverse
                        slope[s, 1] += weight * py * inverse
                        slope[s, 2] += weight * pz * inverse
                        break
    mean = 0.0
    average = np.zeros(3)
    grains = 1 if own[0] == 0 else 0
    for s in range(grains, k_labels):
        mean += value[s] / (k_labels - grains)
        for c in range(3):
            average[c] += slope[s, c] / (k_labels - grains)
    eps = (0.08 * total / sigma) ** 2
    a00 = a11 = a22 = eps
    a01 = a02 = a12 = b0 = b1 = b2 = 0.0
    for s in range(k_labels):
        if own[s] == 0:
            f = value[s] - 0.5 * total
            g0, g1, g2 = slope[s, 0], slope[s, 1], slope[s, 2]
        else:
            f = value[s] - mean
            g0, g1, g2 = slope[s, 0] - average[0], slope[s, 1] - average[1], slope[s, 2] - average[2]
        a00 += g0 * g0
        a11 += g1 * g1
        a22 += g2 * g2
        a01 += g0 * g1
        a02 += g0 * g2
        a12 += g1 * g2
        b0 -= f * g0
        b1 -= f * g1
        b2 -= f * g2
    c00 = a11 * a22 - a12 * a12
    c01 = a02 * a12 - a01 * a22
    c02 = a01 * a12 - a02 * a11
    det = a00 * c00 + a01 * c01 + a02 * c02
    c11 = a00 * a22 - a02 * a02
    c12 = a01 * a02 - a00 * a12
    c22 = a00 * a11 - a01 * a01
    return (
        (c00 * b0 + c01 * b1 + c02 * b2) / det,
        (c01 * b0 + c11 * b1 + c12 * b2) / det,
        (c02 * b0 + c12 * b1 + c22 * b2) / det,
    )


@njit(nogil=True, cache=True)
def move_nodes(  # type: ignore[no-untyped-def]
    points, cells, labels, cell_starts, cell_ids, label_starts, label_ids, near_starts, near_ids,
    volume, spacing, lower, sigma, reach, floor_quality, first, last,
):  # fmt: skip
    """One sweep over the nodes ``first <= n < last``, in place.

    Every node goes half way to the mean of its neighbours on the same interface, then towards the interface itself; it is held
    back (the way is halved up to four times) while a cell around it would fall below `floor_quality` and get worse.
    """
    for node in range(first, last):
        s0, s1 = label_starts[node], label_starts[node + 1]
        if s1 - s0 == 1 and label_ids[s0] == 0:
            continue
        x, y, z = points[node, 0], points[node, 1], points[node, 2]
        n0, n1 = near_starts[node], near_starts[node + 1]
        tx, ty, tz = x, y, z
        if n1 - n0 > 1:
            mx = my = mz = 0.0
            for m in range(n0, n1):
                other = near_ids[m]
                mx += points[other, 0]
                my += points[other, 1]
                mz += points[other, 2]
            share = 1.0 / (n1 - n0)
            tx, ty, tz = 0.5 * (x + mx * share), 0.5 * (y + my * share), 0.5 * (z + mz * share)
        if s1 - s0 > 1:
            sx, sy, sz = _interface_step(volume, spacing, lower, tx, ty, tz, label_ids[s0:s1], sigma)
            length = np.sqrt(sx * sx + sy * sy + sz * sz)
            scale = reach / length if length > reach else 1.0
            tx += scale * sx
            ty += scale * sy
            tz += scale * sz
        around = cell_ids[cell_starts[node] : cell_starts[node + 1]]
        before = _lowest(points, cells, labels, around, 4.0)
        share = 1.0
        for _ in range(5):
            points[node, 0] = x + share * (tx - x)
            points[node, 1] = y + share * (ty - y)
            points[node, 2] = z + share * (tz - z)
            after = _lowest(points, cells, labels, around, 4.0)
            if after >= floor_quality or after >= before:
                break
            share *= 0.5
        else:
            points[node, 0], points[node, 1], points[node, 2] = x, y, z


@njit(nogil=True, cache=True)
def improve_nodes(  # type: ignore[no-untyped-def]
    points, cells, labels, cell_starts, cell_ids, label_starts, label_ids,
    volume, spacing, lower, sigma, edge, wanted, state, first, last,
):  # fmt: skip
    """Raise the lowest quality around the nodes ``first <= n < last`` that is below `wanted`, by trial moves, in place.

    Trial directions come from a fixed sequence that starts at `state`. A node on an interface is brought back to it after each
    trial, so that it slides. Returns the state to go on with.
    """
    for node in range(first, last):
        s0, s1 = label_starts[node], label_starts[node + 1]
        if s1 - s0 == 1 and label_ids[s0] == 0:
            continue
        around = cell_ids[cell_starts[node] : cell_starts[node + 1]]
        low = _lowest(points, cells, labels, around, 4.0)
        if low >= wanted:
            continue
        size = 0.3 * edge
        for _ in range(8):
            x, y, z = points[node, 0], points[node, 1], points[node, 2]
            for c in range(3):
                state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
                points[node, c] += size * (2.0 * float(state >> np.uint64(11)) / 9007199254740992.0 - 1.0)
            if s1 - s0 > 1:
                sx, sy, sz = _interface_step(
                    volume, spacing, lower, points[node, 0], points[node, 1], points[node, 2], label_ids[s0:s1], sigma
                )  # fmt: skip
                if sx * sx + sy * sy + sz * sz < edge * edge:
                    points[node, 0] += sx
                    points[node, 1] += sy
                    points[node, 2] += sz
            trial = _lowest(points, cells, labels, around, 4.0)
            if trial > low:
                low = trial
            else:
                points[node, 0], points[node, 1], points[node, 2] = x, y, z
                size *= 0.8
    return state
