"""How many components, and up to which degree: BIC and held-out likelihood on coefficients (models.md 4.7)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import ComputationError
from nmcstudio.core.monitor import Monitor
from nmcstudio.shell.coefficients import ShellCoefficients
from nmcstudio.shell.em import MixtureFit, component_log_densities, fit_coefficient_em, normalise_rows


def parameter_count(components: int, degree: int) -> int:
    """Free parameters of a mixture: K mean radii, K (L + 1) variances, K - 1 shares."""
    return components * (degree + 2) + components - 1


def bic(log_likelihood: float, components: int, degree: int, particles: int) -> float:
    """Bayesian information criterion; smaller is better."""
    return -2 * log_likelihood + parameter_count(components, degree) * float(np.log(particles))


def mixture_log_likelihood(
    coefficients: ShellCoefficients, fit: MixtureFit, weights: NDArray[np.float64], degree: int | None = None
) -> float:
    """Log-likelihood of coefficients; those above `degree` count as noise alone, so that degrees can be compared."""
    variances = fit.spectra_um2 + coefficients.noise_um2
    if degree is not None:
        variances[:, degree + 1 :] = coefficients.noise_um2[degree + 1 :]
    logs = component_log_densities(
        coefficients.mean_part, coefficients.power, coefficients.dimensions, fit.means_um, np.maximum(variances, 1e-14)
    )
    return float(weights @ normalise_rows(logs + np.log(fit.shares))[1])


def select_components(
    coefficients: ShellCoefficients,
    rng: np.random.Generator,
    *,
    most: int = 8,
    weights: NDArray[np.float64] | None = None,
    starts: int = 8,
    prior_strength: float = 1.0,
    monitor: Monitor | None = None,
    on_step: Callable[[MixtureFit], None] | None = None,
) -> tuple[MixtureFit, dict[int, float]]:
    """The mixture of smallest BIC among 1 to `most` components, and the BIC of each.

    Ends early when BIC has risen twice in a row, when there are too few particles, or when asked to finish.
    """
    monitor = monitor or Monitor()
    n = len(coefficients.values)
    omega = np.ones(n) if weights is None else weights
    table: dict[int, float] = {}
    fits: dict[int, MixtureFit] = {}
    for components in range(1, most + 1):
        part = monitor.sub((components - 1) / most, components / most)
        try:
            fit = fit_coefficient_em(
                coefficients, components, rng, weights=omega, starts=starts, prior_strength=prior_strength, monitor=part,
                on_step=on_step,
            )  # fmt: skip
        except ComputationError:
            if not fits:
                raise
            break
        fits[components] = fit
        table[components] = bic(fit.log_likelihood, components, coefficients.degree, n)
        values = list(table.values())
        if monitor.finish_requested or (len(values) > 2 and values[-1] > values[-2] > values[-3]):
            break
    chosen = min(table, key=lambda k: table[k])
    return fits[chosen], table


def select_degree(
    coefficients: ShellCoefficients,
    components: int,
    rng: np.random.Generator,
    *,
    lowest: int = 2,
    weights: NDArray[np.float64] | None = None,
    monitor: Monitor | None = None,
) -> tuple[int, dict[int, float]]:
    """The degree L of smallest BIC, and the BIC of each; the coefficients up to their highest degree stay the data for all."""
    n = len(coefficients.values)
    omega = np.ones(n) if weights is None else weights
    fit = fit_coefficient_em(coefficients, components, rng, weights=omega, monitor=monitor)
    table = {
        degree: bic(mixture_log_likelihood(coefficients, fit, omega, degree), components, degree, n)
        for degree in range(min(lowest, coefficients.degree), coefficients.degree + 1)
    }
    return min(table, key=lambda degree: table[degree]), table


def held_out_log_likelihood(
    coefficients: ShellCoefficients,
    components: int,
    rng: np.random.Generator,
    *,
    folds: int = 5,
    starts: int = 4,
    monitor: Monitor | None = None,
) -> float:
    """Log-likelihood per particle of particles that the fit has not seen, mean over the folds."""
    monitor = monitor or Monitor()
    n = len(coefficients.values)
    fold = rng.permutation(n) % folds
    total = 0.0
    for number in range(folds):
        seen, held = _part(coefficients, fold != number), _part(coefficients, fold == number)
        fit = fit_coefficient_em(seen, components, rng, starts=starts, monitor=monitor.sub(number / folds, (number + 1) / folds))
        total += mixture_log_likelihood(held, fit, np.ones(len(held.values)))
    return total / n


def _part(coefficients: ShellCoefficients, rows: NDArray[np.bool_]) -> ShellCoefficients:
    return ShellCoefficients(
        coefficients.values[rows],
        coefficients.noise_um2,
        coefficients.dimensions,
        coefficients.nugget_um2,
        coefficients.rank,
    )
