"""Exact Laguerre cells against boxes, voxel counts and pyvoro2."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.cells import laguerre_cells
from nmcstudio.grains.labelling import label_points

WINDOW = np.array([[0.0, 2.0], [-1.0, 1.0], [5.0, 8.0]])


def generators(n, seed=0, spread=0.02):
    rng = np.random.default_rng(seed)
    return rng.uniform(WINDOW[:, 0], WINDOW[:, 1], (n, 3)), rng.normal(0, spread, n)


def test_two_cells():
    cells = laguerre_cells(np.array([[0.5, 0, 6], [1.5, 0, 6]]), np.array([0.0, 0.5]), WINDOW)
    # radical plane at x = 1 - 0.25
    np.testing.assert_allclose(cells.volumes_um3, [0.75 * 6, 1.25 * 6])
    np.testing.assert_allclose(cells.centroids_um, [[0.375, 0, 6.5], [1.375, 0, 6.5]])
    np.testing.assert_allclose(cells.surfaces_um2, [2 * 6 + 10 * 0.75, 2 * 6 + 10 * 1.25])
    inner = cells.faces[:, 1] >= 0
    np.testing.assert_allclose(cells.face_areas_um2[inner], [6, 6])
    assert cells.neighbours.tolist() == [1, 1]
    assert cells.touches_window.all()


def test_single_empty_equal_and_far_generators():
    np.testing.assert_allclose(laguerre_cells(np.zeros((1, 3)), np.zeros(1), WINDOW).volumes_um3, [12])
    seeds = np.array([[1.0, 0, 6], [1.0, 0, 6], [1.0, 0, 6], [50, 0, 6]])
    cells = laguerre_cells(seeds, np.array([0.0, 0, -1, 0]), WINDOW)
    np.testing.assert_allclose(cells.volumes_um3, [12, 0, 0, 0])
    assert np.isnan(cells.centroids_um[1]).all()
    assert cells.surfaces_um2[1] == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 120), st.floats(0, 0.3))
def test_cells_fill_the_window(seed, n, spread):
    seeds, weights = generators(n, seed, spread)
    cells = laguerre_cells(seeds, weights, WINDOW)
    assert cells.volumes_um3.sum() == pytest.approx(12.0, rel=1e-9)
    sides = cells.face_areas_um2[cells.faces[:, 1] < 0].sum()
    assert sides == pytest.approx(2 * (4 + 6 + 6), rel=1e-9)
    # each inner face has its twin of the same area
    inner = cells.faces[:, 1] >= 0
    pairs, areas = cells.faces[inner], cells.face_areas_um2[inner]
    large = areas > 1e-9
    table = {tuple(pair): area for pair, area in zip(pairs.tolist(), areas)}
    assert all(
        table[(b, a)] == pytest.approx(area, rel=1e-5, abs=1e-9) for (a, b), area in zip(pairs[large].tolist(), areas[large])
    )


def test_cells_hold_their_points():
    seeds, weights = generators(200, 3, 0.05)
    cells = laguerre_cells(seeds, weights, WINDOW)
    rng = np.random.default_rng(0)
    points = rng.uniform(WINDOW[:, 0], WINDOW[:, 1], (200_000, 3))
    share = np.bincount(label_points("laguerre", seeds, weights, None, points), minlength=200) / len(points)
    expected = cells.volumes_um3 / 12.0
    assert np.all(np.abs(share - expected) <= 5 * np.sqrt(expected / len(points)) + 1e-4)
    assert set(np.flatnonzero(share)) <= set(np.flatnonzero(cells.volumes_um3))
    full = cells.volumes_um3 > 0
    owner = label_points("laguerre", seeds, weights, None, cells.centroids_um[full])
    np.testing.assert_array_equal(owner, np.flatnonzero(full))


def test_regular_lattice():
    x, y, z = np.meshgrid(np.arange(4) + 0.5, np.arange(4) + 0.5, np.arange(4) + 0.5, indexing="ij")
    seeds = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    cells = laguerre_cells(seeds, np.zeros(64), np.array([[0.0, 4.0]] * 3))
    np.testing.assert_allclose(cells.volumes_um3, 1.0)
    np.testing.assert_allclose(cells.surfaces_um2, 6.0)
    assert cells.neighbours.sum() == 2 * 3 * 4 * 4 * 3


def lattice(kind, far):
    """Seeds of a lattice, whose corners have too many neighbours at one distance, in a window that may lie far away."""
    base = {
        "cubic": [[0, 0, 0]],
        "bcc": [[0, 0, 0], [0.5, 0.5, 0.5]],
        "fcc": [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]],
    }
    places = np.stack(np.meshgrid(*[np.arange(3.0)] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    return (places + np.array(base[kind]) + 0.25).reshape(-1, 3) + far, np.array([[0.0, 3.0]] * 3) + far


def check_polyhedra(cells, window):
    """Closed convex polyhedra that fill the window and whose inner faces come in pairs."""
    size = np.ptp(window, axis=1)
    assert cells.volumes_um3.sum() == pytest.approx(np.prod(size), rel=1e-9)
    where = {}
    digits = 1e-9 * (np.abs(window).max() + size.max())
    for face, (cell, other) in enumerate(cells.faces.tolist()):
        corners = cells.corners_um[cells.starts[face] : cells.starts[face + 1]]
        normal = np.cross(corners[1:-1] - corners[0], corners[2:] - corners[0]).sum(axis=0)
        normal /= np.linalg.norm(normal)
        assert np.abs((corners - corners[0]) @ normal).max() < 1e3 * digits
        where.setdefault(cell, []).append((other, corners, normal, cells.face_areas_um2[face]))
    tiny = 1e-7 * size.max() ** 2
    for cell, faces in where.items():
        points = np.concatenate([corners for _, corners, _, _ in faces])
        for other, corners, normal, area in faces:
            if area < tiny:
                continue
            # all of the cell lies behind each of its faces
            assert ((points - corners[0]) @ normal).max() < 1e-6 * size.max()
            if other >= 0:
                twin = [(n, a) for o, _, n, a in where[other] if o == cell]
                assert len(twin) == 1
                np.testing.assert_allclose(twin[0][0], -normal, atol=1e-5)
                assert twin[0][1] == pytest.approx(area, rel=1e-6, abs=tiny)
        # a closed surface: areas times normals cancel
        assert np.abs(sum(n * a for _, _, n, a in faces)).max() < 1e-8 * size.max() ** 2
    np.testing.assert_array_equal(np.sort(list(where)), np.flatnonzero(cells.volumes_um3 > 0))


@pytest.mark.parametrize("far", [0.0, -7e4])
@pytest.mark.parametrize(("kind", "faces", "surface"), [("cubic", 6, 6.0), ("bcc", 14, 3.3481), ("fcc", 12, 2.1213)])
def test_lattices_with_too_many_neighbours_at_a_corner(kind, faces, surface, far):
    seeds, window = lattice(kind, far)
    cells = laguerre_cells(seeds, np.zeros(len(seeds)), window)
    check_polyhedra(cells, window)
    middle = np.linalg.norm(seeds - far - 1.25, axis=1).argmin()
    large = cells.face_areas_um2[cells.faces[:, 0] == middle] > 1e-6
    assert np.count_nonzero(large) == faces
    # cube, truncated octahedron, rhombic dodecahedron
    assert cells.surfaces_um2[middle] == pytest.approx(surface, abs=1e-4)
    assert cells.volumes_um3[middle] == pytest.approx({"cubic": 1, "bcc": 0.5, "fcc": 0.25}[kind], rel=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["lattice", "twins", "plane", "far", "heavy"]), st.integers(1, 40))
def test_degenerate_generators_give_closed_convex_cells(seed, what, n):
    rng = np.random.default_rng(seed)
    window = WINDOW
    seeds, weights = generators(n, seed, 0.05)
    if what == "lattice":
        seeds = np.round(seeds * 2) / 2
        weights = np.round(weights * 20) / 20
    elif what == "twins":
        seeds = seeds[rng.integers(0, n, n)]
    elif what == "plane":
        seeds[:, 2] = 6.0
    elif what == "far":
        window = WINDOW + 3e4
        seeds = seeds + 3e4
    else:
        weights[: n // 2] += 3.0
    check_polyhedra(laguerre_cells(seeds, weights, window), window)


def test_same_cells_as_voro():
    pyvoro2 = pytest.importorskip("pyvoro2")
    seeds, weights = generators(300, 5, 0.03)
    cells = laguerre_cells(seeds, weights, WINDOW)
    box = pyvoro2.Box(bounds=tuple((float(a), float(b)) for a, b in WINDOW))
    other = pyvoro2.compute(seeds, domain=box, mode="power", weights=weights, include_empty=True, output="cells")
    other = sorted(other, key=lambda cell: cell["id"])
    volumes = np.array([cell["volume"] for cell in other])
    behind = [{face["adjacent_cell"] for face in cell["faces"] if face["adjacent_cell"] >= 0} for cell in other]
    large = cells.face_areas_um2 > 1e-8
    for cell, neighbour in cells.faces[large & (cells.faces[:, 1] >= 0)].tolist():
        assert neighbour in behind[cell]
    assert sum(map(len, behind)) == pytest.approx(cells.neighbours.sum(), abs=4)
    np.testing.assert_allclose(cells.volumes_um3, volumes, atol=1e-9)


def test_says_what_is_wrong_and_cancels():
    seeds, weights = generators(300)
    with pytest.raises(NmcError, match="no volume"):
        laguerre_cells(seeds, weights, WINDOW[:, ::-1])
    monitor = Monitor()
    monitor.cancel()
    with pytest.raises(Cancelled):
        laguerre_cells(seeds, weights, WINDOW, monitor)
