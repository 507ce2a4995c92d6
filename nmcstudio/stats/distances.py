"""Distances between two samples: how far is the model from the data, and how far from itself (models.md 13.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError

Array = NDArray[np.float64]


class Tested(NamedTuple):
    """A distance and the probability of one as large between two samples of the same law."""

    distance: float
    p: float


def _cumulative(values: Array, weights: Array | None, at: Array) -> Array:
    order = np.argsort(values, kind="stable")
    mass = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=float)
    sums = np.concatenate([[0.0], np.cumsum(mass[order])])
    return sums[np.searchsorted(values[order], at, side="right")] / sums[-1]


def _ks_distance(a: Array, b: Array, weights_a: Array | None, weights_b: Array | None) -> float:
    at = np.concatenate([a, b])
    return float(np.max(np.abs(_cumulative(a, weights_a, at) - _cumulative(b, weights_b, at))))


def _need(*samples: Array) -> None:
    if any(len(sample) == 0 for sample in samples):
        raise NmcError("one of the two samples is empty", "a distance needs data on both sides")


def kolmogorov_smirnov(
    a: Array,
    b: Array,
    weights_a: Array | None = None,
    weights_b: Array | None = None,
    *,
    rng: np.random.Generator | None = None,
    replicates: int = 500,
) -> Tested:
    """Kolmogorov-Smirnov distance of two samples and its p-value.

    Parameters
    ----------
    a, b
        float64 ``(n,)`` and ``(m,)``.
    weights_a, weights_b
        Weights of the values; with any, p comes from a bootstrap under the null hypothesis: both samples are drawn, values
        with their weights, from the pooled one.
    rng
        Needed with weights only; None for a fixed seed.
    replicates
        Bootstrap samples.
    """
    from scipy import stats

    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    _need(a, b)
    if weights_a is None and weights_b is None:
        result = stats.ks_2samp(a, b)
        return Tested(float(result.statistic), float(result.pvalue))
    wa = np.ones(len(a)) if weights_a is None else np.asarray(weights_a, dtype=float)
    wb = np.ones(len(b)) if weights_b is None else np.asarray(weights_b, dtype=float)
    observed = _ks_distance(a, b, wa, wb)
    rng = rng or np.random.default_rng(0)
    # Each sample's weights are scaled to mean 1, so that the pooled law gives each the share of its size.
    values, mass = np.concatenate([a, b]), np.concatenate([wa / wa.mean(), wb / wb.mean()])
    as_large = 0
    for _ in range(replicates):
        pick_a, pick_b = rng.integers(0, len(values), len(a)), rng.integers(0, len(values), len(b))
        as_large += _ks_distance(values[pick_a], values[pick_b], mass[pick_a], mass[pick_b]) >= observed
    return Tested(observed, (as_large + 1) / (replicates + 1))


def wasserstein(a: Array, b: Array, weights_a: Array | None = None, weights_b: Array | None = None) -> float:
    """Wasserstein-1 distance of two samples, in their unit."""
    from scipy import stats

    _need(a, b)
    return float(stats.wasserstein_distance(a, b, weights_a, weights_b))


def energy_distance(
    a: Array,
    b: Array,
    rng: np.random.Generator,
    weights_a: Array | None = None,
    weights_b: Array | None = None,
    *,
    permutations: int = 200,
    largest: int = 1500,
    scale: bool | Array = True,
) -> Tested:
    """Energy distance of two multivariate samples and its permutation p-value.

    Parameters
    ----------
    a, b
        float64 ``(n, d)`` and ``(m, d)``.
    rng
        Draws the permutations, and `largest` rows where a sample has more.
    weights_a, weights_b
        Weights of the rows, or None; in a permutation a row keeps its weight.
    permutations
        Number of permutations; with 0 p is NaN.
    scale
        Divide every coordinate by its pooled standard deviation, or by the numbers given ``(d,)``: without it a diameter in um
        drowns a sphericity.

    Returns
    -------
    sqrt(2 E|X - Y| - E|X - X'| - E|Y - Y'|) and p.
    """
    from scipy.spatial.distance import cdist

    _need(a, b)
    a, wa = _thinned(a, weights_a, largest, rng)
    b, wb = _thinned(b, weights_b, largest, rng)
    pooled, mass = np.concatenate([a, b]), np.concatenate([wa, wb])
    if scale is not False:
        spread = pooled.std(axis=0) if scale is True else np.asarray(scale, dtype=float)
        pooled = pooled / np.where(spread > 0, spread, 1.0)
    distances = cdist(pooled, pooled)
    n = len(a)
    # With masses s, summing to 1 on a and to -1 on b, the squared distance is -s'Ds.
    signs = np.stack(
        [_signed(mass, rng.permutation(len(mass)) if row else np.arange(len(mass)), n) for row in range(permutations + 1)]
    )
    squared = -np.einsum("ij,ij->i", signs @ distances, signs)
    p = np.count_nonzero(squared >= squared[0] - 1e-15) / (permutations + 1) if permutations else np.nan
    return Tested(float(np.sqrt(max(squared[0], 0.0))), float(p))


def _thinned(values: Array, weights: Array | None, largest: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Rows ``(n, d)`` and weights of mean 1, at most `largest` of them."""
    rows = np.asarray(values, dtype=float).reshape(len(values), -1)
    mass = np.ones(len(rows)) if weights is None else np.asarray(weights, dtype=float)
    if len(rows) > largest:
        chosen = rng.choice(len(rows), largest, replace=False)
        rows, mass = rows[chosen], mass[chosen]
    return rows, mass / mass.mean()


def _signed(mass: Array, order: NDArray[np.int64], n: int) -> Array:
    """Masses of one labelling: the first `n` of `order` are the first sample."""
    out = np.empty(len(mass))
    out[order[:n]] = mass[order[:n]] / mass[order[:n]].sum()
    out[order[n:]] = -mass[order[n:]] / mass[order[n:]].sum()
    return out


class Twins(NamedTuple):
    """Distances between pairs of samples of the model, float64 ``(s,)`` each: what a perfect model would reach."""

    ks: Array
    wasserstein: Array

    def figures(self) -> dict[str, float]:
        """Mean and 95 % quantile of each, by name."""
        found: dict[str, float] = {}
        for name, values in self._asdict().items():
            found |= {f"model_{name}": float(np.mean(values)), f"model_{name}_95": float(np.quantile(values, 0.95))}
        return found


def compare_twins(samples: Sequence[tuple[Array, Array | None]]) -> Twins:
    """Distance between each of the samples (values and weights) and the next, the last one and the first."""
    ks, w1 = [], []
    for (a, wa), (b, wb) in zip(samples, [*samples[1:], samples[0]]):
        ks.append(_ks_distance(a, b, wa, wb))
        w1.append(wasserstein(a, b, wa, wb))
    return Twins(np.array(ks), np.array(w1))


def draw_twins(values: Array, size: int, rng: np.random.Generator, pairs: int = 99) -> Twins:
    """Distances between two samples of `size` values, drawn without replacement from the model's values ``(n,)``.

    Where the model has fewer than 2 `size` values, they are drawn with replacement.
    """
    values = np.asarray(values, dtype=float)
    _need(values)
    ks, w1 = [], []
    for _ in range(pairs):
        enough = len(values) >= 2 * size
        index = rng.permutation(len(values))[: 2 * size] if enough else rng.integers(0, len(values), 2 * size)
        a, b = values[index[:size]], values[index[size:]]
        ks.append(_ks_distance(a, b, None, None))
        w1.append(wasserstein(a, b))
    return Twins(np.array(ks), np.array(w1))
