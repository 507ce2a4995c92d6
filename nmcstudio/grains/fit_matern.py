"""Fit of the Matérn cluster process to seeds (models.md 8.4)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import Law
from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.contrast import Contrast
from nmcstudio.grains.matern import ball_volume
from nmcstudio.grains.palm import MU_LIMITS, highest_palm, palm_of_windows, palm_start
from nmcstudio.grains.process_fit import LEAST, LEAST_GAIN, ProcessFit, regularity
from nmcstudio.grains.processes import simulate_matern
from nmcstudio.stats.point_patterns import find_pairs, ripley_k_of
from nmcstudio.stats.regions import Region

Array = NDArray[np.float64]

CONTRASTS = ("palm", "g", "g-quarter", "k-quarter", "nearest-neighbour")
# Probability, for a Poisson pattern, of as many close pairs at one of the looked-at distances. The Palm likelihood alone does not
# decide: it is a composite one, and gains on any pattern from fluctuations over long distances.
CLUSTERED_P = 1e-3


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
        Replicates of the parametric bootstrap; needs `rng`.

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
    start = palm_start(points_um, region)
    widest = 0.45 * float(np.min(np.ptp(region.bounds_um, axis=1)))
    r_max = min(4.2 * start[1], widest)
    pairs = find_pairs(points_um, region, r_max)
    lam, radius, gain = highest_palm(pairs, start, monitor)
    if abs(np.log(radius / start[1])) > 0.35:
        r_max = min(4.2 * radius, widest)
        pairs = find_pairs(points_um, region, r_max)
        lam, radius, gain = highest_palm(pairs, (lam, radius), monitor)
    clustered = _has_close_pairs(points_um, region) and gain >= LEAST_GAIN and intensity / lam > 1.5 * MU_LIMITS[0]
    method = None if contrast == "palm" else Contrast.of(contrast, intensity, radius, r_max)
    if method is not None:
        lam, radius = method.fit([points_um], region, (lam, radius), monitor)
    notes: list[str] = []
    spread: dict[str, float] = {}
    if not clustered:
        ratio = regularity(points_um, region)
        lam, radius = intensity / MU_LIMITS[0], 0.2 * intensity ** (-1 / 3)
        other = "strauss" if ratio > 1.05 else "poisson"
        notes.append(
            f"The seeds are not clustered by more than chance explains (mean nearest-neighbour distance {ratio:.2f} of that of "
            "random points): the Matérn fit "
            f"ends at its Poisson limit and its cluster radius means nothing. Fit again with --seeds {other}."
        )
    elif errors and rng is not None:
        spread = _bootstrap(region, lam, intensity / lam, radius, r_max, method, errors, rng, monitor)
    law = Law(
        "matern-cluster",
        {"parent_intensity": lam, "mean_offspring": intensity / lam, "cluster_radius": radius},
        spread,
    )
    return ProcessFit(law, clustered, tuple(notes), r_max, method)


def clusters_of(
    patterns: Sequence[Array],
    region: Region,
    r_max_um: float,
    contrast: Contrast | None,
    start: tuple[float, float],
    monitor: Monitor,
) -> tuple[float, float, float]:
    """(lambda, mu, R) of patterns that count as one, from a given start: the quick fit of simulated patterns.

    Parameters
    ----------
    patterns
        Points ``(n, 3)`` of each, in the region.
    region, r_max_um, contrast
        As in the fit of the data (`ProcessFit`).
    start
        (lambda, R).
    """
    if contrast is None:
        return palm_of_windows([find_pairs(p, region, r_max_um) for p in patterns if len(p) > 1], start, monitor)
    lam, radius = contrast.fit(patterns, region, start, monitor)
    return lam, sum(map(len, patterns)) / (len(patterns) * region.volume_um3 * lam), radius


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


def _bootstrap(
    region: Region,
    lam: float,
    mu: float,
    radius: float,
    r_max: float,
    method: Contrast | None,
    replicates: int,
    rng: np.random.Generator,
    monitor: Monitor,
) -> dict[str, float]:
    """Standard errors of (lambda, mu, R) from simulated patterns in the same region: half the central 68 % of the estimates."""
    estimates = []
    for _ in monitor.track(range(replicates), "Standard errors of the seed process"):
        points = simulate_matern(lam, mu, radius, region.bounds_um, rng)
        points = points[region.contains(points)]
        if len(points) >= LEAST:
            estimates.append(clusters_of([points], region, r_max, method, (lam, radius), monitor))
        if monitor.finish_requested and len(estimates) >= 8:
            break
    if len(estimates) < 8:
        return {}
    low, high = np.quantile(np.array(estimates), [0.159, 0.841], axis=0)
    names = ("parent_intensity", "mean_offspring", "cluster_radius")
    return {name: float(0.5 * (b - a)) for name, a, b in zip(names, low, high)}
