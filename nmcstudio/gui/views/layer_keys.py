"""What the colours of the visible layers mean: keys of inverse pole figures and of the c-axis, classes with their colours."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from nmcstudio.gui.views.contents import Legend
from nmcstudio.gui.views.layer_model import LayerModel
from nmcstudio.gui.views.legends import KEY_SIZE, key_pixels


class LayerKeys(QWidget):
    """One key for each legend of a visible layer, the topmost layer's first; hidden where there is none."""

    def __init__(self, model: LayerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        self.keys: list[LayerKey] = []
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        model.replaced.connect(self.refresh)
        model.changed.connect(self.refresh)
        self.hide()

    @Slot()
    def refresh(self) -> None:
        """Follow the layers that are on view."""
        wanted: list[Legend] = []
        for layer in reversed(self._model.layers):
            legend = layer.legend
            if legend is not None and legend not in wanted and self._model.look(layer.key).visible:
                wanted.append(legend)
        if [key.legend for key in self.keys] == wanted:
            return
        for key in self.keys:
            self._column.removeWidget(key)
            key.hide()
            key.deleteLater()
        self.keys = [LayerKey(legend, self) for legend in wanted]
        for key in self.keys:
            self._column.addWidget(key)
        self.setVisible(bool(wanted))
        self.updateGeometry()


class LayerKey(QWidget):
    """The key of one legend; `size` is the height of its picture in pixels."""

    def __init__(self, legend: Legend, parent: QWidget | None = None, size: int = KEY_SIZE) -> None:
        super().__init__(parent)
        self.legend = legend
        self._size = size
        self._image, self._marks = _picture(legend.kind, legend.point_group, size)
        self.setToolTip(legend.tip)
        self.setAccessibleName("; ".join([legend.title, *(words for _, words in legend.entries)]))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        line = self.fontMetrics().height()
        if self._image is None:
            return QSize(self._size + 60, (len(self.legend.entries) + 1) * (line + 2) + 6)
        return QSize(self._size + 60, self._image.height() + 3 * line + 12)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        line = painter.fontMetrics().height()
        painter.setPen(self.palette().text().color())
        painter.drawText(QRectF(8, 0, self.width() - 8, line), Qt.AlignmentFlag.AlignLeft, self.legend.title)
        if self._image is None:
            self._paint_classes(painter, line)
        else:
            self._paint_picture(painter, self._image, line)
        painter.end()

    def _paint_classes(self, painter: QPainter, line: int) -> None:
        for row, (colour, words) in enumerate(self.legend.entries, start=1):
            top = row * (line + 2) + 2
            painter.fillRect(QRectF(12, top + line / 2 - 2, 22, 4), QColor(*colour))
            painter.drawText(QRectF(42, top, self.width() - 42, line), Qt.AlignmentFlag.AlignLeft, words)

    def _paint_picture(self, painter: QPainter, image: QImage, line: int) -> None:
        metrics = painter.fontMetrics()
        left, top = (self.width() - image.width()) / 2, 2 * line + 6.0
        painter.drawImage(QPointF(left, top), image)
        for name, x, y in self._marks:
            width = metrics.horizontalAdvance(name)
            if self.legend.kind == "c-axis":
                at = QPointF(left + x + (4 if x > y else -width / 2), top + y + (metrics.ascent() / 2 if x > y else line))
            else:
                below = y > image.height() / 2
                at_x = min(max(left + x - width / 2, 2.0), self.width() - width - 2.0)
                at = QPointF(at_x, top + y + (metrics.ascent() + 3 if below else -4))
            painter.drawText(at, name)


def _picture(kind: str, point_group: str, size: int) -> tuple[QImage | None, tuple[tuple[str, float, float], ...]]:
    """The picture of a key with words at its points."""
    if kind == "classes":
        return None, ()
    pixels, marks = key_pixels(kind, point_group, size)
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGBA8888).copy(), marks
