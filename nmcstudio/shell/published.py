"""The published route to the mixture, as an option ([A] Eqs 16 to 20; models.md 4.5).

A mixture of Gaussian vectors with a factor covariance, because an unrestricted one is singular (erratum E4); mean values and
angular power spectra of its components by non-negative least squares; then Adam on the likelihood with measurement error,
because without one it does not exist (erratum E3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import ComputationError
from nmcstudio.core.monitor import Monitor
from nmcstudio.shell.em import FEWEST, MixtureFit, normalise_rows
from nmcstudio.shell.harmonics import Y00, degree_of_index
from nmcstudio.shell.nugget import NuggetData, mixture_posteriors

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
    ridge = max(float((singular[factors:] ** 2).sum()) / (n * max(m - factors, 1)), 1e-6 * float(singular[0] ** 2) / n)
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


def log_likelihood_gradient(
    data: NuggetData,
    shares: NDArray[np.float64],
    means_um: NDArray[np.float64],
    spectra_um2: NDArray[np.float64],
    nugget_um2: float,
    monitor: Monitor | None = None,
) -> tuple[float, NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    """Log-likelihood, responsibilities and derivatives by the logits of the shares, the means, log a_kl and log tau^2.

    By Fisher's identity the gradient of a mixture is that of its components, weighted by the responsibilities.
    """
    value, responsibilities, parts = mixture_posteriors(data, shares, means_um, spectra_um2, nugget_um2, monitor)
    weighted = responsibilities * data.weights[:, None]
    groups = degree_of_index(data.degree)
    means, spectra, nugget = np.empty_like(means_um), np.empty_like(spectra_um2), 0.0
    for k, part in enumerate(parts):
        gamma, size = weighted[:, k], weighted[:, k].sum()
        means[k] = part.score[0] @ gamma / Y00
        slope = np.bincount(groups, part.score**2 @ gamma - size * part.precision_diagonal)
        spectra[k] = 0.5 * slope * spectra_um2[k]
        nugget += 0.5 * nugget_um2 * (gamma @ part.residual / nugget_um2**2 - size * part.precision_trace)
    logits = weighted.sum(axis=0) - data.weights.sum() * shares
    return value, responsibilities, {"logits": logits, "means": means, "spectra": spectra, "nugget": np.array([nugget])}


def fit_by_adam(
    data: NuggetData,
    start: MixtureFit,
    *,
    iterations: int = 500,
    rate: float = 0.05,
    tolerance: float = 1e-6,
    monitor: Monitor | None = None,
    on_step: Callable[[MixtureFit], None] | None = None,
) -> MixtureFit:
    """Climb the log-likelihood with Adam ([A], reference 51), with all particles in every step.

    Parameters
    ----------
    start
        Where to begin.
    iterations, rate
        Steps, and their size in the logarithms of spectra, nugget and shares; means move by rate times 5 % of their value.
    tolerance
        It has converged when 20 steps together add less than this share of the log-likelihood.
    """
    monitor = monitor or Monitor()
    scale = 0.05 * start.means_um
    floor = 1e-6 * np.maximum(start.spectra_um2.max(axis=1, keepdims=True), 1e-12)
    at = {
        "logits": np.log(start.shares),
        "means": start.means_um / scale,
        "spectra": np.log(np.maximum(start.spectra_um2, floor)),
        "nugget": np.array([np.log(max(start.nugget_um2, 1e-12))]),
    }
    first = {name: np.zeros_like(value) for name, value in at.items()}
    second = {name: np.zeros_like(value) for name, value in at.items()}
    best: MixtureFit | None = None
    history: list[float] = []
    for step in range(1, iterations + 1):
        shares = np.exp(at["logits"] - at["logits"].max())
        shares /= shares.sum()
        means, spectra, nugget = at["means"] * scale, np.exp(at["spectra"]), float(np.exp(at["nugget"][0]))
        value, responsibilities, slope = log_likelihood_gradient(data, shares, means, spectra, nugget, monitor)
        slope["means"] = slope["means"] * scale
        history.append(value)
        if best is None or value > best.log_likelihood:
            best = MixtureFit(shares, means, spectra, value, responsibilities, nugget, tuple(history), False)
            if on_step is not None:
                on_step(best)
        converged = len(history) > 40 and max(history[-20:]) - max(history[:-20]) < tolerance * abs(value)
        if converged or monitor.finish_requested:
            break
        monitor.report(min(0.99, step / iterations), f"Adam, step {step}, log-likelihood {value:.1f}")
        for name in at:
            first[name] = 0.9 * first[name] + 0.1 * slope[name]
            second[name] = 0.999 * second[name] + 0.001 * slope[name] ** 2
            direction = (first[name] / (1 - 0.9**step)) / (np.sqrt(second[name] / (1 - 0.999**step)) + 1e-12)
            at[name] = at[name] + rate * direction
    assert best is not None
    return replace(best, history=tuple(history), converged=converged).sorted()
