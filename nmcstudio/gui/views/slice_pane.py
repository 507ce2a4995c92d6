"""One orthogonal slice: pictures of the layers, cross-hair, scale bar; wheel, drag, zoom and click."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtCore import QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QImage, QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from nmcstudio.gui.views.colours import SELECTED
from nmcstudio.gui.views.contents import Layer
from nmcstudio.gui.views.layer_model import LayerModel, box_um
from nmcstudio.gui.views.seed_marks import draw_seeds
from nmcstudio.gui.views.selection import Selection
from nmcstudio.gui.views.slicing import (
    PLANES,
    edges,
    index_at,
    length_text,
    nice_length_um,
    pixels,
    rim,
    screen_labels,
    value_at,
    word_of,
)

AXIS_NAMES = "zyx"
AXIS_COLOURS = {0: QColor(40, 125, 235), 1: QColor(45, 160, 60), 2: QColor(225, 70, 70)}
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
        self._centre = QPointF()  # um in the middle of the widget (columns, rows)
        self._pressed: QPointF | None = None
        self._dragged = False
        self._images: dict[str, _Held] = {}
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
        self._scale = 0.0
        self.update()

    def view(self) -> tuple[float, float, float]:
        return self._scale, self._centre.x(), self._centre.y()

    def set_view(self, scale: float, x: float, y: float) -> None:
        self._scale, self._centre = float(scale), QPointF(x, y)
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
        around = box[self.normal]
        for layer in self._model.layers:
            for name in (layer.key, f"selected {layer.key}"):
                held = self._images.get(name)
                if held is None or layer.kind not in ("labels", "outline") or not around.start <= held.mark[0] < around.stop:
                    continue
                if layer.kind == "outline" or name != layer.key or not held.shows(layer):
                    del self._images[name]
                    continue
                words = pixels(replace(layer, values=layer.values[box]), self._model.look(layer.key), self.normal,
                               held.mark[0] - around.start)  # fmt: skip
                painter = QPainter(held.image)
                painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
                painter.drawImage(box[self.columns].start, box[self.rows].start, _as_image(words))
                painter.end()
        if around.start <= self.slice_index() < around.stop:
            self.update()

    def _image(self, layer: Layer, index: int) -> QImage | None:
        look = self._model.look(layer.key)
        mark = (index, look.colormap, look.limits, layer.colour)
        held = self._images.get(layer.key)
        if held is None or held.mark != mark or not held.shows(layer):
            words = pixels(layer, look, self.normal, index)
            if words is None:
                return None
            held = self._images[layer.key] = _Held(mark, layer, _as_image(words))
        return held.image

    def _lines(self, layer: Layer, index: int, selected: bool) -> QImage | None:
        """Lines between labels, or around the selected ones, at the resolution of the screen."""
        ids = self._selection.ids if selected else ()
        ratio = self.devicePixelRatioF()
        view = (self._scale, self._centre.x(), self._centre.y(), self.width(), self.height(), ratio)
        mark = (index, ids, layer.colour, view)
        name = f"selected {layer.key}" if selected else layer.key
        held = self._images.get(name)
        if held is None or held.mark != mark or not held.shows(layer):
            step = 1.0 / (self._scale * ratio)
            shape = (round(self.height() * ratio), round(self.width() * ratio))
            corner = (self._centre.y() - (shape[0] - 1) / 2 * step, self._centre.x() - (shape[1] - 1) / 2 * step)
            labels = screen_labels(layer, PLANES[self.plane], index, corner, step, shape)
            if labels is None:
                return None
            if selected:
                inside = np.isin(labels, ids)
                drawn, word = rim(inside) | rim(rim(inside) ^ inside), word_of(SELECTED)
            else:
                drawn, word = edges(labels), word_of(layer.colour)
            image = _as_image(np.where(drawn, word, np.uint32(0)))
            image.setDevicePixelRatio(ratio)
            held = self._images[name] = _Held(mark, layer, image)
        return held.image

    def _target(self, layer: Layer) -> QRectF:
        box = box_um(layer)[::-1]
        corner = self.to_pixel(box[self.columns, 0], box[self.rows, 0])
        other = self.to_pixel(box[self.columns, 1], box[self.rows, 1])
        return QRectF(corner, other)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._ground)
        if self._scale <= 0:
            self._fit_now()
        layers = self._model.shown()
        for layer in layers:
            index = index_at(layer, self.normal, self._cross.position[self.normal])
            painter.setOpacity(self._model.look(layer.key).opacity)
            if layer.kind == "outline":
                lines = self._lines(layer, index, False)
                if lines is not None:
                    painter.drawImage(QPointF(0, 0), lines)
                continue
            image = self._image(layer, index)
            if image is not None:
                painter.drawImage(self._target(layer), image)
        painter.setOpacity(1.0)
        if self._selection.ids:
            for layer in layers:
                if layer.subject and layer.subject == self._selection.subject and layer.kind == "labels":
                    lines = self._lines(layer, index_at(layer, self.normal, self._cross.position[self.normal]), True)
                    if lines is not None:
                        painter.drawImage(QPointF(0, 0), lines)
                    break
        if self._model.layers:
            self._draw_cross(painter)
            self._draw_scale_bar(painter)
        if self._selection.seeds_um and (layer := self.reference()) is not None:
            draw_seeds(self, painter, self._selection.seeds_um, layer.spacing_um[self.normal])
        if self._selection.brush is not None:
            self._selection.brush.draw(self, painter)
        self._draw_words(painter)
        painter.end()

    def _draw_cross(self, painter: QPainter) -> None:
        at = self.to_pixel(self._cross.position[self.columns], self._cross.position[self.rows])
        gap = 6.0
        for axis, along in ((self.columns, False), (self.rows, True)):
            colour = QColor(AXIS_COLOURS[axis])
            colour.setAlpha(170)
            painter.setPen(QPen(colour, 1))
            if along:
                painter.drawLine(QPointF(0, at.y()), QPointF(at.x() - gap, at.y()))
                painter.drawLine(QPointF(at.x() + gap, at.y()), QPointF(self.width(), at.y()))
            else:
                painter.drawLine(QPointF(at.x(), 0), QPointF(at.x(), at.y() - gap))
                painter.drawLine(QPointF(at.x(), at.y() + gap), QPointF(at.x(), self.height()))

    def _draw_scale_bar(self, painter: QPainter) -> None:
        length = nice_length_um(0.28 * self.width() / self._scale)
        pixels_wide = length * self._scale
        x, y = 12.0, self.height() - 12.0
        painter.fillRect(QRectF(x - 5, y - 22, max(pixels_wide, 44) + 10, 29), QColor(0, 0, 0, 140))
        painter.setPen(QPen(Qt.GlobalColor.white, 3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
        painter.drawLine(QPointF(x, y), QPointF(x + pixels_wide, y))
        painter.setPen(Qt.GlobalColor.white)
        painter.drawText(QPointF(x, y - 6), length_text(length))

    def _draw_words(self, painter: QPainter) -> None:
        font = QFont(self.font())
        font.setBold(True)
        painter.setFont(font)
        width = painter.fontMetrics().horizontalAdvance(self.plane.upper())
        painter.fillRect(QRectF(4, 4, width + 10, painter.fontMetrics().height() + 2), QColor(0, 0, 0, 140))
        painter.setPen(AXIS_COLOURS[self.normal].lighter(135))
        painter.drawText(QPointF(9, 5 + painter.fontMetrics().ascent()), self.plane.upper())
        painter.setFont(self.font())
        if self.badge:
            metrics = painter.fontMetrics()
            width = metrics.horizontalAdvance(self.badge) + 14
            box = QRectF(self.width() - width - 8, 6, width, metrics.height() + 5)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(255, 221, 120))
            painter.drawRoundedRect(box, 4, 4)
            painter.setPen(QColor(40, 30, 0))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self.badge)

    # Hands

    def _tool_changed(self, tool: str) -> None:
        self.setCursor(CURSORS.get(tool, Qt.CursorShape.CrossCursor))

    def resizeEvent(self, event: QResizeEvent) -> None:
        before, after = event.oldSize(), event.size()
        if self._scale > 0 and before.width() > 0 and before.height() > 0:
            self._scale *= min(after.width() / before.width(), after.height() / before.height())

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


class _Held:
    """A picture with what it was made of; the arrays are held by reference, so that no other can take their place in memory."""

    def __init__(self, mark: tuple, layer: Layer, image: QImage) -> None:
        self.mark, self.image = mark, image
        self._layer = layer

    def shows(self, layer: Layer) -> bool:
        mine = self._layer
        return mine is layer or (mine.values is layer.values and mine.table is layer.table and mine.words is layer.words)


def _as_image(words: np.ndarray) -> QImage:
    words = np.ascontiguousarray(words, dtype=np.uint32)
    height, width = words.shape
    return QImage(words.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied).copy()
