"""Mixture of isotropic Gaussian random fields by EM on coefficients (models.md 4.3): closed form, O(n K L) a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import ComputationError
from nmcstudio.core.monitor import Monitor
from nmcstudio.shell.coefficients import ShellCoefficients
from nmcstudio.shell.harmonics import Y00

#: Fewest particles (sum of responsibilities) that a component may live on.
FEWEST = 5.0


@dataclass(frozen=True)
class MixtureFit:
    """Parameters of a fitted mixture.

    Attributes
    ----------
    shares
        float64 ``(K,)``, p_k.
    means_um
        float64 ``(K,)``, mu_k.
    spectra_um2
        float64 ``(K, L + 1)``, a_kl.
    log_likelihood
        Of the data that the method looks at.
    responsibilities
        float64 ``(n, K)``.
    nugget_um2
        tau^2.
    history
        What the method maximises, after each step.
    converged
        False if it ended early.
    """

    shares: NDArray[np.float64]
    means_um: NDArray[np.float64]
    spectra_um2: NDArray[np.float64]
    log_likelihood: float
    responsibilities: NDArray[np.float64]
    nugget_um2: float
    history: tuple[float, ...]
    converged: bool

    def sorted(self) -> MixtureFit:
        """The same with components in the order of their mean radius."""
        return self.ordered(np.argsort(self.means_um, kind="stable"))

    def ordered(self, order: NDArray[np.int64]) -> MixtureFit:
        """The same with components in a given order ``(K,)``."""
        return replace(
            self,
            shares=self.shares[order],
            means_um=self.means_um[order],
            spectra_um2=self.spectra_um2[order],
            responsibilities=self.responsibilities[:, order],
        )


@dataclass(frozen=True)
class _Data:
    mean_part: NDArray[np.float64]
    power: NDArray[np.float64]
    noise: NDArray[np.float64]
    dimensions: NDArray[np.float64]
    weights: NDArray[np.float64]
    prior_strength: float
    prior_variance: NDArray[np.float64]


def component_log_densities(
    mean_part: NDArray[np.float64],
    power: NDArray[np.float64],
    dimensions: NDArray[np.float64],
    means_um: NDArray[np.float64],
    variances: NDArray[np.float64],
) -> NDArray[np.float64]:
    """log f_k of each particle's coefficients: float64 ``(n, K)``.

    Parameters
    ----------
    mean_part
        c_00, float64 ``(n,)``.
    power
        S_l, float64 ``(n, L + 1)``.
    dimensions
        Number of coefficients of each degree, ``(L + 1,)``.
    means_um
        mu_k, ``(K,)``.
    variances
        v_kl = a_kl + N_l, ``(K, L + 1)``.
    """
    deviations = (mean_part[:, None] - means_um / Y00) ** 2 / variances[:, 0]
    constants = np.log(2 * np.pi * variances) @ dimensions
    return -0.5 * (constants + deviations + power[:, 1:] @ (1 / variances[:, 1:]).T)


def normalise_rows(log_values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows of exp(log_values) scaled to sum 1, and the logarithms of the sums."""
    top = log_values.max(axis=1, keepdims=True)
    values = np.exp(log_values - top)
    sums = values.sum(axis=1, keepdims=True)
    return values / sums, (top + np.log(sums))[:, 0]


