"""Point processes: simulation against theory, g and K by simulation, laws of the nearest neighbour."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.grains import Law
from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.distance_laws import DistanceLaw, distance_law, empirical_cdf
from nmcstudio.grains.matern import (
    ball_overlap,
    ball_volume,
    empty_space_theory,
    nearest_neighbour_theory,
    pair_correlation_theory,
    ripley_k_theory,
)
from nmcstudio.grains.processes import (
    intensity_of,
    simulate_matern,
    simulate_poisson,
    simulate_seeds,
    simulate_strauss,
    strauss_intensity,
)
from nmcstudio.stats.point_patterns import pair_correlation, ripley_k
from nmcstudio.stats.regions import BoxRegion

MATERN = Law("matern-cluster", {"parent_intensity": 8.64, "mean_offspring": 0.418, "cluster_radius": 0.129})


def window(edge):
    return np.array([[0.0, edge]] * 3)


@settings(max_examples=50, deadline=None)
@given(st.floats(0.1, 3), st.floats(0.1, 3), st.floats(0, 7))
@example(1.0, 1.0, 2.225073858507203e-309)
def test_ball_overlap_against_an_integral(a, b, x):
    # Discs of both balls, stacked along the line of the centres.
    t = np.linspace(-a, a, 20001)
    area = np.pi * np.minimum(a * a - t * t, np.maximum(b * b - (t - x) ** 2, 0))
    expected = np.trapezoid(area, t)
    assert float(ball_overlap(a, b, x)) == pytest.approx(expected, abs=1e-3 * float(ball_volume(max(a, b))))


def test_k_is_the_integral_of_g():
    r = np.linspace(0.001, 0.5, 200)
    e = 1e-6
    slope = (ripley_k_theory(r + e, 8.64, 0.129) - ripley_k_theory(r - e, 8.64, 0.129)) / (2 * e)
    np.testing.assert_allclose(slope, 4 * np.pi * r**2 * pair_correlation_theory(r, 8.64, 0.129), rtol=1e-5, atol=1e-8)


def test_g_and_k_by_simulation():
    rng = np.random.default_rng(3)
    region = BoxRegion(window(6.0))
    radii = np.array([0.06, 0.1, 0.15, 0.2, 0.3])
    g, k = [], []
    for _ in range(40):
        points = simulate_matern(8.64, 0.418, 0.129, region.bounds_um, rng)
        g.append(pair_correlation(points, region, radii, 0.03))
        k.append(ripley_k(points, region, radii))
    fine = np.linspace(-1, 1, 201)[1:-1]
    smooth = [np.average(pair_correlation_theory(r + 0.03 * fine, 8.64, 0.129), weights=1 - fine**2) for r in radii]
    for rows, theory in ((g, np.array(smooth)), (k, ripley_k_theory(radii, 8.64, 0.129))):
        error = np.std(rows, 0, ddof=1) / np.sqrt(40)
        assert np.all(abs(np.mean(rows, 0) - theory) < 4 * error + 0.01 * theory)


@pytest.mark.parametrize("law", [(8.64, 0.418, 0.129), (1.6, 6.0, 0.25)], ids=["published", "dense"])
def test_contact_and_neighbour_laws_by_simulation(law):
    lam, mu, radius = law
    rng = np.random.default_rng(4)
    guard = 3 * (lam * mu) ** (-1 / 3)
    near, empty = [], []
    d = np.array([0.5, 1.0, 2.0]) * radius
    for _ in range(8):
        points = simulate_matern(lam, mu, radius, window(8.0) + guard * np.array([-1, 1]), rng)
        inside = points[np.all((points > 0) & (points < 8), axis=1)]
        found = cKDTree(points).query(inside, k=2)[0][:, 1]
        near.append([np.mean(found <= v) for v in d])
        probe = cKDTree(points).query(rng.uniform(0, 8, (4000, 3)))[0]
        empty.append([np.mean(probe <= v) for v in d])
    for rows, theory in ((near, nearest_neighbour_theory(d, lam, mu, radius)), (empty, empty_space_theory(d, lam, mu, radius))):
        error = np.std(rows, 0, ddof=1) / np.sqrt(8)
        assert np.all(abs(np.mean(rows, 0) - theory) < 4.5 * error + 1e-3)


@settings(max_examples=15, deadline=None)
@given(st.floats(0.01, 30), st.floats(0.05, 20), st.floats(0.05, 2))
def test_distance_law_is_a_distribution(lam, mu, radius):
    law = distance_law(Law("matern-cluster", {"parent_intensity": lam, "mean_offspring": mu, "cluster_radius": radius}))
    values = law.cdf(law.distances_um)
    assert np.all(np.diff(values) >= 0)
    assert np.all((values > 0) & (values < 1))
    assert law.cdf(np.array([1e9]))[0] > 0.999


def test_poisson_limit_of_the_matern_law():
    d = np.linspace(0.01, 1, 30)
    poisson = distance_law(Law("poisson", {"intensity": 3.0})).cdf(d)
    np.testing.assert_allclose(nearest_neighbour_theory(d, 3.0 / 1e-6, 1e-6, 0.2), poisson, atol=1e-5)


def test_empirical_cdf_has_mid_ranks():
    np.testing.assert_allclose(empirical_cdf(np.array([3.0, 1.0, 2.0, 2.0])), [0.875, 0.125, 0.5, 0.5])
    values = empirical_cdf(np.array([0.0, 10.0]), np.arange(1.0, 5.0))
    assert np.all((values > 0) & (values < 1))


def test_intensities_and_window():
    rng = np.random.default_rng(5)
    box = np.array([[1.0, 5.0], [-3.0, 2.0], [0.0, 6.0]])
    for law in (MATERN, Law("poisson", {"intensity": 5.0})):
        counts = []
        for _ in range(30):
            points = simulate_seeds(law, box, rng)
            assert np.all((points >= box[:, 0]) & (points < box[:, 1]))
            counts.append(len(points))
        mean, error = np.mean(counts) / 120, np.std(counts) / 120 / np.sqrt(30)
        assert abs(mean - intensity_of(law)) < 4 * error
    with pytest.raises(NmcError, match="seeds"):
        simulate_poisson(1e12, box, rng)
    with pytest.raises(NmcError, match="unknown law"):
        simulate_seeds(Law("cox", {}), box, rng)


def test_strauss_limits():
    rng = np.random.default_rng(6)
    hard = simulate_strauss(20.0, 0.0, 0.3, window(4.0), rng)
    assert cKDTree(hard).query(hard, k=2)[0][:, 1].min() > 0.3
    # gamma = 1 is Poisson: the number of points is, and the chain forgets its start.
    counts = [len(simulate_strauss(4.0, 1.0, 0.3, window(4.0), rng)) for _ in range(40)]
    assert abs(np.mean(counts) - 256) < 4 * np.sqrt(256 / 40)
    assert 0.6 < np.var(counts) / 256 < 1.7
    assert strauss_intensity(4.0, 1.0, 0.3) == pytest.approx(4.0)
    with pytest.raises(NmcError, match="gamma"):
        simulate_strauss(4.0, 1.5, 0.3, window(4.0), rng)


def test_strauss_neighbours_obey_the_balance_equation():
    # Georgii-Nguyen-Zessin: the sum over points of 1 / lambda(x; X - x) has the mean |W|.
    rng = np.random.default_rng(7)
    beta, gamma, radius = 6.0, 0.3, 0.35
    ratios = []
    for _ in range(30):
        points = simulate_strauss(beta, gamma, radius, window(5.0), rng)
        t = cKDTree(points).query_ball_point(points, radius, return_length=True) - 1
        ratios.append(np.sum(1 / (beta * gamma**t)) / 125)
    assert abs(np.mean(ratios) - 1) < 4 * np.std(ratios) / np.sqrt(30)


def test_strauss_can_be_cancelled():
    monitor = Monitor()
    monitor.cancel()
    with pytest.raises(Cancelled):
        simulate_strauss(20.0, 0.5, 0.3, window(10.0), np.random.default_rng(0), monitor)


def test_strauss_law_agrees_with_a_pattern_and_is_kept():
    law = Law("strauss", {"beta": 6.0, "gamma": 0.3, "interaction_radius": 0.35})
    table = distance_law(law)
    assert isinstance(table, DistanceLaw)
    assert distance_law(law) is table
    points = simulate_seeds(law, window(14.0), np.random.default_rng(8))
    inner = points[np.all((points > 1.5) & (points < 12.5), axis=1)]
    found = cKDTree(points).query(inner, k=2)[0][:, 1]
    assert np.max(abs(np.searchsorted(np.sort(found), d := np.linspace(0.1, 0.8, 40)) / len(found) - table.cdf(d))) < 0.03
