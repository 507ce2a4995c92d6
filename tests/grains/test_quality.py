"""Figures of quality against counts by hand."""

from __future__ import annotations

import numpy as np
import pytest

from nmcstudio.core.grains import Tessellation
from nmcstudio.core.volume import LabelVolume
from nmcstudio.grains.labelling import label_grid
from nmcstudio.grains.quality import with_quality

WINDOW = np.array([[-0.5, 11.5]] * 3)


def test_of_its_own_labels():
    rng = np.random.default_rng(1)
    seeds, weights = rng.uniform(0, 12, (8, 3)), rng.normal(0, 1, 8)
    labels = label_grid("laguerre", seeds, weights, None, (12, 12, 12), (1, 1, 1)) * 10 + 10
    found = with_quality(Tessellation("laguerre", np.arange(8) * 10 + 10, seeds, weights, WINDOW), LabelVolume(labels, (1, 1, 1)))
    assert found.agreement == 1.0
    assert found.neighbour_precision == 1.0
    assert found.neighbour_recall == 1.0
    assert found.empty_cells == 0
    np.testing.assert_allclose(found.volume_errors, 0)
    np.testing.assert_allclose(found.centroid_errors_um, 0, atol=1e-12)
    assert found.observed_volume_um3 == 12**3


def test_of_other_labels():
    labels = np.zeros((12, 12, 12), np.uint16)
    labels[:, :, 1:5], labels[:, :, 5:9], labels[4:8, 4:8, 9:11] = 1, 2, 3
    seeds = np.array([[2.0, 6, 6], [7.0, 6, 6], [7.0, 6, 6]])
    # faces of the cells at x = 4.5 + 0.5 and nothing left for the third generator
    found = with_quality(
        Tessellation("laguerre", np.array([1, 2, 3]), seeds, np.array([5.0, 0, -1]), WINDOW), LabelVolume(labels, (1, 1, 1))
    )
    # |x - 2|^2 - 5 = |x - 7|^2 at x = 5: voxels at 5 are a tie and go to the first
    right = 4 * 144 + 3 * 144
    assert found.agreement == pytest.approx(right / (8 * 144 + 32))
    np.testing.assert_allclose(found.agreements, [1.0, 3 / 4, 0.0])
    assert found.empty_cells == 1
    np.testing.assert_allclose(found.volume_errors, [5 / 4 - 1, (3 * 144 + 32) / (4 * 144) - 1, -1])
    assert found.neighbour_precision == 1.0
    assert found.neighbour_recall == 0.5
    assert np.isnan(found.centroid_errors_um[2])
    # the first two touch the border, the third has a free surface
    assert found.complete.tolist() == [False, False, False]
