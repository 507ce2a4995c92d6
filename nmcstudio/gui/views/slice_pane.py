"""One orthogonal slice: pictures of the layers, cross-hair, scale bar; wheel, drag, zoom and click."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from nmcstudio.gui.views.contents import Layer
from nmcstudio.gui.views.layer_model import LayerModel
from nmcstudio.gui.views.seed_marks import draw_seeds
from nmcstudio.gui.views.selection import Selection
from nmcstudio.gui.views.slice_images import SliceImages
from nmcstudio.gui.views.slice_marks import draw_cross, draw_scale_bar, draw_words
from nmcstudio.gui.views.slicing import PLANES, index_at, value_at

AXIS_NAMES = "zyx"
CURSORS = {
    "pick": Qt.CursorShape.CrossCursor,
    "merge": Qt.CursorShape.PointingHandCursor,
    "split": Qt.CursorShape.SplitHCursor,
    "delete": Qt.CursorShape.ForbiddenCursor,
    "brush": Qt.CursorShape.CrossCursor,
    "eraser": Qt.CursorShape.CrossCursor,
    "fill": Qt.CursorShape.PointingHandCursor,
}


class Crosshair(QObject):
    """The point (z, y, x) in um that all slices pass through, and the point under the mouse."""

    moved = Signal()
    pointed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.position = np.zeros(3)

    def move(self, position_zyx_um: np.ndarray) -> None:
        if not np.array_equal(position_zyx_um, self.position):
            self.position = np.asarray(position_zyx_um, dtype=float)
            self.moved.emit()


class SlicePane(QWidget):
    """A painter of one plane ("xy", "xz" or "yz"). Everything is placed in um, so that voxels need not be cubes."""

    maximise_asked = Signal(str)

    def __init__(
        self, plane: str, model: LayerModel, cross: Crosshair, selection: Selection, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.plane = plane
        self.normal, self.rows, self.columns = PLANES[plane]
        self._model = model
        self._cross = cross
        self._selection = selection
        self._scale = 0.0  # pixels per um; 0 fits the view at the next paint
        self._is_fitted = True  # nobody has zoomed or moved since: a larger pane shows a larger picture
        self._centre = QPointF()  # um in the middle of the widget (columns, rows)
        self._pressed: QPointF | None = None
        self._dragged = False
        self._images = SliceImages(PLANES[plane])
        self.badge = ""
        self._ground = QColor(24, 26, 29)
        self.setMinimumSize(120, 110)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName(f"{plane.upper()} slice")
        model.changed.connect(self.update)
        model.replaced.connect(self._replaced)
        model.touched.connect(self._touched)
        cross.moved.connect(self.update)
        selection.changed.connect(self.update)
        selection.seeds_changed.connect(self.update)
        selection.tool_changed.connect(self._tool_changed)
        self._tool_changed(selection.tool)

    # Where things are

    def reference(self) -> Layer | None:
        """The layer whose voxels the wheel steps through: the lowest one on view."""
        shown = self._model.shown()
        return shown[0] if shown else (self._model.layers[0] if self._model.layers else None)

    def slice_count(self) -> int:
        layer = self.reference()
        return layer.values.shape[self.normal] if layer is not None else 0

    def slice_index(self) -> int:
        layer = self.reference()
        return index_at(layer, self.normal, self._cross.position[self.normal]) if layer is not None else 0

    def set_slice(self, index: int) -> None:
        layer = self.reference()
        if layer is None:
            return
        index = min(max(index, 0), layer.values.shape[self.normal] - 1)
        position = self._cross.position.copy()
        position[self.normal] = layer.origin_um[self.normal] + index * layer.spacing_um[self.normal]
        self._cross.move(position)

    def set_ground(self, colour: str) -> None:
        """Colour behind the picture."""
        self._ground = QColor(colour)
        self.update()

    def fit(self) -> None:
        self._scale, self._is_fitted = 0.0, True
        self.update()

    def view(self) -> tuple[float, float, float]:
        return self._scale, self._centre.x(), self._centre.y()

    @property
    def is_fitted(self) -> bool:
        """Whether the whole is on view, as large as it goes, whatever the size of the pane."""
        return self._is_fitted

    def set_view(self, scale: float, x: float, y: float) -> None:
        self._scale, self._centre, self._is_fitted = float(scale), QPointF(x, y), scale <= 0
        self.update()

    def _fit_now(self) -> None:
        bounds = self._model.bounds_um()
        if bounds is None:
            return
        low, high = bounds[::-1][:, 0], bounds[::-1][:, 1]
        width, height = high[self.columns] - low[self.columns], high[self.rows] - low[self.rows]
        self._centre = QPointF((low[self.columns] + high[self.columns]) / 2, (low[self.rows] + high[self.rows]) / 2)
        self._scale = min((self.width() - 12) / width, (self.height() - 12) / height)

    def to_pixel(self, column_um: float, row_um: float) -> QPointF:
        return QPointF(
            self.width() / 2 + (column_um - self._centre.x()) * self._scale,
            self.height() / 2 + (row_um - self._centre.y()) * self._scale,
        )

    def pixels_per_um(self) -> float:
        return self._scale

    def slice_position(self) -> float:
        """Position of the slice along its normal, in um."""
        return float(self._cross.position[self.normal])

    def look_at(self, position_um: np.ndarray) -> None:
        """Bring a position (z, y, x) into the middle, if it is not well in sight."""
        at = self.to_pixel(position_um[self.columns], position_um[self.rows])
        seen = QRectF(self.rect()).adjusted(0.1 * self.width(), 0.1 * self.height(), -0.1 * self.width(), -0.1 * self.height())
        if self._scale > 0 and not seen.contains(at):
            self._centre = QPointF(position_um[self.columns], position_um[self.rows])
            self._is_fitted = False
            self.update()

    def to_um(self, point: QPointF) -> np.ndarray:
        """Position (z, y, x) in um of a pixel, on this slice."""
        position = self._cross.position.copy()
        scale = self._scale or 1.0
        position[self.columns] = self._centre.x() + (point.x() - self.width() / 2) / scale
        position[self.rows] = self._centre.y() + (point.y() - self.height() / 2) / scale
        return position

    def label_at(self, position_um: np.ndarray) -> int:
        """The label that a click there means: of the topmost label layer on view, else of any."""
        layers = [layer for layer in self._model.layers if layer.subject and layer.subject == self._selection.subject]
        shown = [layer for layer in layers if self._model.look(layer.key).visible]
        for layer in reversed(shown or layers):
            value = value_at(layer, position_um)
            if value is not None:
                return int(value)
        return 0

    # Drawing

    def _replaced(self) -> None:
        self._images.clear()
        self.update()

    def _touched(self, box: tuple[slice, slice, slice]) -> None:
        """Draw a part of the labels anew: what a brush has changed."""
        for layer in self._model.layers:
            self._images.touch(layer, self._model.look(layer.key), box)
        if box[self.normal].start <= self.slice_index() < box[self.normal].stop:
            self.update()

    def _strides(self, layer: Layer) -> tuple[int, int]:
        """Which voxels the pixels of the screen show: where there are several for a pixel, one of them is drawn."""
        ratio = self.devicePixelRatioF()
        row, column = (
            max(1, int(1 / max(self._scale * ratio * layer.spacing_um[axis], 1e-9))) for axis in (self.rows, self.columns)
        )
        return row, column

    def _target(self, layer: Layer, strides: tuple[int, int] = (1, 1)) -> QRectF:
        low = [layer.origin_um[axis] - layer.spacing_um[axis] / 2 for axis in (self.rows, self.columns)]
        lengths = [
            step * -(-layer.values.shape[axis] // step) * layer.spacing_um[axis]
            for axis, step in zip((self.rows, self.columns), strides)
        ]
        return QRectF(self.to_pixel(low[1], low[0]), self.to_pixel(low[1] + lengths[1], low[0] + lengths[0]))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._ground)
        if self._scale <= 0:
            self._fit_now()
        layers = self._model.shown()
        view = (self._scale, self._centre.x(), self._centre.y(), self.width(), self.height(), self.devicePixelRatioF())
        for layer in layers:
            index = index_at(layer, self.normal, self._cross.position[self.normal])
            look = self._model.look(layer.key)
            painter.setOpacity(look.opacity)
            if layer.kind == "outline":
                lines = self._images.lines(layer, index, None, view)
                if lines is not None:
                    painter.drawImage(QPointF(0, 0), lines)
                continue
            strides = self._strides(layer)
            image = self._images.image(layer, look, index, strides)
            if image is not None:
                painter.drawImage(self._target(layer, strides), image)
        painter.setOpacity(1.0)
        if self._selection.ids:
            for layer in layers:
                if layer.subject and layer.subject == self._selection.subject and layer.kind == "labels":
                    index = index_at(layer, self.normal, self._cross.position[self.normal])
                    lines = self._images.lines(layer, index, self._selection.ids, view)
                    if lines is not None:
                        painter.drawImage(QPointF(0, 0), lines)
                    break
        if self._model.layers:
            at = self.to_pixel(self._cross.position[self.columns], self._cross.position[self.rows])
            draw_cross(painter, self, at, (self.rows, self.columns))
            draw_scale_bar(painter, self, self._scale)
        if self._selection.seeds_um and (layer := self.reference()) is not None:
            draw_seeds(self, painter, self._selection.seeds_um, layer.spacing_um[self.normal])
        if self._selection.brush is not None:
            self._selection.brush.draw(self, painter)
        draw_words(painter, self, self.plane, self.normal, self.badge)
        painter.end()

    # Hands

    def _tool_changed(self, tool: str) -> None:
        self.setCursor(CURSORS.get(tool, Qt.CursorShape.CrossCursor))

    def resizeEvent(self, event: QResizeEvent) -> None:
        before, after = event.oldSize(), event.size()
        if self._is_fitted:
            self._scale = 0.0
        elif before.width() > 0 and before.height() > 0:
            # By the diagonal, so that a pane that comes back to its size shows what it did.
            self._scale *= np.hypot(after.width(), after.height()) / np.hypot(before.width(), before.height())

    def wheelEvent(self, event: QWheelEvent) -> None:
        steps = event.angleDelta().y() / 120
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(1.2**steps, event.position())
        elif steps:
            jump = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            self.set_slice(self.slice_index() + int(np.sign(steps)) * max(1, round(abs(steps))) * jump)
        event.accept()

    def zoom(self, factor: float, about: QPointF) -> None:
        """Zoom so that what is under a pixel stays there."""
        if self._scale <= 0:
            return
        self._is_fitted = False
        kept = self.to_um(about)
        self._scale = float(np.clip(self._scale * factor, 1e-4, 1e6))
        now = self.to_um(about)
        self._centre += QPointF(kept[self.columns] - now[self.columns], kept[self.rows] - now[self.rows])
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._selection.brush is not None and self._selection.brush.press(self, event):
            return
        self._pressed = event.position()
        self._dragged = False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._selection.brush is not None and self._selection.brush.move(self, event):
            return
        if self._pressed is not None and event.buttons() & (Qt.MouseButton.LeftButton | Qt.MouseButton.MiddleButton):
            moved = event.position() - self._pressed
            if self._dragged or moved.manhattanLength() > 4:
                self._dragged = True
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
                if self._scale > 0:
                    self._centre -= moved / self._scale
                    self._is_fitted = False
                self._pressed = event.position()
                self.update()
        elif event.buttons() & Qt.MouseButton.RightButton:
            self._cross.move(self._inside(self.to_um(event.position())))
        position = self.to_um(event.position())
        self._cross.pointed.emit(position)
        self._selection.hovered.emit(self._selection.subject, self.label_at(position))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._selection.brush is not None and self._selection.brush.release(self, event):
            return
        if self._pressed is not None and not self._dragged and event.button() == Qt.MouseButton.LeftButton:
            position = self.to_um(event.position())
            adding = bool(event.modifiers() & (Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier))
            if self._selection.tool == "pick":
                self._cross.move(self._inside(position))
            self._selection.plane = self.plane
            self._selection.click(self.label_at(position), adding, position)
        self._pressed = None
        self._dragged = False
        self._tool_changed(self._selection.tool)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.maximise_asked.emit(self.plane)

    def leaveEvent(self, event: object) -> None:
        self._cross.pointed.emit(None)
        if self._selection.brush is not None:
            self._selection.brush.leave()
        self._selection.hovered.emit(self._selection.subject, 0)

    def _inside(self, position: np.ndarray) -> np.ndarray:
        bounds = self._model.bounds_um()
        return position if bounds is None else np.clip(position, bounds[::-1][:, 0], bounds[::-1][:, 1])
