"""Edits of label volumes as values: the new volume, and the difference that undo keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.imaging.slabs import slabs


@dataclass(frozen=True)
class LabelDelta:
    """The difference between two label volumes.

    Attributes
    ----------
    box
        Slices (z, y, x) of the bounding box.
    mask
        bool, shape of the box: voxels that changed.
    old, new
        Labels ``(n,)`` of these voxels before and after, in the order of the mask.
    old_quaternions, new_quaternions
        Orientation rows before and after, or None.
    """

    box: tuple[slice, slice, slice]
    mask: NDArray[np.bool_]
    old: NDArray[Any]
    new: NDArray[Any]
    old_quaternions: NDArray[np.float64] | None = None
    new_quaternions: NDArray[np.float64] | None = None

    @property
    def nbytes(self) -> int:
        """Memory that the difference takes."""
        rows = [q.nbytes for q in (self.old_quaternions, self.new_quaternions) if q is not None]
        return self.mask.nbytes + self.old.nbytes + self.new.nbytes + sum(rows)

    def apply(self, labels: LabelVolume) -> LabelVolume:
        """The volume after the edit, from the one before."""
        return self._put(labels, self.new, self.new_quaternions)

    def revert(self, labels: LabelVolume) -> LabelVolume:
        """The volume before the edit, from the one after."""
        return self._put(labels, self.old, self.old_quaternions)

    def _put(self, labels: LabelVolume, values: NDArray[Any], quaternions: NDArray[np.float64] | None) -> LabelVolume:
        changed = labels.labels.copy()
        changed[self.box][self.mask] = values
        return replace(labels, labels=changed, quaternions=quaternions)


def merge_labels(
    labels: LabelVolume, groups: Sequence[Sequence[int]], monitor: Monitor | None = None
) -> tuple[LabelVolume, LabelDelta]:
    """Make one object of each group; it keeps the label and the orientation of the group's first member.

    Parameters
    ----------
    groups
        Labels that belong together, each at least two; groups must not overlap.

    Returns
    -------
    labels, delta
        The new volume and what changed. Other labels keep their numbers; orientation rows of labels that are gone become NaN.

    Raises
    ------
    NmcError
        If a label does not exist, is the background, or stands in two groups (`field` "merge").
    """
    members = [label for group in groups for label in group]
    if any(len(set(group)) < 2 for group in groups):
        raise NmcError("a group to merge has fewer than two different labels", "name at least two", "merge")
    if len(set(members)) != len(members):
        raise NmcError(
            "a label stands twice among the groups to merge", "put all labels that belong together in one group", "merge"
        )
    target = {label: group[0] for group in groups for label in group[1:]}
    return _replace(labels, target, members, "merge", monitor or Monitor())


def delete_labels(labels: LabelVolume, delete: Sequence[int], monitor: Monitor | None = None) -> tuple[LabelVolume, LabelDelta]:
    """Make background of objects; as `merge_labels`.

    Raises
    ------
    NmcError
        If a label does not exist or is the background (`field` "delete").
    """
    return _replace(labels, dict.fromkeys(delete, 0), list(delete), "delete", monitor or Monitor())


def _replace(
    labels: LabelVolume, target: dict[int, int], members: list[int], field: str, monitor: Monitor
) -> tuple[LabelVolume, LabelDelta]:
    old = labels.labels
    size = max((int(old[part].max()) for part in slabs(old.shape, monitor.sub(0.0, 0.2), "Looking for labels")), default=0) + 1
    if bad := [label for label in members if not 0 < label < size]:
        raise NmcError(f"there is no label {bad[0]}", f"choose labels between 1 and {size - 1}", field)
    lookup = np.arange(size, dtype=old.dtype)
    for label, goal in target.items():
        lookup[label] = goal
    moving = np.zeros(size, bool)
    moving[list(target)] = True
    there = np.zeros(size, bool)
    changes = np.zeros(old.shape, bool)
    for part in slabs(old.shape, monitor.sub(0.2, 0.6), "Looking for labels"):
        there[old[part]] = True
        changes[part] = moving[old[part]]
    if gone := [label for label in members if not there[label]]:
        raise NmcError(f"there is no label {gone[0]}", "it was deleted or merged before, or never existed", field)
    new = np.empty_like(old)
    for part in slabs(old.shape, monitor.sub(0.6, 1.0), "Changing labels"):
        new[part] = lookup[old[part]]
    box = _bounding_box(changes)
    mask = changes[box].copy()
    quaternions = labels.quaternions
    if quaternions is not None:
        quaternions = quaternions.copy()
        quaternions[[label for label in target if label < len(quaternions)]] = np.nan
    delta = LabelDelta(box, mask, old[box][mask], new[box][mask], labels.quaternions, quaternions)
    return replace(labels, labels=new, quaternions=quaternions), delta


def _bounding_box(mask: NDArray[np.bool_]) -> tuple[slice, slice, slice]:
    parts = []
    for axis in range(3):
        others = tuple(k for k in range(3) if k != axis)
        used = np.flatnonzero(mask.any(axis=others))
        parts.append(slice(int(used[0]), int(used[-1]) + 1) if used.size else slice(0, 0))
    return parts[0], parts[1], parts[2]
