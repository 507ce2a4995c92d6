"""Maps whose seams are boundaries between grains: quality, confidence, or any probability."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Volume
from nmcstudio.core.workers import beside
from nmcstudio.imaging.grain_fill import fill_from_nearest
from nmcstudio.imaging.grain_points import Points
from nmcstudio.imaging.grain_settings import GrainSettings
from nmcstudio.imaging.heights import Heights, heights_from


def boundary_values(stack: EbsdStack, settings: GrainSettings, volume: Volume | None) -> NDArray[np.float32]:
    """The map as float32 ``[z, y, x]``, turned round where its boundaries are bright; NaN where it says nothing.

    Raises
    ------
    NmcError
        If there is no such map, or it is of another shape.
    """
    if settings.boundary_map == "volume":
        if volume is None:
            raise NmcError("there is no boundary map", "choose its file", "boundary_file")
        if volume.shape != stack.shape:
            sizes = [" x ".join(map(str, each)) for each in (volume.shape, stack.shape)]
            raise NmcError(
                f"the boundary map has {sizes[0]} voxels, the orientation map {sizes[1]}",
                "make the map on the grid of the aligned stack",
                "boundary_file",
            )
        values = np.asarray(volume.values).astype(np.float32)
        if volume.observed is not None:
            values[~volume.observed] = np.nan
    else:
        values = stack.quality if settings.boundary_map == "quality" else stack.confidence
    return -values if settings.bright_boundaries else values


def map_heights(stack: EbsdStack, points: Points, settings: GrainSettings, volume: Volume | None, monitor: Monitor) -> Heights:
    """How bright each point is inside the closing of what is indexed, smoothed: hills are grains, valleys are boundaries.

    Heights are relative to the map's 1st and 99th percentile, so that `split` means the same for every scale.

    Raises
    ------
    NmcError
        If there is no such map, or it does not vary.
    """
    from nmcstudio.imaging.denoise import smooth

    values = beside(partial(boundary_values, stack, settings, volume), monitor)
    material = (points.ids > 0).astype(np.uint8)
    mean_edge = float(np.prod(stack.spacing_um)) ** (1 / 3)
    fill_from_nearest(material, points.observed, 2 * mean_edge, stack.spacing_um, monitor.sub(0.0, 0.5))
    inside, (low, high) = beside(partial(_range_inside, material, values), monitor)
    if not high > low:
        what = {"quality": "quality", "confidence": "confidence", "volume": "boundary map"}[settings.boundary_map]
        raise NmcError(f"the map has no {what} that could show boundaries", "use the method orientation", "method")
    known = points.observed & np.isfinite(values)
    everywhere = None if known.all() else known
    filled = beside(lambda: np.where(known, values, low), monitor)
    field = smooth(filled, settings.sigma_voxels, everywhere, monitor.sub(0.5, 1.0))

    def as_heights() -> Heights:
        return heights_from(np.where(inside, np.maximum((field - low) / (high - low), 0.01), 0).astype(np.float32))

    return beside(as_heights, monitor)


def _range_inside(material: NDArray[np.uint8], values: NDArray[np.float32]) -> tuple[NDArray[np.bool_], tuple[float, float]]:
    """Where the map says something of the material, and its 1st and 99th percentile there."""
    inside = (material > 0) & np.isfinite(values)
    if not inside.any():
        return inside, (0.0, 0.0)
    low, high = np.percentile(values[inside], [1, 99])
    return inside, (float(low), float(high))
