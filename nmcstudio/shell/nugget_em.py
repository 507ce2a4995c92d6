"""Exact EM for the mixture with a measurement error on any directions (models.md 4.4)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nmcstudio.core.errors import ComputationError
from nmcstudio.core.monitor import Monitor
from nmcstudio.shell.em import FEWEST, MixtureFit
from nmcstudio.shell.harmonics import Y00, degree_of_index
from nmcstudio.shell.nugget import NuggetData, mixture_posteriors


def fit_nugget_em(
    data: NuggetData,
    start: MixtureFit,
    *,
    iterations: int = 1000,
    tolerance: float = 1e-7,
    monitor: Monitor | None = None,
    on_step: Callable[[MixtureFit], None] | None = None,
) -> MixtureFit:
    """Improve a mixture, the spectra and the nugget until a step adds less than `tolerance` of the log-likelihood.

    Parameters
    ----------
    data
        Of `nugget_data`.
    start
        Where to begin: the fit in coefficient space is close already.
    on_step
        Called after each step.

    Raises
    ------
    ComputationError
        If a component loses its particles.
    """
    monitor = monitor or Monitor()
    means, spectra, nugget = start.means_um.copy(), np.maximum(start.spectra_um2, 0), max(start.nugget_um2, 1e-12)
    # A variance of exactly zero would stay zero: EM multiplies.
    spectra = np.maximum(spectra, 1e-6 * spectra.max(axis=1, keepdims=True))
    shares = start.shares.copy()
    groups = degree_of_index(data.degree)
    counts = np.bincount(groups)
    history: list[float] = []
    for step in range(iterations):
        log_likelihood, responsibilities, parts = mixture_posteriors(data, shares, means, spectra, nugget, monitor)
        history.append(log_likelihood)
        converged = step > 0 and history[-1] - history[-2] < tolerance * abs(history[-1])
        fit = MixtureFit(shares, means, spectra, log_likelihood, responsibilities, nugget, tuple(history), converged)
        if on_step is not None:
            on_step(fit)
        if converged or monitor.finish_requested:
            return fit.sorted()
        monitor.report(min(0.99, step / iterations), f"exact EM, step {step + 1}, log-likelihood {log_likelihood:.1f}")

        weighted = responsibilities * data.weights[:, None]
        sizes = weighted.sum(axis=0)
        if np.any(sizes < FEWEST):
            raise ComputationError(
                f"a component lives on fewer than {FEWEST:.0f} particles", "use fewer components, or more particles", "components"
            )
        shares = sizes / sizes.sum()
        means, spectra = means.copy(), spectra.copy()
        error = 0.0
        for k, part in enumerate(parts):
            gamma = weighted[:, k]
            shift = part.mean[0] @ gamma / sizes[k]
            squares = part.mean**2 @ gamma / sizes[k] + part.variances
            squares[0] = (part.mean[0] - shift) ** 2 @ gamma / sizes[k] + part.variances[0]
            means[k] += shift * Y00
            spectra[k] = np.maximum(np.bincount(groups, squares) / counts, 1e-14)
            error += gamma @ part.residual + sizes[k] * part.spread
        nugget = error / (sizes.sum() * data.directions)
    return fit.sorted()
