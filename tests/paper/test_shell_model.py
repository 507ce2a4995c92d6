"""The shell rows of models.md 17."""

from __future__ import annotations

import numpy as np
import pytest

from nmcstudio.core.monitor import Monitor
from nmcstudio.shell.coefficients import estimate_coefficients
from nmcstudio.shell.conditioning import SizeWindow, field_diameters, find_intervals
from nmcstudio.shell.directions import gauss_legendre_grid, octasphere, octasphere_by_frequency
from nmcstudio.shell.em import MixtureFit, fit_coefficient_em
from nmcstudio.shell.gram import gram_of
from nmcstudio.shell.harmonics import (
    degree_of_index,
    equivalent_diameter,
    evaluate,
    harmonics,
    mesh_area,
    mesh_volume,
    sphericity,
)
from nmcstudio.shell.routes import CoefficientRoute
from nmcstudio.shell.sample import draw_fields
from nmcstudio.shell.selection import degree_curves, select_components
from tests.shell.shell_data import mixture, simulate

GRID = gauss_legendre_grid(16, 32).directions


def test_variance_of_the_field() -> None:
    degrees = np.arange(16)
    spectrum = np.where(degrees == 0, 60.0, np.where(degrees == 1, 0.0, 8 * np.exp(-0.35 * (degrees - 2.0))))
    basis = harmonics(octasphere().directions, 15)
    np.testing.assert_allclose((basis**2) @ spectrum[degree_of_index(15)], 25.2354, atol=5e-5)
    rng = np.random.default_rng(1)
    values = rng.standard_normal((4000, 256)) * np.sqrt(spectrum[degree_of_index(15)])
    assert evaluate(values, octasphere().directions).var(axis=0).mean() == pytest.approx(25.2354, abs=4 * 0.25 * np.sqrt(5))


@pytest.mark.parametrize("mesh", [octasphere(), octasphere_by_frequency(8)])
def test_rank_on_258_points(mesh) -> None:
    for degree, rank in ((14, 225), (15, 249)):
        assert np.linalg.matrix_rank(harmonics(mesh.directions, degree), tol=1e-8) == rank
        assert gram_of(mesh.directions, degree).pseudo_inverse()[2] == rank


def test_unit_ball_on_258_points() -> None:
    volume, area = (float(f(np.ones(258), octasphere())) for f in (mesh_volume, mesh_area))
    assert equivalent_diameter(volume) / 2 == pytest.approx(0.99221, abs=5e-6)
    assert sphericity(volume, area) == pytest.approx(0.99702, abs=5e-6)


def recover(replicates: int) -> np.ndarray:
    """p, mu and some a_l of each replicate: ``(replicates, 12)``."""
    rows = []
    for number in range(replicates):
        radii, _ = simulate(mixture(), 239, GRID, 100 + number)
        coefficients = estimate_coefficients(radii, 10)
        fit: MixtureFit = fit_coefficient_em(coefficients, 3, np.random.default_rng(number), starts=4)
        a = fit.spectra_um2
        rows.append([*fit.shares, *fit.means_um, *a[0, [0, 2, 8]], *a[2, [0, 2, 8]]])
    return np.array(rows)


TRUTH = np.array([0.5, 0.3, 0.2, 32, 38, 47, 40, 6, 0.4032, 90, 40, 3.629])
SPREAD = np.array([0.029, 0.028, 0.032, 0.11, 0.30, 0.35, 4.0, 0.33, 0.013, 19.0, 4.1, 0.17])


def test_mixture_is_recovered() -> None:
    found = recover(4)
    assert np.all(np.abs(found - TRUTH) < 4.5 * SPREAD)
    assert np.all(np.abs(found.mean(axis=0) - TRUTH) < 3 * SPREAD / np.sqrt(4) + 0.02 * TRUTH)


@pytest.mark.slow
def test_mixture_is_recovered_in_twenty_replicates() -> None:
    found = recover(20)
    assert np.all(np.abs(found.mean(axis=0) - TRUTH) < 3.5 * SPREAD / np.sqrt(20) + 0.02 * TRUTH)
    np.testing.assert_array_less(found.std(axis=0, ddof=1), 1.7 * SPREAD)
    np.testing.assert_array_less(0.5 * SPREAD, found.std(axis=0, ddof=1))


def chosen_numbers(replicates: int) -> list[tuple[int, int]]:
    """K and L that BIC chooses, each with its own truth of 3 and 7."""
    out = []
    for number in range(replicates):
        rng = np.random.default_rng(number)
        radii, _ = simulate(mixture(10), 239, GRID, 200 + number)
        fit, _ = select_components(CoefficientRoute(estimate_coefficients(radii, 10), np.ones(239), 4), rng)
        lower, _ = simulate(mixture(7), 239, GRID, 300 + number)
        route = CoefficientRoute(estimate_coefficients(lower, 10), np.ones(239), 4)
        degree = degree_curves(route, route.fit(3, rng, Monitor()), rng).best("bic")
        out.append((len(fit.shares), degree))
    return out


def test_bic_chooses_three_components_and_degree_seven() -> None:
    assert chosen_numbers(2) == [(3, 7)] * 2


@pytest.mark.slow
def test_bic_chooses_right_in_twenty_replicates() -> None:
    assert chosen_numbers(20).count((3, 7)) >= 19


def test_size_window_is_as_likely_as_in_naive_sampling() -> None:
    """P(0.98 d to 1.02 d) = 0.0643 at d = 80 on the 258-point mesh."""
    window = SizeWindow(0.98 * 80, 1.02 * 80, "mesh")
    rng = np.random.default_rng(10)
    blocks = []
    for _ in range(16):
        shapes, components = draw_fields(mixture(), 500, rng)
        shapes[:, 0] = 0
        blocks.append(find_intervals(shapes, components, mixture(), window).probability.mean())
    assert np.mean(blocks) == pytest.approx(0.0643, abs=0.003)
    hits = []
    for _ in range(16):
        sizes = field_diameters(draw_fields(mixture(), 500, rng)[0], "mesh")
        hits.append(np.mean((sizes >= window.low_um) & (sizes <= window.high_um)))
    assert np.mean(hits) == pytest.approx(0.0643, abs=4 * np.sqrt(0.064 * 0.936 / 8000))
