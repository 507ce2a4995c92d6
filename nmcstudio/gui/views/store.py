"""Contents of nodes, made in a worker and shared by views, plots and tables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.background import Background
from nmcstudio.gui.views import (
    content_ebsd,
    content_grain_model,
    content_images,
    content_results,
    content_shell_model,
    content_shells,
    content_tessellation,
    content_validation,
)
from nmcstudio.gui.views.contents import Content
from nmcstudio.gui.views.edited_content import EditedContent

# What each node's view reads: itself first, then what stands behind or beside it, where it is there.
NEEDS = {
    "ct": ("ct",),
    "particles": ("particles", "ct", "radii"),
    "radii": ("radii", "particles", "ct"),
    "shell-model": ("shell-model", "radii"),
    "ebsd": ("ebsd",),
    "grains": ("grains", "ebsd"),
    "tessellation": ("tessellation", "grains"),
    "grain-model": ("grain-model", "tessellation", "grains"),
    "particle": ("particle",),
    "mesh": ("mesh", "particle"),
    "validation": ("validation",),
}
_MAKERS = {
    "ct": content_images.ct_content,
    "particles": content_images.particles_content,
    "radii": content_shells.radii_content,
    "shell-model": content_shell_model.shell_model_content,
    "ebsd": content_ebsd.ebsd_content,
    "grains": content_ebsd.grains_content,
    "tessellation": content_tessellation.tessellation_content,
    "grain-model": content_grain_model.grain_model_content,
    "mesh": content_results.mesh_content,
    "validation": content_validation.validation_content,
}


def make_content(key: str, values: dict[str, Any], monitor: Monitor, choice: int = 0) -> Content:
    """What a node shows; `values` are those of `NEEDS` that exist. Runs in any thread."""
    if key == "particle":
        return content_results.particle_content(values, monitor, choice)
    return _MAKERS[key](values, monitor)


# So long after an edit by hand its surfaces and descriptors are made anew.
_SETTLE_MS = 250


class ContentStore(QObject):
    """The content on view.

    `kept` holds contents by name that are no node's, for the comparison. ``layout_asked`` asks for an arrangement of the views.

    ``shown`` carries the `Content` of the chosen node; None says that the node is empty, and `key` which it is. `waiting` says
    that a content is being made. `plots_in_middle` is true while the plots of the content stand in the middle of the window;
    ``plots_moved`` says that they went there or left; ``plot_asked`` asks for one of them by its key. ``touched`` says that
    labels on view have changed in place inside a box; ``overlay`` brings a layer over those of the content, or takes away (None)
    the one of this name.
    """

    shown = Signal(object)
    waiting = Signal(str)
    failed = Signal(str)
    kept_changed = Signal()
    layout_asked = Signal(str)
    plots_moved = Signal()
    plot_asked = Signal(str)
    touched = Signal(object)
    overlay = Signal(str, object)

    def __init__(self, controller: Any) -> None:
        super().__init__(controller)
        self._controller = controller
        self._workers: list[Background] = []
        self._background = self.worker()
        self.key = ""
        self.content: Content | None = None
        self.kept: dict[str, Content] = {}
        self.plots_in_middle = False
        self._choice: dict[str, int] = {}
        self._mark: tuple = ()
        self._edited: EditedContent | None = None
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._describe_again)
        controller.node_changed.connect(self._node_changed)
        controller.project_replaced.connect(self._project_replaced)

    @classmethod
    def of(cls, controller: Any) -> ContentStore:
        """The one store of a window."""
        found = controller.findChild(cls)
        return found if found is not None else cls(controller)

    @property
    def choice(self) -> int:
        """Which of several values (particles of a set) is on view."""
        return self._choice.get(self.key, 0)

    def choose(self, choice: int) -> None:
        if choice != self.choice:
            self._choice[self.key] = choice
            self.show(self.key)

    def show(self, key: str) -> None:
        """Show a node; nothing happens if it is on view as it is."""
        project = self._controller.project
        self.key = key
        if key not in project.keys:
            self._mark = ()
            self._background.drop("content")
            self._deliver_content(None)
            return
        records = {name: project.record(name) for name in NEEDS[key] if name in project.keys}
        choice = self.choice
        mark = self._mark_of(key, records, choice)
        if mark == self._mark:
            return
        load = records[key].load
        session = getattr(load, "session", None)  # of a version that is edited by hand
        edited = session is not None and self._shows(key) and mark[3:] == self._mark[3:]
        self._mark = mark
        if edited:
            self._follow_edits(session)
            return
        self._edited = None
        self.waiting.emit(key)

        def work(monitor: Monitor) -> Content:
            values = {name: record.load() for name, record in records.items()}
            monitor.check()
            return make_content(key, values, monitor, choice)

        def answer(content: Content) -> None:
            self._deliver_content(content)
            if session is not None:
                session.take_changes()  # they are in what was just made
                self._follow_edits(session)

        self._background.ask("content", work, answer, self._deliver_error)

    def _mark_of(self, key: str, records: dict[str, Any], choice: int) -> tuple:
        return (key, choice, *(record.digest for record in records.values()))

    def show_content(self, content: Content) -> None:
        """Put a content on view that is no node's (the particle of a scenario)."""
        self._background.drop("content")
        self._mark = ()
        self._deliver_content(content)

    @property
    def showing_node(self) -> bool:
        """False while something stands on view that is no node's."""
        return bool(self._mark)

    def keep(self, name: str, content: Content) -> None:
        """Keep a content under a name, for the comparison."""
        self.kept[name] = content
        self.kept_changed.emit()

    def place_plots(self, in_middle: bool) -> None:
        """Say whether the plots stand in the middle of the window."""
        if in_middle != self.plots_in_middle:
            self.plots_in_middle = in_middle
            self.plots_moved.emit()

    def refresh(self) -> None:
        """Make the content on view anew."""
        self._mark = ()
        self.show(self.key)

    def worker(self) -> Background:
        """A thread for a view or a panel; it ends with the store."""
        worker = Background(self)
        self._workers.append(worker)
        return worker

    def close(self) -> None:
        """Stop all workers of the views."""
        for worker in self._workers:
            worker.close()

    def _deliver_content(self, content: Content | None) -> None:
        self.content = content
        self.shown.emit(content)
        self._complete()

    def _complete(self) -> None:
        if self.content is not None and self.content.rest is not None:
            self._background.ask("content", self.content.completed, self._deliver_rest, self._deliver_error)

    def _deliver_rest(self, made: Content) -> None:
        """Table and plots have come; the pictures may have been edited meanwhile."""
        content = self.content
        if content is None:
            return
        self.content = replace(content, table=made.table, plots=made.plots, rest=made.rest, later=made.later)
        if self._edited is not None:
            self._edited.forget_rows()
            self._settle.start()
        self.shown.emit(self.content)
        self._complete()

    # Edits by hand: the pictures follow at once, 3D, table and plots when the hand rests

    def _follow_edits(self, session: Any) -> None:
        if self._edited is None or self._edited.session is not session:
            self._edited = EditedContent(session, self._controller.project)
        content, boxes = self._edited.follow(self.content)
        if content is not self.content:
            self.content = content
            self.shown.emit(content)
        for box in boxes:
            self.touched.emit(box)
        self._settle.start()

    @Slot()
    def _describe_again(self) -> None:
        """Describe anew what was touched, in a worker, from copies made here."""
        edited, content = self._edited, self.content
        if edited is None or content is None or content.key != edited.session.node:
            return
        work = edited.work(content)

        def answer(made: Content) -> None:
            if self._edited is edited and self.content is not None and self.content.key == made.key:
                self.content = replace(self.content, table=made.table, plots=made.plots, scene=made.scene)
                self.shown.emit(self.content)

        self._background.ask("edited", work, answer, self._deliver_error)

    def _deliver_error(self, error: Exception) -> None:
        self._mark = ()
        self.failed.emit(str(error))

    @Slot(str)
    def _node_changed(self, key: str) -> None:
        if self.key and key in NEEDS.get(self.key, ()):
            self.show(self.key)

    def _shows(self, key: str) -> bool:
        """True if the content on view is that of a node and no other one is being made."""
        return self.content is not None and self.content.key == key and self._mark[:1] == (key,)

    @Slot()
    def _project_replaced(self) -> None:
        self._choice.clear()
        self.kept.clear()
        self.kept_changed.emit()
        self._mark = ()
        if self.key:
            self.show(self.key)
