"""Palm (Tanaka) likelihood of the Matérn cluster process (models.md 8.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.matern import ball_volume, pair_correlation_theory, ripley_k_theory
from nmcstudio.stats.point_patterns import Pairs, find_pairs
from nmcstudio.stats.regions import Region

if TYPE_CHECKING:
    from scipy.optimize import OptimizeResult

Array = NDArray[np.float64]

# Limits of mu, and of R in units of intensity^(-1/3). At the lower limit of mu a Matérn process is all but Poisson.
MU_LIMITS = (0.02, 200.0)
RADIUS_LIMITS = (0.02, 2.0)
_BINNED_FROM = 20_000  # pairs
_SHIFTS = ((0.0, 0.0), (0.5, -0.3), (-0.5, 0.3))  # of log lambda and log R, from the given start to those of the searches
_AXES = np.eye(2)
_FIRST, _ROUGH = 0.3, 0.02  # of the simplex, in logarithms: at the start, and where all but the best search end


def palm_log_likelihood(pairs: Pairs, parent_intensity: float, cluster_radius_um: float) -> float:
    """Palm log-likelihood of (lambda, R) relative to Poisson, with translation edge weights (models.md 8.4)."""
    weights = pairs.edge_weights * pairs.volume_um3
    gain = np.sum(weights * np.log(pair_correlation_theory(pairs.distances_um, parent_intensity, cluster_radius_um)))
    extra = ripley_k_theory(pairs.r_max_um, parent_intensity, cluster_radius_um) - ball_volume(pairs.r_max_um)
    return float(gain - pairs.count * pairs.intensity * extra)


def limits(intensity: float, r_max_um: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Bounds of log lambda and log R."""
    unit = intensity ** (-1 / 3)
    radius = min(RADIUS_LIMITS[1] * unit, 0.5 * r_max_um)
    return (
        (float(np.log(intensity / MU_LIMITS[1])), float(np.log(intensity / MU_LIMITS[0]))),
        (float(np.log(min(RADIUS_LIMITS[0] * unit, 0.5 * radius))), float(np.log(radius))),
    )


def palm_start(points_um: Array, region: Region) -> tuple[float, float]:
    """(lambda, R) of the highest Palm likelihood on a grid, from pairs sorted into narrow bins."""
    count = int(np.count_nonzero(region.contains(points_um)))
    intensity = count / region.volume_um3
    unit = intensity ** (-1 / 3)
    r_max = min(2.5 * unit, 0.45 * float(np.min(np.ptp(region.bounds_um, axis=1))))
    pairs = find_pairs(points_um, region, r_max)
    edges = np.linspace(0.0, r_max, 401)
    mass = np.histogram(pairs.distances_um, edges, weights=pairs.edge_weights * pairs.volume_um3)[0]
    middle = 0.5 * (edges[1:] + edges[:-1])
    best, found = -np.inf, (intensity / 0.5, 0.2 * unit)
    for radius in np.geomspace(0.06 * unit, 0.5 * r_max, 16):
        # Beyond 4.2 R the pattern says nothing of R, and its noise would.
        near = middle <= max(4.2 * radius, edges[4])
        reach = float(edges[1:][near][-1])
        for mu in np.geomspace(0.05, 20.0, 16):
            lam = intensity / mu
            extra = float(ripley_k_theory(reach, lam, radius)) - float(ball_volume(reach))
            gain = float(np.sum(mass[near] * np.log(pair_correlation_theory(middle[near], lam, radius))))
            value = gain - count * intensity * extra
            if value > best:
                best, found = value, (lam, float(radius))
    return found


def minimise(
    loss: Callable[[float, float], float], start: tuple[float, float], bounds: tuple[tuple[float, float], ...], monitor: Monitor
) -> tuple[float, float, float]:
    """Minimiser (lambda, R) of a loss, by simplex searches in the logarithms from three points, and the loss there."""
    from scipy import optimize

    low, high = np.array(bounds).T

    def at(x: Array) -> float:
        monitor.check()
        return loss(float(np.exp(x[0])), float(np.exp(x[1])))

    def walk(x: Array, size: float, near: float, precise: float) -> OptimizeResult:
        x = np.clip(x, low + 1e-6, high - 1e-6)
        corners = np.array([x, x + size * _AXES[0], x + size * _AXES[1]])
        corners = np.where((corners < low) | (corners > high), 2.0 * x - corners, corners)
        options = {"xatol": near, "fatol": precise, "maxfev": 600, "initial_simplex": corners}
        return optimize.minimize(at, x, method="Nelder-Mead", bounds=bounds, options=options)

    # Three starts tell which summit is the highest; only that one is climbed to the end.
    starts = [np.log(start) + np.array(shift) for shift in _SHIFTS]
    rough = min((walk(x, _FIRST, _ROUGH, np.inf) for x in starts), key=lambda found: float(found.fun))
    best = walk(rough.x, _ROUGH, 1e-4, 1e-9)
    return float(np.exp(best.x[0])), float(np.exp(best.x[1])), float(best.fun)


def highest_palm(pairs: Pairs, start: tuple[float, float], monitor: Monitor) -> tuple[float, float, float]:
    """(lambda, R, gain over Poisson) of the highest Palm likelihood."""
    bounds = limits(pairs.intensity, pairs.r_max_um)
    pairs = _binned(pairs)
    lam, radius, loss = minimise(lambda a, b: -palm_log_likelihood(pairs, a, b), start, bounds, monitor)
    return lam, radius, -loss


def _binned(pairs: Pairs) -> Pairs:
    """Many pairs in 2,000 bins of distance, each with its mean distance and its sum of weights."""
    if len(pairs.distances_um) < _BINNED_FROM:
        return pairs
    index = np.minimum((2000 * pairs.distances_um / pairs.r_max_um).astype(np.int64), 1999)
    mass = np.asarray(np.bincount(index, pairs.edge_weights, 2000), dtype=float)
    mean = np.bincount(index, pairs.edge_weights * pairs.distances_um, 2000) / np.where(mass > 0, mass, 1.0)
    return replace(pairs, distances_um=mean[mass > 0], edge_weights=mass[mass > 0])


def palm_of_windows(
    windows: Sequence[Pairs], start: tuple[float, float], monitor: Monitor | None = None
) -> tuple[float, float, float]:
    """(lambda, mu, R) of the highest Palm likelihood from a given start: the quick fit of simulated patterns.

    Parameters
    ----------
    windows
        Pairs of independent patterns of one process, up to the same distance; they count as one pattern.
    start
        (lambda, R).
    """
    volume = sum(w.volume_um3 for w in windows)
    pairs = Pairs(
        np.concatenate([w.distances_um for w in windows]),
        np.concatenate([w.edge_weights * (w.volume_um3 / volume) for w in windows]),
        windows[0].r_max_um,
        sum(w.count for w in windows),
        volume,
    )
    lam, radius, _ = highest_palm(pairs, start, monitor or Monitor())
    return lam, pairs.intensity / lam, radius
