"""A picture in a panel that keeps its proportions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget


def image_of(pixels: NDArray[np.uint8]) -> QImage:
    """A QImage of ``(rows, columns)`` grey or ``(rows, columns, 3)`` colour pixels."""
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    kind = QImage.Format.Format_Grayscale8 if pixels.ndim == 2 else QImage.Format.Format_RGB888
    # The copy owns its pixels; the array may go.
    return QImage(pixels.data, width, height, pixels.strides[0], kind).copy()


class Picture(QWidget):
    """Shows a picture, or words where there is none yet."""

    def __init__(self, words: str, height: int = 176, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = words
        self._image = QImage()
        self._stretch = 1.0
        self.setFixedHeight(height)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(240, self.height())

    def say(self, words: str) -> None:
        """Words instead of a picture."""
        self._words, self._image = words, QImage()
        self.update()

    def show_pixels(self, pixels: NDArray[np.uint8], stretch: float = 1.0) -> None:
        """Show grey or colour pixels; `stretch` is the height of a pixel over its width."""
        self._image, self._stretch = image_of(pixels), stretch
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self.palette().base())
        if self._image.isNull():
            painter.setPen(self.palette().placeholderText().color())
            painter.drawText(
                self.rect().adjusted(12, 8, -12, -8), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._words
            )
            return
        width, height = self._image.width(), self._image.height() * self._stretch
        scale = min(self.width() / width, self.height() / height)
        box = QRectF(0, 0, width * scale, height * scale)
        box.moveCenter(self.rect().toRectF().center())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < 2)
        painter.drawImage(box, self._image)
