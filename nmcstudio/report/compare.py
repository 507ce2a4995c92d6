"""Samples of a descriptor made into one comparison: densities, means, distances, and what the model differs from itself by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.comparison import Band, Comparison, Curve, Sample, Surface
from nmcstudio.core.monitor import Monitor
from nmcstudio.stats.densities import bivariate_density, density, silverman_bandwidth
from nmcstudio.stats.distances import compare_twins, draw_twins, energy_distance, kolmogorov_smirnov, wasserstein
from nmcstudio.stats.envelopes import global_envelope, simulated_p

Array = NDArray[np.float64]
# Samples of the model, each of the data's size and chosen as the data are: values ``(n,)`` or ``(n, 2)``, and weights or None.
Replicates = Sequence[tuple[Array, Array | None]]

ROLES = {"data": "data", "fitted": "fitted tessellation", "model": "model", "theory": "theory"}
_MINIMUM = 5
_POINTS = 256
_JOINT_POINTS = 24
_TAIL = 0.01  # of the top of a density; what is lower is left out of envelopes
_ENERGY_TWINS = 100  # each costs a table of all distances between two samples
#: Fewest samples of the model for an envelope of 95 %.
FEWEST_REPLICATES = 19


def _usable(sample: Sample) -> bool:
    return bool(len(sample.values) >= _MINIMUM and np.ptp(sample.values) > 0)


def _grid(samples: Sequence[Sample], width: float, lower: float | None, upper: float | None) -> Array:
    start = min(float(sample.values.min()) for sample in samples) - 3 * width
    stop = max(float(sample.values.max()) for sample in samples) + 3 * width
    return np.linspace(start if lower is None else max(start, lower), stop if upper is None else min(stop, upper), _POINTS)


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
    bandwidth: float | None = None,
    labels: dict[str, str] | None = None,
    replicates: Replicates = (),
    note: str = "",
    monitor: Monitor | None = None,
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
    bandwidth
        Of the densities; None for Silverman's of the first sample. All have the same.
    labels
        Role to words for the legend; else the role and the number of values.
    replicates
        Samples of the model for the global envelope and for what two of them differ by; without them the latter comes from
        parts of the model's sample.

    Returns
    -------
    The comparison, or None if no sample is large enough.
    """
    monitor = monitor or Monitor()
    used = tuple(sample for sample in samples if _usable(sample))
    left_out = [ROLES[sample.role] for sample in samples if not _usable(sample)]
    if not used:
        return None
    if left_out:
        note = f"{note} Too few values for a curve: {', '.join(left_out)}.".strip()
    words = {sample.role: f"{ROLES[sample.role]} (n = {len(sample.values)})" for sample in used} | (labels or {})
    # One kernel for all: with their own bandwidths a small and a large sample of the same law would look different.
    width = bandwidth or silverman_bandwidth(used[0].values, used[0].weights)
    top = max(int(sample.values.max()) for sample in used)
    grid = np.arange(top + 1.0) if whole else _grid(used, width, lower, upper)

    def drawn(values: Array, weights: Array | None) -> Array:
        if whole:
            share = np.bincount(values.astype(int), weights=weights, minlength=top + 1)[: top + 1].astype(float)
            return share / share.sum()
        return density(values, weights, grid=grid, bandwidth=width, lower=lower, upper=upper).y

    curves = []
    for sample in used:
        mean = float(np.average(sample.values, weights=sample.weights))
        curves.append(Curve(sample.role, words[sample.role], grid, drawn(sample.values, sample.weights), mean))
    if not whole:
        note = f"{note} Gaussian kernel of {width:.2g}{f' {unit}' if unit else ''}.".strip()
    by_role = {sample.role: sample for sample in used}
    distances: dict[str, float] = {}
    bands: tuple[Band, ...] = ()
    data, model = by_role.get("data"), by_role.get("model")
    if data is not None and model is not None:
        distances |= _between(data, model, rng)
        if len(replicates) > 1:
            far = [wasserstein(values, model.values, mass, model.weights) for values, mass in monitor.track(replicates)]
            distances["wasserstein_p"] = simulated_p(distances["wasserstein"], np.array(far))
            distances |= compare_twins(replicates).figures()
        else:
            distances |= draw_twins(model.values, len(data.values), rng).figures()
        if len(replicates) >= FEWEST_REPLICATES:
            simulated = np.stack([drawn(*each) for each in monitor.track(replicates, f"envelope: {title.lower()}")])
            bands, tested = envelope_of(grid, drawn(data.values, data.weights), simulated, _TAIL)
            distances |= tested
    fitted = by_role.get("fitted")
    if data is not None and fitted is not None:
        distances["fitted_wasserstein"] = wasserstein(data.values, fitted.values, data.weights, fitted.weights)
    y_label = "share" if whole else f"density [1/{unit}]" if unit else "density"
    return Comparison(key, title, subject, x_label, y_label, used, tuple(curves), (), distances, unit, note, bands)


