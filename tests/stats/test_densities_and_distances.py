"""Densities against scipy and exact integrals; distances against closed forms and nominal levels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nmcstudio.core.errors import NmcError
from nmcstudio.stats.densities import bivariate_density, density, effective_size, silverman_bandwidth, weights_near
from nmcstudio.stats.distances import compare_twins, draw_twins, energy_distance, kolmogorov_smirnov, wasserstein

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
    curve = density(values, grid=np.linspace(0, 1, 4001), lower=0.0, upper=1.0)
    assert np.trapezoid(curve.y, curve.x) == pytest.approx(1.0, abs=2e-3)
    assert density(values, upper=1.0, grid=np.array([1.1])).y[0] == 0


def test_bivariate_and_conditional_density_of_a_normal():
    rng = np.random.default_rng(6)
    x = rng.normal(size=6000)
    y = 0.8 * x + 0.6 * rng.normal(size=6000)
    joint = bivariate_density(x, y)
    mass = np.trapezoid(np.trapezoid(joint.z, joint.x, axis=1), joint.y)
    assert mass == pytest.approx(1.0, abs=0.01)
    h = silverman_bandwidth(x, None, 2)
    near = weights_near(x, 1.0, h)
    # The kernel widens x: the regression at 1 shrinks by 1 / (1 + h^2).
    assert np.average(y, weights=near) == pytest.approx(0.8 / (1 + h**2), abs=0.05)
    with pytest.raises(NmcError, match="no data near"):
        weights_near(x, 60.0, h)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_a_sample_weighted_by_nearness_has_the_density_of_a_slice_of_the_joint_one(weights):
    y = np.sin(DATA) + np.random.default_rng(1).normal(size=300)
    widths = (0.4, 0.3)
    grid = np.linspace(-4, 4, 200)
    joint = bivariate_density(DATA, y, weights, x_grid=np.array([3.0]), y_grid=grid, bandwidths=widths)
    slice_ = joint.z[:, 0] / np.trapezoid(joint.z[:, 0], grid)
    ours = density(y, weights_near(DATA, 3.0, widths[0], weights), grid=grid, bandwidth=widths[1])
    # The slice has the kernel's tails beyond three bandwidths too.
    assert np.abs(ours.y - slice_).max() < 0.01 * slice_.max()


def test_effective_size_is_that_of_the_variance_of_a_weighted_mean():
    assert effective_size(None, 7) == 7
    assert effective_size(np.full(9, 2.5), 9) == pytest.approx(9)
    assert effective_size(np.array([1.0, 1.0, 0.0]), 3) == pytest.approx(2)


def test_mirror_images_that_are_left_out_do_not_matter():
    values = np.random.default_rng(2).uniform(0, 1, 200)
    grid = np.linspace(0, 1, 101)
    full = sum(stats.norm.pdf(grid[:, None], at, 0.03).sum(axis=1) for at in (values, -values, 2 - values)) / 200
    np.testing.assert_allclose(density(values, grid=grid, bandwidth=0.03, lower=0.0, upper=1.0).y, full, rtol=1e-9)


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


def direct_energy(a, b, wa, wb):
    """The squared energy distance by its definition, a loop over pairs."""

    def mean(x, y, wx, wy):
        total = sum(u * v * np.linalg.norm(p - q) for p, u in zip(x, wx) for q, v in zip(y, wy))
        return total / (sum(wx) * sum(wy))

    return 2 * mean(a, b, wa, wb) - mean(a, a, wa, wa) - mean(b, b, wb, wb)


def test_weighted_energy_distance_is_that_of_its_definition():
    rng = np.random.default_rng(12)
    a, b = rng.normal(size=(23, 2)), rng.normal(0.4, 1, size=(17, 2))
    wa, wb = rng.uniform(0.5, 3, 23), rng.uniform(0.5, 3, 17)
    ours = energy_distance(a, b, rng, wa, wb, scale=False)
    assert ours.distance**2 == pytest.approx(direct_energy(a, b, wa, wb), rel=1e-10)
    # Weighting by 2 equals repeating.
    double = energy_distance(np.r_[a, a[:5]], b, rng, permutations=0, scale=False).distance
    twice = energy_distance(a, b, rng, np.r_[np.full(5, 2.0), np.ones(18)], permutations=0, scale=False).distance
    assert twice == pytest.approx(double)
    units = energy_distance(a * [1, 1000], b * [1, 1000], rng, wa, wb, scale=np.array([1.0, 1000.0]))
    assert units.distance == pytest.approx(ours.distance)


def test_permutation_p_of_weighted_samples_is_uniform():
    rng = np.random.default_rng(14)
    p = []
    for _ in range(120):
        a, b = rng.normal(size=(30, 2)), rng.normal(size=(40, 2))
        p.append(energy_distance(a, b, rng, rng.uniform(0.5, 2, 30), rng.uniform(0.5, 2, 40), permutations=39).p)
    assert stats.kstest(p, "uniform").pvalue > 0.005


def test_weighted_distances_are_those_of_scipy():
    rng = np.random.default_rng(15)
    other, mass = rng.gamma(4.2, 1.0, 200), rng.uniform(0.1, 3, 200)
    ours = wasserstein(DATA, other, WEIGHTS, mass)
    assert ours == pytest.approx(stats.wasserstein_distance(DATA, other, WEIGHTS, mass))
    # By definition: the area between the two distribution functions.
    at = np.sort(np.r_[DATA, other])
    steps = [np.array([w[v <= x].sum() for x in at]) / w.sum() for v, w in ((DATA, WEIGHTS), (other, mass))]
    apart = np.abs(steps[0] - steps[1])
    assert ours == pytest.approx(float(apart[:-1] @ np.diff(at)))
    assert kolmogorov_smirnov(DATA, other, WEIGHTS, mass, replicates=10).distance == pytest.approx(apart.max())
    plain = kolmogorov_smirnov(DATA, other)
    assert plain == pytest.approx(tuple(stats.ks_2samp(DATA, other)))


def test_model_against_itself_shrinks_with_the_sample():
    values = np.random.default_rng(10).normal(size=20000)
    rng = np.random.default_rng(1)
    small, large = draw_twins(values, 50, rng, 20).figures(), draw_twins(values, 5000, rng, 20).figures()
    assert small["model_ks"] > 3 * large["model_ks"]
    assert small["model_wasserstein"] > 3 * large["model_wasserstein"]
    assert small["model_ks_95"] > small["model_ks"]
    assert draw_twins(values[:30], 50, rng, 5).ks.min() > 0


def test_twins_are_neighbours_in_the_list():
    samples = [(np.array([0.0, 1.0]), None), (np.array([0.5, 1.5]), None), (np.array([0.0, 4.0]), np.array([3.0, 1.0]))]
    twins = compare_twins(samples)
    assert twins.wasserstein == pytest.approx([0.5, stats.wasserstein_distance([0.5, 1.5], [0.0, 4.0], None, [3, 1]), 1.0])
