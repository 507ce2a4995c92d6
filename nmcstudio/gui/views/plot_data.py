"""Plots as numbers: the CSV behind each, and live curves out of what a running step reports."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.gui.views.content_shell_model import live_plots
from nmcstudio.gui.views.content_tessellation import live_fit_plots
from nmcstudio.gui.views.contents import Plot, Series

# What is worth a live curve, by the name that a step gives it, in the order of preference.
LIVE_TITLES = {
    "log_likelihood": ("Log-likelihood", "log-likelihood"),
    "agreement": ("Agreement of voxels", "share of voxels"),
    "loss": ("Loss", "loss"),
    "objective": ("Objective", "objective"),
    "residual": ("Residual", "residual"),
}


# Steps that report more than curves: what to draw of their last partial result.
_LIVE_PLOTS = {"fit-shell": live_plots, "fit-tessellation": live_fit_plots}


def plot_csv(plot: Plot) -> str:
    """The numbers of a plot: two columns a line, or x, y, z of a picture."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([f"# {plot.title}"])
    if plot.image is not None:
        writer.writerow([plot.x_label, plot.y_label, "density"])
        for row, y in enumerate(plot.image.y):
            writer.writerows(
                [f"{x:.8g}", f"{y:.8g}", f"{plot.image.z[row, column]:.8g}"] for column, x in enumerate(plot.image.x)
            )
        return out.getvalue()
    head, columns = [], []
    for series in plot.series:
        x = series.x[:-1] if len(series.x) == len(series.y) + 1 else series.x
        name = f"{series.role} ({series.label})" if series.label else series.role
        head += [f"{plot.x_label}, {name}", f"{plot.y_label}, {name}"]
        columns += [x, series.y]
    for band in plot.bands:
        head += [f"{plot.x_label}, envelope", f"{plot.y_label}, envelope low", f"{plot.y_label}, envelope high"]
        columns += [band.x, band.low, band.high]
    writer.writerow(head)
    for row in range(max((len(column) for column in columns), default=0)):
        writer.writerow([f"{column[row]:.8g}" if row < len(column) else "" for column in columns])
    return out.getvalue()


class LiveCurves:
    """Collects the numbers that a running step reports into curves."""

    def __init__(self) -> None:
        self.step = ""
        self._values: dict[str, list[float]] = {}
        self._last: Any = None

    def start(self, step: str) -> None:
        self.step = step
        self._values = {}
        self._last = None

    def add(self, partial: Any) -> None:
        """Take the numbers out of a partial result: a list is the whole curve so far, a number its next point."""
        self._last = partial
        items = partial if isinstance(partial, dict) else getattr(partial, "__dict__", {})
        for name, value in items.items():
            if name not in LIVE_TITLES:
                continue
            if isinstance(value, (list, tuple, np.ndarray)):
                self._values[name] = [float(v) for v in np.asarray(value, dtype=float).ravel()]
            elif np.isscalar(value):
                self._values.setdefault(name, []).append(float(value))

    def plots(self) -> tuple[Plot, ...]:
        """One plot a curve, and what else the step has to show."""
        found = []
        for name, (title, label) in LIVE_TITLES.items():
            values = np.array(self._values.get(name, []), dtype=float)
            good = np.isfinite(values)
            if good.sum() >= 1:
                x = np.arange(1, len(values) + 1, dtype=float)[good]
                caption = f"now {values[good][-1]:.6g}"
                found.append(
                    Plot(f"live-{name}", title, "iteration", label, (Series("model", "", x, values[good]),), caption=caption)
                )
        more = _LIVE_PLOTS.get(self.step)
        return (*found, *more(self._last)) if more is not None and self._last is not None else tuple(found)


def y_range_of(plot: Plot) -> tuple[float, float] | None:
    """Lower and upper end of a linear y axis; it begins at 0 where the values come near 0 and none is below. None: no values."""
    drawn = [series.y for series in plot.series] + [each for band in plot.bands for each in (band.low, band.high)]
    values = np.concatenate([y[np.isfinite(y)] for y in drawn] or [np.zeros(0)])
    if plot.log_y or len(values) == 0:
        return None
    low, high = float(values.min()), float(values.max())
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return (0.0, high + room) if 0 <= low <= 0.3 * high else (low - room, high + room)


def steps_of(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The outline of bars between the edges `x` (one more than `y`)."""
    return np.repeat(x, 2)[1:-1], np.repeat(y, 2)
