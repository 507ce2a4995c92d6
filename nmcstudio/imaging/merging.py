"""The order in which basins grow together."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.workers import beside
from nmcstudio.imaging import merge_kernels


def merge_order(
    peaks: NDArray[np.float64], pairs: NDArray[np.int64], necks: NDArray[np.float64], depth: float, monitor: Monitor
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Merges in their order: first what stands out by less than `depth`, then by falling neck over smaller peak.

    Parameters
    ----------
    peaks
        ``(n + 1,)``, largest height of each basin.
    pairs
        ``(m, 2)``, neighbouring basins; among equal scores the earlier pair merges first.
    necks
        ``(m,)``, largest height on their common face.
    depth
        In the unit of the heights.

    Returns
    -------
    merged
        int64 ``(k, 2)``: the basin that stays and the larger one that becomes part of it.
    ratios
        float64 ``(k,)``: neck over the smaller peak at that time, infinite for what the depth decides.
    """
    parent = np.arange(len(peaks))
    top = np.array(peaks, np.float64)
    pairs, necks = np.ascontiguousarray(pairs, np.int64), np.ascontiguousarray(necks, np.float64)
    scores, items = np.empty(len(necks)), np.empty(len(necks), np.int64)
    merged, ratios = np.empty((max(0, len(peaks) - 1), 2), np.int64), np.empty(max(0, len(peaks) - 1))
    count = 0
    for as_ratio, above, part in ((False, -depth, monitor.sub(0.0, 0.5)), (True, 0.0, monitor.sub(0.5, 1.0))):
        size = beside(partial(merge_kernels.make_heap, pairs, necks, parent, top, as_ratio, scores, items), monitor)
        all_of_them = max(1, size)
        while size:
            part.report(1 - size / all_of_them, "Ordering the merges")
            size, count = merge_kernels.merge_steps(
                pairs, necks, parent, top, as_ratio, above, scores, items, size, merged, ratios, count, 10_000
            )
    return merged[:count].copy(), ratios[:count].copy()


def flood_from_markers(
    peaks: NDArray[np.float64], pairs: NDArray[np.int64], necks: NDArray[np.float64], height: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Merges that make the watershed from markers out of basins: the markers are the h-maxima.

    Flooding from markers reaches each basin over the highest saddle, so it is a spanning forest of the basins that is rooted in
    the marked ones (Meyer 1994, Signal Process. 38, 113; Beucher and Meyer 1993).

    Parameters
    ----------
    peaks, pairs, necks
        As in `merge_order`.
    height
        h: a top is a marker if it stands h or more above every saddle to a higher one.

    Returns
    -------
    merged, ratios
        As from `merge_order`; all ratios are infinite, so that `split` has no say.
    """
    pairs, necks = np.ascontiguousarray(pairs, np.int64), np.ascontiguousarray(necks, np.float64)
    top = np.array(peaks, np.float64)
    order = np.argsort(-necks, kind="stable")
    marked = np.ones(len(top), bool)
    merge_kernels.mark(pairs, necks, order, top, height, np.arange(len(top)), np.arange(len(top)), marked)
    merged = np.empty((max(0, len(top) - 1), 2), np.int64)
    count = merge_kernels.flood(pairs, order, np.arange(len(top)), marked, merged)
    return merged[:count].copy(), np.full(count, np.inf)
