"""Shifted inverse gamma law of the additive weights ([A] Eq. 43 for w > theta, erratum E11; models.md 9.1)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import Law

Array = NDArray[np.float64]


class WeightMoments(NamedTuple):
    """Mean, standard deviation and skewness (NaN for alpha <= 3) in the unit of the weights."""

    mean: float
    sd: float
    skewness: float


def check_weight_law(law: Law) -> None:
    """Refuse parameters without a finite variance.

    Raises
    ------
    NmcError
        If alpha <= 2 or beta <= 0.
    """
    if law.kind != "inverse-gamma":
        raise NmcError(f"unknown law of weights {law.kind!r}", 'use "inverse-gamma" with alpha, beta and theta', "weights")
    if not (law["alpha"] > 2 and law["beta"] > 0 and np.isfinite(law["theta"])):
        raise NmcError(
            f"alpha = {law['alpha']:g}, beta = {law['beta']:g} give weights without a variance",
            "give alpha above 2 and beta above 0",
            "weights",
        )


def weight_log_density(w: Any, alpha: float, beta: float, theta: float) -> Array:
    """log f(w); -inf at and below theta."""
    from scipy.special import gammaln

    y = np.asarray(w, dtype=float) - theta
    safe = np.where(y > 0, y, 1.0)
    result = alpha * np.log(beta) - gammaln(alpha) - (alpha + 1) * np.log(safe) - beta / safe
    return np.where(y > 0, result, -np.inf)


def weight_density(w: Any, alpha: float, beta: float, theta: float) -> Array:
    """f(w)."""
    return np.exp(weight_log_density(w, alpha, beta, theta))


def weight_cdf(w: Any, alpha: float, beta: float, theta: float) -> Array:
    """F(w) = Q(alpha, beta / (w - theta)), the upper regularised gamma function."""
    from scipy.special import gammaincc

    y = np.asarray(w, dtype=float) - theta
    return np.where(y > 0, gammaincc(alpha, beta / np.where(y > 0, y, 1.0)), 0.0)


def weight_quantile(p: Any, alpha: float, beta: float, theta: float) -> Array:
    """F^-1(p)."""
    from scipy.special import gammainccinv

    return np.asarray(theta + beta / gammainccinv(alpha, np.asarray(p, dtype=float)))


def weight_moments(alpha: float, beta: float, theta: float) -> WeightMoments:
    """Mean beta / (alpha - 1) + theta, sd beta / ((alpha - 1) sqrt(alpha - 2)), skewness 4 sqrt(alpha - 2) / (alpha - 3)."""
    skewness = 4.0 * np.sqrt(alpha - 2.0) / (alpha - 3.0) if alpha > 3 else np.nan
    return WeightMoments(beta / (alpha - 1) + theta, beta / ((alpha - 1) * np.sqrt(alpha - 2)), float(skewness))


def law_of_moments(mean: float, sd: float, alpha: float) -> Law:
    """The law of given mean, standard deviation and shape alpha > 2."""
    beta = sd * (alpha - 1) * np.sqrt(alpha - 2)
    return Law("inverse-gamma", {"alpha": float(alpha), "beta": float(beta), "theta": float(mean - beta / (alpha - 1))})


def alpha_of_skewness(skewness: float) -> float:
    """Shape alpha of a skewness: the root above 3 of skewness = 4 sqrt(alpha - 2) / (alpha - 3), at most 1000."""
    s = max(float(skewness), 0.13)
    # With t = sqrt(alpha - 2): s (t^2 - 1) = 4 t.
    t = (2.0 + np.sqrt(4.0 + s * s)) / s
    return float(min(t * t + 2.0, 1000.0))


def quantiles_of(law: Law, p: Any) -> Array:
    """Quantiles of a law of weights."""
    check_weight_law(law)
    return weight_quantile(p, law["alpha"], law["beta"], law["theta"])
