"""Which voxels were imaged: everything, a cylinder, or a box. Outside is unknown, not background."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.imaging.find_cylinder import Cylinder, find_cylinder

COMMON = 0.05  # a value that more of the voxels inside have is no filling


def find_box(values: NDArray[Any], sides: bool = True) -> tuple[slice, slice, slice]:
    """What is left of a volume without its constant padding.

    Slices of one single value at the ends of z are padding. Sides along y and x are padding if they all hold one value that is
    rare inside: pores that were cut off at 0 are not.

    Parameters
    ----------
    sides
        Look at y and x too.
    """
    nz, ny, nx = values.shape
    first, last = 0, nz
    while first < last and _one_value(values[first]):
        first += 1
    while last > first and _one_value(values[last - 1]):
        last -= 1
    whole = (slice(0, nz), slice(0, ny), slice(0, nx))
    if last - first < 1:
        return whole
    box = [slice(first, last), slice(0, ny), slice(0, nx)]
    if not sides:
        return box[0], box[1], box[2]
    fillings = set()
    for axis in (1, 2):
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
    inside = values[first : last : max(1, (last - first) // 16), box[1], box[2]]
    if any(np.mean(inside == filling) > COMMON for filling in fillings):
        return box[0], whole[1], whole[2]
    return box[0], box[1], box[2]


def _one_value(plane: NDArray[Any]) -> bool:
    first = plane.flat[0]
    return bool(np.isnan(plane).all()) if first != first else bool((plane == first).all())


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
    kind
        "automatic" (what lies inside of constant padding, and a cylinder if one is found), "all", "cylinder" (the given or the
        found one), or "box" (the given one, or what lies inside of constant padding).
    cylinder
        The given cylinder.
    box
        z0, z1, y0, y1, x0, x1: first voxel and the one behind the last, of each axis.

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
    mask, text = None, "the whole volume"
    if kind == "box":
        mask, text = _box(values, box)
    elif kind in ("automatic", "cylinder"):
        mask, text = _found(values, kind, cylinder)
    if observed is not None:
        mask = observed if mask is None else observed & mask
    if values.dtype.kind == "f":
        mask, missing = _numbers(values, mask)
        if missing:
            text += f", without {missing} voxels that hold no number"
    if mask is not None and not mask.any():
        raise NmcError("the field of view is empty", "choose a larger one", "field_of_view")
    return mask, text


def _found(values: NDArray[Any], kind: str, given: Cylinder | None) -> tuple[NDArray[np.bool_] | None, str]:
    shape = values.shape
    ends = find_box(values, sides=False)[0]
    inner = values[ends]
    chosen = given or find_cylinder(inner, asked=kind == "cylinder")
    if chosen is not None:
        text = f"a cylinder of radius {chosen.radius:.1f} voxels around x {chosen.centre[1]:.1f}, y {chosen.centre[0]:.1f}"
        if chosen.lean != (0.0, 0.0):
            shift = np.array(chosen.lean) * len(inner)
            text += f", leaning by x {shift[1]:.1f}, y {shift[0]:.1f} voxels over its height"
        mask = chosen.mask(inner.shape)
        if len(inner) == len(values):
            return mask, text
        padded = np.zeros(shape, bool)
        padded[ends] = mask
        return padded, f"{text}, slices {ends.start} to {ends.stop - 1}"
    if kind == "cylinder":
        raise NmcError(
            "no cylindrical field of view was found", "give its radius, or choose another field of view", "field_of_view"
        )
    box = find_box(values)
    if all(part == slice(0, n) for part, n in zip(box, shape)):
        return None, "the whole volume"
    return _box_mask(shape, box), f"the box inside of constant padding, {_in_words(box)}"


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


def _box(values: NDArray[Any], box: tuple[int, ...] | None) -> tuple[NDArray[np.bool_], str]:
    shape = values.shape
    if box is None:
        found = find_box(values)
        if all(part == slice(0, n) for part, n in zip(found, shape)):
            raise NmcError("the volume has no constant padding", "give the box as six numbers: z0 z1 y0 y1 x0 x1", "box")
        return _box_mask(shape, found), f"the box inside of constant padding, {_in_words(found)}"
    if len(box) != 6:
        raise NmcError("the box of the field of view is not complete", "give six numbers: z0 z1 y0 y1 x0 x1", "box")
    parts = [slice(max(0, low), min(n, high)) for low, high, n in zip(box[::2], box[1::2], shape)]
    if any(part.stop <= part.start for part in parts):
        raise NmcError(
            f"the box {' '.join(map(str, box))} lies outside the volume", f"stay within {' × '.join(map(str, shape))}", "box"
        )
    given = (parts[0], parts[1], parts[2])
    return _box_mask(shape, given), f"the box {_in_words(given)}"


def _box_mask(shape: tuple[int, ...], box: tuple[slice, slice, slice]) -> NDArray[np.bool_]:
    mask = np.zeros(shape, bool)
    mask[box] = True
    return mask


def _in_words(box: tuple[slice, slice, slice]) -> str:
    return ", ".join(f"{name} {part.start} to {part.stop - 1}" for name, part in zip("zyx", box))
