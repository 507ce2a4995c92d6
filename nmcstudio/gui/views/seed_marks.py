"""Seeds of a split drawn over a slice: a disc with a number in its own slice, a ring where the slice is another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from nmcstudio.gui.views.colours import SELECTED

_RADIUS = 8.0


def draw_seeds(pane: Any, painter: QPainter, seeds_um: Sequence[np.ndarray], near_um: float) -> None:
    """Draw seeds (z, y, x) in um; those within `near_um` of the slice are filled."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for number, seed in enumerate(seeds_um, start=1):
        at = pane.to_pixel(seed[pane.columns], seed[pane.rows])
        here = abs(float(seed[pane.normal]) - pane.slice_position()) <= near_um
        painter.setPen(QPen(QColor(0, 0, 0), 1.5) if here else QPen(QColor(*SELECTED), 1.5))
        painter.setBrush(QColor(*SELECTED) if here else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(at, _RADIUS, _RADIUS)
        painter.setPen(QColor(0, 0, 0) if here else QColor(*SELECTED))
        painter.drawText(QRectF(at.x() - 10, at.y() - 10, 20, 20), Qt.AlignmentFlag.AlignCenter, str(number))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
