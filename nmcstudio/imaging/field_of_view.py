"""Which voxels were imaged: everything, a cylinder, or a box. Outside is unknown, not background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.imaging.find_cylinder import Cylinder, find_cylinder

COMMON = 0.05  # a value that more of the voxels in the middle have is no filling


def find_box(values: NDArray[Any], sides: bool = True) -> tuple[slice, slice, slice]:
    """What is left of a volume without its constant padding.

    Slices of one single value at the ends of z are padding, and sides along y and x that all hold one value; but only if that
    value is rare in the middle: the background of a segmented volume, and pores that were cut off at 0, are not.

    Parameters
    ----------
    sides
        Look at y and x too.
    """
    nz, ny, nx = values.shape
    first, last = 0, nz
    fillings = set()
    while first < last and _one_value(values[first]):
        fillings.add(values[first].flat[0].item())
        first += 1
    while last > first and _one_value(values[last - 1]):
        fillings.add(values[last - 1].flat[0].item())
        last -= 1
    whole = (slice(0, nz), slice(0, ny), slice(0, nx))
    if last - first < 1 or _is_common(fillings, values, first, last):
        first, last, fillings = 0, nz, set()
    box = [slice(first, last), slice(0, ny), slice(0, nx)]
    for axis in (1, 2) if sides else ():
        for end in (0, -1):
            while box[axis].stop - box[axis].start > 1:
                at = box[axis].start if end == 0 else box[axis].stop - 1
                cut = list(box)
                cut[axis] = slice(at, at + 1)
                # A few slices say no in nearly all cases.
                if not _one_value(values[cut[0].start : cut[0].stop : max(1, (last - first) // 8), cut[1], cut[2]]):
                    break
                plane = values[tuple(cut)]
                if not _one_value(plane):
                    break
                fillings.add(plane.flat[0].item())
                box[axis] = slice(at + 1, box[axis].stop) if end == 0 else slice(box[axis].start, at)
    if _is_common(fillings, values, first, last):
        return box[0], whole[1], whole[2]
    return box[0], box[1], box[2]


def _is_common(fillings: set[Any], values: NDArray[Any], first: int, last: int) -> bool:
    """True if the middle of some slices holds a value often."""
    if not fillings:
        return False
    _, ny, nx = values.shape
    middle = slice(ny // 3, ny - ny // 3), slice(nx // 3, nx - nx // 3)
    inside = np.asarray(values[first : last : max(1, (last - first) // 16), middle[0], middle[1]])
    return any(np.mean(inside == filling) > COMMON for filling in fillings)


def _one_value(plane: NDArray[Any]) -> bool:
    first = plane.flat[0]
    return bool(np.isnan(plane).all()) if first != first else bool((plane == first).all())


@dataclass(frozen=True)
class Region:
    """What was imaged: a box, and a cylinder in it.

    Attributes
    ----------
    shape
        Voxels of the volume.
    box
        Part of the volume, (z, y, x).
    cylinder
        Along z within the box, its centre in the whole slice; or None.
    words
        What was chosen.
    """

    shape: tuple[int, int, int]
    box: tuple[slice, slice, slice]
    cylinder: Cylinder | None
    words: str

    @property
    def everything(self) -> bool:
        """True if all voxels are within."""
        return self.cylinder is None and all(part == slice(0, n) for part, n in zip(self.box, self.shape))

    def block(self, starts: tuple[int, int, int], stops: tuple[int, int, int]) -> NDArray[np.bool_] | None:
        """bool ``[z, y, x]`` of a part of the volume, a view that repeats one slice where all slices are alike; None if
        everything was imaged.
        """
        if self.everything:
            return None
        shape = tuple(b - a for a, b in zip(starts, stops))
        within = [(np.arange(a, b) >= part.start) & (np.arange(a, b) < part.stop) for a, b, part in zip(starts, stops, self.box)]
        plane = within[1][:, None] & within[2]
        if self.cylinder is None:
            return within[0][:, None, None] & plane
        if self.cylinder.lean == (0.0, 0.0):
            plane = plane & self.cylinder.slice_at(0.0, starts[1:], stops[1:])
            return np.broadcast_to(plane, shape) if within[0].all() and self._full_height else within[0][:, None, None] & plane
        middle = (self.box[0].start + self.box[0].stop - 1) / 2
        slices = [plane & self.cylinder.slice_at(z - middle, starts[1:], stops[1:]) for z in range(starts[0], stops[0])]
        return within[0][:, None, None] & np.stack(slices)

    @property
    def _full_height(self) -> bool:
        return self.box[0] == slice(0, self.shape[0])


class Observed:
    """The observed voxels of a volume that is not in memory, indexed by slices or blocks.

    Parameters
    ----------
    region
        The field of view.
    stored
        What the file says: array-like ``[z, y, x]``, not 0 where the sample was imaged; None if it says nothing.
    numbers
        The grey values, array-like ``[z, y, x]``, if some of them are no numbers, else None.
    """

    def __init__(self, region: Region, stored: Any = None, numbers: Any = None) -> None:
        self.region, self.stored, self.numbers = region, stored, numbers

    def __getitem__(self, index: Any) -> NDArray[np.bool_]:
        part = index if isinstance(index, slice) else slice(int(index), int(index) + 1)
        start, stop, _ = part.indices(self.region.shape[0])
        _, ny, nx = self.region.shape
        found = self.block((start, 0, 0), (stop, ny, nx))
        found = np.ones((stop - start, ny, nx), bool) if found is None else found
        return found if isinstance(index, slice) else found[0]

    def block(self, starts: tuple[int, int, int], stops: tuple[int, int, int]) -> NDArray[np.bool_] | None:
        """As `Region.block`."""
        within = self.region.block(starts, stops)
        box = tuple(slice(a, b) for a, b in zip(starts, stops))
        if self.stored is not None:
            there = np.asarray(self.stored[box] != 0)
            within = there if within is None else there & within
        if self.numbers is not None:
            known = np.isfinite(self.numbers[box])
            within = known if within is None else known & within
        return within


def field_of_view(
    values: NDArray[Any],
    observed: NDArray[np.bool_] | None = None,
    kind: str = "automatic",
    cylinder: Cylinder | None = None,
    box: tuple[int, ...] | None = None,
) -> tuple[NDArray[np.bool_] | None, str]:
    """The observed voxels of a volume.

    Parameters
    ----------
    values
        Array ``[z, y, x]``. Values that are no numbers are unknown.
    observed
        What is known already; combined with the rest.
    kind, cylinder, box
        As in `find_region`.

    Returns
    -------
    observed
        bool ``[z, y, x]``, or None if all voxels are observed.
    text
        What was chosen, in words.

    Raises
    ------
    NmcError
        If no cylinder or box is found or the box is empty.
    """
    region = find_region(values, kind, cylinder, box)
    mask, text = region.block((0, 0, 0), region.shape), region.words
    if observed is not None:
        mask = observed if mask is None else observed & mask
    if values.dtype.kind == "f":
        mask, missing = _numbers(values, mask)
        if missing:
            text += f", without {missing} voxels that hold no number"
    if mask is not None and not mask.any():
        raise NmcError("the field of view is empty", "choose a larger one", "field_of_view")
    return mask, text


def find_region(
    values: NDArray[Any],
    kind: str = "automatic",
    cylinder: Cylinder | None = None,
    box: tuple[int, ...] | None = None,
) -> Region:
    """The field of view of a volume, which may be on disk.

    Parameters
    ----------
    values
        Array ``[z, y, x]``, read by slices.
    kind
        "automatic" (what lies inside of constant padding, and a cylinder if one is found), "all", "cylinder" (the given or the
        found one), or "box" (the given one, or what lies inside of constant padding).
    cylinder
        The given cylinder.
    box
        z0, z1, y0, y1, x0, x1: first voxel and the one behind the last, of each axis.

    Raises
    ------
    NmcError
        If no cylinder or box is found or the box is empty.
    """
    nz, ny, nx = values.shape
    shape = (nz, ny, nx)
    whole = (slice(0, nz), slice(0, ny), slice(0, nx))
    if kind == "all":
        return Region(shape, whole, None, "the whole volume")
    if kind == "box":
        return _box(values, box)
    ends = find_box(values, sides=False)[0]
    chosen = cylinder or find_cylinder(values, ends, asked=kind == "cylinder")
    if chosen is not None:
        text = f"a cylinder of radius {chosen.radius:.1f} voxels around x {chosen.centre[1]:.1f}, y {chosen.centre[0]:.1f}"
        if chosen.lean != (0.0, 0.0):
            shift = np.array(chosen.lean) * (ends.stop - ends.start)
            text += f", leaning by x {shift[1]:.1f}, y {shift[0]:.1f} voxels over its height"
        if ends != whole[0]:
            text += f", slices {ends.start} to {ends.stop - 1}"
        return Region(shape, (ends, *whole[1:]), chosen, text)
    if kind == "cylinder":
        raise NmcError(
            "no cylindrical field of view was found", "give its radius, or choose another field of view", "field_of_view"
        )
    found = find_box(values)
    if found == whole:
        return Region(shape, whole, None, "the whole volume")
    return Region(shape, found, None, f"the box inside of constant padding, {_in_words(found)}")


def _numbers(values: NDArray[Any], mask: NDArray[np.bool_] | None) -> tuple[NDArray[np.bool_] | None, int]:
    """The mask without voxels that hold no number, and how many of them it had."""
    missing = 0
    for z in range(len(values)):
        known = np.isfinite(values[z])
        if known.all():
            continue
        lost = ~known if mask is None else ~known & mask[z]
        if lost.any():
            if mask is None or not mask.flags.writeable or mask.strides[0] == 0:
                mask = np.ones(values.shape, bool) if mask is None else np.array(mask)
            mask[z] &= known
            missing += int(lost.sum())
    return mask, missing


def _box(values: NDArray[Any], box: tuple[int, ...] | None) -> Region:
    nz, ny, nx = values.shape
    shape = (nz, ny, nx)
    if box is None:
        found = find_box(values)
        if found == (slice(0, nz), slice(0, ny), slice(0, nx)):
            raise NmcError("the volume has no constant padding", "give the box as six numbers: z0 z1 y0 y1 x0 x1", "box")
        return Region(shape, found, None, f"the box inside of constant padding, {_in_words(found)}")
    if len(box) != 6:
        raise NmcError("the box of the field of view is not complete", "give six numbers: z0 z1 y0 y1 x0 x1", "box")
    parts = [slice(max(0, low), min(n, high)) for low, high, n in zip(box[::2], box[1::2], shape)]
    if any(part.stop <= part.start for part in parts):
        raise NmcError(
            f"the box {' '.join(map(str, box))} lies outside the volume", f"stay within {' × '.join(map(str, shape))}", "box"
        )
    given = (parts[0], parts[1], parts[2])
    return Region(shape, given, None, f"the box {_in_words(given)}")


def _in_words(box: tuple[slice, slice, slice]) -> str:
    return ", ".join(f"{name} {part.start} to {part.stop - 1}" for name, part in zip("zyx", box))
