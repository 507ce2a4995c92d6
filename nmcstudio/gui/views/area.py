"""The middle of the window: linked slices, 3D, plots of what has no picture, and comparison."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QImage, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from nmcstudio.gui.label_editing import EDITABLE
from nmcstudio.gui.views.area_head import AreaHead
from nmcstudio.gui.views.arrangement import LAYOUTS, Arrangement, arrange
from nmcstudio.gui.views.compare import CompareView
from nmcstudio.gui.views.contents import EMPTY, Content, Layer
from nmcstudio.gui.views.layer_keys import LayerKeys
from nmcstudio.gui.views.layer_list import LayerList
from nmcstudio.gui.views.layer_model import LayerModel
from nmcstudio.gui.views.lazy_planes import LazyPlanes
from nmcstudio.gui.views.live import LiveLayers
from nmcstudio.gui.views.object_table import centre_of
from nmcstudio.gui.views.opengl import prepare_for_opengl
from nmcstudio.gui.views.plane_worker import PlaneWorker
from nmcstudio.gui.views.plots import PlotGrid
from nmcstudio.gui.views.scene3d import Scene3D
from nmcstudio.gui.views.selection import Selection
from nmcstudio.gui.views.slice_pane import Crosshair
from nmcstudio.gui.views.slices import Readout, SliceView
from nmcstudio.gui.views.store import ContentStore

# Below this width the list of layers would leave too little of the pictures.
_ROOMY = 860


class ViewArea(QWidget):
    """Shows a node in slices and 3D, previews and live results over it.

    ``layout_changed`` names the arrangement whenever it is another than before, whoever asked for it: the actions that choose
    one follow it. ``tools_wanted`` says whether the row of tools for labels is to be seen.
    """

    layout_changed = Signal(str)
    tools_wanted = Signal(bool)

    def __init__(self, controller: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self.store = ContentStore.of(controller)
        self.selection = Selection.of(controller)
        self.cross = Crosshair(self)
        self.model = LayerModel(self)
        self._planes = PlaneWorker(self.store.worker(), self)
        self._planes.made.connect(self.model.changed)
        self.live = LiveLayers(controller, self.model, self.cross, self._planes.ask, self)
        self._layout_name = "both"
        self._maximised = ""
        self._node = ""
        self._pending: dict[str, Any] = {}
        self._drawn: Content | None = None
        prepare_for_opengl(self)
        self._make()
        self.store.shown.connect(self._content_shown)
        self.store.touched.connect(self.model.touched)
        self.store.overlay.connect(self._overlay)
        self.selection.centre_asked.connect(self._centre)
        self.store.waiting.connect(self._waiting)
        self.store.failed.connect(self._failed)
        self.store.layout_asked.connect(self.set_layout)
        self.store.plot_asked.connect(self._plots.show_card)
        self.live.marked.connect(self._mark)
        controller.state_changed.connect(self._mark)
        controller.theme_changed.connect(self._apply_theme)
        controller.project_replaced.connect(self._forget)
        self._apply_theme()
        self._content_shown(None)

    def _make(self) -> None:
        self.head = AreaHead(self)
        self.head.chosen.connect(self.store.choose)
        self.head.layers_shown.connect(self._arrange)
        self.head.tools_wanted.connect(self.tools_wanted)
        self.slices = {plane: SliceView(plane, self.model, self.cross, self.selection, self) for plane in ("xy", "xz", "yz")}
        for view in self.slices.values():
            view.pane.maximise_asked.connect(self.maximise)
        self.scene = Scene3D(self._controller, self.selection, self.cross, self)
        self._upper, self._lower = QSplitter(Qt.Orientation.Horizontal), QSplitter(Qt.Orientation.Horizontal)
        self._upper.addWidget(self.slices["xy"])
        self._upper.addWidget(self.slices["xz"])
        self._lower.addWidget(self.slices["yz"])
        self._lower.addWidget(self.scene)
        self._quad = QSplitter(Qt.Orientation.Vertical)
        self._quad.addWidget(self._upper)
        self._quad.addWidget(self._lower)
        for splitter in (self._upper, self._lower, self._quad):
            splitter.setChildrenCollapsible(False)
            splitter.setSizes([1000, 1000])
        self._plots = PlotGrid(self._controller, self)
        self._plots.setMinimumWidth(300)
        self._column = QWidget(self)
        side = QVBoxLayout(self._column)
        side.setContentsMargins(0, 0, 0, 0)
        scroll = QScrollArea(self)
        scroll.setObjectName("plain")
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(LayerList(self.model))
        side.addWidget(scroll, 1)
        side.addStretch()
        side.addWidget(LayerKeys(self.model, self))
        self._column.setMinimumWidth(248)
        self._column.setMaximumWidth(320)
        self._views = QSplitter(Qt.Orientation.Horizontal)
        self._views.setChildrenCollapsible(False)
        self._views.addWidget(self._plots)
        self._views.addWidget(self._quad)
        self._views.addWidget(self._column)
        self._views.setStretchFactor(0, 1)
        self._views.setStretchFactor(1, 1)
        self._views.setStretchFactor(2, 0)
        self._empty = QLabel("", self)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setObjectName("muted")
        self._empty.setWordWrap(True)
        self.compare = CompareView(self._controller, self.store, self.selection, self)
        self._pages = QStackedWidget(self)
        for page in (self._empty, self._views, self.compare):
            self._pages.addWidget(page)
        self.readout = Readout(self.model, self.cross, self)
        self.scene.hovered.connect(self.readout.say)
        foot = QHBoxLayout()
        foot.setContentsMargins(8, 2, 8, 4)
        foot.addWidget(self.readout, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.head)
        column.addWidget(self._pages, 1)
        column.addLayout(foot)

    # What the window calls

    @Slot(str)
    def set_layout(self, name: str) -> None:
        """Arrange the views: "slices", "3d", "both" or "compare"."""
        if name not in LAYOUTS:
            raise ValueError(f"there is no layout {name!r}")
        before, self._layout_name = self._layout_name, name
        self._maximised = ""
        self._arrange()
        if name != before:
            self.layout_changed.emit(name)

    @property
    def layout_name(self) -> str:
        """The arrangement now, one of `LAYOUTS`."""
        return self._layout_name

    def show_node(self, key: str) -> None:
        """Show the value at a node; it is read and prepared in a worker."""
        self._node = key
        self.store.show(key)

    @Slot(str, object)
    def show_partial(self, step_key: str, partial: Any) -> None:
        """Show a live result of a running step over the slices."""
        self.live.partial(step_key, partial, self._node)

    @Slot(str, object)
    def show_preview(self, step_key: str, value: Any) -> None:
        """Show the preview of a step over the slices, marked as such; None takes it away."""
        self.live.preview(step_key, value)
        if value is not None and self._pages.currentWidget() is self._empty:
            self._arrange()

    def screenshot(self) -> QImage:
        """A picture of the area as it stands on the screen."""
        return self.grab().toImage()

    def toggle_overlays(self) -> None:
        """Overlays off, or on again."""
        self.model.toggle_overlays()

    def fit_view(self) -> None:
        """All views as large as they go."""
        for view in self.slices.values():
            view.pane.fit()
        self.scene.fit_view()
        self.compare.fit_view()

    @Slot(str)
    def maximise(self, plane: str) -> None:
        """One slice alone, or all again."""
        self._maximised = "" if self._maximised == plane else plane
        self._arrange()

    def state(self) -> dict[str, Any]:
        """What `restore` needs, as JSON."""
        return {
            "layout": self._layout_name,
            "maximised": self._maximised,
            "node": self._node,
            "choice": self.store.choice,
            "position_um": [float(v) for v in self.cross.position],
            "views": {plane: list(view.pane.view()) for plane, view in self.slices.items() if not view.pane.is_fitted},
            "layers": self.model.state(),
            "layers_shown": self.head.layers_by_hand(),
            "scene": self.scene.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Come back to a state; what cannot be applied before the node is loaded waits for it."""
        self.model.restore(state.get("layers", {}))
        self.head.restore_layers(state.get("layers_shown"))
        self._pending = dict(state)
        self.set_layout(state.get("layout", "both") if state.get("layout", "both") in LAYOUTS else "both")
        self._maximised = state.get("maximised", "")
        node = state.get("node", "")
        if node:
            self.show_node(node)
            self.store.choose(int(state.get("choice", 0)))
        self._arrange()

    @Slot()
    def _forget(self) -> None:
        """Another project has layers and things of its own, which look as new ones do until its view is restored."""
        self._pending = {}
        self._maximised = ""
        self.selection.choose(())
        self.selection.show_all()
        self.model.forget()
        self.scene.forget()

    def close_views(self) -> None:
        """Stop workers and release OpenGL before the window goes."""
        self.store.close()
        self.scene.close_view()
        self.compare.close_views()

    # Content

    @Slot(str)
    def _waiting(self, key: str) -> None:
        if self.store.content is None or self.store.content.key != key:
            self.head.show_note("Preparing the view …")

    @Slot(str)
    def _failed(self, words: str) -> None:
        self._show_nothing(words)

    def _show_nothing(self, words: str) -> None:
        self._empty.setText(words)
        self.head.show_words("", "")
        self.store.place_plots(False)
        self._pages.setCurrentWidget(self.compare if self._layout_name == "compare" else self._empty)

    @Slot(object)
    def _content_shown(self, content: Content | None) -> None:
        before_this, self._drawn = self._drawn, content
        if (
            content is not None
            and before_this is not None
            and content.key == before_this.key
            and (before_this.rest is not None or bool(content.layers))
            and content.layers is before_this.layers
        ):
            # Table, plots or other surfaces have come; the pictures stand.
            self.scene.set_content(content, "simulated" if content.simulated else "")
            return
        before = self.model.bounds_um()
        self.live.forget()
        for layer in content.layers if content is not None else ():
            if isinstance(layer.values, LazyPlanes):
                layer.values.ask = self._planes.ask
        self.model.set_layers(content.layers if content is not None else ())
        self.selection.set_subject(content.subject if content is not None else "")
        if content is None:
            self.head.enable_layers(False)
            self.scene.set_content(None)
            self._plots.set_plots(())
            default = "Open CT data, EBSD data or the sample session to begin.\nWhat you choose in the workflow will stand here."
            self._show_nothing(EMPTY.get(self.store.key, default))
            return
        self.head.enable_layers(True)
        self.head.set_choices(content)
        bounds = self.model.bounds_um()
        if bounds is not None and (before is None or not np.allclose(before, bounds)):
            self.cross.move(bounds.mean(axis=1)[::-1])
            for view in self.slices.values():
                view.pane.fit()
        self._plots.set_plots(content.plots if not content.layers else ())
        self._mark()
        self._arrange()
        self.scene.set_content(content, "simulated" if content.simulated else "")
        self._apply_pending(content)

    def _apply_pending(self, content: Content) -> None:
        state, self._pending = self._pending, {}
        if not state or state.get("node") != content.key:
            self._pending = state
            return
        if content.layers and len(state.get("position_um", ())) == 3:
            self.cross.move(np.array(state["position_um"]))
            for plane, view in state.get("views", {}).items():
                if plane in self.slices and len(view) == 3:
                    self.slices[plane].pane.set_view(*view)
        self.scene.restore(state.get("scene", {}))

    @Slot()
    def _mark(self) -> None:
        """Say on every slice what it is: simulated, a preview, a live result, stale."""
        content = self.store.content
        words = ["simulated"] if content is not None and content.simulated else []
        if content is not None and content.key in self._controller.project.keys and self.store.showing_node:
            words += ["stale"] if self._controller.project.state(content.key) == "stale" else []
        words += self.live.marks
        for view in self.slices.values():
            if view.pane.badge != " · ".join(words):
                view.pane.badge = " · ".join(words)
                view.pane.update()

    @Slot()
    def _apply_theme(self) -> None:
        for view in self.slices.values():
            view.pane.set_ground(self._controller.theme.viewport)

    @Slot(str, object)
    def _overlay(self, key: str, layer: Layer | None) -> None:
        if layer is None:
            self.model.remove(key)
        else:
            self.model.put(layer)

    @Slot(int)
    def _centre(self, label: int) -> None:
        """Bring an object into the middle of the slices."""
        content = self.store.content
        at = centre_of(content.table, label) if content is not None else None
        if at is not None and self.model.layers:
            self.cross.move(at)
            for view in self.slices.values():
                view.pane.look_at(at)

    # Arrangement

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.head.suggest_layers(self.width() >= _ROOMY)

    @Slot()
    def _arrange(self) -> None:
        if self._layout_name == "compare":
            self._show_comparison()
            self.store.place_plots(False)
            return
        self.compare.deactivate()
        self.readout.say("")
        content = self.store.content
        self.head.show_words(content.title if content is not None else "", content.note if content is not None else "")
        self.head.show_choices(content is not None)
        found = arrange(content, self.model.layers, self._layout_name, self._maximised)
        if found.is_empty:
            self._pages.setCurrentWidget(self._empty)
            self.head.let_edit(False)
        else:
            self._show_views(found)
        self.store.place_plots(found.plots)

    def _show_comparison(self) -> None:
        self.compare.activate()
        self._pages.setCurrentWidget(self.compare)
        self.head.show_words("Comparison", "one camera, one cross-hair")
        self.head.show_choices(False)
        self.head.show_layers_button(False)
        self.head.let_edit(False)
        self.readout.say(" ")

    def _show_views(self, found: Arrangement) -> None:
        for plane, view in self.slices.items():
            view.setVisible(plane in found.slices)
        self.scene.setVisible(found.scene)
        self._upper.setVisible(bool(found.slices & {"xy", "xz"}))
        self._lower.setVisible("yz" in found.slices or found.scene)
        self._quad.setVisible(bool(found.slices) or found.scene)
        if found.plots and not self._plots.isVisible():
            self._views.setSizes([1000, 1000, 0])
        self._plots.setVisible(found.plots)
        self._column.setVisible(bool(found.slices) and self.head.wants_layers)
        self.head.show_layers_button(bool(found.slices))
        content = self.store.content
        self.head.let_edit(content is not None and content.key in EDITABLE and self.store.showing_node)
        self._pages.setCurrentWidget(self._views)
        if found.scene:
            self.scene.activate()