def _between(data: Sample, model: Sample, rng: np.random.Generator) -> dict[str, float]:
    tested = kolmogorov_smirnov(data.values, model.values, data.weights, model.weights, rng=rng)
    apart = wasserstein(data.values, model.values, data.weights, model.weights)
    return {"ks": tested.distance, "ks_p": tested.p, "wasserstein": apart}


def envelope_of(x: Array, observed: Array, simulated: Array, floor: float = 0.0) -> tuple[tuple[Band, ...], dict[str, float]]:
    """Global envelope of curves at `x` ``(m,)``: the band, and the p-value with its interval.

    Points where the mean curve is below `floor` of its top take no part: in the tails of a density ranks are those of the
    largest or smallest value alone, and would only spend power. All curves choose these points together, so that the level
    stays exact.
    """
    typical = np.concatenate([observed[None], simulated]).mean(axis=0)
    of_use = np.ones(len(x), dtype=bool) if floor == 0 else typical > floor * typical.max()
    found = global_envelope(observed[of_use], simulated[:, of_use])
    tested = {"envelope_p": found.p, "envelope_p_low": found.p_low, "envelope_p_high": found.p_high}
    return (Band(x[of_use], found.low, found.high, len(simulated)),), tested


def compare_pairs(
    key: str,
    title: str,
    subject: str,
    labels: tuple[str, str],
    pairs: dict[str, Array],
    weights: dict[str, Array | None],
    rng: np.random.Generator,
    *,
    x_lower: float | None = None,
    y_lower: float | None = None,
    y_upper: float | None = None,
    ranks: bool = False,
    replicates: Replicates = (),
    note: str = "",
    monitor: Monitor | None = None,
) -> Comparison | None:
    """The joint law of two descriptors.

    Parameters
    ----------
    labels
        Of the two axes, with units.
    pairs, weights
        Role to values ``(n, 2)``, and to weights ``(n,)`` or None.
    x_lower, y_lower, y_upper
        Bounds of the two descriptors, or None.
    ranks
        The values are ranks in (0, 1): the densities are those of copulas.
    replicates
        As in `compare_samples`, with values ``(n, 2)``.

    Returns
    -------
    The comparison with one surface a role and the energy distance of data and model; None if no role has values enough.
    """
    monitor = monitor or Monitor()
    usable = {
        role: values for role, values in pairs.items() if len(values) >= 2 * _MINIMUM and np.all(np.ptp(values, axis=0) > 0)
    }
    if not usable:
        return None
    stacked = np.concatenate(list(usable.values()))
    low, high = np.quantile(stacked, [0.002, 0.998], axis=0)
    bounds: dict[str, Any] = {"x_lower": x_lower, "y_lower": y_lower, "y_upper": y_upper}
    if ranks:
        low, high = np.zeros(2), np.ones(2)
        bounds = {"x_lower": 0.0, "x_upper": 1.0, "y_lower": 0.0, "y_upper": 1.0}
    first, mass = next(iter(usable.values())), weights.get(next(iter(usable)))
    widths = (silverman_bandwidth(first[:, 0], mass, 2), silverman_bandwidth(first[:, 1], mass, 2))
    if not ranks:
        low, high = low - widths, high + widths
        low = np.maximum(low, [-np.inf if bound is None else bound for bound in (x_lower, y_lower)])
        high[1] = min(high[1], np.inf if y_upper is None else y_upper)

    def drawn(values: Array, mass: Array | None, points: int) -> tuple[Array, Array, Array]:
        x, y = (np.linspace(low[axis], high[axis], points) for axis in (0, 1))
        found = bivariate_density(values[:, 0], values[:, 1], mass, x_grid=x, y_grid=y, bandwidths=widths, **bounds)
        return found.x, found.y, found.z

    surfaces = []
    for role, values in usable.items():
        centre = np.average(values, axis=0, weights=weights.get(role))
        label = f"{ROLES[role]} (n = {len(values)})"
        surfaces.append(Surface(role, *drawn(values, weights.get(role), 80), label, (float(centre[0]), float(centre[1]))))
    note = f"{note} Gaussian kernel of {widths[0]:.2g} along x, {widths[1]:.2g} along y.".strip()
    distances: dict[str, float] = {}
    if "data" in usable and "model" in usable:
        data, model = usable["data"], usable["model"]
        tested = energy_distance(data, model, rng, weights.get("data"), weights.get("model"))
        distances = {"energy": tested.distance, "energy_p": tested.p}
        twins = replicates if len(replicates) > 1 else [(part, None) for part in _parts(model, len(data), rng)]
        distances |= _energy_twins(twins[:_ENERGY_TWINS], stacked.std(axis=0), rng, monitor)
        if len(replicates) >= FEWEST_REPLICATES:
            simulated = np.stack([drawn(*each, _JOINT_POINTS)[2].ravel() for each in monitor.track(replicates)])
            observed = drawn(data, weights.get("data"), _JOINT_POINTS)[2].ravel()
            distances |= envelope_of(np.arange(float(len(observed))), observed, simulated, _TAIL)[1]
    return Comparison(key, title, subject, labels[0], labels[1], (), (), tuple(surfaces), distances, "", note)


