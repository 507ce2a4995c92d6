"""Real maps of four instruments."""

from __future__ import annotations

import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.ipf import ipf_colours
from nmcstudio.io.ebsd.registry import probe, read_ebsd


def test_iron_sections(shared_data: Path) -> None:
    folder = shared_data / "ebsd3d_iron_mtex" / "ang"
    info = probe(folder)
    assert info.slices == 59
    assert info.grid == (59, 40, 35)
    assert info.needs_slice_spacing
    monitor = Monitor()
    started = time.perf_counter()
    stack = read_ebsd(folder, slice_spacing_um=0.12, monitor=monitor)
    assert time.perf_counter() - started < 10  # measured: 0.3 s; the limit of the task is 0.5 s a section
    assert stack.shape == (59, 40, 35)
    assert stack.spacing_um == (0.12, 0.4, 0.4)
    assert stack.phases[0].name == "Iron bcc (old)"
    assert stack.phases[0].point_group == "m-3m"
    assert len(monitor.warnings) == 1
    assert "step 0.1" in monitor.warnings[0]
    assert "step 0.4" in monitor.warnings[0]
    assert np.mean(stack.phase > 0) > 0.99
    np.testing.assert_allclose(np.linalg.norm(stack.quaternions[stack.phase > 0], axis=-1), 1, atol=1e-6)


def test_steel_with_unequal_rounding(shared_data: Path) -> None:
    monitor = Monitor()
    stack = read_ebsd(shared_data / "ebsd2d" / "ebsd_316L_500x500.ang", monitor=monitor)
    assert stack.shape == (1, 169, 169)
    np.testing.assert_allclose(stack.spacing_um, 2.961, rtol=1e-3)
    assert any("confidence index goes up to" in words for words in monitor.warnings)
    # Points that were thrown out have three zeros for an orientation and no quality.
    assert np.mean(stack.phase > 0) == pytest.approx(0.9247, abs=1e-4)
    assert stack.quality[stack.phase == 0].max() == 0


def test_magnesium_ctf_as_orix_reads_it(shared_data: Path) -> None:
    from orix.io import load

    path = shared_data / "ebsd2d" / "twins.ctf"
    stack = read_ebsd(path, frame="none")
    assert stack.shape == (1, 137, 167)
    assert stack.spacing_um == (0.3, 0.3, 0.3)
    assert stack.phases[0].point_group == "6/mmm"
    theirs = load(path)
    indexed = stack.phase.ravel() > 0
    np.testing.assert_array_equal(indexed, theirs.phase_id >= 0)
    dots = np.abs(np.sum(stack.quaternions.reshape(-1, 4)[indexed] * theirs.rotations.data.reshape(-1, 4)[indexed], axis=1))
    assert dots.min() > 1 - 1e-6


def test_nickel_edax_h5(shared_data: Path) -> None:
    path = shared_data / "ebsd2d" / "edax_h5" / "EdaxAngOnly.h5"
    assert probe(path).frame == "edax-2"  # the file's own "Coordinate System/ID"
    stack = read_ebsd(path)
    assert stack.shape == (1, 151, 186)
    assert stack.spacing_um == (1.5, 1.5, 1.5)
    assert (stack.phases[0].name, stack.phases[0].point_group) == ("Nickel", "m-3m")


def test_labdct_colours_are_those_of_the_file(shared_data: Path) -> None:
    """The file brings its own IPF colours: they tell which way its Rodrigues vectors turn."""
    path = shared_data / "dct_al1050_crispy" / "lab_dct_Al1050.h5"
    monitor = Monitor()
    stack = read_ebsd(path, monitor=monitor)
    assert stack.shape == (64, 103, 109)
    np.testing.assert_allclose(stack.spacing_um, 2.5)
    assert any("in mm" in words for words in monitor.warnings)
    assert len(np.unique(stack.grain_ids)) - 1 == 105
    with h5py.File(path) as file:
        theirs = file["LabDCT/Data/IPF001"][32]
    keep = stack.phase[32] > 0
    ours = ipf_colours(stack.quaternions[32], "m-3m", "z") / 255.0
    assert np.corrcoef(ours[keep].ravel(), theirs[keep].ravel())[0, 1] > 0.95
    wrong = ipf_colours(stack.quaternions[32] * np.array([1, -1, -1, -1], np.float32), "m-3m", "z") / 255.0
    assert np.corrcoef(wrong[keep].ravel(), theirs[keep].ravel())[0, 1] < 0.9
