"""Whether the correction for empty cells converged: what simulated windows give against the data, step by step."""

from __future__ import annotations

import numpy as np

from nmcstudio.core.grains import CorrectionTrace
from nmcstudio.gui.views.contents import Plot, Series

_COLOURS = ((0, 114, 178), (0, 158, 115), (213, 94, 0))  # safe for the colour-blind
_WEIGHTS = ("mean weight", "spread of the weights", "shape of the weights")


def correction_plots(trace: CorrectionTrace | None) -> list[Plot]:
    """One plot for the seeds and one for the weights; nothing without a correction.

    A curve is simulation minus data in per cent (for the mean weight: of the spread of the weights). It should come to zero.
    """
    if trace is None or len(trace.residuals) < 2:
        return []
    first = trace.names.index(_WEIGHTS[0])
    groups = (
        ("correction-seeds", "Correction for empty cells: seeds", range(first)),
        (
            "correction-weights",
            "Correction for empty cells: weights",
            [trace.names.index(n) for n in _WEIGHTS if n in trace.names],
        ),
    )
    return [_plot(trace, key, title, list(rows)) for key, title, rows in groups]


def _plot(trace: CorrectionTrace, key: str, title: str, rows: list[int]) -> Plot:
    steps = np.arange(1, len(trace.fresh) + 1, dtype=float)
    series = [
        Series("simulation", trace.names[row], steps, -100.0 * trace.residuals[:, row], colour=colour)
        for colour, row in zip(_COLOURS, rows)
    ]
    search = int(np.count_nonzero(~trace.fresh))
    end = "they agree." if trace.converged else "they do not agree, and the values are those of visible cells."
    doubt = f"{trace.doubt} " if trace.doubt else ""
    caption = (
        f"{doubt}Simulated windows and data: {end} Steps 1 to {search} look for the solution with the same random "
        f"numbers; steps {search + 1} to {len(steps)} stand there with fresh ones, whose mean difference is taken off."
    )
    noise, errors = (
        ", ".join(f"{trace.names[row]} {100.0 * values[row]:.{digits}f} %" for row in rows if np.isfinite(values[row]))
        for values, digits in ((trace.noise, 1), (trace.errors, 0))
    )
    told = [f"Monte Carlo error of that mean: {noise}."] if noise else []
    told += [f"Standard error after the correction: {errors}."] if errors else []
    return Plot(
        key,
        title,
        "step",
        "simulation − data [%]",
        tuple(series),
        caption=caption,
        note=" ".join(told),
    )
