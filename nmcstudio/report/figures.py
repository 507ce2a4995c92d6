"""Comparisons as files: the figure in vector and bitmap, the numbers behind it, its distances and verdict in words."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np

from nmcstudio.core.comparison import Comparison, Validation
from nmcstudio.core.monitor import Monitor
from nmcstudio.report.drawing import COLOURS, DASHES, KINDS, Kind, Line, draw_lines, draw_surfaces, drawing_settings, figure_bytes

DISTANCE_WORDS = {
    "ks": "Kolmogorov–Smirnov distance",
    "ks_p": "p-value of the Kolmogorov–Smirnov distance",
    "wasserstein": "Wasserstein-1 distance",
    "wasserstein_p": "p-value of the Wasserstein-1 distance",
    "fitted_wasserstein": "Wasserstein-1 distance of data and fitted tessellation",
    "model_ks": "Kolmogorov–Smirnov distance of two samples of the model",
    "model_wasserstein": "Wasserstein-1 distance of two samples of the model",
    "energy": "energy distance (scaled)",
    "energy_p": "p-value of the energy distance",
    "model_energy": "energy distance of two samples of the model",
    "envelope_p": "p-value of the global envelope test",
    "kendall_data": "Kendall's tau of the data",
    "kendall_model": "Kendall's tau of the model's visible seeds",
    "kendall_theory": "Kendall's tau of the fitted copula",
    "mean_difference_model": "mean absolute difference of data and model",
    "mean_difference_theory": "mean absolute difference of data and theory",
}


def draw(comparison: Comparison) -> Any:
    """A matplotlib Figure of one comparison."""
    import matplotlib

    with matplotlib.rc_context(drawing_settings(comparison.key)):
        if comparison.surfaces:
            return draw_surfaces(comparison.surfaces, comparison.x_label, comparison.y_label)
        lines = [Line(c.label, c.x, c.y, COLOURS[c.role], DASHES[c.role], mean=c.mean) for c in comparison.curves]
        below = any(np.nanmin(curve.y) < 0 for curve in comparison.curves)
        return draw_lines(
            lines, comparison.x_label, comparison.y_label, bands=comparison.bands, log_y=comparison.log_y, from_zero=not below
        )  # fmt: skip


def image_bytes(comparison: Comparison, kind: Kind = "svg") -> bytes:
    """The figure as a file: "svg", "pdf" or "png"."""
    return figure_bytes(draw(comparison), kind, comparison.key)


def table(comparison: Comparison) -> str:
    """The numbers behind a figure as CSV: one block of columns a curve, band, sample or surface."""
    columns: list[tuple[str, np.ndarray[Any, Any]]] = []
    for curve in comparison.curves:
        columns += [(f"{curve.role}: {comparison.x_label}", curve.x), (f"{curve.role}: {comparison.y_label}", curve.y)]
    for band in comparison.bands:
        columns.append((f"envelope: {comparison.x_label}", band.x))
        columns += [(f"envelope, low: {comparison.y_label}", band.low), (f"envelope, high: {comparison.y_label}", band.high)]
    for sample in comparison.samples:
        columns.append((f"{sample.role}: values", sample.values))
        if sample.weights is not None:
            columns.append((f"{sample.role}: weights", sample.weights))
    for surface in comparison.surfaces:
        x, y = np.meshgrid(surface.x, surface.y)
        for name, values in ((comparison.x_label, x), (comparison.y_label, y), ("density", surface.z)):
            columns.append((f"{surface.role}: {name}", values.ravel()))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([name for name, _ in columns])
    for row in range(max((len(values) for _, values in columns), default=0)):
        writer.writerow([f"{values[row]:.9g}" if row < len(values) else "" for _, values in columns])
    return text.getvalue()


def distances_csv(validation: Validation) -> str:
    """All distances of all comparisons as CSV, a distance a row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("comparison", "subject", "distance", "value", "unit"))
    for one in validation.comparisons:
        for name, distance in one.distances.items():
            writer.writerow((one.key, one.subject, name, repr(float(distance)), _unit(one, name)))
    return text.getvalue()


def write_figures(folder: Path, validation: Validation, monitor: Monitor) -> tuple[Path, ...]:
    """Every figure as SVG, PDF and PNG with its numbers as CSV, and all distances in ``distances.csv``.

    Nothing is written before all is drawn: a cancelled export leaves the folder as it was.

    Returns
    -------
    The files that were written.
    """
    files = {}
    for comparison in monitor.track(validation.comparisons, "drawing figures"):
        files[f"{comparison.key}.csv"] = table(comparison).encode()
        for kind in KINDS:
            monitor.check()
            files[f"{comparison.key}.{kind}"] = image_bytes(comparison, kind)
    files["distances.csv"] = distances_csv(validation).encode()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return tuple(folder / name for name in files)


def _unit(comparison: Comparison, name: str) -> str:
    return comparison.distance_unit if "wasserstein" in name and not name.endswith("_p") else ""


def distance_lines(comparison: Comparison) -> list[tuple[str, str]]:
    """Distances in words and numbers with their unit; the p-interval and the 95 % quantiles stand in the line they belong to."""
    lines = []
    every = comparison.distances
    for name, value in every.items():
        if name.endswith(("_95", "_low", "_high")):
            continue
        unit = f" {_unit(comparison, name)}".rstrip()
        text = f"{value:.4g}{unit}"
        if f"{name}_95" in every:
            text += f" on average, in 95 % of pairs below {every[f'{name}_95']:.4g}{unit}"
        if f"{name}_low" in every:
            text += f" (p-interval {every[f'{name}_low']:.4g} to {every[f'{name}_high']:.4g})"
        lines.append((DISTANCE_WORDS.get(name, name), text))
    return lines


def verdict(comparison: Comparison) -> str:
    """What the global envelope says, as a sentence; empty without one."""
    p = comparison.distances.get("envelope_p")
    if p is None:
        return ""
    inside = p > 0.05
    told = (
        f"p = {p:.2g}, p-interval {comparison.distances['envelope_p_low']:.2g} to {comparison.distances['envelope_p_high']:.2g}"
    )
    if not comparison.bands:
        return f"The joint density of the data is {'' if inside else 'not '}like those of samples of the model ({told})."
    band = comparison.bands[0]
    if inside:
        return f"The data stay within the envelope of {band.simulations} samples of the model ({told})."
    data = next(curve for curve in comparison.curves if curve.role == "data")
    y = np.interp(band.x, data.x, data.y)
    places = []
    for outside, word in ((y > band.high, "above"), (y < band.low, "below")):
        places += [f"{word} it at {span}" for span in _spans(band.x, outside)]
    where = "; ".join(places)
    return f"The data leave the envelope of {band.simulations} samples of the model ({told}): {where}."


def _spans(x: np.ndarray[Any, Any], chosen: np.ndarray[Any, Any]) -> list[str]:
    """Stretches of `x` where `chosen`, in words; those that are close together are one."""
    at = np.flatnonzero(chosen)
    if not len(at):
        return []
    breaks = np.flatnonzero(np.diff(at) > 0.05 * len(x)) + 1
    words = []
    for part in np.split(at, breaks):
        first, last = f"{x[part[0]]:.3g}", f"{x[part[-1]]:.3g}"
        words.append(first if first == last else f"{first} to {last}")
    return words
