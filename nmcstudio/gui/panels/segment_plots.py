"""The two figures of the segmentation's panel: grey values with a threshold to drag, and sizes of particles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from nmcstudio.gui.settings import settings
from nmcstudio.gui.theme import Theme

HEIGHT = 132
_BARS = 256
_SIZES = 32
# Name of the scale of the counts -> what it does to them.
COUNTS = {"√ counts": np.sqrt, "Log counts": np.log1p, "Counts": np.asarray}


class Figure(QWidget):
    """Bars over a grey or size axis, of a fixed height."""

    def __init__(self, label: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot = pg.PlotWidget()
        self.plot.setFixedHeight(HEIGHT)
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.getPlotItem().hideAxis("left")
        self.plot.getPlotItem().setLabel("bottom", label)
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
        axis = self.plot.getPlotItem().getAxis("bottom")
        axis.setPen(pg.mkPen(theme.border))
        axis.setTextPen(pg.mkPen(theme.muted))

    def say(self, text: str) -> None:
        """Show words in the place of bars."""
        self.bars.setData([0.0, 1.0], [0.0])
        self.line.hide()
        self.plot.getPlotItem().setXRange(0, 1, padding=0.01)
        self.plot.getPlotItem().setYRange(0, 1)
        self.words.setText(text)
        self.words.setPos(0.5, 0.5)
        self.words.show()

    def _draw(self, edges: NDArray[np.float64], heights: NDArray[Any]) -> None:
        self.words.hide()
        self.bars.setData(edges, heights)
        self.plot.getPlotItem().setXRange(edges[0], edges[-1], padding=0.01)
        self.plot.getPlotItem().setYRange(0, max(float(heights.max(initial=0)), 1e-9), padding=0.04)


class ThresholdPlot(Figure):
    """Histogram of the smoothed grey values; ``dragged`` carries the threshold and the number of the gesture.

    `scale` chooses how the counts are drawn; it stands where the panel puts it.
    """

    dragged = Signal(float, int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("smoothed grey value", parent)
        self._histogram: Any = None
        self._gesture = 0
        self.line.setMovable(True)
        self.line.sigDragged.connect(self._dragged)
        self.line.sigPositionChangeFinished.connect(self._drag_ended)
        self.plot.setToolTip("Drag the line to choose the threshold; brighter is material")
        self.scale = QComboBox()
        self.scale.addItems(list(COUNTS))
        self.scale.setToolTip("How the counts of the histogram are drawn")
        self.scale.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.scale.setCurrentText(str(settings().value("counts_of_grey_values", "√ counts")))
        self.scale.currentTextChanged.connect(self._scale_chosen)
        self.say("The histogram of the volume will stand here.")

    def show_histogram(self, histogram: Any, level: float) -> None:
        """Draw the grey values of `imaging.threshold.Histogram` and put the line on a threshold."""
        if histogram is not self._histogram:
            self._histogram = histogram
            self._draw_counts()
            self.line.setBounds((float(histogram.edges[0]), float(histogram.edges[-1])))
        if not self.line.moving:
            self.line.setValue(level)
        self.line.show()

    def say(self, text: str) -> None:
        self._histogram = None
        super().say(text)

    def _draw_counts(self) -> None:
        found = self._histogram
        together = max(1, -(-len(found.counts) // _BARS))
        starts = np.arange(0, len(found.counts), together)
        counts = np.add.reduceat(found.counts, starts)
        self._draw(np.append(found.edges[starts], found.edges[-1]), COUNTS[self.scale.currentText()](counts))

    @Slot(str)
    def _scale_chosen(self, name: str) -> None:
        settings().setValue("counts_of_grey_values", name)
        if self._histogram is not None:
            self._draw_counts()

    def _dragged(self) -> None:
        self.dragged.emit(float(f"{self.line.value():.5g}"), self._gesture)

    def _drag_ended(self) -> None:
        self._gesture += 1


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
