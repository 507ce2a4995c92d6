"""Closed pores are filled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.imaging.components import connected_components
from nmcstudio.imaging.slabs import slabs
from nmcstudio.imaging.split import measure


def fill_pores(
    mask: NDArray[np.bool_], observed: NDArray[np.bool_] | None = None, monitor: Monitor | None = None
) -> tuple[NDArray[np.bool_], int, int]:
    """Fill pores that are closed: background that is not connected through faces to the border or to unobserved voxels.

    Returns
    -------
    mask
        The filled material.
    pores, voxels
        How many were filled and how large they were together.
    """
    monitor = monitor or Monitor()
    background = ~mask
    regions, count = connected_components(background, monitor.sub(0.0, 0.7), "Filling closed pores")
    sizes, outside = measure(regions, count, observed, monitor.sub(0.7, 0.85))
    closed = ~outside
    closed[0] = False
    filled = np.empty_like(mask)
    for part in slabs(mask.shape, monitor.sub(0.85, 1.0), "Filling closed pores"):
        filled[part] = mask[part] | closed[regions[part]]
    return filled, int(closed.sum()), int(sizes[closed].sum())
