"""Recovery of the published grain model's cells from their labels (models.md 6.5 v11; 6.3 v14)."""

from __future__ import annotations

import numpy as np
import pytest

from nmcstudio.core.grains import GrainModel, Law
from nmcstudio.core.volume import LabelVolume
from nmcstudio.grains.fit_tessellation import fit_tessellation
from nmcstudio.grains.gauge import Gauge, stationarity_gauge
from nmcstudio.grains.labelling import label_grid
from nmcstudio.grains.simulate import simulate_grains

# the published parameters in EBSD voxels
MODEL = GrainModel(
    seeds=Law("matern-cluster", {"parent_intensity": 0.00108, "mean_offspring": 0.418, "cluster_radius": 2.58}),
    weights=Law("inverse-gamma", {"alpha": 16.8, "beta": 1247.0, "theta": -76.4}),
    copula=Law("tawn", {"kappa": 1.25, "psi1": 1.0, "psi2": 0.372}),
)


def test_fit_of_simulated_labels():
    """v11: agreement 0.987 to 0.990 and seed error 0.26 to 0.30 voxel at the lowest temperature, in a box of 44^3."""
    agreements, errors = [], []
    for seed in (1, 3):
        seeds, weights, _ = simulate_grains(MODEL, np.array([[0, 44.0]] * 3), np.random.default_rng(seed))
        labels = label_grid("laguerre", seeds, weights, None, (44,) * 3, (1, 1, 1), (0.5, 0.5, 0.5))
        ids, rows = np.unique(labels, return_inverse=True)
        grains = LabelVolume(rows.reshape(labels.shape) + 1, (1, 1, 1), (0.5, 0.5, 0.5))
        found = fit_tessellation(grains, objective="cross-entropy")
        inner = np.all(np.abs(found.centroids_um - 22) < 15, axis=1) & (found.volumes_um3 > 200)
        a, b = found.seeds_um[inner], seeds[ids][inner]
        a, b = a - a.mean(axis=0), b - b.mean(axis=0)
        scale = (a * b).sum() / (a * a).sum()
        errors.append(np.sqrt(((scale * a - b) ** 2).sum(axis=1).mean()))
        agreements.append(found.agreement)
    assert min(agreements) >= 0.987
    assert max(errors) <= 0.30


def test_stationarity_gauge_of_the_model():
    """v14: from generators mis-gauged by c = 0.8, t = (7, -3, 2) the scale comes back as 0.99993 +- 0.00043 (20 windows)."""
    scales, shifts = [], []
    wrong = Gauge(0.8, np.array([7.0, -3.0, 2.0]))
    for seed in range(12):
        seeds, weights, inside = simulate_grains(MODEL, np.array([[0, 120.0]] * 3), np.random.default_rng(seed))
        seeds, weights = seeds[inside] - 60, weights[inside]
        moved = wrong.apply(seeds, weights)
        found = stationarity_gauge(*moved)
        scales.append(found.scale * 0.8)
        shifts.append(found.scale * wrong.shift_um + found.shift_um)
    assert np.mean(scales) == pytest.approx(0.99993, abs=4 * 0.00043 / np.sqrt(12))
    assert np.std(scales) < 3 * 0.00043
    assert np.abs(np.mean(shifts, axis=0)).max() < 0.1
