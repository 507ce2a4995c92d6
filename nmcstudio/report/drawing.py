"""Lines and bivariate densities with matplotlib, for files; needs no display."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.comparison import Band, Surface

Array = NDArray[np.float64]
Kind = Literal["svg", "pdf", "png"]
KINDS: tuple[Kind, ...] = ("svg", "pdf", "png")

# One colour a role in every plot of the program; they differ in lightness too (Okabe and Ito's palette).
COLOURS = {"data": "#0072b2", "fitted": "#009e73", "model": "#d55e00", "theory": "#6e6e6e"}
DASHES = {"data": "-", "fitted": "-.", "model": "--", "theory": ":"}
_LEVELS = (0.01, 0.03, 0.07, 0.15, 0.3, 0.5, 0.7, 0.9)
_DOTS_PER_INCH = 200


@dataclass(frozen=True)
class Line:
    """One line of a figure: `style` is "line", "points" or "bars" (x are then the edges, one more than y)."""

    label: str
    x: Array
    y: Array
    colour: str
    dash: str = "-"
    style: str = "line"
    mean: float = float("nan")


def contour_levels(surfaces: Sequence[Surface]) -> Array:
    """Densities at which all the surfaces get a contour."""
    return contour_steps(max(float(surface.z.max()) for surface in surfaces))


def contour_steps(top: float) -> Array:
    """Densities of contours below `top`: close together where it is low, so that what is rare shows too."""
    return top * np.array(_LEVELS)


def with_mean(label: str, mean: float) -> str:
    """A legend's words with the mean, which the thin line shows."""
    return f"{label}, mean {mean:.4g}" if np.isfinite(mean) else label


def draw_lines(
    lines: Sequence[Line],
    x_label: str,
    y_label: str,
    *,
    bands: Sequence[Band] = (),
    log_y: bool = False,
    from_zero: bool = True,
    size_in: tuple[float, float] = (5.2, 3.4),
) -> Any:
    """A matplotlib Figure of lines, their means as thin vertical lines, and bands in the colour of the model."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size_in, layout="constrained")
    axis = figure.subplots()
    for band in bands:
        words = f"{100 * band.coverage:g} % of samples of the model (global, {band.simulations} samples)"
        axis.fill_between(band.x, band.low, band.high, color=COLOURS["model"], alpha=0.2, linewidth=0, label=words)
    for line in lines:
        named = with_mean(line.label, line.mean) or None
        if line.style == "bars":
            axis.stairs(line.y, line.x, color=line.colour, fill=True, alpha=0.35, label=named)
        elif line.style == "points":
            axis.plot(line.x, line.y, "o", color=line.colour, label=named, markersize=3)
        else:
            axis.plot(line.x, line.y, line.dash, color=line.colour, label=named, linewidth=1.6)
        if np.isfinite(line.mean):
            axis.axvline(line.mean, color=line.colour, linestyle=line.dash, linewidth=0.7)
    axis.set_xlabel(x_label)
    axis.set_ylabel(y_label)
    axis.margins(x=0.02)
    if log_y:
        axis.set_yscale("log")
    elif from_zero:
        axis.set_ylim(bottom=0)
    axis.spines[["top", "right"]].set_visible(False)
    if axis.get_legend_handles_labels()[1]:
        # Above the axes: nothing of a curve is ever covered.
        figure.legend(loc="outside upper left", frameon=False, fontsize=7.5)
    return figure


def draw_surfaces(
    surfaces: Sequence[Surface],
    x_label: str,
    y_label: str,
    *,
    top: float | None = None,
    size_in: tuple[float, float] = (3.9, 3.4),
) -> Any:
    """A matplotlib Figure of bivariate densities side by side, contours at the same levels, means as crosses.

    Parameters
    ----------
    top
        Density of the strongest colour; None for the highest of all.
    size_in
        Of one panel.
    """
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    figure = Figure(figsize=(size_in[0] * len(surfaces), size_in[1]), layout="constrained")
    panels = figure.subplots(1, len(surfaces), sharex=True, sharey=True, squeeze=False)[0]
    levels = contour_levels(surfaces) if top is None else contour_steps(top)
    for axis, surface in zip(panels, surfaces):
        colour = COLOURS.get(surface.role, COLOURS["theory"])
        shades = LinearSegmentedColormap.from_list(surface.role, ["#ffffff", colour])
        edges = np.r_[0.0, levels, levels[-1] / _LEVELS[-1]]
        filled = axis.contourf(surface.x, surface.y, surface.z, levels=edges, cmap=shades, extend="max")
        axis.contour(surface.x, surface.y, surface.z, levels=levels, colors=[colour], linewidths=0.6)
        words = surface.label or surface.role
        if np.isfinite(surface.mean[0]):
            axis.plot(*surface.mean, "+", color="#000000", markersize=11, markeredgewidth=1.4)
            words += f"\n+ mean {surface.mean[0]:.4g}, {surface.mean[1]:.4g}"
        axis.set_title(words, fontsize=8.5, loc="left")
        axis.set_xlabel(x_label)
        figure.colorbar(filled, ax=axis, label="density" if surface is surfaces[-1] else None, format="%.2g")
    panels[0].set_ylabel(y_label)
    return figure


def figure_bytes(figure: Any, kind: Kind, name: str) -> bytes:
    """A figure as a file. A figure drawn anew under the same name gives the same bytes: fixed ids, no date."""
    import matplotlib

    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": None}
    buffer = io.BytesIO()
    with matplotlib.rc_context(drawing_settings(name)):
        figure.savefig(buffer, format=kind, dpi=_DOTS_PER_INCH, metadata=dates[kind])
    return buffer.getvalue()


def drawing_settings(name: str) -> Any:
    """matplotlib's settings for figures in files: small letters; text stays text in vector files."""
    return {"svg.hashsalt": name, "svg.fonttype": "none", "pdf.fonttype": 42, "font.size": 9}
