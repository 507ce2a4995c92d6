"""The smooth field in which a particle's surface is a level (models.md 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, Volume
from nmcstudio.shell.lattice import Lattice, smooth_on_lattice

Surface = Literal["automatic", "grey", "mask", "voxel"]
#: Voxels around a label's end within which the filtered grey value crosses its level, if the label was made from it.
_GREY_ROOM = 2.0


@dataclass(frozen=True)
class SurfaceSource:
    """Where surfaces are taken from.

    Attributes
    ----------
    kind
        "grey", "mask" or "voxel".
    sigma_voxels, level
        The filter and the value of the filtered field at the surface.
    room_voxels
        How far from a label's end the field's level may lie.
    values, observed, offset
        Of "grey": the volume, what of it takes part in the filter, and the index of the labels' first voxel in it (z, y, x).
    """

    kind: Literal["grey", "mask", "voxel"]
    sigma_voxels: float
    level: float
    room_voxels: float
    values: NDArray[Any] | None = None
    observed: NDArray[np.bool_] | None = None
    offset: tuple[int, int, int] = (0, 0, 0)


def choose_source(
    particles: LabelVolume,
    ct: Volume | None,
    surface: Surface,
    mask_sigma_voxels: float,
    mask_level: float,
    monitor: Monitor,
) -> SurfaceSource:
    """The source that `surface` names; "automatic" is grey where there is a fitting CT volume and a level, else mask.

    Raises
    ------
    NmcError
        If the surface has no such name, or the grey one is asked for and cannot be had.
    """
    if surface not in ("automatic", "grey", "mask", "voxel"):
        raise NmcError(f"there is no surface {surface!r}", "use automatic, grey, mask or voxel", "surface")
    if surface == "grey" and ct is None:
        raise NmcError("the grey surface needs the CT volume", "import it, or take the surface from the voxels", "surface")
    if ct is not None and (surface == "grey" or (surface == "automatic" and particles.surface is not None)):
        try:
            return _grey_source(particles, ct)
        except NmcError as error:
            if surface == "grey":
                raise
            monitor.warn(f"{error.message}; the surface is taken from the voxels")
    if surface == "voxel":
        return SurfaceSource("voxel", 0.0, 0.0, 0.0)
    # The level moves the surface of a filtered half space by up to 1.7 sigma.
    return SurfaceSource("mask", mask_sigma_voxels, mask_level, 1.5 + 2.0 * mask_sigma_voxels)


def _grey_source(particles: LabelVolume, ct: Volume) -> SurfaceSource:
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
    level = particles.surface
    return SurfaceSource("grey", level.sigma_voxels, level.threshold, _GREY_ROOM, ct.values, observed, (z, y, x))


def field_around(
    labels: NDArray[Any], label: int, box: NDArray[np.int64], source: SurfaceSource, monitor: Monitor
) -> Lattice | None:
    """The source's field around one particle, with its origin in voxels of the labels; None for "voxel".

    Parameters
    ----------
    labels
        Unsigned ``[z, y, x]``.
    box
        int64 ``(3, 2)``, first and one past the last voxel of the particle.
    """
    if source.kind == "voxel":
        return None
    room = int(np.ceil(source.room_voxels)) + 1
    low, high = box[:, 0] - room, box[:, 1] + room
    if source.kind == "grey":
        offset = np.array(source.offset)
        found = smooth_on_lattice(source.values, low + offset, high + offset, source.sigma_voxels, source.observed, monitor)  # type: ignore[arg-type]
        return Lattice(found.values, found.origin - offset, found.stride)
    # Beyond the box there is nothing of the particle, and the filter must see that much of nothing.
    margin = room + int(np.ceil(4 * source.sigma_voxels)) + 4
    mask = np.zeros(box[:, 1] - box[:, 0] + 2 * margin, np.uint8)
    inner = tuple(slice(margin, margin + int(b - a)) for a, b in box)
    mask[inner] = labels[tuple(slice(int(a), int(b)) for a, b in box)] == label
    start = box[:, 0] - margin
    found = smooth_on_lattice(mask, low - start, high - start, source.sigma_voxels, None, monitor)
    return Lattice(found.values, found.origin + start, found.stride)
