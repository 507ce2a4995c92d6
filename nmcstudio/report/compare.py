"""Samples of a descriptor made into one comparison: densities, means, distances, and what the model differs from itself by."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.comparison import Comparison, Curve, Sample, Surface
from nmcstudio.stats.densities import bivariate_density, conditional_density, density, silverman_bandwidth
from nmcstudio.stats.distances import energy_distance, kolmogorov_smirnov, model_distances, wasserstein

ROLES = {"data": "data", "fitted": "fitted tessellation", "model": "model", "theory": "theory"}
_MINIMUM = 5


def _usable(sample: Sample) -> bool:
    return bool(len(sample.values) >= _MINIMUM and np.ptp(sample.values) > 0)


def _curve(sample: Sample, lower: float | None, upper: float | None, bandwidth: float | None, whole: bool) -> Curve:
    label = f"{ROLES[sample.role]} (n = {len(sample.values)})"
    mean = float(np.average(sample.values, weights=sample.weights))
    if whole:
        top = int(sample.values.max())
        share = np.bincount(sample.values.astype(int), weights=sample.weights, minlength=top + 1).astype(float)
        return Curve(sample.role, label, np.arange(top + 1.0), share / share.sum(), mean)
    drawn = density(sample.values, sample.weights, bandwidth=bandwidth, lower=lower, upper=upper)
    return Curve(sample.role, label, drawn.x, drawn.y, mean)


def compare_samples(
    key: str,
    title: str,
    subject: str,
    x_label: str,
    samples: tuple[Sample, ...],
    rng: np.random.Generator,
    *,
    unit: str = "",
    lower: float | None = 0.0,
    upper: float | None = None,
    whole: bool = False,
    note: str = "",
) -> Comparison | None:
    """One descriptor of data, fitted tessellation and model.

    Parameters
    ----------
    samples
        At least one with five values or more is needed; smaller ones are left out and named in the note.
    unit
        Unit of the descriptor, empty for plain numbers.
    lower, upper
        Bounds of the descriptor (sizes: 0; sphericity: 1; weights have none).
    whole
        True for counts: shares instead of a density.

    Returns
    -------
    The comparison, or None if no sample is large enough.
    """
    used = tuple(sample for sample in samples if _usable(sample))
    left_out = [ROLES[sample.role] for sample in samples if not _usable(sample)]
    if not used:
        return None
    if left_out:
        note = f"{note} Too few values for a curve: {', '.join(left_out)}.".strip()
    # One kernel for all: with their own bandwidths a small and a large sample of the same law would look different.
    width = None if whole else silverman_bandwidth(used[0].values, used[0].weights)
    curves = tuple(_curve(sample, lower, upper, width, whole) for sample in used)
    by_role = {sample.role: sample for sample in used}
    distances: dict[str, float] = {}
    data, model = by_role.get("data"), by_role.get("model")
    if data is not None and model is not None:
        distances |= _between(data, model, rng)
        itself = model_distances(model.values, len(data.values), rng)
        distances |= {"model_ks": itself.ks, "model_wasserstein": itself.wasserstein}
    fitted = by_role.get("fitted")
    if data is not None and fitted is not None:
        distances["fitted_wasserstein"] = wasserstein(data.values, fitted.values, data.weights, fitted.weights)
    y_label = "share" if whole else f"density [1/{unit}]" if unit else "density"
    return Comparison(key, title, subject, x_label, y_label, used, curves, (), distances, unit, note)


def _between(data: Sample, model: Sample, rng: np.random.Generator) -> dict[str, float]:
    tested = kolmogorov_smirnov(data.values, model.values, data.weights, model.weights, rng=rng)
    apart = wasserstein(data.values, model.values, data.weights, model.weights)
    return {"ks": tested.distance, "ks_p": tested.p, "wasserstein": apart}


def compare_pairs(
    key: str,
    title: str,
    subject: str,
    labels: tuple[str, str],
    pairs: dict[str, NDArray[np.float64]],
    weights: dict[str, NDArray[np.float64] | None],
    rng: np.random.Generator,
    *,
    y_upper: float | None = None,
    ranks: bool = False,
    note: str = "",
) -> Comparison | None:
    """The joint law of two descriptors.

    Parameters
    ----------
    labels
        Of the two axes, with units.
    pairs, weights
        Role to values ``(n, 2)``, and to weights ``(n,)`` or None.
    ranks
        The values are ranks in (0, 1): the densities are those of copulas.

    Returns
    -------
    The comparison with one surface a role and the energy distance of data and model; None if no role has values enough.
    """
    usable = {
        role: values for role, values in pairs.items() if len(values) >= 2 * _MINIMUM and np.all(np.ptp(values, axis=0) > 0)
    }
    if not usable:
        return None
    stacked = np.concatenate(list(usable.values()))
    low, high = np.quantile(stacked, [0.002, 0.998], axis=0)
    if ranks:
        low, high, y_upper = np.zeros(2), np.ones(2), 1.0
    grids = [np.linspace(low[axis], high[axis], 80) for axis in (0, 1)]
    bounds: dict[str, Any] = {"x_lower": 0.0, "x_upper": 1.0, "y_lower": 0.0} if ranks else {}
    surfaces = []
    first, mass = next(iter(usable.values())), weights.get(next(iter(usable)))
    widths = (silverman_bandwidth(first[:, 0], mass, 2), silverman_bandwidth(first[:, 1], mass, 2))
    for role, values in usable.items():
        drawn = bivariate_density(
            values[:, 0],
            values[:, 1],
            weights.get(role),
            x_grid=grids[0],
            y_grid=grids[1],
            bandwidths=widths,
            y_upper=y_upper,
            **bounds,
        )
        surfaces.append(Surface(role, drawn.x, drawn.y, drawn.z))
    distances: dict[str, float] = {}
    if "data" in usable and "model" in usable:
        tested = energy_distance(usable["data"], usable["model"], rng)
        distances = {"energy": tested.distance, "energy_p": tested.p}
        size = len(usable["data"])
        if len(usable["model"]) >= 2 * size:
            shuffled = rng.permutation(usable["model"])
            distances["model_energy"] = energy_distance(shuffled[:size], shuffled[size : 2 * size], rng, permutations=1).distance
    return Comparison(key, title, subject, labels[0], labels[1], (), (), tuple(surfaces), distances, "", note)


def compare_conditional(
    key: str,
    title: str,
    subject: str,
    x_label: str,
    pairs: dict[str, NDArray[np.float64]],
    weights: dict[str, NDArray[np.float64] | None],
    at: float,
    *,
    upper: float | None = None,
    note: str = "",
) -> Comparison | None:
    """Density of the second descriptor given that the first equals `at` (erratum E17)."""
    curves = []
    for role, values in pairs.items():
        if len(values) < 2 * _MINIMUM or not values[:, 0].min() <= at <= values[:, 0].max():
            continue
        drawn = conditional_density(values[:, 0], values[:, 1], at, weights.get(role), y_upper=upper)
        mean = float(np.trapezoid(drawn.x * drawn.y, drawn.x))
        curves.append(Curve(role, f"{ROLES[role]} (n = {len(values)})", drawn.x, drawn.y, mean))
    if not curves:
        return None
    distances = {}
    by_role = {curve.role: curve for curve in curves}
    if "data" in by_role and "model" in by_role:
        distances["integrated_difference"] = _integrated_difference(by_role["data"], by_role["model"])
    return Comparison(key, title, subject, x_label, "density", (), tuple(curves), (), distances, "", note)


def _integrated_difference(a: Curve, b: Curve) -> float:
    """Half the integral of |f - g|: 0 for equal densities, 1 for densities that do not overlap."""
    grid = np.linspace(min(a.x[0], b.x[0]), max(a.x[-1], b.x[-1]), 512)
    apart = np.abs(np.interp(grid, a.x, a.y, 0, 0) - np.interp(grid, b.x, b.y, 0, 0))
    return float(0.5 * np.trapezoid(apart, grid))


def compare_curves(
    key: str, title: str, subject: str, labels: tuple[str, str], curves: tuple[Curve, ...], *, note: str = ""
) -> Comparison:
    """Functions of a distance (pair correlation); the distance is the mean absolute difference over the common range."""
    distances = {}
    by_role = {curve.role: curve for curve in curves}
    for role in ("model", "theory"):
        if "data" in by_role and role in by_role:
            data, other = by_role["data"], by_role[role]
            distances[f"mean_difference_{role}"] = float(np.mean(np.abs(np.interp(data.x, other.x, other.y) - data.y)))
    return Comparison(key, title, subject, labels[0], labels[1], (), curves, (), distances, "", note)
