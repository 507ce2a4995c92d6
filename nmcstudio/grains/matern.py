"""Theory of the Matérn cluster process in three dimensions (models.md 8.1, 8.2; errata E9 and E10 of the paper's equations).

Parents are Poisson(lambda); each has Poisson(mu) offspring, uniform in the ball of radius R around it. All lengths share one
unit, in the program um.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def ball_volume(radius: Any) -> Any:
    """4/3 pi r^3."""
    return 4.0 / 3.0 * np.pi * np.asarray(radius, dtype=float) ** 3


def ball_overlap(a: Any, b: Any, distance: Any) -> Array:
    """Volume of the intersection of two balls of radii `a` and `b` whose centres are `distance` apart (broadcasts)."""
    a, b, x = np.broadcast_arrays(np.asarray(a, float), np.asarray(b, float), np.asarray(distance, float))
    # The ratio is at most one wherever the lens formula is used; a quotient of squares would underflow for tiny distances.
    ratio = np.divide(a - b, x, out=np.zeros_like(x), where=x > np.abs(a - b))
    lens = np.pi * (a + b - x) ** 2 * (x + 2 * (a + b) - 3 * (a - b) * ratio) / 12
    return np.where(x >= a + b, 0.0, np.where(x <= np.abs(a - b), ball_volume(np.minimum(a, b)), lens))


def pair_correlation_theory(r: Any, parent_intensity: float, cluster_radius: float) -> Array:
    """g(r) of the Matérn cluster process; it depends on the parents' intensity and the radius only."""
    q = np.minimum(np.asarray(r, dtype=float) / cluster_radius, 2.0)
    bump = 1.0 - 0.75 * q + q**3 / 16.0
    return np.asarray(1.0 + bump / (parent_intensity * ball_volume(cluster_radius)))


def ripley_k_theory(r: Any, parent_intensity: float, cluster_radius: float) -> Array:
    """K(r) of the Matérn cluster process."""
    r = np.asarray(r, dtype=float)
    q = np.minimum(r / (2.0 * cluster_radius), 1.0)
    return np.asarray(ball_volume(r) + (8 * q**3 - 9 * q**4 + 2 * q**6) / parent_intensity)


def _pieces(lower: Array, upper: Array, nodes: int) -> tuple[Array, Array]:
    """Gauss-Legendre points and weights on each interval ``(n,)``: ``(n, nodes)``."""
    t, w = np.polynomial.legendre.leggauss(nodes)
    half = 0.5 * (upper - lower)[:, None]
    return half * t + 0.5 * (upper + lower)[:, None], half * w


def empty_space_theory(d: Any, parent_intensity: float, mean_offspring: float, cluster_radius: float, nodes: int = 60) -> Array:
    """F(d): probability of a point within d of a fixed location (erratum E10).

    The integrand has kinks where the two balls touch, from inside and from outside; the quadrature is split there.
    """
    d = np.atleast_1d(np.asarray(d, dtype=float))
    total = np.zeros(len(d))
    kink, end = np.abs(d - cluster_radius), d + cluster_radius
    for lower, upper in ((np.zeros(len(d)), kink), (kink, end)):
        y, w = _pieces(lower, upper, nodes)
        share = ball_overlap(d[:, None], cluster_radius, y) / ball_volume(cluster_radius)
        total += np.sum(w * y * y * -np.expm1(-mean_offspring * share), axis=1)
    return np.asarray(np.where(d > 0, -np.expm1(-4.0 * np.pi * parent_intensity * total), 0.0))


def nearest_neighbour_theory(
    d: Any, parent_intensity: float, mean_offspring: float, cluster_radius: float, nodes: int = 60
) -> Array:
    """F_D0(d): distribution of the distance from the typical point to its nearest neighbour (erratum E9).

    The siblings of the typical point are Poisson(mu) again; its own parent is at a distance x with density 3 x^2 / R^3.
    """
    d = np.atleast_1d(np.asarray(d, dtype=float))
    radius = cluster_radius
    alone = np.zeros(len(d))
    kink = np.minimum(np.abs(d - radius), radius)
    for lower, upper in ((np.zeros(len(d)), kink), (kink, np.full(len(d), radius))):
        x, w = _pieces(lower, upper, nodes)
        share = ball_overlap(d[:, None], radius, x) / ball_volume(radius)
        alone += np.sum(w * 3.0 * x * x / radius**3 * np.exp(-mean_offspring * share), axis=1)
    empty = 1.0 - empty_space_theory(d, parent_intensity, mean_offspring, radius, nodes)
    return np.asarray(np.where(d > 0, 1.0 - empty * alone, 0.0))
