"""The whole chain gives back what made it: simulate the published grain model, label 120^3 voxels, fit the tessellation, fix the
gauge, fit the grain model (models.md 17). Without the correction for empty cells the values are those of v15, with it the truth.
"""

from __future__ import annotations

import numpy as np
import pytest

from nmcstudio.core.grains import GrainModel, Law
from nmcstudio.core.volume import LabelVolume
from nmcstudio.grains.fit_tessellation import fit_tessellation
from nmcstudio.grains.labelling import label_grid
from nmcstudio.grains.model import fit_grains
from nmcstudio.grains.simulate import simulate_grains
from nmcstudio.grains.weights import weight_moments

MODEL = GrainModel(
    seeds=Law("matern-cluster", {"parent_intensity": 0.00108, "mean_offspring": 0.418, "cluster_radius": 2.58}),
    weights=Law("inverse-gamma", {"alpha": 16.8, "beta": 1247.0, "theta": -76.4}),
    copula=Law("tawn", {"kappa": 1.25, "psi1": 1.0, "psi2": 0.372}),
)
EDGE = 120
SEEDS = (1, 2, 3)
# Of the visible seeds of one window, v15: mean and spread. (The mean weight is a matter of the gauge.)
VISIBLE = {"lambda": (0.00133, 0.00023), "mu": (0.333, 0.051), "R": (2.75, 0.20)}
# What made them, with the spread of one corrected window of this size.
TRUTH = {
    "lambda": (0.00108, 0.00016),
    "mu": (0.418, 0.06),
    "R": (2.58, 0.20),
    "sd w": (20.52, 1.1),
}


def numbers(seeds, weights):
    lam, mu, radius = seeds.parameters.values()
    return {"lambda": lam, "mu": mu, "R": radius, "sd w": weight_moments(weights).sd}


@pytest.mark.slow
@pytest.mark.timeout(3600)  # two tessellation fits of 1,100 grains a seed
def test_a_simulated_image_gives_its_model_back():
    before, after, agreements = [], [], []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        seeds, weights, _ = simulate_grains(MODEL, np.array([[0.0, EDGE]] * 3), rng)
        index = label_grid("laguerre", seeds, weights, None, (EDGE,) * 3, (1.0,) * 3, (0.5,) * 3)
        rows = np.unique(index, return_inverse=True)[1].reshape(index.shape)
        grains = LabelVolume((rows + 1).astype(np.uint32), (1.0,) * 3, (0.5,) * 3, kind="grains")
        found = fit_tessellation(grains, rng=rng)
        model = fit_grains(found, rng=rng, grains=grains, envelopes=0, compare_laws=False, fit_error=True)
        assert model.correction is not None
        assert model.correction.converged, model.notes
        before.append(numbers(model.as_published["seeds"], model.as_published["weights"]))
        after.append(numbers(model.seeds, model.weights))
        agreements.append(found.agreement)
        print(seed, found.agreement, before[-1], after[-1])
    assert min(agreements) > 0.995
    for rows, stated in ((before, VISIBLE), (after, TRUTH)):
        for name, (value, spread) in stated.items():
            mean = float(np.mean([row[name] for row in rows]))
            print(f"{name}: {mean:.5g}, stated {value} +- {spread}")
            assert mean == pytest.approx(value, abs=spread), (name, rows)
