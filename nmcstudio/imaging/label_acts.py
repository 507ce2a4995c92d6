"""The acts of correction by hand: merge, delete, fill, flood and paint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import um_to_index
from nmcstudio.imaging import label_kernels as kernels
from nmcstudio.imaging.components import connected_components
from nmcstudio.imaging.label_edits import LabelEditor
from nmcstudio.imaging.label_index import Box

Point = tuple[float, float, float]
# Normal of a plane as an array axis; "all" is no plane.
NORMALS = {"all": -1, "xy": 0, "xz": 1, "yz": 2}


@dataclass(frozen=True)
class Merge:
    """Objects become one, with the label and the orientation of the first."""

    labels: tuple[int, ...]

    def change(self, editor: LabelEditor, monitor: Monitor) -> None:
        if len(set(self.labels)) < 2:
            raise NmcError("a group to merge has fewer than two different labels", "name at least two", "merge")
        if len(set(self.labels)) != len(self.labels):
            raise NmcError("a label stands twice in a group to merge", "name every label once", "merge")
        for label in self.labels:
            editor.require(label, "merge")
        for label in monitor.track(self.labels[1:], "Merging"):
            box = editor.index.box(label)
            editor.write(box, editor.labels[box] == label, self.labels[0])


@dataclass(frozen=True)
class Delete:
    """Objects become background."""

    labels: tuple[int, ...]

    def change(self, editor: LabelEditor, monitor: Monitor) -> None:
        for label in self.labels:
            editor.require(label, "delete")
        for label in monitor.track(dict.fromkeys(self.labels), "Deleting"):
            box = editor.index.box(label)
            editor.write(box, editor.labels[box] == label, 0)


@dataclass(frozen=True)
class Fill:
    """Background that an object encloses on all sides becomes the object; other objects inside it stay."""

    label: int

    def change(self, editor: LabelEditor, monitor: Monitor) -> None:
        editor.require(self.label, "fill")
        box = editor.index.box(self.label)
        here = editor.labels[box]
        regions, count = connected_components(here != self.label, monitor, "Looking for holes")
        enclosed = np.ones(count + 1, bool)
        enclosed[0] = False
        for axis in range(3):
            # A region that reaches the bounding box of the object goes on outside of it.
            enclosed[np.unique(regions.take([0, -1], axis=axis))] = False
        holes = enclosed[regions] & (here == 0)
        if (unobserved := editor.unobserved(box)) is not None:
            holes &= ~unobserved
        if not holes.any():
            raise NmcError(f"{editor.noun} {self.label} has no holes", "open pores stay: close them with the brush first", "fill")
        editor.write(box, holes, self.label)


@dataclass(frozen=True)
class Flood:
    """Background of one slice that is closed in all around becomes an object.

    `plane` is "xy", "xz" or "yz"; the slice is the one that holds the point (x, y, z) in um.
    """

    label: int
    plane: str
    point_um: Point

    def change(self, editor: LabelEditor, monitor: Monitor) -> None:
        check_new(editor, self.label, "flood")
        if self.plane not in ("xy", "xz", "yz"):
            raise NmcError("a contour is closed in a slice only", "choose the plane: xy, xz or yz", "plane")
        at = voxel_of(editor, self.point_um, "flood")
        axis = NORMALS[self.plane]
        box = tuple(slice(at[k], at[k] + 1) if k == axis else slice(0, n) for k, n in enumerate(editor.labels.shape))
        place: Box = box  # type: ignore[assignment]
        if editor.labels[at]:
            raise NmcError(
                f"the point lies in {editor.noun} {editor.labels[at]}", "click the background inside a contour", "flood"
            )
        regions, _ = connected_components(editor.labels[place] == 0, monitor, "Looking for the contour")
        region = regions[tuple(0 if k == axis else at[k] for k in range(3))]
        for other in (k for k in range(3) if k != axis):
            if (regions.take([0, -1], axis=other) == region).any():
                raise NmcError(
                    "the background here is not closed in: it reaches the border of the slice",
                    "close the contour with the brush, then fill it",
                    "flood",
                )
        mask = regions == region
        if (unobserved := editor.unobserved(place)) is not None:
            mask &= ~unobserved
        editor.write(place, mask, self.label)


@dataclass(frozen=True)
class Paint:
    """Voxels within `radius_um` of a line through points (x, y, z) in um become an object; label 0 erases.

    Attributes
    ----------
    plane
        "all" paints a ball in 3D; "xy", "xz", "yz" a disc in the slice of the first point.
    only_over
        Only voxels with this label change (0: the background); None changes all.
    """

    label: int
    radius_um: float
    points_um: tuple[Point, ...]
    plane: str = "all"
    only_over: int | None = None

    def change(self, editor: LabelEditor, monitor: Monitor) -> None:
        check_new(editor, self.label, "paint", erasing=True)
        if not (np.isfinite(self.radius_um) and self.radius_um > 0):
            raise NmcError("the brush has no size", "give a radius above 0", "paint")
        box = stroke_box(editor, self.points_um, self.radius_um, self.plane)
        if box is None:
            return
        mask = np.zeros(tuple(part.stop - part.start for part in box), bool)
        spacing = np.array(editor.volume.spacing_um)
        low = np.array(editor.volume.origin_um) + spacing * [part.start for part in box]
        points = np.array(self.points_um, float)[:, ::-1]
        for k in monitor.track(range(max(1, len(points) - 1)), "Painting"):
            p, q = points[k].copy(), points[min(k + 1, len(points) - 1)].copy()
            kernels.mark_capsule(mask, low, spacing, NORMALS[self.plane], p, q, float(self.radius_um))
        if self.only_over is not None:
            mask &= editor.labels[box] == self.only_over
        if (unobserved := editor.unobserved(box)) is not None:
            mask &= ~unobserved
        editor.write(box, mask, self.label)


def stroke_box(editor: LabelEditor, points_um: tuple[Point, ...], radius_um: float, plane: str) -> Box | None:
    """Voxels that a brush can reach; None if it stays outside of the volume."""
    volume = editor.volume
    index = um_to_index(np.array(points_um, float).reshape(-1, 3), volume.spacing_um, volume.origin_um)
    reach = radius_um / np.array(volume.spacing_um)
    # Numbers that are too large for an index are brought to the volume's surroundings before they become one.
    farthest = np.array(editor.labels.shape) + 1
    low = np.clip(np.ceil(index.min(axis=0) - reach - 1e-6), -1, farthest).astype(int)
    high = np.clip(np.floor(index.max(axis=0) + reach + 1e-6), -2, farthest).astype(int) + 1
    axis = NORMALS[plane]
    if axis >= 0:
        low[axis] = int(np.clip(np.floor(index[0, axis] + 0.5), -1, farthest[axis]))
        high[axis] = low[axis] + 1
    low, high = np.maximum(low, 0), np.minimum(high, editor.labels.shape)
    if (high <= low).any():
        return None
    return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])), slice(int(low[2]), int(high[2]))


def check_new(editor: LabelEditor, label: int, field: str, erasing: bool = False) -> None:
    """A label that exists, or the next free one."""
    if not (0 if erasing else 1) <= label <= editor.free:
        raise NmcError(f"there is no label {label}", f"choose one that exists, or {editor.free} for a new {editor.noun}", field)


def voxel_of(editor: LabelEditor, point_um: Point, field: str) -> tuple[int, int, int]:
    """Index (z, y, x) of the voxel that holds a point (x, y, z) in um.

    Raises
    ------
    NmcError
        If the point lies outside of the volume.
    """
    volume = editor.volume
    at = np.floor(um_to_index(np.array(point_um), volume.spacing_um, volume.origin_um) + 0.5)
    if not ((at >= 0) & (at < editor.labels.shape)).all():
        words = ", ".join(f"{v:.4g}" for v in point_um)
        raise NmcError(f"the point ({words}) µm lies outside of the volume", "give points inside", field)
    return int(at[0]), int(at[1]), int(at[2])
