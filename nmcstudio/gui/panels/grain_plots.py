"""The figures of the grains' panel: what is on the axis is cut by a line that can be dragged."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from nmcstudio.gui.panels.segment_plots import Figure


class CutPlot(Figure):
    """Bars with a line to drag; ``dragged`` carries its value and the number of the gesture.

    The heights are the logarithms of the counts: what a boundary is made of is rare.
    """

    dragged = Signal(float, int)

    def __init__(self, label: str, tip: str, empty: str, decimals: int, parent: QWidget | None = None) -> None:
        super().__init__(label, parent)
        self._gesture = 0
        self._drawn: Any = None
        self._decimals = decimals
        self.plot.getPlotItem().getAxis("bottom").enableAutoSIPrefix(False)
        self.line.setMovable(True)
        self.line.sigDragged.connect(self._dragged)
        self.line.sigPositionChangeFinished.connect(self._drag_ended)
        self.plot.setToolTip(tip)
        self.plot.setAccessibleName(label)
        self.say(empty)

    def show_counts(self, edges: NDArray[np.float64], counts: NDArray[np.int64], value: float | None) -> None:
        """Draw counts between edges and put the line on a value; None puts it at the lower end: nothing is cut."""
        if counts is not self._drawn:
            self._drawn = counts
            self._draw(edges, np.log1p(counts))
            self.line.setBounds((float(edges[0]), float(edges[-1])))
        if not self.line.moving:
            self.line.setValue(float(edges[0]) if value is None else value)
        self.line.show()

    def say(self, text: str) -> None:
        self._drawn = None
        super().say(text)

    def _dragged(self) -> None:
        self.dragged.emit(round(float(self.line.value()), self._decimals), self._gesture)

    def _drag_ended(self) -> None:
        self._gesture += 1
