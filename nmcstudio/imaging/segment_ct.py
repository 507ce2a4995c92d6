"""From a grey-scale volume to labelled particles: field of view, smoothing, threshold, splitting, cleaning (models.md 2)."""

from __future__ import annotations

import numpy as np

from nmcstudio.core.errors import ComputationError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, SurfaceLevel, Volume
from nmcstudio.imaging.foreground import Foreground, cut_at_threshold
from nmcstudio.imaging.segment_settings import SegmentSettings
from nmcstudio.imaging.smoothed import smooth_volume
from nmcstudio.imaging.split import SplitHierarchy, split_hierarchy


def segment_ct(volume: Volume, settings: SegmentSettings | None = None, monitor: Monitor | None = None) -> LabelVolume:
    """Label the particles of a CT volume.

    While somebody holds a `Segmenter` of the same grey values, its stages are used and kept there; labels are the same with and
    without, but without one the stages share their memory.

    Parameters
    ----------
    volume
        Grey values, or phases (then give `phase_value`).
    settings
        All choices; None for the defaults.

    Raises
    ------
    ComputationError
        If no particle remains.
    """
    from nmcstudio.imaging.segmenter import live_segmenter

    monitor = monitor or Monitor()
    chosen = settings or SegmentSettings()
    live = live_segmenter(volume)
    if live is not None:
        return live.labels(chosen, monitor)
    material = cut_at_threshold(smooth_volume(volume, chosen, monitor.sub(0.0, 0.35)), chosen, monitor.sub(0.35, 0.45))
    hierarchy = split_hierarchy(
        material.mask,
        volume.spacing_um,
        material.observed,
        chosen.depth_voxels,
        method=chosen.method,
        monitor=monitor.sub(0.45, 0.95),
        faces=material.faces,
    )
    return particles_of(volume, material, hierarchy, chosen, monitor.sub(0.95, 1.0))


def minimum_voxels(volume: Volume, surface: SurfaceLevel | None, minimum_diameter_um: float | None) -> int:
    """Smallest particle in voxels: of a given diameter, or (4 sigma)^3 with sigma at least one voxel (models.md 2.5)."""
    if minimum_diameter_um is None:
        return round((4 * max(1.0, surface.sigma_voxels if surface else 0.0)) ** 3)
    return max(1, round(np.pi / 6 * minimum_diameter_um**3 / float(np.prod(volume.spacing_um))))


def particles_of(
    volume: Volume, material: Foreground, hierarchy: SplitHierarchy, settings: SegmentSettings, monitor: Monitor | None = None
) -> LabelVolume:
    """The particles for one value of `split`, from a hierarchy that is there already.

    Raises
    ------
    ComputationError
        If no particle remains.
    """
    minimum = minimum_voxels(volume, material.surface, settings.minimum_diameter_um)
    found = hierarchy.sort_out(settings.split, minimum, settings.keep_cut)
    removed = found.removed
    if not len(found.sizes):
        raise ComputationError(
            f"no particle is left (dropped {removed.cut} at the border and {removed.small} small ones)",
            "check threshold and field of view, lower the smallest size, raise split, or keep particles at the border",
        )
    notes = (
        *material.notes,
        removed.words(minimum),
    )
    return LabelVolume(
        hierarchy.labels(settings.split, minimum, settings.keep_cut, monitor),
        volume.spacing_um,
        volume.origin_um,
        material.observed,
        "particles",
        surface=material.surface,
        name=volume.name,
        simulated=volume.simulated,
        notes=notes,
    )
