"""The picture of a plot in the window: lines, bands, bars and bivariate densities in the colours of the theme."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QApplication, QWidget

from nmcstudio.core.comparison import Band
from nmcstudio.gui.views.contents import Image, Plot, Series
from nmcstudio.gui.views.plot_data import steps_of, y_range_of
from nmcstudio.report.drawing import contour_steps


def make_canvas(parent: QWidget) -> pg.PlotWidget:
    """An empty picture that nobody can drag or zoom by accident."""
    canvas = pg.PlotWidget(parent)
    canvas.setMenuEnabled(False)
    canvas.hideButtons()
    canvas.setMouseEnabled(False, False)
    return canvas


def colour_of(theme: Any, role: str, colour: tuple[int, int, int] | None = None) -> QColor:
    """Colour of a role, or a given one made to stand out from the theme's ground."""
    if colour is None:
        try:
            return QColor(theme.role(role))
        except KeyError:
            return QColor(theme.muted)
    made = QColor(*colour)
    if theme.dark:
        return made if made.lightness() > 150 else QColor.fromHsl(max(made.hslHue(), 0), made.hslSaturation(), 165)
    return made.darker(150) if made.lightness() > 160 else made


def draw_plot(canvas: pg.PlotWidget, plot: Plot, theme: Any) -> None:
    """Paint a plot anew."""
    item = canvas.getPlotItem()
    canvas.setBackground(theme.base)
    item.clear()
    for side in ("bottom", "left"):
        axis = item.getAxis(side)
        axis.setPen(theme.muted)
        axis.setTextPen(theme.text)
        axis.setStyle(tickFont=_small(canvas.font()))
        # Units stand in the labels: numbers are never scaled by a thousand behind the reader's back.
        axis.enableAutoSIPrefix(False)
    item.getAxis("bottom").setLabel(plot.x_label, siPrefixEnableRanges=((0.0, 0.0),), **{"font-size": "8pt", "color": theme.text})
    item.setLogMode(y=plot.log_y)
    item.showGrid(x=False, y=plot.image is None, alpha=0.15)
    item.setAspectLocked(plot.flat)
    for side in ("bottom", "left"):
        item.showAxis(side, not plot.flat)
    if plot.image is not None:
        _draw_image(item, plot.image, theme)
    for band in plot.bands:
        _draw_band(item, band, theme)
    for series in plot.series:
        _draw_series(item, series, theme)
    for words, x, y in plot.marks:
        # Away from the middle, so that no word lies on the picture it stands beside.
        mark = pg.TextItem(words, theme.text, anchor=_outwards(plot.image, x, y))
        mark.setFont(_small(canvas.font()))
        mark.setPos(x, y)
        item.addItem(mark)
    _set_range(item, plot)


def _outwards(image: Image | None, x: float, y: float) -> tuple[float, float]:
    """Which point of a word lies at (x, y), from (0, 0) its upper left to (1, 1)."""
    if image is None:
        return 0.5, 0.5
    across, up = (np.clip(2 * (at - low) / (high - low) - 1, -1, 1) for at, (low, high) in zip((x, y), image.edges()))
    return float(1 - across) / 2, float(1 + up) / 2


def _draw_band(item: pg.PlotItem, band: Band, theme: Any) -> None:
    soft, edge = colour_of(theme, "model"), colour_of(theme, "model")
    soft.setAlpha(60)
    edge.setAlpha(110)
    low, high = (item.plot(band.x, y, pen=pg.mkPen(edge, width=0.7)) for y in (band.low, band.high))
    item.addItem(pg.FillBetweenItem(low, high, brush=soft))


def _draw_series(item: pg.PlotItem, series: Series, theme: Any) -> None:
    colour = colour_of(theme, series.role, series.colour)
    style = Qt.PenStyle.DashLine if series.style == "dashed" else Qt.PenStyle.SolidLine
    if series.style == "bars":
        soft = QColor(colour)
        soft.setAlpha(70)
        item.plot(*steps_of(series.x, series.y), pen=pg.mkPen(colour, width=1), fillLevel=0, brush=soft)
    elif series.style == "points":
        size = 5 if len(series.x) < 200 else 3
        item.plot(series.x, series.y, pen=None, symbol="o", symbolSize=size, symbolBrush=colour, symbolPen=None)
    else:
        # Pieces of a line are parted by NaN.
        pen = pg.mkPen(colour, width=1.6 if series.style == "dashed" else 2, style=style)
        item.plot(series.x, series.y, pen=pen, connect="finite")
    if np.isfinite(series.mean):
        item.addItem(pg.InfiniteLine(series.mean, angle=90, pen=pg.mkPen(colour, width=1)), ignoreBounds=True)


def _draw_image(item: pg.PlotItem, image: Image, theme: Any) -> None:
    """Shades of the role's colour, contours at the levels that all pictures of a comparison share, the mean as a cross."""
    colour, ground = colour_of(theme, image.role), QColor(theme.base)
    picture = pg.ImageItem(image.z, axisOrder="row-major")  # NaN is transparent
    mix = np.linspace(0.0, 0.85, 256)[:, None]
    ends = [np.array(each.getRgb()[:3], dtype=float) for each in (ground, colour)]
    picture.setLookupTable(np.round((1 - mix) * ends[0] + mix * ends[1]).astype(np.uint8))
    picture.setLevels((0.0, image.brightest))
    (left, right), (bottom, top) = image.edges()
    picture.setRect(QRectF(left, bottom, right - left, top - bottom))
    item.addItem(picture)
    # Lines through a picture with holes come as series.
    for level in contour_steps(image.brightest) if np.isfinite(image.z).all() else ():
        if image.z.min() < level < image.z.max():
            line = pg.IsocurveItem(image.z, level, pen=pg.mkPen(colour, width=1), axisOrder="row-major")
            line.setParentItem(picture)
    if np.isfinite(image.mean[0]):
        cross = pg.ScatterPlotItem([image.mean[0]], [image.mean[1]], symbol="+", size=15, pen=None, brush=QColor(theme.text))
        item.addItem(cross)


def _set_range(item: pg.PlotItem, plot: Plot) -> None:
    if plot.image is not None:
        (left, right), (bottom, top) = plot.image.edges()
        for _, x, y in plot.marks:  # words beside the picture are to be seen
            left, right, bottom, top = min(left, x), max(right, x), min(bottom, y), max(top, y)
        item.setRange(xRange=(left, right), yRange=(bottom, top), padding=0.1 if plot.flat else 0)
        return
    item.autoRange(padding=0.02)
    limits = y_range_of(plot)
    if limits is not None:
        item.setYRange(*limits, padding=0)


def _small(font: QFont) -> QFont:
    made = QFont(font)
    made.setPointSizeF(max(7.0, QApplication.font().pointSizeF() - 2))
    return made
