"""Published grain model: the numbers of models.md 17 (scripts v04, v05, v07, v08, v09, v15, v16) hold, within their own spread.

Lengths are voxels of 50 nm here, as in the paper; the functions do not care.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from nmcstudio.core.grains import GrainModel, Law
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.grains.correction import correct_empty_cells
from nmcstudio.grains.distance_laws import distance_law
from nmcstudio.grains.fit_matern import fit_matern
from nmcstudio.grains.labelling import label_grid
from nmcstudio.grains.marks import fit_marks
from nmcstudio.grains.matern import empty_space_theory, nearest_neighbour_theory, pair_correlation_theory
from nmcstudio.grains.palm import palm_of_windows
from nmcstudio.grains.processes import simulate_matern
from nmcstudio.grains.simulate import simulate_grains
from nmcstudio.grains.study import Study
from nmcstudio.grains.tawn import tawn_cdf, tawn_conditional, tawn_kendall_tau, tawn_log_density, tawn_pickands
from nmcstudio.grains.visibility import Raster
from nmcstudio.grains.weights import weight_cdf, weight_density, weight_moments, weight_of_vector, weight_quantile
from nmcstudio.grains.windows import Observation, SimulatedWindows
from nmcstudio.stats.descriptors import describe_labels
from nmcstudio.stats.point_patterns import find_pairs
from nmcstudio.stats.regions import BoxRegion

LAMBDA, MU, RADIUS = 0.00108, 0.418, 2.58
ALPHA, BETA, THETA = 16.8, 1247.0, -76.4
KAPPA, PSI1, PSI2 = 1.25, 1.0, 0.372
MODEL = GrainModel(
    seeds=Law("matern-cluster", {"parent_intensity": LAMBDA, "mean_offspring": MU, "cluster_radius": RADIUS}),
    weights=Law("inverse-gamma", {"alpha": ALPHA, "beta": BETA, "theta": THETA}),
    copula=Law("tawn", {"kappa": KAPPA, "psi1": PSI1, "psi2": PSI2}),
)


def box(edge):
    return np.array([[0.0, float(edge)]] * 3)


def test_matern_theory_v04():
    assert float(pair_correlation_theory(0.0, LAMBDA, RADIUS)) == pytest.approx(13.8715, abs=1e-4)
    np.testing.assert_allclose(nearest_neighbour_theory([RADIUS, 2 * RADIUS], LAMBDA, MU, RADIUS), [0.2014, 0.4765], atol=6e-5)
    np.testing.assert_allclose(empty_space_theory([RADIUS, 2 * RADIUS], LAMBDA, MU, RADIUS), [0.0300, 0.2048], atol=6e-5)
    law = distance_law(MODEL.seeds)
    assert law.mean_um == pytest.approx(5.854, abs=1e-3)
    assert law.sd_um == pytest.approx(3.361, abs=1e-3)
    quantiles = np.interp([0.05, 0.25, 0.5, 0.75, 0.95], law.values, law.distances_um)
    np.testing.assert_allclose(quantiles, [1.395, 2.910, 5.492, 8.421, 11.722], atol=2e-3)


def test_matern_theory_second_set_v04():
    law = distance_law(Law("matern-cluster", {"parent_intensity": 2e-4, "mean_offspring": 6.0, "cluster_radius": 5.0}))
    assert law.mean_um == pytest.approx(2.8075, abs=1e-3)
    assert law.sd_um == pytest.approx(1.265, abs=1e-3)
    assert nearest_neighbour_theory(5.0, 2e-4, 6.0, 5.0)[0] == pytest.approx(0.9449, abs=6e-5)
    assert empty_space_theory(5.0, 2e-4, 6.0, 5.0)[0] == pytest.approx(0.2708, abs=6e-5)


def test_weights_v05():
    moments = weight_moments(MODEL.weights)
    np.testing.assert_allclose(moments, [2.5241, 20.5153, 1.115], atol=6e-4)
    np.testing.assert_allclose(weight_quantile([0.05, 0.5, 0.95], MODEL.weights), [-24.573, -0.6768, 40.443], atol=6e-4)
    assert float(weight_cdf(0.0, MODEL.weights)) == pytest.approx(0.5144, abs=5e-5)
    grid = np.linspace(-20, 20, 400_001)
    assert grid[np.argmax(weight_density(grid, MODEL.weights))] == pytest.approx(-6.3438, abs=2e-4)


def test_copula_v05():
    assert tawn_kendall_tau(KAPPA, PSI1, PSI2) == pytest.approx(0.11028, abs=2e-5)
    table = [
        (0.3, 0.6, 0.20369230, 1.04247964, 0.30023647),
        (0.6, 0.3, 0.19796325, 0.97375365, 0.64747891),
        (0.9, 0.2, 0.18489283, 0.81738693, 0.92269565),
        (0.5, 0.5, 0.27655841, 1.03573470, 0.52561022),
    ]
    for u1, u2, c, density, h in table:
        assert float(tawn_cdf(u1, u2, KAPPA, PSI1, PSI2)) == pytest.approx(c, abs=1e-8)
        assert float(np.exp(tawn_log_density(u1, u2, KAPPA, PSI1, PSI2))) == pytest.approx(density, abs=1e-8)
        assert float(tawn_conditional(u1, u2, KAPPA, PSI1, PSI2)) == pytest.approx(h, abs=1e-8)
    t = np.linspace(1e-4, 1 - 1e-4, 100_001)
    values = tawn_pickands(t, KAPPA, PSI1, PSI2)
    assert float(tawn_pickands(0.5, KAPPA, PSI1, PSI2)) == pytest.approx(0.92717, abs=1e-5)
    assert t[np.argmin(values)] == pytest.approx(0.4017, abs=2e-4)
    # Upper tail dependence 2 (1 - A(1/2)); Spearman 12 int (1 + A)^-2 - 3.
    assert 2 * (1 - float(tawn_pickands(0.5, KAPPA, PSI1, PSI2))) == pytest.approx(0.14566, abs=1e-5)
    assert 12 * np.trapezoid((1 + values) ** -2, t) - 3 == pytest.approx(0.16344, abs=1e-3)


def recover(contrast, edge, law, replicates, rng):
    rows = []
    for _ in range(replicates):
        fit = fit_matern(simulate_matern(*law, box(edge), rng), BoxRegion(box(edge)), contrast=contrast)
        rows.append(list(fit.law.parameters.values()))
    return np.mean(rows, axis=0)


# Mean and spread of one replicate in models.md 8.4: a mean of n replicates lies within 3.5 spreads / sqrt(n) of it, and
# the table's own mean is of 30 replicates.
PALM = ((0.00103, 0.00009), (0.441, 0.040), (2.62, 0.13))


def within(found, stated, replicates, stated_replicates=30):
    for value, (mean, sd) in zip(found, stated):
        assert abs(value - mean) < 3.5 * sd * np.sqrt(1 / replicates + 1 / stated_replicates), (found, stated)


def test_palm_likelihood_v08():
    within(recover("palm", 120, (LAMBDA, MU, RADIUS), 8, np.random.default_rng(8)), PALM, 8)


def test_palm_likelihood_second_set_v08():
    found = recover("palm", 100, (2e-4, 6.0, 5.0), 4, np.random.default_rng(9))
    within(found, ((0.00020, 0.00002), (5.92, 0.41), (4.97, 0.15)), 4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("contrast", "stated"),
    [
        ("palm", PALM),
        # The start from the Palm fit and the smoothed theory make these narrower than the table; its spread is an upper bound.
        ("g", ((0.00110, 0.00062), (0.468, 0.116), (2.72, 0.57))),
        # The table's g^(1/4) compares with the raw theory and is biased (.00099, .458, 2.71). Ours smooths the theory by the
        # estimator's kernel, as models.md 8.3 asks: the aim is the truth, with the table's spread.
        ("g-quarter", ((0.00108, 0.00008), (0.418, 0.040), (2.58, 0.24))),
        ("k-quarter", ((0.00104, 0.00012), (0.441, 0.054), (2.59, 0.20))),
    ],
)
def test_all_contrasts_v08(contrast, stated):
    # The truth has no sampling error of its own, a mean of the table has that of 30 replicates.
    stated_replicates = np.inf if contrast == "g-quarter" else 30
    within(recover(contrast, 120, (LAMBDA, MU, RADIUS), 30, np.random.default_rng(10)), stated, 30, stated_replicates)


def marks_of(replicates, seed):
    rng = np.random.default_rng(seed)
    law = distance_law(MODEL.seeds)
    rows = []
    for _ in range(replicates):
        seeds, w, inside = simulate_grains(MODEL, box(120), rng)
        d = cKDTree(seeds).query(seeds[inside], k=2)[0][:, 1]
        fit = fit_marks(w[inside], law.cdf(d), errors=False)
        moments = weight_moments(fit.weights)
        rows.append(
            [*fit.weights.parameters.values(), fit.copula["psi2"], fit.copula["kappa"], fit.kendall_tau, *moments[:2], fit.pit_p]
        )
    return np.array(rows)


MARKS = ((17.5, 2.7), (1346, 324), (-77.9, 6.1), (0.38, 0.18), (1.29, 0.11), (0.109, 0.017), (2.66, 0.59), (20.55, 0.52))


def test_conditional_likelihood_v09():
    rows = marks_of(4, 9)
    # alpha and beta have a long upper tail: medians (17.2, 1297).
    found = np.concatenate([np.median(rows[:, :2], axis=0), rows[:, 2:8].mean(axis=0)])
    within(found, MARKS, 4, 24)
    assert rows[:, 8].min() > 0.05


@pytest.mark.slow
def test_conditional_likelihood_full_v09():
    rows = marks_of(24, 10)
    within(np.concatenate([np.median(rows[:, :2], axis=0), rows[:, 2:8].mean(axis=0)]), MARKS, 24, 24)


def labelled(seed, edge=120):
    rng = np.random.default_rng(seed)
    seeds, weights, _ = simulate_grains(MODEL, box(edge), rng)
    labels = label_grid("laguerre", seeds, weights, None, (edge,) * 3, (1.0,) * 3, (0.5,) * 3)
    return seeds, weights, labels


def cells_of(seed):
    """Row of v07 for one window: share of empty cells, mean d_eq, neighbours, slope of centroids on seeds, number of seeds."""
    seeds, _, labels = labelled(seed)
    sizes = np.bincount(labels.ravel(), minlength=len(seeds))
    inner = np.all((seeds >= 15) & (seeds < 105), axis=1)
    cells = describe_labels(LabelVolume((labels + 1).astype(np.uint32), (1.0,) * 3, (0.5,) * 3, kind="grains"))
    core = np.all((cells.centroids_um > 25) & (cells.centroids_um < 95), axis=1)
    s = seeds[cells.labels[core] - 1]
    m = cells.centroids_um[core]
    slope = np.sum((s - s.mean(0)) * (m - m.mean(0))) / np.sum((s - s.mean(0)) ** 2)
    return [
        np.mean(sizes[inner] == 0),
        cells.diameters_um[core].mean(),
        cells.neighbours[core].mean(),
        slope,
        inner.sum() / 90**3,
    ]


CELLS = ((0.039, 0.010), (15.23, 0.48), (14.8, 0.3), (0.988, 0.008), (0.000452, 0.000030))


def test_cells_of_the_published_model_v07():
    within(np.mean([cells_of(seed) for seed in range(3)], axis=0), CELLS, 3, 20)


@pytest.mark.slow
def test_cells_of_the_published_model_full_v07():
    within(np.mean([cells_of(seed) for seed in range(20)], axis=0), CELLS, 20, 20)


def visible_statistics(seed, edge=110):
    """Row of v15: Palm fit of the seeds with a voxel, intensity, mean distance, correlation, mean and spread of the weights."""
    rng = np.random.default_rng(seed)
    seeds, w, _ = simulate_grains(MODEL, box(edge), rng)
    labels = label_grid("laguerre", seeds, w, None, (edge + 20,) * 3, (1.0,) * 3, (-9.5,) * 3)
    seen = np.bincount(labels.ravel(), minlength=len(seeds)) > 0
    seeds, w = seeds[seen], w[seen]
    inside = np.all((seeds > 0) & (seeds < edge), axis=1)
    pairs = find_pairs(seeds[inside], BoxRegion(box(edge)), 4.2 * RADIUS)
    lam, mu, radius = palm_of_windows([pairs], (LAMBDA, RADIUS))
    d = cKDTree(seeds).query(seeds, k=2)[0][:, 1]
    return [
        lam,
        mu,
        radius,
        pairs.intensity,
        d[inside].mean(),
        np.corrcoef(w[inside], d[inside])[0, 1],
        w[inside].mean(),
        w[inside].std(),
    ]


VISIBLE = (
    (0.00133, 0.00023), (0.333, 0.051), (2.75, 0.20), (0.000431, 0.000024), (6.20, 0.21), (0.202, 0.042), (3.17, 0.85),
    (20.2, 0.8),
)  # fmt: skip


def test_visible_seeds_are_thinned_v15():
    within(np.mean([visible_statistics(seed) for seed in range(3)], axis=0), VISIBLE, 3, 20)


@pytest.mark.slow
def test_visible_seeds_full_v15():
    within(np.mean([visible_statistics(seed) for seed in range(20)], axis=0), VISIBLE, 20, 20)


@pytest.mark.slow
def test_correction_finds_the_truth_v16():
    # The data: 16 windows of the truth. The search starts from what their fit says, far from the truth.
    looked = Observation(BoxRegion(box(110)), Raster((110,) * 3, (1.0,) * 3, (0.5,) * 3))
    data = SimulatedWindows.plan(MODEL, looked, 16).draw(MODEL, np.random.default_rng(1000), Monitor())
    inside = [looked.region.contains(p.seeds_um) for p in data]
    pairs = [find_pairs(p.seeds_um, looked.region, 4.2 * RADIUS) for p in data]
    lam, mu, radius = palm_of_windows(pairs, (LAMBDA, RADIUS))
    assert mu < 0.37
    weights = np.concatenate([p.weights[k] for p, k in zip(data, inside)])
    start = replace(
        MODEL,
        seeds=Law("matern-cluster", {"parent_intensity": lam, "mean_offspring": mu, "cluster_radius": radius}),
        weights=weight_of_vector("inverse-gamma", np.array([weights.mean(), np.log(weights.std()), np.log(ALPHA - 2.0)])),
    )
    study = Study.plan(start, data, looked, 16, r_max_um=4.2 * RADIUS)
    result = correct_empty_cells(start, study, np.random.default_rng(16))
    assert result.converged, result.notes
    seeds = result.model.seeds
    # Target and simulation each have 16 windows: 0.17 / 4, 0.15 / 4 and 0.06 / 4 relative, and 0.93 / 4 of the mean weight.
    assert seeds["parent_intensity"] == pytest.approx(LAMBDA, rel=3 * np.sqrt(2) * 0.17 / 4)
    assert seeds["mean_offspring"] == pytest.approx(MU, rel=3 * np.sqrt(2) * 0.15 / 4)
    assert seeds["cluster_radius"] == pytest.approx(RADIUS, rel=3 * np.sqrt(2) * 0.06 / 4)
    assert weight_moments(result.model.weights).mean == pytest.approx(2.524, abs=3 * np.sqrt(2) * 0.93 / 4)
    assert result.hidden_share == pytest.approx(0.039, abs=0.01)
