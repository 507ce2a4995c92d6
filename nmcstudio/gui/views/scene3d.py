"""The 3D view: surfaces of labelled objects, grey volume, cut plane, picking; built in a worker, swapped in here."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from PySide6.QtCore import QPointF, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QLabel, QStackedLayout, QVBoxLayout, QWidget

from nmcstudio.core.meshes import SurfaceMesh
from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.views import scene_actors as actors
from nmcstudio.gui.views import scene_parts as parts
from nmcstudio.gui.views.contents import Content, GreyBlock, SceneItem, Surfaces
from nmcstudio.gui.views.scene_controls import CUTS, SceneControls
from nmcstudio.gui.views.scene_surfaces import Style, SurfaceActors, key_of
from nmcstudio.gui.views.selection import Selection
from nmcstudio.gui.views.slice_pane import CURSORS, Crosshair
from nmcstudio.gui.views.store import ContentStore

NO_OPENGL = "3D needs a display with OpenGL; this one has none.\nThe slices, plots and tables work as usual."
# Frames that take longer than this, in seconds, are drawn coarser while the camera moves.
_SLOW_FRAME_S = 0.05


def has_opengl() -> bool:
    """True where a QOpenGLWidget can draw."""
    if QGuiApplication.platformName() in ("offscreen", "minimal", "vnc", "linuxfb"):
        return False
    from PySide6.QtGui import QOpenGLContext

    return bool(QOpenGLContext().create())


class Scene3D(QWidget):
    """One 3D view with its own row of controls."""

    hovered = Signal(str)

    def __init__(self, controller: Any, selection: Selection, cross: Crosshair, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller, self._selection, self._cross = controller, selection, cross
        self._background = ContentStore.of(controller).worker()
        self._items: dict[str, SceneItem] = {}
        self._built: dict[str, Surfaces | GreyBlock] = {}
        self._drawn: dict[str, actors.Drawn] = {}
        self._shown: dict[str, bool] = {}
        self._colouring = "id"
        self._edges: bool | None = None
        self._cut_axis: int | None = None
        self._content: Content | None = None
        self._badge = ""
        self._fitted_to = ""
        self._bounds: np.ndarray | None = None
        self._twins: tuple[Scene3D, ...] = ()
        self._fitted_box: np.ndarray | None = None
        self.view: Any = None
        self._wanted = False
        self._make_controls()
        selection.changed.connect(self._recolour)
        selection.hidden_changed.connect(self._redraw)
        selection.tool_changed.connect(self._tool_changed)
        cross.moved.connect(self._cross_moved)
        controller.theme_changed.connect(self._apply_theme)

    # Controls

    def _make_controls(self) -> None:
        self._controls = controls = SceneControls(self)
        self._items_button, self._menu = controls.shown, controls.menu
        self._colours, self._cuts, self._cut_slider = controls.colours, controls.cuts, controls.cut_slider
        self._perspective, self._orthographic = controls.perspective, controls.orthographic
        self._colours.activated.connect(self._colour_chosen)
        self._cuts.activated.connect(self._cut_chosen)
        self._cut_slider.valueChanged.connect(self._cut_moved)
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
        """Make the OpenGL widget when 3D is first wanted; False where there is no OpenGL."""
        self._wanted = True
        if self.view is not None:
            return True
        if not has_opengl():
            self._words.setText(NO_OPENGL)
            return False
        from nmcstudio.gui.views.viewport import Viewport

        self.view = Viewport(self)
        self.view.clicked.connect(self._clicked)
        self.view.rested.connect(self._rested)
        self.view.grasped.connect(self._grasped)
        self._surfaces_on_view = SurfaceActors(self.view)
        self._stack.addWidget(self.view)
        self._stack.setCurrentWidget(self.view)
        self.view.renderer.SetLightFollowCamera(True)
        self._apply_theme()
        self._build_wanted()
        return True

    # Content

    def set_content(self, content: Content | None, badge: str = "") -> None:
        """Show the scene of a content; what is on view stays until its successor is built."""
        same = content is not None and self._content is not None and content.key == self._content.key
        if same and content.scene is self._content.scene:
            self._content = content
            return
        self._background.drop("scene")
        self._content = content
        self._badge = badge
        old_shown = self._shown if same else {}
        for key in list(self._built):
            if content is None or not same or key not in {item.key for item in content.scene}:
                self._remove(key)
        self._items = {item.key: item for item in content.scene} if content is not None else {}
        self._shown = {key: old_shown.get(key, item.visible) for key, item in self._items.items()}
        self._stale = set(self._items)
        self._fill_menu()
        if not self._items and self.view is not None:
            self.view.update()
        self._build_wanted()

    def _fill_menu(self) -> None:
        self._menu.clear()
        for key, item in self._items.items():
            action = self._menu.addAction(item.title)
            action.setCheckable(True)
            action.setChecked(self._shown[key])
            action.toggled.connect(partial(self._item_toggled, key))
        if any(self._is_grey(key) for key in self._items):
            action = self._menu.addAction("Volume rendering")
            action.setCheckable(True)
            action.setToolTip("Slow without a graphics card")
            action.toggled.connect(self._volume_toggled)
        if "mesh" in self._items:
            action = self._menu.addAction("Edges")
            action.setCheckable(True)
            action.setChecked(bool(self._edges))
            action.toggled.connect(self._edges_toggled)
        self._items_button.setEnabled(bool(self._items))

    def _edges_toggled(self, shown: bool) -> None:
        self._edges = shown
        self._redraw()

    def _is_grey(self, key: str) -> bool:
        return key == "grey"

    def _item_toggled(self, key: str, shown: bool) -> None:
        self._shown[key] = shown
        if not shown:
            self._hide(key)
        elif key in self._built and key not in self._stale:
            self._draw(key)
        self._build_wanted()

    def _build_wanted(self) -> None:
        if not self._wanted or self.view is None:
            return
        wanted = [item for key, item in self._items.items() if self._shown[key] and key in self._stale]
        if not wanted:
            self._finish_scene()
            return

        hidden = {item.key: self._hidden(item.key) for item in wanted}

        def work(monitor: Monitor) -> tuple[dict[str, Surfaces | GreyBlock], dict[str, actors.Drawn]]:
            made = {item.key: item.build(monitor) for item in wanted}
            drawn = {}
            for key, thing in made.items():
                if isinstance(thing, Surfaces):
                    drawn[key] = actors.draw_ready(thing.mesh, hidden[key], not thing.edges)
                    if thing.quick is not None:
                        drawn[f"{key}-quick"] = actors.draw_ready(thing.quick, hidden[key], not thing.edges)
            return made, drawn

        if not self._built:
            self._say("Building the surfaces …")
        self._background.ask("scene", work, self._deliver_scene, self._deliver_error)

    def _deliver_scene(self, answer: tuple[dict[str, Surfaces | GreyBlock], dict[str, actors.Drawn]]) -> None:
        made, drawn = answer
        self._drawn |= {name: each for name, each in drawn.items() if key_of(name) in self._items}
        for key, thing in made.items():
            if key in self._items:
                self._stale.discard(key)
                self._built[key] = thing
                self._draw(key)
        self._finish_scene()

    def _deliver_error(self, error: Exception) -> None:
        self._say(str(error))

    def _say(self, words: str) -> None:
        if self.view is not None:
            self.view.add_text(words, position="lower_edge", font_size=9, name="words", color=self._ink(), render=False)
            self.view.update()

    def _finish_scene(self) -> None:
        if self.view is None:
            return
        self.view.remove_actor("words", reset_camera=False, render=False)
        self._draw_frame()
        key = self._content.key if self._content is not None else ""
        if self._built and key and key != self._fitted_to:
            self._fitted_to = key
            self.fit_view()
        elif self._twins and self._bounds is not None:
            self._fit_together()
        self._fill_colours()
        if self._badge:
            self.view.add_text(self._badge, position="upper_right", font_size=7, name="badge", color="#b07800", render=False)
        else:
            self.view.remove_actor("badge", reset_camera=False, render=False)
        self.view.update()

    # Drawing

    def _surfaces(self) -> dict[str, Surfaces]:
        return {key: thing for key, thing in self._built.items() if isinstance(thing, Surfaces) and self._shown.get(key)}

    def _hidden(self, key: str) -> frozenset[int]:
        item = self._items.get(key)
        return self._selection.hidden if item is not None and item.subject == self._selection.subject else frozenset()

    def _chosen(self, key: str) -> tuple[int, ...]:
        item = self._items.get(key)
        return self._selection.ids if item is not None and item.subject and item.subject == self._selection.subject else ()

    def _draw(self, key: str) -> None:
        thing = self._built[key]
        if isinstance(thing, GreyBlock):
            self._draw_grey(thing)
            return
        self._draw_mesh(key, key, thing.mesh)

    def _style(self, key: str) -> Style:
        return Style(self._colouring, self._chosen(key), self._hidden(key), self._edges)

    def _ready(self, name: str, thing: Surfaces, mesh: SurfaceMesh) -> actors.Drawn:
        """The mesh as a worker has prepared it, or prepared anew where other labels are hidden since."""
        held, hidden = self._drawn.get(name), self._hidden(key_of(name))
        if held is None or held.mesh is not mesh or held.hidden != hidden:
            held = self._drawn[name] = actors.draw_ready(mesh, hidden, not thing.edges)
        return held

    def _draw_mesh(self, name: str, key: str, mesh: SurfaceMesh) -> None:
        """Put the skin of a mesh of the thing `key` on view as the actor `name`."""
        thing = self._built[key]
        actor = self._surfaces_on_view.draw(
            name, thing, self._ready(name, thing, mesh), self._style(key), translucent=key == "shell"
        )
        if actor is not None and name == key:
            self._cut(key)
        elif actor is not None and key in self.view.actors:
            self._surfaces_on_view.share_cut(key, actor)

    @Slot(bool)
    def _grasped(self, grasped: bool) -> None:
        """Coarser meshes while the camera moves, where a frame takes too long for that."""
        if grasped and self.view.frame_seconds < _SLOW_FRAME_S:
            return
        for key, thing in self._surfaces().items():
            if thing.quick is None or key not in self.view.actors:
                continue
            if grasped:
                self._draw_mesh(f"{key}-quick", key, thing.quick)
            else:
                self._surfaces_on_view.remove(f"{key}-quick")
            self.view.actors[key].SetVisibility(not grasped)
        self.view.update()

    def _cut(self, key: str) -> None:
        axis = self._cut_axis if self._bounds is not None else None
        position_um = self._cut_position() if axis is not None else 0.0
        self._surfaces_on_view.cut(key, self._built[key], axis, position_um, self._style(key))

    def _cut_position(self) -> float:
        low, high = self._bounds[2 - self._cut_axis]
        return float(low + (high - low) * self._cut_slider.value() / 1000)

    def _draw_grey(self, block: GreyBlock) -> None:
        self._grid = parts.draw_grey(self.view, block)
        self._place_grey_slices()

    def _place_grey_slices(self) -> None:
        block = self._built.get("grey")
        if isinstance(block, GreyBlock) and self._shown.get("grey"):
            parts.place_grey(self.view, block, self._cross.position)

    def _volume_toggled(self, shown: bool) -> None:
        if self.view is None:
            return
        if shown and isinstance(self._built.get("grey"), GreyBlock):
            parts.draw_volume(self.view, self._grid)
        else:
            self.view.remove_actor("volume", reset_camera=False, render=False)
            if isinstance(self._built.get("grey"), GreyBlock):
                self._draw("grey")
        self.view.update()

    def _hide(self, key: str) -> None:
        if self.view is None:
            return
        self._surfaces_on_view.remove(key, f"{key}-cap", f"{key}-quick", *(parts.GREY if key == "grey" else ()))
        self.view.update()

    def _remove(self, key: str) -> None:
        self._hide(key)
        self._built.pop(key, None)
        for name in [name for name in self._drawn if key_of(name) == key]:
            del self._drawn[name]

    def _draw_frame(self) -> None:
        self._bounds = parts.bounds_of(self._built.values())
        if self._bounds is None:
            parts.remove(self.view, parts.FRAME)
        else:
            parts.draw_frame(self.view, self._bounds, self._ink())

    def _ink(self) -> str:
        return self._controller.theme.viewport_text

    @Slot()
    def _apply_theme(self) -> None:
        if self.view is None:
            return
        self.view.set_background(self._controller.theme.viewport)
        self.view.add_axes(interactive=False, viewport=(0.0, 0.7, 0.2, 0.98), color=self._ink())
        if self._built:
            self._draw_frame()
        self.view.update()

    def _fill_colours(self) -> None:
        names = ["id"]
        for thing in self._surfaces().values():
            names += [name for name in (*thing.colours, *thing.scalars) if name not in names]
        if names != [self._colours.itemData(i) for i in range(self._colours.count())]:
            self._colours.clear()
            for name in names:
                self._colours.addItem("Label" if name == "id" else name[:1].upper() + name[1:], name)
        if self._colouring not in names:
            self._colouring = "id"
            self._redraw()
        self._colours.setCurrentIndex(names.index(self._colouring))
        self._colours.setEnabled(len(names) > 1)

    @Slot(int)
    def _colour_chosen(self, index: int) -> None:
        self._colouring = self._colours.itemData(index)
        self._redraw()

    @Slot(int)
    def _cut_chosen(self, index: int) -> None:
        self._cut_axis = list(CUTS.values())[index]
        self._controls.show_slider(self._cut_axis is not None)
        self._redraw()

    @Slot(int)
    def _cut_moved(self, value: int) -> None:
        if self.view is None:
            return
        for key in self._surfaces():
            if key in self.view.actors:
                self._cut(key)
        self.view.update()

    @Slot()
    def _redraw(self) -> None:
        if self.view is None:
            return
        for key in self._surfaces():
            self._draw(key)
        self.view.update()

    @Slot()
    def _recolour(self) -> None:
        if self.view is None:
            return
        for name in self._surfaces_on_view.skins:
            thing = self._built.get(key_of(name))
            if isinstance(thing, Surfaces):
                self._surfaces_on_view.recolour(name, thing, self._style(key_of(name)))
        self.view.update()

    @Slot()
    def _cross_moved(self) -> None:
        if self.view is not None and "grey" in self._built:
            self._place_grey_slices()
            self.view.update()

    # Hands

    def _pick(self, at: QPointF) -> tuple[str, int, np.ndarray | None]:
        from vtkmodules.vtkRenderingCore import vtkCellPicker

        ratio = self.view.devicePixelRatioF()
        picker = vtkCellPicker()
        picker.SetTolerance(0.0005)
        picker.Pick(at.x() * ratio, (self.view.height() - 1 - at.y()) * ratio, 0.0, self.view.renderer)
        actor, cell = picker.GetActor(), picker.GetCellId()
        if actor is None or cell < 0:
            return "", 0, None
        key, label = self._surfaces_on_view.label_of(actor, cell)
        return (key, label, np.array(picker.GetPickPosition())[::-1]) if key else ("", 0, None)

    @Slot(str)
    def _tool_changed(self, tool: str) -> None:
        if self.view is not None:
            self.view.setCursor(CURSORS.get(tool, Qt.CursorShape.ArrowCursor) if tool != "pick" else Qt.CursorShape.ArrowCursor)

    @Slot(QPointF, object)
    def _clicked(self, at: QPointF, modifiers: Any) -> None:
        key, label, position = self._pick(at)
        item = self._items.get(key)
        if item is not None and item.subject and item.subject == self._selection.subject:
            adding = bool(modifiers & (Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier))
            self._selection.click(label, adding, position)
            if self._selection.tool == "pick" and self._content is not None and self._content.layers:
                self._cross.move(position)
        elif not key and not modifiers:
            self._selection.click(0)

    @Slot(QPointF)
    def _rested(self, at: QPointF) -> None:
        key, label, _ = self._pick(at)
        item = self._items.get(key)
        self.hovered.emit(self._describe(item, label) if item is not None and label else "")

    def _describe(self, item: SceneItem, label: int) -> str:
        table = self._content.table if self._content is not None else None
        words = f"{item.title.rstrip('s').lower()} {label}"
        if table is not None and table.subject == item.subject:
            row = np.flatnonzero(table.ids == label)
            if len(row):
                column = table.columns[0]
                words += f"   ·   {column.title.lower()} {column.values[row[0]]:.3g} {column.unit}"
        self._selection.hovered.emit(item.subject, label)
        return words

    @Slot()
    def isolate(self) -> None:
        """Show only what is selected."""
        everything = {int(i) for thing in self._surfaces().values() for i in actors.labels_of(thing.mesh)}
        if self._selection.ids:
            self._selection.isolate(self._selection.ids, everything)

    @Slot()
    def hide_selected(self) -> None:
        self._selection.hide(self._selection.ids)

    @Slot()
    def fit_view(self) -> None:
        """All of the scene, from the usual corner."""
        if self.view is None:
            return
        self.view.renderer.view_isometric(negative=False, render=False)
        if self._twins:
            self._fitted_box = None
            self._fit_together()
            return
        self.view.renderer.ResetCamera()
        self.view.camera.zoom(0.97)
        self.view.renderer.ResetCameraClippingRange()
        self.view.update()

    def share_camera(self, *twins: Scene3D) -> None:
        """The views have one camera: fitting it fits what each of them shows."""
        self._twins = twins

    def _fit_together(self) -> None:
        """Move the common camera along its direction until the things of all twins fit, if they are not the same as before."""
        scenes = (self, *self._twins)
        box = parts.box_of(scene._bounds for scene in scenes if scene._bounds is not None and scene._built)
        if box is None or (self._fitted_box is not None and np.allclose(box, self._fitted_box)):
            return
        parts.aim(self.view.camera, parts.with_margin(box), self.view.width() / max(self.view.height(), 1))
        for scene in scenes:
            scene._fitted_box = box
            if scene.view is not None:
                scene.view.renderer.ResetCameraClippingRange()
                scene.view.update()

    @Slot(str)
    def look_along(self, name: str) -> None:
        """Look along an axis of the sample."""
        if self.view is not None:
            {"x": self.view.view_yz, "y": self.view.view_xz, "z": self.view.view_xy}[name](render=False)
            self.view.update()

    @Slot(bool)
    def set_orthographic(self, orthographic: bool) -> None:
        (self._orthographic if orthographic else self._perspective).setChecked(True)
        if self.view is not None:
            self.view.camera.SetParallelProjection(orthographic)
            self.view.renderer.ResetCameraClippingRange()
            self.view.update()

    def picture(self) -> QImage | None:
        """What 3D shows now, or None without OpenGL."""
        return self.view.grabFramebuffer() if self.view is not None else None

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = {"colouring": self._colouring, "orthographic": self._orthographic.isChecked()}
        if self.view is not None:
            camera = self.view.camera
            state["camera"] = [
                list(camera.position),
                list(camera.focal_point),
                list(camera.up),
                camera.view_angle,
                camera.GetParallelScale(),
            ]
        return state

    def restore(self, state: dict[str, Any]) -> None:
        self._colouring = str(state.get("colouring", "id"))
        self.set_orthographic(bool(state.get("orthographic", False)))
        camera = state.get("camera")
        if camera and self.view is not None:
            self.view.camera.position, self.view.camera.focal_point, self.view.camera.up = camera[:3]
            self.view.camera.view_angle = camera[3]
            self.view.camera.SetParallelScale(camera[4])
            self._fitted_to = self._content.key if self._content is not None else ""
            self.view.renderer.ResetCameraClippingRange()
            self.view.update()

    def close_view(self) -> None:
        """Release OpenGL."""
        if self.view is not None:
            self.view.shut()
            self.view = None
