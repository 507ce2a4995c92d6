"""Seeds and weights of data and model, beside the theory of the model's laws ([A] Fig. 6; models.md 8, 9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.comparison import Comparison, Curve, Sample, Surface
from nmcstudio.core.grains import GrainModel, Law
from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.copula import copula_log_density, kendall_tau
from nmcstudio.grains.distance_laws import distance_law
from nmcstudio.grains.matern import ball_volume, empty_space_theory, pair_correlation_theory
from nmcstudio.grains.weights import weight_density, weight_moments
from nmcstudio.report.compare import FEWEST_REPLICATES, Replicates, compare_curves, compare_pairs, compare_samples
from nmcstudio.report.grain_samples import SeedPattern
from nmcstudio.stats.densities import density, silverman_bandwidth

Array = NDArray[np.float64]
_SUBJECT = "grains"
_LEAST = 5  # values of a window
_FINE = 2000  # steps of the theoretical law of distances


def compare_generators(
    data: SeedPattern,
    visible: SeedPattern,
    every: SeedPattern,
    model: GrainModel | None,
    kind: str,
    rng: np.random.Generator,
    monitor: Monitor,
) -> list[Comparison]:
    """Pair correlation, empty space, distances to the nearest seed, weights, and how weight and distance depend.

    Parameters
    ----------
    data, visible, every
        Seeds of the fitted tessellation; of the model's visible cells; and all of the model's, those of empty cells too.
    model
        Gives the theory, which is that of all its seeds.
    kind
        Of the tessellation, for the unit of the weights.
    """
    law = model.seeds if model is not None else None
    patterns = {"data": data, "model": visible}
    found: list[Comparison | None] = [_pair_correlations(patterns, every, law), _empty_spaces(patterns, every, law)]
    monitor.check()
    found.append(_distances(patterns, law, rng, monitor))
    pooled = {role: pattern for role, pattern in patterns.items() if pattern.weights}
    unit = "µm" if kind == "gbpd-sqrt" else "µm²"
    samples = tuple(Sample(role, np.concatenate(pattern.weights)) for role, pattern in pooled.items())
    weights = compare_samples(
        "weights", "Weights of the cells", _SUBJECT, f"weight [{unit}]", samples, rng, unit=unit, lower=None,
        replicates=enough([(values, None) for values in visible.weights]), monitor=monitor,
    )  # fmt: skip
    found.append(weights if weights is None or model is None else _with_weight_law(weights, model.weights))
    pairs = {role: np.concatenate(pattern.pairs) for role, pattern in pooled.items()}
    labels = (f"weight [{unit}]", "distance to the nearest seed [µm]")
    replicates = enough([(values, None) for values in visible.pairs])
    title = "Weight and distance"
    found.append(
        compare_pairs(
            "weights-distances", title, _SUBJECT, labels, pairs, {}, rng, y_lower=0.0, replicates=replicates, monitor=monitor
        )
    )
    found.append(_copulas(pairs, model, rng))
    return [each for each in found if each is not None]


def enough(windows: Sequence[tuple[Array, Array | None]]) -> Replicates:
    """The windows as samples of the data's size, if they are enough for an envelope; those with hardly a value are left out."""
    used = [(values, mass) for values, mass in windows if len(values) >= _LEAST and np.all(np.ptp(values, axis=0) > 0)]
    return used if len(used) >= FEWEST_REPLICATES else ()


def _mean_curves(patterns: dict[str, list[Array]], x: Array) -> list[Curve]:
    words = {"data": "data", "model": "model, visible seeds"}
    return [Curve(role, words[role], x, np.mean(curves, axis=0)) for role, curves in patterns.items() if curves]


def _pair_correlations(patterns: dict[str, SeedPattern], every: SeedPattern, law: Law | None) -> Comparison | None:
    scale = every.scale
    curves = _mean_curves({role: pattern.pair_curves for role, pattern in patterns.items()}, scale.radii_um)
    if not curves:
        return None
    if law is not None and law.kind == "strauss" and every.pair_curves:
        curves.append(Curve("theory", "model, all seeds", scale.radii_um, np.mean(every.pair_curves, axis=0)))
    elif law is not None and law.kind != "strauss":
        theory = smoothed_pair_correlation(law, scale.radii_um, scale.bandwidth_um)
        curves.append(Curve("theory", "theory, all seeds", scale.radii_um, theory))
    note = (
        f"Translation-corrected, Epanechnikov kernel of {scale.bandwidth_um:.2g} µm; the theory is smoothed by the same kernel."
    )
    labels = ("distance [µm]", "pair correlation g")
    return compare_curves(
        "pair-correlation", "Pair correlation of the seeds", _SUBJECT, labels, tuple(curves),
        replicates=np.array(patterns["model"].pair_curves), note=note,
    )  # fmt: skip


