"""Figures of comparisons with matplotlib: vector and bitmap, and the numbers behind them as CSV."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np

from nmcstudio.core.comparison import Comparison

# One colour a role in every plot of the program; they differ in lightness too (Okabe and Ito's palette).
COLOURS = {"data": "#0072b2", "fitted": "#009e73", "model": "#d55e00", "theory": "#6e6e6e"}
DASHES = {"data": "-", "fitted": "-.", "model": "--", "theory": ":"}

DISTANCE_WORDS = {
    "ks": "Kolmogorov–Smirnov distance",
    "ks_p": "p-value",
    "wasserstein": "Wasserstein-1 distance",
    "fitted_wasserstein": "Wasserstein-1 distance of data and fitted tessellation",
    "model_ks": "Kolmogorov–Smirnov distance of two samples of the model",
    "model_wasserstein": "Wasserstein-1 distance of two samples of the model",
    "energy": "energy distance (scaled)",
    "energy_p": "p-value of the energy distance",
    "model_energy": "energy distance of two samples of the model",
    "kendall_data": "Kendall's tau of the data",
    "kendall_model": "Kendall's tau of the model's visible seeds",
    "kendall_theory": "Kendall's tau of the fitted copula",
    "integrated_difference": "half the integrated absolute difference",
    "mean_difference_model": "mean absolute difference of data and model",
    "mean_difference_theory": "mean absolute difference of data and theory",
}


def draw(comparison: Comparison, width_in: float = 5.2, height_in: float = 3.4) -> Any:
    """A matplotlib Figure of one comparison; needs no display."""
    from matplotlib.figure import Figure

    surfaces = comparison.surfaces
    if surfaces:
        figure = Figure(figsize=(width_in * max(1, 0.75 * len(surfaces)), height_in), layout="constrained")
        axes = figure.subplots(1, len(surfaces), sharex=True, sharey=True, squeeze=False)[0]
        top = max(float(surface.z.max()) for surface in surfaces)
        levels = np.linspace(0, top, 13)[1:]
        for axis, surface in zip(axes, surfaces):
            filled = axis.contourf(surface.x, surface.y, surface.z, levels=np.r_[0, levels], cmap="cividis")
            axis.set_title(surface.role, fontsize=9)
            axis.set_xlabel(comparison.x_label)
        axes[0].set_ylabel(comparison.y_label)
        figure.colorbar(filled, ax=list(axes), label="density")
        return figure
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    axis = figure.subplots()
    for curve in comparison.curves:
        axis.plot(curve.x, curve.y, DASHES[curve.role], color=COLOURS[curve.role], label=curve.label, linewidth=1.6)
        if np.isfinite(curve.mean):
            axis.axvline(curve.mean, color=COLOURS[curve.role], linestyle=DASHES[curve.role], linewidth=0.7)
    axis.set_xlabel(comparison.x_label)
    axis.set_ylabel(comparison.y_label)
    axis.margins(x=0.02)
    axis.set_ylim(bottom=0)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=8)
    return figure


def image_bytes(comparison: Comparison, kind: str = "svg") -> bytes:
    """The figure as a file: "svg", "pdf" or "png"."""
    import matplotlib

    buffer = io.BytesIO()
    # Fixed ids and no date: the same comparison gives the same bytes.
    with matplotlib.rc_context({"svg.hashsalt": comparison.key, "svg.fonttype": "none", "font.size": 9}):
        draw(comparison).savefig(buffer, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
    return buffer.getvalue()


def table(comparison: Comparison) -> str:
    """The numbers behind a figure as CSV: one block of columns a curve, sample or surface."""
    columns: list[tuple[str, np.ndarray[Any, Any]]] = []
    for curve in comparison.curves:
        columns += [(f"{curve.role}: {comparison.x_label}", curve.x), (f"{curve.role}: {comparison.y_label}", curve.y)]
    for sample in comparison.samples:
        columns.append((f"{sample.role}: values", sample.values))
        if sample.weights is not None:
            columns.append((f"{sample.role}: weights", sample.weights))
    for surface in comparison.surfaces:
        x, y = np.meshgrid(surface.x, surface.y)
        for name, values in ((comparison.x_label, x), (comparison.y_label, y), ("density", surface.z)):
            columns.append((f"{surface.role}: {name}", values.ravel()))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([name for name, _ in columns])
    for row in range(max((len(values) for _, values in columns), default=0)):
        writer.writerow([f"{values[row]:.9g}" if row < len(values) else "" for _, values in columns])
    return text.getvalue()


def distance_lines(comparison: Comparison) -> list[tuple[str, str]]:
    """Distances in words and numbers with their unit."""
    lines = []
    for name, value in comparison.distances.items():
        unit = f" {comparison.distance_unit}" if "wasserstein" in name and comparison.distance_unit else ""
        lines.append((DISTANCE_WORDS.get(name, name), f"{value:.4g}{unit}"))
    return lines
