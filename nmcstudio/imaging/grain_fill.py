"""Points inside the grains that have no label get that of the nearest grain; the outside stays outside."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Triple
from nmcstudio.core.workers import beside

_CORE = 64
# Pieces that are too small for a grain are at most about this many voxels thick.
_ENCLOSED_REACH = 3.0


def fill_from_nearest(
    labels: NDArray[Any],
    fillable: NDArray[np.bool_],
    distance_um: float,
    spacing_um: Triple,
    monitor: Monitor,
    enclosed: NDArray[np.bool_] | None = None,
) -> int:
    """Give unlabelled points the label of the nearest grain, in place.

    A point is filled if it lies in the morphological closing of all grains with a ball of radius `distance_um`: holes and
    seams up to twice that wide are closed, while a free surface does not grow. The border of the volume is no surface.

    Parameters
    ----------
    labels
        ``[z, y, x]``, 0 is unlabelled; changed in place.
    fillable
        bool ``[z, y, x]``, where a label may be written.
    distance_um
        Radius of the ball in um; 0 or less fills nothing.
    spacing_um
        Voxel edges (z, y, x).
    monitor
        Reported to for each block of 64^3 points or more.
    enclosed
        bool ``[z, y, x]``, points that are known to lie inside the grains and are filled outside the closing too.

    Returns
    -------
    Number of points filled.
    """
    if distance_um <= 0:
        return 0
    reach = max(distance_um, _ENCLOSED_REACH * max(spacing_um))
    halo = tuple(max(2 * int(np.ceil(distance_um / edge)), int(np.ceil(reach / edge))) + 1 for edge in spacing_um)
    before = beside(labels.copy, monitor)
    filled = 0
    blocks = list(_blocks(labels.shape, halo))
    for index, core in enumerate(blocks):
        monitor.report(index / len(blocks), "filling gaps from the nearest grain")
        wanted = (before[core] == 0) & fillable[core]
        if not wanted.any():
            continue
        wide = tuple(slice(max(0, c.start - h), min(n, c.stop + h)) for c, h, n in zip(core, halo, labels.shape))
        inner = tuple(slice(c.start - w.start, c.stop - w.start) for c, w in zip(core, wide))
        around = before[wide]
        if not around.any():
            continue
        distance, closed, nearest = beside(partial(_closing, around, distance_um, spacing_um, inner), monitor)
        take = wanted & closed & (distance <= distance_um)
        if enclosed is not None:
            take |= wanted & enclosed[core] & (distance <= reach)
        labels[core][take] = around[tuple(axis[take] for axis in nearest)]
        filled += int(take.sum())
    return filled


def _closing(
    labels: NDArray[Any], distance_um: float, spacing_um: Triple, inner: tuple[slice, ...]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int32]]:
    """For the inner part of a block: distance to the nearest label, whether the closing holds the point, where the label is."""
    from scipy.ndimage import distance_transform_edt

    distance, nearest = distance_transform_edt(labels == 0, sampling=spacing_um, return_indices=True)
    outside = distance > distance_um
    closed = distance_transform_edt(~outside, sampling=spacing_um) > distance_um if outside.any() else ~outside
    return distance[inner], closed[inner], nearest[(slice(None), *inner)]


def _blocks(shape: tuple[int, ...], halo: tuple[int, ...]) -> Iterator[tuple[slice, slice, slice]]:
    """Blocks that are not small beside the halo around them: a far reach would be measured over and over."""
    sizes = [max(_CORE, 2 * reach) for reach in halo]
    for z in range(0, shape[0], sizes[0]):
        for y in range(0, shape[1], sizes[1]):
            for x in range(0, shape[2], sizes[2]):
                yield (
                    slice(z, min(z + sizes[0], shape[0])),
                    slice(y, min(y + sizes[1], shape[1])),
                    slice(x, min(x + sizes[2], shape[2])),
                )
