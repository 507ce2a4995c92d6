"""How a tessellation was observed: the region where its seeds count, the raster of its image, and which generators show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.grains import Tessellation
from nmcstudio.core.volume import LabelVolume
from nmcstudio.grains.visibility import Raster
from nmcstudio.grains.windows import Observation
from nmcstudio.stats.regions import BoxRegion, MaskRegion, Region

_FULL = 0.995  # share of a grain map from which on it counts as a full box
# Per intensity^(-1/3), where the image is not known: 15 per mean volume-equivalent diameter, as in the published data.
_VOXELS_ACROSS = 12.1


def observed_region(tessellation: Tessellation, grains: LabelVolume | None = None) -> Region:
    """Where the seeds were observed (erratum E18).

    Parameters
    ----------
    tessellation
        Gives the window, and the observed volume where it is known.
    grains
        The label volume behind it: its grain voxels are the region then, with edge corrections of their own.
    """
    if grains is not None:
        mask = np.asarray(grains.labels) > 0
        if grains.observed is not None:
            mask &= grains.observed
        if mask.mean() < _FULL:
            return MaskRegion(mask, grains.spacing_um, grains.origin_um)
    window = tessellation.window_um
    volume = float(np.prod(window[:, 1] - window[:, 0]))
    known = np.isfinite(tessellation.observed_volume_um3) and tessellation.observed_volume_um3 > 0
    return BoxRegion(window, min(tessellation.observed_volume_um3 / volume, 1.0) if known else 1.0)


def visible_generators(tessellation: Tessellation, minimum_voxels: int, voxel_um3: float) -> NDArray[np.bool_]:
    """Generators that the fit may use: those that own voxels, of grains with enough of them.

    The generator of a grain of few voxels is hardly determined by them. Simulated windows leave the same cells out.
    """
    used = np.all(np.isfinite(tessellation.seeds_um), axis=1) & np.isfinite(tessellation.weights)
    if tessellation.volume_errors is not None:
        used &= ~(tessellation.volume_errors <= -1.0 + 1e-9)
    if tessellation.volumes_um3 is not None:
        used &= ~(tessellation.volumes_um3 < (minimum_voxels - 1e-6) * voxel_um3)
    return used


def observe(tessellation: Tessellation, grains: LabelVolume | None, minimum_voxels: int) -> Observation:
    """The region and the raster of the data, for simulated windows to be looked at in the same way."""
    region = observed_region(tessellation, grains)
    if grains is not None:
        mask = np.asarray(grains.labels) > 0 if isinstance(region, MaskRegion) else None
        raster = Raster(grains.shape, grains.spacing_um, grains.origin_um, mask)
    else:
        edges = np.ptp(tessellation.window_um, axis=1)
        voxel = (region.volume_um3 / max(len(tessellation), 1)) ** (1 / 3) / _VOXELS_ACROSS
        shape = np.maximum(np.round(edges / voxel), 1).astype(int)
        spacing = edges / shape
        origin = tessellation.window_um[:, 0] + 0.5 * spacing
        sizes, steps, corner = shape[::-1].tolist(), spacing[::-1].tolist(), origin[::-1].tolist()
        raster = Raster((sizes[0], sizes[1], sizes[2]), (steps[0], steps[1], steps[2]), (corner[0], corner[1], corner[2]))
    everything = np.all(np.isfinite(tessellation.seeds_um), axis=1)
    x, y, z = (float(v) for v in centre_of(tessellation, everything))
    return Observation(region, raster, minimum_voxels, (x, y, z))


def centre_of(tessellation: Tessellation, used: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Centre of some grains by volume, (x, y, z) in um: what is radial is so from here."""
    places = tessellation.seeds_um if tessellation.centroids_um is None else tessellation.centroids_um
    volumes = None if tessellation.volumes_um3 is None else tessellation.volumes_um3[used]
    return np.asarray(np.average(places[used], axis=0, weights=volumes))


def of_simulation(observation: Observation) -> Observation:
    """The observation of a simulated window: it is full, whatever share of the data's box was."""
    region = observation.region
    return replace(observation, region=replace(region, fill=1.0)) if isinstance(region, BoxRegion) else observation
