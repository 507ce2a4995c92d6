"""Points inside the grains that have no label get that of the nearest grain; the outside stays outside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Triple

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
        Reported to for each block of 64^3 points.
    enclosed
        bool ``[z, y, x]``, points that are known to lie inside the grains and are filled outside the closing too.

    Returns
    -------
    Number of points filled.
    """
    from scipy.ndimage import distance_transform_edt

    if distance_um <= 0:
        return 0
    reach = max(distance_um, _ENCLOSED_REACH * max(spacing_um))
    halo = tuple(max(2 * int(np.ceil(distance_um / edge)), int(np.ceil(reach / edge))) + 1 for edge in spacing_um)
    before = labels.copy()
    filled = 0
    blocks = list(_blocks(labels.shape))
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
        distance, nearest = distance_transform_edt(around == 0, sampling=spacing_um, return_indices=True)
        monitor.check()
        outside = distance > distance_um
        closed = distance_transform_edt(~outside, sampling=spacing_um) > distance_um if outside.any() else ~outside
        take = wanted & closed[inner] & (distance[inner] <= distance_um)
        if enclosed is not None:
            take |= wanted & enclosed[core] & (distance[inner] <= reach)
        source = tuple(axis[inner][take] for axis in nearest)
        labels[core][take] = around[source]
        filled += int(take.sum())
    return filled


def _blocks(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice, slice]]:
    for z in range(0, shape[0], _CORE):
        for y in range(0, shape[1], _CORE):
            for x in range(0, shape[2], _CORE):
                yield (
                    slice(z, min(z + _CORE, shape[0])),
                    slice(y, min(y + _CORE, shape[1])),
                    slice(x, min(x + _CORE, shape[2])),
                )
