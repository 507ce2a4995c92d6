"""Two results side by side with one camera and one cross-hair."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QComboBox, QSplitter, QVBoxLayout, QWidget

from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.views.contents import Content
from nmcstudio.gui.views.layer_model import LayerModel
from nmcstudio.gui.views.opengl import has_opengl
from nmcstudio.gui.views.scene3d import Scene3D
from nmcstudio.gui.views.selection import Selection
from nmcstudio.gui.views.slice_pane import Crosshair
from nmcstudio.gui.views.slices import SliceView
from nmcstudio.gui.views.store import NEEDS, ContentStore, make_content
from nmcstudio.gui.widgets.elided import ElidedLabel
from nmcstudio.project.nodes import NODES

# Measured objects carry one id in all nodes; the grains of two virtual particles have nothing in common but their numbers.
_MEASURED = ("particles", "grains")
_NODES = ("particles", "radii", "shell-model", "grains", "tessellation", "mesh")


class CompareView(QWidget):
    """Two sides; each shows a node, one particle of the set or a kept scenario."""

    def __init__(self, controller: Any, store: ContentStore, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller, self._store = controller, store
        self.cross = Crosshair(self)
        self._selection = selection
        self.sides = [Side(controller, store, self.cross, name, self) for name in "AB"]
        self._active = False
        self._joined = False
        self._linking = False
        for number, side in enumerate(self.sides):
            side.selection.changed.connect(partial(self._side_chose, number))
            side.loaded.connect(self._window_chose)
        selection.changed.connect(self._window_chose)
        splitter = QSplitter(Qt.Orientation.Horizontal, self)
        splitter.setChildrenCollapsible(False)
        for side in self.sides:
            splitter.addWidget(side)
        splitter.setSizes([1000, 1000])
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(splitter)
        controller.node_changed.connect(self._changed)
        controller.project_replaced.connect(self._changed)
        store.kept_changed.connect(self._changed)

    def activate(self) -> None:
        """The comparison came on view."""
        self._active = True
        self._changed()
        for side in self.sides:
            side.scene.activate()
        views = [side.scene.view for side in self.sides]
        if not self._joined and all(view is not None for view in views):
            self._joined = True
            views[1].camera = views[0].camera
            self.sides[0].scene.camera.share(self.sides[1].scene)
            self.sides[1].scene.camera.share(self.sides[0].scene)
            self.sides[0].scene.fit_view()
            for view, other in (views, views[::-1]):
                view.drawn.connect(other.update_from_twin)

    def deactivate(self) -> None:
        """The comparison went from view."""
        self._active = False

    def fit_view(self) -> None:
        for side in self.sides:
            side.pane.pane.fit()
        self.sides[0].scene.fit_view()

    def _side_chose(self, number: int) -> None:
        """Choose the same objects on the other side and in the window, where they are the same objects."""
        if self._linking:
            return
        self._linking = True
        chosen, other = self.sides[number], self.sides[1 - number]
        if chosen.shows_objects_of(other):
            other.selection.choose(chosen.selection.ids)
        if chosen.selection.subject in _MEASURED and chosen.selection.subject == self._selection.subject:
            self._selection.choose(chosen.selection.ids)
        self._linking = False

    @Slot()
    def _window_chose(self) -> None:
        if self._linking or self._selection.subject not in _MEASURED:
            return
        self._linking = True
        for side in self.sides:
            if side.selection.subject == self._selection.subject:
                side.selection.choose(self._selection.ids)
        self._linking = False

    @Slot()
    def _changed(self) -> None:
        if not self._active:
            return
        sources = self.sources()
        names = list(sources)
        for number, side in enumerate(self.sides):
            default = names[min(number, len(names) - 1)] if names else ""
            if "Scenario A" in names and "Scenario B" in names:
                default = ("Scenario A", "Scenario B")[number]
            side.offer(sources, default)

    def sources(self) -> dict[str, Any]:
        """Name to what can be put on a side: a kept content, or a node with the number of the value."""
        found: dict[str, Any] = dict(self._store.kept)
        project = self._controller.project
        if "particle" in project.keys:
            count = int(project.record("particle").summary.get("count", 1))
            found |= {f"Particle {i + 1}": ("particle", i) for i in range(count)}
        found |= {NODES[key].title: (key, 0) for key in _NODES if key in project.keys}
        return found

    def close_views(self) -> None:
        for side in self.sides:
            side.close_views()


class Side(QWidget):
    """One half: what it shows, in 3D and as one slice."""

    loaded = Signal()

    def __init__(self, controller: Any, store: ContentStore, cross: Crosshair, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.selection = Selection(self)
        self._controller = controller
        self._background = store.worker()
        self._sources: dict[str, Any] = {}
        self._mark: tuple = ()
        self.model = LayerModel(self)
        self._cross = cross
        self._pick = QComboBox(self)
        self._pick.setToolTip(f"What stands on side {name}")
        self._pick.setAccessibleName(f"Side {name}")
        self._pick.activated.connect(self._chosen)
        self._words = ElidedLabel("", self)
        self._words.setObjectName("muted")
        self.scene = Scene3D(controller, self.selection, cross, self)
        self.pane = SliceView("xy", self.model, cross, self.selection, self)
        splitter = QSplitter(Qt.Orientation.Vertical, self)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self.scene)
        splitter.addWidget(self.pane)
        splitter.setSizes([600, 400])
        self.scene.setVisible(has_opengl())
        controller.theme_changed.connect(self._apply_theme)
        self._apply_theme()
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 0, 4, 0)
        column.setSpacing(4)
        column.addWidget(self._pick)
        column.addWidget(self._words)
        column.addWidget(splitter, 1)

    @Slot()
    def _apply_theme(self) -> None:
        self.pane.pane.set_ground(self._controller.theme.viewport)

    def offer(self, sources: dict[str, Any], default: str) -> None:
        """Things to choose from; the choice stays where it is still offered."""
        name = self._pick.currentText()
        self._sources = sources
        if [self._pick.itemText(i) for i in range(self._pick.count())] != list(sources):
            self._pick.clear()
            self._pick.addItems(list(sources))
        kept = name if name in sources and not (default.startswith("Scenario") and not name.startswith("Scenario")) else default
        self._pick.setCurrentText(kept)
        if not sources:
            self._words.set_full_text("Nothing to compare yet: run a step, or keep a scenario as A or B.")
        self._chosen()

    @Slot()
    def _chosen(self) -> None:
        source = self._sources.get(self._pick.currentText())
        if source is None:
            return
        if isinstance(source, Content):
            mark: tuple = (id(source),)
            if mark != self._mark:
                self._mark = mark
                self._background.drop("side")
                self._show(source)
            return
        key, choice = source
        project = self._controller.project
        records = {name: project.record(name) for name in NEEDS[key] if name in project.keys}
        mark = (key, choice, *(record.digest for record in records.values()))
        if mark == self._mark:
            return
        self._mark = mark

        def work(monitor: Monitor) -> Content:
            return make_content(key, {name: record.load() for name, record in records.items()}, monitor, choice)

        self._background.ask("side", work, self._show, self._fail)

    def _show(self, content: Content) -> None:
        self._words.set_full_text(content.note)
        self.selection.choose(())
        self.selection.set_subject(content.subject)
        self.model.set_layers(content.layers)
        self.pane.setVisible(bool(content.layers))
        self.pane.pane.badge = "simulated" if content.simulated else ""
        bounds = self.model.bounds_um()
        if bounds is not None:
            self._cross.move(bounds.mean(axis=1)[::-1])
            self.pane.pane.fit()
        self.scene.set_content(content, "simulated" if content.simulated else "")
        self.loaded.emit()

    def shows_objects_of(self, other: Side) -> bool:
        """True if an id names the same object on both sides."""
        same = self.selection.subject == other.selection.subject
        return same and (self.selection.subject in _MEASURED or self._mark == other._mark)

    def _fail(self, error: Exception) -> None:
        self._mark = ()
        self._words.set_full_text(str(error))

    def close_views(self) -> None:
        self.scene.close_view()
