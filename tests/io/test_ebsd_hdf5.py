"""HDF5 maps: EDAX, Bruker, LabDCT and this program's own."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.quaternions import conjugate, from_bunge, from_rodrigues, random_orientations
from nmcstudio.crystal.symmetry import disorientation_angles
from nmcstudio.io.ebsd.nmcstudio_h5 import write_ebsd
from nmcstudio.io.ebsd.registry import probe, read_ebsd

ROWS, COLUMNS = 5, 7
COUNT = ROWS * COLUMNS


def angles(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(size=(COUNT, 3)) * (6.28, 3.14, 6.28)


def write_edax(path: Path, setting: int | None = 1) -> np.ndarray:
    euler = angles()
    with h5py.File(path, "w") as file:
        file[" Manufacturer"] = np.array([b"EDAX"])
        data, header = file.create_group("Scan 1/EBSD/Data"), file.create_group("Scan 1/EBSD/Header")
        for k, name in enumerate(("Phi1", "Phi", "Phi2")):
            data[name] = euler[:, k].astype("f4")
        data["X Position"] = (np.arange(COUNT) % COLUMNS * 0.5).astype("f4")
        data["Y Position"] = (np.arange(COUNT) // COLUMNS * 0.5).astype("f4")
        data["IQ"], data["CI"] = np.arange(COUNT, dtype="f4"), np.full(COUNT, 0.5, "f4")
        data["Phase"] = np.zeros(COUNT, "i1")
        valid = np.zeros(COUNT, "i1")
        valid[4] = 1
        data["Valid"] = valid
        header["nColumns"], header["nRows"] = np.array([COLUMNS]), np.array([ROWS])
        header["Step X"], header["Step Y"] = np.array([0.5]), np.array([0.5])
        if setting is not None:
            header["Coordinate System/ID"] = np.array([setting])
        phase = header.create_group("Phase/1")
        phase["MaterialName"], phase["Symmetry"] = np.array([b"NMC"]), np.array([32])
        for name, value in zip(("a", "b", "c", "alpha", "beta", "gamma"), (2.87, 2.87, 14.2, 90, 90, 120)):
            phase[f"Lattice Constant {name}"] = np.array([value])
    return euler


def test_edax(tmp_path: Path) -> None:
    euler = write_edax(tmp_path / "a.h5")
    info = probe(tmp_path / "a.h5")
    assert (info.format, info.grid, info.point_groups, info.frame) == ("edax-h5", (1, ROWS, COLUMNS), ("-3m",), "edax-1")
    stack = read_ebsd(tmp_path / "a.h5", frame="none")
    keep = stack.phase.ravel() > 0
    np.testing.assert_array_equal(np.flatnonzero(~keep), [4])
    assert np.all(disorientation_angles(stack.quaternions.reshape(-1, 4)[keep], from_bunge(euler)[keep], "-1") < 1e-3)
    assert "setting 1" in read_ebsd(tmp_path / "a.h5").frame
    write_edax(tmp_path / "b.oh5", None)
    assert any("setting 2 is taken" in words for words in probe(tmp_path / "b.oh5").warnings)


def test_stack_of_edax_files(tmp_path: Path) -> None:
    for k in range(3):
        write_edax(tmp_path / f"s{k}.h5")
    assert read_ebsd(tmp_path, slice_spacing_um=0.1).shape == (3, ROWS, COLUMNS)


def write_bruker(path: Path) -> np.ndarray:
    euler = np.rad2deg(angles(2))
    order = np.random.default_rng(3).permutation(COUNT)  # the points may come in any order; IX and IY say where they are
    with h5py.File(path, "w") as file:
        file["Manufacturer"], file["Version"] = b"Bruker Nano", b"Esprit 2.X"
        data, header = file.create_group("Scan 0/EBSD/Data"), file.create_group("Scan 0/EBSD/Header")
        sem = file.create_group("Scan 0/SEM")
        for k, name in enumerate(("phi1", "PHI", "phi2")):
            data[name] = euler[order, k]
        for name in ("PCX", "PCY", "DD", "MAD", "MADPhase", "NIndexedBands", "RadonBandCount", "RadonQuality", "X BEAM", "Y BEAM",
                     "Z SAMPLE"):  # fmt: skip
            data[name] = np.full(COUNT, 0.5)
        data["X SAMPLE"], data["Y SAMPLE"] = -0.25 * (order % COLUMNS), 0.25 * (order // COLUMNS)
        data["Phase"] = np.ones(COUNT, "i4")
        header["Grid Type"] = b"isometric"
        header["NCOLS"], header["NROWS"], header["XSTEP"], header["YSTEP"] = COLUMNS, ROWS, 0.25, 0.25
        phase = header.create_group("Phases/1")
        phase["Name"], phase["Formula"], phase["IT"] = b"NMC", b"LiNiO2", 166
        phase["LatticeConstants"] = np.array([2.87, 2.87, 14.2, 90, 90, 120])
        phase["AtomPositions/1"] = b"Ni,0,0,0,1"
        sem["IX"], sem["IY"] = 20 + order % COLUMNS, 11 + order // COLUMNS
    return euler


def test_bruker_as_orix_reads_it(tmp_path: Path) -> None:
    from orix.io import load

    euler = write_bruker(tmp_path / "a.h5")
    stack = read_ebsd(tmp_path / "a.h5", frame="none")
    assert stack.shape == (1, ROWS, COLUMNS)
    assert stack.spacing_um == (0.25, 0.25, 0.25)
    assert stack.phases[0].point_group == "-3m"
    ours = stack.quaternions.reshape(-1, 4)
    assert np.all(disorientation_angles(ours, from_bunge(np.deg2rad(euler)), "-1") < 1e-3)
    theirs = load(tmp_path / "a.h5").rotations.data.reshape(-1, 4)
    assert np.all(disorientation_angles(ours, theirs, "-1") < 1e-3)
    assert probe(tmp_path / "a.h5").format == "bruker-h5"


def write_labdct(path: Path, unit: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    ids = rng.integers(0, 4, (3, 4, 5))
    rodrigues = rng.uniform(-0.4, 0.4, (4, 3))[ids]
    with h5py.File(path, "w") as file:
        data = file.create_group("LabDCT/Data")
        data["GrainId"], data["Rodrigues"] = ids, rodrigues.astype("f4")
        data["Completeness"], data["Mask"] = rng.uniform(size=ids.shape).astype("f4"), np.ones(ids.shape, "u1")
        data["PhaseId"] = (ids > 0).astype("u1")
        file["LabDCT/Spacing"] = np.array([0.002, 0.003, 0.004])
        if unit:
            file["LabDCT/Spacing"].attrs["Unit"] = unit
        file["PhaseInfo/Phase01/Name"], file["PhaseInfo/Phase01/SpaceGroup"] = np.array([b"Al"]), np.array([225])
        file["PhaseInfo/Phase01/UnitCell"] = np.array([4.05, 4.05, 4.05, 90, 90, 90])
    return ids, rodrigues


def test_labdct(tmp_path: Path) -> None:
    ids, rodrigues = write_labdct(tmp_path / "a.h5")
    monitor = Monitor()
    stack = read_ebsd(tmp_path / "a.h5", monitor=monitor)
    np.testing.assert_array_equal(stack.grain_ids, ids)
    np.testing.assert_allclose(stack.spacing_um, (4, 3, 2))
    assert any("no unit" in words for words in monitor.warnings)
    keep = ids > 0
    np.testing.assert_array_equal(stack.phase > 0, keep)
    expected = conjugate(from_rodrigues(rodrigues))
    assert np.all(disorientation_angles(stack.quaternions[keep], expected[keep], "-1") < 1e-3)
    assert np.isnan(stack.quaternions[~keep]).all()
    write_labdct(tmp_path / "b.h5", "um")
    assert read_ebsd(tmp_path / "b.h5").spacing_um == (0.004, 0.003, 0.002)
    with pytest.raises(NmcError, match="2 volumes are chosen"):
        read_ebsd([tmp_path / "a.h5", tmp_path / "b.h5"])


def test_own_file_round_trip(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    shape = (4, 5, 6)
    quaternions = random_orientations(120, rng).reshape(*shape, 4)
    phase = rng.integers(0, 3, shape).astype(np.uint8)
    quaternions[phase == 0] = np.nan
    quality = rng.uniform(10, 200, shape)
    quality[0, 0, 0] = np.nan
    stack = EbsdStack(
        quaternions=quaternions, phase=phase, phases=(Phase("NMC", "-3m", (1, 2, 3, 1, 1, 1)), Phase("Al", "m-3m")),
        quality=quality, confidence=np.full(shape, np.nan), observed=phase < 2, spacing_um=(0.1, 0.2, 0.3), origin_um=(1, 2, 3),
        shifts_um=rng.normal(size=(4, 2)), frame="turned", grain_ids=phase.astype(np.uint32), name="x", simulated=True,
    )  # fmt: skip
    write_ebsd(tmp_path / "own.h5", stack)
    back = read_ebsd(tmp_path / "own.h5")
    assert back.phases == stack.phases
    assert (back.spacing_um, back.origin_um, back.frame, back.simulated) == (stack.spacing_um, stack.origin_um, "turned", True)
    np.testing.assert_array_equal(back.phase, phase)
    np.testing.assert_array_equal(back.observed, stack.observed)
    np.testing.assert_array_equal(back.grain_ids, stack.grain_ids)
    np.testing.assert_array_equal(back.shifts_um, stack.shifts_um)
    np.testing.assert_allclose(back.quality, quality, atol=0.4)
    assert np.isnan(back.quality[0, 0, 0])
    assert np.isnan(back.confidence).all()
    keep = phase > 0
    # float32 storage: the arc cosine near 1 cannot tell less than about 5e-4
    assert np.all(disorientation_angles(back.quaternions[keep], stack.quaternions[keep], "-1") < 1e-3)
    assert probe(tmp_path / "own.h5").simulated


def test_damaged_files(tmp_path: Path) -> None:
    write_edax(tmp_path / "whole.h5")
    whole = (tmp_path / "whole.h5").read_bytes()
    for name, content in (("cut.h5", whole[: len(whole) // 2]), ("text.h5", b"hello"), ("empty.h5", b"")):
        (tmp_path / name).write_bytes(content)
        for call in (read_ebsd, probe):
            with pytest.raises(NmcError, match=f"{name} cannot be read as HDF5") as caught:
                call(tmp_path / name)
            assert "copy it again" in caught.value.hint
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["a"] = [1, 2]
    with pytest.raises(NmcError, match="not of EDAX, Bruker, LabDCT"):
        probe(tmp_path / "other.h5")
    with h5py.File(tmp_path / "whole.h5", "a") as file:
        del file["Scan 1/EBSD/Data/Phi1"]
    with pytest.raises(NmcError, match="has no /Scan 1/EBSD/Data/Phi1"):
        read_ebsd(tmp_path / "whole.h5")
