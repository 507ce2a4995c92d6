"""Compiled loop of the exchange of orientations among grains."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np


@nb.njit(nogil=True, cache=True)
def fill_bins(q: Any, group: Any, width: float, count: int, first: int, last: int, table: Any) -> None:
    """Bins of the disorientation angles between rows `first` to `last` and all before them: ``table[i, j]`` and ``table[j, i]``.

    Parameters
    ----------
    q
        float64 ``(n, 4)``, orientations.
    group
        Proper rotations ``(m, 4)``.
    width, count
        Of the bins, radians; what lies beyond is in the last one.
    table
        uint8 ``(n, n)``.
    """
    for i in range(first, last):
        a, d, e, f = q[i, 0], q[i, 1], q[i, 2], q[i, 3]
        for j in range(i):
            b, s, t, u = q[j, 0], q[j, 1], q[j, 2], q[j, 3]
            w = b * a + s * d + t * e + u * f
            x = -b * d + s * a - t * f + u * e
            y = -b * e + s * f + t * a - u * d
            z = -b * f - s * e + t * d + u * a
            best = 0.0
            for k in range(len(group)):
                best = max(best, abs(group[k, 0] * w + group[k, 1] * x + group[k, 2] * y + group[k, 3] * z))
            found = min(int(2.0 * np.arccos(min(best, 1.0)) / width), count - 1)
            table[i, j] = found
            table[j, i] = found


@nb.njit(nogil=True, cache=True)
def exchange(
    chosen: Any,
    placed: Any,
    starts: Any,
    others: Any,
    area: Any,
    table: Any,
    gap: Any,
) -> None:
    """Try to exchange the orientations of pairs of grains; keep what brings the distribution functions nearer.

    Parameters
    ----------
    chosen
        int64 ``(t, 2)``, the grains of each try.
    placed
        int64 ``(n,)``, row of the orientation of each grain; changed.
    starts, others, area
        Contacts of grain i are ``starts[i]:starts[i + 1]``: the other grain, share of area.
    table
        uint8 ``(n, n)``, bins of the disorientation angles of the orientations.
    gap
        float64 ``(bins,)``, distribution function of the grains minus the wanted one, at the bins' upper ends; changed.
    """
    count = len(gap)
    change = np.zeros(count)
    for t in range(len(chosen)):
        first, second = chosen[t, 0], chosen[t, 1]
        if first == second:
            continue
        change[:] = 0.0
        for side in range(2):
            here, there = (first, second) if side == 0 else (second, first)
            for slot in range(starts[here], starts[here + 1]):
                other = others[slot]
                if other != there:
                    change[table[placed[here], placed[other]]] -= area[slot]
                    change[table[placed[there], placed[other]]] += area[slot]
        better = 0.0
        running = 0.0
        for b in range(count):
            running += change[b]
            better += running * (2.0 * gap[b] + running)
        if better >= 0.0:
            continue
        running = 0.0
        for b in range(count):
            running += change[b]
            gap[b] += running
        placed[first], placed[second] = placed[second], placed[first]
