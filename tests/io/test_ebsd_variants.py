"""Text maps as programs other than the vendors' write them: real headers with their omissions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.quaternions import from_bunge
from nmcstudio.io.ebsd.number_kernel import numbers_of
from nmcstudio.io.ebsd.registry import probe, read_ebsd

ROWS, COLUMNS, STEP = 4, 5, 0.5
COUNT = ROWS * COLUMNS
EULER = np.random.default_rng(1).uniform(size=(COUNT, 3)) * (6.28, 3.14, 6.28)
ALPHA = "# MaterialName  Alpha Ti\n# Formula  Ti\n# Symmetry  62\n# LatticeConstants  3 3 5 90 90 120\n#\n"
BETA = "# MaterialName  Beta\n# Formula  Ti\n# Symmetry  43\n# LatticeConstants  3.3 3.3 3.3 90 90 90\n#\n"
CTF_NAMES = "Phase\tX\tY\tBands\tError\tEuler1\tEuler2\tEuler3\tMAD\tBC\tBS"


def ang(path: Path, phases: str, tail: Callable[[int], str], unit: float = 1.0) -> Path:
    rows = [
        f"{e[0]:.5f} {e[1]:.5f} {e[2]:.5f} {unit * STEP * (i % COLUMNS):.3f} {unit * STEP * (i // COLUMNS):.3f} {tail(i)}"
        for i, e in enumerate(EULER)
    ]
    path.write_text(phases + "# GRID: SqrGrid#\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def ctf(path: Path, *, names: str = CTF_NAMES, phase: str = "3;3;5\t90;90;120\tTi\t9\t194", row: str = "\t0.5\t100\t90") -> Path:
    rows = [
        f"1\t{STEP * (i % COLUMNS)}\t{STEP * (i // COLUMNS)}\t8\t0\t" + "\t".join(f"{v:.4f}" for v in np.rad2deg(e)) + row
        for i, e in enumerate(EULER)
    ]
    lines = ["Channel Text File", f"XCells\t{COLUMNS}", f"YCells\t{ROWS}", f"Phases\t1\n{phase}", names, *rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def is_right(stack: EbsdStack) -> bool:
    dots = np.abs(np.sum(stack.quaternions.reshape(-1, 4) * from_bunge(EULER), axis=1))
    return stack.shape == (1, ROWS, COLUMNS) and bool(np.all(dots[stack.phase.ravel() > 0] > 1 - 1e-6))


def test_phases_without_numbers(tmp_path: Path) -> None:
    """ASTAR writes no line "# Phase" above its materials."""
    path = ang(tmp_path / "a.ang", ALPHA + BETA, lambda i: f"20 0.3 {1 + i % 2} 1")
    stack = read_ebsd(path, frame="none")
    assert is_right(stack)
    assert [(phase.name, phase.point_group) for phase in stack.phases] == [("Alpha Ti", "6/mmm"), ("Beta", "m-3m")]
    np.testing.assert_array_equal(stack.phase.ravel(), 1 + np.arange(COUNT) % 2)


def test_astar_counts_in_nm(tmp_path: Path) -> None:
    path = ang(tmp_path / "a.ang", "# File created from ACOM RES results\n" + BETA, lambda i: "16.0 0.020 1 1", unit=4.0)
    monitor = Monitor()
    stack = read_ebsd(path, frame="none", monitor=monitor)
    assert is_right(stack)
    assert stack.spacing_um == pytest.approx((0.002,) * 3)
    assert probe(path).step_um == (None, pytest.approx(0.002), pytest.approx(0.002))
    assert any("in nm" in words for words in monitor.warnings)


@pytest.mark.parametrize(
    "tail",
    [
        lambda i: f"20 0.3 0.{17 + i} {1 + i % 2}",
        lambda i: f"20 0.3 0.{17 + i} {1 + i % 2} 7 8",
        lambda i: f"20 0.3 {('Alpha Ti', 'Beta')[i % 2]} 7",
        lambda i: f"20 0.3 0.5 {('Alpha Ti', 'Beta')[i % 2]}",
    ],
    ids=["ninth column", "ninth of eleven", "name", "name in the ninth"],
)
def test_phase_by_name_or_behind_the_fit(tmp_path: Path, tail: Callable[[int], str]) -> None:
    stack = read_ebsd(ang(tmp_path / "a.ang", ALPHA + BETA, tail), frame="none")
    assert is_right(stack)
    np.testing.assert_array_equal(stack.phase.ravel(), 1 + np.arange(COUNT) % 2)
    np.testing.assert_array_equal(stack.quality, 20)
    np.testing.assert_allclose(stack.confidence, 0.3)


def test_confidence_may_be_the_last_column(tmp_path: Path) -> None:
    stack = read_ebsd(ang(tmp_path / "a.ang", "# Phase 1\n" + BETA, lambda i: "20 0.3"), frame="none")
    assert is_right(stack)
    assert np.all(stack.phase == 1)


def test_rows_that_end_before_the_last_named_column(tmp_path: Path) -> None:
    monitor = Monitor()
    path = ctf(tmp_path / "a.ctf", row="\t0.5\t100")
    stack = read_ebsd(path, frame="none", monitor=monitor)
    assert is_right(stack)
    np.testing.assert_array_equal(stack.quality, 100)
    assert any("before the columns BS" in words for words in monitor.warnings)
    assert probe(path).grid == (1, ROWS, COLUMNS)


@pytest.mark.parametrize("names", [CTF_NAMES.lower(), CTF_NAMES.replace("Euler", "Euler "), CTF_NAMES + "\t"])
def test_names_of_columns_in_other_spellings(tmp_path: Path, names: str) -> None:
    assert is_right(read_ebsd(ctf(tmp_path / "a.ctf", names=names), frame="none"))


def test_phase_lines_that_end_early(tmp_path: Path) -> None:
    """Points count the lines: a phase without a Laue class is asked for, and no other one takes its place."""
    path = ctf(tmp_path / "a.ctf", phase="3;3;5\t90;90;120\tTi\n4;4;4\t90;90;90\tNi\t11\t225")
    assert [phase.name for phase in probe(path).phases] == ["Ti", "Ni"]
    with pytest.raises(NmcError, match="point group of Ti is not known"):
        read_ebsd(path)
    assert np.all(read_ebsd(path, point_group="6/mmm").phase == 1)
    with pytest.raises(NmcError, match="point group of unnamed phase is not known"):
        read_ebsd(ctf(tmp_path / "b.ctf", phase=""))
    assert probe(ctf(tmp_path / "c.ctf", phase="3;3;5\t90;90;120\tTi\t-3m")).point_groups == ("-3m",)


@pytest.mark.parametrize(("angles", "group"), [("90;103;90", "2/m"), ("90;90;98", "112/m"), ("98;90;90", "2/m11")])
def test_axis_of_a_monoclinic_lattice(tmp_path: Path, angles: str, group: str) -> None:
    info = probe(ctf(tmp_path / "a.ctf", phase=f"9.5;17.7;5.3\t{angles}\tGlaucophane\t2\t0"))
    assert info.point_groups == (group,)
    assert info.warnings == ()


def test_what_is_no_number_in_any_c_library() -> None:
    text = b"1 nan 2\n1 -nan(ind) 2\n1 1.#QNAN 2\n1 -1.#IND 2\n1 inf 2\n1 -Infinity 2\n"
    read, bad = numbers_of(text, 3)
    assert bad == -1
    np.testing.assert_array_equal(read, [[1, np.nan, 2]] * 6)


def test_utf16_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("phi1 Phi phi2 x y\n".encode("utf-16"))
    with pytest.raises(NmcError, match="UTF-16") as caught:
        read_ebsd(tmp_path / "a.txt")
    assert "UTF-8" in caught.value.hint


@pytest.mark.parametrize("kind", ["edax", "oxford"])
def test_a_header_without_phases_asks_for_the_point_group(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("a.h5" if kind == "edax" else "a.h5oina")
    names = (("Phi1", "Phi", "Phi2"), "Scan") if kind == "edax" else ((), "1")
    with h5py.File(path, "w") as file:
        data, header = file.create_group(f"{names[1]}/EBSD/Data"), file.create_group(f"{names[1]}/EBSD/Header")
        if kind == "edax":
            file["Manufacturer"] = "EDAX"
        else:
            data["Euler"] = EULER
        for k, name in enumerate(names[0]):
            data[name] = EULER[:, k]
        x, y = STEP * (np.arange(COUNT) % COLUMNS), STEP * (np.arange(COUNT) // COLUMNS)
        for name, values in (("X", x), ("Y", y), ("X Position", x), ("Y Position", y), ("Phase", np.ones(COUNT, "u1"))):
            data[name] = values
        header["nColumns"], header["nRows"], header["Step X"], header["Step Y"] = COLUMNS, ROWS, STEP, STEP
    with pytest.raises(NmcError, match="point group of unnamed phase is not known") as caught:
        read_ebsd(path)
    assert caught.value.field == "point_group"
    assert probe(path).point_groups == ("",)
    assert is_right(read_ebsd(path, point_group="-3m", frame="none"))
