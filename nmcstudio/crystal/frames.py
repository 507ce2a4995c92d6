"""The frames in which the vendors give Euler angles, and the one rotation that leads to ours.

Our sample frame is that of the map: x along the columns, y along the rows (downwards on screen), z into the sample, from slice
to slice. The vendors' angles refer to a frame turned against it by 180 degrees about an axis in the map or a diagonal of it;
EDAX numbers its four choices 1 to 4 and files rarely say which one was used (the EDAX HDF5 file does). For hexagonal and
trigonal lattices Oxford and Bruker lay x of the crystal along a*, EDAX along a: 30 degrees apart. Oxford's files in HDF5 state
the scanning rotation, which turns the map about its normal: 180 degrees are usual, and 0 leaves a half turn about y. In ESPRIT
x of the sample runs to the left and y down, a half turn about y too. Sources differ on EDAX's settings 3 and 4: MTEX turns about
x and y for .ang files, as here, and about y and x for HDF5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.crystal.quaternions import from_axis_angle, multiply
from nmcstudio.crystal.symmetry import laue_class


@dataclass(frozen=True)
class Frame:
    """A vendor's frame.

    Attributes
    ----------
    words
        What the rotation does.
    axis
        Axis of the 180-degree rotation, (x, y, z) of the map; None where there is nothing to turn.
    crystal_x
        Which axis of a hexagonal lattice lies along x of the crystal frame: "a" or "a*".
    """

    words: str
    axis: tuple[float, float, float] | None
    crystal_x: str = "a"


_WITH_C_OF_HEXAGONS = ("-3", "-3m", "-31m", "6/m", "6/mmm")
FRAMES = {
    "none": Frame("Euler angles refer to the map's axes, nothing turned", None),
    "edax-1": Frame("EDAX setting 1, turned by 180° about x + y", (1, 1, 0)),
    "edax-2": Frame("EDAX setting 2, turned by 180° about x − y", (1, -1, 0)),
    "edax-3": Frame("EDAX setting 3, turned by 180° about x", (1, 0, 0)),
    "edax-4": Frame("EDAX setting 4, turned by 180° about y", (0, 1, 0)),
    "oxford": Frame("Oxford CS0, turned by 180° about x", (1, 0, 0), "a*"),
    "oxford-y": Frame("Oxford CS1 with a scan that is not rotated, turned by 180° about y", (0, 1, 0), "a*"),
    "bruker": Frame("Bruker, turned by 180° about x", (1, 0, 0), "a*"),
    "bruker-y": Frame("Bruker ESPRIT, turned by 180° about y", (0, 1, 0), "a*"),
}


def turn_from_map(
    quaternions: NDArray[np.float64], frame: str, point_groups: tuple[str, ...], phase: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """The inverse of `turn_to_map`, for files that are written in a vendor's frame; parameters as there."""
    chosen = FRAMES[frame]
    turned = quaternions
    if chosen.crystal_x == "a*":
        to_a_star = from_axis_angle((0, 0, 1), -np.pi / 6)
        there = np.isin(phase, _hexagonal(point_groups))[..., None]
        turned = np.where(there, multiply(to_a_star, turned), turned)
    if chosen.axis is not None:
        turned = multiply(turned, from_axis_angle(chosen.axis, -np.pi))
    return turned


def turn_to_map(
    quaternions: NDArray[np.float64], frame: str, point_groups: tuple[str, ...], phase: NDArray[np.uint8]
) -> tuple[NDArray[np.float64], str]:
    """Orientations in our frame, and in words what was turned.

    Parameters
    ----------
    quaternions
        ``(..., 4)``, sample to crystal in the vendor's frame.
    frame
        Key of `FRAMES`.
    point_groups
        Of each phase.
    phase
        ``(...)``, 1-based index of the phase, 0 where not indexed.

    Raises
    ------
    NmcError
        If the frame is unknown.
    """
    if frame not in FRAMES:
        raise NmcError(f"unknown reference frame {frame!r}", f"choose one of {', '.join(FRAMES)}", "frame")
    chosen = FRAMES[frame]
    turned = quaternions
    words = chosen.words
    if chosen.axis is not None:
        # 180 degrees are their own inverse: the same rotation leads from the map to the vendor's frame and back.
        turned = multiply(turned, from_axis_angle(chosen.axis, np.pi))
    hexagonal = _hexagonal(point_groups)
    if chosen.crystal_x == "a*" and hexagonal:
        # a* is 30 degrees from a, towards b.
        from_a_star = from_axis_angle((0, 0, 1), np.pi / 6)
        turned = np.where(np.isin(phase, hexagonal)[..., None], multiply(from_a_star, turned), turned)
        words += "; crystal turned by 30° about c, from x ∥ a* to x ∥ a"
    return turned, words


def _hexagonal(point_groups: tuple[str, ...]) -> list[int]:
    """Numbers (from 1) of the phases with a hexagonal or trigonal lattice."""
    return [index + 1 for index, name in enumerate(point_groups) if laue_class(name) in _WITH_C_OF_HEXAGONS]
