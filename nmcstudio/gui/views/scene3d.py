"""The 3D view: its controls, what it shows of a content, and what a hand does in it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt, Signal, Slot
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QLabel, QStackedLayout, QVBoxLayout, QWidget

from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.views.contents import Content, SceneItem
from nmcstudio.gui.views.object_table import object_words
from nmcstudio.gui.views.opengl import NO_OPENGL, has_opengl
from nmcstudio.gui.views.scene_actors import labels_of
from nmcstudio.gui.views.scene_build import Prepared, build, prepare_again
from nmcstudio.gui.views.scene_camera import SceneCamera
from nmcstudio.gui.views.scene_controls import CUTS, SceneControls
from nmcstudio.gui.views.scene_key import SceneKey, scene_legend
from nmcstudio.gui.views.scene_stage import Stage
from nmcstudio.gui.views.scene_surfaces import Style
from nmcstudio.gui.views.selection import Selection
from nmcstudio.gui.views.slice_pane import CURSORS, Crosshair
from nmcstudio.gui.views.store import ContentStore


class Scene3D(QWidget):
    """One 3D view with its own row of controls. Surfaces are built and prepared in a worker, and swapped in here."""

    hovered = Signal(str)

    def __init__(self, controller: Any, selection: Selection, cross: Crosshair, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller, self._selection, self._cross = controller, selection, cross
        self._background = ContentStore.of(controller).worker()
        self._items: dict[str, SceneItem] = {}
        self._shown: dict[str, bool] = {}
        self._stale: set[str] = set()
        self._colouring = "id"
        self._edges: bool | None = None
        self._content: Content | None = None
        self._badge = ""
        self._wanted = False
        self.view: Any = None
        self.stage: Stage | None = None
        self.camera = SceneCamera(self)
        self._make_controls()
        selection.changed.connect(self._recolour)
        selection.hidden_changed.connect(self._prepare_hidden)
        selection.tool_changed.connect(self._tool_changed)
        cross.moved.connect(self._cross_moved)
        controller.theme_changed.connect(self._apply_theme)

    def _make_controls(self) -> None:
        self.controls = controls = SceneControls(self)
        controls.colours.activated.connect(self._colour_chosen)
        controls.cuts.activated.connect(self._cut_chosen)
        controls.cut_slider.valueChanged.connect(self._cut_moved)
        controls.isolate_asked.connect(self.isolate)
        controls.hide_asked.connect(self.hide_selected)
        controls.show_all_asked.connect(self._selection.show_all)
        controls.fit_asked.connect(self.fit_view)
        controls.along_asked.connect(self.look_along)
        controls.orthographic_asked.connect(self.set_orthographic)
        holder = QWidget(self)
        self._stack = QStackedLayout(holder)
        self._words = QLabel("", holder)
        self._words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._words.setWordWrap(True)
        self._words.setObjectName("muted")
        self._words.setMinimumSize(120, 110)
        self._stack.addWidget(self._words)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(holder, 1)
        column.addWidget(controls)
        self.setMinimumSize(160, 130)

    def activate(self) -> bool:
        """3D is wanted from now on; False where there is no OpenGL."""
        self._wanted = True
        if not has_opengl():
            self._words.setText(NO_OPENGL)
            return False
        self.make_view()
        self._build_wanted()
        return True

    def make_view(self) -> None:
        """Make the OpenGL widget, once."""
        if self.view is not None:
            return
        from nmcstudio.gui.views.viewport import Viewport

        self.view = Viewport(self)
        self.view.clicked.connect(self._clicked)
        self.view.rested.connect(self._rested)
        self.view.grasped.connect(self._grasped)
        self.stage = Stage(self.view, self._style)
        self._key = SceneKey(self.view)
        self._stack.addWidget(self.view)
        self._stack.setCurrentWidget(self.view)
        self.view.renderer.SetLightFollowCamera(True)
        self._apply_theme()

    # Content

    def set_content(self, content: Content | None, badge: str = "") -> None:
        """Show the scene of a content; what is on view stays until its successor is built."""
        same = content is not None and self._content is not None and content.key == self._content.key
        if content is not None and self._content is not None and same and content.scene is self._content.scene:
            self._content = content
            return
        self._background.drop("scene")
        self._background.drop("hidden")
        self._content = content
        self._badge = badge
        old_shown = self._shown if same else {}
        self._items = {item.key: item for item in content.scene} if content is not None else {}
        for key in list(self.stage.things) if self.stage is not None else ():
            if not same or key not in self._items:
                self.stage.remove(key)
        self._shown = {key: old_shown.get(key, item.visible) for key, item in self._items.items()}
        self._stale = set(self._items)
        self._fill_menu()
        if content is None:
            self.camera.forget()
        if not self._items and self.view is not None:
            self._finish_scene()
        self._build_wanted()

    def _fill_menu(self) -> None:
        menu = self.controls.menu
        menu.clear()
        for key, item in self._items.items():
            action = menu.addAction(item.title)
            action.setCheckable(True)
            action.setChecked(self._shown[key])
            action.toggled.connect(partial(self._item_toggled, key))
        if "grey" in self._items:
            action = menu.addAction("Volume rendering")
            action.setCheckable(True)
            action.setToolTip("Slow without a graphics card")
            action.toggled.connect(self._volume_toggled)
        if "mesh" in self._items:
            action = menu.addAction("Edges")
            action.setCheckable(True)
            action.setChecked(bool(self._edges))
            action.toggled.connect(self._edges_toggled)
        self.controls.shown.setEnabled(bool(self._items))

    def _edges_toggled(self, shown: bool) -> None:
        self._edges = shown
        if self.stage is not None:
            self.stage.redraw(self._cross.position)
            self.view.update()

    def _item_toggled(self, key: str, shown: bool) -> None:
        self._shown[key] = shown
        if self.stage is not None:
            if not shown:
                self.stage.hide(key)
                self.view.update()
            elif key in self.stage.things and key not in self._stale:
                self.stage.draw(key, self._cross.position)
        self._build_wanted()

    def _build_wanted(self) -> None:
        if not self._wanted or self.stage is None:
            return
        wanted = [item for key, item in self._items.items() if self._shown[key] and key in self._stale]
        if not wanted:
            self._finish_scene()
            return
        hidden = {item.key: self._hidden(item.key) for item in wanted}
        if not self.stage.things:
            self._say("Building the surfaces …")
        self._background.ask("scene", lambda monitor: build(wanted, hidden, monitor), self._deliver_scene, self._deliver_error)

    def _deliver_scene(self, made: dict[str, Prepared]) -> None:
        self._stale -= set(made)
        self._draw_those({key: each for key, each in made.items() if key in self._items})
        self._finish_scene()
        self._prepare_hidden()

    def _draw_those(self, made: dict[str, Prepared]) -> None:
        if self.stage is None:
            return
        self.stage.take(made)
        for key in made:
            if self._shown.get(key):
                self.stage.draw(key, self._cross.position)
        self._show_badge()

    def _deliver_error(self, error: Exception) -> None:
        self._say(str(error))

    def _say(self, words: str) -> None:
        if self.view is not None:
            self.view.add_text(words, position="lower_edge", font_size=9, name="words", color=self._ink(), render=False)
            self.view.update()

    def _finish_scene(self) -> None:
        if self.stage is None:
            return
        self.view.remove_actor("words", reset_camera=False, render=False)
        self.stage.draw_frame(self._ink())
        self.camera.follow()
        self._fill_colours()
        self._show_badge()

    def _show_badge(self) -> None:
        """Say in a corner what the picture does not tell: that it is simulated, that objects are hidden."""
        hidden = len(self._selection.hidden) if any(map(self._is_of_selection, self._items)) else 0
        words = " · ".join([self._badge] * bool(self._badge) + [f"{hidden} hidden"] * bool(hidden))
        if words:
            self.view.add_text(words, position="upper_right", font_size=7, name="badge", color="#b07800", render=False)
        else:
            self.view.remove_actor("badge", reset_camera=False, render=False)
        self.view.update()

    # Looks

    def _is_of_selection(self, key: str) -> bool:
        item = self._items.get(key)
        return item is not None and bool(item.subject) and item.subject == self._selection.subject

    def _hidden(self, key: str) -> frozenset[int]:
        return self._selection.hidden if self._is_of_selection(key) else frozenset()

    def _style(self, key: str) -> Style:
        return Style(self._colouring, self._selection.ids if self._is_of_selection(key) else (), self._hidden(key), self._edges)

    def _ink(self) -> str:
        return self._controller.theme.viewport_text

    @Slot()
    def _prepare_hidden(self) -> None:
        """Leave out other objects: their neighbours get walls there, which a worker finds."""
        if self.stage is None:
            return
        things = self.stage.things
        changed = {key: each for key, each in things.items() if self._is_of_selection(key) and each.hidden != self._hidden(key)}
        if not changed:
            self._background.drop("hidden")
            return
        hidden = self._selection.hidden

        def work(monitor: Monitor) -> dict[str, Prepared]:
            return prepare_again(changed, hidden, monitor)

        def answer(made: dict[str, Prepared]) -> None:
            # What was built anew meanwhile stays.
            self._draw_those({key: each for key, each in made.items() if things.get(key) is changed[key]})

        self._background.ask("hidden", work, answer, self._deliver_error)

    @Slot()
    def _apply_theme(self) -> None:
        if self.stage is None:
            return
        self.view.set_background(self._controller.theme.viewport)
        self.view.add_axes(interactive=False, viewport=(0.0, 0.7, 0.2, 0.98), color=self._ink())
        self.stage.draw_frame(self._ink())
        self._key.set_ink(self._ink())
        self.view.update()

    def _fill_colours(self) -> None:
        names = ["id"]
        surfaces = [thing for _, thing in self.stage.surfaces_on_view()] if self.stage is not None else []
        for thing in surfaces:
            names += [name for name in (*thing.colours, *thing.scalars) if name not in names]
        box = self.controls.colours
        if names != [box.itemData(i) for i in range(box.count())]:
            box.clear()
            for name in names:
                box.addItem("Label" if name == "id" else name[:1].upper() + name[1:], name)
        if self._colouring not in names:
            self._colouring = "id"
            self._recolour()
        box.setCurrentIndex(names.index(self._colouring))
        box.setEnabled(len(names) > 1)
        self._show_key()

    def _show_key(self) -> None:
        """The key belongs to the colours on view."""
        if self.stage is None:
            return
        is_scalar = any(self._colouring in thing.scalars for _, thing in self.stage.surfaces_on_view())
        group = self._content.ipf_key if self._content is not None else ""
        self._key.show_legend(scene_legend(self._colouring, group, is_scalar))

    @Slot(int)
    def _colour_chosen(self, index: int) -> None:
        self._colouring = self.controls.colours.itemData(index)
        self._recolour()
        self._show_key()

    @Slot(int)
    def _cut_chosen(self, index: int) -> None:
        self.controls.show_slider(list(CUTS.values())[index] is not None)
        self._cut_moved()

    @Slot()
    def _cut_moved(self) -> None:
        if self.stage is not None:
            axis = list(CUTS.values())[self.controls.cuts.currentIndex()]
            self.stage.cut_along(axis, self.controls.cut_slider.value() / 1000)
            self.view.update()

    @Slot()
    def _recolour(self) -> None:
        if self.stage is not None:
            self.stage.recolour()
            self.view.update()

    @Slot()
    def _cross_moved(self) -> None:
        if self.stage is not None and self.stage.has_grey:
            self.stage.place_grey(self._cross.position)
            self.view.update()

    def _volume_toggled(self, shown: bool) -> None:
        if self.stage is not None:
            self.stage.render_volume(shown, self._cross.position)
            self.view.update()

    # Hands

    @Slot(bool)
    def _grasped(self, grasped: bool) -> None:
        if self.stage is not None:
            self.stage.grasp(grasped)
            self.view.update()

    @Slot(str)
    def _tool_changed(self, tool: str) -> None:
        if self.view is not None:
            self.view.setCursor(CURSORS.get(tool, Qt.CursorShape.ArrowCursor) if tool != "pick" else Qt.CursorShape.ArrowCursor)

    @Slot(QPointF, object)
    def _clicked(self, at: QPointF, modifiers: Any) -> None:
        if self.stage is None:
            return
        key, label, position = self.stage.pick(at.x(), at.y())
        if self._is_of_selection(key):
            adding = bool(modifiers & (Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier))
            self._selection.click(label, adding, position)
            if self._selection.tool == "pick" and position is not None and self._content is not None and self._content.layers:
                self._cross.move(position)
        elif not key and not modifiers:
            self._selection.click(0)

    @Slot(QPointF)
    def _rested(self, at: QPointF) -> None:
        if self.stage is None:
            return
        key, label, _ = self.stage.pick(at.x(), at.y())
        item = self._items.get(key)
        if item is None or not label:
            self.hovered.emit("")
            return
        table = self._content.table if self._content is not None else None
        self.hovered.emit(object_words(item.title, item.subject, label, table))
        self._selection.hovered.emit(item.subject, label)

    @Slot()
    def isolate(self) -> None:
        """Show only what is selected."""
        if self._selection.ids and self.stage is not None:
            everything = {int(i) for _, thing in self.stage.surfaces_on_view() for i in labels_of(thing.mesh)}
            self._selection.isolate(self._selection.ids, everything)

    @Slot()
    def hide_selected(self) -> None:
        """Show all but what is selected."""
        self._selection.hide(self._selection.ids)

    # Camera

    def box_um(self) -> NDArray[np.float64] | None:
        """Box around what is shown, ``[[x0, x1], [y0, y1], [z0, z1]]`` in um, or None."""
        return self.stage.bounds if self.stage is not None else None

    @Slot()
    def fit_view(self) -> None:
        """All of the scene, from the usual corner."""
        self.camera.fit()

    @Slot(str)
    def look_along(self, name: str) -> None:
        """Look along an axis of the sample."""
        if self.view is not None:
            self.camera.look_along(name)

    @Slot(bool)
    def set_orthographic(self, orthographic: bool) -> None:
        """Parallel projection, or perspective."""
        (self.controls.orthographic if orthographic else self.controls.perspective).setChecked(True)
        if self.view is not None:
            self.camera.set_orthographic(orthographic)

    def picture(self) -> QImage | None:
        """What 3D shows now, or None without OpenGL."""
        return self.view.grabFramebuffer() if self.view is not None else None

    def state(self) -> dict[str, Any]:
        """What `restore` needs, as JSON."""
        state: dict[str, Any] = {"colouring": self._colouring, "orthographic": self.controls.orthographic.isChecked()}
        if self.view is not None:
            state["camera"] = self.camera.state()
        return state

    def restore(self, state: dict[str, Any]) -> None:
        """Come back to a state; what is shown is fitted to it."""
        self._colouring = str(state.get("colouring", "id"))
        self.set_orthographic(bool(state.get("orthographic", False)))
        if state.get("camera") and self.view is not None:
            self.camera.restore(state["camera"])

    def forget(self) -> None:
        """As at first: colours of labels, no cut; what comes next is seen from the usual corner."""
        self._colouring = "id"
        self._edges = None
        self._shown = {key: item.visible for key, item in self._items.items()}
        self.controls.cuts.setCurrentIndex(0)
        self.controls.cut_slider.setValue(500)
        self._cut_chosen(0)
        self.camera.forget()

    def close_view(self) -> None:
        """Release OpenGL."""
        if self.view is not None:
            self.view.shut()
            self.view = self.stage = None
