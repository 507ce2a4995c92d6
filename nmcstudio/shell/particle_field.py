"""The smooth field whose zero level is a particle's surface (models.md 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, Volume

Box = tuple[slice, slice, slice]
_CHUNK = 4_000_000


@dataclass(frozen=True)
class GreySource:
    """The grey volume under the labels: filtered again around each particle, so that no filtered copy of all is needed.

    `observed` has the shape of `values`; what it excludes takes no part in the filter, as in the segmentation.
    """

    values: NDArray[Any]
    observed: NDArray[np.bool_] | None
    offset: tuple[int, int, int]
    sigma_voxels: float
    threshold: float


def grey_source(particles: LabelVolume, ct: Volume) -> GreySource:
    """Where the labels lie in the grey volume that they were made from.

    Raises
    ------
    NmcError
        If the labels carry no grey level, or the two grids do not fit.
    """
    if particles.surface is None:
        raise NmcError(
            "the particles carry no grey level", "segment the CT volume here, or take the surface from the voxels", "surface"
        )
    shift = (np.asarray(particles.origin_um) - np.asarray(ct.origin_um)) / np.asarray(ct.spacing_um)
    offset = np.rint(shift).astype(int)
    fits = (
        np.allclose(particles.spacing_um, ct.spacing_um, rtol=1e-3)
        and np.allclose(shift, offset, atol=0.01)
        and bool(np.all(offset >= 0))
        and bool(np.all(offset + np.array(particles.shape) <= np.array(ct.shape)))
    )
    if not fits:
        raise NmcError(
            f"the particles ({particles.shape}, {particles.spacing_um} um) do not lie on the voxels of the CT volume "
            f"({ct.shape}, {ct.spacing_um} um)",
            "segment this CT volume, or take the surface from the voxels",
            "surface",
        )
    z, y, x = (int(v) for v in offset)
    observed = particles.observed if particles.shape == ct.shape else ct.observed
    return GreySource(ct.values, observed, (z, y, x), particles.surface.sigma_voxels, particles.surface.threshold)


def grow(box: Box, margin: int, shape: tuple[int, ...]) -> tuple[Box, NDArray[np.int64]]:
    """The box with a margin, cut at the array's end; and how much of the margin was cut, int64 ``(3, 2)``."""
    slices, cut = [], np.zeros((3, 2), dtype=np.int64)
    for axis, (side, size) in enumerate(zip(box, shape)):
        start, stop = side.start - margin, side.stop + margin
        cut[axis] = max(0, -start), max(0, stop - size)
        slices.append(slice(max(0, start), min(size, stop)))
    return (slices[0], slices[1], slices[2]), cut


def blur(values: NDArray[np.float32], sigma_voxels: float, monitor: Monitor) -> NDArray[np.float32]:
    """Gaussian filter with reflecting ends, in slabs between which the work can be cancelled."""
    from scipy.ndimage import gaussian_filter1d

    if sigma_voxels <= 0:
        return values
    out = values
    for axis in range(3):
        along = (axis + 1) % 3
        source, out = out, np.empty_like(out)
        slab = max(1, _CHUNK * out.shape[along] // max(out.size, 1))
        for start in range(0, out.shape[along], slab):
            monitor.check()
            part = [slice(None)] * 3
            part[along] = slice(start, start + slab)
            gaussian_filter1d(source[tuple(part)], sigma_voxels, axis, output=out[tuple(part)], mode="reflect", truncate=4.0)
    return out


def grey_field(mask: NDArray[np.bool_], box: Box, source: GreySource, monitor: Monitor) -> NDArray[np.float32]:
    """Distance of the filtered grey value from its level, positive in the particle and negative outside.

    The label decides about the sign, the grey value about the place between two voxels: where a neighbour touches, the
    grey value is high on both sides and the surface falls in the middle.

    Parameters
    ----------
    mask
        bool ``[z, y, x]``, the particle in `box`.
    box
        Of the label volume.
    """
    in_grey: Box = tuple(slice(s.start + o, s.stop + o) for s, o in zip(box, source.offset))  # type: ignore[assignment]
    wide, _ = grow(in_grey, int(np.ceil(4 * source.sigma_voxels)), source.values.shape)
    values = np.asarray(source.values[wide], dtype=np.float32)
    if source.observed is None or source.observed[wide].all():
        filtered = blur(values, source.sigma_voxels, monitor)
    else:
        known = source.observed[wide].astype(np.float32)
        filtered = blur(values * known, source.sigma_voxels, monitor)
        filtered /= np.maximum(blur(known, source.sigma_voxels, monitor), np.float32(1e-3))
    inner = tuple(slice(s.start - w.start, s.stop - w.start) for s, w in zip(in_grey, wide))
    height = np.abs(filtered[inner] - np.float32(source.threshold))
    # A voxel exactly at the level must stand on its label's side.
    np.maximum(height, np.float32(1e-6) * max(float(height.max(initial=0.0)), 1e-30), out=height)
    return np.where(mask, height, -height)


def mask_field(mask: NDArray[np.bool_], sigma_voxels: float, level: float, monitor: Monitor) -> NDArray[np.float32]:
    """The filtered binary particle minus its level; `mask` needs a margin of about 4 sigma."""
    return blur(mask.astype(np.float32), sigma_voxels, monitor) - np.float32(level)


def voxel_field(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """1 in the particle and -1 outside, for look-up by the nearest voxel."""
    return np.where(mask, np.float32(1), np.float32(-1))
