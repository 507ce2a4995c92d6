"""The figures of the grains' panel: disorientations and confidences."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtWidgets import QWidget

from nmcstudio.gui.panels.bar_figures import CutFigure


class CutPlot(CutFigure):
    """Counts with a line; the heights are their logarithms: what a boundary is made of is rare."""

    def __init__(self, label: str, tip: str, empty: str, decimals: int, parent: QWidget | None = None) -> None:
        super().__init__(label, tip, empty, parent)
        self._decimals = decimals

    def rounded(self, value: float) -> float:
        return round(value, self._decimals)

    def show_counts(self, edges: NDArray[np.float64], counts: NDArray[np.int64], value: float | None) -> None:
        """Draw counts between edges and put the line on a value; None puts it at the lower end: nothing is cut."""
        self.cut(counts, edges, np.log1p(counts), float(edges[0]) if value is None else value)
