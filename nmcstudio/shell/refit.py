"""Parametric bootstrap of a fitted shell model: data like those it was fitted to, simulated from it and fitted again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import ComputationError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child
from nmcstudio.core.shells import ShellBootstrap, ShellModel
from nmcstudio.shell.em import MixtureFit, component_log_densities, fit_coefficient_em, normalise_rows
from nmcstudio.shell.harmonics import degree_of_index, evaluate
from nmcstudio.shell.live import LiveFit
from nmcstudio.shell.nugget import nugget_data
from nmcstudio.shell.nugget_em import fit_nugget_em
from nmcstudio.shell.routes import CoefficientRoute, ExactRoute
from nmcstudio.shell.sample import are_positive, draw_fields
from nmcstudio.shell.truncation import Positivity
from nmcstudio.shell.uncertainty import Replicates, bootstrap

_MOST_TRIES = 200


def bootstrap_of(
    model: ShellModel,
    route: CoefficientRoute,
    directions: NDArray[np.float64],
    positivity: Positivity | None,
    count: int,
    rng: np.random.Generator,
    *,
    monitor: Monitor,
    live: LiveFit,
) -> ShellBootstrap | None:
    """Refits of `count` simulated sets, each from the model's own parameters on; None if not one succeeded.

    Where the particles have unequal weights, a set has as many particles as they are worth, (sum w)^2 / sum w^2. The published
    route is refitted by the exact one: it climbs the same likelihood.
    """
    start = MixtureFit(
        np.array([c.probability for c in model.components]),
        np.array([c.mean_um for c in model.components]),
        np.stack([c.power_spectrum for c in model.components]),
        model.log_likelihood, np.zeros((0, len(model.components))), model.nugget_um**2, (), False,
    )  # fmt: skip
    particles = max(2, round(float(route.weights.sum() ** 2 / (route.weights**2).sum())))

    def refit(own: np.random.Generator) -> tuple[MixtureFit, NDArray[np.int64]] | None:
        fields, truth = _fields(model, particles, positivity is not None, own)
        try:
            if isinstance(route, ExactRoute):
                radii = evaluate(fields, directions) + model.nugget_um * own.standard_normal((particles, len(directions)))
                data = nugget_data(radii, directions, model.degree, np.ones(particles))
                prior = route.prior(len(model.components))
                return fit_nugget_em(data, start, prior=prior, positivity=positivity, monitor=_Quiet(monitor)), truth
            return _by_coefficients(route, start, fields, own, monitor), truth
        except ComputationError:
            return None

    def show(found: Replicates) -> None:
        live.replicates(found, count)

    found = bootstrap(count, refit, child(rng, 3), monitor=monitor, on_replicate=show)
    if found is None or len(found) < count:
        done = 0 if found is None else len(found)
        why = "as asked" if monitor.finish_requested else "the others lost a component"
        monitor.warn(f"the bootstrap has {done} of {count} refits ({why})")
    return None if found is None else ShellBootstrap(found.shares, found.means_um, found.spectra_um2, count)


class _Quiet(Monitor):
    """Passes on cancelling and finishing, but not the progress of one refit among hundreds."""

    def __init__(self, parent: Monitor) -> None:
        super().__init__()
        self._parent = parent

    def check(self) -> None:
        self._parent.check()


def _fields(
    model: ShellModel, count: int, positive: bool, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Coefficients and components of so many fields, of those with radii above zero where that is asked for."""
    fields, components = draw_fields(model, count, rng)
    for _ in range(_MOST_TRIES if positive else 0):
        bad = ~are_positive(fields)
        if not bad.any():
            break
        fields[bad], components[bad] = draw_fields(model, int(bad.sum()), rng)
    return fields, components


def _by_coefficients(
    route: CoefficientRoute, start: MixtureFit, fields: NDArray[np.float64], rng: np.random.Generator, monitor: Monitor
) -> MixtureFit:
    noise = np.sqrt(route.coefficients.noise_um2)[degree_of_index(route.coefficients.degree)]
    simulated = replace(route.coefficients, values=fields + noise * rng.standard_normal(fields.shape))
    variances = np.maximum(start.spectra_um2 + simulated.noise_um2, 1e-14)
    logs = component_log_densities(simulated.mean_part, simulated.power, simulated.dimensions, start.means_um, variances)
    begin = normalise_rows(logs + np.log(np.maximum(start.shares, 1e-300)))[0]
    return fit_coefficient_em(
        simulated, len(start.shares), rng, begin=begin, prior_strength=route.prior_strength, monitor=_Quiet(monitor)
    )  # fmt: skip
