"""Spherical harmonics against scipy, theorems and bodies with known volume and area."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from scipy.special import ellipeinc, ellipkinc, eval_legendre, sph_harm_y

from nmcstudio.shell.coefficients import power_by_degree
from nmcstudio.shell.directions import grid_for_degree, icosphere, octasphere
from nmcstudio.shell.harmonics import (
    Y00,
    compute_harmonics,
    degree_of_count,
    degree_of_index,
    equivalent_diameter,
    evaluate,
    evaluate_at,
    harmonics,
    mesh_area,
    mesh_volume,
    shell_area,
    shell_diameter,
    shell_sphericity,
    shell_volume,
)


def expand(radius, degree: int) -> np.ndarray:
    """Coefficients of a radius function given as a callable of unit vectors."""
    grid = grid_for_degree(2 * degree)
    return (grid.weights * radius(grid.directions)) @ compute_harmonics(grid.directions, degree)


def test_basis_is_scipys_without_the_phase() -> None:
    u = np.random.default_rng(0).normal(size=(50, 3))
    u /= np.linalg.norm(u, axis=1)[:, None]
    theta, phi = np.arccos(u[:, 2]), np.arctan2(u[:, 1], u[:, 0])
    basis = harmonics(u, 20)
    for degree, order in ((0, 0), (1, 0), (1, 1), (2, -1), (7, 5), (13, -13), (20, 9), (20, -20)):
        value = sph_harm_y(degree, abs(order), theta, phi) * (-1) ** order
        expected = value.real if order == 0 else np.sqrt(2) * (value.real if order > 0 else value.imag)
        np.testing.assert_allclose(basis[:, degree**2 + degree + order], expected, atol=1e-12)


def test_degree_one_is_y_z_x_and_poles_are_no_exception() -> None:
    u = np.array([[0.0, 0, 1], [0, 0, -1], [1, 0, 0], [0, 1, 0]])
    np.testing.assert_allclose(harmonics(u, 1)[:, 1:] / np.sqrt(3 / 4 / np.pi), u[:, [1, 2, 0]], atol=1e-15)


def test_basis_is_orthonormal_under_quadrature() -> None:
    grid = grid_for_degree(15)
    basis = harmonics(grid.directions, 15)
    np.testing.assert_allclose(basis.T @ (grid.weights[:, None] * basis), np.eye(256), atol=1e-12)


def test_addition_theorem() -> None:
    u = octasphere(1).directions
    spectrum = 3.0 * np.exp(-0.3 * np.arange(16))
    basis = harmonics(u, 15)
    covariance = basis * spectrum[degree_of_index(15)] @ basis.T
    cosines = np.clip(u @ u.T, -1, 1)
    theory = sum(spectrum[k] * (2 * k + 1) / (4 * np.pi) * eval_legendre(k, cosines) for k in range(16))
    np.testing.assert_allclose(covariance, theory, atol=1e-11)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_power_of_each_degree_does_not_change_under_rotation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    coefficients = rng.normal(size=64)
    turn = Rotation.random(rng=rng).as_matrix()
    turned = expand(lambda u: evaluate_at(coefficients, u @ turn), 7)
    np.testing.assert_allclose(power_by_degree(turned), power_by_degree(coefficients), rtol=1e-9)


def test_a_moved_ball_keeps_volume_and_area() -> None:
    shift = np.array([0.3, -0.2, 0.4])
    coefficients = expand(lambda u: u @ shift + np.sqrt((u @ shift) ** 2 + 4 - shift @ shift), 20)
    assert shell_volume(coefficients) == pytest.approx(4 / 3 * np.pi * 8, rel=1e-9)
    assert shell_area(coefficients) == pytest.approx(4 * np.pi * 4, rel=1e-9)
    assert shell_diameter(coefficients) == pytest.approx(4, rel=1e-9)
    assert shell_sphericity(coefficients) == pytest.approx(1, rel=1e-9)


def test_an_ellipsoid_has_its_volume_and_area() -> None:
    a, b, c = 1.3, 1.1, 0.9
    coefficients = expand(lambda u: 1 / np.sqrt((u**2 / np.array([a, b, c]) ** 2).sum(axis=1)), 24)
    angle = np.arccos(c / a)
    k2 = a**2 * (b**2 - c**2) / (b**2 * (a**2 - c**2))
    area = 2 * np.pi * c**2 + 2 * np.pi * a * b / np.sin(angle) * (
        ellipeinc(angle, k2) * np.sin(angle) ** 2 + ellipkinc(angle, k2) * np.cos(angle) ** 2
    )
    assert shell_volume(coefficients) == pytest.approx(4 / 3 * np.pi * a * b * c, rel=1e-7)
    assert shell_area(coefficients) == pytest.approx(area, rel=1e-7)


def test_meshes_converge_to_the_quadrature() -> None:
    rng = np.random.default_rng(5)
    coefficients = rng.normal(size=(3, 81)) * 0.3
    coefficients[:, 0] = 5 / Y00
    fine = octasphere(7)
    radii = evaluate_at(coefficients[1], fine.directions)
    assert mesh_volume(radii, fine) == pytest.approx(shell_volume(coefficients)[1], rel=1e-3)
    assert mesh_area(radii, fine) == pytest.approx(shell_area(coefficients)[1], rel=1e-3)
    assert equivalent_diameter(mesh_volume(radii, fine)) < shell_diameter(coefficients)[1]


def test_evaluation_in_blocks_is_the_same_as_at_once() -> None:
    coefficients = np.random.default_rng(2).normal(size=36)
    u = icosphere(5).directions
    assert len(u) > 2 * 4096
    np.testing.assert_allclose(evaluate_at(coefficients, 3 * u), evaluate(coefficients, u), atol=1e-12)
    assert np.isfinite(evaluate_at(coefficients, np.zeros((2, 2, 3)))).all()
    assert evaluate_at(coefficients, np.zeros((2, 2, 3))).shape == (2, 2)


def test_degrees_and_counts() -> None:
    assert degree_of_count(256) == 15
    with pytest.raises(ValueError, match="not"):
        degree_of_count(250)
