"""Exact maximum of the mixture's likelihood with a measurement error on any directions (models.md 4.4), by accelerated EM.

A step of the EM gradient algorithm (Lange 1995, J. R. Statist. Soc. B 57, 425) multiplies the gradient by the inverse of the
complete data's information, which here costs nothing beyond the gradient itself. Alone it converges as EM does; as the metric
of a limited-memory quasi-Newton method (Lange 1995, Statistica Sinica 5, 1) a few tens of steps replace hundreds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.blas import one_blas_thread
from nmcstudio.core.monitor import Monitor
from nmcstudio.shell.em import MixtureFit
from nmcstudio.shell.nugget import NuggetData
from nmcstudio.shell.objective import MixtureObjective, Point, Prior, Watcher
from nmcstudio.shell.truncation import Positivity

_MEMORY = 12
_TRIES = 10  # of the line search
_LONGEST = 2.5  # change of a logarithm in one step


@one_blas_thread()
def fit_nugget_em(
    data: NuggetData,
    start: MixtureFit,
    *,
    prior: Prior | None = None,
    positivity: Positivity | None = None,
    fixed_nugget_um2: float | None = None,
    iterations: int = 300,
    tolerance: float = 1e-3,
    monitor: Monitor | None = None,
    on_step: Watcher | None = None,
) -> MixtureFit:
    """Climb from `start` until a step promises less than `tolerance` of log-likelihood.

    Parameters
    ----------
    data
        Of `nugget_data`.
    start
        Where to begin: the fit in coefficient space is close already.
    prior, positivity, fixed_nugget_um2
        As in `MixtureObjective`.
    iterations, tolerance
        At most so many steps. It has converged when the gain that the local quadratic model promises, half the gradient
        times the step, falls below `tolerance` (in units of log-likelihood), twice in a row.
    on_step
        Called after each step.

    Raises
    ------
    ComputationError
        If a component loses its particles.
    """
    monitor = monitor or Monitor()
    objective = MixtureObjective(
        data, len(start.shares), prior=prior, positivity=positivity, fixed_nugget_um2=fixed_nugget_um2, monitor=monitor
    )
    x = objective.bounded(objective.pack(start))
    point = objective.at(x)
    pairs: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    history, idle = [point.value], 0
    for step in range(1, iterations + 1):
        fit = objective.fit_of(x, point, history, False)
        if on_step is not None:
            on_step(fit)
        if monitor.finish_requested:
            return fit.sorted()
        monitor.report(min(0.99, step / 60), f"exact EM, step {step}, log-likelihood {point.log_likelihood:.1f}")
        direction = _two_loops(point, pairs)
        idle = idle + 1 if 0.5 * float(point.gradient @ direction) < tolerance else 0
        if idle >= 2:
            return objective.fit_of(x, point, history, True).sorted()
        found = _search(objective, x, point, direction)
        if found is None and pairs:
            pairs = []
            found = _search(objective, x, point, _two_loops(point, pairs))
        if found is None:
            return objective.fit_of(x, point, history, idle > 0).sorted()
        new_x, new_point = found
        s, y = new_x - x, point.gradient - new_point.gradient
        if float(s @ y) > 1e-10 * float(np.linalg.norm(s) * np.linalg.norm(y)):
            pairs = [*pairs[1 - _MEMORY :], (s, y)]
        x, point = new_x, new_point
        history.append(point.value)
    return objective.fit_of(x, point, history, False).sorted()


def _two_loops(point: Point, pairs: list[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> NDArray[np.float64]:
    """Quasi-Newton direction (Nocedal and Wright, algorithm 7.4) whose first metric is the complete data's information."""
    q = point.gradient.copy()
    factors = []
    for s, y in reversed(pairs):
        rho = 1 / float(s @ y)
        alpha = rho * float(s @ q)
        q = q - alpha * y
        factors.append((rho, alpha))
    # Far from the maximum, and where a variance vanishes below the noise, the information says little about the curvature;
    # the gradient's size stands in for it there, and is gone at the maximum.
    metric = point.information + np.diag(np.abs(point.gradient) + 1e-9 * np.diag(point.information).max())
    scale = 1 / np.sqrt(np.diag(metric))
    q = scale * np.linalg.solve(metric * scale[:, None] * scale, scale * q)
    for (s, y), (rho, alpha) in zip(pairs, reversed(factors)):
        q = q + (alpha - rho * float(y @ q)) * s
    return q


def _search(
    objective: MixtureObjective, x: NDArray[np.float64], point: Point, direction: NDArray[np.float64]
) -> tuple[NDArray[np.float64], Point] | None:
    """The first point along the direction that gains enough (Armijo), or None."""
    slope = float(point.gradient @ direction)
    if not slope > 0:
        return None
    logs = np.concatenate([direction[objective.logits], direction[objective.spectra], direction[objective.nugget :]])
    means = np.abs(direction[objective.means]) / np.abs(x[objective.means])
    length = min(1.0, _LONGEST / max(float(np.abs(logs).max()), 1e-300), 0.3 / max(float(means.max()), 1e-300))
    for _ in range(_TRIES):
        there = objective.bounded(x + length * direction)
        found = objective.at(there)
        gain = found.value - point.value
        if np.isfinite(gain) and gain >= 1e-4 * length * slope:
            return there, found
        curvature = (length * slope - gain) / length**2 if np.isfinite(gain) else np.inf
        best = 0.5 * slope / curvature if curvature > 0 else 0.0
        length = min(max(best, 0.1 * length), 0.5 * length)
    return None
