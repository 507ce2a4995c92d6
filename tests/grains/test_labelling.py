"""Block-pruned labels against numpy, voxel by voxel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.labelling import label_grid, label_points

KINDS = ("laguerre", "gbpd-quadratic", "gbpd-sqrt")


def grid_points(shape, spacing, origin):
    axes = [o + np.arange(n) * h for n, h, o in zip(shape, spacing, origin)]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    return np.stack([x, y, z], axis=-1).reshape(-1, 3)


def brute(kind, seeds, weights, matrices, points):
    d = np.empty((len(points), len(weights)))
    for i in range(len(weights)):
        diff = points - seeds[i]
        if kind == "laguerre":
            d[:, i] = (diff**2).sum(axis=1) - weights[i]
        else:
            form = np.einsum("ni,ij,nj->n", diff, matrices[i], diff)
            d[:, i] = form - weights[i] if kind == "gbpd-quadratic" else np.sqrt(form) - weights[i]
    return d


def random_matrices(rng, n):
    a = rng.normal(size=(n, 3, 3)) * 0.4 + np.eye(3)
    m = a @ np.swapaxes(a, 1, 2) + 0.1 * np.eye(3)
    return m / np.linalg.det(m)[:, None, None] ** (1 / 3)


def check(kind, seeds, weights, matrices, shape, spacing, origin):
    labels = label_grid(kind, seeds, weights, matrices, shape, spacing, origin)
    assert labels.dtype == np.int32
    assert labels.shape == tuple(shape)
    points = grid_points(shape, spacing, origin)
    d = brute(kind, seeds, weights, matrices, points)
    chosen = d[np.arange(len(points)), labels.ravel()]
    # where the two differ, it is a tie within rounding
    assert np.all(chosen - d.min(axis=1) <= 1e-9 * (1 + np.abs(d.min(axis=1))))
    assert np.mean(d.argmin(axis=1) == labels.ravel()) > 0.9999
    np.testing.assert_array_equal(label_points(kind, seeds, weights, matrices, points), labels.ravel())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [0.05, 1.0, 700.0])
def test_equals_brute_force_with_empty_cells_far_seeds_and_anisotropic_voxels(kind, scale):
    rng = np.random.default_rng(5)
    shape, spacing, origin = (37, 70, 41), (0.9 * scale, 0.31 * scale, 0.5 * scale), (3.0 * scale, -8.0 * scale, 0.2 * scale)
    box = np.array([n * h for n, h in zip(shape, spacing)])[::-1]
    low = np.array(origin)[::-1]
    seeds = low + rng.uniform(-0.3, 1.3, (90, 3)) * box
    seeds[:5] = low + rng.uniform(-20, 20, (5, 3)) * box
    if kind == "gbpd-sqrt":
        weights = rng.normal(0, 1.5 * scale, 90)
    else:
        weights = rng.normal(0, 12 * scale**2, 90)
    matrices = None if kind == "laguerre" else random_matrices(rng, 90)
    check(kind, seeds, weights, matrices, shape, spacing, origin)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(KINDS), st.integers(1, 12), st.tuples(*[st.integers(1, 20)] * 3))
def test_equals_brute_force_anywhere(seed, kind, n, shape):
    rng = np.random.default_rng(seed)
    spacing = tuple(rng.uniform(0.2, 2.0, 3))
    seeds = rng.uniform(-5, 25, (n, 3))
    weights = rng.normal(0, 3, n) if kind == "gbpd-sqrt" else rng.normal(0, 40, n)
    check(kind, seeds, weights, None if kind == "laguerre" else random_matrices(rng, n), shape, spacing, (0.0, 1.0, -2.0))


@pytest.mark.parametrize("kind", KINDS)
def test_lowest_index_on_ties(kind):
    seeds = np.array([[5.0, 5, 5], [11.0, 5, 5], [5.0, 5, 5], [11.0, 5, 5]])
    matrices = None if kind == "laguerre" else np.tile(np.eye(3), (4, 1, 1))
    labels = label_grid(kind, seeds, np.zeros(4), matrices, (3, 4, 20), (1.0, 1.0, 1.0))
    assert set(np.unique(labels)) == {0, 1}
    assert (labels[:, :, 8] == 0).all()  # x = 8 is as far from 5 as from 11
    assert (labels[:, :, 9] == 1).all()


@pytest.mark.parametrize("kind", KINDS)
def test_one_generator(kind):
    labels = label_grid(
        kind, np.zeros((1, 3)), np.zeros(1), None if kind == "laguerre" else np.eye(3)[None], (2, 3, 4), (1, 1, 1)
    )
    assert (labels == 0).all()


def test_larger_than_one_block_and_cancelled():
    rng = np.random.default_rng(2)
    seeds, weights = rng.uniform(0, 130, (40, 3)), rng.normal(0, 50, 40)
    labels = label_grid("laguerre", seeds, weights, None, (20, 130, 70), (1.0, 1.0, 1.0))
    points = grid_points((20, 130, 70), (1, 1, 1), (0, 0, 0))
    np.testing.assert_array_equal(labels.ravel(), brute("laguerre", seeds, weights, None, points).argmin(axis=1))
    monitor = Monitor()
    monitor.cancel()
    with pytest.raises(Cancelled):
        label_grid("laguerre", seeds, weights, None, (20, 130, 70), (1.0, 1.0, 1.0), monitor=monitor)


def test_says_what_is_wrong():
    with pytest.raises(NmcError, match="without matrices"):
        label_grid("gbpd-sqrt", np.zeros((1, 3)), np.zeros(1), None, (2, 2, 2), (1, 1, 1))
    with pytest.raises(NmcError, match="missing"):
        label_grid("laguerre", np.full((1, 3), np.nan), np.zeros(1), None, (2, 2, 2), (1, 1, 1))
    with pytest.raises(NmcError, match="unknown kind"):
        label_grid("voronoi", np.zeros((1, 3)), np.zeros(1), None, (2, 2, 2), (1, 1, 1))
