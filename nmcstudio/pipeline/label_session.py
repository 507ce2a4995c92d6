"""Editing of a node's labels act by act: each act is a record of the project and an entry of the undo history."""

from __future__ import annotations

import datetime
import threading
import time
import weakref
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.imaging.label_acts import Paint
from nmcstudio.imaging.label_edits import LabelDelta, LabelEditor
from nmcstudio.imaging.label_index import Box
from nmcstudio.imaging.label_split import SplitAtSeeds
from nmcstudio.pipeline.registry import step as step_of
from nmcstudio.pipeline.validation import params_of
from nmcstudio.project.codec import digest
from nmcstudio.project.digests import ArrayDigest, is_large
from nmcstudio.project.history import Command
from nmcstudio.project.nodes import summarise_labels
from nmcstudio.project.project import Project
from nmcstudio.project.record import Record
from nmcstudio.project.shelf import Shelf

STEP = "edit-labels"


@dataclass(eq=False)
class Version:
    """One state of the labels: what it came from and by which difference. Also the `load` of its record.

    The session's array holds one version at a time; any other can be made from it, because all hang together in a tree.
    """

    session: LabelSession = field(repr=False)
    before: Version | None = field(default=None, repr=False)
    difference: Shelf | None = None
    depth: int = 0
    _made: Any = field(default=None, repr=False)

    def step(self) -> tuple[Version, LabelDelta]:
        """The version before this one, and the difference.

        Raises
        ------
        ValueError
            If this is the first one.
        """
        if self.before is None or self.difference is None:
            raise ValueError("no version stands before the first one")
        return self.before, self.difference()

    def __call__(self) -> LabelVolume:
        """The labels of this version, on an array that nobody changes any more."""
        made: LabelVolume | None = self._made() if self._made is not None else None
        if made is None:
            made = self.session.copy_of(self)
            self._made = weakref.ref(made)
        return made


@dataclass(frozen=True)
class LabelAct:
    """An act by hand as an entry of the undo history (`nmcstudio.project.history.Command`).

    Attributes
    ----------
    title, node
        Words; key of the node.
    before, after
        Records of the node; the `load` of both is a `Version`.
    box
        Bounding box of what changed, None if nothing did.
    touched
        Labels that lost or gained voxels.
    delta_bytes
        Memory of the difference.
    """

    title: str
    node: str
    before: Record
    after: Record
    box: Box | None
    touched: tuple[int, ...]
    delta_bytes: int

    @property
    def version(self) -> Version:
        version: Version = self.after.load  # type: ignore[assignment]
        return version

    @property
    def nbytes(self) -> int:
        difference = self.version.difference
        return self.delta_bytes if difference is not None and difference.in_memory else 0

    def redo(self, project: Project) -> None:
        self.version.session.go_to(self.version)
        project.put(self.node, self.after)

    def undo(self, project: Project) -> None:
        self.version.session.go_to(self.version.step()[0])
        project.put(self.node, self.before)

    def merged(self, later: Command) -> Command | None:
        return None

    def spill(self, folder: Path) -> None:
        """Put the difference into a file below a folder."""
        if self.version.difference is not None:
            self.version.difference.spill(folder)


