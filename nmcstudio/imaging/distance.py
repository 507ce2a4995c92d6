"""Euclidean distance to the surface."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.workers import in_threads, planes_of, slices
from nmcstudio.imaging import distance_kernels

PIECE_VOXELS = 2_000_000
WHOLE_FAR = 65535  # squared distances in uint16 reach to just below


def squared_distance_inside(
    mask: NDArray[np.bool_],
    edges: tuple[float, float, float] = (1.0, 1.0, 1.0),
    observed: NDArray[np.bool_] | None = None,
    monitor: Monitor | None = None,
) -> tuple[NDArray[Any], float]:
    """Exact squared distance of each voxel of a mask to the centre of the nearest voxel outside it; 0 outside.

    What lies beyond the array counts as inside: a particle that the border cuts is as wide there as it looks. A slab with as
    much around it as the largest distance in it gives equal values.

    Parameters
    ----------
    mask
        bool ``[z, y, x]``.
    edges
        Voxel edges (z, y, x).
    observed
        bool ``[z, y, x]`` or None; what is not observed counts as inside too.

    Returns
    -------
    squared
        ``[z, y, x]``: uint16 where voxels are cubes and no distance is above 255 of them, else float32.
    unit
        What 1 of `squared` means, in squares of the unit of `edges`; the array's diagonal is the largest distance there is,
        found where the mask has no outside at all.
    """
    monitor = monitor or Monitor()
    if edges[0] == edges[1] == edges[2]:
        squared = _squared(mask, observed, (1, 1, 1), WHOLE_FAR, np.uint16, monitor)
        if not any((squared[part] == WHOLE_FAR).any() for part in planes_of(mask.shape, PIECE_VOXELS)):
            return squared, float(edges[0]) ** 2
    far = float(sum((n * edge) ** 2 for n, edge in zip(mask.shape, edges)))
    return _squared(mask, observed, tuple(map(float, edges)), far, np.float32, monitor), 1.0


def _squared(
    mask: NDArray[np.bool_],
    observed: NDArray[np.bool_] | None,
    edges: tuple[Any, ...],
    far: Any,
    dtype: Any,
    monitor: Monitor,
) -> NDArray[Any]:
    nz, ny, nx = mask.shape
    squared = np.empty(mask.shape, dtype)
    message = "Measuring distances to the surface"

    def planes(part: slice) -> None:
        solid = mask[part] if observed is None else mask[part] | ~observed[part]
        distance_kernels.in_planes(solid, edges[1], edges[2], far, squared[part], np.empty((ny, nx), dtype))

    def columns(part: slice) -> None:
        distance_kernels.across_planes(squared, part.start, part.stop, edges[0], far, np.empty((nz, nx), dtype))

    in_threads(planes, planes_of(mask.shape, PIECE_VOXELS), monitor.sub(0.0, 0.5), message)
    in_threads(columns, slices(ny, PIECE_VOXELS // (nz * nx)), monitor.sub(0.5, 1.0), message)
    return squared
