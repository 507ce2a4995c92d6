"""Cutting the edges that would keep an interface rough.

Where two faces of one tetrahedron lie on the same interface, all four of its corners do: the interface cannot become smooth there
without making the cell flat. A new node in the middle of its inner edge, free to move inwards, takes that hindrance away.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor

_PAIRS = np.array([[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]])


def split_bridges(
    points: NDArray[np.float64],
    cells: NDArray[np.int64],
    labels: NDArray[np.int64],
    label_starts: NDArray[np.int64],
    label_ids: NDArray[np.int64],
    monitor: Monitor,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], int]:
    """Halve edges that run inside one grain between two nodes of the same interface of it, no two around one cell.

    Parameters
    ----------
    points, cells, labels
        Nodes ``(p, 3)``, tetrahedra ``(n, 4)`` and their labels ``(n,)``.
    label_starts, label_ids
        Labels around each node, ascending: those of node i are ``label_ids[label_starts[i]:label_starts[i + 1]]``.
    monitor
        Cancel.

    Returns
    -------
    New points, cells and labels, and the number of edges that were cut; call again until it is 0.
    """
    shared = np.diff(label_starts) > 1
    # only cells with all four corners on interfaces can be squeezed flat
    squeezed = np.flatnonzero(shared[cells].all(axis=1))
    wanted_ends = np.sort(cells[squeezed][:, _PAIRS].reshape(-1, 2), axis=1)
    wanted = np.unique(wanted_ends[:, 0] * len(points) + wanted_ends[:, 1])
    monitor.check()
    ends = np.sort(cells[:, _PAIRS].reshape(-1, 2), axis=1)
    owner = np.repeat(np.arange(len(cells)), 6)
    key = ends[:, 0] * len(points) + ends[:, 1]
    near = np.flatnonzero(shared[ends[:, 0]] & shared[ends[:, 1]])
    monitor.check()
    near = near[np.isin(key[near], wanted)]
    monitor.check()
    order = near[np.argsort(key[near], kind="stable")]
    key, ends, owner = key[order], ends[order], owner[order]
    starts = np.concatenate([[0], np.flatnonzero(np.diff(key)) + 1, [len(key)]]) if len(key) else np.zeros(1, np.int64)
    monitor.check()
    chosen = np.flatnonzero(_choose(ends, owner, starts, labels, label_starts, label_ids, len(cells)))
    if len(chosen) == 0:
        return points, cells, labels, 0
    first = ends[starts[chosen]]
    added = 0.5 * (points[first[:, 0]] + points[first[:, 1]])
    sizes = np.diff(starts)[chosen]
    number = np.repeat(len(points) + np.arange(len(chosen)), sizes)
    low, high = np.repeat(first[:, 0], sizes), np.repeat(first[:, 1], sizes)
    cut = owner[np.repeat(starts[chosen], sizes) + np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)]
    result = cells.copy()
    result[cut] = np.where(cells[cut] == high[:, None], number[:, None], cells[cut])
    upper = np.where(cells[cut] == low[:, None], number[:, None], cells[cut])
    return (
        np.concatenate([points, added]),
        np.concatenate([result, upper]),
        np.concatenate([labels, labels[cut]]),
        len(chosen),
    )


@njit(nogil=True, cache=True)
def _choose(ends, owner, starts, labels, label_starts, label_ids, cell_count):  # type: ignore[no-untyped-def]
    """Which edges to cut: inside one grain, ends that share another label too, cells not touched by an earlier choice."""
    chosen = np.zeros(max(len(starts) - 1, 0), np.bool_)
    taken = np.zeros(cell_count, np.bool_)
    for e in range(len(starts) - 1):
        own = labels[owner[starts[e]]]
        free = True
        for n in range(starts[e], starts[e + 1]):
            if labels[owner[n]] != own or taken[owner[n]]:
                free = False
                break
        if not free:
            continue
        a, b = ends[starts[e], 0], ends[starts[e], 1]
        i, j = label_starts[a], label_starts[b]
        common = 0
        while i < label_starts[a + 1] and j < label_starts[b + 1]:
            if label_ids[i] == label_ids[j]:
                common += 1
                i += 1
                j += 1
            elif label_ids[i] < label_ids[j]:
                i += 1
            else:
                j += 1
        if common > 1:
            chosen[e] = True
            for n in range(starts[e], starts[e + 1]):
                taken[owner[n]] = True
    return chosen
