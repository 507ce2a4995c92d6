"""Shells of data and model: agreement where they are the same law, the right finding where they are not, weights, files."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from nmcstudio.core.comparison import Sample, Validation
from nmcstudio.core.errors import Cancelled
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.shells import ShellComponent, ShellModel
from nmcstudio.report import figures
from nmcstudio.report.compare import compare_samples
from nmcstudio.report.particles import compare_particles, skewness
from nmcstudio.report.shell_samples import ShellSample, draw_replicates, draw_sample, measure_data, visibility
from nmcstudio.shell.directions import grid_for_degree
from nmcstudio.shell.harmonics import Y00, equivalent_diameter, evaluate, mesh_area, mesh_volume, sphericity
from nmcstudio.stats.distances import energy_distance
from tests.report.shells import by_key, measured, seen, shell_model

KEYS = {
    "particle-diameter", "particle-sphericity", "particle-joint", "particle-sphericity-given-size", "particle-covariance",
    "particle-spectrum", "particle-skewness",
}  # fmt: skip


def test_shells_of_the_model_agree_with_it(rng: np.random.Generator) -> None:
    radii = measured(shell_model(), 120, rng)
    found = by_key(compare_particles(radii, shell_model(), shells=600, replicates=39, monitor=Monitor(), rng=rng))
    assert set(found) == KEYS
    for comparison in found.values():
        distances = comparison.distances
        assert distances["envelope_p"] > 0.01
        assert distances["envelope_p_low"] <= distances["envelope_p"] <= distances["envelope_p_high"]
        for name, value in distances.items():
            if name.endswith("_p"):
                assert value > 0.005, name
        if not comparison.surfaces:
            assert comparison.bands[0].simulations == 39
            assert np.all(comparison.bands[0].low <= comparison.bands[0].high)
            assert "stay within" in figures.verdict(comparison) or distances["envelope_p"] <= 0.05
    diameter = found["particle-diameter"].distances
    assert diameter["model_wasserstein"] < diameter["model_wasserstein_95"]
    assert diameter["wasserstein"] < 2 * diameter["model_wasserstein_95"]
    # The energy distance is that of the two samples shown.
    joint = found["particle-joint"]
    assert joint.distances["energy"] < 2 * joint.distances["model_energy_95"]
    assert [surface.label for surface in joint.surfaces] == ["data (n = 120)", "model (n = 600)"]
    assert joint.surfaces[0].mean[0] == pytest.approx(found["particle-diameter"].curves[0].mean)
    assert joint.surfaces[0].mean[1] == pytest.approx(found["particle-sphericity"].curves[0].mean)


def test_a_wrong_size_and_a_wrong_roughness_are_told_apart(rng: np.random.Generator) -> None:
    radii = measured(shell_model(), 120, rng)
    large = by_key(compare_particles(radii, shell_model(4.6), shells=600, replicates=39, monitor=Monitor(), rng=rng))
    diameter = large["particle-diameter"]
    assert diameter.distances["envelope_p"] == pytest.approx(1 / 40)
    assert diameter.distances["wasserstein_p"] == pytest.approx(1 / 40)
    assert diameter.distances["ks_p"] < 0.01
    assert diameter.distances["wasserstein"] == pytest.approx(1.2, abs=0.35)
    assert "leave the envelope" in figures.verdict(diameter)
    assert "above it at" in figures.verdict(diameter)
    assert large["particle-spectrum"].distances["envelope_p"] > 0.05
    rough = by_key(compare_particles(radii, shell_model(rough=1.8), shells=600, replicates=39, monitor=Monitor(), rng=rng))
    assert rough["particle-diameter"].distances["envelope_p"] > 0.05
    # A Gaussian field has as many bulges as dents, however rough it is.
    assert rough["particle-skewness"].distances["envelope_p"] > 0.01
    for key in KEYS - {"particle-diameter", "particle-skewness"}:
        assert rough[key].distances["envelope_p"] <= 0.05, key
    # The means have the order of the roughness.
    data, model = rough["particle-sphericity"].curves
    assert data.mean > model.mean + 0.01


def test_one_side_alone_is_drawn_without_distances(rng: np.random.Generator) -> None:
    made = compare_particles(None, shell_model(), shells=50, monitor=Monitor(), rng=rng)
    assert {each.key for each in made} == KEYS
    assert all(each.distances == {} and not each.bands for each in made)
    alone = compare_particles(measured(shell_model(), 40, rng), None, shells=50, monitor=Monitor(), rng=rng)
    assert all(not each.bands for each in alone)
    assert compare_particles(None, None, shells=50, monitor=Monitor(), rng=rng) == []


def test_measures_are_those_of_a_fine_triangulated_surface(rng: np.random.Generator) -> None:
    from nmcstudio.shell.directions import octasphere

    radii = measured(shell_model(), 12, rng)
    seen = measure_data(radii, 8, Monitor())
    mesh = octasphere(6)
    fine = measured(shell_model(), 12, np.random.default_rng(20210707), mesh=mesh)
    volume, area = mesh_volume(fine.radii_um, mesh), mesh_area(fine.radii_um, mesh)
    np.testing.assert_allclose(seen.sample.pairs[:, 0], equivalent_diameter(volume), rtol=5e-4)
    np.testing.assert_allclose(seen.sample.pairs[:, 1], sphericity(volume, area), atol=5e-4)


def test_the_covariance_is_that_of_radii_in_two_directions(rng: np.random.Generator) -> None:
    radii = measured(shell_model(), 300, rng)
    found = by_key(compare_particles(radii, shell_model(), shells=4000, replicates=0, monitor=Monitor(), rng=rng))
    data, model = found["particle-covariance"].curves
    # Straight from the radii: pairs of directions about 60 degrees apart.
    about = radii.radii_um - radii.radii_um.mean(axis=1, keepdims=True)
    cosines = radii.directions @ radii.directions.T
    pairs = np.abs(cosines - 0.5) < 0.02
    direct = np.mean([(np.outer(row, row))[pairs].mean() for row in about])
    assert np.interp(60, data.x, data.y) == pytest.approx(direct, abs=0.03 * data.y[0])
    # models.md 4.1: sum of a_l (2 l + 1) P_l / (4 pi), without degree 0.
    spectrum = shell_model().components[0].power_spectrum.copy()
    spectrum[0] = 0
    theory = np.polynomial.legendre.legval(np.cos(np.radians(model.x)), spectrum * (2 * np.arange(9) + 1) / (4 * np.pi))
    assert np.abs(model.y - theory).max() < 0.05 * theory[0]


def test_skewness_is_that_of_the_radius_over_the_sphere(rng: np.random.Generator) -> None:
    grid = grid_for_degree(15)
    radii = measured(shell_model(rough=3.0), 40, rng, mesh=grid)
    about = radii.radii_um - (radii.radii_um @ grid.weights / (4 * np.pi))[:, None]
    second, third = (about**power @ grid.weights / (4 * np.pi) for power in (2, 3))
    sample = measure_data(radii, 8, Monitor()).sample
    np.testing.assert_allclose(skewness(sample, 8), third / second**1.5, rtol=1e-6, atol=1e-8)


def test_bulges_that_a_gaussian_field_has_not_are_found(rng: np.random.Generator) -> None:
    # The square of a field stands out in few places.
    radii = measured(shell_model(rough=2.0), 120, rng, mesh=grid_for_degree(15))
    mean = radii.radii_um.mean(axis=1, keepdims=True)
    object.__setattr__(radii, "radii_um", mean + 1.2 * (radii.radii_um - mean) ** 2)
    found = by_key(compare_particles(radii, shell_model(rough=2.0), shells=400, replicates=39, monitor=Monitor(), rng=rng))
    data, model = found["particle-skewness"].curves
    assert data.mean > 0.5
    assert abs(model.mean) < 0.1
    assert found["particle-skewness"].distances["envelope_p"] == pytest.approx(1 / 40)


def test_power_above_the_models_degree_is_seen_where_directions_allow(rng: np.random.Generator) -> None:
    fine = ShellModel(12, (ShellComponent(1.0, 4.0, np.r_[0.5, 0.001, np.full(11, 0.01)]),))
    coarse = ShellModel(6, (ShellComponent(1.0, 4.0, np.r_[0.5, 0.001, np.full(5, 0.01)]),))
    radii = measured(fine, 60, rng, mesh=grid_for_degree(15))
    found = by_key(compare_particles(radii, coarse, shells=200, replicates=19, monitor=Monitor(), rng=rng))["particle-spectrum"]
    data = found.curves[0]
    assert data.x[-1] == 24
    assert data.y[2:12] == pytest.approx(np.full(10, 0.01), rel=0.35)
    assert np.all(data.y[12:] < 1e-6)
    assert found.log_y


def test_replicates_are_chosen_and_weighted_as_the_data_are(rng: np.random.Generator) -> None:
    model = shell_model()
    radii = seen(model, 150, rng)
    data = measure_data(radii, model.degree, Monitor())
    many = draw_replicates(model, data, 20, rng, Monitor())
    assert {len(each) for each in many} == {150}
    plain = np.mean([each.pairs[:, 0].mean() for each in many])
    weighed = np.mean([np.average(each.pairs[:, 0], weights=each.weights) for each in many])
    # Unweighted means are those of what is seen, weighted ones those of the model.
    assert plain == pytest.approx(data.sample.pairs[:, 0].mean(), abs=0.17)
    every = draw_sample(model, 4000, data.noise_um2, rng, Monitor())
    assert weighed == pytest.approx(every.pairs[:, 0].mean(), abs=0.05)
    assert plain < weighed - 0.15
    assert visibility(ShellSample(data.sample.pairs, data.sample.power, None)) is None


def test_the_size_that_is_looked_at_can_be_chosen(rng: np.random.Generator) -> None:
    radii = measured(shell_model(), 80, rng)
    run = {"shells": 300, "replicates": 19, "monitor": Monitor(), "rng": rng}
    usual = by_key(compare_particles(radii, shell_model(), composed_um=8.6, **run))
    assert "8.6 µm" in usual["particle-sphericity-given-size-2"].title
    nowhere = by_key(compare_particles(radii, shell_model(), at_um=90.0, **run))
    assert "particle-sphericity-given-size" not in nowhere
    chosen = by_key(compare_particles(radii, shell_model(), at_um=7.5, **run))
    assert "7.5 µm" in chosen["particle-sphericity-given-size"].title
    assert "particle-sphericity-given-size-2" not in chosen
    sample = chosen["particle-sphericity-given-size"].samples[0]
    assert len(sample.values) < 80
    assert "counting as" in chosen["particle-sphericity-given-size"].curves[0].label


def test_few_replicates_give_distances_and_no_envelope(rng: np.random.Generator) -> None:
    radii = measured(shell_model(), 40, rng)
    found = by_key(compare_particles(radii, shell_model(), shells=100, replicates=5, monitor=Monitor(), rng=rng))
    assert found["particle-diameter"].bands == ()
    assert "19 are needed" in found["particle-diameter"].note
    assert found["particle-diameter"].distances["wasserstein_p"] >= 1 / 6


def test_the_same_seed_gives_the_same_comparison_and_cancel_stops_it() -> None:
    radii = measured(shell_model(), 30, np.random.default_rng(1))
    run = {"shells": 60, "replicates": 19}
    first, second = (
        compare_particles(radii, shell_model(), monitor=Monitor(), rng=np.random.default_rng(5), **run) for _ in range(2)
    )
    for one, other in zip(first, second):
        assert one.distances == other.distances
        assert figures.table(one) == figures.table(other)
    monitor = Monitor(lambda progress: monitor.cancel() if "samples of the model" in progress.message else None)
    with pytest.raises(Cancelled):
        compare_particles(radii, shell_model(), monitor=monitor, rng=np.random.default_rng(5), **run)


@pytest.mark.slow
def test_every_figure_becomes_four_files(tmp_path, rng: np.random.Generator) -> None:
    radii = measured(shell_model(), 40, rng)
    made = by_key(compare_particles(radii, shell_model(), shells=100, replicates=19, monitor=Monitor(), rng=rng))
    found = [made["particle-sphericity"], made["particle-joint"]]
    written = figures.write_figures(tmp_path, Validation(tuple(found)), Monitor())
    assert len(written) == 4 * len(found) + 1
    for comparison in found:
        assert (tmp_path / f"{comparison.key}.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
        assert (tmp_path / f"{comparison.key}.pdf").read_bytes()[:5] == b"%PDF-"
        drawn = (tmp_path / f"{comparison.key}.svg").read_text(encoding="utf-8")
        assert comparison.x_label in drawn
        assert "n = 40" in drawn
        head = (tmp_path / f"{comparison.key}.csv").read_text(encoding="utf-8").splitlines()[0]
        assert any(name.startswith("data: ") for name in head.split(","))
        assert ("envelope, low" in head) == bool(comparison.bands)
    for kind in ("svg", "pdf", "png"):
        assert figures.image_bytes(found[0], kind) == (tmp_path / f"particle-sphericity.{kind}").read_bytes()
    rows = (tmp_path / "distances.csv").read_text().splitlines()
    assert len(rows) == 1 + sum(len(comparison.distances) for comparison in found)


def test_weights_enter_every_distance(rng: np.random.Generator) -> None:
    values, mass = rng.normal(5, 1, 60), rng.uniform(0.2, 3, 60)
    other = rng.normal(5.2, 1, 200)
    plain, weighted = (
        compare_samples("k", "K", "particles", "x", (Sample("data", values, w), Sample("model", other)), np.random.default_rng(1))
        for w in (None, mass)
    )
    for name in ("ks", "wasserstein"):
        assert plain.distances[name] != weighted.distances[name]
    assert weighted.curves[0].mean == pytest.approx(np.average(values, weights=mass))
    pairs = np.column_stack([values, values**2])
    assert energy_distance(pairs, pairs, rng, mass).distance > 0 == energy_distance(pairs, pairs, rng).distance


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_data_of_the_model_leave_the_envelope_in_five_of_a_hundred(weighted: bool) -> None:
    """Samples of the model as data, with a common bandwidth from the data, and seen with weights or not."""
    model, inside, p = shell_model(), [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        radii = (seen if weighted else measured)(model, 50, rng)
        data = measure_data(radii, model.degree, Monitor())
        drawn = draw_sample(model, 500, data.noise_um2, rng, Monitor())
        many = draw_replicates(model, data, 39, rng, Monitor())
        samples = tuple(Sample(role, s.pairs[:, 0], s.weights) for role, s in (("data", data.sample), ("model", drawn)))
        replicates = [(each.pairs[:, 0], each.weights) for each in many]
        found = compare_samples("k", "K", "particles", "x", samples, rng, replicates=replicates)
        inside.append(found.distances["envelope_p"] > 0.05)
        p.append(found.distances["wasserstein_p"])
    # Binomial with 200 trials of 0.05: 10 on average, 99.7 % within 2 to 20.
    assert 2 <= inside.count(False) <= 20
    assert stats.kstest(p, "uniform").pvalue > 0.001


def test_spheres_have_the_sphericity_one() -> None:
    model = ShellModel(2, (ShellComponent(1.0, 3.0, np.array([0.05, 0.0, 0.0])),))
    radii = measured(model, 20, np.random.default_rng(1))
    seen = measure_data(radii, 2, Monitor())
    assert seen.sample.pairs[:, 1] == pytest.approx(np.ones(20))
    assert evaluate(np.array([3 / Y00, 0, 0, 0]), radii.directions)[0] == pytest.approx(3.0)
