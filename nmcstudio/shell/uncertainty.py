"""Standard errors of a mixture: in closed form, from the information, and by a parametric bootstrap (models.md 4.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child
from nmcstudio.shell.em import MixtureFit
from nmcstudio.shell.harmonics import Y00
from nmcstudio.shell.objective import MixtureObjective


@dataclass(frozen=True)
class Errors:
    """Standard errors of shares ``(K,)``, mean radii ``(K,)``, um, and spectra ``(K, L + 1)``, um^2."""

    shares: NDArray[np.float64]
    means_um: NDArray[np.float64]
    spectra_um2: NDArray[np.float64]


def effective_sizes(fit: MixtureFit, weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Particles behind each component ``(K,)`` and behind all: (sum w)^2 / sum w^2, fewer where weights differ."""
    weighted = fit.responsibilities * weights[:, None]
    each = weighted.sum(axis=0) ** 2 / np.maximum((weighted * weights[:, None]).sum(axis=0), 1e-300)
    return each, float(weights.sum() ** 2 / (weights**2).sum())


def closed_form_errors(fit: MixtureFit, noise_um2: NDArray[np.float64], weights: NDArray[np.float64]) -> Errors:
    """Component by component, as if each particle's component were known; `noise_um2` ``(L + 1,)`` is N_l."""
    each, total = effective_sizes(fit, weights)
    variances = fit.spectra_um2 + noise_um2
    count = 2 * np.arange(fit.spectra_um2.shape[1]) + 1
    return Errors(
        np.sqrt(fit.shares * (1 - fit.shares) / total),
        np.sqrt(variances[:, 0] / each) * Y00,
        variances * np.sqrt(2 / (count * each[:, None])),
    )


def information_errors(fit: MixtureFit, objective: MixtureObjective, weights: NDArray[np.float64]) -> Errors:
    """The same from the information of the radii, on any directions; the nugget and rejected shells are part of it."""
    each, total = effective_sizes(fit, weights)
    at = objective.pack(fit)
    point = objective.at(at)
    information = point.information.copy()
    sizes = weights @ point.responsibilities
    for k, bend in enumerate(objective.curvature_of_normalisers(at)):
        first = objective.spectra.start + k * objective.degrees
        own = np.array([objective.means.start + k, *range(first, first + objective.degrees)])
        information[np.ix_(own, own)] += sizes[k] * bend
    scale = 1 / np.sqrt(np.maximum(np.diag(information), 1e-300))
    covariance = np.linalg.pinv(information * scale[:, None] * scale, rcond=1e-12, hermitian=True) * scale[:, None] * scale
    # The information counts the sum of the weights; what the particles know is worth their effective number.
    share = (fit.responsibilities * weights[:, None]).sum(axis=0) / np.maximum(each, 1e-300)
    deviations = np.sqrt(np.maximum(np.diag(covariance), 0))
    logs = deviations[objective.spectra].reshape(fit.spectra_um2.shape) * np.sqrt(share)[:, None]
    return Errors(
        np.sqrt(fit.shares * (1 - fit.shares) / total),
        deviations[objective.means] * np.sqrt(share),
        logs * np.exp(at[objective.spectra]).reshape(fit.spectra_um2.shape),
    )


@dataclass(frozen=True)
class Replicates:
    """Refits of simulated data, in the model's order: shares ``(B, K)``, mean radii ``(B, K)``, spectra ``(B, K, L + 1)``."""

    shares: NDArray[np.float64]
    means_um: NDArray[np.float64]
    spectra_um2: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.shares)


def bootstrap(
    count: int,
    refit: Callable[[np.random.Generator], tuple[MixtureFit, NDArray[np.int64]] | None],
    rng: np.random.Generator,
    *,
    monitor: Monitor | None = None,
    on_replicate: Callable[[Replicates], None] | None = None,
) -> Replicates | None:
    """Parametric bootstrap: simulate and fit again, `count` times; None if not even one refit succeeded.

    Replicate number i depends on the generator and i alone. Asked to finish, those done so far are kept.

    Parameters
    ----------
    refit
        Simulates a set of data and fits it: the mixture and the component of each simulated particle ``(n,)``, or None
        where the fit failed.
    on_replicate
        Called with all replicates so far after each.
    """
    monitor = monitor or Monitor()
    done: list[MixtureFit] = []
    replicates = None
    for number in range(count):
        monitor.report(number / count, f"bootstrap, {number} of {count} done")
        if monitor.finish_requested:
            break
        found = refit(child(rng, number))
        if found is None:
            continue
        done.append(_matched(*found))
        replicates = Replicates(
            np.stack([fit.shares for fit in done]),
            np.stack([fit.means_um for fit in done]),
            np.stack([fit.spectra_um2 for fit in done]),
        )
        if on_replicate is not None:
            on_replicate(replicates)
    return replicates


def _matched(fit: MixtureFit, truth: NDArray[np.int64]) -> MixtureFit:
    """Components in the order of the model that simulated the data: those with most particles in common belong together."""
    from scipy.optimize import linear_sum_assignment

    components = len(fit.shares)
    common = np.eye(components)[truth].T @ fit.responsibilities
    return fit.ordered(linear_sum_assignment(-common)[1])
