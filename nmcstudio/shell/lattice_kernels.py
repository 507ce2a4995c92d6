"""Loops of the lattice: a separable filter that computes only the nodes, and cubic interpolation between them."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True, fastmath={"contract"})
def filter_planes(source, rows_z, rows_y, rows_x, weights, stride, first, last, out):  # type: ignore[no-untyped-def]
    """Planes first to last of the lattice.

    Parameters
    ----------
    source
        ``[z, y, x]``, contiguous.
    rows_z, rows_y, rows_x
        int64: index into `source` of every voxel that the filter asks for along an axis; node i asks for ``stride i`` on.
    weights
        float32, of the filter; their number is a multiple of four.
    out
        float32 ``[z, y, x]``, the nodes; written.
    """
    _, my, mx = out.shape
    # Unsigned indices spare the test for negative ones, without which the inner loops would not become vector instructions.
    height, width, wide = np.uint64(source.shape[1]), np.uint64(source.shape[2]), np.uint64(mx)
    taps = len(weights)
    plane = np.empty((source.shape[1], source.shape[2]), np.float32)
    line = np.empty(source.shape[2], np.float32)
    phases = np.zeros((stride, len(rows_x) // stride + taps), np.float32)
    for k in range(first, last):
        plane[:] = 0
        for tap in range(0, taps, 4):
            at = k * stride + tap
            a, b, c, d = np.uint64(rows_z[at]), np.uint64(rows_z[at + 1]), np.uint64(rows_z[at + 2]), np.uint64(rows_z[at + 3])
            wa, wb, wc, wd = weights[tap], weights[tap + 1], weights[tap + 2], weights[tap + 3]
            for y in range(height):
                for x in range(width):
                    plane[y, x] += (wa * np.float32(source[a, y, x]) + wb * np.float32(source[b, y, x])) + (
                        wc * np.float32(source[c, y, x]) + wd * np.float32(source[d, y, x])
                    )
        for j in range(my):
            line[:] = 0
            for tap in range(0, taps, 4):
                at = j * stride + tap
                a, b, c, d = (
                    np.uint64(rows_y[at]),
                    np.uint64(rows_y[at + 1]),
                    np.uint64(rows_y[at + 2]),
                    np.uint64(rows_y[at + 3]),
                )
                wa, wb, wc, wd = weights[tap], weights[tap + 1], weights[tap + 2], weights[tap + 3]
                for x in range(width):
                    line[x] += (wa * plane[a, x] + wb * plane[b, x]) + (wc * plane[c, x] + wd * plane[d, x])
            # Along x the nodes lie a stride apart: part the line by phases, in each of which they are neighbours.
            for phase in range(stride):
                for i in range((len(rows_x) - phase + stride - 1) // stride):
                    phases[phase, i] = line[rows_x[i * stride + phase]]
            out[k, j] = 0
            for tap in range(taps):
                phase, skip, wa = tap % stride, np.uint64(tap // stride), weights[tap]
                for i in range(wide):
                    out[k, j, i] += wa * phases[phase, skip + i]


@njit(nogil=True, cache=True, inline="always")
def _cubic(f):  # type: ignore[no-untyped-def]
    """Lagrange weights of four nodes at -1, 0, 1, 2 for a place f in [0, 1]."""
    return (
        -f * (f - 1) * (f - 2) / 6,
        (f + 1) * (f - 1) * (f - 2) / 2,
        -(f + 1) * f * (f - 2) / 2,
        (f + 1) * f * (f - 1) / 6,
    )


@njit(nogil=True, cache=True)
def interpolate(values, origin, stride, z, y, x):  # type: ignore[no-untyped-def]
    """The lattice at the fractional voxel index (z, y, x); at its rim the outermost full cell is continued."""
    nz, ny, nx = values.shape
    z, y, x = (z - origin[0]) / stride, (y - origin[1]) / stride, (x - origin[2]) / stride
    k = min(max(int(np.floor(z)), 1), nz - 3)
    j = min(max(int(np.floor(y)), 1), ny - 3)
    i = min(max(int(np.floor(x)), 1), nx - 3)
    wz, wy, wx = _cubic(z - k), _cubic(y - j), _cubic(x - i)
    total = 0.0
    for c in range(4):
        layer = 0.0
        for b in range(4):
            row = values[k - 1 + c, j - 1 + b]
            layer += wy[b] * (wx[0] * row[i - 1] + wx[1] * row[i] + wx[2] * row[i + 1] + wx[3] * row[i + 2])
        total += wz[c] * layer
    return total
