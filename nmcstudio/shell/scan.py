"""Where every particle of a label volume lies: voxels, centroid and bounding box in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.workers import in_threads, worker_count

_SLAB_VOXELS = 16_000_000
_LARGEST_TABLE = 20_000_000


@dataclass(frozen=True)
class Found:
    """The n labels that occur, ascending.

    Attributes
    ----------
    ids
        int64 ``(n,)``.
    counts
        int64 ``(n,)``, voxels.
    centroids
        float64 ``(n, 3)``, mean voxel index (z, y, x).
    boxes
        int64 ``(n, 3, 2)``, first and one past the last voxel along z, y, x.
    """

    ids: NDArray[np.int64]
    counts: NDArray[np.int64]
    centroids: NDArray[np.float64]
    boxes: NDArray[np.int64]


def find_particles(labels: NDArray[Any], monitor: Monitor) -> Found:
    """Voxels, centroids and boxes of all labels above 0 of an array ``[z, y, x]``.

    Each thread has tables of its own by label; a label volume with numbers beyond twenty million is ranked first.
    """
    ids = None
    top = 65535 if labels.dtype == np.uint16 else max((int(part.max(initial=0)) for part in labels), default=0)
    if top > _LARGEST_TABLE:
        ids = np.unique(labels).astype(np.int64)
        ids = ids if ids[0] == 0 else np.concatenate([[0], ids])
        labels = np.searchsorted(ids, labels).astype(np.uint32)
        top = len(ids) - 1
    starts = np.linspace(0, len(labels), worker_count() + 1).astype(int)
    parts = in_threads(
        lambda ends: _scan_range(labels, int(ends[0]), int(ends[1]), top, monitor),
        list(pairwise(starts)),
        monitor,
        "finding the particles",
    )
    counts = np.sum([part[0] for part in parts], axis=0)
    sums = np.sum([part[1] for part in parts], axis=0)
    low = np.minimum.reduce([part[2] for part in parts])
    high = np.maximum.reduce([part[3] for part in parts])
    present = np.flatnonzero(counts)
    present = present[present > 0]
    return Found(
        ids=present if ids is None else ids[present],
        counts=counts[present],
        centroids=sums[present] / counts[present, None],
        boxes=np.stack([low[present], high[present]], axis=2).astype(np.int64),
    )


def _scan_range(
    labels: NDArray[Any], start: int, stop: int, top: int, monitor: Monitor
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    from nmcstudio.shell.scan_kernel import scan

    labels = np.ascontiguousarray(labels)
    lanes = 8 // labels.itemsize
    words = labels.reshape(-1)[: labels.size // lanes * lanes].view(np.uint64)
    counts, sums = np.zeros(top + 1, np.int64), np.zeros((top + 1, 3), np.int64)
    low, high = np.full((top + 1, 3), np.iinfo(np.int32).max, np.int32), np.zeros((top + 1, 3), np.int32)
    slab = max(1, _SLAB_VOXELS // max(1, labels[0].size))
    for first in range(start, stop, slab):
        monitor.check()
        scan(labels, words, lanes, first, min(first + slab, stop), counts, sums, low, high)
    return counts, sums, low, high
