"""Gradients of every objective and kind against central differences (models.md 6.4, verified v06), and convexity."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.grains.labelling import label_grid, label_points
from nmcstudio.grains.lbfgs import minimise
from nmcstudio.grains.local_models import local_model
from nmcstudio.grains.objective import Objective
from nmcstudio.grains.objective_kernels import BINARY_SUM, CROSS_ENTROPY, ROOT_ERROR
from nmcstudio.grains.start import start_values
from nmcstudio.grains.training import sample_training_set
from nmcstudio.stats.descriptors import describe_labels

KINDS = ("laguerre", "gbpd-quadratic", "gbpd-sqrt")


@pytest.fixture(scope="module")
def pool():
    with ThreadPoolExecutor(2) as threads:
        yield threads


def problem(kind, pool, ridge=1e-3, wanted=4000):
    rng = np.random.default_rng(4)
    shape = (28, 26, 30)
    labels = label_grid("laguerre", rng.uniform(0, 28, (14, 3)), rng.normal(0, 20, 14), None, shape, (1, 1, 1)) + 1
    found = describe_labels(LabelVolume(labels, (1, 1, 1)))
    seeds, _, matrices = start_values(kind, found.centroids_um, found.volumes_um3, found.covariances_um2)
    rows = np.searchsorted(found.labels, labels).astype(np.int32)
    training = sample_training_set(rows, np.array([[0.0, 1.0]] * 3), wanted, rng, Monitor())
    model = local_model(kind, seeds, found.diameters_um / 2, matrices)
    return model, Objective(model, training, pool, ridge), rng


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("objective", [CROSS_ENTROPY, BINARY_SUM, ROOT_ERROR])
def test_gradient(kind, objective, pool):
    model, loss, rng = problem(kind, pool)
    temperature = model.temperature(20.0)
    theta = model.start(temperature) + rng.normal(0, 0.1, model.start(temperature).shape)
    loss.choose_candidates(theta, temperature, Monitor())
    gradient = loss(theta, temperature, objective, Monitor())[1]
    scale = np.abs(gradient).max()
    for row in (0, 3, 9):
        for term in range(model.terms):
            values = []
            for step in (1e-5, -1e-5):
                moved = theta.copy()
                moved[row, term] += step
                values.append(loss(moved, temperature, objective, Monitor())[0])
            assert (values[0] - values[1]) / 2e-5 == pytest.approx(gradient[row, term], abs=2e-6 * max(scale, 1.0))


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_the_generators(kind, pool):
    model, loss, rng = problem(kind, pool)
    temperature = model.temperature(10.0)
    theta = model.project(model.start(temperature) + rng.normal(0, 0.3, model.start(temperature).shape), temperature)
    loss.choose_candidates(theta, temperature, Monitor())
    loss(theta, temperature, CROSS_ENTROPY, Monitor())
    g = model.generators(theta, temperature)
    t = loss.training
    labels = label_points(g.kind, g.seeds, g.weights, g.matrices, t.points)
    assert loss.agreement == pytest.approx(t.masses[labels == t.truth].sum(), abs=1e-12)
    if g.matrices is not None:
        assert np.linalg.eigvalsh(g.matrices).min() > 0


def test_training_points_stand_for_all_voxels(pool):
    _, loss, _ = problem("laguerre", pool, wanted=3000)
    masses = np.bincount(loss.training.truth, weights=loss.training.masses, minlength=14)
    assert loss.training.masses.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(loss.mass, masses)
    rows = np.zeros((4, 4, 4), np.int32)
    one = sample_training_set(rows, np.array([[0.0, 1.0]] * 3), 1000, np.random.default_rng(0), Monitor())
    assert len(one) == 64  # a single grain has no faces: its voxels stand for themselves


def descend(model, loss, start, temperature):
    def renew(theta, failed):
        loss.margin *= 2.0 if failed else 1.0
        loss.choose_candidates(theta, temperature, Monitor())
        return loss.preconditioner(theta, temperature, Monitor())

    theta = minimise(
        lambda theta: loss(theta, temperature, CROSS_ENTROPY, Monitor()),
        start,
        400,
        renew,
        lambda step, x: True,
        lambda theta: model.project(theta, temperature),
        tolerance=1e-10,
    )
    loss.choose_candidates(theta, temperature, Monitor())
    return loss(theta, temperature, CROSS_ENTROPY, Monitor())[0]


@pytest.mark.parametrize("kind", ["laguerre", "gbpd-quadratic"])
def test_convex_fit_does_not_depend_on_the_start(kind, pool):
    model, loss, rng = problem(kind, pool, ridge=1e-2)
    loss.margin = 4.0
    start = model.start(10.0)
    one = descend(model, loss, start, 10.0)
    other = descend(model, loss, start + rng.normal(0, 2.0, start.shape), 10.0)
    assert one == pytest.approx(other, rel=2e-4)


def test_minimise_finds_the_minimum_of_a_quadratic_form():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(30, 30))
    form, target = a @ a.T + 0.01 * np.eye(30), rng.normal(size=30)

    def function(x):
        d = x.ravel() - target
        return 1.0 + 0.5 * float(d @ form @ d), (form @ d).reshape(x.shape)

    found = minimise(
        function, np.zeros((10, 3)), 300, lambda x, failed: lambda g: g, lambda step, x: True, lambda x: x, tolerance=1e-14
    )
    assert function(found)[0] == pytest.approx(1.0, abs=1e-6)
