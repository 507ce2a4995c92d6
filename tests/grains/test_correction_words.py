"""What the correction says of itself: where the data hardly bear it, and why it did not converge."""

from __future__ import annotations

import numpy as np

from nmcstudio.core.grains import CorrectionTrace, GrainModel, Law, Tessellation
from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.correction_words import MOST_ERROR, doubt_of, failure_of
from nmcstudio.grains.model import fit_grains
from nmcstudio.grains.visibility import Raster
from nmcstudio.grains.windows import Observation, SimulatedWindows
from nmcstudio.stats.regions import BoxRegion

NAMES = ("parent intensity", "cluster radius", "mean weight", "spread of the weights")


def trace(errors=(0.1, 0.1, 0.1, 0.1), allowed=(0.15, 0.15, np.nan, 0.15)):
    rows = np.zeros((2, 4))
    return CorrectionTrace(
        NAMES, rows, rows, np.array([False, True]), np.full(4, 0.01), np.array(allowed), np.full(2, 0.04), False, np.array(errors)
    )


def test_data_that_bear_the_correction_are_not_doubted():
    assert doubt_of(trace(), 0.04, 400) == ""
    # The mean weight is a matter of the gauge, the spread no number of the seeds, and an error that is not known says nothing.
    assert doubt_of(trace((0.1, np.nan, 9.0, 9.0)), 0.04, 400) == ""


def test_few_seeds_and_hidden_ones_are_doubted_with_their_numbers():
    said = doubt_of(trace((0.3, 0.9, 0.1, 0.1)), 0.63, 31)
    assert "63 % of the simulated seeds" in said
    assert "31 seeds tell cluster radius to a factor of 2.5 (standard error)" in said
    assert "parent intensity" not in said
    assert "--no-correct-empty-cells" in said
    # From half to twice the value with 90 % confidence.
    np.testing.assert_allclose(np.exp(1.645 * MOST_ERROR), 2.0)
    assert "not at all" in doubt_of(trace((9.0, 0.1, 0.1, 0.1)), 0.04, 31)


def test_a_search_that_did_not_end_names_its_reason_and_what_to_do():
    assert failure_of(trace(), np.array([0.1, -0.1, 5.0, 0.0]), (), 0.04, 0.15) == ""
    limit = failure_of(trace(), np.array([0.9, 0.0, 0.0, 0.0]), ("parent intensity",), 0.8, 0.15)
    assert "parent intensity ended at the limit of the search" in limit
    assert "80 % of the simulated seeds" in limit
    assert "take another law" in limit
    noisy = failure_of(trace(allowed=(0.15, 0.4, np.nan, 0.15)), np.array([0.0, 0.5, 0.0, 0.0]), (), 0.04, 0.15)
    assert "cluster radius is 50 % off where 40 % would be chance" in noisy
    assert "more simulated windows" in noisy
    unlike = failure_of(trace(), np.array([0.0, 0.5, 0.0, 0.0]), (), 0.04, 0.15)
    assert "another process of the seeds" in unlike
    assert "larger volume" in failure_of(trace((0.9, 0.1, 0.1, 0.1)), np.array([0.0, 0.5, 0.0, 0.0]), (), 0.04, 0.15)


def test_a_fit_of_few_seeds_of_a_tessellation_with_mostly_empty_cells_warns():
    """Weights far apart: two of three seeds have no cell."""
    truth = GrainModel(Law("poisson", {"intensity": 0.00045}), Law("normal", {"mean": 0.0, "sd": 260.0}), Law("independence"))
    box = np.array([[0.0, 58.0]] * 3)
    looked = Observation(BoxRegion(box), Raster((58,) * 3, (1.0,) * 3, (0.5,) * 3))
    (data,) = SimulatedWindows.plan(truth, looked, 1).draw(truth, np.random.default_rng(1), Monitor())
    tessellation = Tessellation("laguerre", np.arange(1, len(data.weights) + 1), data.seeds_um, data.weights, box)
    monitor = Monitor()
    model = fit_grains(
        tessellation, rng=np.random.default_rng(1), seeds="poisson", weights="normal", copula="independence", envelopes=0,
        compare_laws=False, steps=4, monitor=monitor,
    )  # fmt: skip
    assert model.correction is not None
    said = model.correction.doubt if model.correction.converged else model.notes[-1]
    assert "The data hardly bear" in said or "did not converge" in said
    assert said in monitor.warnings
    assert said in model.notes
