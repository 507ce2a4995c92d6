"""Compiled loop of the exchange of orientations among grains: work and memory grow with the contacts, not with all pairs."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np


@nb.njit(nogil=True, cache=True)
def _bin(q: Any, i: int, j: int, group: Any, width: float, count: int) -> int:
    """Bin of the disorientation angle of rows i and j."""
    a, d, e, f = q[i, 0], q[i, 1], q[i, 2], q[i, 3]
    b, s, t, u = q[j, 0], q[j, 1], q[j, 2], q[j, 3]
    w = b * a + s * d + t * e + u * f
    x = -b * d + s * a - t * f + u * e
    y = -b * e + s * f + t * a - u * d
    z = -b * f - s * e + t * d + u * a
    best = 0.0
    for k in range(len(group)):
        best = max(best, abs(group[k, 0] * w + group[k, 1] * x + group[k, 2] * y + group[k, 3] * z))
    return min(int(2.0 * np.arccos(min(best, 1.0)) / width), count - 1)


@nb.njit(nogil=True, cache=True)
def fill_bins(
    q: Any, group: Any, width: float, count: int, placed: Any, starts: Any, others: Any, first: int, last: int, bins: Any
) -> None:
    """Bins of the disorientation angles of the contacts of grains `first` to `last`.

    Parameters
    ----------
    q
        float64 ``(n, 4)``, orientations.
    group
        Proper rotations ``(m, 4)``.
    width, count
        Of the bins, radians; what lies beyond is in the last one.
    placed, starts, others
        As in `exchange`.
    bins
        int64, one for each slot of `others`; written.
    """
    for i in range(first, last):
        for slot in range(starts[i], starts[i + 1]):
            bins[slot] = _bin(q, placed[i], placed[others[slot]], group, width, count)


@nb.njit(nogil=True, cache=True)
def exchange(
    chosen: Any,
    q: Any,
    group: Any,
    width: float,
    placed: Any,
    starts: Any,
    others: Any,
    twins: Any,
    area: Any,
    bins: Any,
    gap: Any,
) -> None:
    """Try to exchange the orientations of pairs of grains; keep what brings the distribution functions nearer.

    Parameters
    ----------
    chosen
        int64 ``(t, 2)``, the grains of each try.
    q, group, width
        As in `fill_bins`.
    placed
        int64 ``(n,)``, row of the orientation of each grain; changed.
    starts, others, area
        Contacts of grain i are the slots ``starts[i]:starts[i + 1]``: the other grain, share of area.
    twins
        int64, for each slot the one in which the other grain has the same contact.
    bins
        int64, bin of the disorientation angle of each slot; changed.
    gap
        float64 ``(bins,)``, distribution function of the grains minus the wanted one, at the bins' upper ends; changed.
    """
    count = len(gap)
    change = np.zeros(count)
    most = 0
    for i in range(len(starts) - 1):
        most = max(most, starts[i + 1] - starts[i])
    new = np.empty((2, most), np.int64)
    for t in range(len(chosen)):
        first, second = chosen[t, 0], chosen[t, 1]
        if first == second:
            continue
        change[:] = 0.0
        for side in range(2):
            here, there = (first, second) if side == 0 else (second, first)
            for slot in range(starts[here], starts[here + 1]):
                # The angle between the two themselves stays as it is.
                if others[slot] != there:
                    found = _bin(q, placed[there], placed[others[slot]], group, width, count)
                    new[side, slot - starts[here]] = found
                    change[bins[slot]] -= area[slot]
                    change[found] += area[slot]
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
        for side in range(2):
            here, there = (first, second) if side == 0 else (second, first)
            for slot in range(starts[here], starts[here + 1]):
                if others[slot] != there:
                    bins[slot] = bins[twins[slot]] = new[side, slot - starts[here]]
        placed[first], placed[second] = placed[second], placed[first]
