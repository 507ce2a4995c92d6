"""Loops over labels in machine code: extents of objects, and the voxels under a brush."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def add_extents(labels, start, sizes, boxes):  # type: ignore[no-untyped-def]
    """Add the voxels of a slab that begins at slice `start` to sizes ``(n,)`` and boxes ``(n, 6)`` of labels.

    A box is (z0, y0, x0, z1, y1, x1), the end one past the last voxel. Rows are taken run by run.
    """
    nz, ny, nx = labels.shape
    for z in range(nz):
        for y in range(ny):
            x = 0
            while x < nx:
                label = labels[z, y, x]
                first = x
                x += 1
                while x < nx and labels[z, y, x] == label:
                    x += 1
                sizes[label] += x - first
                if label == 0:
                    continue
                box = boxes[label]
                box[0] = min(box[0], start + z)
                box[1] = min(box[1], y)
                box[2] = min(box[2], first)
                box[3] = max(box[3], start + z + 1)
                box[4] = max(box[4], y + 1)
                box[5] = max(box[5], x)


@numba.njit(cache=True, nogil=True)
def mark_capsule(mask, low, spacing, flat, p, q, radius):  # type: ignore[no-untyped-def]
    """Mark the voxels of a bool ``[z, y, x]`` whose centres lie within `radius` of the segment from p to q.

    Voxel (0, 0, 0) is centred at `low`; all lengths are um, all triples (z, y, x). Along the axis `flat` distances do not
    count (-1: all axes count).
    """
    d = q - p
    if flat >= 0:
        d[flat] = 0.0
    square = (d * d).sum()
    limit = radius * radius * (1 + 1e-9)
    first, last = np.zeros(3, np.int64), np.zeros(3, np.int64)
    for axis in range(3):
        n = mask.shape[axis]
        if axis == flat:
            first[axis], last[axis] = 0, n
            continue
        first[axis] = max(0, int(np.floor((min(p[axis], q[axis]) - radius - low[axis]) / spacing[axis])))
        last[axis] = min(n, int(np.ceil((max(p[axis], q[axis]) + radius - low[axis]) / spacing[axis])) + 1)
    for z in range(first[0], last[0]):
        for y in range(first[1], last[1]):
            for x in range(first[2], last[2]):
                az = 0.0 if flat == 0 else low[0] + z * spacing[0] - p[0]
                ay = 0.0 if flat == 1 else low[1] + y * spacing[1] - p[1]
                ax = 0.0 if flat == 2 else low[2] + x * spacing[2] - p[2]
                t = 0.0
                if square > 0:
                    t = min(1.0, max(0.0, (az * d[0] + ay * d[1] + ax * d[2]) / square))
                bz, by, bx = az - t * d[0], ay - t * d[1], ax - t * d[2]
                if bz * bz + by * by + bx * bx <= limit:
                    mask[z, y, x] = True
