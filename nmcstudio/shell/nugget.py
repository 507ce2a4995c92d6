"""Likelihood of radii with a measurement error on any directions, r = Y c + e (models.md 4.2 (i) and 4.4).

Everything is done with (L + 1)^2-dimensional algebra, block by block of Y'Y, and the basis may have any rank.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.shell.em import normalise_rows
from nmcstudio.shell.gram import Gram, gram_of
from nmcstudio.shell.harmonics import Y00, degree_of_index, harmonics


@dataclass(frozen=True)
class NuggetData:
    """What the likelihood needs of the radii.

    Attributes
    ----------
    gram
        Y'Y with its blocks.
    projections
        Y'r of each particle, float64 ``(q, n)`` with ``q = (L + 1)^2``: one row a coefficient, so that blocks lie together.
    squares
        |r|^2, float64 ``(n,)``.
    directions
        m, number of directions.
    weights
        float64 ``(n,)``.
    """

    gram: Gram
    projections: NDArray[np.float64]
    squares: NDArray[np.float64]
    directions: int
    weights: NDArray[np.float64]

    @property
    def degree(self) -> int:
        return round(np.sqrt(len(self.gram.matrix))) - 1


def nugget_data(
    radii_um: NDArray[np.float64], directions: NDArray[np.float64], degree: int, weights: NDArray[np.float64]
) -> NuggetData:
    """Sufficient statistics of radii ``(n, m)`` for harmonics up to `degree`."""
    projections = np.ascontiguousarray(harmonics(directions, degree).T @ radii_um.T)
    return NuggetData(gram_of(directions, degree), projections, (radii_um**2).sum(axis=1), len(directions), weights)


@dataclass(frozen=True)
class Posterior:
    """One component's view of all particles.

    Attributes
    ----------
    log_density
        log f_k(r_i), float64 ``(n,)``.
    mean
        Posterior mean of the coefficients minus their expectation, float64 ``(q, n)``.
    variances
        Posterior variance of each coefficient, float64 ``(q,)``.
    spread
        Trace of Y'Y times the posterior covariance: what the uncertain coefficients add to the squared residual.
    residual
        |r - Y (e + mean)|^2, float64 ``(n,)``.
    score
        Y' Sigma^-1 (r - Y e), float64 ``(q, n)``.
    precision_diagonal
        Diagonal of Y' Sigma^-1 Y, float64 ``(q,)``.
    precision_trace
        Trace of Sigma^-1.
    """

    log_density: NDArray[np.float64]
    mean: NDArray[np.float64]
    variances: NDArray[np.float64]
    spread: float
    residual: NDArray[np.float64]
    score: NDArray[np.float64]
    precision_diagonal: NDArray[np.float64]
    precision_trace: float


def posterior(data: NuggetData, mean_um: float, spectrum_um2: NDArray[np.float64], nugget_um2: float) -> Posterior:
    """Density and posterior of one component."""
    gram, m = data.gram.matrix, data.directions
    root = np.sqrt(spectrum_um2[degree_of_index(data.degree)])
    c00 = mean_um / Y00
    squares = data.squares - 2 * c00 * data.projections[0] + c00**2 * gram[0, 0]
    mean, score = np.empty_like(data.projections), np.empty_like(data.projections)
    variances, covered = np.empty(len(gram)), np.empty(len(gram))
    explained, fitted_square = np.zeros_like(squares), np.zeros_like(squares)
    log_determinant, spread = m * float(np.log(nugget_um2)), 0.0
    for block in data.gram.blocks:
        part, scale = gram[np.ix_(block, block)], root[block]
        deviation = data.projections[block] - c00 * gram[block, 0, None]
        system = np.eye(len(block)) + scale[:, None] * part * scale / nugget_um2
        lower = np.linalg.cholesky(system)
        log_determinant += 2 * float(np.log(np.diag(lower)).sum())
        covariance = scale[:, None] * np.linalg.inv(system) * scale
        found = covariance @ deviation / nugget_um2
        fitted = part @ found
        mean[block] = found
        score[block] = (deviation - fitted) / nugget_um2
        explained += np.einsum("ij,ij->j", deviation, found)
        fitted_square += np.einsum("ij,ij->j", found, fitted)
        variances[block] = np.diag(covariance)
        product = part @ covariance
        spread += float(np.trace(product))
        covered[block] = np.einsum("ij,ji->i", product, part)
    quadratic = (squares - explained) / nugget_um2
    return Posterior(
        log_density=-0.5 * (m * np.log(2 * np.pi) + log_determinant + quadratic),
        mean=mean,
        variances=variances,
        spread=spread,
        residual=np.maximum(squares - 2 * explained + fitted_square, 0),
        score=score,
        precision_diagonal=(np.diag(gram) - covered / nugget_um2) / nugget_um2,
        precision_trace=(m - spread / nugget_um2) / nugget_um2,
    )


def mixture_posteriors(
    data: NuggetData,
    shares: NDArray[np.float64],
    means_um: NDArray[np.float64],
    spectra_um2: NDArray[np.float64],
    nugget_um2: float,
    monitor: Monitor | None = None,
) -> tuple[float, NDArray[np.float64], list[Posterior]]:
    """Weighted log-likelihood of the mixture, responsibilities ``(n, K)`` and the components' posteriors."""
    parts = []
    for mean_um, spectrum in zip(means_um, spectra_um2):
        if monitor is not None:
            monitor.check()
        parts.append(posterior(data, float(mean_um), spectrum, nugget_um2))
    logs = np.stack([part.log_density for part in parts], axis=1) + np.log(np.maximum(shares, 1e-300))
    responsibilities, totals = normalise_rows(logs)
    return float(data.weights @ totals), responsibilities, parts
