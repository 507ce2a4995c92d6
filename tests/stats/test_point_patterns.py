"""Estimators against theory, brute force and each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmcstudio.core.errors import NmcError
from nmcstudio.stats.point_patterns import (
    empty_space,
    find_pairs,
    nearest_neighbour_sample,
    pair_bandwidth_um,
    pair_correlation,
    ripley_k,
)
from nmcstudio.stats.regions import BoxRegion, MaskRegion

BOX = BoxRegion(np.array([[0.0, 8.0], [1.0, 7.0], [-2.0, 3.0]]))


def ball_mask(radius=12, shape=(30, 32, 34), spacing=(0.2, 0.25, 0.3)):
    z, y, x = np.indices(shape)
    return MaskRegion((z - 15) ** 2 + (y - 16) ** 2 + (x - 17) ** 2 <= radius**2, spacing, (1.0, -2.0, 0.5))


def full_mask(block_shape=(20, 24, 32), spacing=0.25):
    # The same box as BOX: voxels of 0.25 um, centres half a voxel inside.
    return MaskRegion(np.ones(block_shape, bool), (spacing,) * 3, (-2 + spacing / 2, 1 + spacing / 2, spacing / 2))


def test_middle_of_a_region_is_a_part_of_it_of_that_size():
    rng = np.random.default_rng(4)
    for region, share in ((BOX, 0.3), (full_mask(), 0.125), (ball_mask(), 0.3)):
        part = region.middle(share)
        points = rng.uniform(region.bounds_um[:, 0], region.bounds_um[:, 1], (20_000, 3))
        inside = part.contains(points)
        assert not (inside & ~region.contains(points)).any()
        assert np.mean(inside) * np.prod(np.ptp(region.bounds_um, axis=1)) == pytest.approx(part.volume_um3, rel=0.06)
        assert np.prod(np.ptp(part.bounds_um, axis=1)) == pytest.approx(
            share * np.prod(np.ptp(region.bounds_um, axis=1)), rel=0.25
        )
        np.testing.assert_allclose(part.bounds_um.mean(axis=1), region.bounds_um.mean(axis=1), atol=0.3)
    hollow = MaskRegion(np.pad(np.zeros((8, 8, 8), bool), 2, constant_values=True), (1.0,) * 3)
    assert hollow.middle(0.1) is hollow


def test_mask_of_a_box_agrees_with_the_box():
    mask = full_mask()
    rng = np.random.default_rng(1)
    shifts = rng.uniform(-6, 6, (200, 3))
    points = rng.uniform([-1, 0, -3], [9, 8, 4], (500, 3))
    assert mask.volume_um3 == pytest.approx(BOX.volume_um3)
    np.testing.assert_allclose(mask.bounds_um, BOX.bounds_um)
    np.testing.assert_allclose(mask.overlap_um3(shifts), BOX.overlap_um3(shifts), atol=1e-6 * BOX.volume_um3)
    assert np.array_equal(mask.contains(points), BOX.contains(points))
    inside = BOX.contains(points)
    np.testing.assert_allclose(mask.boundary_distance_um(points)[inside], BOX.boundary_distance_um(points)[inside], atol=0.25)
    np.testing.assert_allclose(
        mask.eroded_volume_um3(np.array([0.5, 1.0])) / BOX.volume_um3,
        BOX.eroded_volume_um3(np.array([0.5, 1.0])) / BOX.volume_um3,
        atol=0.06,
    )


def test_overlap_of_a_ragged_mask_is_a_count_of_voxels():
    rng = np.random.default_rng(3)
    mask = rng.random((9, 10, 11)) < 0.6
    region = MaskRegion(mask, (0.5, 1.0, 2.0))
    for shift in ((0, 0, 0), (2, -3, 1), (-1, 4, -5)):
        moved = np.zeros_like(mask)
        source = tuple(slice(max(0, -s), n - max(0, s)) for s, n in zip(shift, mask.shape))
        target = tuple(slice(max(0, s), n - max(0, -s)) for s, n in zip(shift, mask.shape))
        moved[target] = mask[source]
        h = np.array([[shift[2] * 2.0, shift[1] * 1.0, shift[0] * 0.5]])
        assert region.overlap_um3(h)[0] == pytest.approx(np.count_nonzero(mask & moved) * 1.0, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_overlap_is_even_and_bounded(seed):
    region = ball_mask()
    h = np.random.default_rng(seed).uniform(-8, 8, (20, 3))
    overlap = region.overlap_um3(h)
    np.testing.assert_allclose(overlap, region.overlap_um3(-h), atol=1e-6)
    assert np.all((overlap >= 0) & (overlap <= region.volume_um3 * (1 + 1e-9)))


def test_pairs_against_brute_force():
    points = np.random.default_rng(5).uniform(BOX.bounds_um[:, 0], BOX.bounds_um[:, 1], (60, 3))
    pairs = find_pairs(points, BOX, 1.5)
    i, j = np.triu_indices(60, 1)
    h = points[i] - points[j]
    r = np.linalg.norm(h, axis=1)
    near = r <= 1.5
    order = np.argsort(r[near])
    np.testing.assert_allclose(pairs.distances_um, r[near][order])
    np.testing.assert_allclose(pairs.edge_weights, (2 / np.prod(BOX.edges_um - abs(h), axis=1))[near][order])


@pytest.mark.parametrize("region", [BOX, ball_mask()], ids=["box", "ball"])
def test_poisson_pattern_has_no_structure(region):
    rng = np.random.default_rng(11)
    radii = np.linspace(0.3, 1.0, 8)
    g, k, nn = [], [], []
    for _ in range(30):
        low, high = region.bounds_um.T
        points = rng.uniform(low, high, (rng.poisson(4.0 * np.prod(high - low)), 3))
        g.append(pair_correlation(points, region, radii, 0.15))
        k.append(ripley_k(points, region, radii))
        nn.append(nearest_neighbour_sample(points[region.contains(points)], region).cdf(radii))
    for name, rows, theory in (
        ("g", g, np.ones(8)),
        ("K", k, 4 / 3 * np.pi * radii**3),
        ("D", nn, 1 - np.exp(-4.0 * 4 / 3 * np.pi * radii**3)),
    ):
        mean, error = np.mean(rows, 0), np.std(rows, 0, ddof=1) / np.sqrt(30)
        assert np.all(abs(mean - theory) < 4 * error + 0.01 * theory), name


def test_hanisch_rule_removes_the_edge_bias():
    rng = np.random.default_rng(2)
    radii = np.array([0.25, 0.4])
    plain, corrected = [], []
    for _ in range(400):
        points = rng.uniform(0, 2, (rng.poisson(8 * 4), 3))
        sample = nearest_neighbour_sample(points, BoxRegion(np.array([[0, 2.0]] * 3)))
        corrected.append(sample.cdf(radii))
        plain.append([(sample.distances_um <= r).mean() for r in radii])
    theory = 1 - np.exp(-4 * 4 / 3 * np.pi * radii**3)
    error = np.std(corrected, 0) / np.sqrt(400)
    assert np.all(abs(np.mean(corrected, 0) - theory) < 4 * error + 0.005)
    assert np.mean(plain, 0)[1] < theory[1] - 4 * error[1]


def test_empty_space_of_poisson():
    rng = np.random.default_rng(7)
    radii = np.linspace(0.05, 0.8, 6)
    rows = []
    for _ in range(20):
        points = rng.uniform(BOX.bounds_um[:, 0], BOX.bounds_um[:, 1], (rng.poisson(3.0 * BOX.volume_um3), 3))
        rows.append(empty_space(points, BOX, radii, rng, tests=4000))
    theory = 1 - np.exp(-3.0 * 4 / 3 * np.pi * radii**3)
    assert np.all(abs(np.mean(rows, 0) - theory) < 0.015)
    assert np.all(np.diff(rows, axis=1) >= 0)


def test_errors_and_bandwidth():
    with pytest.raises(NmcError, match="1 points"):
        find_pairs(np.array([[4.0, 4.0, 0.0], [100.0, 0.0, 0.0]]), BOX, 1.0)
    with pytest.raises(NmcError, match="no volume"):
        BoxRegion(np.array([[0, 0.0]] * 3))
    with pytest.raises(NmcError, match="empty"):
        MaskRegion(np.zeros((3, 3, 3), bool), (1, 1, 1))
    # Published case (models.md 8.3): 13.0 voxels between seeds, b = 0.9; a small cluster radius lowers it.
    assert pair_bandwidth_um(0.00045144) == pytest.approx(0.91, abs=0.01)
    assert pair_bandwidth_um(0.00045144, 1.0) == pytest.approx(0.4)


def test_large_masks_are_coarsened_but_keep_their_volume():
    mask = np.zeros((160, 160, 160), bool)
    mask[10:150, 20:140, 5:155] = True
    region = MaskRegion(mask, (0.1, 0.1, 0.1))
    assert region.volume_um3 == pytest.approx(mask.sum() * 1e-3)
    box = BoxRegion(np.array([[0.45, 15.45], [1.95, 13.95], [0.95, 14.95]]))
    h = np.random.default_rng(1).uniform(-3, 3, (50, 3))
    np.testing.assert_allclose(region.overlap_um3(h), box.overlap_um3(h), rtol=0.01)
