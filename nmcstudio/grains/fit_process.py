"""Fits of point processes to seeds (models.md 8.3, 8.4): Poisson, Matérn cluster, Strauss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import Law
from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.matern import (
    ball_volume,
    nearest_neighbour_theory,
    pair_correlation_theory,
    ripley_k_theory,
)
from nmcstudio.grains.processes import simulate_matern
from nmcstudio.stats.point_patterns import (
    Pairs,
    find_pairs,
    nearest_neighbour_sample,
    pair_bandwidth_um,
    pair_correlation_of,
    ripley_k_of,
)
from nmcstudio.stats.regions import Region

Array = NDArray[np.float64]

CONTRASTS = ("palm", "g", "g-quarter", "k-quarter", "nearest-neighbour")
LEAST = 20  # seeds; fewer say nothing of two parameters
# Limits of mu, and of R in units of intensity^(-1/3). At the lower limit of mu a Matérn process is all but Poisson.
MU_LIMITS = (0.02, 200.0)
RADIUS_LIMITS = (0.02, 2.0)
# Gain in log-likelihood over Poisson below which a pattern does not count as clustered (or repelling).
LEAST_GAIN = 3.0
# Probability, for a Poisson pattern, of as many close pairs at one of the looked-at distances. The Palm likelihood alone does not
# decide: it is a composite one, and gains on any pattern from fluctuations over long distances.
CLUSTERED_P = 1e-3
_BINNED_FROM = 20_000  # pairs
# Mean nearest-neighbour distance of a Poisson process with one point per unit volume: Gamma(4/3) (3 / (4 pi))^(1/3).
_POISSON_MEAN = 0.5539602783


@dataclass(frozen=True)
class ProcessFit:
    """A fitted process.

    Attributes
    ----------
    law
        With standard errors where they were computed.
    clustered
        The data asks for clusters (always True for other processes than Matérn): else only the intensity is known.
    notes
        What a user should know; the caller decides whether they are warnings.
    r_max_um
        Range of distances that the fit used.
    """

    law: Law
    clustered: bool = True
    notes: tuple[str, ...] = field(default=())
    r_max_um: float = float("nan")


def regularity(points_um: Array, region: Region) -> float:
    """Mean nearest-neighbour distance over that of a Poisson process of the same intensity: above 1 regular, below clustered."""
    sample = nearest_neighbour_sample(points_um, region)
    if len(sample.index) < 2:
        return float("nan")
    weights = sample.weights if sample.weights.sum() > 0 else np.ones(len(sample.index))
    intensity = len(sample.index) / region.volume_um3
    mean = float(np.sum(weights * sample.distances_um) / weights.sum())
    return mean / (_POISSON_MEAN * intensity ** (-1 / 3))


def fit_seeds(
    points_um: Array,
    region: Region,
    kind: str,
    rng: np.random.Generator,
    *,
    contrast: str = "palm",
    errors: int = 24,
    monitor: Monitor | None = None,
) -> ProcessFit:
    """Fit a process to seeds.

    Parameters
    ----------
    points_um
        float64 ``(n, 3)``; those outside the region serve as neighbours only.
    region
        Where they were observed.
    kind
        "matern", "poisson" or "strauss".
    rng
        Draws the parametric bootstrap and the quadrature points of the pseudo-likelihood.
    contrast
        Method for Matérn: "palm" (default), "g", "g-quarter", "k-quarter" or "nearest-neighbour".
    errors
        Bootstrap replicates for standard errors of Matérn; 0 for none.

    Raises
    ------
    NmcError
        If fewer than 20 seeds lie in the region.
    """
    monitor = monitor or Monitor()
    inside = int(np.count_nonzero(region.contains(points_um)))
    if inside < LEAST:
        raise NmcError(
            f"{inside} seeds lie in the observed region, too few for a point process",
            f"fit a volume with at least {LEAST} grains, or type a published model in with import-grain-model",
            "seeds",
        )
    if kind == "poisson":
        return fit_poisson(points_um, region)
    if kind == "matern":
        return fit_matern(points_um, region, contrast=contrast, errors=errors, rng=rng, monitor=monitor)
    if kind == "strauss":
        return fit_strauss(points_um, region, rng, monitor=monitor)
    raise NmcError(f"unknown process {kind!r}", "use matern, poisson or strauss", "seeds")


def fit_poisson(points_um: Array, region: Region) -> ProcessFit:
    """Intensity n / |W|, with its standard error."""
    count = int(np.count_nonzero(region.contains(points_um)))
    volume = region.volume_um3
    return ProcessFit(Law("poisson", {"intensity": count / volume}, {"intensity": float(np.sqrt(count)) / volume}))


def palm_log_likelihood(pairs: Pairs, parent_intensity: float, cluster_radius_um: float) -> float:
    """Palm log-likelihood of (lambda, R) relative to Poisson, with translation edge weights (models.md 8.4)."""
    weights = pairs.edge_weights * pairs.volume_um3
    gain = np.sum(weights * np.log(pair_correlation_theory(pairs.distances_um, parent_intensity, cluster_radius_um)))
    extra = ripley_k_theory(pairs.r_max_um, parent_intensity, cluster_radius_um) - ball_volume(pairs.r_max_um)
    return float(gain - pairs.count * pairs.intensity * extra)


def _limits(intensity: float, r_max_um: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Bounds of log lambda and log R."""
    unit = intensity ** (-1 / 3)
    radius = min(RADIUS_LIMITS[1] * unit, 0.5 * r_max_um)
    return (
        (float(np.log(intensity / MU_LIMITS[1])), float(np.log(intensity / MU_LIMITS[0]))),
        (float(np.log(min(RADIUS_LIMITS[0] * unit, 0.5 * radius))), float(np.log(radius))),
    )


