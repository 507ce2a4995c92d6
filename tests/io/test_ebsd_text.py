"""Text maps (.ang, .ctf): what is read, what is noticed, and what is refused with a word on what to do."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.quaternions import from_bunge, multiply
from nmcstudio.io.ebsd.registry import probe, read_ebsd

ROWS, COLUMNS, STEP = 6, 9, 0.25


def angles(seed: int = 1, count: int = ROWS * COLUMNS) -> np.ndarray:
    return np.random.default_rng(seed).uniform(size=(count, 3)) * (6.28, 3.14, 6.28)


def ang_text(
    euler: np.ndarray,
    *,
    step: float = STEP,
    header_step: float | None = None,
    symmetry: str = "43",
    phase_number: int = 1,
    lattice: str = "2.8 2.8 2.8 90 90 90",
) -> str:
    said = step if header_step is None else header_step
    header = (
        f"# TEM_PIXperUM 1.0\n#\n# Phase {phase_number}\n# MaterialName  \tMade up\n# Formula  \n# Symmetry  {symmetry}\n"
        f"# LatticeConstants  {lattice}\n#\n# GRID: SqrGrid\n# XSTEP: {said}\n# YSTEP: {said}\n"
        f"# NCOLS_ODD: {COLUMNS}\n# NCOLS_EVEN: {COLUMNS}\n# NROWS: {ROWS}\n#\n"
    )
    rows = [
        f"{e[0]:.5f} {e[1]:.5f} {e[2]:.5f} {step * (i % COLUMNS):.5f} {step * (i // COLUMNS):.5f} {100 + i:.1f} 0.5 0 1 0.7"
        for i, e in enumerate(euler)
    ]
    return header + "\n".join(rows) + "\n"


def ctf_text(euler_deg: np.ndarray, *, comma: bool = False) -> str:
    header = (
        f"Channel Text File\nPrj\tx.cpr\nAuthor\t[Unknown]\nJobMode\tGrid\nXCells\t{COLUMNS}\nYCells\t{ROWS}\nXStep\t{STEP}\n"
        f"YStep\t{STEP}\nAcqE1\t0\nAcqE2\t0\nAcqE3\t0\nEuler angles refer to …\tMag\t400\nPhases\t1\n"
        "2.878;2.878;14.21\t90;90;120\tNMC\t7\t166\t\t\tmade up\nPhase\tX\tY\tBands\tError\tEuler1\tEuler2\tEuler3\tMAD\tBC\tBS\n"
    )
    rows = [
        f"{0 if i == 5 else 1}\t{STEP * (i % COLUMNS):.4f}\t{STEP * (i // COLUMNS):.4f}\t8\t0\t"
        + "\t".join(f"{angle:.4f}" for angle in e)
        + f"\t0.5000\t{i}\t90"
        for i, e in enumerate(euler_deg)
    ]
    text = header + "\n".join(rows) + "\n"
    return text.replace(".", ",") if comma else text


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def same(first: np.ndarray, second: np.ndarray, tolerance: float = 1e-4) -> bool:
    first = np.asarray(first, float)
    return bool(np.minimum(np.abs(first - second).max(axis=-1), np.abs(first + second).max(axis=-1)).max() < tolerance)


def test_ang_values_and_frame(tmp_path: Path) -> None:
    euler = angles()
    folder = tmp_path / "Größe µm"
    folder.mkdir()
    path = write(folder / "Schnitt 1.ang", ang_text(euler))
    monitor = Monitor()
    stack = read_ebsd(path, frame="none", monitor=monitor)
    assert stack.shape == (1, ROWS, COLUMNS)
    assert stack.spacing_um == (STEP, STEP, STEP)
    assert same(stack.quaternions[0].reshape(-1, 4), from_bunge(euler))
    np.testing.assert_array_equal(stack.quality[0].ravel(), 100 + np.arange(ROWS * COLUMNS))
    assert stack.phases[0].point_group == "m-3m"
    assert stack.phases[0].lattice[0] == pytest.approx(2.8e-4)
    assert monitor.warnings == []
    turned = read_ebsd(path)
    assert "EDAX setting 2" in turned.frame
    # setting 2 is the half turn about x - y: x of the map is -y of the file, y is -x, z is -z
    half_turn = np.array([0, 1, -1, 0]) / np.sqrt(2)
    assert same(turned.quaternions[0].reshape(-1, 4), multiply(from_bunge(euler), half_turn))


def test_ang_as_orix_reads_it(tmp_path: Path) -> None:
    from orix.io import load

    euler = angles(4)
    path = write(tmp_path / "a.ang", ang_text(euler))
    theirs = load(path, autogen_names=False)
    ours = read_ebsd(path, frame="none")
    assert same(ours.quaternions[0].reshape(-1, 4), theirs.rotations.data.reshape(-1, 4))


def test_coordinates_are_believed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ang", ang_text(angles(), header_step=0.1))
    monitor = Monitor()
    stack = read_ebsd(path, monitor=monitor)
    assert stack.spacing_um[1:] == (STEP, STEP)
    assert len(monitor.warnings) == 1
    assert "0.1" in monitor.warnings[0]
    assert "0.25" in monitor.warnings[0]
    assert probe(path).warnings != ()
    assert probe(path).step_um == (None, STEP, STEP)


def test_degrees_in_an_ang_file(tmp_path: Path) -> None:
    euler = angles()
    monitor = Monitor()
    stack = read_ebsd(write(tmp_path / "a.ang", ang_text(np.rad2deg(euler))), frame="none", monitor=monitor)
    assert same(stack.quaternions[0].reshape(-1, 4), from_bunge(euler))
    assert any("degrees" in words for words in monitor.warnings)


def test_radians_in_a_ctf_file(tmp_path: Path) -> None:
    euler = angles()
    monitor = Monitor()
    stack = read_ebsd(write(tmp_path / "a.ctf", ctf_text(euler)), frame="none", monitor=monitor)
    keep = np.arange(ROWS * COLUMNS) != 5
    assert same(stack.quaternions[0].reshape(-1, 4)[keep], from_bunge(euler)[keep], 2e-4)
    assert any("radians" in words for words in monitor.warnings)


@pytest.mark.parametrize("comma", [False, True])
def test_ctf_values(tmp_path: Path, comma: bool) -> None:
    euler = angles()
    path = write(tmp_path / "a.ctf", ctf_text(np.rad2deg(euler), comma=comma))
    stack = read_ebsd(path, frame="none")
    keep = np.arange(ROWS * COLUMNS) != 5
    assert same(stack.quaternions[0].reshape(-1, 4)[keep], from_bunge(euler)[keep])
    assert stack.phases[0].point_group == "-3m"
    assert stack.phases[0].name == "NMC"
    assert stack.phase[0].ravel()[5] == 0
    assert np.isnan(stack.quaternions[0].reshape(-1, 4)[5]).all()
    assert stack.confidence[0].ravel()[0] == pytest.approx(0.75)
    oxford = read_ebsd(path)
    assert "30°" in oxford.frame
    from_a_star = np.array([np.cos(np.pi / 12), 0, 0, np.sin(np.pi / 12)])
    expected = multiply(from_a_star, multiply(from_bunge(euler), (0.0, 1.0, 0.0, 0.0)))
    assert same(oxford.quaternions[0].reshape(-1, 4)[keep], expected[keep])


def test_hexagonal_grid_is_resampled(tmp_path: Path) -> None:
    pitch, rows, columns = 2.0, 12, 10
    lines = []
    for row in range(rows):
        for column in range(columns - row % 2):
            x, y = pitch * (column + 0.5 * (row % 2)), row * pitch * np.sqrt(3) / 2
            lines.append(f"{0.1 * row:.5f} 1.0 0.5 {x:.5f} {y:.5f} {x + 100 * y:.4f} 0.9 0 1 1.0")
    text = (
        "# Phase 1\n# MaterialName  m\n# Symmetry 43\n# LatticeConstants 1 1 1 90 90 90\n# GRID: HexGrid\n# XSTEP: 2\n"
        + "\n".join(lines)
    )
    monitor = Monitor()
    stack = read_ebsd(write(tmp_path / "hex.ang", text), monitor=monitor)
    assert stack.spacing_um[1:] == pytest.approx((pitch * np.sqrt(3) / 2, pitch), rel=1e-4)
    assert stack.shape == (1, rows, columns)
    assert any("hexagonal" in words for words in monitor.warnings)
    # each point carries where it was measured: in its own row, a quarter of the pitch from where it is now
    y, x = np.meshgrid(*(np.arange(n) * step for n, step in zip(stack.shape[1:], stack.spacing_um[1:])), indexing="ij")
    moved = stack.quality[0] - (x + stack.origin_um[2]) - 100 * y
    np.testing.assert_allclose(np.abs(moved[stack.observed[0]]), pitch / 4, atol=2e-3)
    # none is lost, none counts twice
    assert np.count_nonzero(stack.observed) == len(lines) == len(np.unique(stack.quality[stack.observed]))
    assert probe(tmp_path / "hex.ang").grid == stack.shape
    # the same turned by 90 degrees
    swapped = [line.split() for line in lines]
    for row in swapped:
        row[3], row[4] = row[4], row[3]
    text = text.replace("\n".join(lines), "\n".join(" ".join(row) for row in swapped))
    assert read_ebsd(write(tmp_path / "turned.ang", text)).shape == (1, columns, rows)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda text: text[:-30], "values where the rows before have 10"),
        (lambda text: text.replace("0.75000 0.25000", "0.75000 ???", 1), "line 28: '???' is not a number"),
        (lambda text: "", "is empty"),
        (lambda text: "\n \n", "is empty"),
        (lambda text: "hello\n" * 30, "does not begin with the header"),
        (lambda text: text[: text.index("NROWS")], "no data"),
        (lambda text: "\0\0\0" + text, "not a text file"),
    ],
)
def test_damaged_ang(tmp_path: Path, spoil, words: str) -> None:
    path = write(tmp_path / "bad.ang", spoil(ang_text(angles())))
    for call in (read_ebsd, probe):
        with pytest.raises(NmcError) as caught:
            call(path)
        assert words in caught.value.message
        assert "bad.ang" in caught.value.message
        assert caught.value.hint
        assert caught.value.field == "files"


def test_short_row_names_its_line(tmp_path: Path) -> None:
    lines = ang_text(angles()).splitlines()
    number = 30
    lines[number - 1] = " ".join(lines[number - 1].split()[:7])
    with pytest.raises(NmcError, match=f"line {number}: 7 values where the rows before have 10"):
        read_ebsd(write(tmp_path / "a.ang", "\n".join(lines)))


def test_damaged_ctf(tmp_path: Path) -> None:
    good = ctf_text(np.rad2deg(angles()))
    with pytest.raises(NmcError, match="no line with the column names"):
        read_ebsd(write(tmp_path / "a.ctf", good.replace("Phase\tX", "Fase\tX")))
    with pytest.raises(NmcError, match="no column Euler3"):
        read_ebsd(write(tmp_path / "b.ctf", good.replace("Euler3", "Euler9")))
    with pytest.raises(NmcError, match=r"c.ctf, line 69"):
        read_ebsd(write(tmp_path / "c.ctf", good[:-12]))


def test_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(NmcError, match="there is no file"):
        read_ebsd(tmp_path / "nothing.ang")
    folder = tmp_path / "folder.ang"
    folder.mkdir()
    with pytest.raises(NmcError, match="no orientation maps"):
        read_ebsd(folder)
    with pytest.raises(NmcError, match="no orientation map that is known"):
        read_ebsd(write(tmp_path / "a.pdf", "1,2"))
    with pytest.raises(NmcError, match="no line that names the columns"):
        read_ebsd(write(tmp_path / "a.csv", "1,2"))
    with pytest.raises(NmcError, match="no files are chosen"):
        read_ebsd([])


def stack_of(folder: Path, numbers: list[int]) -> None:
    for number in numbers:
        write(folder / f"s{number}.ang", ang_text(angles(number)))


def test_stack_order_gap_and_distance(tmp_path: Path) -> None:
    stack_of(tmp_path, [1, 2, 3, 5, 10, 4, 6, 7, 8])
    write(tmp_path / "SOURCE.md", "notes")
    with pytest.raises(NmcError, match="distance of the 9 sections") as caught:
        read_ebsd(tmp_path)
    assert caught.value.field == "slice_spacing_um"
    info = probe(tmp_path)
    assert info.needs_slice_spacing
    assert info.slices == 10
    monitor = Monitor()
    stack = read_ebsd(tmp_path, slice_spacing_um=0.12, frame="none", monitor=monitor)
    assert stack.shape == (10, ROWS, COLUMNS)
    assert stack.spacing_um == (0.12, STEP, STEP)
    assert not stack.observed[8].any()
    assert not stack.phase[8].any()
    assert any("1 before s10.ang" in words for words in monitor.warnings)
    assert any("1 other file in the folder passed over (SOURCE.md)" in words for words in monitor.warnings)
    assert same(stack.quaternions[9].reshape(-1, 4), from_bunge(angles(10)))
    assert same(stack.quaternions[1].reshape(-1, 4), from_bunge(angles(2)))


def test_every_second_number_is_no_gap(tmp_path: Path) -> None:
    stack_of(tmp_path, [0, 2, 4, 6])
    monitor = Monitor()
    assert read_ebsd(tmp_path, slice_spacing_um=1, monitor=monitor).shape[0] == 4
    assert monitor.warnings == []


def test_stack_of_unequal_sections(tmp_path: Path) -> None:
    stack_of(tmp_path, [1, 2])
    text = ang_text(angles(3)).splitlines()
    write(tmp_path / "s3.ang", "\n".join(text[:-COLUMNS]))
    with pytest.raises(NmcError, match=r"s3.ang has 9 x 5 points, s1.ang 9 x 6") as caught:
        read_ebsd(tmp_path, slice_spacing_um=1)
    assert "leave that section out" in caught.value.hint
    write(tmp_path / "s3.ang", ang_text(angles(4), step=0.5))
    with pytest.raises(NmcError, match=r"s3.ang has steps of 0.5"):
        read_ebsd(tmp_path, slice_spacing_um=1)


def test_gaps_can_be_closed(tmp_path: Path) -> None:
    stack_of(tmp_path, [8, 9, 10, 12])
    assert probe(tmp_path).slices == 5
    assert probe(tmp_path, gaps="close").slices == 4
    monitor = Monitor()
    assert read_ebsd(tmp_path, slice_spacing_um=1, gaps="close", monitor=monitor).observed.all()
    assert any("1 before s12.ang" in words and "evenly spaced" in words for words in monitor.warnings)
    with pytest.raises(NmcError, match="unknown way 'widen'") as caught:
        probe(tmp_path, gaps="widen")
    assert caught.value.field == "gaps"


def test_other_files_of_a_folder_are_named(tmp_path: Path) -> None:
    stack_of(tmp_path, [1, 2])
    for name in ("notes.txt", "map.tif", ".hidden.ang"):
        write(tmp_path / name, "phi1 Phi phi2 x y\n1 2 3 4 5\n")
    info = probe(tmp_path)
    assert [path.name for path in info.files] == ["s1.ang", "s2.ang"]
    assert info.passed_over == ("map.tif", "notes.txt")
    monitor = Monitor()
    read_ebsd(tmp_path, slice_spacing_um=1, monitor=monitor)
    assert monitor.warnings == ["2 other files in the folder passed over (map.tif, notes.txt)"]


def test_mixed_kinds_are_refused(tmp_path: Path) -> None:
    stack_of(tmp_path, [1, 2])
    write(tmp_path / "s3.ctf", ctf_text(np.rad2deg(angles())))
    with pytest.raises(NmcError, match=r"2 .ang, 1 .ctf"):
        read_ebsd(tmp_path, slice_spacing_um=1)


def test_the_user_has_the_last_word(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ang", ang_text(angles(), symmetry="??"))
    assert any("no usable point group" in words for words in probe(path).warnings)
    with pytest.raises(NmcError, match="point group of Made up is not known") as caught:
        read_ebsd(path)
    assert caught.value.field == "point_group"
    monitor = Monitor()
    stack = read_ebsd(path, point_group="-3m", phase_name="NMC811", spacing_um=(0.3, 0.5, 0.5), monitor=monitor)
    assert stack.phases[0].point_group == "-3m"
    assert stack.phases[0].name == "NMC811"
    assert stack.spacing_um == (0.3, 0.5, 0.5)
    assert any("yours of 0.5" in words for words in monitor.warnings)
    with pytest.raises(NmcError, match="unknown reference frame"):
        read_ebsd(path, point_group="-3m", frame="upside down")
    with pytest.raises(NmcError, match="slice distance -1"):
        read_ebsd(path, point_group="-3m", slice_spacing_um=-1)


def test_symmetry_that_contradicts_the_lattice(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ang", ang_text(angles(), symmetry="43", lattice="2.87 2.87 14.2 90 90 120"))
    assert any("does not have that symmetry" in words for words in probe(path).warnings)


def test_unindexed_points(tmp_path: Path) -> None:
    euler = angles()
    euler[3] = 4 * np.pi
    text = ang_text(euler).splitlines()
    text[-1] = text[-1].replace(" 0.5 0 ", " -1 0 ")
    stack = read_ebsd(write(tmp_path / "a.ang", "\n".join(text)))
    empty = np.flatnonzero(stack.phase.ravel() == 0)
    np.testing.assert_array_equal(empty, [3, ROWS * COLUMNS - 1])
    assert np.isnan(stack.quaternions.reshape(-1, 4)[empty]).all()
    assert stack.observed.all()


def test_reading_can_be_cancelled(tmp_path: Path) -> None:
    stack_of(tmp_path, list(range(1, 30)))
    monitor = Monitor(lambda progress: monitor.cancel())
    thread = threading.Timer(0, monitor.cancel)
    thread.start()
    with pytest.raises(Cancelled):
        read_ebsd(tmp_path, slice_spacing_um=1, monitor=monitor)
    thread.join()
