"""The smoothed volume that is cut by the threshold: whole numbers with a scale, and their histogram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Triple, Volume
from nmcstudio.imaging.corrections import Fitted, fit_corrections
from nmcstudio.imaging.denoise import smooth_plane_to_codes, smooth_to_codes
from nmcstudio.imaging.faces import Faces, take_faces
from nmcstudio.imaging.field_of_view import field_of_view
from nmcstudio.imaging.segment_settings import SegmentSettings
from nmcstudio.imaging.slabs import slabs
from nmcstudio.imaging.threshold import Histogram, count_codes, histogram_of_counts

CODE_TYPES = (np.uint8, np.uint16)  # grey values of these types are codes themselves where nothing smooths them


@dataclass(frozen=True)
class Codes:
    """Grey values as whole numbers: ``value = offset + scale * code``.

    A value lies half a code away from its true one at most. A level between two codes, as Otsu's is, parts the true values and
    the codes alike.
    """

    offset: float
    scale: float

    def values(self, codes: NDArray[Any]) -> NDArray[np.float32]:
        """Grey values of codes of any shape."""
        return (self.offset + self.scale * codes.astype(np.float64)).astype(np.float32)

    def last_below(self, level: float) -> int:
        """The largest code that is not above a level: material is where ``codes > last_below(level)``; -1 if all are above."""
        return max(-1, int(np.floor((level - self.offset) / self.scale)))


@dataclass(frozen=True)
class Smoothed:
    """A smoothed volume.

    Attributes
    ----------
    codes
        uint8 or uint16 ``[z, y, x]``; the volume's own array where nothing was changed.
    scale
        What the codes mean.
    sigma_voxels
        Of the Gaussian filter.
    observed
        bool ``[z, y, x]``, or None if everything was.
    histogram
        Of the observed voxels, or None for a phase image.
    notes
        What was found, in words.
    faces
        Codes of the volume's faces, each filtered within its own plane.
    """

    codes: NDArray[Any]
    scale: Codes
    sigma_voxels: float
    observed: NDArray[np.bool_] | None
    histogram: Histogram | None
    notes: tuple[str, ...]
    faces: Faces = ()


def default_sigma(spacing_um: Triple, phase_value: int | None) -> float:
    """Smoothing in voxels: the published 0.512 um (4 voxels of 0.128 um), between 1 and 4 voxels; none for a phase image."""
    if phase_value is not None:
        return 0.0
    return float(np.clip(0.512 / np.cbrt(np.prod(spacing_um)), 1.0, 4.0))


def sigma_of(volume: Volume, settings: SegmentSettings) -> float:
    """The smoothing in use, in voxels."""
    return default_sigma(volume.spacing_um, settings.phase_value) if settings.sigma is None else settings.sigma


@dataclass(frozen=True)
class Ground:
    """What is known of a volume before its voxels are worked on; any piece of it can then be smoothed by itself.

    Attributes
    ----------
    observed
        bool ``[z, y, x]``, or None if everything is.
    fitted
        The corrections of the grey values; None for a phase image.
    scale
        What the codes of the smoothed volume mean.
    sigma_voxels
        Of the Gaussian filter.
    notes
        What was found, in words.
    """

    observed: NDArray[np.bool_] | None
    fitted: Fitted | None
    scale: Codes
    sigma_voxels: float
    notes: tuple[str, ...]

    @property
    def reach(self) -> int:
        """How far, in voxels, the Gaussian filter looks along each axis."""
        return int(4 * max(0.0, self.sigma_voxels) + 0.5)


def lay_ground(volume: Volume, settings: SegmentSettings, monitor: Monitor | None = None) -> Ground:
    """Field of view, fitted corrections, and the codes of a volume; takes one pass over it at most.

    Raises
    ------
    NmcError
        If there is no field of view or the volume holds no number.
    """
    monitor = monitor or Monitor()
    observed, where = field_of_view(volume.values, volume.observed, settings.field_of_view_kind, settings.cylinder, settings.box)
    return ground_within(volume.values, observed, where, sigma_of(volume, settings), settings, monitor)


def ground_within(
    values: NDArray[Any],
    observed: Any,
    where: str,
    sigma: float,
    settings: SegmentSettings,
    monitor: Monitor,
) -> Ground:
    """The ground of a field of view that is known.

    Parameters
    ----------
    values
        Array ``[z, y, x]``, or what can be indexed like one by slices.
    observed
        bool ``[z, y, x]``, or what can be indexed like it, or None.
    where
        The field of view in words.
    sigma
        Standard deviation of the Gaussian filter in voxels.
    """
    notes = [f"field of view: {where}"]
    if settings.phase_value is not None:
        smoothing = f", smoothed by {sigma:g} voxels" if sigma > 0 else ""
        notes.append(f"material is the phase of value {settings.phase_value}{smoothing}")
        return Ground(observed, None, Codes(0.0, 1 / 65535 if sigma > 0 else 1.0), sigma, tuple(notes))
    fitted = fit_corrections(values, observed, settings.corrections, monitor.sub(0.0, 0.7))
    scale = _codes(values, observed, fitted, sigma, monitor.sub(0.7, 1.0))
    return Ground(observed, fitted, scale, sigma, (*notes, *fitted.notes))


def _codes(values: NDArray[Any], observed: Any, fitted: Fitted, sigma: float, monitor: Monitor) -> Codes:
    """0 to 255 for 8-bit values, else from the smallest to the largest value that is left after the corrections."""
    if values.dtype in CODE_TYPES and sigma <= 0:
        return Codes(0.0, 1.0)
    if values.dtype == np.uint8:
        return Codes(0.0, 255 / 65535)
    low, high = np.inf, -np.inf
    for part in slabs(values.shape, monitor, "Looking at the grey values"):
        piece = values[part] if observed is None else values[part][observed[part]]
        if piece.size:
            low, high = min(low, float(np.min(piece))), max(high, float(np.max(piece)))
    if not np.isfinite(high - low):
        raise NmcError("the volume has grey values that are not numbers", "import it again, or mark them as not observed")
    low, high = fitted.range_of(low, high)
    return Codes(low, (high - low) / 65535 or 1.0)


def smooth_volume(
    volume: Volume, settings: SegmentSettings, monitor: Monitor | None = None, ground: Ground | None = None
) -> Smoothed:
    """Corrections and Gaussian filter of a volume.

    Parameters
    ----------
    ground
        From `lay_ground`; None lays it.

    Raises
    ------
    NmcError
        If the phase value does not occur.
    ComputationError
        If all observed voxels have one value.
    """
    monitor = monitor or Monitor()
    ground = ground or lay_ground(volume, settings, monitor.sub(0.0, 0.05))
    values = volume.values if ground.fitted is None else ground.fitted.correct(volume.values, monitor.sub(0.05, 0.4))
    codes, counts = smooth_codes(values, settings, ground, ground.observed, monitor.sub(0.4, 1.0))
    found = None
    if settings.phase_value is None:
        found = histogram_of_counts(counts, ground.scale.offset, ground.scale.scale)
    elif not codes.any():
        some = np.unique(volume.values[:: max(1, len(volume.values) // 16)])[:8]
        raise NmcError(
            f"no voxel has the value {settings.phase_value}",
            f"the volume has {', '.join(f'{v:g}' for v in some)}, …; choose one",
            "phase_value",
        )
    faces = smooth_faces(volume.values, settings, ground, ground.observed)
    return Smoothed(codes, ground.scale, ground.sigma_voxels, ground.observed, found, ground.notes, faces)


def smooth_faces(values: Any, settings: SegmentSettings, ground: Ground, observed: Any) -> Faces:
    """Codes of the faces of a volume, each filtered within its own plane.

    Parameters
    ----------
    values, observed
        Array ``[z, y, x]``, or what can be indexed like one by slices; `observed` may be None.
    """
    fitted = ground.fitted

    def block(starts: tuple[int, int, int], stops: tuple[int, int, int]) -> NDArray[Any]:
        box = tuple(slice(a, b) for a, b in zip(starts, stops))
        plain = fitted is None or fitted.changes_nothing
        taken = values[box] if plain or fitted is None else fitted.correct_block(values, list(starts), list(stops))
        return smooth_codes(taken, settings, ground, None if observed is None else observed[box], Monitor())[0]

    return take_faces(values.shape, block)


def smooth_codes(
    values: NDArray[Any],
    settings: SegmentSettings,
    ground: Ground,
    observed: NDArray[np.bool_] | None,
    monitor: Monitor,
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Gaussian filter of corrected grey values, or of the phase, ``[z, y, x]``: of a whole volume, or of a slab of it with
    `Ground.reach` more on every side.

    Returns
    -------
    codes
        uint8 or uint16 ``[z, y, x]``.
    counts
        How often each code occurs among the observed voxels.
    """
    picked = _picked(values, settings, monitor.sub(0.0, 0.3))
    if ground.sigma_voxels <= 0 and picked.dtype in CODE_TYPES:
        return picked, count_codes(picked, observed, monitor.sub(0.3, 1.0))
    return smooth_to_codes(picked, ground.sigma_voxels, observed, ground.scale.offset, ground.scale.scale, monitor.sub(0.3, 1.0))


