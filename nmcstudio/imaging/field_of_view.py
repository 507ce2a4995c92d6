"""Which voxels were imaged: everything, a cylinder, or a box. Outside is unknown, not background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError


@dataclass(frozen=True)
class Cylinder:
    """A field of view along z: centre (y, x) and radius, in voxels of the y and x axes."""

    centre: tuple[float, float]
    radius: float

    def mask(self, shape: tuple[int, int, int]) -> NDArray[np.bool_]:
        """bool ``[z, y, x]``; a view that repeats one slice."""
        y, x = np.ogrid[: shape[1], : shape[2]]
        disc = (y - self.centre[0]) ** 2 + (x - self.centre[1]) ** 2 <= self.radius**2
        return np.broadcast_to(disc, shape)


def find_cylinder(values: NDArray[Any]) -> Cylinder | None:
    """The cylinder outside of which a reconstruction holds one constant value; None if there is no such.

    Nine slices are looked at. The pixels that never differ from the corner's value must reach all four corners, what remains
    must fill a disc to 98 % (a disc that the volume's sides may cut) that reaches over half of the sides, and in each of the
    slices most of the disc must differ: so that a single particle amid nothing is not taken for a field of view.
    """
    nz, ny, nx = values.shape
    if min(ny, nx) < 16:
        return None
    sample = values[np.unique(np.linspace(0, nz - 1, 9).astype(int))]
    filling = sample[0, 0, 0]
    used = (sample != filling).any(axis=0)
    if used[0, 0] or used[0, -1] or used[-1, 0] or used[-1, -1] or not used.any():
        return None
    rows, columns = np.flatnonzero(used.any(axis=1)), np.flatnonzero(used.any(axis=0))
    centre = ((rows[0] + rows[-1]) / 2, (columns[0] + columns[-1]) / 2)
    y, x = np.ogrid[:ny, :nx]
    squared = (y - centre[0]) ** 2 + (x - centre[1]) ** 2
    radius = float(np.sqrt(squared[used].max()))
    inside = squared <= radius**2
    reach = min((rows[-1] - rows[0] + 1) / ny, (columns[-1] - columns[0] + 1) / nx)
    if inside.all() or reach < 0.5 or (used & inside).sum() < 0.98 * inside.sum():
        return None
    if np.any((sample == filling)[:, inside].mean(axis=1) > 0.6):
        return None
    return Cylinder(centre, radius)


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
        Array ``[z, y, x]``.
    observed
        What is known already; combined with the rest.
    kind
        "automatic" (a cylinder if one is found), "all", "cylinder" (the given or the found one), or "box".
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
        If no cylinder is found or the box is empty.
    """
    mask, text = None, "the whole volume"
    if kind == "box":
        mask, text = _box(values.shape, box), "a box"
    elif kind in ("automatic", "cylinder"):
        chosen = cylinder or find_cylinder(values)
        if chosen is None and kind == "cylinder":
            raise NmcError(
                "no cylindrical field of view was found", "give its radius, or choose another field of view", "field_of_view"
            )
        if chosen is not None:
            mask = chosen.mask(values.shape)
            text = f"a cylinder of radius {chosen.radius:.0f} voxels around x {chosen.centre[1]:.0f}, y {chosen.centre[0]:.0f}"
    if observed is not None:
        mask = observed if mask is None else observed & mask
    if mask is not None and not mask.any():
        raise NmcError("the field of view is empty", "choose a larger one", "field_of_view")
    return mask, text


def _box(shape: tuple[int, ...], box: tuple[int, ...] | None) -> NDArray[np.bool_]:
    if box is None or len(box) != 6:
        raise NmcError("the box of the field of view is missing", "give six numbers: z0 z1 y0 y1 x0 x1", "box")
    parts = [slice(max(0, low), min(n, high)) for low, high, n in zip(box[::2], box[1::2], shape)]
    if any(part.stop <= part.start for part in parts):
        raise NmcError(
            f"the box {' '.join(map(str, box))} lies outside the volume", f"stay within {' × '.join(map(str, shape))}", "box"
        )
    mask = np.zeros(shape, bool)
    mask[tuple(parts)] = True
    return mask
