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
from nmcstudio.core.rng import child
from nmcstudio.grains.model_vector import DEPENDENCE, SEEDS, SHAPE
from nmcstudio.grains.study import Study
from nmcstudio.grains.weights import weight_moments

Array = NDArray[np.float64]

_NEAR = 0.02  # residual, in logarithms, below which the search on the common windows ends
_LARGEST_STEP = 0.6
# Remaining residual that counts as agreement however small the Monte Carlo error: the last step takes it away to first order.
_TOLERANCE = 0.15
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
    sensitivity
        float64 ``(k, k)``, derivative of what the fit sees by the parameters, as the search found it.
    """

    model: GrainModel
    trace: CorrectionTrace
    notes: tuple[str, ...]
    sensitivity: Array

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
    search = _Search(study, rng, max(steps, 4), monitor or Monitor())
    search.approach()
    search.check()
    return _judge(model, study, search)


class _Search:
    """The steps of a correction: first to the solution on common windows, then fresh windows at that place."""

    def __init__(self, study: Study, rng: np.random.Generator, steps: int, monitor: Monitor) -> None:
        self.vector, self.compare, self.plan, self.rng = study.vector, study.compare, study.windows, rng
        self.steps, self.monitor = steps, monitor
        self.x = study.vector.values.copy()
        self.sensitivity = np.eye(len(self.x))
        self.rows: list[tuple[Array, Array, bool, float]] = []

    def step(self, fresh: bool) -> Array:
        """Data minus simulation at the present place; noted in the trace."""
        number = len(self.rows)
        part = self.monitor.sub(min(number / self.steps, 0.9), min((number + 1) / self.steps, 1.0))
        words = f"Correcting for empty cells: step {number + 1}"
        stream = child(self.rng, number if fresh else 0)
        patterns = self.plan.draw(self.vector.model(self.x), stream, part, words)
        residual = self.compare(patterns, part)
        hidden = float(np.mean([p.hidden_share for p in patterns]))
        self.rows.append((residual, self.x - self.vector.values, fresh, hidden))
        return residual

    def approach(self) -> None:
        """Broyden's method on windows with common random numbers."""
        checks = max(2, self.steps // 2)
        residual = self.step(False)
        for _ in range(2 * self.steps):
            # Near enough for the checks, which move it once more; from a place that was looked at, not from the next guess.
            enough = 0.5 * _TOLERANCE if len(self.rows) >= self.steps - checks else _NEAR
            if np.max(np.abs(residual)) < enough or self.monitor.finish_requested:
                break
            before = self.x
            move = np.linalg.solve(self.sensitivity, residual)
            self.x = self.vector.clip(before + np.clip(move, -_LARGEST_STEP, _LARGEST_STEP))
            moved = self.x - before
            new = self.step(False)
            size = float(moved @ moved)
            if size > 1e-8:
                seen = residual - new
                self.sensitivity += np.outer(seen - self.sensitivity @ moved, moved) / size
                self.sensitivity = _tamed(self.sensitivity)
            residual = new

    def check(self) -> None:
        """Fresh windows at the place found; their mean moves it once more."""
        residuals = []
        for _ in range(max(self.steps - len(self.rows), self.steps // 2, 2)):
            residuals.append(self.step(True))
            if self.monitor.finish_requested:
                break
        self.residual = np.mean(residuals, axis=0)
        count = len(residuals)
        self.noise = np.std(residuals, axis=0, ddof=1) / np.sqrt(count) if count > 1 else np.full(len(self.x), np.nan)
        move = np.linalg.solve(self.sensitivity, self.residual)
        self.x = self.vector.clip(self.x + np.clip(move, -_LARGEST_STEP, _LARGEST_STEP))

    def trace(self, allowed: Array, converged: bool) -> CorrectionTrace:
        """What is kept of the search."""
        residuals, parameters, fresh, hidden = zip(*self.rows)
        return CorrectionTrace(
            names=self.vector.names,
            residuals=np.array(residuals),
            parameters=np.array(parameters),
            fresh=np.array(fresh),
            noise=self.noise,
            allowed=allowed,
            hidden_shares=np.array(hidden),
            converged=converged,
        )


def _tamed(matrix: Array) -> Array:
    """The matrix with singular values in 0.25 to 3: a secant in noise must not turn a step round or blow it up."""
    left, values, right = np.linalg.svd(matrix)
    return np.asarray((left * np.clip(values, 0.25, 3.0)) @ right)


def _judge(model: GrainModel, study: Study, search: _Search) -> Correction:
    """Accept the parameters where simulation and data agree, and say how well."""
    vector, names = study.vector, study.vector.names
    allowed = np.maximum(4.0 * np.nan_to_num(search.noise), _TOLERANCE)
    shape_error = float(study.compare.errors[vector.names.index(SHAPE)]) if SHAPE in names else np.nan
    for index, name in enumerate(names):
        if name in (*DEPENDENCE, "mean weight"):
            # The sampling error of the dependence is larger than its correction; a constant added to all weights changes no cell.
            allowed[index] = np.nan
        elif name == SHAPE:
            # At the normal limit, and where the data does not know the shape, it means nothing and may wander.
            unknown = shape_error >= 1.0 or weight_moments(model.weights).skewness < _NORMAL_SKEWNESS
            allowed[index] = np.nan if unknown else max(allowed[index], 2.0 * shape_error)
    astray = [n for n, r, most in zip(names, search.residual, allowed) if abs(r) > most]
    astray += [n for n in vector.at_limit(search.x) if n not in astray]
    trace = search.trace(allowed, not astray)
    hidden = 100 * float(np.mean(trace.hidden_shares[trace.fresh]))
    if astray:
        note = (
            f"The correction for empty cells did not converge ({', '.join(astray)}; {hidden:.0f} % of the simulated seeds have "
            "no visible cell); the values are those of visible cells. Give it more simulated windows or steps, or a larger "
            "volume."
        )
        return Correction(replace(model, correction=trace), trace, (note,), search.sensitivity)
    words = ", ".join(f"{n} {100 * e:.1f} %" for n, e in zip(names, search.noise) if n in SEEDS and np.isfinite(e))
    note = f"Corrected for empty cells ({hidden:.1f} % of the seeds)"
    note += f"; Monte Carlo error about {words}." if words else "; ended early, Monte Carlo error not known."
    return Correction(_corrected(model, study, search, trace), trace, (note,), search.sensitivity)


def _corrected(model: GrainModel, study: Study, search: _Search, trace: CorrectionTrace) -> GrainModel:
    """The model at the end of the search, with the fit's relative standard errors and the Monte Carlo error in quadrature."""
    found = study.vector.model(search.x)
    fitted = model.seeds
    seeds = study.fitted(fitted, found.seeds)
    extra = float(np.nan_to_num(search.noise[0]))
    errors = {name: float(seeds[name] * np.hypot(e / fitted[name], extra)) for name, e in fitted.errors.items()}
    return replace(
        found,
        seeds=replace(seeds, errors=errors),
        weights=replace(found.weights, errors=dict(model.weights.errors)),
        copula=replace(found.copula, errors=dict(model.copula.errors)),
        as_published={"seeds": model.seeds, "weights": model.weights, "copula": model.copula},
        correction=trace,
    )
