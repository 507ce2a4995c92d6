"""Plots of the convergence of the correction for empty cells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nmcstudio.core.grains import CorrectionTrace
from nmcstudio.gui.views.correction_plots import correction_plots

NAMES = ("intensity", "mean weight", "spread of the weights", "dependence at 0.3")


def trace(converged):
    rows = np.array([[-0.2, 0.1, 0.0, 0.0], [0.01, 0.0, 0.02, 0.0], [-0.03, 0.01, 0.0, 0.0]])
    noise = np.array([0.012, np.nan, 0.02, 0.0])
    return CorrectionTrace(
        NAMES, rows, 0 * rows, np.array([False, True, True]), noise, np.full(4, 0.15), np.full(3, 0.04), converged
    )


def test_simulation_minus_data_in_per_cent():
    seeds, weights = correction_plots(trace(True))
    assert [s.label for s in seeds.series] == ["intensity"]
    np.testing.assert_allclose(seeds.series[0].y, [20.0, -1.0, 3.0])
    assert [s.label for s in weights.series] == ["mean weight", "spread of the weights"]
    assert "they agree" in seeds.caption
    assert "intensity 1.2 %" in seeds.note
    assert "mean weight" not in weights.note


def test_what_the_data_hardly_bear_is_said_first():
    errors = np.array([0.5, np.nan, 0.1, np.nan])
    seeds, weights = correction_plots(replace(trace(True), errors=errors, doubt="The data hardly bear it."))
    assert seeds.caption.startswith("The data hardly bear it. Simulated")
    assert "Standard error after the correction: intensity 50 %." in seeds.note
    assert "spread of the weights 10 %" in weights.note


def test_no_agreement_is_said_and_no_correction_shows_nothing():
    assert "do not agree" in correction_plots(trace(False))[0].caption
    assert correction_plots(None) == []
