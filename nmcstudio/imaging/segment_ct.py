"""From a grey-scale volume to labelled particles: field of view, smoothing, threshold, splitting, cleaning (models.md 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import ComputationError, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, SurfaceLevel, Triple, Volume
from nmcstudio.imaging.clean import clean, fill_pores
from nmcstudio.imaging.denoise import median, smooth
from nmcstudio.imaging.field_of_view import Cylinder, field_of_view
from nmcstudio.imaging.slabs import slabs
from nmcstudio.imaging.split import SplitHierarchy, split_hierarchy
from nmcstudio.imaging.threshold import Histogram, histogram, otsu, share_above, volume_slope


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
    """

    mask: NDArray[np.bool_]
    observed: NDArray[np.bool_] | None
    surface: SurfaceLevel | None
    histogram: Histogram | None
    notes: tuple[str, ...]


def find_foreground(
    volume: Volume,
    *,
    sigma: float | None = None,
    threshold: float | None = None,
    phase_value: int | None = None,
    field_of_view_kind: str = "automatic",
    cylinder: Cylinder | None = None,
    box: tuple[int, ...] | None = None,
    median_radius: int = 0,
    fill_closed_pores: bool = True,
    monitor: Monitor | None = None,
) -> Foreground:
    """The material: smoothed grey value above a threshold, or all voxels of one phase.

    Parameters
    ----------
    sigma
        Standard deviation of the Gaussian filter in voxels; None is `default_sigma`. A phase image with sigma > 0 is smoothed
        and cut at one half.
    threshold
        Grey value; None is Otsu's.
    phase_value
        The value that is active material in a volume that is segmented into phases already; None for grey values.
    field_of_view_kind, cylinder, box
        As in `field_of_view`.
    median_radius
        Radius in voxels of a median filter before the Gaussian one; 0 for none.
    fill_closed_pores
        Fill pores that are not connected to the outside.

    Raises
    ------
    NmcError
        If the phase value does not occur or the threshold lies outside the grey values.
    """
    monitor = monitor or Monitor()
    observed, where = field_of_view(volume.values, volume.observed, field_of_view_kind, cylinder, box)
    observed = None if observed is None else np.ascontiguousarray(observed)
    notes = [f"field of view: {where}"]
    surface, found = None, None
    if phase_value is None:
        sigma = default_sigma(volume.spacing_um, phase_value) if sigma is None else sigma
        grey: NDArray[Any] = median(volume.values, median_radius, monitor.sub(0.0, 0.3))
        grey = smooth(grey, sigma, observed, monitor.sub(0.3, 0.65))
        found = histogram(grey, observed, monitor.sub(0.65, 0.75))
        level = otsu(found) if threshold is None else threshold
        if not found.edges[0] < level < found.edges[-1]:
            raise NmcError(
                f"the threshold {level:g} lies outside the grey values {found.edges[0]:g} to {found.edges[-1]:g}",
                "choose one in between, or none for Otsu's",
                "threshold",
            )
        notes.append(f"{'Otsu' if threshold is None else 'given'} threshold {level:.6g}: {_sensitivity(found, level)}")
        surface = SurfaceLevel(sigma, level)
    else:
        grey, level, sigma = _phase(volume, phase_value, sigma or 0.0, observed, monitor.sub(0.0, 0.75))
        notes.append(f"material is the phase of value {phase_value}" + (f", smoothed by {sigma:g} voxels" if sigma else ""))
    mask = np.empty(volume.shape, bool)
    for part in slabs(volume.shape, monitor.sub(0.75, 0.8), "Applying the threshold"):
        np.greater(grey[part], level, out=mask[part])
        if observed is not None:
            mask[part] &= observed[part]
    if fill_closed_pores:
        mask, pores, voxels = fill_pores(mask, observed, monitor.sub(0.8, 1.0))
        if pores:
            notes.append(f"{pores} closed pores filled ({100 * voxels / max(1, mask.sum()):.2g} % of the material)")
    return Foreground(mask, observed, surface, found, tuple(notes))


def default_sigma(spacing_um: Triple, phase_value: int | None) -> float:
    """Smoothing in voxels: the published 0.512 um (4 voxels of 0.128 um), between 1 and 4 voxels; none for a phase image."""
    if phase_value is not None:
        return 0.0
    return float(np.clip(0.512 / np.cbrt(np.prod(spacing_um)), 1.0, 4.0))


