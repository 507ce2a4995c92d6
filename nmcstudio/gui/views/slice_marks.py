"""What is drawn over the picture of a slice: cross-hair, scale bar, name of the plane, badge."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen
from PySide6.QtWidgets import QWidget

from nmcstudio.gui.views.slicing import length_text, nice_length_um

AXIS_COLOURS = {0: QColor(40, 125, 235), 1: QColor(45, 160, 60), 2: QColor(225, 70, 70)}
_SHADE = QColor(0, 0, 0, 140)
_GAP = 6.0


def draw_cross(painter: QPainter, pane: QWidget, at: QPointF, axes: tuple[int, int]) -> None:
    """The cross-hair at a pixel; `axes` are the array axes of rows and columns, whose colours the lines have."""
    width, height = float(pane.width()), float(pane.height())
    # Filled rectangles: a translucent line of a pen costs ten times as much.
    x, y = round(at.x()), round(at.y())
    for axis, parts in (
        (axes[1], (QRectF(x, 0, 1, at.y() - _GAP), QRectF(x, at.y() + _GAP, 1, height))),
        (axes[0], (QRectF(0, y, at.x() - _GAP, 1), QRectF(at.x() + _GAP, y, width, 1))),
    ):
        colour = QColor(AXIS_COLOURS[axis])
        colour.setAlpha(170)
        for part in parts:
            painter.fillRect(part.intersected(QRectF(0, 0, width, height)), colour)


def draw_scale_bar(painter: QPainter, pane: QWidget, pixels_per_um: float) -> None:
    """A bar of a round length in the lower left corner."""
    length = nice_length_um(0.28 * pane.width() / pixels_per_um)
    pixels_wide = length * pixels_per_um
    x, y = 12.0, pane.height() - 12.0
    painter.fillRect(QRectF(x - 5, y - 22, max(pixels_wide, 44) + 10, 29), _SHADE)
    painter.setPen(QPen(Qt.GlobalColor.white, 3, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
    painter.drawLine(QPointF(x, y), QPointF(x + pixels_wide, y))
    painter.setPen(Qt.GlobalColor.white)
    painter.drawText(QPointF(x, y - 6), length_text(length))


def draw_words(painter: QPainter, pane: QWidget, plane: str, normal: int, badge: str) -> None:
    """Name of the plane in the colour of its normal, and the badge, if there is one."""
    font = QFont(pane.font())
    font.setBold(True)
    painter.setFont(font)
    width = painter.fontMetrics().horizontalAdvance(plane.upper())
    painter.fillRect(QRectF(4, 4, width + 10, painter.fontMetrics().height() + 2), _SHADE)
    painter.setPen(AXIS_COLOURS[normal].lighter(135))
    painter.drawText(QPointF(9, 5 + painter.fontMetrics().ascent()), plane.upper())
    painter.setFont(pane.font())
    if badge:
        metrics = painter.fontMetrics()
        width = metrics.horizontalAdvance(badge) + 14
        box = QRectF(pane.width() - width - 8, 6, width, metrics.height() + 5)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(255, 221, 120))
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(QColor(40, 30, 0))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, badge)
