"""Minimum contrast of estimated and theoretical curves of the Matérn cluster process (models.md 8.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.matern import nearest_neighbour_theory, pair_correlation_theory, ripley_k_theory
from nmcstudio.grains.palm import limits, minimise
from nmcstudio.stats.point_patterns import (
    find_pairs,
    nearest_neighbour_sample,
    pair_bandwidth_um,
    pair_correlation_of,
    ripley_k_of,
)
from nmcstudio.stats.regions import Region

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Contrast:
    """One way to compare curves, the same for the data and for simulated patterns.

    Attributes
    ----------
    name
        "g", "g-quarter", "k-quarter" or "nearest-neighbour".
    radii_um
        float64 ``(m,)``, distances of the curve.
    width_um
        Bandwidth of the pair correlation.
    r_max_um
        Range of the Palm likelihood that it starts from; it limits the parameters.
    """

    name: str
    radii_um: Array
    width_um: float
    r_max_um: float

    @classmethod
    def of(cls, name: str, intensity: float, cluster_radius_um: float, r_max_um: float) -> Contrast:
        """The contrast for patterns of an intensity (um^-3) and about this cluster radius."""
        unit = intensity ** (-1 / 3)
        if name == "nearest-neighbour":
            radii = np.linspace(0.02 * unit, 1.6 * unit, 80)
        else:
            radii = np.arange(0.077 * unit, max(r_max_um, 0.3 * unit), 0.008 * unit)
        return cls(name, radii, pair_bandwidth_um(intensity, cluster_radius_um), r_max_um)

    def curve(self, points_um: Array, region: Region) -> Array:
        """The curve of one pattern ``(n, 3)``: float64 ``(m,)``."""
        r, last = self.radii_um, float(self.radii_um[-1])
        if self.name == "nearest-neighbour":
            return nearest_neighbour_sample(points_um, region).cdf(r)
        if self.name == "k-quarter":
            return np.asarray(ripley_k_of(find_pairs(points_um, region, last), r) ** 0.25)
        g = pair_correlation_of(find_pairs(points_um, region, last + self.width_um), r, self.width_um)
        return np.asarray(g**self._power)

    def fit(self, patterns: Sequence[Array], region: Region, start: tuple[float, float], monitor: Monitor) -> tuple[float, float]:
        """(lambda, R) whose theory is nearest, in the mean of squares, to the curves of patterns of one process.

        Parameters
        ----------
        patterns
            Points ``(n, 3)`` of each. The squared distances to their curves add up: a nonlinear curve has the same bias in many
            small patterns as in one.
        region
            Where each was observed.
        start
            (lambda, R).
        """
        known = [points for points in patterns if np.count_nonzero(region.contains(points)) > 1]
        count = sum(int(np.count_nonzero(region.contains(points))) for points in known)
        intensity = count / (len(known) * region.volume_um3)
        mean = np.mean([self.curve(points, region) for points in known], axis=0)
        theory = self._theory(intensity)
        bounds = limits(intensity, self.r_max_um)
        lam, radius, _ = minimise(lambda a, b: float(np.sum((mean - theory(a, b)) ** 2)), start, bounds, monitor)
        return lam, radius

    @property
    def _power(self) -> float:
        return 1.0 if self.name == "g" else 0.25

    def _theory(self, intensity: float) -> Callable[[float, float], Array]:
        """The curve as a function of (lambda, R)."""
        r = self.radii_um
        if self.name == "nearest-neighbour":
            return lambda lam, R: nearest_neighbour_theory(r, lam, intensity / lam, R, nodes=24)
        if self.name == "k-quarter":
            return lambda lam, R: np.asarray(ripley_k_theory(r, lam, R) ** 0.25)
        # The theory is smoothed by the estimator's own kernel: near 0 g is steep on the scale of the bandwidth.
        t, w = np.polynomial.legendre.leggauss(9)
        mass = 0.75 * (1 - t * t) * w
        at = r[:, None] - self.width_um * t
        return lambda lam, R: np.asarray(
            (np.where(at > 0, pair_correlation_theory(np.maximum(at, 0), lam, R), 0.0) @ mass) ** self._power
        )