def _start(points_um: Array, region: Region) -> tuple[float, float]:
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


def _minimise(
    loss: Callable[[float, float], float], start: tuple[float, float], bounds: tuple[tuple[float, float], ...], monitor: Monitor
) -> tuple[float, float, float]:
    """Minimiser (lambda, R) of a loss, by simplex searches in the logarithms from three points, and the loss there."""
    from scipy import optimize

    low, high = np.array(bounds).T

    def at(x: Array) -> float:
        monitor.check()
        return loss(float(np.exp(x[0])), float(np.exp(x[1])))

    best = None
    for shift in ((0.0, 0.0), (0.5, -0.3), (-0.5, 0.3)):
        x = np.clip(np.log(start) + np.array(shift), low + 1e-6, high - 1e-6)
        result = optimize.minimize(
            at, x, method="Nelder-Mead", bounds=bounds, options={"xatol": 1e-4, "fatol": 1e-9, "maxfev": 600}
        )
        if best is None or result.fun < best.fun:
            best = result
    assert best is not None
    return float(np.exp(best.x[0])), float(np.exp(best.x[1])), float(best.fun)


def _palm(pairs: Pairs, start: tuple[float, float], monitor: Monitor) -> tuple[float, float, float]:
    """(lambda, R, gain over Poisson) of the highest Palm likelihood."""
    bounds = _limits(pairs.intensity, pairs.r_max_um)
    pairs = _binned(pairs)
    lam, radius, loss = _minimise(lambda a, b: -palm_log_likelihood(pairs, a, b), start, bounds, monitor)
    return lam, radius, -loss


def _binned(pairs: Pairs) -> Pairs:
    """Many pairs in 2,000 bins of distance, each with its mean distance and its sum of weights."""
    if len(pairs.distances_um) < _BINNED_FROM:
        return pairs
    index = np.minimum((2000 * pairs.distances_um / pairs.r_max_um).astype(np.int64), 1999)
    mass = np.asarray(np.bincount(index, pairs.edge_weights, 2000), dtype=float)
    mean = np.bincount(index, pairs.edge_weights * pairs.distances_um, 2000) / np.where(mass > 0, mass, 1.0)
    return replace(pairs, distances_um=mean[mass > 0], edge_weights=mass[mass > 0])


