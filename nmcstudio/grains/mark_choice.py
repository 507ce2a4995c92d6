"""Which law of the weights and which copula describe the data best, by Akaike's criterion (models.md 9)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.grains import MarkChoice
from nmcstudio.core.laws import family_of
from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.copula import COPULA_KINDS
from nmcstudio.grains.marks import MarksFit, fit_marks, quick_marks
from nmcstudio.grains.weights import WEIGHT_KINDS

Array = NDArray[np.float64]

AUTO = "auto"
# A difference of the criterion below this may be chance (Burnham and Anderson 2004: considerably less support from 4).
LEAST_GAIN = 4.0


def compare_marks(weights: Array, u2: Array, monitor: Monitor | None = None) -> tuple[MarkChoice, ...]:
    """Fit every law of the weights with every copula, the best one first.

    Parameters
    ----------
    weights, u2
        As in `marks.fit_marks`.
    monitor
        Progress and cancelling.
    """
    monitor = monitor or Monitor()
    total, done, found = len(WEIGHT_KINDS) * len(COPULA_KINDS), 0, []
    for kind in WEIGHT_KINDS:
        margin = fit_marks(weights, u2, law=kind, copula="independence", errors=False, monitor=monitor)
        for copula in COPULA_KINDS:
            monitor.report(done / total, "Comparing laws of the weights")
            fit = margin if copula == "independence" else quick_marks(weights, u2, margin.weights, copula, monitor)
            found.append(MarkChoice(fit.weights, fit.copula, fit.log_likelihood, fit.aic))
            done += 1
    monitor.report(1.0)
    return tuple(sorted(found, key=lambda each: each.aic))


def choose_marks(
    weights: Array, u2: Array, law: str, copula: str, compare: bool = True, monitor: Monitor | None = None
) -> tuple[MarksFit, tuple[MarkChoice, ...], str]:
    """The wanted fit, the comparison of all, and a note where another one is clearly better.

    Parameters
    ----------
    weights, u2
        As in `marks.fit_marks`.
    law, copula
        Kinds, or "auto" for the best by the criterion.
    compare
        Fit the others too; with "auto" they always are.

    Returns
    -------
    fit, choices, note
        The note is empty where nothing better is known.
    """
    monitor = monitor or Monitor()
    if not compare and AUTO not in (law, copula):
        return fit_marks(weights, u2, law=law, copula=copula, monitor=monitor), (), ""
    choices = compare_marks(weights, u2, monitor.sub(0.0, 0.8))
    taken = _best(c for c in choices if law in (AUTO, c.weights.kind) and copula in (AUTO, c.copula.kind))
    fit = fit_marks(weights, u2, law=taken.weights.kind, copula=taken.copula.kind, monitor=monitor.sub(0.8, 1.0))
    # Of those that are as good as the best, the one that changes least.
    good = [c for c in choices if c.aic < choices[0].aic + 0.5 * LEAST_GAIN]
    best = min(good, key=lambda c: (_changes(c, taken), c.aic))
    gain = fit.aic - best.aic
    if gain < LEAST_GAIN:
        return fit, choices, ""
    law, copula = best.weights.kind, best.copula.kind
    words = [f"{family_of('weights', law).label} weights", f"the {family_of('copula', copula).label} copula"]
    options = [f"--weights {law}", f"--copula {copula}"]
    told = [k for k, same in enumerate((law == taken.weights.kind, copula == taken.copula.kind)) if not same]
    note = (
        f"By Akaike's criterion the data prefers {' and '.join(words[k] for k in told)} (lower by {gain:.1f}): fit again with "
        f"{' '.join(options[k] for k in told)} if nothing speaks against it."
    )
    return fit, choices, note


def _changes(one: MarkChoice, other: MarkChoice) -> int:
    """How many kinds of laws differ."""
    return (one.weights.kind != other.weights.kind) + (one.copula.kind != other.copula.kind)


def _best(choices: Iterable[MarkChoice]) -> MarkChoice:
    return min(choices, key=lambda each: each.aic)
