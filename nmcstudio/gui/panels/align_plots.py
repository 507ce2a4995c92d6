"""Drift and agreement against the section, in the panel; a click or the arrow keys choose a section."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from nmcstudio.gui.theme import Theme

_DRIFT_HEIGHT, _AGREEMENT_HEIGHT = 104, 100
_LEFT = 44  # width of the axes with numbers, so that both figures stand below each other


class DriftFigure(QWidget):
    """Position of the sections as measured and as undone, x and y, and their agreement below.

    Signals
    -------
    chosen(int)
        A section was clicked, counted from 0.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._count = 0
        self.legend = QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setWordWrap(True)
        self.drift, self.agreement = pg.PlotWidget(), pg.PlotWidget()
        for plot, height, words in (
            (self.drift, _DRIFT_HEIGHT, "Where each section lies against the first one. Click to choose a section"),
            (
                self.agreement,
                _AGREEMENT_HEIGHT,
                "Points whose orientation agrees with the section before. Click to choose a section",
            ),
        ):
            plot.setFixedHeight(height)
            plot.setMouseEnabled(x=False, y=False)
            plot.setMenuEnabled(False)
            plot.hideButtons()
            plot.setToolTip(words)
            plot.getPlotItem().getAxis("left").setWidth(_LEFT)
        self.drift.scene().sigMouseClicked.connect(lambda event: self._clicked(self.drift, event))
        self.agreement.scene().sigMouseClicked.connect(lambda event: self._clicked(self.agreement, event))
        # Small drifts stay in um: a factor of 0.001 beside the axis is overlooked.
        self.drift.getPlotItem().getAxis("left").enableAutoSIPrefix(False)
        self.drift.getPlotItem().setLabel("left", "drift [µm]")
        self.agreement.getPlotItem().setLabel("left", "agree [%]")
        # Both figures have one axis of sections: its numbers stand below the lower one.
        self.drift.getPlotItem().getAxis("bottom").setStyle(showValues=False)
        self.agreement.getPlotItem().setLabel("bottom", "section")
        self.agreement.getPlotItem().setYRange(0, 100, padding=0.12)
        self.agreement.getPlotItem().getAxis("left").setTicks([[(0, "0"), (50, "50"), (100, "100")]])
        self.measured = [self.drift.plot([], []) for _ in "yx"]
        self.undone = [self.drift.plot([], []) for _ in "yx"]
        self.outliers, self.nudged, self.left_out = (pg.ScatterPlotItem(symbol=s, size=11) for s in ("t", "d", "x"))
        for marks in (self.outliers, self.nudged, self.left_out):
            marks.setZValue(5)
            self.drift.addItem(marks)
        self.shares = pg.ScatterPlotItem(symbol="o", size=5)
        self.agreement.addItem(self.shares)
        self.lines = [pg.InfiniteLine(angle=90, movable=False) for _ in range(2)]
        for plot, line in zip((self.drift, self.agreement), self.lines):
            plot.addItem(line)
            line.hide()
        self.words = pg.TextItem(anchor=(0.5, 0.5))
        self.drift.addItem(self.words)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        for widget in (self.legend, self.drift, self.agreement):
            column.addWidget(widget)
        self.say("The drift of the sections will stand here.")

    def paint(self, theme: Theme) -> None:
        """Take the colours of a theme."""
        self.legend.setText(
            f"<span style='color:{theme.data}'>━ x</span> &nbsp;<span style='color:{theme.model}'>━ y</span> measured &nbsp;"
            f"<span style='color:{theme.muted}'>┅ undone by whole voxels</span><br>"
            f"<span style='color:{theme.stale}'>▼</span> look at it &nbsp;◆ moved by hand &nbsp;✕ left out"
        )
        for plot in (self.drift, self.agreement):
            plot.setBackground(theme.base)
            for side in ("left", "bottom"):
                axis = plot.getPlotItem().getAxis(side)
                axis.setPen(pg.mkPen(theme.border))
                axis.setTextPen(pg.mkPen(theme.muted))
        for curve, dashed, colour in zip(self.measured, self.undone, (theme.model, theme.data)):
            curve.setPen(pg.mkPen(colour, width=2))
            dashed.setPen(pg.mkPen(colour, width=1, style=Qt.PenStyle.DashLine))
        for marks, colour in ((self.outliers, theme.stale), (self.nudged, theme.text), (self.left_out, theme.text)):
            marks.setPen(pg.mkPen(colour, width=2 if marks is self.left_out else 1))
            marks.setBrush(pg.mkBrush(colour))
        self.shares.setPen(pg.mkPen(theme.data))
        self.shares.setBrush(pg.mkBrush(theme.data))
        for line in self.lines:
            line.setPen(pg.mkPen(theme.accent, width=1))
        self.words.setColor(theme.muted)

    def say(self, text: str) -> None:
        """Words in the place of curves."""
        self._count = 0
        for item in (*self.measured, *self.undone, self.outliers, self.nudged, self.left_out, self.shares):
            item.setData([], [])
        for line in self.lines:
            line.hide()
        self._show_numbers(False)
        self.drift.getPlotItem().setXRange(0, 1)
        self.drift.getPlotItem().setYRange(0, 1)
        self.words.setText(text)
        self.words.setPos(0.5, 0.5)
        self.words.show()

    def show_partial(self, drift_um: NDArray[np.float64], count: int) -> None:
        """The curve as far as it has been measured."""
        self._frame(count, drift_um)
        number = np.arange(1, len(drift_um) + 1)
        for axis in (0, 1):
            self.measured[axis].setData(number, drift_um[:, axis])
            self.undone[axis].setData([], [])
        for marks in (self.outliers, self.nudged, self.left_out, self.shares):
            marks.setData([], [])

    def show_drift(self, drift: Any, applied_um: NDArray[np.float64], nudged: list[int], left_out: list[int]) -> None:
        """A measured drift (`imaging.drift.Drift`), what would be applied ``(slices, 2)``, and sections with hand work."""
        count = len(applied_um)
        number = np.arange(1, count + 1)
        # Where the stack as a whole lies is free.
        undone = np.median(drift.drift_um + applied_um, axis=0) - applied_um
        self._frame(count, np.concatenate([drift.drift_um, undone]))
        measured = np.isfinite(drift.agreement).any()
        for axis in (0, 1):
            self.measured[axis].setData(number if measured else [], drift.drift_um[:, axis] if measured else [])
            self.undone[axis].setData(number, undone[:, axis])
        for marks, which in ((self.outliers, list(drift.outliers)), (self.nudged, nudged), (self.left_out, left_out)):
            line = drift.drift_um if marks is self.outliers else undone
            marks.setData(number[which], line[which, 1])
        there = np.isfinite(drift.agreement)
        self.shares.setData(number[there], 100 * drift.agreement[there])

    def show_section(self, index: int) -> None:
        """Put the line on a section, counted from 0."""
        for line in self.lines:
            line.setValue(index + 1)
            line.setVisible(self._count > 0)

    def _show_numbers(self, shown: bool) -> None:
        self.drift.getPlotItem().getAxis("left").setStyle(showValues=shown)
        self.agreement.getPlotItem().getAxis("bottom").setStyle(showValues=shown)

    def _frame(self, count: int, values: NDArray[np.float64]) -> None:
        self.words.hide()
        self._show_numbers(True)
        self._count = count
        low, high = float(values.min(initial=0)), float(values.max(initial=0))
        room = 0.08 * (high - low) or 0.5
        self.drift.getPlotItem().setYRange(low - room, high + room, padding=0)
        for plot in (self.drift, self.agreement):
            plot.getPlotItem().setXRange(0.5, count + 0.5, padding=0.01)

    def _clicked(self, plot: pg.PlotWidget, event: Any) -> None:
        if self._count and event.button() == Qt.MouseButton.LeftButton:
            at = plot.getPlotItem().vb.mapSceneToView(QPointF(event.scenePos())).x()
            self.chosen.emit(int(np.clip(round(at) - 1, 0, self._count - 1)))
