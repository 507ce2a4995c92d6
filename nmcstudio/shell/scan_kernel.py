"""The loop over voxels that finds particles."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def scan(labels, words, lanes, first, last, counts, sums, low, high):  # type: ignore[no-untyped-def]
    """Add slices first to last of `labels` to tables by label; row by row in runs of equal labels.

    Parameters
    ----------
    labels
        Unsigned ``[z, y, x]``, contiguous.
    words, lanes
        The same memory as a flat array of uint64, and how many labels one of them holds (2 or 4): a run is followed word by word.
    counts, sums
        int64 ``(top + 1,)`` and ``(top + 1, 3)``: voxels and sums of their indices z, y, x.
    low, high
        int32 ``(top + 1, 3)``: first and one past the last index.
    """
    _, ny, nx = labels.shape
    odd, shift = lanes - 1, 1 if lanes == 2 else 2
    ones = np.uint64(0)
    for lane in range(lanes):
        ones |= np.uint64(1) << np.uint64(lane * (64 // lanes))
    for z in range(first, last):
        for y in range(ny):
            row = labels[z, y]
            begin = (z * ny + y) * nx
            x = 0
            while x < nx:
                label = row[x]
                start = x
                x += 1
                while x < nx and (begin + x) & odd and row[x] == label:
                    x += 1
                if (begin + x) & odd == 0:
                    pattern = np.uint64(label) * ones
                    while x + lanes <= nx and words[(begin + x) >> shift] == pattern:
                        x += lanes
                while x < nx and row[x] == label:
                    x += 1
                if label == 0:
                    continue
                length = x - start
                counts[label] += length
                sums[label, 0] += length * z
                sums[label, 1] += length * y
                sums[label, 2] += length * (start + x - 1) // 2
                low[label, 0] = min(low[label, 0], z)
                low[label, 1] = min(low[label, 1], y)
                low[label, 2] = min(low[label, 2], start)
                high[label, 0] = max(high[label, 0], z + 1)
                high[label, 1] = max(high[label, 1], y + 1)
                high[label, 2] = max(high[label, 2], x)
