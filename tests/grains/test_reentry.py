"""Small grains that a fit loses come back, and cells that would cost more than they are worth do not."""

from __future__ import annotations

import numpy as np
import pytest

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.grains.fit_tessellation import fit_tessellation
from nmcstudio.grains.labelling import label_grid
from nmcstudio.grains.local_models import Generators
from nmcstudio.grains.quality import agreements_of
from nmcstudio.grains.reentry import bring_back
from nmcstudio.grains.start import start_values
from nmcstudio.stats.descriptors import describe_labels


def with_lost_grains(kind, seed=2, count=60, shape=(30, 34, 38)):
    """A tessellation with some of its small cells switched off, the labels of the whole one, and start values."""
    rng = np.random.default_rng(seed)
    seeds = rng.uniform(0, 1, (count, 3)) * np.array(shape[::-1])
    labels = label_grid("laguerre", seeds, rng.normal(0, 20, count), None, shape, (1, 1, 1))
    rows = np.unique(labels, return_inverse=True)[1].reshape(shape).astype(np.int32)
    grains = LabelVolume(rows + 1, (1, 1, 1), kind="grains")
    d = describe_labels(grains)
    start = Generators(kind, *start_values(kind, d.centroids_um, d.volumes_um3, d.covariances_um2))
    weights = start.weights.copy()
    small = np.argsort(d.volumes_um3)[: len(d) // 5]
    weights[small] = -1e3
    return Generators(kind, start.seeds, weights, start.matrices), start, rows, grains, float(d.diameters_um.mean())


@pytest.mark.parametrize("kind", ["laguerre", "gbpd-quadratic", "gbpd-sqrt"])
def test_lost_grains_come_back(kind):
    g, start, rows, grains, mean = with_lost_grains(kind)
    found = bring_back(g, start, rows, grains, mean, Monitor())
    n = len(g.weights)
    shares = []
    for state in (g, found):
        index = label_grid(kind, state.seeds, state.weights, state.matrices, rows.shape, (1, 1, 1))
        right, every = agreements_of(index, rows, n)
        shares.append((right.sum() / every.sum(), right / every))
    assert (shares[0][1] == 0).sum() >= n // 5
    assert (shares[1][1] < 0.1).sum() <= 2
    assert shares[1][0] > shares[0][0]
    assert shares[1][1].sum() > shares[0][1].sum() + 0.5 * (n // 5)
    untouched = found.weights == g.weights
    np.testing.assert_array_equal(found.seeds[untouched], g.seeds[untouched])


def test_a_full_set_stays_as_it_is():
    _, start, rows, grains, mean = with_lost_grains("laguerre")
    assert bring_back(start, start, rows, grains, mean, Monitor()) is start


def test_an_inclusion_needs_a_metric_of_its_own():
    """Half-spaces cannot cut a ball out of another grain: its convex cell would cost far more voxels than it has."""
    z, y, x = np.indices((25, 25, 25))
    rows = ((z - 12) ** 2 + (y - 12) ** 2 + (x - 7) ** 2 < 10).astype(np.int32)
    rows[:, :, 20:] = 2
    grains = LabelVolume(rows + 1, (1, 1, 1), kind="grains")
    for kind, comes in (("laguerre", False), ("gbpd-quadratic", True)):
        d = describe_labels(grains)
        start = Generators(kind, *start_values(kind, d.centroids_um, d.volumes_um3, d.covariances_um2))
        weights = np.array([start.weights[0], -1e3, start.weights[2]])
        found = bring_back(
            Generators(kind, start.seeds, weights, start.matrices), start, rows, grains, float(d.diameters_um.mean()), Monitor()
        )
        assert (found.weights[1] > -1e3) == comes


def test_ramified_grains_begin_hot():
    """Flat grains: a fit that began at temperature 8 ended at 0.482 of the voxels, this one at 0.533."""
    rng = np.random.default_rng(4)
    shape = (24, 40, 40)
    turned = np.linalg.qr(rng.normal(size=(45, 3, 3)))[0]
    matrices = np.einsum("nij,nj,nkj->nik", turned, np.tile([6.0, 6.0, 1 / 36.0], (45, 1)), turned)
    index = label_grid("gbpd-sqrt", rng.uniform(0, 1, (45, 3)) * shape[::-1], np.zeros(45), matrices, shape, (1, 1, 1))
    grains = LabelVolume((index + 1).astype(np.uint16), (1, 1, 1), kind="grains")
    found = fit_tessellation(grains, "laguerre")
    assert found.agreement > 0.51
