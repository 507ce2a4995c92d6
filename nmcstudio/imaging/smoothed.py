"""The smoothed volume that is cut by the threshold: whole numbers with a scale, and their histogram."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Triple, Volume
from nmcstudio.imaging.denoise import median, smooth
from nmcstudio.imaging.field_of_view import field_of_view
from nmcstudio.imaging.segment_settings import SegmentSettings
from nmcstudio.imaging.slabs import slabs
from nmcstudio.imaging.threshold import Histogram, histogram_of_codes


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

    def quantised(self, values: NDArray[Any]) -> NDArray[np.uint16]:
        """Nearest codes."""
        scaled = (values - np.float32(self.offset)) * np.float32(1 / self.scale)
        return np.rint(scaled).clip(0, 65535).astype(np.uint16)


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
    """

    codes: NDArray[Any]
    scale: Codes
    sigma_voxels: float
    observed: NDArray[np.bool_] | None
    histogram: Histogram | None
    notes: tuple[str, ...]


def default_sigma(spacing_um: Triple, phase_value: int | None) -> float:
    """Smoothing in voxels: the published 0.512 um (4 voxels of 0.128 um), between 1 and 4 voxels; none for a phase image."""
    if phase_value is not None:
        return 0.0
    return float(np.clip(0.512 / np.cbrt(np.prod(spacing_um)), 1.0, 4.0))


def sigma_of(volume: Volume, settings: SegmentSettings) -> float:
    """The smoothing in use, in voxels."""
    return default_sigma(volume.spacing_um, settings.phase_value) if settings.sigma is None else settings.sigma


def codes_of(volume: Volume, settings: SegmentSettings, monitor: Monitor | None = None) -> Codes:
    """Scale of the smoothed volume's codes: 0 to 255 for 8-bit values, else from the smallest to the largest value.

    Raises
    ------
    NmcError
        If the volume holds no number.
    """
    if settings.phase_value is not None:
        return Codes(0.0, 1 / 65535) if sigma_of(volume, settings) > 0 else Codes(0.0, 1.0)
    whole = volume.values.dtype in (np.uint8, np.uint16)
    if whole and sigma_of(volume, settings) <= 0:
        return Codes(0.0, 1.0)
    if volume.values.dtype == np.uint8:
        return Codes(0.0, 255 / 65535)
    low, high = np.inf, -np.inf
    for part in slabs(volume.shape, monitor or Monitor(), "Looking at the grey values"):
        piece = volume.values[part] if volume.observed is None else volume.values[part][volume.observed[part]]
        if piece.size:
            low, high = min(low, float(np.min(piece))), max(high, float(np.max(piece)))
    if not np.isfinite(high - low):
        raise NmcError("the volume has grey values that are not numbers", "import it again, or mark them as not observed")
    return Codes(low, (high - low) / 65535 or 1.0)


def region_of(volume: Volume, settings: SegmentSettings) -> tuple[NDArray[np.bool_] | None, str]:
    """Observed voxels, and the field of view in words, as `field_of_view`."""
    return field_of_view(volume.values, volume.observed, settings.field_of_view_kind, settings.cylinder, settings.box)


def smooth_volume(volume: Volume, settings: SegmentSettings, monitor: Monitor | None = None) -> Smoothed:
    """Field of view, median and Gaussian filter of a volume.

    Raises
    ------
    NmcError
        If the phase value does not occur.
    ComputationError
        If all observed voxels have one value.
    """
    monitor = monitor or Monitor()
    observed, where = region_of(volume, settings)
    sigma = sigma_of(volume, settings)
    scale = codes_of(volume, settings, monitor.sub(0.0, 0.05))
    notes = [f"field of view: {where}"]
    codes = smooth_codes(volume.values, settings, sigma, scale, observed, monitor.sub(0.05, 0.9))
    found = None
    if settings.phase_value is None:
        found = histogram_of_codes(codes, scale.offset, scale.scale, observed, monitor.sub(0.9, 1.0))
    else:
        if not codes.any():
            some = np.unique(volume.values[:: max(1, len(volume.values) // 16)])[:8]
            raise NmcError(
                f"no voxel has the value {settings.phase_value}",
                f"the volume has {', '.join(f'{v:g}' for v in some)}, …; choose one",
                "phase_value",
            )
        smoothing = f", smoothed by {sigma:g} voxels" if sigma > 0 else ""
        notes.append(f"material is the phase of value {settings.phase_value}{smoothing}")
    return Smoothed(codes, scale, sigma, observed, found, tuple(notes))


def smooth_codes(
    values: NDArray[Any],
    settings: SegmentSettings,
    sigma: float,
    scale: Codes,
    observed: NDArray[np.bool_] | None,
    monitor: Monitor,
) -> NDArray[Any]:
    """Median and Gaussian filter of an array ``[z, y, x]``, a whole volume or a slab of it: a voxel takes what lies within
    `reach` of it into account.
    """
    if settings.phase_value is None:
        picked = median(values, settings.median_radius, monitor.sub(0.0, 0.3))
    else:
        picked = np.empty(values.shape, np.uint8)
        for part in slabs(values.shape, monitor.sub(0.0, 0.3), "Picking the phase"):
            np.equal(values[part], settings.phase_value, out=picked[part], casting="unsafe")
    if sigma <= 0 and scale.scale == 1:
        return picked
    smoothed = smooth(picked, sigma, observed, monitor.sub(0.3, 0.95))
    codes = np.empty(values.shape, np.uint16)
    for part in slabs(values.shape, monitor.sub(0.95, 1.0), "Smoothing"):
        codes[part] = scale.quantised(smoothed[part])
    return codes


def reach(settings: SegmentSettings, sigma: float) -> int:
    """How far, in voxels, `smooth_codes` looks along each axis."""
    return (settings.median_radius if settings.phase_value is None else 0) + int(4 * max(0.0, sigma) + 0.5)


def smooth_plane(volume: Volume, settings: SegmentSettings, scale: Codes, axis: int, index: int) -> NDArray[Any]:
    """One plane of what `smooth_volume` gives, with equal codes, from a slab around it.

    Parameters
    ----------
    scale
        From `codes_of`.
    axis, index
        Axis (0 for z, 1 for y, 2 for x) and number of the plane.
    """
    sigma = sigma_of(volume, settings)
    far = reach(settings, sigma)
    low, high = max(0, index - far), min(volume.shape[axis], index + far + 1)
    cut = tuple(slice(low, high) if a == axis else slice(None) for a in range(3))
    observed, _ = region_of(volume, settings)
    slab = smooth_codes(volume.values[cut], settings, sigma, scale, None if observed is None else observed[cut], Monitor())
    return slab.take(index - low, axis=axis)
