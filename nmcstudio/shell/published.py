"""The published route to the mixture, as an option ([A] Eqs 16 to 20; models.md 4.5).

A mixture of Gaussian vectors with a factor covariance, because an unrestricted one is singular (erratum E4); mean values and
angular power spectra of its components by non-negative least squares; then Adam on the likelihood with measurement error,
because without one it does not exist (erratum E3).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import ComputationError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.shells import RadiusFunctions
from nmcstudio.shell.coefficients import ShellCoefficients
from nmcstudio.shell.em import FEWEST, MixtureFit, normalise_rows, prior_variance
from nmcstudio.shell.nugget import NuggetData
from nmcstudio.shell.objective import MixtureObjective, Watcher

_FACTORS = 40


def vector_mixture_responsibilities(
    radii_um: NDArray[np.float64],
    components: int,
    weights: NDArray[np.float64],
    *,
    iterations: int = 60,
    monitor: Monitor | None = None,
) -> NDArray[np.float64]:
    """EM for a mixture of Gaussian vectors of radii ``(n, m)``: responsibilities ``(n, K)``.

    The covariance of a component is free on at most 40 principal axes of all data and a multiple of the identity beside them;
    the same multiple is added on the axes, so that few particles cannot make it singular.
    """
    monitor = monitor or Monitor()
    n, m = radii_um.shape
    centred = radii_um - np.average(radii_um, axis=0, weights=weights)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    factors = int(min(_FACTORS, max(1, n // (3 * components)), m))
    scores = centred @ axes[:factors].T
    # Also where all particles are alike to the last digit, and nothing is left to spread.
    smallest = (1e-6 * float(np.abs(radii_um).mean())) ** 2
    ridge = max(float((singular[factors:] ** 2).sum()) / (n * max(m - factors, 1)), 1e-6 * float(singular[0] ** 2) / n, smallest)
    rank = np.argsort(np.argsort(radii_um.mean(axis=1)))
    shares = 0.9 * np.eye(components)[np.minimum(rank * components // n, components - 1)] + 0.1 / components
    before = -np.inf
    for _ in range(iterations):
        monitor.check()
        weighted = shares * weights[:, None]
        sizes = weighted.sum(axis=0)
        if np.any(sizes < FEWEST):
            raise ComputationError(
                f"a component lives on fewer than {FEWEST:.0f} particles", "use fewer components, or more particles", "components"
            )
        logs = np.empty((n, components))
        for k in range(components):
            centre = weighted[:, k] @ scores / sizes[k]
            deviation = scores - centre
            covariance = (weighted[:, k, None] * deviation).T @ deviation / sizes[k] + ridge * np.eye(factors)
            lower = np.linalg.cholesky(covariance)
            white = np.linalg.solve(lower, deviation.T)
            logs[:, k] = np.log(sizes[k] / sizes.sum()) - np.log(np.diag(lower)).sum() - 0.5 * (white**2).sum(axis=0)
        shares, totals = normalise_rows(logs)
        now = float(weights @ totals)
        if now - before < 1e-7 * abs(now):
            break
        before = now
    return shares


def spectra_by_least_squares(
    radii_um: NDArray[np.float64],
    directions: NDArray[np.float64],
    degree: int,
    responsibilities: NDArray[np.float64],
    monitor: Monitor | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean radii ``(K,)`` and spectra ``(K, L + 1)`` whose covariance function is closest to that of the weighted data.

    Sigma_ij against ``(2 l + 1) / (4 pi) P_l(u_i . u_j)`` over i <= j, with non-negative coefficients ([A] Eqs 19 and 20).
    """
    from scipy.optimize import nnls

    monitor = monitor or Monitor()
    sizes = responsibilities.sum(axis=0)
    centres = responsibilities.T @ radii_um / sizes[:, None]
    roots = [np.sqrt(responsibilities[:, k, None] / sizes[k]) * (radii_um - centres[k]) for k in range(len(sizes))]
    normal, moments = np.zeros((degree + 1, degree + 1)), np.zeros((len(sizes), degree + 1))
    m = len(directions)
    rows = max(1, 400_000 // m)
    for start in range(0, m, rows):
        monitor.check()
        block = slice(start, min(start + rows, m))
        upper = np.arange(m)[None, :] >= np.arange(m)[block, None]
        columns = _covariance_functions((directions[block] @ directions.T)[upper], degree)
        normal += columns @ columns.T
        for k, root in enumerate(roots):
            moments[k] += columns @ (root[:, block].T @ root)[upper]
    lower = np.linalg.cholesky(normal)
    spectra = np.stack([nnls(lower.T, np.linalg.solve(lower, moments[k]))[0] for k in range(len(sizes))])
    return centres.mean(axis=1), spectra


def _covariance_functions(cosines: NDArray[np.float64], degree: int) -> NDArray[np.float64]:
    """(2 l + 1) / (4 pi) P_l at cosines ``(q,)``: ``(degree + 1, q)``, by the three-term recursion."""
    values = np.empty((degree + 1, len(cosines)))
    values[0] = 1
    if degree:
        values[1] = cosines
    for l in range(2, degree + 1):  # noqa: E741
        values[l] = ((2 * l - 1) * cosines * values[l - 1] - (l - 1) * values[l - 2]) / l
    return values * ((2 * np.arange(degree + 1) + 1) / (4 * np.pi))[:, None]


def published_start(
    radii: RadiusFunctions, components: int, weights: NDArray[np.float64], coefficients: ShellCoefficients, monitor: Monitor
) -> MixtureFit:
    """Where [A] begins: a mixture of Gaussian vectors, and spectra by least squares."""
    monitor.report(0.0, "mixture of Gaussian vectors")
    # A few hundred directions, spread evenly, carry the covariance; pairs of thousands would only take time.
    some = slice(None, None, -(-len(radii.directions) // 600))
    values, directions = np.ascontiguousarray(radii.radii_um[:, some]), radii.directions[some]
    shares = vector_mixture_responsibilities(values, components, weights, monitor=monitor)
    monitor.report(0.0, "spectra by non-negative least squares")
    weighted = shares * weights[:, None]
    means, spectra = spectra_by_least_squares(values, directions, coefficients.degree, weighted, monitor)
    # Least squares sets small variances to zero, from where a climb in their logarithms would not return.
    spectra[:, 1:] = np.maximum(spectra[:, 1:], 0.1 * prior_variance(coefficients, 1, weights)[1:])
    sizes = weighted.sum(axis=0) / weighted.sum()
    return MixtureFit(sizes, means, spectra, float("nan"), shares, coefficients.nugget_um2, (), False)


def fit_by_adam(
    data: NuggetData,
    start: MixtureFit,
    *,
    fixed_nugget_um2: float | None = None,
    iterations: int = 500,
    rate: float = 0.05,
    tolerance: float = 1e-6,
    monitor: Monitor | None = None,
    on_step: Watcher | None = None,
) -> MixtureFit:
    """Climb the log-likelihood with Adam ([A], reference 51), with all particles in every step.

    Parameters
    ----------
    start
        Where to begin.
    fixed_nugget_um2
        As in `MixtureObjective`.
    iterations, rate
        Steps, and their size in the logarithms of spectra, nugget and shares; means move by rate times 5 % of their value.
    tolerance
        It has converged when 20 steps together add less than this share of the log-likelihood.
    """
    monitor = monitor or Monitor()
    objective = MixtureObjective(data, len(start.shares), fixed_nugget_um2=fixed_nugget_um2, monitor=monitor)
    x = objective.bounded(objective.pack(start))
    scale = np.ones(objective.size)
    scale[objective.means] = 0.05 * start.means_um
    first, second = np.zeros_like(x), np.zeros_like(x)
    best: MixtureFit | None = None
    history: list[float] = []
    for step in range(1, iterations + 1):
        point = objective.at(x)
        history.append(point.log_likelihood)
        if best is None or point.log_likelihood > best.log_likelihood:
            best = objective.fit_of(x, point, history, False)
            if on_step is not None:
                on_step(best)
        converged = len(history) > 40 and max(history[-20:]) - max(history[:-20]) < tolerance * abs(history[-1])
        if converged or monitor.finish_requested:
            break
        monitor.report(min(0.99, step / iterations), f"Adam, step {step}, log-likelihood {point.log_likelihood:.1f}")
        slope = point.gradient * scale
        first = 0.9 * first + 0.1 * slope
        second = 0.999 * second + 0.001 * slope**2
        direction = (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-12)
        x = objective.bounded(x + rate * scale * direction)
    assert best is not None
    return replace(best, history=tuple(history), converged=converged).sorted()