def _has_close_pairs(points_um: Array, region: Region) -> bool:
    """More pairs below one of ten distances up to 1.0 intensity^(-1/3) than a Poisson pattern would have."""
    from scipy import stats

    unit = (np.count_nonzero(region.contains(points_um)) / region.volume_um3) ** (-1 / 3)
    radii = np.linspace(0.1, 1.0, 10) * unit
    pairs = find_pairs(points_um, region, float(radii[-1]))
    # Pairs of a Poisson pattern are uncorrelated: their number is nearly Poisson.
    expected = 0.5 * pairs.squared_intensity * pairs.volume_um3 * ball_volume(radii)
    found = expected * ripley_k_of(pairs, radii) / ball_volume(radii)
    return bool(np.min(stats.poisson.sf(np.round(found) - 1, expected)) < CLUSTERED_P)


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
    lam, radius, _ = _palm(pairs, start, monitor or Monitor())
    return lam, pairs.intensity / lam, radius


def fit_matern(
    points_um: Array,
    region: Region,
    *,
    contrast: str = "palm",
    errors: int = 0,
    rng: np.random.Generator | None = None,
    monitor: Monitor | None = None,
) -> ProcessFit:
    """Fit a Matérn cluster process.

    Parameters
    ----------
    points_um, region
        As in `fit_seeds`.
    contrast
        "palm": Palm (Tanaka) likelihood; "g", "g-quarter": minimum contrast (L2) of the pair correlation function (as [A]) and
        of its fourth root; "k-quarter": of K^(1/4); "nearest-neighbour": of F_D0 ([A], the alternative of its discussion).
    errors
        Replicates of the parametric bootstrap (by Palm likelihood, whatever the contrast); needs `rng`.

    Returns
    -------
    Law "matern-cluster". Where the pattern is not clustered the fit runs to the Poisson limit: `clustered` is False then, and a
    note says what else to use.
    """
    if contrast not in CONTRASTS:
        raise NmcError(f"unknown method {contrast!r}", f"use one of {', '.join(CONTRASTS)}", "contrast")
    monitor = monitor or Monitor()
    monitor.report(0.0, "Fitting the clusters of seeds")
    count = int(np.count_nonzero(region.contains(points_um)))
    intensity = count / region.volume_um3
    start = _start(points_um, region)
    widest = 0.45 * float(np.min(np.ptp(region.bounds_um, axis=1)))
    r_max = min(4.2 * start[1], widest)
    pairs = find_pairs(points_um, region, r_max)
    lam, radius, gain = _palm(pairs, start, monitor)
    if abs(np.log(radius / start[1])) > 0.35:
        r_max = min(4.2 * radius, widest)
        pairs = find_pairs(points_um, region, r_max)
        lam, radius, gain = _palm(pairs, (lam, radius), monitor)
    clustered = _has_close_pairs(points_um, region) and gain >= LEAST_GAIN and intensity / lam > 1.5 * MU_LIMITS[0]
    if contrast != "palm":
        loss = _contrast(points_um, region, contrast, intensity, radius, r_max)
        lam, radius, _ = _minimise(loss, (lam, radius), _limits(intensity, r_max), monitor)
    notes: list[str] = []
    spread: dict[str, float] = {}
    if not clustered:
        ratio = regularity(points_um, region)
        lam, radius = intensity / MU_LIMITS[0], 0.2 * intensity ** (-1 / 3)
        other = "strauss" if ratio > 1.05 else "poisson"
        notes.append(
            f"The seeds are not clustered (mean nearest-neighbour distance {ratio:.2f} of that of random points): the Matérn fit "
            f"ends at its Poisson limit and its cluster radius means nothing. Fit again with --seeds {other}."
        )
    elif errors and rng is not None:
        spread = _bootstrap(region, lam, intensity / lam, radius, r_max, errors, rng, monitor)
    law = Law(
        "matern-cluster",
        {"parent_intensity": lam, "mean_offspring": intensity / lam, "cluster_radius": radius},
        spread,
    )
    return ProcessFit(law, clustered, tuple(notes), r_max)


