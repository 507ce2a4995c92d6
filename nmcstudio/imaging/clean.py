"""After splitting: drop particles that are cut or too small, fill closed pores, and say what was done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.imaging.components import connected_components
from nmcstudio.imaging.slabs import slabs
from nmcstudio.imaging.split import measure


@dataclass(frozen=True)
class Removed:
    """What cleaning took away.

    Attributes
    ----------
    cut, small
        Number of particles that touched the border of the volume or of the observed region, and of those under the smallest size.
    cut_voxels, small_voxels
        Their voxels.
    """

    cut: int
    small: int
    cut_voxels: int
    small_voxels: int


def clean(
    labels: NDArray[Any],
    minimum_voxels: int,
    keep_cut: bool = False,
    observed: NDArray[np.bool_] | None = None,
    monitor: Monitor | None = None,
) -> tuple[NDArray[Any], Removed]:
    """Drop cut and small particles and number the others 1, 2, … in their order (models.md 2.5).

    Parameters
    ----------
    labels
        Integers ``[z, y, x]``, 0 is background.
    minimum_voxels
        Smallest size that is kept.
    keep_cut
        Keep particles that touch the border of the volume or an unobserved voxel.
    observed
        bool ``[z, y, x]`` or None.

    Returns
    -------
    labels
        uint16, or uint32 above 65535 particles.
    removed
        What was dropped; a particle that is both cut and small counts as cut.
    """
    monitor = monitor or Monitor()
    count = max((int(labels[part].max()) for part in slabs(labels.shape, monitor.sub(0.0, 0.1), "Cleaning")), default=0)
    sizes, touching = measure(labels, count, observed, monitor.sub(0.1, 0.6))
    there = sizes > 0
    there[0] = False
    cut = there & touching & (not keep_cut)
    small = there & ~cut & (sizes < minimum_voxels)
    kept = there & ~cut & ~small
    dtype = np.uint16 if kept.sum() < 65536 else np.uint32
    lookup = np.where(kept, np.cumsum(kept), 0).astype(dtype)
    result = np.empty(labels.shape, dtype)
    for part in slabs(labels.shape, monitor.sub(0.6, 1.0), "Cleaning"):
        result[part] = lookup[labels[part]]
    return result, Removed(int(cut.sum()), int(small.sum()), int(sizes[cut].sum()), int(sizes[small].sum()))


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
