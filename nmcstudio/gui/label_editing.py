"""Correction by hand in the window: one session a node, made in a worker; acts are entries of the undo history."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from nmcstudio.core.errors import NmcError
from nmcstudio.gui.background import Background
from nmcstudio.gui.views.store import ContentStore
from nmcstudio.imaging.label_acts import Paint
from nmcstudio.imaging.label_split import surroundings
from nmcstudio.pipeline.label_session import LabelSession, Version
from nmcstudio.project.record import Record

EDITABLE = ("particles", "grains")
Then = Callable[[LabelSession], None]


class LabelEditing(QObject):
    """Acts on the labels of a node.

    ``preparing`` says that labels are being made ready for editing (a node's key) or are ready (empty). ``refused`` carries
    what an act that could not be done had to say; ``done`` an act that was. ``painted`` carries the box that a stroke has
    changed so far.
    """

    preparing = Signal(str)
    refused = Signal(str)
    done = Signal(object)
    painted = Signal(object)

    def __init__(self, controller: Any) -> None:
        super().__init__(controller)
        self._controller = controller
        self._background: Background = ContentStore.of(controller).worker()
        self._sessions: dict[str, LabelSession] = {}
        self._waiting: dict[str, list[Then]] = {}
        controller.project_replaced.connect(self._project_replaced)

    @classmethod
    def of(cls, controller: Any) -> LabelEditing:
        """The one of a window."""
        found = controller.findChild(cls)
        return found if found is not None else cls(controller)

    def session(self, node: str) -> LabelSession | None:
        """The session that holds the labels of a node as they stand, if there is one."""
        if node not in self._controller.project.keys:
            return None
        record = self._controller.project.record(node)
        if isinstance(record.load, Version):
            return record.load.session
        session = self._sessions.get(node)
        return (
            session if session is not None and session.current.before is None and session.root.digest == record.digest else None
        )

    def prepare(self, node: str, then: Then) -> None:
        """Call `then(session)`: at once if the labels are ready for editing, else when a worker has made them so."""
        session = self.session(node)
        if session is not None:
            then(session)
            return
        if node in self._waiting:
            self._waiting[node].append(then)
            return
        if node not in self._controller.project.keys:
            return
        self._waiting[node] = [then]
        project, record = self._controller.project, self._controller.project.record(node)

        def ready(session: LabelSession) -> None:
            waiting = self._waiting.pop(node, [])
            self.preparing.emit("")
            if self._controller.project is not project or node not in project.keys:
                return
            if project.record(node).digest != record.digest:
                for each in waiting:
                    self.prepare(node, each)
                return
            self._sessions[node] = session
            # From here on the session can give the value back: the history need not hold it a second time.
            self._controller.history.swap(project.record(node), session.root)
            for each in waiting:
                each(session)

        def failed(error: Exception) -> None:
            self._waiting.pop(node, None)
            self.preparing.emit("")
            if not isinstance(error, NmcError):
                raise error
            self.refused.emit(str(error))

        self.preparing.emit(node)
        behind = self._map_of(node)
        self._background.ask("", lambda monitor: LabelSession(node, record, monitor, behind), ready, failed)

    def _map_of(self, node: str) -> Record | None:
        """Record of the orientation map behind grains, if the project has one."""
        project = self._controller.project
        return project.record("ebsd") if node == "grains" and "ebsd" in project.keys else None

    def act(self, node: str, values: dict[str, Any], title: str) -> None:
        """Carry out an edit: parameters of edit-labels, and words for the history."""
        self.prepare(node, lambda session: self._act(session, values, title))

    def merge(self, node: str, ids: tuple[int, ...]) -> None:
        """Merge objects into the first one."""
        self.act(node, {"merge": [list(ids)]}, f"Merge {node} {_listed(ids)}")

    def delete(self, node: str, ids: tuple[int, ...]) -> None:
        """Make background of objects."""
        self.act(node, {"delete": list(ids)}, f"Delete {node if len(ids) > 1 else node.rstrip('s')} {_listed(ids)}")

    def split_by_orientation(self, label: int, pieces: int) -> None:
        """Cut a grain by the orientations in it: looked for in a worker, carried out once they are known."""
        values = {"split_orientation": [[label, pieces]]}
        self.prepare("grains", lambda session: self._look_for_orientations(session, label, pieces, values))

    def _look_for_orientations(self, session: LabelSession, label: int, pieces: int, values: dict[str, Any]) -> None:
        title = f"Split grain {label} by orientation"
        session.follow_map(self._map_of(session.node))
        editor = session.editor
        if editor.orientations is None or not editor.index.has(label):
            self._act(session, values, title)  # which says why not
            return
        box, mask = surroundings(editor, label)
        project = self._controller.project

        def known(_: Any) -> None:
            # An act since then is no harm: what has changed is looked at again.
            if self._controller.project is project and self.session("grains") is session:
                self._act(session, values, title)

        def failed(error: Exception) -> None:
            if not isinstance(error, NmcError):
                raise error
            self.refused.emit(str(error))

        self._controller.message.emit(f"Looking for {pieces} orientations in grain {label} …")
        work = partial(editor.orientations.clusters, box, mask, pieces)
        self._background.ask("split-orientation", work, known, failed)

    def _act(self, session: LabelSession, values: dict[str, Any], title: str) -> None:
        project = self._controller.project
        session.follow_map(self._map_of(session.node))
        try:
            act = session.act(project.record(session.node), values, title)
        except NmcError as error:
            self.refused.emit(str(error))
            return
        if act.box is None:
            # Nothing changed: there is nothing to undo either.
            session.go_to(act.version.step()[0])
            self.refused.emit(f"{title}: nothing changed")
            return
        project.put(session.node, act.after)
        self._controller.history.remember(act)
        self._controller.message.emit(f"{title} ({act.after.summary['headline']})")
        self.done.emit(act)

    def paint(self, session: LabelSession, part: Paint) -> bool:
        """Draw a piece of a stroke; False if the labels cannot be painted there."""
        try:
            box = session.paint(part)
        except NmcError as error:
            self.refused.emit(str(error))
            return False
        if box is not None:
            self.painted.emit(box)
        return True

    def end_stroke(self, session: LabelSession, values: dict[str, Any] | None, title: str) -> None:
        """Make one act of the stroke, or take it back without one."""
        box = session.end_stroke()
        if values is not None:
            self._act(session, values, title)
        if box is not None:
            self.painted.emit(box)

    @Slot()
    def _project_replaced(self) -> None:
        self._sessions.clear()
        self._waiting.clear()


def _listed(ids: tuple[int, ...]) -> str:
    return ", ".join(str(i) for i in ids[:4]) + (" …" if len(ids) > 4 else "")
