"""Directions on the sphere."""

from __future__ import annotations

import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.shell.directions import (
    SphereMesh,
    gauss_legendre_grid,
    grid_exact_to,
    grid_for_degree,
    icosphere,
    mesh_of,
    octasphere,
    octasphere_by_frequency,
    quadrature_of,
    solid_angles,
)

MESHES = [(octasphere(), 258), (octasphere_by_frequency(8), 258), (octasphere_by_frequency(5), 102), (icosphere(), 2562)]


@pytest.mark.parametrize(("mesh", "count"), MESHES)
def test_meshes_are_closed_and_face_outwards(mesh: SphereMesh, count: int) -> None:
    u, t = mesh.directions, mesh.triangles
    assert len(u) == count
    np.testing.assert_allclose(np.linalg.norm(u, axis=1), 1, atol=1e-12)
    edges = {tuple(sorted((int(a), int(b)))) for row in t for a, b in ((row[0], row[1]), (row[1], row[2]), (row[2], row[0]))}
    assert len(u) - len(edges) + len(t) == 2
    assert np.all(np.einsum("ij,ij->i", u[t[:, 0]], np.cross(u[t[:, 1]], u[t[:, 2]])) > 0)
    assert solid_angles(mesh).sum() == pytest.approx(4 * np.pi)
    assert len(np.unique(np.round(u, 9), axis=0)) == count


@pytest.mark.parametrize("mesh", [octasphere(), octasphere_by_frequency(8)])
def test_octaspheres_are_antipodal(mesh: SphereMesh) -> None:
    nearest = (mesh.directions @ -mesh.directions.T).max(axis=1)
    np.testing.assert_allclose(nearest, 1, atol=1e-12)


def test_recursive_octasphere_is_more_even() -> None:
    spread = []
    for mesh in (octasphere(), octasphere_by_frequency(8)):
        u, t = mesh.directions, mesh.triangles
        a, b, c = (u[t[:, k]] for k in range(3))
        angle = 2 * np.arctan2(np.einsum("ij,ij->i", a, np.cross(b, c)), 1 + (a * b).sum(1) + (b * c).sum(1) + (c * a).sum(1))
        spread.append(angle.max() / angle.min())
    np.testing.assert_allclose(spread, [2.07, 3.97], atol=0.01)


def test_gauss_legendre_is_exact_up_to_its_degree_and_not_beyond() -> None:
    grid = gauss_legendre_grid(6, 12)
    z = grid.directions[:, 2]
    assert grid.exact_degree == 11
    for power in range(12):
        exact = 0 if power % 2 else 4 * np.pi / (power + 1)
        assert grid.weights @ z**power == pytest.approx(exact, abs=1e-12)
    assert abs(grid.weights @ z**12 - 4 * np.pi / 13) > 1e-6
    assert len(grid_for_degree(15).directions) == 2048
    assert grid_exact_to(45).exact_degree >= 45


def test_known_sets_are_recognised_from_their_directions() -> None:
    grid = grid_for_degree(4)
    found = quadrature_of(np.round(grid.directions, 8))
    assert found is not None
    np.testing.assert_allclose(found.weights, grid.weights)
    assert quadrature_of(octasphere().directions) is None
    np.testing.assert_array_equal(mesh_of(octasphere().directions).triangles, octasphere().triangles)


def test_any_directions_get_triangles() -> None:
    rng = np.random.default_rng(1)
    u = rng.normal(size=(80, 3))
    mesh = mesh_of(u / np.linalg.norm(u, axis=1)[:, None])
    assert len(mesh.triangles) == 2 * 80 - 4
    assert solid_angles(mesh).sum() == pytest.approx(4 * np.pi)


@pytest.mark.parametrize("wrong", ["length", "half", "double", "few"])
def test_unusable_directions_are_refused(wrong: str) -> None:
    u = octasphere(2).directions.copy()
    if wrong == "length":
        u[3] *= 1.5
    elif wrong == "half":
        u = u[u[:, 2] > 0.1]
    elif wrong == "double":
        u[1] = u[0]
    else:
        u = u[:4]
    with pytest.raises(NmcError) as caught:
        mesh_of(u)
    assert caught.value.hint
