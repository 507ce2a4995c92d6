"""Small figures of a panel: bars over an axis, and such as are cut by a line that can be dragged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QVBoxLayout, QWidget

from nmcstudio.gui.theme import Theme

HEIGHT = 132


class Figure(QWidget):
    """Bars over an axis, of a fixed height; `line` marks a value on it."""

    def __init__(self, label: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot = pg.PlotWidget()
        self.plot.setFixedHeight(HEIGHT)
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.getPlotItem().hideAxis("left")
        self._axis = self.plot.getPlotItem().getAxis("bottom")
        self._axis.setLabel(label)
        # Numbers stay as they are: a factor beside the axis is overlooked.
        self._axis.enableAutoSIPrefix(False)
        self.bars = pg.PlotCurveItem([0, 1], [0], stepMode="center", fillLevel=0)
        self.plot.addItem(self.bars)
        self.line = pg.InfiniteLine(angle=90, hoverPen=None)
        self.line.hide()
        self.plot.addItem(self.line)
        self.words = pg.TextItem(anchor=(0.5, 0.5))
        self.plot.addItem(self.words)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.plot)

    def paint(self, theme: Theme) -> None:
        """Take the colours of a theme."""
        fill = QColor(theme.data)
        fill.setAlpha(110)
        self.plot.setBackground(theme.base)
        self.bars.setPen(pg.mkPen(theme.data))
        self.bars.setBrush(fill)
        self.line.setPen(pg.mkPen(theme.model, width=2))
        self.line.setHoverPen(pg.mkPen(theme.model, width=4))
        self.words.setColor(theme.muted)
        self._axis.setPen(pg.mkPen(theme.border))
        self._axis.setTextPen(pg.mkPen(theme.muted))

    def say(self, text: str) -> None:
        """Show words in the place of bars."""
        self.bars.hide()
        self.line.hide()
        self._axis.setStyle(showValues=False)
        self.plot.getPlotItem().setXRange(0, 1, padding=0.01)
        self.plot.getPlotItem().setYRange(0, 1)
        self.words.setText(text)
        self.words.setPos(0.5, 0.5)
        self.words.show()

    def _draw(self, edges: NDArray[np.float64], heights: NDArray[Any]) -> None:
        self.words.hide()
        self.bars.setData(edges, heights)
        self.bars.show()
        self._axis.setStyle(showValues=True)
        self.plot.getPlotItem().setXRange(edges[0], edges[-1], padding=0.01)
        self.plot.getPlotItem().setYRange(0, max(float(heights.max(initial=0)), 1e-9), padding=0.04)


class CutFigure(Figure):
    """Bars with a line to drag; ``dragged`` carries its value, rounded by `rounded`, and the number of the gesture."""

    dragged = Signal(float, int)

    def __init__(self, label: str, tip: str, empty: str, parent: QWidget | None = None) -> None:
        super().__init__(label, parent)
        self._gesture = 0
        self._drawn: Any = None
        self.plot.setToolTip(tip)
        self.plot.setAccessibleName(label)
        self.line.setMovable(True)
        self.line.sigDragged.connect(self._dragged)
        self.line.sigPositionChangeFinished.connect(self._drag_ended)
        self.say(empty)

    def rounded(self, value: float) -> float:
        """A value as exact as a hand can choose it."""
        raise NotImplementedError

    def say(self, text: str) -> None:
        self._drawn = None
        super().say(text)

    def cut(self, source: Any, edges: NDArray[np.float64], heights: NDArray[Any], value: float) -> None:
        """Draw the heights between edges, unless `source` is what they were made of last, and put the line on a value."""
        if source is not self._drawn:
            self._drawn = source
            self._draw(edges, heights)
            self.line.setBounds((float(edges[0]), float(edges[-1])))
        if not self.line.moving:
            self.line.setValue(value)
        self.line.show()

    def _dragged(self) -> None:
        self.dragged.emit(self.rounded(float(self.line.value())), self._gesture)

    def _drag_ended(self) -> None:
        self._gesture += 1
