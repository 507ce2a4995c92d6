"""Whether the data can bear the correction for empty cells, and what the correction has to say for itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.grains import CorrectionTrace
from nmcstudio.grains.model_vector import SEEDS

Array = NDArray[np.float64]

# Standard error of a logarithm from which on the 90 % interval reaches from half to twice the value.
MOST_ERROR = float(np.log(2.0)) / 1.645
MOST_HIDDEN = 0.5  # with more, most of what is simulated was never seen


def doubt_of(trace: CorrectionTrace, hidden: float, seeds: int) -> str:
    """Why the data hardly bear a correction, in words; empty where they do.

    Parameters
    ----------
    trace
        With the standard errors of the corrected numbers.
    hidden
        Share of simulated seeds without a visible cell.
    seeds
        In the data.
    """
    reasons = []
    if hidden > MOST_HIDDEN:
        reasons.append(
            f"{100 * hidden:.0f} % of the simulated seeds have no visible cell, so that most of the model was never seen"
        )
    vague = [
        f"{name} to a factor of {np.exp(error):.2g}" if error < np.log(100.0) else f"{name} not at all"
        for name, error in zip(trace.names, trace.errors)
        if name in SEEDS and error > MOST_ERROR
    ]
    if vague:
        reasons.append(f"{seeds} seeds tell {', '.join(vague)} (standard error)")
    if not reasons:
        return ""
    return (
        f"The data hardly bear the correction for empty cells: {'; '.join(reasons)}. Fit a larger volume, or take the values of "
        "visible cells (--no-correct-empty-cells)."
    )


def failure_of(trace: CorrectionTrace, residual: Array, at_limit: Sequence[str], hidden: float, tolerance: float) -> str:
    """Why a search did not come to an end, and what to do; empty where it did.

    Parameters
    ----------
    trace
        With what was allowed, and the standard errors.
    residual
        float64 ``(k,)``, data minus simulation at the end.
    at_limit
        Numbers that ended at a limit of the search.
    hidden
        Share of simulated seeds without a visible cell.
    tolerance
        Residual that counts as agreement without Monte Carlo error.
    """
    reasons = [f"{name} ended at the limit of the search" for name in at_limit]
    noisy = unlike = False
    for name, off, most in zip(trace.names, residual, trace.allowed):
        if abs(off) > most:
            noisy |= most > tolerance and abs(off) < 2.0 * most
            unlike |= abs(off) >= 2.0 * most
            if name not in at_limit:
                reasons.append(f"{name} is {100 * abs(off):.0f} % off where {100 * most:.0f} % would be chance")
    if not reasons:
        return ""
    vague = any(name in SEEDS and error > MOST_ERROR for name, error in zip(trace.names, trace.errors))
    advice = []
    if noisy:
        advice.append("more simulated windows or steps lower the chance")
    if vague:
        advice.append("so few seeds hardly tell these parameters: fit a larger volume")
    if hidden > MOST_HIDDEN:
        advice.append("weights this far apart hide most cells: see whether the tessellation fits the grains, or take another law")
    if unlike or not advice:
        advice.append("another process of the seeds or law of the weights may suit the data")
    return (
        f"The correction for empty cells did not converge: {'; '.join(reasons)}; {100 * hidden:.0f} % of the simulated seeds "
        f"have no visible cell. The values are those of visible cells. What to do: {'; '.join(advice)}."
    )
