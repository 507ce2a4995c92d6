"""Fit, simulation and empty-cell correction of the grain model, on small simulated tessellations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import GrainModel, Law, Tessellation
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.crystal.quaternions import random_orientations
from nmcstudio.grains.labelling import label_grid
from nmcstudio.grains.matrix_law import draw_matrices
from nmcstudio.grains.model import fit_grains
from nmcstudio.grains.observed import observed_region
from nmcstudio.grains.processes import simulate_strauss
from nmcstudio.grains.simulate import guard_um, simulate_grains, simulate_matrices
from nmcstudio.stats.regions import BoxRegion, MaskRegion

PUBLISHED = GrainModel(
    seeds=Law("matern-cluster", {"parent_intensity": 8.64, "mean_offspring": 0.418, "cluster_radius": 0.129}),
    weights=Law("inverse-gamma", {"alpha": 16.8, "beta": 3.1175, "theta": -0.191}),
    copula=Law("tawn", {"kappa": 1.25, "psi1": 1.0, "psi2": 0.372}),
)
WINDOW = np.array([[0.0, 5.0], [-1.0, 4.0], [2.0, 6.5]])


def fit_quickly(data, **options):
    """A fit without what compares it with others."""
    return fit_grains(data, **{"envelopes": 0, "compare_laws": False} | options)


def tessellation(seed=1, model=PUBLISHED, window=WINDOW, **more):
    """Generators in the window and a small frame, as a fit would give them: only those with a voxel."""
    rng = np.random.default_rng(seed)
    wide = window + 0.5 * np.array([-1, 1])
    seeds, weights, inside = simulate_grains(model, wide, rng)
    matrices = simulate_matrices(model, weights, rng)
    h = 0.05
    shape = np.round((wide[:, 1] - wide[:, 0]) / h).astype(int)[::-1]
    labels = label_grid(model.kind, seeds, weights, matrices, tuple(shape), (h,) * 3, tuple(wide[::-1, 0] + h / 2))
    keep = (np.bincount(labels.ravel(), minlength=len(seeds)) > 0) & inside
    given = {"gauge": "stationarity", **more}
    for name in ("quaternions",):
        if name in given:
            given[name] = given[name](int(keep.sum()))
    return Tessellation(
        model.kind,
        np.arange(1, keep.sum() + 1),
        seeds[keep],
        weights[keep],
        window,
        matrices=None if matrices is None else matrices[keep],
        **given,
    )


@pytest.fixture(scope="module")
def fitted():
    return fit_quickly(tessellation(), rng=np.random.default_rng(2), correct_empty_cells=False)


def test_fit_is_near_the_published_parameters(fitted):
    seeds, weights = fitted.seeds, fitted.weights
    # Visible seeds only (v15, in um): lambda 10.6 +- 1.8, mu 0.333 +- 0.051, R 0.1375 +- 0.010.
    assert 5 < seeds["parent_intensity"] < 18
    assert 0.18 < seeds["mean_offspring"] < 0.55
    assert 0.10 < seeds["cluster_radius"] < 0.18
    assert weights["alpha"] > 5
    assert set(seeds.errors) == {"parent_intensity", "mean_offspring", "cluster_radius"}
    assert fitted.gauge == "stationarity"
    assert fitted.distance_law == "theory"
    assert fitted.as_published == {}
    assert fitted.sample_size > 300
    assert fitted.texture.kind == "uniform"


def test_same_seed_same_model(fitted):
    again = fit_quickly(tessellation(), rng=np.random.default_rng(2), correct_empty_cells=False)
    assert again.seeds == fitted.seeds
    assert again.weights == fitted.weights
    assert again.copula == fitted.copula


def test_simulation_has_the_law_and_the_guard():
    rng = np.random.default_rng(3)
    seeds, weights, inside = simulate_grains(PUBLISHED, WINDOW, rng)
    guard = guard_um(PUBLISHED.seeds, PUBLISHED.weights)
    assert guard > 3 * 3.6115 ** (-1 / 3)
    assert np.array_equal(inside, np.all((seeds >= WINDOW[:, 0]) & (seeds < WINDOW[:, 1]), axis=1))
    assert seeds.min(axis=0) == pytest.approx(WINDOW[:, 0] - guard, abs=0.2)
    # Weights are negative where the nearest neighbour is close (positive dependence): compare the halves.
    assert weights.mean() == pytest.approx(0.00631, abs=5 * 0.0513 / np.sqrt(len(weights)))
    assert weights.std() == pytest.approx(0.0513, rel=0.08)
    again = simulate_grains(PUBLISHED, WINDOW, np.random.default_rng(3))
    assert np.array_equal(seeds, again[0])
    assert np.array_equal(weights, again[1])
    with pytest.raises(NmcError, match="no volume"):
        simulate_grains(PUBLISHED, WINDOW[:, ::-1], rng)


def test_empirical_distances_are_used_in_simulation():
    model = replace(PUBLISHED, distance_law="empirical", distances_um=np.array([0.1, 0.2]))
    _, weights, _ = simulate_grains(model, WINDOW, np.random.default_rng(4))
    assert weights.std() == pytest.approx(0.0513, rel=0.08)


def test_region_is_the_mask_where_grains_are_given():
    data = tessellation(observed_volume_um3=30.0)
    box = observed_region(data)
    assert isinstance(box, BoxRegion)
    assert box.volume_um3 == pytest.approx(30.0)
    labels = np.zeros((20, 20, 20), np.uint16)
    labels[4:16, 3:17, 2:18] = 1
    mask = observed_region(data, LabelVolume(labels, (0.2,) * 3, kind="grains"))
    assert isinstance(mask, MaskRegion)
    assert mask.volume_um3 == pytest.approx(12 * 14 * 16 * 0.008)
    monitor = Monitor()
    fit_quickly(
        data, rng=np.random.default_rng(1), seeds="poisson", copula="independence", correct_empty_cells=False, monitor=monitor
    )
    assert any("window" in warning for warning in monitor.warnings)


@pytest.mark.slow
def test_regular_metal_gets_a_warning_and_a_model_that_simulates():
    rng = np.random.default_rng(5)
    window = np.array([[0.0, 30.0]] * 3)
    seeds = simulate_strauss(0.08, 0.1, 2.2, window, rng)
    # Weights of metals are hardly skewed.
    data = Tessellation("laguerre", np.arange(1, len(seeds) + 1), seeds, rng.normal(0, 0.4, len(seeds)), window)
    monitor = Monitor()
    model = fit_quickly(data, rng=np.random.default_rng(6), windows=4, steps=4, monitor=monitor)
    assert any("--seeds strauss" in warning for warning in monitor.warnings)
    assert model.distance_law == "empirical"
    assert model.distances_um is not None
    assert "not clustered" in " ".join(model.notes)
    points, weights, _ = simulate_grains(model, np.array([[0, 20.0]] * 3), rng)
    assert np.all(np.isfinite(weights))
    assert len(points) > 100


@pytest.mark.parametrize("kind", ["gbpd-quadratic", "gbpd-sqrt"])
def test_gbpd_is_fitted_and_simulated(kind):
    law = Law(kind, {"trace_mean": 0.0, "trace_sd": 0.05, "deviator_sd": 0.25})
    weights = PUBLISHED.weights if kind == "gbpd-quadratic" else Law("inverse-gamma", {"alpha": 16.8, "beta": 3.1, "theta": 0.0})
    truth = replace(PUBLISHED, matrices=law, weights=weights, seeds=Law("poisson", {"intensity": 3.6}))
    model = fit_quickly(
        tessellation(7, truth, window=0.8 * WINDOW),
        rng=np.random.default_rng(8),
        seeds="poisson",
        correct_empty_cells=False,
        copula="independence",
    )
    assert model.kind == kind
    assert model.matrices is not None
    assert model.matrices["deviator_sd"] == pytest.approx(0.25, abs=0.03)
    assert model.seeds["intensity"] == pytest.approx(3.6, rel=0.2)
    matrices = simulate_matrices(model, np.zeros(5), np.random.default_rng(9))
    assert matrices is not None
    assert np.linalg.eigvalsh(matrices).min() > 0
    assert draw_matrices(model.matrices, 3, np.random.default_rng(0)).shape == (3, 3, 3)


def test_textures_of_a_tessellation():
    rng = np.random.default_rng(10)
    data = tessellation(quaternions=lambda n: random_orientations(n, np.random.default_rng(0)), point_group="m-3m")
    quick = {"rng": rng, "correct_empty_cells": False, "seeds": "poisson", "copula": "independence"}
    model = fit_quickly(data, **quick)
    assert model.texture.kind == "resampled"
    assert model.point_group == "m-3m"
    assert len(model.orientations) == len(data)
    radial = fit_quickly(data, texture="radial", **quick).texture
    assert abs(radial["k"]) < 4 * radial.errors["k"]
    assert fit_quickly(data, texture="uniform", **quick).orientations is None
    with pytest.raises(NmcError, match="needs orientations"):
        fit_quickly(tessellation(), texture="radial", **quick)


def test_empty_generators_are_left_out():
    data = tessellation()
    errors = np.zeros(len(data))
    errors[:40] = -1.0
    fewer = fit_quickly(
        replace(data, volume_errors=errors), rng=np.random.default_rng(1), correct_empty_cells=False, seeds="poisson"
    )
    inside = np.all((data.seeds_um >= WINDOW[:, 0]) & (data.seeds_um < WINDOW[:, 1]), axis=1)
    assert fewer.sample_size == inside[40:].sum()


def test_too_few_cells_are_refused():
    with pytest.raises(NmcError, match="too few"):
        fit_quickly(
            Tessellation("laguerre", np.arange(1, 11), np.random.default_rng(0).uniform(0, 1, (10, 3)), np.arange(10.0) / 100,
                         np.array([[0, 1.0]] * 3)),
            rng=np.random.default_rng(0),
        )  # fmt: skip
