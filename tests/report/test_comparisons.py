"""Comparisons say "equal" of equal laws and "different" of different ones, and reports hold what they promise."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from nmcstudio.core.comparison import Sample, Validation
from nmcstudio.core.grains import GrainModel, Law, Tessellation
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.grains.labelling import label_grid
from nmcstudio.grains.simulate import simulate_grains
from nmcstudio.report import figures
from nmcstudio.report.compare import compare_pairs, compare_samples
from nmcstudio.report.grains import compare_grains
from nmcstudio.report.html import render_report
from nmcstudio.report.particles import compare_particles
from tests.report.shells import by_key, measured, shell_model


def grain_model() -> GrainModel:
    return GrainModel(
        Law("matern-cluster", {"parent_intensity": 8.64, "mean_offspring": 0.418, "cluster_radius": 0.129}),
        Law("inverse-gamma", {"alpha": 16.8, "beta": 3.1175, "theta": -0.191}, {"alpha": 2.0}),
        Law("tawn", {"kappa": 1.25, "psi1": 1.0, "psi2": 0.372}),
        notes=("a note",),
    )


def grain_data(
    model: GrainModel, rng: np.random.Generator, edge: float = 4.0, voxels: int = 60
) -> tuple[LabelVolume, Tessellation]:
    window, h = np.array([[0.0, edge]] * 3), edge / voxels
    seeds, weights, _ = simulate_grains(model, window, rng)
    index = label_grid("laguerre", seeds, weights, None, (voxels,) * 3, (h,) * 3, (h / 2,) * 3)
    keep = np.bincount(index.ravel(), minlength=len(seeds)) > 0
    labels = LabelVolume(np.cumsum(keep)[index], (h,) * 3, (h / 2,) * 3, kind="grains")
    names = np.arange(1, keep.sum() + 1)
    return labels, Tessellation("laguerre", names, seeds[keep], weights[keep], window, observed_volume_um3=edge**3)


def test_equal_laws_are_as_close_as_two_samples_of_the_model(rng: np.random.Generator) -> None:
    samples = (Sample("data", rng.normal(5, 1, 400)), Sample("model", rng.normal(5, 1, 4000)))
    found = compare_samples("x", "X", "particles", "x [µm]", samples, rng, unit="µm")
    assert found is not None
    assert found.distances["ks_p"] > 0.01
    assert found.distances["wasserstein"] < 2.5 * found.distances["model_wasserstein"]
    assert [curve.mean for curve in found.curves] == pytest.approx([5, 5], abs=0.2)
    for curve in found.curves:
        assert np.trapezoid(curve.y, curve.x) == pytest.approx(1, abs=0.01)


def test_a_shift_is_measured_in_the_unit_of_the_data(rng: np.random.Generator) -> None:
    samples = (Sample("data", rng.normal(5, 1, 2000)), Sample("model", rng.normal(5.5, 1, 20000)))
    found = compare_samples("x", "X", "particles", "x [µm]", samples, rng, unit="µm")
    assert found is not None
    assert found.distances["wasserstein"] == pytest.approx(0.5, abs=0.08)
    assert found.distances["ks_p"] < 1e-6
    assert ("Wasserstein-1 distance", f"{found.distances['wasserstein']:.4g} µm") in figures.distance_lines(found)


def test_small_samples_are_left_out_and_named(rng: np.random.Generator) -> None:
    samples = (Sample("data", np.array([1.0, 2.0])), Sample("model", rng.normal(5, 1, 50)))
    found = compare_samples("x", "X", "particles", "x", samples, rng)
    assert found is not None
    assert [curve.role for curve in found.curves] == ["model"]
    assert "data" in found.note
    assert compare_samples("x", "X", "particles", "x", samples[:1], rng) is None


def test_dependence_shows_in_the_joint_law_only(rng: np.random.Generator) -> None:
    independent = rng.normal(size=(600, 2))
    dependent = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 2400)
    pairs = {"data": independent, "model": dependent}
    found = compare_pairs("xy", "XY", "grains", ("x", "y"), pairs, {}, rng)
    assert found is not None
    assert found.distances["energy_p"] < 0.02
    assert found.distances["energy"] > 3 * found.distances["model_energy"]
    same = compare_pairs("xy", "XY", "grains", ("x", "y"), {"data": independent, "model": rng.normal(size=(2400, 2))}, {}, rng)
    assert same is not None
    assert same.distances["energy_p"] > 0.01


def test_grains_of_the_model_agree_with_it(rng: np.random.Generator) -> None:
    model = grain_model()
    labels, tessellation = grain_data(model, rng)
    found = by_key(compare_grains(labels, tessellation, model, windows=2, monitor=Monitor(), rng=rng))
    assert {"grain-diameter", "grain-area", "grain-sphericity", "grain-neighbours"} <= set(found)
    assert {"pair-correlation", "empty-space", "seed-distances", "weights", "weights-distances", "copula"} <= set(found)
    copula = found["copula"]
    assert [surface.role for surface in copula.surfaces] == ["data", "model", "theory"]
    assert copula.distances["energy_p"] > 0.005
    # models.md 9.2: 0.11028; the data has some two hundred pairs.
    assert copula.distances["kendall_theory"] == pytest.approx(0.11028, abs=1e-4)
    assert copula.distances["kendall_data"] == pytest.approx(0.11, abs=0.2)
    for surface in copula.surfaces[:2]:
        mass = np.trapezoid(np.trapezoid(surface.z, surface.x, axis=1), surface.y)
        assert mass == pytest.approx(1, abs=0.02)
    diameter = found["grain-diameter"]
    assert diameter.distances["ks_p"] > 0.005
    # The fitted tessellation is the truth here, so its cells are the image's grains.
    assert diameter.distances["fitted_wasserstein"] == 0
    # models.md 11: mean diameter 0.760 um with a standard deviation of 0.024 between windows of 6 um.
    means = {curve.role: curve.mean for curve in diameter.curves}
    assert means["model"] == pytest.approx(0.76, abs=0.07)
    assert found["grain-neighbours"].y_label == "share"
    for key in ("pair-correlation", "empty-space", "seed-distances", "weights"):
        assert [curve.role for curve in found[key].curves] == ["data", "model", "theory"], key
        assert found[key].bands == ()
    # The theory is a density too, and its mean is that of models.md 8.2: 5.854 voxels of 0.05 um.
    theory = found["seed-distances"].curves[-1]
    assert np.trapezoid(theory.y, theory.x) == pytest.approx(1, abs=0.02)
    assert theory.mean == pytest.approx(5.854 * 0.05, rel=1e-3)
    # Seeds of empty cells are not seen: gaps are wider than those of all seeds.
    data, _, theory = found["empty-space"].curves
    assert np.mean(data.y - theory.y) < 0.02
    joint = found["grain-joint"]
    assert [surface.role for surface in joint.surfaces] == ["data", "fitted", "model"]
    assert joint.distances["energy_p"] > 0.005


@pytest.mark.parametrize(
    ("seeds", "weights", "copula", "windows"),
    [
        (Law("poisson", {"intensity": 3.0}), Law("normal", {"mean": 0.01, "sd": 0.05}), Law("clayton", {"theta": 0.3}), 19),
        pytest.param(
            Law("strauss", {"beta": 6.0, "gamma": 0.3, "interaction_radius": 0.3}),
            Law("gamma", {"theta": -0.1, "scale": 0.02, "shape": 5.0}), Law("independence"), 2, marks=pytest.mark.slow,
        ),
    ],
    ids=["poisson", "strauss"],
)  # fmt: skip
def test_any_laws_have_their_theory_and_many_windows_an_envelope(
    seeds: Law, weights: Law, copula: Law, windows: int, rng: np.random.Generator
) -> None:
    model = GrainModel(seeds, weights, copula)
    labels, tessellation = grain_data(model, rng, edge=3.2, voxels=30)
    found = by_key(compare_grains(labels, tessellation, model, windows=windows, monitor=Monitor(), rng=rng))
    for key in ("pair-correlation", "empty-space", "seed-distances", "weights"):
        assert [curve.role for curve in found[key].curves] == ["data", "model", "theory"], key
        assert bool(found[key].bands) == (windows == 19)
    assert [surface.role for surface in found["copula"].surfaces] == ["data", "model", "theory"]
    # No cell is empty here, so that the visible seeds are all seeds.
    _, model_curve, theory = found["empty-space"].curves
    assert np.abs(model_curve.y - theory.y).max() < 0.1
    if windows == 19:
        for key in found.keys() - {"copula"}:
            assert found[key].distances["envelope_p"] >= 1 / 20, key
        shares = found["grain-neighbours"]
        np.testing.assert_array_equal(shares.curves[0].x, np.arange(len(shares.curves[0].x)))
        assert np.all(shares.bands[0].high <= 1)


def test_nothing_gives_nothing(rng: np.random.Generator) -> None:
    assert compare_grains(None, None, None, windows=1, monitor=Monitor(), rng=rng) == []


class _Reader(HTMLParser):
    """Notes tags that ask for something outside the file."""

    def __init__(self) -> None:
        super().__init__()
        self.outside: list[str] = []
        self.figures = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.figures += tag == "figure"
        for name, value in attrs:
            if name in ("src", "href", "xlink:href") and value and not value.startswith(("data:", "#")):
                self.outside.append(value)


def test_a_single_section_is_compared_by_areas_and_circles(rng: np.random.Generator) -> None:
    whole, _ = grain_data(grain_model(), rng)
    labels = np.ascontiguousarray(np.asarray(whole.labels)[10:11])
    section = LabelVolume(labels, whole.spacing_um, whole.origin_um, kind="grains")
    found = by_key(compare_grains(section, None, None, windows=1, monitor=Monitor(), rng=rng))
    assert "in the section" in found["grain-diameter"].title
    assert {"grain-area", "grain-neighbours"} <= set(found)
    assert not {"grain-sphericity", "grain-joint"} & set(found)
    circles, areas = (found[key].samples[0].values for key in ("grain-diameter", "grain-area"))
    np.testing.assert_allclose(np.pi / 4 * circles**2, areas)


def test_the_report_is_one_file_with_every_figure_and_its_numbers(rng: np.random.Generator) -> None:
    model = grain_model()
    labels, tessellation = grain_data(model, rng)
    data = measured(shell_model(), 60, rng)
    particles = compare_particles(data, shell_model(), shells=100, replicates=19, monitor=Monitor(), rng=rng)
    grains = compare_grains(labels, tessellation, model, windows=1, monitor=Monitor(), rng=rng)
    validation = Validation((*particles, *grains))
    records = {
        "ct": {
            "title": "CT volume", "headline": "<5 voxels>", "step": "import-ct", "params": {"files": ["Größe µm.tif"]},
            "warnings": ["a & b"], "state": "ready", "simulated": True,
        }
    }  # fmt: skip
    values = {"validation": validation, "shell-model": shell_model(), "grain-model": model}
    text = render_report("Größe", records, values, Monitor(), created="now")
    reader = _Reader()
    reader.feed(text)
    assert reader.outside == []
    assert reader.figures == len(validation.comparisons) == 18
    assert "simulated data" in text
    assert "a &amp; b" in text
    assert "&lt;5 voxels&gt;" in text
    assert "Größe µm.tif" in text
    for comparison in validation.comparisons:
        for name, value in figures.distance_lines(comparison):
            assert html.escape(name) in text
            assert value.split()[0] in text
        assert html.escape(figures.verdict(comparison)) in text
    assert re.search(r"alpha</td><td class=n>16\.8 ± 2<", text)
    assert figures.image_bytes(particles[0]) == figures.image_bytes(particles[0])


def test_the_table_behind_a_figure_holds_its_values(rng: np.random.Generator) -> None:
    samples = (Sample("data", rng.normal(5, 1, 30), np.ones(30)), Sample("model", rng.normal(5, 1, 40)))
    found = compare_samples("x", "X", "particles", "x [µm]", samples, rng, unit="µm")
    assert found is not None
    rows = figures.table(found).splitlines()
    head = rows[0].split(",")
    column = head.index("model: values")
    read = [float(row.split(",")[column]) for row in rows[1:] if row.split(",")[column]]
    assert read == pytest.approx(list(samples[1].values), rel=1e-8)
