"""The drift of an aligned stack as plots of the result."""

from __future__ import annotations

import numpy as np

from nmcstudio.core.ebsd import Alignment, EbsdStack
from nmcstudio.gui.views.contents import Plot, Series

# As in the panel; both are data.
_X_COLOUR, _Y_COLOUR = (0, 114, 178), (213, 94, 0)


def drift_plots(stack: EbsdStack) -> tuple[Plot, ...]:
    """Drift and agreement against the section, for a stack that was aligned; none for others."""
    done = stack.alignment
    if done is None:
        return ()
    number = np.arange(1, len(done.agreement) + 1, dtype=float)
    plots = []
    measured = bool(np.isfinite(done.agreement).any())
    series = []
    # Where the stack as a whole lies is free.
    undone = np.median(done.drift_um + done.applied_um, axis=0) - done.applied_um
    for axis, name, colour in ((1, "x", _X_COLOUR), (0, "y", _Y_COLOUR)):
        if measured:
            series.append(Series("data", f"{name}, measured", number, done.drift_um[:, axis], colour=colour))
        series.append(Series("data", f"{name}, undone", number, undone[:, axis], style="dashed", colour=colour))
    marked = np.array(done.outliers, int)
    if len(marked):
        series.append(Series("theory", "to look at, x", number[marked], done.drift_um[marked, 1], style="points"))
    note = "Sections counted from 1. What was undone is whole voxels, with what was moved by hand."
    plots.append(
        Plot("drift", "Drift of the sections", "section", "position [µm]", tuple(series), caption=caption(done), note=note)
    )
    if measured:
        agreement = Series("data", "", number, 100 * done.agreement, style="points")
        words = f"median {100 * float(np.nanmedian(done.agreement)):.0f} % of the points agree with the section before"
        plots.append(
            Plot("agreement", "Agreement of the sections", "section", "points that agree [%]", (agreement,), caption=words)
        )
    return tuple(plots)


def caption(done: Alignment) -> str:
    """What was found and done, in a sentence."""
    parts = [f"{len(done.agreement)} sections"]
    for numbers, words in (
        (done.outliers, "to look at"), (done.nudged, "moved by hand"), (done.left_out, "left out"), (done.filled, "filled"),
    ):  # fmt: skip
        if numbers:
            listed = ", ".join(str(k + 1) for k in numbers[:6]) + (" …" if len(numbers) > 6 else "")
            parts.append(f"{words}: {listed}")
    return "; ".join(parts)