def prior_variance(coefficients: ShellCoefficients, components: int, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """s0 of the inverse-gamma prior: the variances of one single component, float64 ``(L + 1,)``.

    Degree 0 is divided by K^2: the spread of all sizes, cut in K parts, is what a component can be expected to have.
    """
    total = weights.sum()
    c00 = coefficients.mean_part
    out = weights @ coefficients.power / total / np.maximum(coefficients.dimensions, 1e-12)
    centre = weights @ c00 / total
    out[0] = weights @ (c00 - centre) ** 2 / total / components**2
    return np.maximum(out, np.maximum(coefficients.noise_um2, 1e-12 * centre**2))


def starting_shares(
    coefficients: ShellCoefficients, components: int, starts: int, rng: np.random.Generator
) -> list[NDArray[np.float64]]:
    """Responsibilities ``(n, K)`` to start from: quantiles of size, quantiles of roughness, and both disturbed at random."""
    size = np.argsort(np.argsort(coefficients.mean_part))
    roughness = np.argsort(np.argsort(coefficients.power[:, 1:].sum(axis=1) / coefficients.mean_part**2))
    n = len(size)
    out = []
    for number in range(starts):
        rank = size if number % 3 != 1 else roughness
        sharp = np.eye(components)[np.minimum(rank * components // n, components - 1)]
        shares = 0.9 * sharp + 0.1 / components
        if number > 1:
            shares = 0.5 * shares + 0.5 * rng.dirichlet(np.full(components, 0.3), n)
        out.append(shares)
    return out


def fit_coefficient_em(
    coefficients: ShellCoefficients,
    components: int,
    rng: np.random.Generator,
    *,
    weights: NDArray[np.float64] | None = None,
    starts: int = 8,
    begin: NDArray[np.float64] | None = None,
    prior_strength: float = 1.0,
    iterations: int = 1000,
    tolerance: float = 1e-8,
    monitor: Monitor | None = None,
    on_step: Callable[[MixtureFit], None] | None = None,
) -> MixtureFit:
    """The best of several EM runs.

    Parameters
    ----------
    coefficients
        Of the particles.
    components
        K.
    rng
        For the disturbed starts.
    weights
        float64 ``(n,)``, edge weights of the particles, mean 1; None for 1.
    starts
        Number of runs from different responsibilities.
    begin
        Responsibilities ``(n, K)`` to start from in place of these.
    prior_strength
        nu_0 of the inverse-gamma prior on v_kl, which keeps a component from collapsing on one particle; 0 for none.
    iterations, tolerance
        Most steps of a run; it has converged when a step adds less than this share of the objective.
    on_step
        Called now and then with the state of the run.

    Raises
    ------
    ComputationError
        If in every run a component lost its particles.
    """
    monitor = monitor or Monitor()
    n = len(coefficients.values)
    omega = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    data = _Data(
        coefficients.mean_part, coefficients.power, coefficients.noise_um2, coefficients.dimensions, omega,
        prior_strength, prior_variance(coefficients, components, omega),
    )  # fmt: skip
    best: MixtureFit | None = None
    if begin is None:
        beginnings = starting_shares(coefficients, components, 1 if components == 1 else starts, rng)
    else:
        beginnings = [begin]
    for number, shares in enumerate(beginnings):
        of = len(beginnings)
        monitor.report(number / of, f"EM with {components} components, start {number + 1} of {of}")
        run = _run(data, shares, iterations, tolerance, coefficients.nugget_um2, monitor, on_step)
        if run is not None and (best is None or run.history[-1] > best.history[-1]):
            best = run
        if monitor.finish_requested and best is not None:
            break
    if best is None:
        raise ComputationError(
            f"no start kept {FEWEST:.0f} particles in each of {components} components",
            "use fewer components, or more particles",
            "components",
        )
    return best.sorted()


def _run(
    data: _Data,
    responsibilities: NDArray[np.float64],
    iterations: int,
    tolerance: float,
    nugget_um2: float,
    monitor: Monitor,
    on_step: Callable[[MixtureFit], None] | None,
) -> MixtureFit | None:
    """One run; None if a component loses its particles."""
    history: list[float] = []
    for step in range(iterations):
        weighted = responsibilities * data.weights[:, None]
        sizes = weighted.sum(axis=0)
        if np.any(sizes < FEWEST):
            return None
        shares = sizes / sizes.sum()
        centres = data.mean_part @ weighted / sizes
        squares = weighted.T @ data.power
        squares[:, 0] = (weighted * (data.mean_part[:, None] - centres) ** 2).sum(axis=0)
        strength = data.prior_strength
        extra = strength + 2 if strength > 0 else 0.0
        freedom = data.dimensions * sizes[:, None] + extra
        variances = np.maximum((squares + strength * data.prior_variance) / freedom, np.maximum(data.noise, 1e-14))
        densities = component_log_densities(data.mean_part, data.power, data.dimensions, centres * Y00, variances)
        responsibilities, logs = normalise_rows(densities + np.log(shares))
        log_likelihood = float(data.weights @ logs)
        prior = -0.5 * float((extra * np.log(variances) + strength * data.prior_variance / variances).sum())
        history.append(log_likelihood + prior)
        converged = step > 0 and history[-1] - history[-2] < tolerance * abs(history[-1])
        if converged or step % 25 == 24 or step == iterations - 1 or monitor.finish_requested:
            monitor.check()
            fit = MixtureFit(
                shares, centres * Y00, np.maximum(variances - data.noise, 0), log_likelihood, responsibilities,
                nugget_um2, tuple(history), converged,
            )  # fmt: skip
            if on_step is not None:
                on_step(fit)
            if converged or monitor.finish_requested:
                return fit
    return fit
