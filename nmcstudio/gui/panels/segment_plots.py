"""The two figures of the segmentation's panel: grey values with a threshold to drag, and sizes of particles."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QComboBox, QWidget

from nmcstudio.gui.panels.bar_figures import CutFigure, Figure
from nmcstudio.gui.settings import settings

_BARS = 256
_SIZES = 32
# Name of the scale of the counts -> what it does to them.
COUNTS = {"√ counts": np.sqrt, "Log counts": np.log1p, "Counts": np.asarray}


class ThresholdPlot(CutFigure):
    """Histogram of the smoothed grey values; `scale` chooses how the counts are drawn; it stands where the panel puts it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(
            "smoothed grey value",
            "Drag the line to choose the threshold; brighter is material",
            "The histogram of the volume will stand here.",
            parent,
        )
        self.scale = QComboBox()
        self.scale.addItems(list(COUNTS))
        self.scale.setToolTip("How the counts of the histogram are drawn")
        self.scale.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.scale.setCurrentText(str(settings().value("counts_of_grey_values", "√ counts")))
        self.scale.currentTextChanged.connect(self._scale_chosen)

    def rounded(self, value: float) -> float:
        return float(f"{value:.5g}")

    def show_histogram(self, histogram: Any, level: float) -> None:
        """Draw the grey values of `imaging.threshold.Histogram` and put the line on a threshold."""
        self.cut(histogram, *self._heights(histogram), level)

    def _heights(self, found: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        together = max(1, -(-len(found.counts) // _BARS))
        starts = np.arange(0, len(found.counts), together)
        counts = np.add.reduceat(found.counts, starts)
        return np.append(found.edges[starts], found.edges[-1]), COUNTS[self.scale.currentText()](counts)

    @Slot(str)
    def _scale_chosen(self, name: str) -> None:
        settings().setValue("counts_of_grey_values", name)
        if self._drawn is not None:
            self._draw(*self._heights(self._drawn))


class SizePlot(Figure):
    """How many particles there are of which diameter, with the median as a line."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("diameter of the particles [µm]", parent)
        self._longest = 0.0
        self.plot.setToolTip("Volume-equivalent diameters of the particles; the line is their median")
        self.say("The sizes of the particles will stand here.")

    def show_diameters(self, diameters_um: NDArray[np.float64]) -> None:
        """Draw a sample of diameters in um; the axis stays where it is while the largest one fits it well."""
        if not len(diameters_um):
            self.say("No particle is left.")
            return
        largest = float(diameters_um.max())
        if not 0.5 * self._longest < largest <= self._longest:
            self._longest = 1.15 * largest
        edges = np.linspace(0, self._longest, _SIZES + 1)
        self._draw(edges, np.histogram(diameters_um, edges)[0])
        self.line.setValue(float(np.median(diameters_um)))
        self.line.show()
