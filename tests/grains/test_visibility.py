"""Which cells show in an image, against labels of every voxel."""

from __future__ import annotations

import numpy as np
import pytest

from nmcstudio.core.grains import Law
from nmcstudio.grains.labelling import label_grid
from nmcstudio.grains.matrix_law import draw_matrices
from nmcstudio.grains.visibility import Raster, count_visible_voxels


def cells(kind, seed, count=400):
    """Generators around a box of edge 6, about one in five of them without a cell."""
    rng = np.random.default_rng(seed)
    seeds = rng.uniform(-1.5, 7.5, (count, 3))
    if kind == "laguerre":
        return seeds, rng.normal(0.0, 0.6, count), None
    return seeds, rng.normal(0.0, 0.3, count), draw_matrices(Law(kind, MATRICES), count, rng)


MATRICES = {"trace_mean": 0.0, "trace_sd": 0.1, "deviator_sd": 0.3}


@pytest.mark.parametrize("kind", ["laguerre", "gbpd-quadratic", "gbpd-sqrt"])
@pytest.mark.parametrize(("spacing", "masked", "least"), [(0.15, False, 1), (0.1, True, 1), (0.1, False, 20), (0.3, True, 5)])
def test_visible_cells_are_those_of_the_labels(kind, spacing, masked, least):
    shape = tuple(round(edge / spacing) for edge in (6.0, 5.4, 4.8))
    step = (spacing, spacing * 1.1, spacing * 0.9)
    origin = tuple(s / 2 for s in step)
    mask = np.random.default_rng(5).random(shape) < 0.6 if masked else None
    seeds, weights, matrices = cells(kind, 1)
    found = count_visible_voxels(kind, seeds, weights, matrices, Raster(shape, step, origin, mask), least)
    labels = label_grid(kind, seeds, weights, matrices, shape, step, origin)
    sizes = np.bincount((labels if mask is None else labels[mask]).ravel(), minlength=len(seeds))
    assert np.array_equal(found >= least, sizes >= least)
    small = sizes < least
    assert 20 < small.sum() < 380
    assert np.array_equal(found[small], sizes[small])


def test_a_single_cell_and_equal_seeds():
    raster = Raster((4, 4, 4), (1.0,) * 3, (0.5,) * 3)
    one = count_visible_voxels("laguerre", np.array([[9.0, 9.0, 9.0]]), np.zeros(1), None, raster, 1)
    assert one[0] >= 1
    # Equal generators: the first has the voxels.
    two = count_visible_voxels("laguerre", np.array([[2.0, 2.0, 2.0]] * 2), np.zeros(2), None, raster, 1)
    assert two[0] >= 1
    assert two[1] == 0


def test_work_grows_with_the_cells_and_not_with_their_square(monkeypatch):
    from nmcstudio.grains import visibility, visibility_kernels

    looked, count_voxels = [], visibility_kernels.count_voxels
    monkeypatch.setattr(visibility, "_TILE_CELLS", 100.0)
    monkeypatch.setattr(visibility_kernels, "count_voxels", lambda *a: looked.append(len(a[2])) or count_voxels(*a))

    def work(edge):
        """Generators that all blocks look at, of windows with one generator for every 300 voxels."""
        rng = np.random.default_rng(3)
        seeds = rng.uniform(0.0, edge, (edge**3 // 300, 3))
        weights = rng.normal(0.0, 25.0, len(seeds))
        looked.clear()
        found = count_visible_voxels("laguerre", seeds, weights, None, Raster((edge,) * 3, (1.0,) * 3, (0.5,) * 3), 1)
        assert 0.02 < np.mean(found == 0) < 0.5
        return sum(looked)

    # Eight times the cells: 64 times the work if every block looked at all of them; more than eight as less lies at the rim.
    assert work(128) < 16 * work(64)
