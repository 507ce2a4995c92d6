"""Global envelopes: their level, their power, and the rank measures against a direct implementation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmcstudio.core.errors import NmcError
from nmcstudio.stats.densities import density
from nmcstudio.stats.envelopes import global_envelope, simulated_p


def direct_p(curves: np.ndarray) -> tuple[float, float, float]:
    """p of the extreme rank length of the first curve, and its p-interval, by comparing lists pair by pair."""
    total, points = curves.shape
    ranks = np.empty(curves.shape)
    for j in range(points):
        for i in range(total):
            below, same = np.sum(curves[:, j] < curves[i, j]), np.sum(curves[:, j] == curves[i, j])
            from_below = below + (same + 1) / 2
            ranks[i, j] = min(from_below, total + 1 - from_below)
    lists = [sorted(row) for row in ranks]
    least = np.array([row[0] for row in lists])
    p = sum(row <= lists[0] for row in lists) / total
    return p, max(np.sum(least < least[0]), 1) / total, np.sum(least <= least[0]) / total


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(19, 60), st.integers(1, 12), st.booleans())
def test_ranks_are_those_of_the_definition_and_the_band_agrees_with_the_test(seed, count, points, ties):
    rng = np.random.default_rng(seed)
    curves = rng.normal(size=(count + 1, points)).cumsum(axis=1)
    curves[0] += rng.choice([0.0, 2.0])
    if ties:
        curves = np.round(curves)
    found = global_envelope(curves[0], curves[1:])
    assert (found.p, found.p_low, found.p_high) == pytest.approx(direct_p(curves))
    assert found.p_low <= found.p <= found.p_high
    if not ties:
        assert bool(found.outside.any()) == (found.p <= 0.05)


def test_the_order_of_points_and_a_rising_transformation_do_not_matter():
    rng = np.random.default_rng(1)
    curves = rng.normal(size=(100, 30)).cumsum(axis=1)
    found = global_envelope(curves[0], curves[1:])
    order = rng.permutation(30)
    assert global_envelope(curves[0, order], curves[1:, order]).p == found.p
    changed = global_envelope(np.exp(curves[0]), np.exp(curves[1:]))
    assert changed.p == found.p
    np.testing.assert_allclose(changed.high, np.exp(found.high))


def test_too_few_simulations_are_refused():
    curves = np.random.default_rng(2).normal(size=(19, 4))
    with pytest.raises(NmcError, match="18 simulations are too few"):
        global_envelope(curves[0], curves[1:])
    assert global_envelope(np.full(4, 9.0), np.r_[curves, curves[:1]]).p == pytest.approx(1 / 21)


def test_monte_carlo_p_counts_the_observed_value():
    assert simulated_p(5.0, np.arange(4.0)) == pytest.approx(1 / 5)
    assert simulated_p(2.0, np.arange(4.0)) == pytest.approx(3 / 5)


def rejections(shift: float, replicates: int, rng: np.random.Generator) -> float:
    """Share of rejected densities of 80 gamma values, `shift` standard deviations off, by 99 simulations."""
    grid = np.linspace(0, 14, 60)
    simulated = np.stack([density(rng.gamma(4, 1, 80), grid=grid, bandwidth=0.7, lower=0.0).y for _ in range(99 * 4)])
    rejected = 0
    for _ in range(replicates):
        observed = density(rng.gamma(4, 1, 80) + 2 * shift, grid=grid, bandwidth=0.7, lower=0.0).y
        chosen = simulated[rng.choice(len(simulated), 99, replace=False)]
        rejected += global_envelope(observed, chosen).p <= 0.05
    return rejected / replicates


def test_a_shift_is_found_and_a_true_model_is_mostly_kept():
    rng = np.random.default_rng(3)
    assert rejections(0.6, 20, rng) > 0.8
    assert rejections(0.0, 40, rng) < 0.2


@pytest.mark.slow
def test_a_true_model_is_rejected_in_five_of_a_hundred():
    rng = np.random.default_rng(4)
    grid = np.linspace(0, 14, 60)
    rejected = 0
    for _ in range(400):
        curves = np.stack([density(rng.gamma(4, 1, 80), grid=grid, bandwidth=0.7, lower=0.0).y for _ in range(100)])
        rejected += global_envelope(curves[0], curves[1:]).p <= 0.05
    # Binomial with 400 trials of 0.05: 20 on average, 99.7 % within 8 to 34.
    assert 8 <= rejected <= 34
    assert rejections(0.35, 60, rng) > 0.6
