"""Profile pseudo-likelihood of the Strauss process: how strongly, and how far, seeds keep apart (models.md 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Repulsion:
    """The highest pseudo-likelihood at one range.

    Attributes
    ----------
    log_gamma
        Of the Strauss process.
    gain
        Over a Poisson process, in log-likelihood a point.
    mean_factor
        Mean of gamma^t over places, t the points in range: beta is the points deeper than the range in a region over its volume
        there and over this.
    """

    log_gamma: float
    gain: float
    mean_factor: float


def count_within(places_um: Array, points_um: Array, radii_um: Array) -> Counts:
    """Points within each of the ascending radii ``(m,)`` of each place, itself not among them: int64 ``(n, m)``."""
    from scipy.spatial import cKDTree

    found = np.zeros((len(places_um), len(radii_um)), np.int64)
    if len(places_um) and len(points_um):
        near = cKDTree(places_um).sparse_distance_matrix(cKDTree(points_um), float(radii_um[-1]), output_type="ndarray")
        near = near[near["v"] > 0.0]
        np.add.at(found, (near["i"], np.searchsorted(radii_um, near["v"])), 1)
    return np.cumsum(found, axis=1)


def profile(points: Sequence[Counts], places: Sequence[Counts], most: float) -> Repulsion:
    """Highest pseudo-likelihood over gamma, with beta profiled out.

    Parameters
    ----------
    points
        Other points in range of each point, of one pattern or of several that count as one: int64 ``(n,)``.
    places
        Points in range of each of many places, of the same patterns.
    most
        Largest log gamma; 0 for a process that exists.
    """
    from scipy import optimize

    n, total = sum(map(len, points)), float(sum(int(t.sum()) for t in points))
    size = max((int(t.max()) for t in places if len(t)), default=0) + 1
    shares = np.sum([np.bincount(t, minlength=size) for t in places], axis=0) / max(sum(map(len, places)), 1)

    def loss(log_gamma: float) -> float:
        return n * float(np.log(shares @ np.exp(log_gamma * np.arange(size)))) - total * log_gamma

    found = optimize.minimize_scalar(loss, bounds=(-8.0, most), method="bounded")
    log_gamma = float(found.x)
    return Repulsion(log_gamma, -float(found.fun) / max(n, 1), float(shares @ np.exp(log_gamma * np.arange(size))))


def strongest(points: Sequence[Counts], places: Sequence[Counts], log_radii: Array, most: float) -> tuple[float, float]:
    """(log gamma, log range) of the highest pseudo-likelihood over ranges.

    Parameters
    ----------
    points, places
        As in `profile`, for each of the ranges: int64 ``(n, m)``. All ranges must look at the same points.
    log_radii
        float64 ``(m,)``, evenly spaced logarithms of the ranges.
    most
        Largest log gamma.

    Notes
    -----
    The profile has a jump at every distance of two points. A parabola through the five values around the highest one tells the
    place between the ranges.
    """
    rows = [profile([t[:, k] for t in points], [t[:, k] for t in places], most) for k in range(len(log_radii))]
    gains = np.array([row.gain for row in rows])
    best = int(np.argmax(gains))
    around = slice(max(best - 2, 0), min(best + 3, len(gains)))
    bend, slope, _ = np.polyfit(log_radii[around] - log_radii[best], gains[around], 2)
    step = float(log_radii[1] - log_radii[0])
    shift = float(np.clip(-0.5 * slope / bend, -step, step)) if bend < 0 else 0.0
    at = float(np.clip(log_radii[best] + shift, log_radii[0], log_radii[-1]))
    return float(np.interp(at, log_radii, [row.log_gamma for row in rows])), at
