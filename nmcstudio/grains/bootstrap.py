"""Standard errors and intervals of a grain model by parametric bootstrap, the correction for empty cells included.

Windows of the model are looked at and fitted as the data was; how their fits scatter, taken back through what the correction
learned of the way from parameters to fit, is how far the parameters themselves are known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.grains import GrainModel
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child
from nmcstudio.grains.comparison import Comparison
from nmcstudio.grains.correction import Correction
from nmcstudio.grains.distance_laws import distance_law, empirical_cdf
from nmcstudio.grains.marks import LEAST, fit_marks
from nmcstudio.grains.model_vector import ModelVector
from nmcstudio.grains.parameter_errors import Draws, draws_of, intervals_of, widened, with_errors
from nmcstudio.grains.study import Study
from nmcstudio.grains.windows import VisiblePattern

Array = NDArray[np.float64]

LEAST_REPLICATES = 10
_STRAUSS_POINTS = 20_000  # behind the distance law of a replicate


@dataclass(frozen=True)
class Bootstrap:
    """Result of `bootstrap_errors`.

    Attributes
    ----------
    model
        With standard errors and intervals; the one given where too few replicates could be fitted.
    notes
        How many replicates, and what went wrong.
    draws
        Parameters behind the intervals: law to name to float64 ``(replicates,)``; empty where there are too few.
    """

    model: GrainModel
    notes: tuple[str, ...]
    draws: Draws


def bootstrap_errors(
    model: GrainModel,
    study: Study,
    correction: Correction | None,
    replicates: int,
    rng: np.random.Generator,
    monitor: Monitor | None = None,
) -> Bootstrap:
    """Standard errors and 95 % intervals of seeds, weights and copula.

    Parameters
    ----------
    model
        Simulated in the bootstrap.
    study
        Of the fit to visible cells.
    correction
        Of that model: how the fit follows the parameters, and its Monte Carlo error; None without one.
    replicates
        Simulated windows.
    rng
        Independent of the correction's.
    monitor
        Progress, cancelling; finish now keeps the replicates that are there.
    """
    monitor = monitor or Monitor()
    vector, compare, plan = study.vector, study.compare, study.windows
    simulated = study.moving(model)
    rows: list[Array] = []
    tried = 0
    while tried < replicates and not monitor.finish_requested:
        words = f"Standard errors: replicate {tried + 1} of {replicates}"
        part = monitor.sub(tried / replicates, min((tried + plan.windows) / replicates, 1.0))
        patterns = plan.draw(simulated, child(rng, tried), part.sub(0.0, 0.3), words)
        for index, pattern in enumerate(patterns[: replicates - tried]):
            part.report(0.3 + 0.7 * index / len(patterns), f"Standard errors: replicate {tried + 1} of {replicates}")
            row = _refit(pattern, compare, vector, part)
            tried += 1
            if row is not None:
                rows.append(row)
            if monitor.finish_requested:
                break
    if len(rows) < LEAST_REPLICATES:
        return Bootstrap(model, (f"{len(rows)} bootstrap replicates are too few for standard errors.",), {})
    seen = np.array(rows)
    moved: Array = seen - np.median(seen, axis=0)
    if correction is not None:
        moved = widened(np.asarray(np.linalg.solve(correction.sensitivity, moved.T).T), correction.uncertainty)
    place = vector.place_of(simulated.seeds, simulated.weights, simulated.copula)
    draws = draws_of(model, study, place + moved)
    known = replace(with_errors(model, draws), intervals=intervals_of(draws), replicates=len(rows))
    return Bootstrap(known, (_words(len(rows), tried, replicates),), draws)


def _words(used: int, tried: int, wanted: int) -> str:
    note = f"Standard errors from {used} simulated windows"
    if tried < wanted:
        return f"{note}; ended before all {wanted}."
    return f"{note}." if used == tried else f"{note}; {tried - used} could not be fitted."


def _refit(pattern: VisiblePattern, compare: Comparison, vector: ModelVector, monitor: Monitor) -> Array | None:
    """What a fit says of one window, as numbers of the vector; None where it holds too little."""
    inside = compare.region.contains(pattern.seeds_um)
    if np.count_nonzero(inside) < LEAST:
        return None
    base = vector.base
    seeds = compare.seed_numbers([pattern], monitor)
    x = vector.values.copy()
    x[: len(seeds)] = seeds
    weights, distances = compare.weights_and_distances([pattern])
    if len(weights) < LEAST:
        return None
    if base.distance_law == "empirical":
        u2 = empirical_cdf(distances)
    else:
        u2 = distance_law(vector.laws(vector.clip(x))[0], monitor, _STRAUSS_POINTS).cdf(distances)
    fit = fit_marks(
        weights, u2, law=base.weights.kind, copula=base.copula.kind, start=(base.weights, base.copula), errors=False,
        monitor=monitor,
    )  # fmt: skip
    return np.concatenate([seeds, vector.marks_of(fit.weights, fit.copula)])
