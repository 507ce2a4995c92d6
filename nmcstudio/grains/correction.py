"""Correction of a fitted grain model for seeds whose cells are empty, by indirect inference (models.md 8.5).

The fit sees only seeds of visible cells. Simulated windows of the model, looked at in the same way, tell what the fit would
have given; the parameters move until that agrees with what the data gave.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.grains import CorrectionTrace, GrainModel
from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.correction_words import doubt_of, failure_of
from nmcstudio.grains.model_vector import DEPENDENCE, MEAN, SEEDS, SHAPE
from nmcstudio.grains.parameter_errors import draws_of, widened, with_errors
from nmcstudio.grains.search import TOLERANCE, Search
from nmcstudio.grains.study import Study
from nmcstudio.grains.weights import weight_moments

Array = NDArray[np.float64]

_NORMAL_SKEWNESS = 0.23  # of an inverse gamma law with alpha = 300: the normal limit


@dataclass(frozen=True)
class Correction:
    """Result of the correction.

    Attributes
    ----------
    model
        The corrected model with its trace, or the one given where the correction did not converge.
    notes
        What happened, with the Monte Carlo errors.
    warnings
        Those among the notes that nobody should miss: it did not converge, or the data hardly bear it.
    sensitivity
        float64 ``(k, k)``, derivative of what the fit sees by the parameters, as the search found it.
    uncertainty
        float64 ``(k,)``, Monte Carlo standard error of the corrected numbers.
    """

    model: GrainModel
    trace: CorrectionTrace
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    sensitivity: Array
    uncertainty: Array

    @property
    def converged(self) -> bool:
        return self.trace.converged

    @property
    def hidden_share(self) -> float:
        """Share of seeds without a visible cell in the corrected model."""
        return float(np.mean(self.trace.hidden_shares[self.trace.fresh])) if self.trace.fresh.any() else float("nan")


def correct_empty_cells(
    model: GrainModel, study: Study, rng: np.random.Generator, *, steps: int = 6, monitor: Monitor | None = None
) -> Correction:
    """Move the parameters until simulated visible cells give what the data gave.

    Parameters
    ----------
    model
        As fitted to visible cells.
    study
        Of that model.
    rng
        The search shares random numbers between its steps; the steps that check it have their own.
    steps
        Steps in all, four or more; the search may take twice as many where it has not come near.
    monitor
        Progress, cancelling, and finish now after the first step that checks.
    """
    search = Search(study, rng, max(steps, 4), monitor or Monitor())
    search.approach()
    search.check()
    return _judge(model, study, search)


def _judge(model: GrainModel, study: Study, search: Search) -> Correction:
    """Accept the parameters where simulation and data agree, and say how well."""
    allowed = _allowed(model, study, search.noise)
    trace, hidden = search.trace(allowed), search.hidden_share
    failure = failure_of(trace, search.residual, study.vector.at_limit(search.x), hidden, TOLERANCE)
    if failure:
        return Correction(replace(model, correction=trace), trace, (failure,), (failure,), search.sensitivity, search.uncertainty)
    doubt = doubt_of(trace, hidden, model.sample_size)
    trace = replace(trace, converged=True, doubt=doubt)
    words = ", ".join(f"{n} {100 * e:.1f} %" for n, e in zip(trace.names, search.noise) if n in SEEDS and np.isfinite(e))
    note = f"Corrected for empty cells ({100 * hidden:.1f} % of the seeds)"
    note += f"; Monte Carlo error about {words}." if words else "; ended early, Monte Carlo error not known."
    warnings = (doubt,) if doubt else ()
    return Correction(
        _corrected(model, study, search, trace), trace, (note, *warnings), warnings, search.sensitivity, search.uncertainty
    )


def _allowed(model: GrainModel, study: Study, noise: Array) -> Array:
    """float64 ``(k,)``, largest residual that counts as agreement; NaN for numbers that do not decide."""
    names = study.vector.names
    allowed = np.maximum(4.0 * np.nan_to_num(noise), TOLERANCE)
    for index, name in enumerate(names):
        if name in (*DEPENDENCE, MEAN):
            # The sampling error of the dependence is larger than its correction; a constant added to all weights changes no cell.
            allowed[index] = np.nan
        elif name == SHAPE:
            # At the normal limit, and where the data does not know the shape, it means nothing and may wander.
            error = float(study.compare.errors[index])
            unknown = error >= 1.0 or weight_moments(model.weights).skewness < _NORMAL_SKEWNESS
            allowed[index] = np.nan if unknown else max(allowed[index], 2.0 * error)
    return allowed


def _corrected(model: GrainModel, study: Study, search: Search, trace: CorrectionTrace) -> GrainModel:
    """The model at the end of the search, with standard errors of sampling and simulation."""
    found = study.vector.model(search.x)
    corrected = replace(
        found,
        seeds=study.fitted(model.seeds, found.seeds),
        as_published={"seeds": model.seeds, "weights": model.weights, "copula": model.copula},
        correction=trace,
    )
    if len(search.scatter):
        rows = widened(search.spread / np.sqrt(study.compare.patterns), search.uncertainty)
        return with_errors(corrected, draws_of(corrected, study, search.x + rows))
    # Too few windows for a scatter of their fits: the fit's relative errors, with the Monte Carlo error.
    extra = float(np.nan_to_num(search.noise[0]))
    law, before = corrected.seeds, model.seeds
    errors = {name: float(law[name] * np.hypot(error / before[name], extra)) for name, error in before.errors.items()}
    return replace(
        corrected,
        seeds=replace(law, errors=errors),
        weights=replace(found.weights, errors=dict(model.weights.errors)),
        copula=replace(found.copula, errors=dict(model.copula.errors)),
    )
