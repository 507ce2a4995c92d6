"""Densities against scipy and exact integrals; distances against closed forms and nominal levels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nmcstudio.core.errors import NmcError
from nmcstudio.stats.densities import (
    bivariate_density,
    conditional_density,
    density,
    silverman_bandwidth,
    sphericity_density,
)
from nmcstudio.stats.distances import energy_distance, kolmogorov_smirnov, model_distances, wasserstein

RNG = np.random.default_rng(4)
DATA = RNG.gamma(4.0, 1.0, 300)
WEIGHTS = RNG.uniform(0.5, 2.0, 300)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_density_is_that_of_scipy(weights):
    grid = np.linspace(-2, 15, 50)
    reference = stats.gaussian_kde(DATA, "silverman", weights)
    ours = density(DATA, weights, grid=grid)
    np.testing.assert_allclose(ours.y, reference(grid), rtol=1e-10)
    assert ours.bandwidth == pytest.approx(np.sqrt(reference.covariance[0, 0]))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(0.5, 0.99))
def test_reflection_keeps_all_mass_below_one(seed, centre):
    values = np.minimum(np.random.default_rng(seed).normal(centre, 0.04, 150), 1.0)
    values = np.abs(values)
    curve = sphericity_density(values, grid=np.linspace(0, 1, 4001))
    assert np.trapezoid(curve.y, curve.x) == pytest.approx(1.0, abs=2e-3)
    assert density(values, upper=1.0, grid=np.array([1.1])).y[0] == 0


def test_bivariate_and_conditional_density_of_a_normal():
    rng = np.random.default_rng(6)
    x = rng.normal(size=6000)
    y = 0.8 * x + 0.6 * rng.normal(size=6000)
    joint = bivariate_density(x, y)
    mass = np.trapezoid(np.trapezoid(joint.z, joint.x, axis=1), joint.y)
    assert mass == pytest.approx(1.0, abs=0.01)
    slice_ = conditional_density(x, y, 1.0)
    mean = np.trapezoid(slice_.x * slice_.y, slice_.x)
    assert np.trapezoid(slice_.y, slice_.x) == pytest.approx(1.0)
    # The kernel widens x: the regression at 1 shrinks by 1 / (1 + h^2).
    h = silverman_bandwidth(x, None, 2)
    assert mean == pytest.approx(0.8 / (1 + h**2), abs=0.05)
    with pytest.raises(NmcError, match="no data near"):
        conditional_density(x, y, 60.0)


def test_too_small_samples_are_refused():
    with pytest.raises(NmcError, match="two different values"):
        density(np.array([1.0, 1.0]))
    with pytest.raises(NmcError, match="empty"):
        wasserstein(np.array([]), DATA)


def test_distances_of_known_laws():
    a = np.arange(100) / 100
    assert wasserstein(a, a + 0.3) == pytest.approx(0.3)
    assert kolmogorov_smirnov(a, a + 0.3).distance == pytest.approx(0.3, abs=0.011)
    assert kolmogorov_smirnov(DATA, DATA).p == pytest.approx(1.0)
    # Weighting by 2 equals repeating.
    doubled = kolmogorov_smirnov(np.r_[a, a[:50]], a + 0.1).distance
    weighted = kolmogorov_smirnov(a, a + 0.1, np.r_[np.full(50, 2.0), np.ones(50)], replicates=20).distance
    assert weighted == pytest.approx(doubled)


def test_weighted_ks_keeps_its_level_and_finds_a_shift():
    rng = np.random.default_rng(8)
    p = []
    for _ in range(60):
        a, b = rng.normal(size=80), rng.normal(size=60)
        p.append(kolmogorov_smirnov(a, b, rng.uniform(0.5, 1.5, 80), None, rng=rng, replicates=60).p)
    assert 0.3 < np.mean(p) < 0.7
    assert np.mean(np.array(p) < 0.1) < 0.25
    assert kolmogorov_smirnov(a, b + 1.0, np.ones(80), None, rng=rng, replicates=200).p < 0.02


def test_energy_distance():
    rng = np.random.default_rng(9)
    a, b = rng.normal(size=(150, 2)), rng.normal(size=(120, 2))
    same = energy_distance(a, b, rng)
    apart = energy_distance(a, b + np.array([0.0, 1.0]), rng)
    assert same.p > 0.01
    assert apart.p < 0.01
    assert apart.distance > 2 * same.distance
    # One dimension: scipy's energy distance.
    one = energy_distance(a[:, :1], b[:, :1], rng, scale=False).distance
    assert one == pytest.approx(stats.energy_distance(a[:, 0], b[:, 0]), rel=1e-9)
    # The unit of a coordinate does not matter.
    scaled = energy_distance(a * [1, 1000], b * [1, 1000], rng).distance
    assert scaled == pytest.approx(same.distance)


def test_model_against_itself_shrinks_with_the_sample():
    values = np.random.default_rng(10).normal(size=20000)
    rng = np.random.default_rng(1)
    small, large = model_distances(values, 50, rng), model_distances(values, 5000, rng)
    assert small.ks > 3 * large.ks
    assert small.wasserstein > 3 * large.wasserstein
    assert model_distances(values[:30], 50, rng).ks > 0
