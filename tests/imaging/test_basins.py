"""Basins, their necks and closed pores against slow and plain computations."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from nmcstudio.core import workers
from nmcstudio.core.errors import Cancelled
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.workers import in_threads
from nmcstudio.imaging.basins import find_basins, survey_basins
from nmcstudio.imaging.distance import squared_distance_inside
from nmcstudio.imaging.pores import fill_pores
from nmcstudio.imaging.split import split_hierarchy

CUBES = (1.0, 1.0, 1.0)


def _heights(seed: int, shape: tuple[int, int, int], levels: int) -> np.ndarray:
    """Random hills with background; few levels make plateaus."""
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.5)
    field = (field - np.quantile(field, 0.3)).clip(0)
    return np.ceil(field / field.max() * levels).astype(np.uint16)


def _slow_basins(codes: np.ndarray, edges: tuple[float, float, float]) -> np.ndarray:
    """Every voxel walks uphill by itself; basins numbered by the flat index of their tops."""
    nz, ny, nx = codes.shape
    goal = {}
    for z, y, x in np.argwhere(codes > 0).tolist():
        best, to = np.float32(0), (z, y, x)
        behind = None
        for dz in (-1, 0, 1):
            for dy in (-1, 0, 1):
                for dx in (-1, 0, 1):
                    a, b, c = z + dz, y + dy, x + dx
                    if (dz, dy, dx) == (0, 0, 0) or not (0 <= a < nz and 0 <= b < ny and 0 <= c < nx):
                        continue
                    length = np.sqrt((dz * edges[0]) ** 2 + (dy * edges[1]) ** 2 + (dx * edges[2]) ** 2)
                    slope = (np.float32(codes[a, b, c]) - np.float32(codes[z, y, x])) * np.float32(1 / length)
                    if slope > best:
                        best, to = slope, (a, b, c)
                    if behind is None and codes[a, b, c] == codes[z, y, x] and (dz, dy, dx) > (0, 0, 0):
                        behind = (a, b, c)
        goal[z, y, x] = to if best > 0 or behind is None else behind
    tops = sorted(voxel for voxel, to in goal.items() if voxel == to)
    number = {voxel: k + 1 for k, voxel in enumerate(tops)}
    labels = np.zeros(codes.shape, int)
    for voxel in goal:
        at = voxel
        while goal[at] != at:
            at = goal[at]
        labels[voxel] = number[at]
    return labels


@pytest.mark.parametrize("levels", [4, 5000])
@pytest.mark.parametrize("edges", [CUBES, (2.0, 0.8, 0.7)])
def test_basins_are_those_of_walking_uphill(levels: int, edges: tuple[float, float, float]) -> None:
    codes = _heights(levels, (5, 6, 140), levels)
    found, tops = find_basins(codes, edges)
    assert np.array_equal(found, _slow_basins(codes, edges))
    assert found.reshape(-1)[tops].tolist() == list(range(1, len(tops) + 1))


def test_necks_sizes_and_cuts_are_those_of_all_faces() -> None:
    codes = np.random.default_rng(2).integers(0, 4000, (11, 12, 30)).astype(np.uint16)  # hundreds of basins: the table grows
    observed = np.random.default_rng(3).random(codes.shape) > 0.01
    codes[~observed] = 0
    basins, tops = find_basins(codes, CUBES)
    sizes, cut, pairs, necks = survey_basins(basins, codes, len(tops), observed, Monitor())
    expected: dict[tuple[int, int], int] = {}
    for axis in range(3):
        one, two = np.moveaxis(basins, axis, 0)[:-1], np.moveaxis(basins, axis, 0)[1:]
        low = np.minimum(np.moveaxis(codes, axis, 0)[:-1], np.moveaxis(codes, axis, 0)[1:])
        for a, b, neck in zip(one.ravel().tolist(), two.ravel().tolist(), low.ravel().tolist()):
            if a != b and a and b:
                pair = (min(a, b), max(a, b))
                expected[pair] = max(expected.get(pair, 0), neck)
    assert {tuple(pair): neck for pair, neck in zip(pairs.tolist(), necks.tolist())} == expected
    assert sizes[1:].tolist() == np.bincount(basins.ravel())[1:].tolist()
    inner = ndimage.binary_erosion(observed, ndimage.generate_binary_structure(3, 1), border_value=0)
    assert set(np.flatnonzero(cut)) == set(np.unique(basins[~inner])) - {0}


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([(0,), (1,), (2,), (0, 2), (0, 1, 2)]))
def test_flips_change_nothing_but_the_numbers(seed: int, axes: tuple[int, ...]) -> None:
    """Heights without ties."""
    rng = np.random.default_rng(seed)
    codes = (rng.permutation(7 * 8 * 9) + 1).reshape(7, 8, 9).astype(np.uint16)
    codes[rng.random(codes.shape) < 0.3] = 0
    straight, tops = find_basins(codes, CUBES)
    turned, _ = find_basins(np.ascontiguousarray(np.flip(codes, axes)), CUBES)
    both = np.unique(np.stack([straight.ravel(), np.flip(turned, axes).ravel()]), axis=1)
    assert both.shape[1] == len(np.unique(straight)) == len(np.unique(turned))
    assert len(tops) == straight.max()


def test_the_number_of_threads_changes_nothing(ellipsoids: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    for count in (1, 3):
        monkeypatch.setattr(workers, "worker_count", lambda count=count: count)
        found = split_hierarchy(ellipsoids > 0)
        results.append((found.basins, found.pairs, found.ratios, found.peaks, found.sizes, found.cut))
    for one, other in zip(*results):
        assert np.array_equal(one, other)


def test_distances_above_255_voxels() -> None:
    mask = np.ones((3, 5, 900), bool)
    mask[1, 2, 600] = False
    squared, unit = squared_distance_inside(mask)
    assert squared.dtype == np.float32
    assert np.allclose(np.sqrt(squared * unit), ndimage.distance_transform_edt(mask), rtol=1e-5)
    assert squared_distance_inside(mask[:, :, 400:800])[0].dtype == np.uint16
    squared, unit = squared_distance_inside(mask, (0.3, 0.3, 0.3))
    assert np.allclose(np.sqrt(squared * unit), 0.3 * ndimage.distance_transform_edt(mask), rtol=1e-5)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("share", [0.4, 0.75])
def test_closed_pores_are_those_of_labelling(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    shape = ((17, 18, 70), (1, 30, 40), (25, 1, 60))[seed % 3]
    field = ndimage.gaussian_filter(rng.normal(size=shape), 1.0)
    mask = field < np.quantile(field, share)
    observed = rng.random(shape) > 0.002 if seed % 2 else None
    if observed is not None:
        mask &= observed
    regions, count = ndimage.label(~mask)
    outside = np.zeros(count + 1, bool)
    for axis, length in enumerate(shape):
        if length > 1:
            outside[np.moveaxis(regions, axis, 0)[[0, -1]]] = True
    if observed is not None:
        outside[regions[~observed]] = True
    outside[0] = True
    expected = mask | ~outside[regions]
    filled = mask.copy()
    assert fill_pores(filled, observed) == (int((~outside).sum()), int((expected & ~mask).sum()))
    assert np.array_equal(filled, expected)


def test_threads_stop_at_the_first_error_and_when_asked() -> None:
    def fails(piece: int) -> int:
        if piece == 3:
            raise ValueError("three")
        return piece

    with pytest.raises(ValueError, match="three"):
        in_threads(fails, range(100), Monitor(), "")
    assert in_threads(lambda piece: piece, range(50), Monitor(), "") == list(range(50))
    monitor, done = Monitor(), []

    def works(piece: int) -> None:
        done.append(piece)
        time.sleep(0.01)
        if piece == 5:
            monitor.cancel()

    with pytest.raises(Cancelled):
        in_threads(works, range(1000), monitor, "")
    assert len(done) < 50
