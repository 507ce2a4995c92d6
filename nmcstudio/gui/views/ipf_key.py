"""The colour key of inverse pole figures."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

_SIZE = 120


class IpfKey(QWidget):
    """Draws the key of a point group; hidden where there are no orientations."""

    def __init__(self, controller: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._group = ""
        self._image: QImage | None = None
        self._corners: tuple[tuple[str, float, float], ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setToolTip("Which crystal direction lies along the sample direction of the IPF layer")
        self.hide()

    def show_group(self, point_group: str) -> None:
        """Draw the key of a point group; empty hides it."""
        if point_group != self._group:
            self._group = point_group
            if point_group:
                from nmcstudio.crystal.ipf import ipf_key

                pixels, self._corners = ipf_key(point_group, _SIZE)
                height, width = pixels.shape[:2]
                self._image = QImage(pixels.copy().data, width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()
        self.setVisible(bool(point_group))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        height = self._image.height() if self._image is not None else 0
        return QSize(_SIZE + 40, height + 3 * self.fontMetrics().height() + 14)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._image is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = painter.fontMetrics()
        left = (self.width() - self._image.width()) / 2
        top = 2 * metrics.height() + 8.0
        painter.setPen(self.palette().text().color())
        painter.drawText(
            QRectF(8, 0, self.width() - 8, metrics.height()), Qt.AlignmentFlag.AlignLeft, f"IPF colours, {self._group}"
        )
        painter.drawImage(QPointF(left, top), self._image)
        for name, x, y in self._corners:
            width = metrics.horizontalAdvance(name)
            at_x = min(max(left + x - width / 2, 2.0), self.width() - width - 2.0)
            below = y > self._image.height() / 2
            painter.drawText(QPointF(at_x, top + y + (metrics.ascent() + 3 if below else -4)), name)
