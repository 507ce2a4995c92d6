"""One plot: title, words in the colours of its lines, picture, caption; copy and CSV behind it."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QMimeData, QRectF, Qt, Slot
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPixmap
from PySide6.QtWidgets import QApplication, QFileDialog, QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from nmcstudio.gui.views.colours import map_table
from nmcstudio.gui.views.contents import Plot, Series
from nmcstudio.gui.views.plot_data import plot_csv, steps_of, y_range_of
from nmcstudio.gui.widgets.elided import ElidedLabel

# Heights of a card in pixels: in the dock, and in the middle of the window.
COMPACT_HEIGHT = 172
FULL_HEIGHTS = (300, 460)
_MARKS = {"line": "━", "dashed": "╍", "points": "●", "bars": "■"}


class PlotCard(QFrame):
    """One plot with its title, its sentence and its two buttons.

    The picture is drawn by `draw`, not before: making one costs more than all the rest of the card, so that a grid draws only
    what is in sight. The y label stands level above its axis, where no height is too small for it.
    """

    def __init__(self, controller: Any, plot: Plot, parent: QWidget | None = None, compact: bool = False) -> None:
        super().__init__(parent)
        self._controller = controller
        self.plot = plot
        self.canvas: pg.PlotWidget | None = None
        self.is_drawn = False
        self._title = QLabel(self)
        self._title.setWordWrap(True)
        font = QFont(self._title.font())
        font.setBold(True)
        self._title.setFont(font)
        row = QHBoxLayout()
        row.setContentsMargins(8, 4, 4, 0)
        row.setSpacing(2)
        row.addWidget(self._title, 1)
        for text, tip, slot in (
            ("Copy", "Copy the picture and its numbers", self.copy),
            ("CSV", "Save the numbers of this plot", self.save_csv),
        ):
            button = QToolButton(self)
            button.setText(text)
            button.setToolTip(tip)
            button.setAutoRaise(True)
            button.clicked.connect(slot)
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        self._words = QLabel(self)
        self._words.setTextFormat(Qt.TextFormat.RichText)
        self._words.setWordWrap(True)
        self._words.setContentsMargins(8, 0, 8, 0)
        self._ground = QFrame(self)
        self._ground.setAutoFillBackground(True)
        self._ground.setMinimumHeight(88 if compact else 180)
        inside = QVBoxLayout(self._ground)
        inside.setContentsMargins(0, 0, 0, 0)
        self._caption: QLabel = ElidedLabel("", self) if compact else QLabel(self)
        self._note = ElidedLabel("", self)
        for label in (self._caption, self._note):
            label.setObjectName("muted")
            label.setContentsMargins(8, 0, 8, 2)
        self._caption.setWordWrap(not compact)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        column.addWidget(self._words)
        column.addWidget(self._ground, 1)
        column.addWidget(self._caption)
        column.addWidget(self._note)
        self._compact = compact
        self.setMinimumWidth(240)
        self.setMinimumHeight(COMPACT_HEIGHT if compact else FULL_HEIGHTS[0])
        if not compact:
            self.setMaximumHeight(FULL_HEIGHTS[1])
        self.show_plot(plot)

    def show_plot(self, plot: Plot) -> None:
        """Put another plot in the same place; `draw` paints it."""
        self.plot = plot
        self.restyle()

    def restyle(self) -> None:
        """Words in the colours of the theme; the picture waits for `draw`."""
        self.is_drawn = False
        plot = self.plot
        self._title.setText(plot.title)
        self._words.setText(self._legend())
        palette = self._ground.palette()
        palette.setColor(self._ground.backgroundRole(), QColor(self._controller.theme.base))
        self._ground.setPalette(palette)
        if isinstance(self._caption, ElidedLabel):
            self._caption.set_full_text(plot.caption)
        else:
            self._caption.setText(plot.caption)
        self._caption.setVisible(bool(plot.caption))
        self._note.set_full_text(plot.note)
        self._note.setVisible(bool(plot.note) and not self._compact)

    def _legend(self) -> str:
        """What the y axis counts, and the lines by name, each in its colour and with its mark."""
        plot, muted = self.plot, self._controller.theme.muted
        words = [_coloured(plot.y_label, self._controller.theme.text)]
        if plot.image is not None:
            words.append(_coloured(f"density: dark 0, bright {plot.image.brightest:.3g}", muted))
        named = len(plot.series) > 1
        if named:
            names = short_names([_name_of(series) for series in plot.series])
            words += [_coloured(f"{_MARKS[s.style]} {name}", self._colour(s).name()) for s, name in zip(plot.series, names)]
        means = [series for series in plot.series if np.isfinite(series.mean)]
        if means:
            colour = muted if named else self._colour(means[0]).name()
            words.append(_coloured("│ means" if len(means) > 1 else "│ mean", colour))
        return " &nbsp; ".join(words)

    @Slot()
    def draw(self) -> None:
        """Paint the picture."""
        if self.canvas is None:
            self._make_canvas()
        theme, plot, item = self._controller.theme, self.plot, self.canvas.getPlotItem()
        self.is_drawn = True
        self.canvas.setBackground(theme.base)
        item.clear()
        for side in ("bottom", "left"):
            axis = item.getAxis(side)
            axis.setPen(theme.muted)
            axis.setTextPen(theme.text)
            axis.setStyle(tickFont=_small(self.font()))
            # Units stand in the labels: numbers are never scaled by a thousand behind the reader's back.
            axis.enableAutoSIPrefix(False)
        item.getAxis("bottom").setLabel(
            plot.x_label, siPrefixEnableRanges=((0.0, 0.0),), **{"font-size": "8pt", "color": theme.text}
        )
        item.setLogMode(y=plot.log_y)
        item.showGrid(x=False, y=True, alpha=0.15)
        if plot.image is not None:
            self._draw_image(item)
        for series in plot.series:
            self._draw_series(item, series)
        self._set_range(item)

    def _make_canvas(self) -> None:
        self.canvas = pg.PlotWidget(self._ground)
        self.canvas.setMenuEnabled(False)
        self.canvas.hideButtons()
        self.canvas.setMouseEnabled(False, False)
        self._ground.layout().addWidget(self.canvas)

    def _draw_series(self, item: pg.PlotItem, series: Series) -> None:
        colour = self._colour(series)
        style = Qt.PenStyle.DashLine if series.style == "dashed" else Qt.PenStyle.SolidLine
        if series.style == "bars":
            soft = QColor(colour)
            soft.setAlpha(70)
            item.plot(*steps_of(series.x, series.y), pen=pg.mkPen(colour, width=1), fillLevel=0, brush=soft)
        elif series.style == "points":
            item.plot(series.x, series.y, pen=None, symbol="o", symbolSize=5, symbolBrush=colour, symbolPen=None)
        else:
            item.plot(series.x, series.y, pen=pg.mkPen(colour, width=1.4 if series.style == "dashed" else 2, style=style))
        if np.isfinite(series.mean):
            item.addItem(pg.InfiniteLine(series.mean, angle=90, pen=pg.mkPen(colour, width=1)), ignoreBounds=True)

    def _set_range(self, item: pg.PlotItem) -> None:
        plot = self.plot
        if plot.image is not None:
            (left, right), (bottom, top) = plot.image.edges()
            item.setRange(xRange=(left, right), yRange=(bottom, top), padding=0)
            return
        item.autoRange(padding=0.02)
        limits = y_range_of(plot)
        if limits is not None:
            item.setYRange(*limits, padding=0)

    def _draw_image(self, item: pg.PlotItem) -> None:
        image = self.plot.image
        picture = pg.ImageItem(image.z, axisOrder="row-major")
        picture.setLookupTable(map_table("viridis"))
        picture.setLevels((0.0, image.brightest))
        (left, right), (bottom, top) = image.edges()
        picture.setRect(QRectF(left, bottom, right - left, top - bottom))
        item.addItem(picture)

    def _colour(self, series: Series) -> QColor:
        if series.colour is None:
            return self._role(series.role)
        colour = QColor(*series.colour)
        if self._controller.theme.dark:
            return colour.lighter(150) if colour.lightness() < 110 else colour
        return colour.darker(150) if colour.lightness() > 160 else colour

    def _role(self, role: str) -> QColor:
        try:
            return QColor(self._controller.theme.role(role))
        except KeyError:
            return QColor(self._controller.theme.muted)

    @Slot()
    def copy(self) -> None:
        """Picture and numbers to the clipboard."""
        if not self.is_drawn:
            self.draw()
        data = QMimeData()
        picture: QPixmap = self.grab()
        data.setImageData(picture.toImage())
        data.setText(plot_csv(self.plot))
        QGuiApplication.clipboard().setMimeData(data)
        self._controller.message.emit(f"Copied: {self.plot.title}")

    @Slot()
    def save_csv(self) -> None:
        """Ask for a file and write the numbers there."""
        name, _ = QFileDialog.getSaveFileName(self, "Save the numbers", f"{self.plot.key}.csv", "CSV (*.csv)")
        if name:
            with open(name, "w", encoding="utf-8", newline="") as file:
                file.write(plot_csv(self.plot))
            self._controller.message.emit(f"Saved {name}")


def _coloured(words: str, colour: str) -> str:
    return f'<span style="color:{colour}; white-space:nowrap">{html.escape(words)}</span>'


def short_names(names: list[str]) -> list[str]:
    """Names of a row where a numbered thing after its like says its number only: "component 1", "2", "3"."""
    made = []
    for before, name in zip(["", *names], names):
        kind, _, number = name.rpartition(" ")
        alike = bool(kind) and number.isdigit() and before.rpartition(" ")[0] == kind
        made.append(number if alike else name)
    return made


def _name_of(series: Series) -> str:
    """What the legend says: where a line comes from, and what it is if that is not the same."""
    if series.colour is not None:
        return series.label
    if not series.label or series.label.startswith(series.role):
        return series.label or series.role
    return f"{series.role}: {series.label}"


def _small(font: QFont) -> QFont:
    made = QFont(font)
    made.setPointSizeF(max(7.0, QApplication.font().pointSizeF() - 2))
    return made
