"""Estimators for point patterns seen through a box or a mask (models.md 8.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.stats.regions import Array, Region


@dataclass(frozen=True)
class Pairs:
    """All unordered pairs of points closer than `r_max_um`.

    Attributes
    ----------
    distances_um
        float64 ``(m,)``, ascending.
    edge_weights
        float64 ``(m,)``, 2 / |W intersected with W + h| in um^-3: both ordered pairs, translation correction.
    r_max_um
        Largest distance looked at.
    count
        Number of points.
    volume_um3
        |W|.
    """

    distances_um: Array
    edge_weights: Array
    r_max_um: float
    count: int
    volume_um3: float

    @property
    def intensity(self) -> float:
        """Points per um^3."""
        return self.count / self.volume_um3

    @property
    def squared_intensity(self) -> float:
        """n (n - 1) / |W|^2, unbiased for the square of the intensity of a Poisson pattern."""
        return self.count * (self.count - 1) / self.volume_um3**2


def find_pairs(points_um: Array, region: Region, r_max_um: float) -> Pairs:
    """Pairs of points with their translation edge weights.

    Parameters
    ----------
    points_um
        float64 ``(n, 3)``, (x, y, z); those outside `region` are left out.
    region
        Where the pattern was observed.
    r_max_um
        Largest distance of a pair.

    Raises
    ------
    NmcError
        If fewer than two points lie in the region.
    """
    from scipy.spatial import cKDTree

    inside = points_um[region.contains(points_um)]
    if len(inside) < 2:
        raise NmcError(f"{len(inside)} points lie in the observed region", "two are the least for any statistic of distances")
    index = cKDTree(inside).query_pairs(r_max_um, output_type="ndarray")
    shifts = inside[index[:, 0]] - inside[index[:, 1]]
    distances = np.linalg.norm(shifts, axis=1)
    overlap = region.overlap_um3(shifts)
    good = (overlap > 1e-9 * region.volume_um3) & (distances > 0)
    order = np.argsort(distances[good], kind="stable")
    return Pairs(distances[good][order], 2.0 / overlap[good][order], float(r_max_um), len(inside), region.volume_um3)


def pair_bandwidth_um(intensity: float, cluster_radius_um: float | None = None) -> float:
    """Bandwidth of the pair correlation: 0.07 intensity^(-1/3), at most R / 2.5 of a known cluster radius R (models.md 8.3)."""
    width = 0.07 * intensity ** (-1 / 3)
    return width if cluster_radius_um is None else min(width, cluster_radius_um / 2.5)


def pair_correlation(points_um: Array, region: Region, radii_um: Array, bandwidth_um: float | None = None) -> Array:
    """Translation-corrected estimate of the pair correlation function g with an Epanechnikov kernel.

    Parameters
    ----------
    points_um
        float64 ``(n, 3)``.
    region
        Where they were observed.
    radii_um
        float64 ``(m,)``, ascending distances > 0.
    bandwidth_um
        Half width of the kernel; None for `pair_bandwidth_um`.

    Returns
    -------
    float64 ``(m,)``. The pair distance and not r stands in the denominator, which lowers the bias near 0.
    """
    radii = np.asarray(radii_um, dtype=float)
    inside = int(np.count_nonzero(region.contains(points_um)))
    width = bandwidth_um if bandwidth_um is not None else pair_bandwidth_um(max(inside, 1) / region.volume_um3)
    return pair_correlation_of(find_pairs(points_um, region, float(radii[-1]) + width), radii, width)


def pair_correlation_of(pairs: Pairs, radii_um: Array, bandwidth_um: float) -> Array:
    """`pair_correlation` of pairs that were found already, up to the largest radius plus the bandwidth."""
    terms = pairs.edge_weights / (4.0 * np.pi * pairs.distances_um**2 * pairs.squared_intensity)
    first = np.searchsorted(pairs.distances_um, radii_um - bandwidth_um)
    last = np.searchsorted(pairs.distances_um, radii_um + bandwidth_um)
    result = np.empty(len(radii_um))
    for k, r in enumerate(radii_um):
        part = slice(first[k], last[k])
        t = (r - pairs.distances_um[part]) / bandwidth_um
        result[k] = np.sum(0.75 / bandwidth_um * np.maximum(1.0 - t * t, 0.0) * terms[part])
    return result


def ripley_k(points_um: Array, region: Region, radii_um: Array) -> Array:
    """Translation-corrected estimate of Ripley's K function, um^3, at the radii ``(m,)``."""
    radii = np.asarray(radii_um, dtype=float)
    return ripley_k_of(find_pairs(points_um, region, float(radii[-1])), radii)


