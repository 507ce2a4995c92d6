"""Euclidean distance transform in pieces that can be stopped."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.imaging.kernels import FAR, lower_envelope
from nmcstudio.imaging.slabs import slabs


def distance_inside(
    mask: NDArray[np.bool_], monitor: Monitor | None = None, edges: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> NDArray[np.float32]:
    """Distance of each voxel of a mask to the centre of the nearest voxel outside it; 0 outside.

    What lies beyond the array counts as inside: a particle that the border cuts is as wide there as it looks.

    Parameters
    ----------
    mask
        bool ``[z, y, x]``.
    edges
        Voxel edges (z, y, x) in the unit of the result.

    Returns
    -------
    distance
        float32 ``[z, y, x]``; the length of the array's diagonal where the mask has no outside at all.
    """
    monitor = monitor or Monitor()
    squared = np.empty(mask.shape, np.float32)
    nz, ny, _ = mask.shape
    message = "Measuring distances to the surface"
    for part in slabs(mask.shape, monitor.sub(0.0, 0.6), message):
        for z in range(part.start, part.stop):
            plane = np.where(mask[z], FAR, np.float32(0))
            lower_envelope(plane, edges[2])
            if ny > 1:
                columns = np.ascontiguousarray(plane.T)
                lower_envelope(columns, edges[1])
                plane = columns.T
            squared[z] = plane
    if nz > 1:
        for part in slabs(mask.shape, monitor.sub(0.6, 0.95), message, axis=1):
            for y in range(part.start, part.stop):
                columns = np.ascontiguousarray(squared[:, y].T)
                lower_envelope(columns, edges[0])
                squared[:, y] = columns.T
    largest = np.float32(sum((n * edge) ** 2 for n, edge in zip(mask.shape, edges)))
    for part in slabs(mask.shape, monitor.sub(0.95, 1.0), message):
        piece: NDArray[Any] = squared[part]
        np.minimum(piece, largest, out=piece)
        np.sqrt(piece, out=piece)
    return squared
