"""Contents of nodes, made in a worker and shared by views, plots and tables."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.background import Background
from nmcstudio.gui.views import content_images, content_models, content_results, content_validation
from nmcstudio.gui.views.contents import Content

# What each node's view reads: itself first, then what stands behind or beside it, where it is there.
NEEDS = {
    "ct": ("ct",),
    "particles": ("particles", "ct"),
    "radii": ("radii", "particles", "ct"),
    "shell-model": ("shell-model", "radii"),
    "ebsd": ("ebsd",),
    "grains": ("grains", "ebsd"),
    "tessellation": ("tessellation", "grains"),
    "grain-model": ("grain-model", "tessellation"),
    "particle": ("particle",),
    "mesh": ("mesh",),
    "validation": ("validation",),
}
_MAKERS = {
    "ct": content_images.ct_content,
    "particles": content_images.particles_content,
    "radii": content_models.radii_content,
    "shell-model": content_models.shell_model_content,
    "ebsd": content_images.ebsd_content,
    "grains": content_images.grains_content,
    "tessellation": content_models.tessellation_content,
    "grain-model": content_models.grain_model_content,
    "mesh": content_results.mesh_content,
    "validation": content_validation.validation_content,
}


def make_content(key: str, values: dict[str, Any], monitor: Monitor, choice: int = 0) -> Content:
    """What a node shows; `values` are those of `NEEDS` that exist. Runs in any thread."""
    if key == "particle":
        return content_results.particle_content(values, monitor, choice)
    return _MAKERS[key](values, monitor)


class ContentStore(QObject):
    """The content on view.

    `kept` holds contents by name that are no node's, for the comparison. ``layout_asked`` asks for an arrangement of the views.

    ``shown`` carries the `Content` of the chosen node; None says that the node is empty, and `key` which it is. `waiting` says
    that a content is being made. `plots_in_middle` is true while the plots of the content stand in the middle of the window;
    ``plots_moved`` says that they went there or left; ``plot_asked`` asks for one of them by its key.
    """

    shown = Signal(object)
    waiting = Signal(str)
    failed = Signal(str)
    kept_changed = Signal()
    layout_asked = Signal(str)
    plots_moved = Signal()
    plot_asked = Signal(str)

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
        mark = (key, choice, *(record.digest for record in records.values()))
        if mark == self._mark:
            return
        self._mark = mark
        self.waiting.emit(key)

        def work(monitor: Monitor) -> Content:
            values = {name: record.load() for name, record in records.items()}
            monitor.check()
            return make_content(key, values, monitor, choice)

        self._background.ask("content", work, self._deliver_content, self._deliver_error)

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
        if content is not None and content.rest is not None:
            self._background.ask("content", content.completed, self._deliver_content, self._deliver_error)

    def _deliver_error(self, error: Exception) -> None:
        self._mark = ()
        self.failed.emit(str(error))

    @Slot(str)
    def _node_changed(self, key: str) -> None:
        if self.key and key in NEEDS.get(self.key, ()):
            self.show(self.key)

    @Slot()
    def _project_replaced(self) -> None:
        self._choice.clear()
        self.kept.clear()
        self.kept_changed.emit()
        self._mark = ()
        if self.key:
            self.show(self.key)
