"""Drawing shells, with and without a given size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ks_2samp

from nmcstudio.core.errors import Cancelled, ComputationError, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import stream
from nmcstudio.core.shells import ShellComponent, ShellModel
from nmcstudio.shell.conditioning import (
    SizeWindow,
    draw_candidates,
    draw_shells_of_size,
    field_diameters,
    solve_cubics,
    volume_cubics,
)
from nmcstudio.shell.directions import icosphere, octasphere
from nmcstudio.shell.harmonics import Y00, equivalent_diameter, evaluate, mesh_volume, shell_diameter, shell_sphericity
from nmcstudio.shell.sample import are_positive, centroid, draw_fields, draw_shells, rejection_probability
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
    np.testing.assert_array_equal(some.coefficients, more.coefficients[:3])
    some = draw_shells_of_size(MODEL, 80, 2, stream(5, "compose"))
    more = draw_shells_of_size(MODEL, 80, 4, stream(5, "compose"))
    np.testing.assert_array_equal(some.coefficients, more.coefficients[:2])


def test_recentring_moves_the_centroid_and_keeps_size_and_shape() -> None:
    model = replace(
        MODEL, components=tuple(replace(c, power_spectrum=c.power_spectrum + 3 * np.eye(11)[1]) for c in MODEL.components)
    )
    plain = draw_shells(model, 6, stream(1), recentre=False)
    moved = draw_shells(model, 6, stream(1))
    assert min(np.linalg.norm(centroid(c)) for c in plain.coefficients) > 0.2
    assert max(np.linalg.norm(centroid(c)) for c in moved.coefficients) < 1e-3
    np.testing.assert_allclose(shell_diameter(moved.coefficients), shell_diameter(plain.coefficients), rtol=5e-4)
    np.testing.assert_allclose(shell_sphericity(moved.coefficients), shell_sphericity(plain.coefficients), rtol=5e-3)


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
    exact = draw_shells_of_size(MODEL, 80, 120, stream(3, "exact"), recentre=False)
    naive = draw_shells_of_size(MODEL, 80, 120, stream(4, "naive"), recentre=False, method="published")
    for shells in (exact, naive):
        d = shell_diameter(shells.coefficients)
        assert d.min() >= 0.98 * 80 * (1 - 1e-9)
        assert d.max() <= 1.02 * 80 * (1 + 1e-9)
    assert ks_2samp(shell_sphericity(exact.coefficients), shell_sphericity(naive.coefficients)).pvalue > 0.001
    assert ks_2samp(shell_diameter(exact.coefficients), shell_diameter(naive.coefficients)).pvalue > 0.001
    counts = [np.bincount(shells.components, minlength=3) / 120 for shells in (exact, naive)]
    np.testing.assert_allclose(counts[0], counts[1], atol=0.2)
    fields, _ = draw_fields(MODEL, 4000, np.random.default_rng(1))
    scaled = shell_sphericity(fields)
    assert ks_2samp(shell_sphericity(exact.coefficients), scaled).pvalue < 1e-3


def test_rare_sizes_use_the_pilots_bound_and_impossible_ones_are_refused() -> None:
    window = SizeWindow(0.98 * 53, 1.02 * 53)
    assert draw_candidates(MODEL, 4000, window, np.random.default_rng(1)).probability.mean() < 0.005
    shells = draw_shells_of_size(MODEL, 53, 3, stream(1))
    np.testing.assert_allclose(shell_diameter(shells.coefficients), 53, rtol=0.0205)
    with pytest.raises(ComputationError, match="almost no particle") as caught:
        draw_shells_of_size(MODEL, 300, 1, stream(1))
    assert "between" in caught.value.hint
    with pytest.raises(NmcError, match="not positive"):
        draw_shells_of_size(MODEL, -3, 1, stream(1))


def test_drawing_can_be_cancelled() -> None:
    monitor = Monitor(lambda progress: monitor.cancel())
    with pytest.raises(Cancelled):
        draw_shells(MODEL, 10, stream(1), monitor=monitor)
