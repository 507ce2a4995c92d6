"""Drawing shells, with and without a given size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from nmcstudio.core.errors import Cancelled, ComputationError, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import stream
from nmcstudio.core.shells import ShellComponent, ShellModel
from nmcstudio.shell.centring import centre_shells, centroids
from nmcstudio.shell.coefficients import power_by_degree
from nmcstudio.shell.conditioning import (
    SizeWindow,
    _largest_probability,
    draw_shells_of_size,
    expected_share,
    field_diameters,
    find_intervals,
    solve_cubics,
    volume_cubics,
)
from nmcstudio.shell.directions import grid_for_degree, icosphere, octasphere
from nmcstudio.shell.harmonics import Y00, equivalent_diameter, evaluate, harmonics, mesh_volume, shell_diameter, shell_sphericity
from nmcstudio.shell.sample import are_positive, draw_fields, draw_numbered, draw_shells, largest_deviation, rejection_probability
from tests.shell.shell_data import mixture

MODEL = mixture()


def rough(cv: float) -> ShellModel:
    """One component with a given pointwise coefficient of variation; the spectrum of models.md 4.1."""
    degrees = np.arange(16)
    spectrum = np.where(degrees == 0, 60.0, np.where(degrees == 1, 0.0, 8 * np.exp(-0.35 * (degrees - 2.0))))
    variance = (spectrum * (2 * degrees + 1)).sum() / (4 * np.pi)
    return ShellModel(15, (ShellComponent(1.0, 70.0, spectrum * (cv * 70) ** 2 / variance),))


def test_shell_number_i_does_not_depend_on_how_many_are_drawn() -> None:
    some = draw_shells(MODEL, 3, stream(5, "compose"))
    more = draw_shells(MODEL, 5, stream(5, "compose"))
    np.testing.assert_allclose(some.coefficients, more.coefficients[:3], atol=1e-12)
    many = draw_shells(MODEL, 600, stream(5, "compose"), recentre=False)
    picked = draw_numbered(MODEL, np.array([2, 255, 256, 511]), stream(5, "compose"), recentre=False)
    np.testing.assert_array_equal(picked.coefficients, many.coefficients[[2, 255, 256, 511]])
    rejecting = [draw_shells(rough(0.4), n, stream(5), recentre=False) for n in (9, 40)]
    np.testing.assert_array_equal(rejecting[0].coefficients, rejecting[1].coefficients[:9])
    assert 0.5 < rejecting[1].rejected / 40 < 3
    some = draw_shells_of_size(MODEL, 80, 2, stream(5, "compose"))
    more = draw_shells_of_size(MODEL, 80, 4, stream(5, "compose"))
    np.testing.assert_allclose(some.coefficients, more.coefficients[:2], atol=1e-10)


def test_recentring_moves_the_centroid_and_keeps_size_and_shape() -> None:
    model = replace(
        MODEL, components=tuple(replace(c, power_spectrum=c.power_spectrum + 3 * np.eye(11)[1]) for c in MODEL.components)
    )
    plain = draw_shells(model, 6, stream(1), recentre=False)
    moved = draw_shells(model, 6, stream(1))
    assert np.linalg.norm(centroids(plain.coefficients), axis=1).min() > 0.2
    assert np.linalg.norm(centroids(moved.coefficients), axis=1).max() < 2e-3
    np.testing.assert_allclose(shell_diameter(moved.coefficients), shell_diameter(plain.coefficients), rtol=5e-4)
    np.testing.assert_allclose(shell_sphericity(moved.coefficients), shell_sphericity(plain.coefficients), rtol=5e-3)


def test_a_moved_ball_is_seen_from_its_centre() -> None:
    shift, grid = np.array([0.3, -0.2, 0.4]), grid_for_degree(40)
    along = grid.directions @ shift
    radii = along + np.sqrt(along**2 + 4 - shift @ shift)
    coefficients = (grid.weights * radii) @ harmonics(grid.directions, 20)
    np.testing.assert_allclose(centroids(coefficients)[0], shift, atol=1e-9)
    found = centre_shells(coefficients[None])[0]
    assert found[0] * Y00 == pytest.approx(2, abs=1e-5)
    assert np.abs(found[1:]).max() < 2e-4


@given(seed=st.integers(0, 10_000), cv=st.floats(0.02, 0.5))
@settings(max_examples=20, deadline=None)
def test_no_radius_deviates_more_than_the_bound(seed: int, cv: float) -> None:
    fields, _ = draw_fields(rough(cv), 3, np.random.default_rng(seed))
    deviations = evaluate(fields, icosphere().directions) - fields[:, :1] * Y00
    assert np.all(np.abs(deviations).max(axis=1) <= largest_deviation(fields) * (1 + 1e-12))
    np.testing.assert_array_equal(are_positive(fields), evaluate(fields, icosphere().directions).min(axis=1) > 0)


@pytest.mark.parametrize(("cv", "rate"), [(0.1, 0.0), (0.3, 0.075), (0.4, 0.47)])
def test_rejection_depends_on_the_roughness(cv: float, rate: float) -> None:
    """models.md 4.6, there on 258 points; the fine mesh must see at least as much."""
    fields, _ = draw_fields(rough(cv), 3000, np.random.default_rng(1))
    coarse = float((evaluate(fields, octasphere().directions).min(axis=1) <= 0).mean())
    assert coarse == pytest.approx(rate, abs=0.03)
    fine = rejection_probability(rough(cv), np.random.default_rng(1), count=1500)
    assert coarse - 0.03 <= fine <= 2 * rate + 0.001


def test_drawn_shells_are_positive() -> None:
    shells = draw_shells(rough(0.4), 10, stream(2), recentre=False)
    assert evaluate(shells.coefficients, icosphere().directions).min() > 0
    assert are_positive(shells.coefficients).all()
    hopeless = ShellModel(2, (ShellComponent(1.0, 0.001, np.array([0.0, 0.0, 100.0])),))
    with pytest.raises(ComputationError, match="in a row"):
        draw_shells(hopeless, 1, stream(1))


@pytest.mark.parametrize("measure", ["exact", "mesh"])
def test_volume_is_the_cubic(measure) -> None:
    fields, _ = draw_fields(MODEL, 20, np.random.default_rng(3))
    if measure == "exact":
        expected = shell_diameter(fields)
    else:
        expected = equivalent_diameter(mesh_volume(evaluate(fields, octasphere().directions), octasphere()))
    np.testing.assert_allclose(field_diameters(fields, measure), expected, rtol=1e-10)
    shapes = fields.copy()
    shapes[:, 0] = 0
    cubics, smallest = volume_cubics(shapes, measure)
    found = solve_cubics(cubics, float(np.pi / 6 * 80**3), smallest)
    shapes[:, 0] = found / Y00
    np.testing.assert_allclose(field_diameters(shapes, measure), 80, rtol=1e-10)


def test_sizes_lie_in_the_window_and_the_law_is_that_of_rejection() -> None:
    exact = draw_shells_of_size(MODEL, 80, 300, stream(3, "exact"), recentre=False)
    naive = draw_shells_of_size(MODEL, 80, 120, stream(4, "naive"), recentre=False, conditioning="rejection")
    for shells in (exact, naive):
        d = shell_diameter(shells.coefficients)
        assert d.min() >= 0.98 * 80 * (1 - 1e-9)
        assert d.max() <= 1.02 * 80 * (1 + 1e-9)
    assert ks_2samp(shell_sphericity(exact.coefficients), shell_sphericity(naive.coefficients)).pvalue > 0.001
    powers = [power_by_degree(shells.coefficients)[:, [2, 5, 10]] for shells in (exact, naive)]
    assert min(ks_2samp(powers[0][:, k], powers[1][:, k]).pvalue for k in range(3)) > 0.001
    assert ks_2samp(shell_diameter(exact.coefficients), shell_diameter(naive.coefficients)).pvalue > 0.001
    counts = [np.bincount(shells.components, minlength=3) / len(shells) for shells in (exact, naive)]
    np.testing.assert_allclose(counts[0], counts[1], atol=0.16)
    fields, _ = draw_fields(MODEL, 4000, np.random.default_rng(1))
    scaled = shell_sphericity(fields)
    assert ks_2samp(shell_sphericity(exact.coefficients), scaled).pvalue < 1e-3


@pytest.mark.parametrize("diameter", [80, 53])
def test_the_expected_share_is_that_of_the_shapes(diameter: float) -> None:
    window = SizeWindow(0.98 * diameter, 1.02 * diameter)
    shapes, components = draw_fields(MODEL, 3000, np.random.default_rng(1))
    shapes[:, 0] = 0
    probability = find_intervals(shapes, components, MODEL, window).probability
    assert expected_share(MODEL, window) == pytest.approx(
        probability.mean(), abs=5 * probability.std() / np.sqrt(3000) + 0.02 * probability.mean()
    )
    powers = power_by_degree(shapes)[:, 1:]
    assert np.all(_largest_probability(powers, components, MODEL, window) >= probability)


def test_rare_sizes_can_be_drawn_and_impossible_ones_are_refused() -> None:
    assert expected_share(MODEL, SizeWindow(0.98 * 53, 1.02 * 53)) < 0.005
    shells = draw_shells_of_size(MODEL, 53, 3, stream(1))
    np.testing.assert_allclose(shell_diameter(shells.coefficients), 53, rtol=0.0205)
    with pytest.raises(ComputationError, match="almost no particle") as caught:
        draw_shells_of_size(MODEL, 300, 1, stream(1))
    assert "between" in caught.value.hint
    with pytest.raises(ComputationError, match="within a share of 1e-09") as caught:
        draw_shells_of_size(MODEL, 80, 1, stream(1), tolerance=1e-9)
    assert caught.value.field == "tolerance"
    with pytest.raises(NmcError, match="not positive"):
        draw_shells_of_size(MODEL, -3, 1, stream(1))


def test_drawing_can_be_cancelled() -> None:
    monitor = Monitor(lambda progress: monitor.cancel())
    with pytest.raises(Cancelled):
        draw_shells(MODEL, 10, stream(1), monitor=monitor)
