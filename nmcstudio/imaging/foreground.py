"""The material of a CT volume: smoothed grey values above a threshold, or all voxels of one phase (models.md 2.1 to 2.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import SurfaceLevel, Volume
from nmcstudio.core.workers import in_threads, planes_of
from nmcstudio.imaging.faces import Faces
from nmcstudio.imaging.pores import fill_pores
from nmcstudio.imaging.segment_settings import SegmentSettings
from nmcstudio.imaging.smoothed import Smoothed, smooth_volume
from nmcstudio.imaging.threshold import Histogram, otsu, share_above, volume_slope


@dataclass(frozen=True)
class Foreground:
    """The material of a volume before it is split.

    Attributes
    ----------
    mask
        bool ``[z, y, x]``, material; False where nothing was observed.
    observed
        bool ``[z, y, x]``, or None if everything was.
    surface
        Smoothing and grey level, or None for a phase image.
    histogram
        Of the smoothed observed voxels, or None for a phase image.
    notes
        What was found, in words.
    faces
        bool: where material goes on beyond the volume's faces; empty if that is wherever it touches them.
    """

    mask: NDArray[np.bool_]
    observed: NDArray[np.bool_] | None
    surface: SurfaceLevel | None
    histogram: Histogram | None
    notes: tuple[str, ...]
    faces: Faces = ()


def find_foreground(volume: Volume, settings: SegmentSettings | None = None, monitor: Monitor | None = None) -> Foreground:
    """The material of a volume.

    Parameters
    ----------
    settings
        All choices; None for the defaults.

    Raises
    ------
    NmcError
        If the phase value does not occur or the threshold lies outside the grey values.
    """
    monitor = monitor or Monitor()
    chosen = settings or SegmentSettings()
    return cut_at_threshold(smooth_volume(volume, chosen, monitor.sub(0.0, 0.75)), chosen, monitor.sub(0.75, 1.0))


def level_of(smoothed: Smoothed, settings: SegmentSettings) -> float:
    """The grey level of the surface: the given one, Otsu's, or one half of a phase.

    Raises
    ------
    NmcError
        If the given one lies outside the grey values.
    """
    found = smoothed.histogram
    if found is None:
        return 0.5
    if settings.threshold is None:
        return otsu(found)
    if not found.edges[0] < settings.threshold < found.edges[-1]:
        raise NmcError(
            f"the threshold {settings.threshold:g} lies outside the grey values {found.edges[0]:g} to {found.edges[-1]:g}",
            "choose one in between, or none for Otsu's",
            "threshold",
        )
    return settings.threshold


def cut_at_threshold(smoothed: Smoothed, settings: SegmentSettings, monitor: Monitor) -> Foreground:
    """The material of a smoothed volume."""
    notes = list(smoothed.notes)
    level = level_of(smoothed, settings)
    surface = None
    if smoothed.histogram is not None:
        how = "Otsu" if settings.threshold is None else "given"
        notes.append(f"{how} threshold {level:.6g}: {sensitivity(smoothed.histogram, level)}")
        surface = SurfaceLevel(smoothed.sigma_voxels, level)
    below = smoothed.scale.last_below(level)
    observed = smoothed.observed
    mask = np.empty(smoothed.codes.shape, bool)

    def cut(part: slice) -> None:
        np.greater(smoothed.codes[part], below, out=mask[part])
        if observed is not None:
            mask[part] &= observed[part]

    in_threads(cut, planes_of(mask.shape, 4_000_000), monitor.sub(0.0, 0.2), "Applying the threshold")
    if settings.fill_closed_pores:
        pores, voxels = fill_pores(mask, observed, monitor.sub(0.2, 1.0))
        if pores:
            notes.append(f"{pores} closed pores filled ({100 * voxels / max(1, mask.sum()):.2g} % of the material)")
    faces = tuple(face > below for face in smoothed.faces)
    return Foreground(mask, smoothed.observed, surface, smoothed.histogram, tuple(notes), faces)


def sensitivity(found: Histogram, level: float) -> str:
    """How much the volume depends on the threshold, in words."""
    slope = volume_slope(found, level)
    range_ = found.edges[-1] - found.edges[0]
    return (
        f"{100 * share_above(found, level):.1f} % material, dV/dthreshold {100 * slope:.3g} % per grey value "
        f"({slope * range_:.2g} % of the volume for 1 % of the grey range)"
    )
