"""A label volume that acts change in place, and the differences that undo keeps."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.imaging.label_index import Box, LabelIndex, tight_box
from nmcstudio.imaging.label_orientations import Orientations
from nmcstudio.imaging.slabs import slabs


@dataclass(frozen=True)
class DeltaPart:
    """Voxels of one bounding box that changed.

    Attributes
    ----------
    box
        Slices (z, y, x).
    mask
        Which voxels of the box, as packed bits, deflated.
    count
        Their number.
    old, new
        Their labels before and after, in the order of the mask: one number where all are the same, else uint32, deflated.
    """

    box: Box
    mask: bytes
    count: int
    old: int | bytes
    new: int | bytes

    @property
    def nbytes(self) -> int:
        return 200 + len(self.mask) + sum(len(each) for each in (self.old, self.new) if isinstance(each, bytes))

    def unpacked_mask(self) -> NDArray[np.bool_]:
        shape = tuple(part.stop - part.start for part in self.box)
        bits = np.unpackbits(np.frombuffer(zlib.decompress(self.mask), np.uint8), count=int(np.prod(shape)))
        return bits.view(bool).reshape(shape)

    def labels(self, after: bool) -> NDArray[np.uint32]:
        """Labels of the voxels after the change, or before it."""
        packed = self.new if after else self.old
        if isinstance(packed, int):
            return np.full(self.count, packed, np.uint32)
        return np.frombuffer(zlib.decompress(packed), np.uint32)


def _pack(values: NDArray[Any]) -> int | bytes:
    first = int(values[0])
    return first if (values == first).all() else zlib.compress(values.astype(np.uint32).tobytes(), 1)


@dataclass(frozen=True)
class LabelDelta:
    """The difference that one act made.

    Attributes
    ----------
    parts
        Voxels, in the order in which they changed.
    touched
        Labels that lost or gained voxels, without the background.
    old_quaternions, new_quaternions
        Orientation rows before and after; None if the volume has none.
    widened
        The labels outgrew 16 bits in this act.
    """

    parts: tuple[DeltaPart, ...]
    touched: tuple[int, ...]
    old_quaternions: NDArray[np.float64] | None = None
    new_quaternions: NDArray[np.float64] | None = None
    widened: bool = False

    @property
    def nbytes(self) -> int:
        """Memory that the difference takes."""
        turned = self.old_quaternions is not self.new_quaternions
        rows = [q.nbytes for q in (self.old_quaternions, self.new_quaternions) if q is not None and turned]
        return sum(part.nbytes for part in self.parts) + sum(rows)

    @property
    def box(self) -> Box | None:
        """Bounding box of all changed voxels; None if nothing changed."""
        if not self.parts:
            return None
        low = [min(part.box[axis].start for part in self.parts) for axis in range(3)]
        high = [max(part.box[axis].stop for part in self.parts) for axis in range(3)]
        return slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2])


class Act(Protocol):
    """One edit: finds the voxels and writes them through `LabelEditor.write`."""

    def change(self, editor: LabelEditor, monitor: Monitor) -> None: ...


@dataclass
class LabelEditor:
    """Labels of their own that acts change where the objects are, however large the volume.

    Attributes
    ----------
    volume
        What the labels belong to: grid, observed voxels, kind, point group.
    labels
        uint16 or uint32 ``[z, y, x]``, changed in place.
    quaternions
        Orientation rows by label, replaced when they change; None without orientations.
    index
        Size and bounding box of each label.
    orientations
        The map behind grains: objects that an act has changed get their mean orientation from it. None: what an act makes
        inherits, and nothing else changes.
    """

    volume: LabelVolume
    labels: NDArray[Any]
    quaternions: NDArray[np.float64] | None
    index: LabelIndex
    orientations: Orientations | None = None
    _parts: list[DeltaPart] = field(default_factory=list)
    _touched: set[int] = field(default_factory=set)
    _shown: NDArray[Any] | None = None

    @classmethod
    def of(cls, volume: LabelVolume, monitor: Monitor | None = None, stack: EbsdStack | None = None) -> LabelEditor:
        """An editor on a copy of a volume's labels; `stack` is the map that grains came from, if it is at hand."""
        monitor = monitor or Monitor()
        labels = np.empty_like(volume.labels)
        for part in slabs(labels.shape, monitor.sub(0.0, 0.4), "Preparing the labels", voxels=1 << 24):
            labels[part] = volume.labels[part]
        # What it belongs to must not keep the array that was copied.
        grid = replace(volume, labels=labels)
        index = LabelIndex(labels, monitor.sub(0.4, 1.0))
        return cls(grid, labels, volume.quaternions, index, Orientations.of(stack, volume))

    def result(self) -> LabelVolume:
        """The volume as it stands, on the editor's own array; its `labels` is the same view as long as the array is."""
        if self._shown is None or self._shown.base is not self.labels:
            self._shown = self.labels.view()
            self._shown.flags.writeable = False
        return replace(self.volume, labels=self._shown, quaternions=self.quaternions)

    @property
    def noun(self) -> str:
        """What one object is called."""
        return self.volume.kind.rstrip("s")

    @property
    def free(self) -> int:
        """The label that a new object gets."""
        return self.index.highest + 1

    # Acts

    def do(self, act: Act, monitor: Monitor | None = None, passing: bool = False) -> LabelDelta:
        """Carry out an act; an exception leaves everything as it was. What is `passing` (a stroke as it grows) measures nothing.

        Raises
        ------
        NmcError
            If the act cannot be done.
        """
        before = self.quaternions
        narrow = self.labels.dtype
        self._parts, self._touched = [], set()
        try:
            act.change(self, monitor or Monitor())
        except BaseException:
            self.revert(self._taken(before, narrow))
            raise
        self._forget_orientations()
        if not passing:
            self._measure_orientations()
        if self.quaternions is not None:
            self.quaternions.flags.writeable = False
        return self._taken(before, narrow)

    def _taken(self, before: NDArray[np.float64] | None, narrow: Any) -> LabelDelta:
        touched = tuple(sorted(self._touched - {0}))
        return LabelDelta(tuple(self._parts), touched, before, self.quaternions, self.labels.dtype != narrow)

    def write(self, box: Box, mask: NDArray[np.bool_], new: int | NDArray[Any]) -> None:
        """Give voxels of a box new labels, one for all or ``(k,)`` in the order of the mask. For acts only."""
        values = np.broadcast_to(np.asarray(new, np.uint32), (int(np.count_nonzero(mask)),))
        changed = self.labels[box][mask] != values
        if not changed.any():
            return
        if not changed.all():
            mask = mask.copy()
            mask[mask] = changed
            values = values[changed]
        tight = tight_box(mask)
        inner = tuple(slice(int(a), int(b)) for a, b in zip(tight[:3], tight[3:]))
        mask = mask[inner]
        place: Box = tuple(slice(p.start + i.start, p.start + i.stop) for p, i in zip(box, inner))  # type: ignore[assignment]
        old = self.labels[place][mask]
        packed = zlib.compress(np.packbits(mask).tobytes(), 1)
        self._parts.append(DeltaPart(place, packed, len(values), _pack(old), _pack(values)))
        self._touched.update(self._put(place, mask, old, values))

    def _put(self, box: Box, mask: NDArray[np.bool_], old: NDArray[Any], new: NDArray[Any]) -> list[int]:
        if self.labels.dtype == np.uint16 and int(new.max(initial=0)) > 65535:
            self.labels = self.labels.astype(np.uint32)
        self.labels[box][mask] = new
        return self.index.change(self.labels, box, mask, old, new)

    def set_orientation(self, label: int, like: int) -> None:
        """Give a new object the orientation of another. For acts only."""
        if self.quaternions is not None:
            rows = self._rows(label)
            rows[label] = self.quaternions[like] if like < len(self.quaternions) else np.nan
            self.quaternions = rows

    def _rows(self, label: int) -> NDArray[np.float64]:
        assert self.quaternions is not None
        missing = np.full((max(0, label + 1 - len(self.quaternions)), 4), np.nan)
        return np.concatenate([self.quaternions, missing])

    def _forget_orientations(self) -> None:
        """Objects that are gone have no orientation, and new ones have a row."""
        if self.quaternions is None or not self._touched:
            return
        gone = [label for label in self._touched if label and not self.index.has(label)]
        gone = [label for label in gone if label < len(self.quaternions) and not np.isnan(self.quaternions[label]).all()]
        highest = self.index.highest
        if gone or highest >= len(self.quaternions):
            rows = self._rows(highest)
            rows[gone] = np.nan
            self.quaternions = rows

    def _measure_orientations(self) -> None:
        """Objects that lost or gained voxels have the mean orientation of those that they have now."""
        if self.orientations is None or self.quaternions is None:
            return
        there = [label for label in sorted(self._touched) if self.index.has(label)]
        if not there:
            return
        rows = self._rows(there[-1])
        for label in there:
            box = self.index.box(label)
            mean = self.orientations.mean(box, self.labels[box] == label)
            if np.isfinite(mean).all():
                rows[label] = mean
        self.quaternions = rows

    # Undo and redo

    def apply(self, delta: LabelDelta) -> None:
        """Do again what was reverted."""
        for part in delta.parts:
            self._put(part.box, part.unpacked_mask(), part.labels(after=False), part.labels(after=True))
        self.quaternions = delta.new_quaternions

    def revert(self, delta: LabelDelta) -> None:
        """Take back a delta; it must be the last one that was made or applied."""
        for part in reversed(delta.parts):
            self._put(part.box, part.unpacked_mask(), part.labels(after=True), part.labels(after=False))
        if delta.widened:
            self.labels = self.labels.astype(np.uint16)
        self.quaternions = delta.old_quaternions

    # For acts

    def require(self, label: int, field: str) -> None:
        """Raise `NmcError` if there is no such object."""
        if not self.index.has(label):
            highest = self.index.highest
            hint = f"choose a label between 1 and {highest}" if not 0 < label <= highest else "it was deleted or merged before"
            raise NmcError(f"there is no label {label}", hint, field)

    def wider(self, box: Box, margin: int = 1) -> Box:
        """A box with a margin, inside the volume."""
        parts = [slice(max(0, p.start - margin), min(n, p.stop + margin)) for p, n in zip(box, self.labels.shape)]
        return parts[0], parts[1], parts[2]

    def unobserved(self, box: Box) -> NDArray[np.bool_] | None:
        """Voxels of a box that were not imaged; None if all were."""
        return None if self.volume.observed is None else ~self.volume.observed[box]
