"""Standard errors and intervals of a model's parameters from scattered numbers of its `ModelVector`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.grains import GrainModel, Law
from nmcstudio.grains.study import Study

Array = NDArray[np.float64]

PARTS = ("seeds", "weights", "copula")
_ROUGH = (0.159, 0.841)  # half their distance is the standard error of a normal law, and bears an odd replicate
INTERVAL = (0.025, 0.975)
Draws = dict[str, dict[str, Array]]


def draws_of(model: GrainModel, study: Study, rows: Array) -> Draws:
    """Parameters of each law: part to name to float64 ``(n,)``.

    Parameters
    ----------
    model
        Whose parameters are meant; of the kind that the study was planned for.
    study
        With the vector that gives meaning to the rows.
    rows
        float64 ``(n, k)``, numbers of that vector.
    """
    found = []
    for x in rows:
        seeds, weights, copula = study.vector.laws(study.vector.clip(x))
        found.append({"seeds": study.fitted(model.seeds, seeds), "weights": weights, "copula": copula})
    return {
        part: {name: np.array([one[part][name] for one in found]) for name in getattr(model, part).parameters} for part in PARTS
    }


def widened(rows: Array, uncertainty: Array) -> Array:
    """Scattered numbers ``(n, k)``, centred, with the Monte Carlo error ``(k,)`` of their centre added in quadrature."""
    spread = rows.std(axis=0, ddof=1)
    return rows * np.hypot(1.0, uncertainty / np.maximum(spread, 1e-12))


def with_errors(model: GrainModel, draws: Draws) -> GrainModel:
    """The model with standard errors of what varies; other parameters have none."""
    laws: dict[str, Law] = {}
    for part, columns in draws.items():
        errors = {}
        for name, values in columns.items():
            if np.ptp(values) > 0:
                low, high = np.quantile(values, _ROUGH)
                errors[name] = float(0.5 * (high - low))
        laws[part] = replace(getattr(model, part), errors=errors)
    return replace(model, **laws)  # type: ignore[arg-type]


def intervals_of(draws: Draws, ends: tuple[float, float] = INTERVAL) -> dict[str, dict[str, tuple[float, float]]]:
    """Intervals between two quantiles, of what varies."""
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for part, columns in draws.items():
        found[part] = {}
        for name, values in columns.items():
            if np.ptp(values) > 0:
                low, high = np.quantile(values, ends)
                found[part][name] = (float(low), float(high))
    return found
