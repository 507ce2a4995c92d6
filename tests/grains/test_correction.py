"""Simulated windows, correction for empty cells and bootstrap, on small windows of the published model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nmcstudio.core.errors import Cancelled
from nmcstudio.core.grains import GrainModel, Law
from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.bootstrap import LEAST_REPLICATES, bootstrap_errors
from nmcstudio.grains.correction import correct_empty_cells
from nmcstudio.grains.labelling import label_grid
from nmcstudio.grains.model_vector import RANGE, ModelVector
from nmcstudio.grains.processes import intensity_of
from nmcstudio.grains.study import Study
from nmcstudio.grains.visibility import Raster
from nmcstudio.grains.weights import weight_moments
from nmcstudio.grains.windows import Observation, SimulatedWindows
from nmcstudio.stats.regions import BoxRegion, MaskRegion

PUBLISHED = GrainModel(
    seeds=Law("matern-cluster", {"parent_intensity": 8.64, "mean_offspring": 0.418, "cluster_radius": 0.129}),
    weights=Law("inverse-gamma", {"alpha": 16.8, "beta": 3.1175, "theta": -0.191}),
    copula=Law("tawn", {"kappa": 1.25, "psi1": 1.0, "psi2": 0.372}),
)
EDGE, VOXELS = 3.2, 64


def observation(minimum=1, mask=None):
    step = EDGE / VOXELS
    raster = Raster((VOXELS,) * 3, (step,) * 3, (step / 2,) * 3, mask)
    region = BoxRegion(np.array([[0.0, EDGE]] * 3)) if mask is None else MaskRegion(mask, (step,) * 3, (step / 2,) * 3)
    return Observation(region, raster, minimum)


def study_of(model, windows=4, seed=9, **more):
    """A study whose data are windows of the model itself."""
    looked = observation()
    data = SimulatedWindows.plan(model, looked, 4).draw(model, np.random.default_rng(seed), Monitor())
    return Study.plan(model, data, looked, windows, r_max_um=0.54, **more)


def test_windows_at_the_same_parameters_are_the_same_and_nearby_ones_share_points():
    plan = SimulatedWindows.plan(PUBLISHED, observation(), 2)
    assert plan.windows == 2
    first = plan.draw(PUBLISHED, np.random.default_rng(3), Monitor())
    again = plan.draw(PUBLISHED, np.random.default_rng(3), Monitor())
    more = replace(PUBLISHED, seeds=Law("matern-cluster", {**PUBLISHED.seeds.parameters, "parent_intensity": 9.5}))
    near = plan.draw(more, np.random.default_rng(3), Monitor())
    for a, b, c in zip(first, again, near):
        assert np.array_equal(a.seeds_um, b.seeds_um)
        assert np.array_equal(a.weights, b.weights)
        shared = {tuple(np.round(p, 9)) for p in a.seeds_um} & {tuple(np.round(p, 9)) for p in c.seeds_um}
        assert len(shared) > 0.85 * len(a.seeds_um)
        assert 0 <= a.hidden_share < 0.15
    # Larger cells only: fewer are visible.
    strict = replace(plan, observation=observation(200)).draw(PUBLISHED, np.random.default_rng(3), Monitor())
    assert strict[0].hidden_share > first[0].hidden_share


def test_windows_show_what_the_labels_of_the_whole_box_show():
    """The frame around a window is wide enough: cells of all generators and images within a whole box give the same seeds."""
    plan = SimulatedWindows.plan(PUBLISHED, observation(), 1)
    (window,) = plan.draw(PUBLISHED, np.random.default_rng(4), Monitor())
    seeds, weights, _, _ = plan._cells(PUBLISHED, np.random.default_rng(4), Monitor())
    box = plan.box_um
    inside = np.all((seeds >= 0) & (seeds < box), axis=1)
    shifts = np.array([(x, y, z) for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1)]) * box
    images = (seeds[inside][None] + shifts[:, None]).reshape(-1, 3)
    step = EDGE / VOXELS
    labels = label_grid("laguerre", images, np.tile(weights[inside], 27), None, (VOXELS,) * 3, (step,) * 3, (step / 2,) * 3)
    expected = images[np.unique(labels)]
    order = np.lexsort(expected.T)
    found = window.seeds_um[np.lexsort(window.seeds_um.T)]
    np.testing.assert_allclose(found, expected[order], atol=1e-9)


def test_windows_are_looked_at_through_the_mask():
    ball = np.linalg.norm(np.indices((VOXELS,) * 3) - VOXELS / 2 + 0.5, axis=0) < VOXELS / 2
    whole = SimulatedWindows.plan(PUBLISHED, observation(), 1).draw(PUBLISHED, np.random.default_rng(5), Monitor())[0]
    part = SimulatedWindows.plan(PUBLISHED, observation(1, ball), 1).draw(PUBLISHED, np.random.default_rng(5), Monitor())[0]
    everywhere = {tuple(p) for p in np.round(whole.seeds_um, 9)}
    assert {tuple(p) for p in np.round(part.seeds_um, 9)} < everywhere
    assert len(part.seeds_um) == pytest.approx(np.pi / 6 * len(whole.seeds_um), rel=0.35)


LAWS = {
    "poisson-normal-gaussian": (
        Law("poisson", {"intensity": 3.6}), Law("normal", {"mean": 0.0, "sd": 0.05}), Law("gaussian", {"rho": 0.2}),
    ),
    "strauss-gamma-clayton": (
        Law("strauss", {"beta": 6.0, "gamma": 0.3, "interaction_radius": 0.4}),
        Law("gamma", {"shape": 6.0, "scale": 0.02, "theta": -0.12}), Law("clayton", {"theta": 0.3, "rotation": 0.0}),
    ),
    "matern-log-normal-frank": (
        PUBLISHED.seeds, Law("log-normal", {"median": 0.2, "log_sd": 0.25, "theta": -0.2}), Law("frank", {"theta": 1.0}),
    ),
    "matern-inverse-gamma-gumbel": (PUBLISHED.seeds, PUBLISHED.weights, Law("gumbel", {"theta": 1.15, "rotation": 180.0})),
}  # fmt: skip


@pytest.mark.parametrize("name", LAWS)
def test_every_law_has_a_vector_that_comes_back(name):
    seeds, weights, copula = LAWS[name]
    model = replace(PUBLISHED, seeds=seeds, weights=weights, copula=copula)
    vector = ModelVector.of(model)
    again = vector.model(vector.values)
    assert intensity_of(again.seeds) == pytest.approx(intensity_of(seeds), rel=1e-6)
    np.testing.assert_allclose(list(again.weights.parameters.values()), list(weights.parameters.values()), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(list(again.copula.parameters.values()), list(copula.parameters.values()), rtol=1e-4, atol=1e-9)
    assert np.all(vector.low <= vector.values)
    assert np.all(vector.values <= vector.high)


@pytest.mark.slow
@pytest.mark.parametrize("name", LAWS)
def test_correction_of_every_law_comes_back_to_the_truth(name):
    """The data are 32 windows of a truth; the correction starts from what their fit sees and must end at the truth."""
    seeds, weights, copula = LAWS[name]
    truth = replace(PUBLISHED, seeds=seeds, weights=weights, copula=copula)
    looked = observation()
    data = SimulatedWindows.plan(truth, looked, 32).draw(truth, np.random.default_rng(8), Monitor())
    start = ModelVector.of(truth)
    # What a fit sees: fewer seeds, fewer light cells.
    x = start.values.copy()
    x[0] += 0.1 if seeds.kind == "matern-cluster" else -0.1
    if seeds.kind == "strauss":
        x[start.names.index(RANGE)] += 0.08
    x[start.first_weight] += 0.05
    study = Study.plan(start.model(x), data, looked, 32, r_max_um=0.54)
    result = correct_empty_cells(start.model(x), study, np.random.default_rng(2), steps=6)
    assert result.converged, result.notes
    assert intensity_of(result.model.seeds) == pytest.approx(intensity_of(seeds), rel=0.04)
    found, true = weight_moments(result.model.weights), weight_moments(weights)
    assert found.mean == pytest.approx(true.mean, abs=0.08 * true.sd)
    assert found.sd == pytest.approx(true.sd, rel=0.08)
    if seeds.kind == "matern-cluster":
        assert result.model.seeds["cluster_radius"] == pytest.approx(seeds["cluster_radius"], rel=0.1)
        assert result.model.seeds["mean_offspring"] == pytest.approx(seeds["mean_offspring"], rel=0.2)
    if seeds.kind == "strauss":
        assert result.model.seeds["gamma"] == pytest.approx(seeds["gamma"], rel=0.2)
        assert result.model.seeds["interaction_radius"] == pytest.approx(seeds["interaction_radius"], rel=0.04)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gbpd-quadratic", "gbpd-sqrt"])
def test_correction_of_generalised_diagrams_comes_back_to_the_truth(kind):
    law = Law(kind, {"trace_mean": 0.0, "trace_sd": 0.05, "deviator_sd": 0.25})
    weights = PUBLISHED.weights if kind == "gbpd-quadratic" else Law("normal", {"mean": 0.2, "sd": 0.05})
    truth = replace(PUBLISHED, matrices=law, weights=weights)
    looked = observation()
    data = SimulatedWindows.plan(truth, looked, 16).draw(truth, np.random.default_rng(8), Monitor())
    start = ModelVector.of(truth)
    x = start.values.copy()
    x[0] += 0.1
    x[start.first_weight] += 0.05
    study = Study.plan(start.model(x), data, looked, 16, r_max_um=0.54)
    result = correct_empty_cells(start.model(x), study, np.random.default_rng(2), steps=6)
    assert result.converged, result.notes
    assert intensity_of(result.model.seeds) == pytest.approx(intensity_of(PUBLISHED.seeds), rel=0.04)
    assert weight_moments(result.model.weights).sd == pytest.approx(weight_moments(weights).sd, rel=0.08)


def test_correction_takes_the_hidden_seeds_back_and_keeps_its_trace():
    study = study_of(PUBLISHED)
    # The start is the truth and the data are its visible seeds: little may move.
    result = correct_empty_cells(PUBLISHED, study, np.random.default_rng(5), steps=4)
    trace = result.trace
    assert result.model.correction is trace
    assert trace.names[:3] == ("parent intensity", "mean offspring", "cluster radius")
    assert trace.residuals.shape == (len(trace.fresh), len(trace.names))
    assert np.all(trace.parameters[0] == 0.0)
    assert trace.fresh[-2:].all()
    assert not trace.fresh[0]
    assert 0.01 < result.hidden_share < 0.1
    # Four windows of 118 seeds: v15's relative errors of 0.17, 0.15 and 0.07 for 600.
    lam, mu, radius = trace.errors[:3]
    assert 0.08 < lam < 0.5
    assert 0.08 < mu < 0.5
    assert 0.03 < radius < 0.3
    if result.converged:
        assert result.model.as_published["seeds"] == PUBLISHED.seeds
        assert "Monte Carlo error" in result.notes[0]
    else:
        assert result.model.as_published == {}
        assert "did not converge" in result.notes[0]


def test_a_data_set_that_no_parameters_explain_is_said():
    """Visible seeds without any light cell: no law of the family gives them, and the words name what disagrees."""
    looked = observation()
    data = SimulatedWindows.plan(PUBLISHED, looked, 2).draw(PUBLISHED, np.random.default_rng(9), Monitor())
    doubled = [replace(p, seeds_um=np.concatenate([p.seeds_um, p.seeds_um + 1e-3]), weights=np.tile(p.weights, 2)) for p in data]
    study = Study.plan(PUBLISHED, doubled, looked, 2, r_max_um=0.54)
    result = correct_empty_cells(PUBLISHED, study, np.random.default_rng(5), steps=4)
    assert not result.converged
    # Pairs a micrometre apart: neither the clusters nor their size fit, by far more than chance.
    assert "mean offspring is" in result.notes[0]
    assert "another process of the seeds" in result.notes[0]
    assert result.warnings == result.notes
    assert replace(result.model, correction=None) == PUBLISHED


def test_a_process_at_its_poisson_limit_keeps_its_law_and_gets_its_intensity():
    limit = {"parent_intensity": 180.0, "mean_offspring": 0.02, "cluster_radius": 0.12}
    model = replace(PUBLISHED, seeds=Law("matern-cluster", limit), copula=Law("independence"))
    study = study_of(replace(model, seeds=Law("poisson", {"intensity": 3.6})), clustered=True)
    study = replace(study, clustered=False)
    result = correct_empty_cells(model, study, np.random.default_rng(5), steps=4)
    assert result.model.seeds.kind == "matern-cluster"
    assert result.model.seeds["cluster_radius"] == 0.12
    assert intensity_of(result.model.seeds) == pytest.approx(3.6, rel=0.15)


def test_correction_can_be_cancelled_and_finished():
    study = study_of(PUBLISHED, windows=2)
    monitor = Monitor()
    monitor.cancel()
    with pytest.raises(Cancelled):
        correct_empty_cells(PUBLISHED, study, np.random.default_rng(5), monitor=monitor)
    early = Monitor()
    early.finish()
    result = correct_empty_cells(PUBLISHED, study, np.random.default_rng(5), steps=30, monitor=early)
    # One look at the start and one that checks it.
    assert result.trace.fresh.tolist() == [False, True]
    assert not result.converged or "ended early" in result.notes[0]


def test_bootstrap_gives_errors_intervals_and_can_end_early():
    study = study_of(PUBLISHED)
    told = []
    monitor = Monitor(lambda p: told.append(p.message), interval_s=0.0)
    result = bootstrap_errors(PUBLISHED, study, None, 12, np.random.default_rng(6), monitor)
    model = result.model
    assert model.replicates == 12
    assert "12 simulated windows" in result.notes[0]
    assert any("replicate 12 of 12" in words for words in told)
    # n = 110 to 120 seeds: v15's relative errors of 0.17, 0.15 and 0.07 for 600 times sqrt(5), and few clusters.
    assert 0.15 < model.seeds.errors["parent_intensity"] / 8.64 < 3.0
    assert 0.05 < model.seeds.errors["cluster_radius"] / 0.129 < 1.0
    low, high = model.intervals["seeds"]["mean_offspring"]
    assert low < 0.418 < high
    assert set(model.weights.errors) == {"alpha", "beta", "theta"}
    assert model.seeds.parameters == PUBLISHED.seeds.parameters
    stopped = Monitor()
    stopped.finish()
    few = bootstrap_errors(PUBLISHED, study, None, 12, np.random.default_rng(6), stopped)
    assert few.model is PUBLISHED
    assert "too few" in few.notes[0]
    assert LEAST_REPLICATES == 10