def _contrast(
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


def _bootstrap(
    region: Region,
    lam: float,
    mu: float,
    radius: float,
    r_max: float,
    replicates: int,
    rng: np.random.Generator,
    monitor: Monitor,
) -> dict[str, float]:
    """Standard errors of (lambda, mu, R) from simulated patterns in the same region: half the central 68 % of the estimates."""
    estimates = []
    for _ in monitor.track(range(replicates), "Standard errors of the seed process"):
        points = simulate_matern(lam, mu, radius, region.bounds_um, rng)
        if np.count_nonzero(region.contains(points)) >= LEAST:
            estimates.append(palm_of_windows([find_pairs(points, region, r_max)], (lam, radius), monitor))
        if monitor.finish_requested and len(estimates) >= 8:
            break
    if len(estimates) < 8:
        return {}
    low, high = np.quantile(np.array(estimates), [0.159, 0.841], axis=0)
    names = ("parent_intensity", "mean_offspring", "cluster_radius")
    return {name: float(0.5 * (b - a)) for name, a, b in zip(names, low, high)}


def fit_strauss(
    points_um: Array, region: Region, rng: np.random.Generator, *, dummies: int = 20_000, monitor: Monitor | None = None
) -> ProcessFit:
    """Fit a Strauss process by maximum profile pseudo-likelihood over the interaction radius (models.md 7).

    Parameters
    ----------
    points_um, region
        As in `fit_seeds`; the border is left out by one interaction radius.
    rng
        Draws the quadrature points of the integral of the Papangelou intensity.
    dummies
        Number of quadrature points.
    """
    from scipy import optimize
    from scipy.spatial import cKDTree

    monitor = monitor or Monitor()
    inside = points_um[region.contains(points_um)]
    intensity = len(inside) / region.volume_um3
    unit = intensity ** (-1 / 3)
    bounds = region.bounds_um
    probes = rng.uniform(bounds[:, 0], bounds[:, 1], (dummies, 3))
    probes = probes[region.contains(probes)]
    depth_points, depth_probes = region.boundary_distance_um(inside), region.boundary_distance_um(probes)
    tree = cKDTree(points_um)
    best: tuple[float, float, float, float] | None = None
    for radius in monitor.track(np.linspace(0.15, 1.1, 32) * unit, "Fitting the repulsion of seeds"):
        use, probe = depth_points > radius, depth_probes > radius
        volume = float(region.eroded_volume_um3(np.array([radius]))[0])
        if np.count_nonzero(use) < LEAST or np.count_nonzero(probe) < 200:
            # Too thin for a border: points outside the region are then taken to be absent.
            use, probe, volume = np.ones(len(use), dtype=bool), np.ones(len(probe), dtype=bool), region.volume_um3
        t = tree.query_ball_point(inside[use], radius, return_length=True) - 1
        shares = np.bincount(tree.query_ball_point(probes[probe], radius, return_length=True)) / np.count_nonzero(probe)
        n, total = len(t), float(t.sum())

        def loss(log_gamma: float, n: int = n, total: float = total, shares: Array = shares) -> float:
            # beta is profiled out: beta = n / integral of gamma^t.
            return n * float(np.log(shares @ np.exp(log_gamma * np.arange(len(shares))))) - total * log_gamma

        found = optimize.minimize_scalar(loss, bounds=(-8.0, 0.0), method="bounded")
        gamma = float(np.exp(found.x))
        beta = n / (volume * float(shares @ gamma ** np.arange(len(shares))))
        # Per point, since larger radii use fewer points; relative to the Poisson process on the same points.
        gain = -float(found.fun) / n
        if best is None or gain > best[0]:
            best = (gain, beta, gamma, float(radius))
    assert best is not None
    gain, beta, gamma, radius = best
    notes = []
    if gamma > 0.95 or gain * len(inside) < LEAST_GAIN:
        ratio = regularity(points_um, region)
        notes.append(
            f"The seeds do not repel each other (gamma {gamma:.2f}, mean nearest-neighbour distance {ratio:.2f} of that of "
            f"random points). Fit again with --seeds {'matern' if ratio < 0.95 else 'poisson'}."
        )
    return ProcessFit(Law("strauss", {"beta": beta, "gamma": gamma, "interaction_radius": radius}), True, tuple(notes), radius)