class LabelSession:
    """The labels of one node while they are edited. Acts happen in one thread; versions may be asked for in any.

    Attributes
    ----------
    node
        Key of the node.
    editor
        Holds the array that acts change.
    current
        The version that the array holds.
    root, root_quaternions
        Record of the labels as they were when the session began, and the orientations that they had.
    volume
        The labels as they stand, read-only, on the array that acts change: for the thread of the acts only.
    """

    def __init__(self, node: str, record: Record, monitor: Monitor | None = None, orientation_map: Record | None = None) -> None:
        monitor = monitor or Monitor()
        self.node = node
        value: LabelVolume = record.load()
        stack = orientation_map.load() if orientation_map is not None else None
        self._map_digest = orientation_map.digest if orientation_map is not None else ""
        self.editor = LabelEditor.of(value, monitor.sub(0.0, 0.6), stack)
        self._lock = threading.RLock()
        self.root_quaternions = value.quaternions
        self.volume = self.editor.result()
        self._digest = ArrayDigest(self.editor.labels) if is_large(self.editor.labels) else None
        observed = value.observed
        self._known = {} if observed is None or not is_large(observed) else {id(observed): ArrayDigest(observed).value()}
        self.current = Version(self)
        self.root = record.with_load(self.current)
        self._stroke: list[LabelDelta] = []
        self._changes: list[tuple[Box | None, tuple[int, ...]]] = []
        _warm_up()
        monitor.report(1.0)

    def act(self, record: Record, values: dict[str, Any], title: str) -> LabelAct:
        """Carry out an edit on the array; the record of the node is the caller's to put.

        Parameters
        ----------
        record
            Of the node as it stands, with the value of `current`.
        values
            Parameters of edit-labels, as a command or a recipe would give them.

        Raises
        ------
        NmcError
            If the edit cannot be done; the labels are then as before.
        """
        from nmcstudio.pipeline.steps.edit_labels import acts_of

        begun = time.monotonic()
        params = params_of(step_of(STEP), values | {"on": self.node})
        made: list[Version] = []
        first = self.current
        if not isinstance(record.load, Version):
            record = record.with_load(first)
        with self._lock:
            try:
                for act in acts_of(params, self.editor.volume):  # type: ignore[arg-type]
                    delta = self.editor.do(act)
                    self.current = Version(self, self.current, Shelf(delta), self.current.depth + 1)
                    made.append(self.current)
            except BaseException:
                self._go_to(first)
                raise
            deltas = [version.step()[1] for version in made]
            box = _union([delta.box for delta in deltas])
            touched = tuple(sorted({label for delta in deltas for label in delta.touched}))
            if len(made) > 1:
                joined = LabelDelta(
                    tuple(part for delta in deltas for part in delta.parts),
                    touched,
                    deltas[0].old_quaternions,
                    deltas[-1].new_quaternions,
                    any(delta.widened for delta in deltas),
                )
                self.current = Version(self, first, Shelf(joined), first.depth + 1)
            self._follow([box])
            self._changes += [(delta.box, delta.touched) for delta in deltas]
        created = _now()
        edit = {"step": STEP, "params": params.model_dump(mode="json"), "created": created}
        after = replace(
            record,
            digest=self._value_digest(),
            load=self.current,
            summary=summarise_labels(self.volume, self.editor.index.sizes),
            edits=(*record.edits, edit),
            created=created,
            seconds=time.monotonic() - begun,
        )
        return LabelAct(title, self.node, record, after, box, touched, sum(delta.nbytes for delta in deltas))

    def follow_map(self, orientation_map: Record | None) -> None:
        """Leave means as they are once the orientation map is another one than at the start of the session."""
        if (orientation_map.digest if orientation_map is not None else "") != self._map_digest:
            self.editor.orientations = None

    def take_changes(self) -> tuple[list[Box], set[int]]:
        """Boxes that changed and labels that were touched since this was last asked for."""
        changes, self._changes = self._changes, []
        return [box for box, _ in changes if box is not None], {label for _, labels in changes for label in labels}

    def go_to(self, version: Version) -> Box | None:
        """Bring the array to a version; returns the bounding box of what changed."""
        with self._lock:
            boxes = self._go_to(version)
            self._follow(boxes)
            return _union(boxes)

    def _go_to(self, version: Version) -> list[Box | None]:
        boxes: list[Box | None] = []
        for delta, forward in _way(self.current, version):
            (self.editor.apply if forward else self.editor.revert)(delta)
            self._changes.append((delta.box, delta.touched))
            boxes.append(delta.box)
        self.current = version
        return boxes

    def _follow(self, boxes: list[Box | None]) -> None:
        if self._digest is not None and self._digest.array is not self.editor.labels:
            self._digest = ArrayDigest(self.editor.labels)
        elif self._digest is not None:
            for box in boxes:
                if box is not None:
                    self._digest.update(box)
        if self.volume.labels.base is not self.editor.labels or self.volume.quaternions is not self.editor.quaternions:
            self.volume = self.editor.result()

    def _value_digest(self) -> str:
        known = dict(self._known)
        if self._digest is not None:
            known[id(self.volume.labels)] = self._digest.value()
        return digest(self.volume, known)

    def copy_of(self, version: Version) -> LabelVolume:
        """The labels of a version on an array of their own."""
        with self._lock:
            labels, quaternions = self.editor.labels.copy(), self.editor.quaternions
            steps = [(delta, False) for delta in reversed(self._stroke)] + _way(self.current, version)
        for delta, forward in steps:
            for part in delta.parts if forward else reversed(delta.parts):
                values = part.labels(after=forward)
                if delta.widened and labels.dtype == np.uint16:
                    labels = labels.astype(np.uint32)
                labels[part.box][part.unpacked_mask()] = values
            if delta.widened and not forward:
                labels = labels.astype(np.uint16)
            quaternions = delta.new_quaternions if forward else delta.old_quaternions
        return replace(self.editor.volume, labels=labels, quaternions=quaternions)

    # A stroke under the mouse: drawn as it grows, one act when it ends.

    def paint(self, part: Paint) -> Box | None:
        """Paint a piece of a stroke; until `end_stroke` the array is ahead of its version. Returns the box of what changed."""
        with self._lock:
            delta = self.editor.do(part, passing=True)
            self._stroke.append(delta)
        return delta.box

    def end_stroke(self) -> Box | None:
        """Make the array what it was before the stroke; returns the box of what changed."""
        with self._lock:
            boxes = [delta.box for delta in self._stroke]
            for delta in reversed(self._stroke):
                self.editor.revert(delta)
            self._stroke.clear()
        return _union(boxes)


def _way(start: Version, goal: Version) -> list[tuple[LabelDelta, bool]]:
    """Differences from one version to another with their direction, True for forward."""
    back: list[tuple[LabelDelta, bool]] = []
    forth: list[tuple[LabelDelta, bool]] = []
    while start is not goal:
        if start.depth >= goal.depth:
            before, delta = start.step()
            back.append((delta, False))
            start = before
        else:
            before, delta = goal.step()
            forth.append((delta, True))
            goal = before
    return back + forth[::-1]


def _union(boxes: list[Box | None]) -> Box | None:
    known = [box for box in boxes if box is not None]
    if not known:
        return None
    parts = [slice(min(b[k].start for b in known), max(b[k].stop for b in known)) for k in range(3)]
    return parts[0], parts[1], parts[2]


def _warm_up() -> None:
    """Load the machine code of all acts before the first one waits for it."""
    labels = np.zeros((4, 4, 8), np.uint16)
    labels[1:3, 1:3, 1:7] = 1
    editor = LabelEditor.of(LabelVolume(labels, (1.0, 1.0, 1.0)))
    editor.do(SplitAtSeeds(1, ((1.0, 1.0, 1.0), (6.0, 1.0, 1.0))))
    editor.do(Paint(1, 0.5, ((0.0, 0.0, 0.0),)))


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