def smoothed_pair_correlation(law: Law, radii_um: Array, bandwidth_um: float) -> Array:
    """g of a Matérn or Poisson process through the estimator's kernel: the raw curve differs near its kink (models.md 8.3)."""
    t, mass = np.polynomial.legendre.leggauss(24)
    kernel = 0.75 * (1 - t**2) * mass
    # The estimator has no pairs at negative distances: there its kernel is cut, and so it is here.
    at = radii_um[:, None] + bandwidth_um * t
    raw = np.ones_like(at)
    if law.kind == "matern-cluster":
        raw = pair_correlation_theory(np.maximum(at, 0.0), law["parent_intensity"], law["cluster_radius"])
    return np.where(at > 0, raw, 0.0) @ kernel


def _empty_spaces(patterns: dict[str, SeedPattern], every: SeedPattern, law: Law | None) -> Comparison | None:
    gaps = every.scale.gaps_um
    curves = _mean_curves({role: pattern.gap_curves for role, pattern in patterns.items()}, gaps)
    if not curves:
        return None
    if law is not None and law.kind == "strauss" and every.gap_curves:
        curves.append(Curve("theory", "model, all seeds", gaps, np.mean(every.gap_curves, axis=0)))
    elif law is not None and law.kind == "poisson":
        curves.append(Curve("theory", "theory, all seeds", gaps, -np.expm1(-law["intensity"] * ball_volume(gaps))))
    elif law is not None and law.kind == "matern-cluster":
        values = empty_space_theory(gaps, law["parent_intensity"], law["mean_offspring"], law["cluster_radius"])
        curves.append(Curve("theory", "theory, all seeds", gaps, values))
    note = "Probability that the nearest seed of a place lies within the distance; border-corrected."
    return compare_curves(
        "empty-space", "Distance of a place to the nearest seed", _SUBJECT, ("distance [µm]", "empty-space law F"),
        tuple(curves), replicates=np.array(patterns["model"].gap_curves), note=note,
    )  # fmt: skip


def _distances(
    patterns: dict[str, SeedPattern], law: Law | None, rng: np.random.Generator, monitor: Monitor
) -> Comparison | None:
    samples = tuple(
        Sample(role, *(np.concatenate(parts) for parts in zip(*pattern.distances)))
        for role, pattern in patterns.items()
        if pattern.distances
    )
    title = "Distance of a seed to its nearest neighbour"
    replicates = enough(patterns["model"].distances)
    found = compare_samples(
        "seed-distances", title, _SUBJECT, "distance [µm]", samples, rng, unit="µm", replicates=replicates, monitor=monitor,
        note="Hanisch's edge correction; the theory is smoothed by the same kernel.",
    )  # fmt: skip
    if found is None or law is None:
        return found
    theory = distance_law(law, monitor)
    edges = np.linspace(0.0, float(theory.distances_um[-1]), _FINE + 1)
    mass = np.diff(np.interp(edges, theory.distances_um, theory.values))
    x = found.curves[0].x
    first = found.samples[0]  # the kernel is that of the first sample, as in all curves of the figure
    width = silverman_bandwidth(first.values, first.weights)
    y = density(0.5 * (edges[1:] + edges[:-1]), mass, grid=x, bandwidth=width, lower=0.0).y
    words = "simulated, all seeds" if law.kind == "strauss" else "theory, all seeds"
    return replace(found, curves=(*found.curves, Curve("theory", words, x, y, theory.mean_um)))


def _with_weight_law(comparison: Comparison, law: Law) -> Comparison:
    x = np.linspace(min(c.x[0] for c in comparison.curves), max(c.x[-1] for c in comparison.curves), 256)
    curve = Curve("theory", "fitted law, all seeds", x, weight_density(x, law), weight_moments(law).mean)
    return replace(comparison, curves=(*comparison.curves, curve))


def _copulas(pairs: dict[str, Array], model: GrainModel | None, rng: np.random.Generator) -> Comparison | None:
    """Dependence alone: ranks of weight and distance, beside the fitted copula (models.md 9.2)."""
    from scipy.stats import kendalltau, rankdata

    ranks = {role: (rankdata(values, axis=0) - 0.5) / len(values) for role, values in pairs.items() if len(values) > 1}
    labels = ("rank of the weight", "rank of the distance")
    title = "Copula of weight and distance"
    found = compare_pairs("copula", title, _SUBJECT, labels, ranks, {}, rng, ranks=True)
    if found is None:
        return None
    distances = {f"kendall_{role}": float(kendalltau(*values.T).statistic) for role, values in ranks.items()}
    surfaces = found.surfaces
    if model is not None:
        x, y = surfaces[0].x, surfaces[0].y
        # The density may have a pole in a corner: the outermost half cell of the grid is left out.
        u, v = (np.clip(axis, 0.5 * (axis[1] - axis[0]), 1 - 0.5 * (axis[1] - axis[0])) for axis in (x, y))
        theory = np.exp(copula_log_density(u[None, :], v[:, None], model.copula))
        top = 1.5 * max(float(surface.z.max()) for surface in surfaces)
        words = f"fitted copula ({model.copula.kind})"
        surfaces = (*surfaces, Surface("theory", x, y, np.minimum(theory, top), words))
        distances["kendall_theory"] = kendall_tau(model.copula)
    return replace(found, surfaces=surfaces, distances=found.distances | distances)