def ripley_k_of(pairs: Pairs, radii_um: Array) -> Array:
    """`ripley_k` of pairs that were found already."""
    sums = np.concatenate([[0.0], np.cumsum(pairs.edge_weights)]) / pairs.squared_intensity
    return sums[np.searchsorted(pairs.distances_um, radii_um, side="right")]


@dataclass(frozen=True)
class NeighbourSample:
    """Nearest-neighbour distances of points in a region.

    Attributes
    ----------
    index
        int64 ``(n,)``, which points of the pattern lie in the region.
    distances_um
        float64 ``(n,)``, distance to the nearest other point of the pattern, in the region or not.
    known
        bool ``(n,)``, the neighbour is certainly the nearest: its distance is below that to the boundary (Hanisch's rule).
    weights
        float64 ``(n,)``, 1 / |W eroded by the distance| where known, else 0: makes the distribution unbiased.
    """

    index: NDArray[np.int64]
    distances_um: Array
    known: NDArray[np.bool_]
    weights: Array

    def cdf(self, radii_um: Array) -> Array:
        """Hanisch's estimate of the nearest-neighbour distance distribution at the radii ``(m,)``."""
        order = np.argsort(self.distances_um)
        sums = np.concatenate([[0.0], np.cumsum(self.weights[order])])
        total = sums[-1] if sums[-1] > 0 else 1.0
        return sums[np.searchsorted(self.distances_um[order], radii_um, side="right")] / total


def nearest_neighbour_sample(points_um: Array, region: Region) -> NeighbourSample:
    """Nearest-neighbour distances with Hanisch's edge rule.

    Parameters
    ----------
    points_um
        float64 ``(n, 3)``, all known points; those outside the region serve as neighbours only.
    region
        Where the pattern was observed.

    Raises
    ------
    NmcError
        If fewer than two points are given.
    """
    from scipy.spatial import cKDTree

    if len(points_um) < 2:
        raise NmcError(f"the pattern has {len(points_um)} points", "a nearest neighbour needs at least two")
    index = np.flatnonzero(region.contains(points_um))
    distances = cKDTree(points_um).query(points_um[index], k=2)[0][:, 1]
    known = distances < region.boundary_distance_um(points_um[index])
    volumes = region.eroded_volume_um3(distances)
    known &= volumes > 1e-3 * region.volume_um3
    weights = np.where(known, 1.0 / np.where(known, volumes, 1.0), 0.0)
    return NeighbourSample(index, distances, known, weights)


def empty_space(points_um: Array, region: Region, radii_um: Array, rng: np.random.Generator, tests: int = 20000) -> Array:
    """Border-corrected estimate of the empty-space (spherical contact) distribution F at the radii ``(m,)``.

    Parameters
    ----------
    points_um
        float64 ``(n, 3)``, all known points.
    region
        Where the pattern was observed.
    radii_um
        float64 ``(m,)``, ascending.
    rng
        Draws the test points.
    tests
        Number of test points in the box around the region.
    """
    from scipy.spatial import cKDTree

    bounds = region.bounds_um
    probes = rng.uniform(bounds[:, 0], bounds[:, 1], (tests, 3))
    probes = probes[region.contains(probes)]
    distances = cKDTree(points_um).query(probes)[0]
    depths = region.boundary_distance_um(probes)
    at_risk = len(depths) - np.searchsorted(np.sort(depths), radii_um)
    seen = depths >= distances
    # A probe counts at radius r if its depth is r or more, and its distance r or less.
    entered = np.searchsorted(np.sort(distances[seen]), radii_um, side="right")
    left = np.searchsorted(np.sort(depths[seen]), radii_um)
    share = np.where(at_risk > 0, (entered - left) / np.maximum(at_risk, 1), np.nan)
    return np.maximum.accumulate(np.where(np.isnan(share), -np.inf, share).clip(0.0, 1.0))