def smooth_plane(volume: Volume, settings: SegmentSettings, ground: Ground, axis: int, index: int) -> NDArray[Any]:
    """One plane of what `smooth_volume` gives, with equal codes, from a slab around it.

    Parameters
    ----------
    ground
        From `lay_ground`.
    axis, index
        Axis (0 for z, 1 for y, 2 for x) and number of the plane.
    """
    starts, stops = [0, 0, 0], list(volume.shape)
    starts[axis] = max(0, index - ground.reach)
    stops[axis] = min(volume.shape[axis], index + ground.reach + 1)
    cut = tuple(slice(a, b) for a, b in zip(starts, stops))
    values = volume.values[cut]
    if ground.fitted is not None and not ground.fitted.changes_nothing:
        values = ground.fitted.correct_block(volume.values, starts, stops)
    picked, index = _picked(values, settings, Monitor()), index - starts[axis]
    if ground.sigma_voxels <= 0 and picked.dtype in CODE_TYPES:
        return picked.take(index, axis=axis)
    observed = None if ground.observed is None else ground.observed[cut]
    return smooth_plane_to_codes(picked, ground.sigma_voxels, observed, ground.scale.offset, ground.scale.scale, axis, index)


def _picked(values: NDArray[Any], settings: SegmentSettings, monitor: Monitor) -> NDArray[Any]:
    """The values, or 1 where they are the phase."""
    if settings.phase_value is None:
        return values
    picked = np.empty(values.shape, np.uint8)
    for part in slabs(values.shape, monitor, "Picking the phase"):
        np.equal(values[part], settings.phase_value, out=picked[part], casting="unsafe")
    return picked
