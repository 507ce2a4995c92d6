"""Thin unlabelled seams between grains, given to the nearest grain before a fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume


def fill_gaps(grains: LabelVolume, reach_voxels: float, monitor: Monitor | None = None) -> LabelVolume:
    """Give background voxels in gaps of up to twice `reach_voxels` to the nearest grain; outer surfaces stay where they are.

    A morphological closing of all grains together with a ball of that radius (in voxels of the smallest edge) says which
    voxels these are. Nothing is copied where there is no background.
    """
    from scipy.ndimage import distance_transform_edt

    monitor = monitor or Monitor()
    labels = grains.labels
    background = labels == 0
    if reach_voxels <= 0 or not background.any() or background.all():
        return grains
    monitor.report(0.0, "Filling seams between grains")
    spacing = np.asarray(grains.spacing_um) / min(grains.spacing_um)
    distance, nearest = distance_transform_edt(background, sampling=spacing, return_indices=True)
    monitor.check()
    dilated = distance <= reach_voxels
    if dilated.all():
        closed = dilated
    else:
        closed = distance_transform_edt(dilated, sampling=spacing) > reach_voxels
    monitor.check()
    chosen = closed & background
    if grains.observed is not None:
        chosen &= grains.observed
    filled = labels.copy()
    filled[chosen] = labels[tuple(axis[chosen] for axis in nearest)]
    return replace(grains, labels=filled)