def segment_ct(
    volume: Volume,
    *,
    split: float = 0.8,
    minimum_diameter_um: float | None = None,
    keep_cut: bool = False,
    depth_voxels: float = 0.5,
    monitor: Monitor | None = None,
    **foreground: Any,
) -> LabelVolume:
    """Label the particles of a CT volume.

    Parameters
    ----------
    volume
        Grey values, or phases (then give `phase_value`).
    split
        rho, 0 to 1: neighbours stay apart if the neck between them is narrower than this share of the smaller one. 0 keeps
        everything that touches together, 1 separates every bump.
    minimum_diameter_um
        Particles of a smaller volume-equivalent diameter are dropped; None is a cube of four sigma (at least four voxels).
    keep_cut
        Keep particles that touch the border of the volume or of the field of view.
    depth_voxels
        As in `split_hierarchy`.
    foreground
        Parameters of `find_foreground`.

    Raises
    ------
    ComputationError
        If no particle remains.
    """
    monitor = monitor or Monitor()
    material = find_foreground(volume, monitor=monitor.sub(0.0, 0.45), **foreground)
    hierarchy = split_hierarchy(
        material.mask, volume.spacing_um, material.observed, depth_voxels, monitor=monitor.sub(0.45, 0.92)
    )
    minimum = minimum_voxels(volume, material.surface, minimum_diameter_um)
    return particles_of(volume, material, hierarchy, split, minimum, keep_cut, monitor.sub(0.92, 1.0))


def minimum_voxels(volume: Volume, surface: SurfaceLevel | None, minimum_diameter_um: float | None) -> int:
    """Smallest particle in voxels: of a given diameter, or (4 sigma)^3 with sigma at least one voxel (models.md 2.5)."""
    if minimum_diameter_um is None:
        return round((4 * max(1.0, surface.sigma_voxels if surface else 0.0)) ** 3)
    return max(1, round(np.pi / 6 * minimum_diameter_um**3 / float(np.prod(volume.spacing_um))))


def particles_of(
    volume: Volume,
    material: Foreground,
    hierarchy: SplitHierarchy,
    split: float,
    minimum: int,
    keep_cut: bool,
    monitor: Monitor | None = None,
) -> LabelVolume:
    """The particles for one value of `split`, from a hierarchy that is there already.

    Raises
    ------
    ComputationError
        If no particle remains.
    """
    monitor = monitor or Monitor()
    labels, removed = clean(
        hierarchy.labels(split, monitor.sub(0.0, 0.4)), minimum, keep_cut, material.observed, monitor.sub(0.4, 1.0)
    )
    notes = [
        *material.notes,
        f"dropped: {removed.cut} particles at the border ({removed.cut_voxels} voxels), "
        f"{removed.small} smaller than {minimum} voxels ({removed.small_voxels} voxels)",
    ]
    if not labels.any():
        raise ComputationError(
            f"no particle is left (dropped {removed.cut} at the border and {removed.small} small ones)",
            "check threshold and field of view, lower the smallest size, raise split, or keep particles at the border",
        )
    return LabelVolume(
        labels,
        volume.spacing_um,
        volume.origin_um,
        material.observed,
        "particles",
        surface=material.surface,
        name=volume.name,
        simulated=volume.simulated,
        notes=tuple(notes),
    )


def _phase(
    volume: Volume, value: int, sigma: float, observed: NDArray[np.bool_] | None, monitor: Monitor
) -> tuple[NDArray[Any], float, float]:
    """Membership of a phase, smoothed where asked for, with its level of one half."""
    phase = np.empty(volume.shape, np.uint8)
    there = 0
    for part in slabs(volume.shape, monitor.sub(0.0, 0.4), "Picking the phase"):
        np.equal(volume.values[part], value, out=phase[part], casting="unsafe")
        there += int(phase[part].sum())
    if not there:
        some = np.unique(volume.values[:: max(1, len(volume.values) // 16)])[:8]
        raise NmcError(
            f"no voxel has the value {value}", f"the volume has {', '.join(f'{v:g}' for v in some)}, …; choose one", "phase_value"
        )
    return (smooth(phase, sigma, observed, monitor.sub(0.4, 1.0)) if sigma > 0 else phase), 0.5, sigma


def _sensitivity(found: Histogram, level: float) -> str:
    """How much the volume depends on the threshold, in words."""
    slope = volume_slope(found, level)
    range_ = found.edges[-1] - found.edges[0]
    return (
        f"{100 * share_above(found, level):.1f} % material, dV/dthreshold {100 * slope:.3g} % per grey value "
        f"({slope * range_:.2g} % of the volume for 1 % of the grey range)"
    )
