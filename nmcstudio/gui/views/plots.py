"""Plots with axes and units, data and model in the theme's colours; copy and CSV behind each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QMimeData, QRectF, Qt, QTimer, Slot
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from nmcstudio.gui.views.colours import map_table
from nmcstudio.gui.views.contents import Content, Plot, Series
from nmcstudio.gui.views.plot_data import LiveCurves, plot_csv, steps_of
from nmcstudio.gui.views.store import ContentStore
from nmcstudio.gui.widgets.elided import ElidedLabel

_CARD_WIDTH = 300
_CARD_HEIGHT = 172


class PlotCard(QFrame):
    """One plot with its title, its sentence and its two buttons."""

    def __init__(self, controller: Any, plot: Plot, parent: QWidget | None = None, compact: bool = False) -> None:
        super().__init__(parent)
        self._controller = controller
        self.plot = plot
        self._title = ElidedLabel(plot.title, self)
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
            row.addWidget(button)
        self.canvas = pg.PlotWidget(self)
        self.canvas.setMenuEnabled(False)
        self.canvas.hideButtons()
        self.canvas.setMouseEnabled(False, False)
        self._legend = self.canvas.addLegend(offset=(-6, 4), labelTextSize="8pt", verSpacing=-4)
        self.canvas.setMinimumHeight(96)
        self._caption: QLabel = ElidedLabel("", self) if compact else QLabel(self)
        self._caption.setObjectName("muted")
        self._caption.setWordWrap(not compact)
        self._caption.setContentsMargins(8, 0, 8, 4)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        column.addWidget(self.canvas, 1)
        column.addWidget(self._caption)
        self.setMinimumSize(240, _CARD_HEIGHT)
        controller.theme_changed.connect(self.draw)
        self.draw()

    def show_plot(self, plot: Plot) -> None:
        """Draw another plot in the same place."""
        self.plot = plot
        self._title.set_full_text(plot.title)
        self.draw()

    @Slot()
    def draw(self) -> None:
        theme, plot, item = self._controller.theme, self.plot, self.canvas.getPlotItem()
        self.canvas.setBackground(theme.base)
        item.clear()
        self._legend.clear()
        self._legend.setLabelTextColor(theme.text)
        for side, label in (("bottom", plot.x_label), ("left", plot.y_label)):
            axis = item.getAxis(side)
            axis.setPen(theme.muted)
            axis.setTextPen(theme.text)
            # Units stand in the labels: numbers are never scaled by a thousand behind the reader's back.
            axis.setLabel(label, siPrefixEnableRanges=((0.0, 0.0),), **{"font-size": "8pt", "color": theme.text})
            axis.setStyle(tickFont=_small(self.font()))
        item.setLogMode(y=plot.log_y)
        item.showGrid(x=False, y=True, alpha=0.15)
        if plot.image is not None:
            self._draw_image(item)
        named = len(plot.series) > 1
        for series in plot.series:
            colour = self._colour(series)
            style = Qt.PenStyle.DashLine if series.style == "dashed" else Qt.PenStyle.SolidLine
            pen = pg.mkPen(colour, width=1.4 if series.style == "dashed" else 2, style=style)
            x, y = series.x, series.y
            label = _name_of(series) if named else None
            if series.colour is not None and named:
                label = series.label
            if series.style == "bars":
                x, y = steps_of(x, y)
                soft = QColor(colour)
                soft.setAlpha(70)
                item.plot(x, y, pen=pg.mkPen(colour, width=1), fillLevel=0, brush=soft, name=label)
            elif series.style == "points":
                item.plot(x, y, pen=None, symbol="o", symbolSize=5, symbolBrush=colour, symbolPen=None, name=label)
            else:
                item.plot(x, y, pen=pen, name=label)
            if np.isfinite(series.mean):
                item.addItem(pg.InfiniteLine(series.mean, angle=90, pen=pg.mkPen(colour, width=1)))
        self._legend.setVisible(named)
        if isinstance(self._caption, ElidedLabel):
            self._caption.set_full_text(plot.caption)
        else:
            self._caption.setText(plot.caption)
        self._caption.setVisible(bool(plot.caption))
        item.autoRange(padding=0.03)

    def _draw_image(self, item: pg.PlotItem) -> None:
        image = self.plot.image
        picture = pg.ImageItem(image.z, axisOrder="row-major")
        picture.setLookupTable(map_table("viridis"))
        picture.setLevels((0.0, float(np.percentile(image.z, 99.5)) or 1.0))
        dx, dy = image.x[1] - image.x[0], image.y[1] - image.y[0]
        x, y = image.x[0] - dx / 2, image.y[0] - dy / 2
        picture.setRect(QRectF(x, y, dx * len(image.x), dy * len(image.y)))
        item.addItem(picture)

    def _colour(self, series: Series) -> QColor:
        if series.colour is None:
            return self._role(series.role)
        colour = QColor(*series.colour)
        return colour.lighter(150) if self._controller.theme.dark and colour.lightness() < 110 else colour

    def _role(self, role: str) -> QColor:
        try:
            return QColor(self._controller.theme.role(role))
        except KeyError:
            return QColor(self._controller.theme.muted)

    @Slot()
    def copy(self) -> None:
        """Picture and numbers to the clipboard."""
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


class PlotGrid(QScrollArea):
    """Plots in as many columns as fit."""

    def __init__(self, controller: Any, parent: QWidget | None = None, empty: str = "", compact: bool = False) -> None:
        super().__init__(parent)
        self._controller = controller
        self._compact = compact
        self.cards: list[PlotCard] = []
        self.setObjectName("plain")
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget(self)
        self._grid = QGridLayout(inner)
        self._grid.setContentsMargins(4, 4, 4, 4)
        self._grid.setSpacing(8)
        self._empty = QLabel(empty, inner)
        self._empty.setObjectName("muted")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._columns = 0
        self.setWidget(inner)
        self._place()

    def set_plots(self, plots: tuple[Plot, ...]) -> None:
        """Show these plots; a card whose plot has the same key is drawn again in its place."""
        if [card.plot.key for card in self.cards] == [plot.key for plot in plots]:
            for card, plot in zip(self.cards, plots):
                if card.plot is not plot:
                    card.show_plot(plot)
            return
        for card in self.cards:
            self._grid.removeWidget(card)
            card.hide()
            card.deleteLater()
        self.cards = [PlotCard(self._controller, plot, self.widget(), self._compact) for plot in plots]
        self._columns = 0
        self._place()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def _place(self) -> None:
        columns = max(1, min(len(self.cards), self.viewport().width() // _CARD_WIDTH))
        self._empty.setVisible(not self.cards)
        if not self.cards:
            self._grid.addWidget(self._empty, 0, 0)
            self._columns = 0
            return
        if columns == self._columns:
            return
        self._columns = columns
        self._grid.removeWidget(self._empty)
        for column in range(self._grid.columnCount()):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
        for column in range(columns):
            self._grid.setColumnStretch(column, 1)
        for number, card in enumerate(self.cards):
            self._grid.addWidget(card, number // columns, number % columns)
            card.show()


class PlotsPanel(QWidget):
    """The dock: live curves while a step runs, else the plots of the node on view."""

    def __init__(self, controller: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._store = ContentStore.of(controller)
        self._key = ""
        self.live = LiveCurves()
        self.grid = PlotGrid(
            controller, self, "Plots of what is on view will stand here, and live curves while a step runs.", True
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.grid)
        # Beside a 3D view every picture of a plot composes the whole window anew: ten times a second at most.
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(100)
        self._timer.timeout.connect(self._draw)
        self._store.shown.connect(self._shown)
        controller.partial.connect(self._partial)
        controller.jobs.changed.connect(self._job_changed)
        controller.jobs.finished.connect(self._job_changed)
        self._draw()

    @Slot(object)
    def _shown(self, content: Content | None) -> None:
        if content is not None and content.is_waiting and content.key == self._key:
            return
        self._key = content.key if content is not None else ""
        self._draw()

    @Slot(str, object)
    def _partial(self, step: str, partial: Any) -> None:
        if step != self.live.step:
            self.live.start(step)
        self.live.add(partial)
        if not self._timer.isActive():
            self._timer.start()

    @Slot(object)
    def _job_changed(self, job: Any) -> None:
        if job.is_open and job.state == "running" and job.progress is None:
            self.live.start(job.step)
        elif not job.is_open and job.step == self.live.step:
            self.live.start("")
            self._draw()

    @Slot()
    def _draw(self) -> None:
        live = self.live.plots()
        content = self._store.content
        self.grid.set_plots(live or (content.plots if content is not None else ()))


def _name_of(series: Series) -> str:
    """What the legend says: where a line comes from, and what it is if that is not the same."""
    if not series.label or series.label.startswith(series.role):
        return series.label or series.role
    return f"{series.role}: {series.label}"


def _small(font: QFont) -> QFont:
    made = QFont(font)
    made.setPointSizeF(max(7.0, QApplication.font().pointSizeF() - 2))
    return made
