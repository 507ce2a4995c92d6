"""How many components, and up to which degree: BIC and held-out likelihood (models.md 4.7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from nmcstudio.core.errors import ComputationError
from nmcstudio.core.monitor import Monitor
from nmcstudio.shell.em import MixtureFit
from nmcstudio.shell.objective import Watcher
from nmcstudio.shell.routes import CoefficientRoute

Criterion = Literal["bic", "held-out"]
_FOLDS = 5
_FOLD_STARTS = 4
#: The search for K ends when so many further components in a row have not improved on the best.
PATIENCE = 2
#: Particles for each component that "auto" may take at most, and the largest K at all.
_PARTICLES_EACH, _MOST = 10, 20


@dataclass
class Curves:
    """BIC (smaller is better) and held-out log-likelihood of one particle (larger is better) against K or against L."""

    bic: dict[int, float] = field(default_factory=dict)
    held_out: dict[int, float] = field(default_factory=dict)

    def best(self, criterion: Criterion) -> int:
        """The K or L that a criterion prefers."""
        if criterion == "held-out" and self.held_out:
            return max(self.held_out, key=lambda k: self.held_out[k])
        return min(self.bic, key=lambda k: self.bic[k])


def parameter_count(components: int, degree: int) -> int:
    """Free parameters of a mixture: K mean radii, K (L + 1) variances, K - 1 shares."""
    return components * (degree + 2) + components - 1


def bic(log_likelihood: float, components: int, degree: int, particles: int) -> float:
    """Bayesian information criterion; smaller is better."""
    return -2 * log_likelihood + parameter_count(components, degree) * float(np.log(particles))


def most_components(particles: int) -> int:
    """The largest K that "auto" tries: ten particles for each component, and never above 20."""
    return int(min(_MOST, max(1, particles // _PARTICLES_EACH)))


class CrossValidation:
    """Five folds that all K and L share, so that their difference is not one of the folds.

    Parameters
    ----------
    route
        How fits are made.
    rng
        For the folds.
    """

    def __init__(self, route: CoefficientRoute, rng: np.random.Generator) -> None:
        self._route = route
        self._fold = rng.permutation(route.count) % _FOLDS

    def held_out(self, components: int, degrees: list[int], rng: np.random.Generator, monitor: Monitor) -> dict[int, float]:
        """Weighted mean log-likelihood of a particle that its fit has not seen, for each degree.

        Empty if a fold cannot be fitted, or if asked to finish.
        """
        sums = dict.fromkeys(degrees, 0.0)
        for number in range(_FOLDS):
            held = self._fold == number
            part = monitor.sub(number / _FOLDS, (number + 1) / _FOLDS)
            try:
                fit = self._route.rows(~held, _FOLD_STARTS).fit(components, rng, part)
            except ComputationError:
                return {}
            if monitor.finish_requested:
                return {}
            rest = self._route.rows(held, 1)
            for degree in degrees:
                sums[degree] += float(rest.weights @ rest.log_likelihoods(fit, degree))
        return {degree: value / float(self._route.weights.sum()) for degree, value in sums.items()}


def select_components(
    route: CoefficientRoute,
    rng: np.random.Generator,
    *,
    most: int | None = None,
    criterion: Criterion = "bic",
    validation: CrossValidation | None = None,
    monitor: Monitor | None = None,
    on_step: Watcher | None = None,
    on_curves: Callable[[Curves], None] | None = None,
) -> tuple[MixtureFit, Curves]:
    """The mixture that a criterion prefers among K = 1, 2, …, with the curves.

    Ends when two further components in a row have not improved on the best, at `most` (`most_components` where None), when
    there are too few particles, or when asked to finish.
    """
    monitor = monitor or Monitor()
    limit = most or most_components(route.count)
    degree = route.coefficients.degree
    curves = Curves()
    fits: dict[int, MixtureFit] = {}
    for components in range(1, limit + 1):
        part = monitor.sub((components - 1) / limit, components / limit)
        try:
            fit = route.fit(components, rng, part.sub(0.0, 0.3), on_step)
        except ComputationError:
            if not fits:
                raise
            break
        fits[components] = fit
        value = float(route.weights @ route.log_likelihoods(fit, degree))
        curves.bic[components] = bic(value, components, degree, route.count)
        if validation is not None and not monitor.finish_requested:
            found = validation.held_out(components, [degree], rng, part.sub(0.3, 1.0))
            curves.held_out |= {components: found[degree]} if found else {}
        if on_curves is not None:
            on_curves(curves)
        if monitor.finish_requested or components - curves.best(criterion) >= PATIENCE:
            break
    return fits[curves.best(criterion)], curves


def degree_curves(
    route: CoefficientRoute,
    fit: MixtureFit,
    rng: np.random.Generator,
    *,
    validation: CrossValidation | None = None,
    monitor: Monitor | None = None,
) -> Curves:
    """BIC and held-out log-likelihood of a mixture that is cut off at each degree from 1 on; the data stay the same for all."""
    monitor = monitor or Monitor()
    components, degrees = len(fit.shares), list(range(1, route.coefficients.degree + 1))
    curves = Curves()
    for degree in degrees:
        monitor.check()
        value = float(route.weights @ route.log_likelihoods(fit, degree))
        curves.bic[degree] = bic(value, components, degree, route.count)
    if validation is not None and not monitor.finish_requested:
        curves.held_out = validation.held_out(components, degrees, rng, monitor)
    return curves
