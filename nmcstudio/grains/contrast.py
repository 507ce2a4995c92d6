"""Minimum contrast of an estimated and a theoretical curve of the Matérn cluster process (models.md 8.4)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nmcstudio.grains.matern import nearest_neighbour_theory, pair_correlation_theory, ripley_k_theory
from nmcstudio.stats.point_patterns import (
    find_pairs,
    nearest_neighbour_sample,
    pair_bandwidth_um,
    pair_correlation_of,
    ripley_k_of,
)
from nmcstudio.stats.regions import Region

Array = NDArray[np.float64]


def contrast_loss(
    points_um: Array, region: Region, contrast: str, intensity: float, radius: float, r_max: float
) -> Callable[[float, float], float]:
    """Squared distance of an estimated and a theoretical curve as a function of (lambda, R)."""
    unit = intensity ** (-1 / 3)
    r = np.arange(0.077 * unit, max(r_max, 0.3 * unit), 0.008 * unit)
    if contrast == "nearest-neighbour":
        r = np.linspace(0.02 * unit, 1.6 * unit, 80)
        seen = nearest_neighbour_sample(points_um, region).cdf(r)
        return lambda lam, R: float(np.sum((seen - nearest_neighbour_theory(r, lam, intensity / lam, R, nodes=24)) ** 2))
    if contrast == "k-quarter":
        k = ripley_k_of(find_pairs(points_um, region, float(r[-1])), r) ** 0.25
        return lambda lam, R: float(np.sum((k - ripley_k_theory(r, lam, R) ** 0.25) ** 2))
    power = 1.0 if contrast == "g" else 0.25
    width = pair_bandwidth_um(intensity, radius)
    g = pair_correlation_of(find_pairs(points_um, region, float(r[-1]) + width), r, width) ** power
    # The theory is smoothed by the estimator's own kernel: near 0 g is steep on the scale of the bandwidth.
    t, w = np.polynomial.legendre.leggauss(9)
    mass = 0.75 * (1 - t * t) * w
    at = r[:, None] - width * t
    return lambda lam, R: float(
        np.sum((g - (np.where(at > 0, pair_correlation_theory(np.maximum(at, 0), lam, R), 0.0) @ mass) ** power) ** 2)
    )
