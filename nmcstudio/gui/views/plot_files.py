"""A plot of the window as a file: SVG, PDF and PNG as in the report, and CSV."""

from __future__ import annotations

from typing import Any

from nmcstudio.core.comparison import Surface
from nmcstudio.gui.views.contents import Plot, Series
from nmcstudio.report.drawing import COLOURS, DASHES, Kind, Line, draw_lines, draw_surfaces, drawing_settings, figure_bytes


def plot_bytes(plot: Plot, kind: Kind) -> bytes:
    """The plot as "svg", "pdf" or "png", on white whatever the theme."""
    import matplotlib

    with matplotlib.rc_context(drawing_settings(plot.key)):
        return figure_bytes(_figure(plot), kind, plot.key)


def _figure(plot: Plot) -> Any:
    if plot.image is not None:
        image = plot.image
        surface = Surface(image.role, image.x, image.y, image.z, image.label, image.mean)
        return draw_surfaces((surface,), plot.x_label, plot.y_label, top=image.brightest)
    below = any((series.y < 0).any() for series in plot.series)
    lines = [_line(series) for series in plot.series]
    return draw_lines(lines, plot.x_label, plot.y_label, bands=plot.bands, log_y=plot.log_y, from_zero=not below)


def _line(series: Series) -> Line:
    colour = COLOURS.get(series.role, COLOURS["theory"])
    if series.colour is not None:
        colour = "#{:02x}{:02x}{:02x}".format(*series.colour)
    dash = ("--" if series.colour is not None else DASHES.get(series.role, "--")) if series.style == "dashed" else "-"
    style = series.style if series.style in ("points", "bars") else "line"
    return Line(series.label or series.role, series.x, series.y, colour, dash, style, series.mean)
