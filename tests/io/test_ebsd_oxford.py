"""Oxford's binary maps and HDF5, written here from the published layouts: no real file is at hand."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.quaternions import from_bunge
from nmcstudio.io.ebsd.registry import probe, read_ebsd

ROWS, COLUMNS, STEP = 4, 6, 0.5
COUNT = ROWS * COLUMNS
BOTH = {"crc": "crc", "h5oina": "h5oina"}


def points(seed: int = 1) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "euler": (rng.uniform(size=(COUNT, 3)) * (6.28, 3.14, 6.28)).astype("f4"),
        "phase": rng.permutation(np.arange(COUNT) % 3).astype("u1"),
        "mad": rng.uniform(0.1, 1.5, COUNT).astype("f4"),
        "bc": rng.integers(0, 255, COUNT).astype("u1"),
    }


def write_crc(
    path: Path, data: dict[str, np.ndarray], *, order=(3, 4, 5, 6, 7, 8, 10, 11, 15), phases=(1, 2), cells=True
) -> Path:
    """A .cpr and its .crc; returns the .cpr."""
    column, row = np.arange(COUNT) % COLUMNS, np.arange(COUNT) // COLUMNS
    fields = {1: ("f4", column * STEP), 2: ("f4", row * STEP), 3: ("f4", data["euler"][:, 0]), 4: ("f4", data["euler"][:, 1]),
              5: ("f4", data["euler"][:, 2]), 6: ("f4", data["mad"]), 7: ("u1", data["bc"]), 8: ("u1", data["bc"]),
              10: ("u1", data["phase"]), 11: ("u1", data["phase"]), 15: ("f4", data["mad"])}  # fmt: skip
    records = np.empty(COUNT, [("phase", "u1"), *((f"f{code}", f"<{fields[code][0]}") for code in order)])
    records["phase"] = data["phase"]
    for code in order:
        records[f"f{code}"] = fields[code][1]
    records.tofile(path.with_suffix(".crc"))
    grid = f"xCells={COLUMNS}\nyCells={ROWS}\nGridDistX={STEP}\nGridDistY={STEP}\n" if cells else ""
    text = f"[General]\nVersion=5.0\n[Job]\n{grid}NoOfPoints={COUNT}\n[Acquisition Surface]\nEuler1=-90\nEuler2=0\nEuler3=0\n"
    text += f"[Fields]\nCount={len(order)}\n" + "".join(f"Field{k + 1}={code}\n" for k, code in enumerate(order))
    text += "[Phases]\nCount=2\n"
    named = {1: ("Größe", 7, 166, "2.878", "14.21", 120), 2: ("Al", 11, 0, "4.05", "4.05", 90)}
    for number in phases:
        name, laue, space, a, c, gamma = named[number]
        text += f"[Phase{number}]\nStructureName={name}\na={a}\nb={a}\nc={c}\nalpha=90\nbeta=90\ngamma={gamma}\n"
        text += f"LaueGroup={laue}\nSpaceGroup={space}\n"
    path.with_suffix(".cpr").write_bytes(text.replace("\n", "\r\n").encode("latin-1"))
    return path.with_suffix(".cpr")


def write_h5oina(path: Path, slices: dict[str, dict[str, np.ndarray]], *, turn: float = np.pi, z_mm: float = 0.0) -> Path:
    with h5py.File(path, "w") as file:
        file["Manufacturer"], file["Format Version"] = ["Oxford Instruments"], ["5.0"]
        file["Index"] = list(slices)
        for number, (name, data) in enumerate(slices.items()):
            scan = file.create_group(f"{name}/EBSD/Data")
            scan["Euler"], scan["Phase"] = data["euler"], data["phase"]
            scan["Mean Angular Deviation"], scan["Band Contrast"] = np.deg2rad(data["mad"]), data["bc"]
            scan["X"] = (np.arange(COUNT) % COLUMNS * STEP).astype("f4")
            scan["Y"] = (np.arange(COUNT) // COLUMNS * STEP).astype("f4")
            scan["Processed Patterns"] = np.zeros((COUNT, 2, 2), "u1")
            header = file.create_group(f"{name}/EBSD/Header")
            for key, value in (("X Cells", COLUMNS), ("Y Cells", ROWS), ("X Step", STEP), ("Y Step", STEP)):
                header[key] = [value]
            header["Scanning Rotation Angle"] = [turn]
            header["Specimen Orientation Euler"] = [[0.0, 0.0, 0.0]]
            header["Stage Position/Z"] = [10.0 + number * z_mm]
            for key, (title, laue, space, a, c, gamma) in {
                "1": ("NMC", 7, 166, 2.878, 14.21, 120),
                "2": ("Al", 11, 225, 4.05, 4.05, 90),
            }.items():
                entry = header.create_group(f"Phases/{key}")
                entry["Phase Name"], entry["Laue Group"], entry["Space Group"] = [title], [laue], [space]
                entry["Lattice Angles"], entry["Lattice Dimensions"] = [np.deg2rad([90, 90, gamma])], [[a, a, c]]
    return path


def write(kind: str, folder: Path, data: dict[str, np.ndarray]) -> Path:
    return write_crc(folder / "map.cpr", data) if kind == "crc" else write_h5oina(folder / "map.h5oina", {"1": data})


def check(stack: EbsdStack, data: dict[str, np.ndarray]) -> None:
    assert stack.shape == (1, ROWS, COLUMNS)
    assert stack.spacing_um == (STEP, STEP, STEP)
    assert [phase.point_group for phase in stack.phases] == ["-3m", "m-3m"]
    assert stack.phases[0].lattice[2] == pytest.approx(14.21e-4)
    np.testing.assert_array_equal(stack.phase.ravel(), data["phase"])
    keep = data["phase"] > 0
    np.testing.assert_allclose(stack.quaternions.reshape(-1, 4)[keep], from_bunge(data["euler"])[keep], atol=1e-6)
    np.testing.assert_array_equal(stack.quality.ravel(), data["bc"])
    np.testing.assert_allclose(stack.confidence.ravel(), np.where(keep, 1 - data["mad"] / 2, 0), atol=1e-6)


@pytest.mark.parametrize("kind", BOTH)
def test_values(tmp_path: Path, kind: str) -> None:
    data = points()
    path = write(kind, tmp_path, data)
    info = probe(path)
    assert (info.format, info.grid, info.step_um, info.frame) == (kind, (1, ROWS, COLUMNS), (None, STEP, STEP), "oxford")
    check(read_ebsd(path, frame="none"), data)


def test_crc_may_be_chosen_as_either_or_both(tmp_path: Path) -> None:
    data = points()
    path = write_crc(tmp_path / "map [1].cpr", data)
    for chosen in (path, path.with_suffix(".crc"), [path, path.with_suffix(".crc")], tmp_path):
        assert probe(chosen).files == (path,)
        check(read_ebsd(chosen, frame="none"), data)


@pytest.mark.parametrize(("left", "missing"), [(".cpr", ".crc"), (".crc", ".cpr")])
def test_half_of_a_crc(tmp_path: Path, left: str, missing: str) -> None:
    path = write_crc(tmp_path / "map.cpr", points())
    path.with_suffix(missing).unlink()
    for call in (probe, read_ebsd):
        with pytest.raises(NmcError, match=f"map{missing} is missing"):
            call(path.with_suffix(left))


def test_crc_with_coordinates_in_the_records(tmp_path: Path) -> None:
    data = points()
    check(read_ebsd(write_crc(tmp_path / "a.cpr", data, order=(7, 6, 1, 2, 5, 4, 3), cells=False), frame="none"), data)


def test_crc_without_one_of_its_phases(tmp_path: Path) -> None:
    data = points()
    monitor = Monitor()
    stack = read_ebsd(write_crc(tmp_path / "a.cpr", data, phases=(2,)), monitor=monitor)
    assert [phase.name for phase in stack.phases] == ["Al"]
    np.testing.assert_array_equal(stack.phase.ravel() > 0, data["phase"] == 2)
    assert any("a phase 1 and does not describe it" in words for words in monitor.warnings)
    assert any("-90°" in words for words in monitor.warnings)


def test_damaged_crc(tmp_path: Path) -> None:
    path = write_crc(tmp_path / "a.cpr", points())
    whole, header = path.with_suffix(".crc").read_bytes(), path.read_bytes()
    for content in (whole[:-5], whole[: len(whole) // 2], b""):
        path.with_suffix(".crc").write_bytes(content)
        for call in (probe, read_ebsd):
            with pytest.raises(NmcError, match=r"a\.crc has"):
                call(path)
    path.with_suffix(".crc").write_bytes(whole)
    for old, new, words in (
        (b"[Job]", b"[Jobs]", r"no section \[Job\]"),
        (b"Field1=3", b"Field1=1", "without angles"),
        (b"xCells=6", b"xCells=5", "has 24 points, its header a grid of 5 x 4"),
        (b"GridDistX=0.5", b"", "steps of 0"),
    ):
        path.write_bytes(header.replace(old, new))
        with pytest.raises(NmcError, match=words):
            read_ebsd(path)


def test_slices_of_one_file_are_a_stack(tmp_path: Path) -> None:
    slices = {str(number): points(number) for number in (1, 2, 3, 4, 6)}
    path = write_h5oina(tmp_path / "a.h5oina", slices)
    info = probe(path)
    assert (info.scans, info.slices, info.needs_slice_spacing, info.scan) == (tuple(slices), 6, True, "all")
    with pytest.raises(NmcError, match="distance of the 5 sections"):
        read_ebsd(path)
    monitor = Monitor()
    stack = read_ebsd(path, slice_spacing_um=0.2, frame="none", monitor=monitor)
    assert stack.shape == (6, ROWS, COLUMNS)
    assert stack.spacing_um == (0.2, STEP, STEP)
    assert not stack.observed[4].any()
    assert any("1 before a.h5oina, scan 6" in words for words in monitor.warnings)
    np.testing.assert_array_equal(stack.phase[5].ravel(), slices["6"]["phase"])
    check(read_ebsd(path, scan="3", frame="none"), slices["3"])
    with pytest.raises(NmcError, match="no scan '7'") as caught:
        probe(path, scan="7")
    assert caught.value.field == "scan"


def test_heights_of_the_slices_are_used(tmp_path: Path) -> None:
    path = write_h5oina(tmp_path / "a.h5oina", {str(k): points(k) for k in range(1, 4)}, z_mm=-0.00025)
    assert not probe(path).needs_slice_spacing
    assert read_ebsd(path).spacing_um[0] == pytest.approx(0.25, rel=1e-3)


def test_processed_version_and_points_outside(tmp_path: Path) -> None:
    data, cleaned = points(), points(2)
    path = write_h5oina(tmp_path / "a.h5oina", {"1": data})
    with h5py.File(path, "a") as file:
        processed = file.create_group("1/Data Processing/Data")
        processed["Euler"], processed["Phase"] = cleaned["euler"], cleaned["phase"]
        error = np.ones(COUNT, "u1")
        outside = np.flatnonzero((data["phase"] == 0) & (cleaned["phase"] == 0))
        error[outside] = 0
        file["1/EBSD/Data/Error"] = error
    info = probe(path)
    assert info.scans == ("1", "1 processed")
    assert any("also holds 1 processed" in words for words in info.warnings)
    stack = read_ebsd(path, scan="1 processed", frame="none")
    np.testing.assert_array_equal(stack.phase.ravel(), cleaned["phase"])
    np.testing.assert_array_equal(np.flatnonzero(~stack.observed), outside)
    np.testing.assert_array_equal(read_ebsd(path, frame="none").phase.ravel(), data["phase"])


@pytest.mark.parametrize(("turn", "frame"), [(np.pi, "oxford"), (0.0, "oxford-y"), (np.nan, "oxford")])
def test_frame_follows_the_scanning_rotation(tmp_path: Path, turn: float, frame: str) -> None:
    assert probe(write_h5oina(tmp_path / "a.h5oina", {"1": points()}, turn=turn)).frame == frame


def test_several_files_of_slices(tmp_path: Path) -> None:
    for number in (1, 2, 10):
        write_h5oina(tmp_path / f"S{number}.h5oina", {"1": points(number)})
    stack = read_ebsd(tmp_path, slice_spacing_um=1, frame="none", gaps="close")
    np.testing.assert_array_equal(stack.phase[2].ravel(), points(10)["phase"])
    with pytest.raises(NmcError, match="all scans of several files"):
        read_ebsd(tmp_path, slice_spacing_um=1, scan="all")
