"""Which labelled objects touch, and by how many voxel faces."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor

_VOXELS_A_SLAB = 4_000_000
_DENSE = 4_000_000  # pairs of labels that a plain table of counts may have


def count_voxels(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Voxels of each label from 0 to the largest, int64 ``(n,)``; slab by slab, for counting widens what it counts."""
    size = int(labels.max(initial=0)) + 1
    step = max(1, _VOXELS_A_SLAB // max(1, labels.shape[1] * labels.shape[2]))
    found = np.zeros(size, np.int64)
    for start in range(0, labels.shape[0], step):
        found += np.bincount(labels[start : start + step].ravel(), minlength=size)
    return found


def count_contacts(labels: NDArray[Any], monitor: Monitor | None = None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of labels that share voxel faces.

    The same as the pairs of `nmcstudio.stats.descriptors.describe_labels`, without all the rest that it finds.

    Parameters
    ----------
    labels
        Integers ``[z, y, x]``, 0 is no object.
    monitor
        Progress and cancelling.

    Returns
    -------
    int64 ``(k, 2)``, the smaller label first, sorted; int64 ``(k,)``, faces that they share.
    """
    monitor = monitor or Monitor()
    size = int(labels.max(initial=0)) + 1
    step = max(1, _VOXELS_A_SLAB // max(1, labels.shape[1] * labels.shape[2]))
    codes, counts = [], []
    for start in monitor.track(range(0, labels.shape[0], step), "finding neighbours"):
        slab = labels[start : start + step + 1]
        inner = slab[:step]
        for first, second in ((slab[:-1], slab[1:]), (inner[:, :-1], inner[:, 1:]), (inner[:, :, :-1], inner[:, :, 1:])):
            at = (first != second) & (first > 0) & (second > 0)
            a, b = first[at].astype(np.int64), second[at].astype(np.int64)
            both = np.minimum(a, b) * size + np.maximum(a, b)
            if size * size <= _DENSE:
                table = np.bincount(both, minlength=size * size)
                found = np.flatnonzero(table)
                codes.append(found)
                counts.append(table[found])
            else:
                found, number = np.unique(both, return_counts=True)
                codes.append(found)
                counts.append(number)
    if not codes:
        return np.empty((0, 2), np.int64), np.empty(0, np.int64)
    unique, place = np.unique(np.concatenate(codes), return_inverse=True)
    faces = np.bincount(place, np.concatenate(counts), len(unique)).astype(np.int64)
    return np.stack([unique // size, unique % size], axis=1), faces
