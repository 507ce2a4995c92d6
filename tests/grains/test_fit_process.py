"""Fits of point processes: recovery, honest words where the process does not suit the data."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.fit_matern import CONTRASTS, clusters_of, fit_matern
from nmcstudio.grains.fit_seeds import fit_poisson, fit_seeds
from nmcstudio.grains.palm import palm_of_windows
from nmcstudio.grains.process_fit import regularity
from nmcstudio.grains.processes import simulate_matern, simulate_poisson, simulate_strauss
from nmcstudio.grains.repulsion import count_within, strongest
from nmcstudio.stats.point_patterns import find_pairs
from nmcstudio.stats.regions import BoxRegion, MaskRegion

BOX = BoxRegion(np.array([[0.0, 6.0]] * 3))
PUBLISHED = (8.64, 0.418, 0.129)


@pytest.mark.parametrize("contrast", CONTRASTS)
def test_every_contrast_recovers_clusters(contrast):
    # One window of 780 seeds; bands of four standard deviations of models.md 8.4 (the plain g is the widest).
    points = simulate_matern(*PUBLISHED, BOX.bounds_um, np.random.default_rng(21))
    fit = fit_matern(points, BOX, contrast=contrast)
    lam, mu, radius = fit.law.parameters.values()
    assert fit.clustered
    assert lam * mu == pytest.approx(len(points) / 216)
    wide = 2.5 if contrast == "g" else 1.6
    assert 8.64 / wide < lam < 8.64 * wide
    assert 0.129 / 1.4 < radius < 0.129 * 1.4


def test_the_unit_does_not_matter():
    points = simulate_matern(*PUBLISHED, BOX.bounds_um, np.random.default_rng(5))
    um = fit_matern(points, BOX).law
    nm = fit_matern(points * 1000, BoxRegion(BOX.bounds_um * 1000)).law
    assert nm["cluster_radius"] == pytest.approx(1000 * um["cluster_radius"], rel=1e-3)
    assert nm["parent_intensity"] == pytest.approx(1e-9 * um["parent_intensity"], rel=1e-3)
    assert nm["mean_offspring"] == pytest.approx(um["mean_offspring"], rel=1e-3)


def test_a_mask_is_no_worse_than_a_box():
    # Erratum E18: the pattern is seen in a ball only; its volume and edges are those of the ball.
    rng = np.random.default_rng(6)
    z, y, x = np.indices((60, 60, 60))
    ball = MaskRegion((x - 29.5) ** 2 + (y - 29.5) ** 2 + (z - 29.5) ** 2 <= 29**2, (0.125,) * 3, (0.0625,) * 3)
    found = []
    for _ in range(6):
        points = simulate_matern(*PUBLISHED, np.array([[0.0, 7.5]] * 3), rng)
        found.append(list(fit_matern(points, ball).law.parameters.values()))
    lam, mu, radius = np.median(found, axis=0)
    assert lam == pytest.approx(8.64, rel=0.15)
    assert mu == pytest.approx(0.418, rel=0.2)
    assert radius == pytest.approx(0.129, rel=0.1)


def test_standard_errors_come_from_the_bootstrap():
    rng = np.random.default_rng(7)
    points = simulate_matern(*PUBLISHED, BOX.bounds_um, rng)
    errors = fit_seeds(points, BOX, "matern", rng, errors=20).law.errors
    # Spread between replicates of models.md 8.4, in um: 0.72, 0.040, 0.0065.
    assert 0.3 < errors["parent_intensity"] < 1.6
    assert 0.015 < errors["mean_offspring"] < 0.09
    assert 0.002 < errors["cluster_radius"] < 0.015


@pytest.mark.parametrize(("kind", "advice"), [("random", "poisson"), ("regular", "strauss")])
def test_patterns_without_clusters_get_a_warning_and_a_sensible_law(kind, advice):
    rng = np.random.default_rng(8)
    points = (
        simulate_poisson(3.6, BOX.bounds_um, rng) if kind == "random" else simulate_strauss(8.0, 0.1, 0.45, BOX.bounds_um, rng)
    )
    fit = fit_seeds(points, BOX, "matern", rng)
    assert not fit.clustered
    assert f"--seeds {advice}" in fit.notes[0]
    law = fit.law
    assert law["parent_intensity"] * law["mean_offspring"] == pytest.approx(len(points) / 216)
    assert law["mean_offspring"] == pytest.approx(0.02)
    assert np.isfinite(law["cluster_radius"])
    assert regularity(points, BOX) == pytest.approx(1.0, abs=0.08) if kind == "random" else regularity(points, BOX) > 1.15


def test_random_patterns_are_rarely_taken_for_clusters():
    rng = np.random.default_rng(15)
    wrong = sum(fit_matern(simulate_poisson(3.6, BOX.bounds_um, rng), BOX).clustered for _ in range(20))
    assert wrong <= 1


def test_strauss_is_recovered():
    rng = np.random.default_rng(9)
    wide = np.array([[-1.0, 8.0]] * 3)
    found = []
    for _ in range(2):
        fit = fit_seeds(simulate_strauss(6.0, 0.2, 0.45, wide, rng), BoxRegion(np.array([[0.0, 7.0]] * 3)), "strauss", rng)
        found.append(list(fit.law.parameters.values()))
        assert not fit.notes
    beta, gamma, radius = np.mean(found, axis=0)
    assert beta == pytest.approx(6.0, rel=0.2)
    assert gamma == pytest.approx(0.2, abs=0.1)
    assert radius == pytest.approx(0.45, rel=0.07)


def test_strauss_on_clusters_says_so():
    rng = np.random.default_rng(10)
    fit = fit_seeds(simulate_matern(*PUBLISHED, BOX.bounds_um, rng), BOX, "strauss", rng)
    assert "--seeds matern" in fit.notes[0]


def test_poisson_and_refusals():
    rng = np.random.default_rng(11)
    points = simulate_poisson(2.0, BOX.bounds_um, rng)
    law = fit_poisson(points, BOX).law
    assert law["intensity"] == pytest.approx(len(points) / 216)
    assert law.errors["intensity"] == pytest.approx(np.sqrt(len(points)) / 216)
    with pytest.raises(NmcError, match="too few"):
        fit_seeds(points[:10], BOX, "matern", rng)
    with pytest.raises(NmcError, match="unknown process"):
        fit_seeds(points, BOX, "cox", rng)
    with pytest.raises(NmcError, match="unknown method"):
        fit_matern(points, BOX, contrast="l3")


def test_tiny_pattern_does_not_crash():
    rng = np.random.default_rng(12)
    points = rng.uniform(0, 1, (22, 3))
    for kind in ("matern", "poisson", "strauss"):
        assert fit_seeds(points, BoxRegion(np.array([[0.0, 1.0]] * 3)), kind, rng, errors=8).law.parameters


def test_windows_of_one_process_pool():
    rng = np.random.default_rng(13)
    pairs = [find_pairs(simulate_matern(*PUBLISHED, BOX.bounds_um, rng), BOX, 0.54) for _ in range(6)]
    lam, mu, radius = palm_of_windows(pairs, (8.0, 0.12))
    assert lam == pytest.approx(8.64, rel=0.15)
    assert mu == pytest.approx(0.418, rel=0.15)
    assert radius == pytest.approx(0.129, rel=0.07)


@pytest.mark.parametrize("contrast", ["palm", "g", "k-quarter", "nearest-neighbour"])
def test_simulated_seeds_are_looked_at_as_the_data_was(contrast):
    """What the correction compares is the statistic that was fitted: on the data itself it gives the fit back."""
    points = simulate_matern(*PUBLISHED, BOX.bounds_um, np.random.default_rng(21))
    fit = fit_matern(points, BOX, contrast=contrast)
    assert (fit.contrast is None) == (contrast == "palm")
    lam, mu, radius = clusters_of([points], BOX, fit.r_max_um, fit.contrast, (9.0, 0.14), Monitor())
    np.testing.assert_allclose([lam, mu, radius], list(fit.law.parameters.values()), rtol=2e-2)


def test_the_range_of_repulsion_is_told_between_the_ranges_looked_at():
    rng = np.random.default_rng(17)
    wide = np.array([[-1.0, 9.0]] * 3)
    found = []
    for _ in range(3):
        points = simulate_strauss(6.0, 0.2, 0.45, wide, rng)
        inside = points[np.all((points > 0.7) & (points < 7.3), axis=1)]
        logs = np.log(0.5) + np.linspace(-0.3, 0.3, 25)
        places = rng.uniform(0.7, 7.3, (4000, 3))
        counts = [count_within(p, points, np.exp(logs)) for p in (inside, places)]
        found.append(np.exp(strongest([counts[0]], [counts[1]], logs, 0.0)))
    gamma, radius = np.mean(found, axis=0)
    assert radius == pytest.approx(0.45, rel=0.04)
    assert gamma == pytest.approx(0.2, abs=0.08)
    # Counting is counting.
    tree = cKDTree(points)
    expected = [tree.query_ball_point(inside[:50], r, return_length=True) - 1 for r in np.exp(logs)]
    np.testing.assert_array_equal(counts[0][:50], np.transpose(expected))


def test_cancelling():
    monitor = Monitor()
    monitor.cancel()
    points = simulate_matern(*PUBLISHED, BOX.bounds_um, np.random.default_rng(14))
    for kind in ("matern", "strauss"):
        with pytest.raises(Cancelled):
            fit_seeds(points, BOX, kind, np.random.default_rng(0), monitor=monitor)
