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
