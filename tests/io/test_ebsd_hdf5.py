"""HDF5 maps: EDAX, Bruker, LabDCT and this program's own."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from nmcstudio.core.ebsd import Alignment, EbsdStack, Phase
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.quaternions import conjugate, from_bunge, from_rodrigues, random_orientations, to_bunge, to_matrix
from nmcstudio.crystal.symmetry import disorientation_angles
from nmcstudio.io.ebsd.nmcstudio_h5 import write_ebsd
from nmcstudio.io.ebsd.registry import probe, read_ebsd
from nmcstudio.project.codec import digest

ROWS, COLUMNS = 5, 7
COUNT = ROWS * COLUMNS


def angles(seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(size=(COUNT, 3)) * (6.28, 3.14, 6.28)


def write_edax(
    path: Path, setting: int | None = 1, *, scan: str = "Scan 1", seed: int = 1, counted: bool = False, mode: str = "w"
) -> np.ndarray:
    euler = angles(seed)
    with h5py.File(path, mode) as file:
        if mode == "w":
            file[" Manufacturer"] = np.array([b"EDAX"])
        data, header = file.create_group(f"{scan}/EBSD/Data"), file.create_group(f"{scan}/EBSD/Header")
        for k, name in enumerate(("Phi1", "Phi", "Phi2")):
            data[name] = euler[:, k].astype("f4")
        step = 1.0 if counted else 0.5
        data["X Position"] = (np.arange(COUNT) % COLUMNS * step).astype("f4")
        data["Y Position"] = (np.arange(COUNT) // COLUMNS * step).astype("f4")
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


def same_orientations(stack: EbsdStack, euler: np.ndarray) -> bool:
    keep = stack.phase.ravel() > 0
    return bool(np.all(disorientation_angles(stack.quaternions.reshape(-1, 4)[keep], from_bunge(euler)[keep], "-1") < 1e-3))


def test_edax_scans_by_name_at_any_depth(tmp_path: Path) -> None:
    path = tmp_path / "a.oh5"
    first = write_edax(path, scan="Sample/Area 2/Map 1")
    second = write_edax(path, scan="Sample/Area 10/Map 1", seed=2, mode="a")
    info = probe(path)
    assert info.scans == ("Sample/Area 2/Map 1", "Sample/Area 10/Map 1")
    assert any("scan Sample/Area 2/Map 1 is read; the file also holds" in words for words in info.warnings)
    assert same_orientations(read_ebsd(path, frame="none"), first)
    monitor = Monitor()
    assert same_orientations(read_ebsd(path, scan="Sample/Area 10/Map 1", frame="none", monitor=monitor), second)
    assert monitor.warnings == []
    with pytest.raises(NmcError, match="no scan 'Map 1'") as caught:
        read_ebsd(path, scan="Map 1")
    assert caught.value.field == "scan"
    assert probe(path, scan="all").slices == 2
    stack = read_ebsd(path, scan="all", slice_spacing_um=0.1, frame="none")
    assert stack.shape == (2, ROWS, COLUMNS)
    assert same_orientations(read_ebsd(path, frame="none"), first)


def test_edax_positions_counted_in_points(tmp_path: Path) -> None:
    write_edax(tmp_path / "a.h5", counted=True)
    monitor = Monitor()
    assert read_ebsd(tmp_path / "a.h5", monitor=monitor).spacing_um == (0.5, 0.5, 0.5)
    assert any("counted in points" in words for words in monitor.warnings)


def write_apex(path: Path) -> np.ndarray:
    """A project of APEX as its readers describe it: records with matrices, phases from 0, no coordinates."""
    euler = angles(4)
    records = np.zeros(COUNT, [("Orientations", "f4", (9,)), ("IQ", "f4"), ("CI", "f4"), ("Phase", "i4"), ("Fit", "f4")])
    records["Orientations"] = to_matrix(from_bunge(euler)).reshape(COUNT, 9)
    records["IQ"], records["CI"] = np.arange(COUNT), 0.5
    records["Phase"] = np.arange(COUNT) % 3 - 1
    with h5py.File(path, "w") as file:
        project = file.create_group("Project")
        project.attrs["Company"] = [b"EDAX, LLC"]
        scan = project.create_group("Sample 1/Area 1/OIM Map 1")
        scan["EBSD/ANG/DATA/DATA"] = records
        sample = scan.create_group("Sample")
        for name, value in (("Step X", 0.5), ("Step Y", 0.5), ("Number Of Columns", COLUMNS), ("Number Of Rows", ROWS),
                            ("CoOrdinate System Id", 2)):  # fmt: skip
            sample[name] = [value]
        sample["Grid Type"] = [b"Square"]
        for number, (name, group, symmetry) in enumerate((("NMC", "Trigonal (D3d) [-3m]", 0), ("Ni", "", 43)), 1):
            phase = scan.create_group(f"EBSD/ANG/HEADER/Phase/{number}")
            phase["Material Name"], phase["Point Group"], phase["Symmetry"] = [name.encode()], [group.encode()], [symmetry]
            for axis, value in zip(("A", "B", "C", "Alpha", "Beta", "Gamma"), (2.87, 2.87, 14.2, 90, 90, 120)):
                phase[f"Lattice Constant {axis}"] = [value if symmetry == 0 else (3.52 if len(axis) == 1 else 90)]
    return euler


def test_apex(tmp_path: Path) -> None:
    euler = write_apex(tmp_path / "a.edaxh5")
    info = probe(tmp_path / "a.edaxh5")
    assert (info.format, info.grid, info.frame, info.point_groups) == ("apex-h5", (1, ROWS, COLUMNS), "edax-2", ("-3m", "m-3m"))
    assert info.scans == ("Project/Sample 1/Area 1/OIM Map 1",)
    stack = read_ebsd(tmp_path / "a.edaxh5", frame="none")
    np.testing.assert_array_equal(stack.phase.ravel(), np.arange(COUNT) % 3)
    assert same_orientations(stack, euler)
    np.testing.assert_array_equal(stack.quality.ravel(), np.arange(COUNT))
    assert stack.spacing_um == (0.5, 0.5, 0.5)


def test_stack_of_edax_files(tmp_path: Path) -> None:
    for k in range(3):
        write_edax(tmp_path / f"s{k}.h5")
    assert read_ebsd(tmp_path, slice_spacing_um=0.1).shape == (3, ROWS, COLUMNS)


def write_bruker(path: Path, *, signs: tuple[int, int] = (-1, 1), beam: str = "SEM", symbol: str = "") -> np.ndarray:
    euler = np.rad2deg(angles(2))
    order = np.random.default_rng(3).permutation(COUNT)  # the points may come in any order; IX and IY say where they are
    with h5py.File(path, "w") as file:
        file["Manufacturer"], file["Version"] = b"Bruker Nano", b"Esprit 2.X"
        data, header = file.create_group("Scan 0/EBSD/Data"), file.create_group("Scan 0/EBSD/Header")
        sem = file.create_group(f"Scan 0/{beam}")
        for k, name in enumerate(("phi1", "PHI", "phi2")):
            data[name] = euler[order, k]
        for name in ("PCX", "PCY", "DD", "MAD", "MADPhase", "NIndexedBands", "RadonBandCount", "RadonQuality", "X BEAM", "Y BEAM",
                     "Z SAMPLE"):  # fmt: skip
            data[name] = np.full(COUNT, 0.5)
        data["X SAMPLE"], data["Y SAMPLE"] = signs[0] * 0.25 * (order % COLUMNS), signs[1] * 0.25 * (order // COLUMNS)
        data["Phase"] = np.ones(COUNT, "i4")
        header["Grid Type"] = b"isometric"
        header["NCOLS"], header["NROWS"], header["XSTEP"], header["YSTEP"] = COLUMNS, ROWS, 0.25, 0.25
        phase = header.create_group("Phases/1")
        phase["Name"], phase["Formula"] = b"NMC", b"LiNiO2"
        if symbol:
            phase["SpaceGroup"] = symbol.encode()
        else:
            phase["IT"] = 166
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


def test_bruker_region_symbol_and_frame(tmp_path: Path) -> None:
    euler = write_bruker(tmp_path / "a.h5", beam="EBSD/SEM", symbol="R #ovl3m")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        for group, names in (("EBSD/Data", None), ("EBSD/SEM", ("IX", "IY"))):
            for name in names or list(file[f"Scan 0/{group}"]):
                values = file[f"Scan 0/{group}/{name}"][()]
                del file[f"Scan 0/{group}/{name}"]
                file[f"Scan 0/{group}/{name if names is None else 'SEM ' + name}"] = values[:-3]
    info = probe(tmp_path / "a.h5")
    assert (info.frame, info.point_groups) == ("bruker-y", ("-3m",))
    stack = read_ebsd(tmp_path / "a.h5", frame="none")
    assert np.count_nonzero(~stack.observed) == 3
    order = np.random.default_rng(3).permutation(COUNT)
    np.testing.assert_array_equal(np.flatnonzero(~stack.observed), np.sort(order[-3:]))
    assert same_orientations(stack, np.deg2rad(euler))
    write_bruker(tmp_path / "b.h5", signs=(1, -1))
    assert probe(tmp_path / "b.h5").frame == "bruker"


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


@pytest.mark.parametrize("name", ["Quaternion", "EulerZXZ"])
def test_labdct_with_other_orientations(tmp_path: Path, name: str) -> None:
    ids, rodrigues = write_labdct(tmp_path / "a.h5", "mm")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        turn = from_rodrigues(rodrigues)
        file[f"LabDCT/Data/{name}"] = turn if name == "Quaternion" else to_bunge(conjugate(turn))
        del file["LabDCT/Data/Rodrigues"]
    stack = read_ebsd(tmp_path / "a.h5")
    expected = conjugate(from_rodrigues(rodrigues))
    assert np.all(disorientation_angles(stack.quaternions[ids > 0], expected[ids > 0], "-1") < 1e-3)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        del file[f"LabDCT/Data/{name}"]
    with pytest.raises(NmcError, match="has no orientations"):
        probe(tmp_path / "a.h5")


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
        alignment=Alignment(
            rng.normal(size=(4, 2)), rng.normal(size=(4, 2)), np.array([np.nan, 0.5, 0.6, 0.7]), (2,), ("jumps by 3 um",),
            left_out=(1,), filled=(1,),
        ),
    )  # fmt: skip
    write_ebsd(tmp_path / "own.h5", stack)
    back = read_ebsd(tmp_path / "own.h5")
    assert digest(back.alignment) == digest(stack.alignment)
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