def _parts(model: Array, size: int, rng: np.random.Generator) -> list[Array]:
    """The sample cut into parts of `size` rows."""
    shuffled = rng.permutation(model)
    return [shuffled[start : start + size] for start in range(0, len(model) - size + 1, size)]


def _energy_twins(replicates: Replicates, scale: Array, rng: np.random.Generator, monitor: Monitor) -> dict[str, float]:
    if len(replicates) <= 1:
        return {}
    apart = [
        energy_distance(a, b, rng, wa, wb, permutations=0, scale=scale).distance
        for (a, wa), (b, wb) in monitor.track([*zip(replicates, [*replicates[1:], replicates[0]])], "distances between samples")
    ]
    return {"model_energy": float(np.mean(apart)), "model_energy_95": float(np.quantile(apart, 0.95))}


def compare_curves(
    key: str,
    title: str,
    subject: str,
    labels: tuple[str, str],
    curves: tuple[Curve, ...],
    *,
    replicates: Array | None = None,
    note: str = "",
) -> Comparison:
    """Functions of a distance or an angle; the distance is the mean absolute difference over the common range.

    Parameters
    ----------
    replicates
        float64 ``(s, m)``: the same curve of samples of the model of the data's size, at the x of the data's curve; adds the
        global envelope.
    """
    distances = {}
    bands: tuple[Band, ...] = ()
    by_role = {curve.role: curve for curve in curves}
    for role in ("model", "theory"):
        if "data" in by_role and role in by_role:
            data, other = by_role["data"], by_role[role]
            common = (data.x >= other.x[0]) & (data.x <= other.x[-1])
            apart = np.abs(np.interp(data.x, other.x, other.y) - data.y)[common]
            distances[f"mean_difference_{role}"] = float(np.mean(apart))
    if replicates is not None and len(replicates) >= FEWEST_REPLICATES and "data" in by_role:
        bands, tested = envelope_of(by_role["data"].x, by_role["data"].y, replicates)
        distances |= tested
    return Comparison(key, title, subject, labels[0], labels[1], (), curves, (), distances, "", note, bands)
