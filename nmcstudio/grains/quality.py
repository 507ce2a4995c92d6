"""How well a tessellation gives back the grains that it was fitted to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.grains import Tessellation
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.grains.labelling import label_grid
from nmcstudio.stats.descriptors import Descriptors, describe_labels

_OPEN_SHARE = 0.05  # of a grain's faces towards background; more is a free surface, not a cell


def agreements_of(index: NDArray[np.int32], rows: NDArray[np.int32], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Voxels of each of `count` grains (rows from 0) that carry the index of that row, and all its voxels; plane by plane."""
    right, every = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for a, b in zip(index, rows):
        right += np.bincount(b[(a == b) & (b >= 0)], minlength=count)
        every += np.bincount(b[b >= 0], minlength=count)
    return right, every


def with_quality(
    tessellation: Tessellation,
    grains: LabelVolume,
    described: Descriptors | None = None,
    rows: NDArray[np.int32] | None = None,
    monitor: Monitor | None = None,
) -> Tessellation:
    """The tessellation with its figures of quality on all voxels of the grains, and what it needs to know of the grains.

    Parameters
    ----------
    tessellation
        Its `labels` are labels of `grains`.
    grains
        The label volume; gaps between grains may have been filled.
    described
        Descriptors of `grains`, if they are known already.
    rows
        int32 ``[z, y, x]``: generator of each voxel whose agreement counts, -1 elsewhere; all voxels of grains if None.
    monitor
        Progress and cancel.
    """
    monitor = monitor or Monitor()
    known = described or describe_labels(grains, monitor=monitor.sub(0.0, 0.3))
    t = tessellation
    shape, spacing, origin = grains.shape, grains.spacing_um, grains.origin_um
    index = label_grid(t.kind, t.seeds_um, t.weights, t.matrices, shape, spacing, origin, monitor.sub(0.3, 0.6))
    table = np.full(int(max(grains.labels.max(initial=0), t.labels.max(initial=0))) + 1, -1, np.int32)
    table[t.labels] = np.arange(len(t), dtype=np.int32)
    if rows is None:
        rows = table[grains.labels]
        if grains.observed is not None:
            rows[~grains.observed] = -1
    right, every = agreements_of(index, rows, len(t))
    index += 1
    index[grains.labels == 0] = 0
    fitted = describe_labels(LabelVolume(index, spacing, origin, grains.observed), monitor=monitor.sub(0.6, 1.0))
    n = len(t)
    volumes, centroids = np.zeros(n), np.full((n, 3), np.nan)
    volumes[fitted.labels - 1] = fitted.volumes_um3
    centroids[fitted.labels - 1] = fitted.centroids_um
    place = np.searchsorted(known.labels, t.labels)
    truth = {tuple(pair) for pair in table[known.pairs].tolist() if min(pair) >= 0}
    found = {tuple(pair) for pair in (fitted.pairs - 1).tolist()}
    return replace(
        t,
        agreement=float(right.sum() / max(every.sum(), 1)),
        agreements=np.divide(right, every, out=np.full(n, np.nan), where=every > 0),
        centroids_um=known.centroids_um[place],
        volumes_um3=known.volumes_um3[place],
        complete=~known.touches_border[place] & (known.background_shares[place] <= _OPEN_SHARE),
        volume_errors=volumes / known.volumes_um3[place] - 1.0,
        centroid_errors_um=np.linalg.norm(centroids - known.centroids_um[place], axis=1),
        neighbour_precision=len(truth & found) / len(found) if found else float("nan"),
        neighbour_recall=len(truth & found) / len(truth) if truth else float("nan"),
        empty_cells=n - len(fitted),
        observed_volume_um3=float(known.volumes_um3.sum()),
    )
