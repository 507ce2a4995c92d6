"""Tables of text with column names, and sections written as text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.quaternions import from_bunge, random_orientations
from nmcstudio.crystal.symmetry import disorientation_angles
from nmcstudio.io.ebsd.number_kernel import numbers_of
from nmcstudio.io.ebsd.registry import probe, read_ebsd
from nmcstudio.io.ebsd.text_write import write_ang, write_ctf

ROWS, COLUMNS, STEP = 9, 8, 0.5
COUNT = ROWS * COLUMNS
X, Y = np.arange(COUNT) % COLUMNS * STEP, np.arange(COUNT) // COLUMNS * STEP


def angles() -> np.ndarray:
    return np.random.default_rng(1).uniform(size=(COUNT, 3)) * (6.28, 3.14, 6.28)


@pytest.mark.parametrize(
    ("names", "order", "delimiter", "degrees", "comma"),
    [
        ("phi1 Phi phi2 phase ci iq sem_signal x y grainId", "phi1 Phi phi2 phase ci iq other x y grain", "  ", True, False),
        ("x,y,phi1,PHI,phi2,IQ,CI,phase,grain ID,extra", "x y phi1 Phi phi2 iq ci phase grain other", ",", False, False),
        (
            "Phase\tX (µm)\tY (µm)\tEuler1 (°)\tEuler2 (°)\tEuler3 (°)\tMAD (°)\tBC\tgrain\tz",
            "phase x y phi1 Phi phi2 mad iq grain other",
            "\t",
            True,
            False,
        ),
        (
            "x [nm];y [nm];euler 1;euler 2;euler 3;phase id;band contrast;confidence;feature ids;n",
            "x y phi1 Phi phi2 phase iq ci grain other",
            ";",
            True,
            True,
        ),
        ("# phi1 Phi phi2 x y phase iq ci grains other", "phi1 Phi phi2 x y phase iq ci grain other", " ", False, True),
    ],
)
def test_names_delimiters_and_units(tmp_path: Path, names: str, order: str, delimiter: str, degrees: bool, comma: bool) -> None:
    euler = angles()
    stored = np.rad2deg(euler) if degrees else euler
    scale = 1000 if "nm" in names else 1
    values = {"phi1": stored[:, 0], "Phi": stored[:, 1], "phi2": stored[:, 2], "x": X * scale, "y": Y * scale}
    values |= {"phase": 1 + 0 * X, "ci": 0.5 + 0 * X, "mad": 1 + 0 * X, "other": 0 * X}
    values |= {"iq": np.arange(COUNT), "grain": np.arange(COUNT) % 5}
    lines = [delimiter.join(f"{values[name][i]:.6f}" for name in order.split()) for i in range(COUNT)]
    text = "a note\n" + names + "\n" + "\n".join(line.replace(".", ",") if comma else line for line in lines)
    path = tmp_path / "table.txt"
    path.write_text(text, encoding="utf-8")
    info = probe(path)
    assert (info.format, info.grid, info.step_um) == ("table", (1, ROWS, COLUMNS), (None, STEP, STEP))
    monitor = Monitor()
    stack = read_ebsd(path, point_group="m-3m", monitor=monitor)
    np.testing.assert_allclose(stack.quaternions.reshape(-1, 4), from_bunge(euler), atol=2e-6)
    np.testing.assert_array_equal(stack.quality.ravel(), np.arange(COUNT))
    np.testing.assert_allclose(stack.confidence, 0.5)
    np.testing.assert_array_equal(stack.grain_ids.ravel(), np.arange(COUNT) % 5)
    assert stack.spacing_um == (STEP, STEP, STEP)
    assert any("no reference frame" in words for words in monitor.warnings)


def test_a_table_needs_a_point_group_and_names(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = "\n".join(f"{e[0]:.4f},{e[1]:.4f},{e[2]:.4f},{x},{y}" for e, x, y in zip(angles(), X, Y))
    path.write_text("phi1,Phi,phi2,x,y\n" + rows)
    with pytest.raises(NmcError, match="point group of unnamed phase") as caught:
        read_ebsd(path)
    assert caught.value.field == "point_group"
    path.write_text(rows)
    for call in (read_ebsd, probe):
        with pytest.raises(NmcError, match="no line that names the columns"):
            call(path)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_heights_make_a_volume(tmp_path: Path, order: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever axis runs fastest, and with a beginning that shows a part of the file only."""
    from nmcstudio.io.ebsd import text_table

    monkeypatch.setattr(text_table, "_HEAD_BYTES", 3000)
    shape, step = (5, 7, 6), (0.25, 0.5, 0.4)
    places = np.moveaxis(np.indices([shape[k] for k in order]), 0, -1).reshape(-1, 3)
    z, y, x = (places[:, order.index(k)] for k in range(3))
    euler = np.random.default_rng(2).uniform(size=(*shape, 3)) * (360, 180, 360)
    rows = [
        f"{i * 0.4:.2f},{j * 0.5:.2f},{k * 0.25 - 3:.2f},{','.join(f'{e:.6f}' for e in euler[k, j, i])}"
        for k, j, i in zip(z, y, x)
    ]
    path = tmp_path / "volume.csv"
    path.write_text("x,y,z,phi1,Phi,phi2\n" + "\n".join(rows))
    info = probe(path)
    assert (info.grid, info.slices, info.needs_slice_spacing) == (shape, 5, False)
    np.testing.assert_allclose(info.step_um, step)
    monitor = Monitor()
    stack = read_ebsd(path, point_group="-3m", monitor=monitor)
    np.testing.assert_allclose(stack.quaternions, from_bunge(np.deg2rad(euler)), atol=2e-6)
    assert stack.spacing_um == pytest.approx(step)
    assert stack.origin_um == pytest.approx((-3, 0, 0))
    assert not any("another" in words for words in monitor.warnings)
    other = tmp_path / "volume2.csv"
    other.write_bytes(path.read_bytes())
    with pytest.raises(NmcError, match="holds 5 planes"):
        read_ebsd([path, other], point_group="-3m", slice_spacing_um=1.0)


def test_a_section_that_is_not_flat_stays_a_section(tmp_path: Path) -> None:
    heights = np.random.default_rng(3).normal(0, 0.01, COUNT)
    path = tmp_path / "a.csv"
    path.write_text(
        "phi1,Phi,phi2,x,y,z\n"
        + "\n".join(f"10,20,{30 + k % 3},{x},{y},{z:.4f}" for k, (x, y, z) in enumerate(zip(X, Y, heights)))
    )
    assert probe(path).grid == (1, ROWS, COLUMNS)
    assert read_ebsd(path, point_group="-3m").spacing_um == (STEP, STEP, STEP)


def test_words_among_the_numbers_are_shown_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [f"{k},{20},{30},{x},{y},Ti" for k, (x, y) in enumerate(zip(X, Y))]
    path.write_text("phi1,Phi,phi2,x,y,phase\n" + "\n".join(rows))
    for call in (read_ebsd, probe):
        with pytest.raises(NmcError, match="line 2: 'Ti' is not a number"):
            call(path)


def test_hexagonal_table_of_titanium(shared_data: Path) -> None:
    path = shared_data / "ebsd2d" / "titanium.txt"
    stack = read_ebsd(path, point_group="6/mmm")
    table = np.loadtxt(path, skiprows=1)
    assert stack.spacing_um[1:] == pytest.approx((12 * np.sqrt(3) / 2, 12), rel=1e-4)
    assert np.count_nonzero(stack.observed) == len(table) == 8100
    # every point is there once, with its own orientation, a quarter of the pitch away
    place = np.flatnonzero(stack.observed.ravel())
    x = place % stack.shape[2]
    order = np.lexsort((table[:, 7], np.rint(table[:, 8] / stack.spacing_um[1])))
    moved = x * 12 + stack.origin_um[2] - table[order, 7]
    np.testing.assert_allclose(np.abs(moved), 3, atol=1e-3)
    ours = stack.quaternions.reshape(-1, 4)[place]
    np.testing.assert_allclose(ours, from_bunge(np.deg2rad(table[order, :3])), atol=1e-5)
    np.testing.assert_array_equal(stack.grain_ids.ravel()[place], table[order, 9])


def one_section() -> EbsdStack:
    rng = np.random.default_rng(4)
    shape = (1, ROWS, COLUMNS)
    quaternions = random_orientations(COUNT, rng).reshape(*shape, 4)
    phase = rng.integers(0, 3, shape).astype(np.uint8)
    quaternions[phase == 0] = np.nan
    observed = np.ones(shape, bool)
    observed[0, 0, 1] = False
    phase[~observed], quaternions[~observed] = 0, np.nan
    lattice = (2.87e-4, 2.87e-4, 14.2e-4, np.pi / 2, np.pi / 2, 2 * np.pi / 3)
    return EbsdStack(
        quaternions=quaternions,
        phase=phase,
        phases=(Phase("NMC", "-3m", lattice), Phase("Al", "m-3m")),
        quality=np.rint(rng.uniform(10, 200, shape)),
        confidence=np.where(phase > 0, np.round(rng.uniform(size=shape), 3), 0),
        observed=observed,
        spacing_um=(STEP, STEP, STEP),
    )


@pytest.mark.parametrize(("ending", "write"), [("ang", write_ang), ("ctf", write_ctf)])
def test_written_text_reads_back_in_its_own_frame(tmp_path: Path, ending: str, write) -> None:
    stack = one_section()
    write(tmp_path / f"a.{ending}", stack)
    back = read_ebsd(tmp_path / f"a.{ending}")
    np.testing.assert_array_equal(back.phase, stack.phase)
    np.testing.assert_array_equal(back.observed, stack.observed)
    there = stack.phase > 0
    angles_off = disorientation_angles(back.quaternions[there].astype(float), stack.quaternions[there].astype(float), "-1")
    assert angles_off.max() < 2e-3  # single precision, and five digits of the angles
    np.testing.assert_array_equal(back.quality[back.observed], stack.quality[stack.observed])
    np.testing.assert_allclose(back.confidence[there], stack.confidence[there], atol=1e-4)
    assert [phase.point_group for phase in back.phases] == ["-3m", "m-3m"]
    assert back.phases[0].lattice == pytest.approx(stack.phases[0].lattice)
    assert back.spacing_um == stack.spacing_um
    several = EbsdStack(
        **{
            name: np.concatenate([getattr(stack, name)] * 2)
            for name in ("quaternions", "phase", "quality", "confidence", "observed")
        },
        phases=stack.phases,
        spacing_um=stack.spacing_um,
    )
    with pytest.raises(NmcError, match=f".{ending} holds one section, and the map has 2"):
        write(tmp_path / f"b.{ending}", several)


@pytest.mark.parametrize(("ending", "write", "frame"), [("ang", write_ang, "edax-2"), ("ctf", write_ctf, "oxford")])
def test_orix_reads_what_we_write(tmp_path: Path, ending: str, write, frame: str) -> None:
    from orix.io import load

    from nmcstudio.crystal.frames import turn_from_map

    stack = one_section()
    write(tmp_path / f"a.{ending}", stack)
    theirs = load(tmp_path / f"a.{ending}")
    there = stack.phase.ravel()[stack.observed.ravel()] > 0
    phase = stack.phase[stack.observed]
    written = turn_from_map(stack.quaternions[stack.observed].astype(float), frame, ("-3m", "m-3m"), phase)
    np.testing.assert_array_equal(theirs.phase_id[there], phase[there])
    read = theirs.rotations.data.reshape(-1, 4)[there]
    np.testing.assert_allclose(np.abs(np.sum(read * written[there], axis=1)), 1, atol=1e-6)
    np.testing.assert_allclose(theirs.x[there], np.nonzero(stack.observed)[2][there] * STEP)


def test_we_read_what_orix_writes(tmp_path: Path) -> None:
    from orix.crystal_map import CrystalMap, PhaseList
    from orix.crystal_map import Phase as OrixPhase
    from orix.io import save
    from orix.quaternion import Rotation

    euler = angles()
    rotations = Rotation.from_euler(euler)
    phases = PhaseList([OrixPhase("Al", point_group="m-3m")])
    theirs = CrystalMap(rotations=rotations, phase_id=np.zeros(COUNT, int), x=X, y=Y, phase_list=phases, scan_unit="um",
                        prop={"iq": np.arange(COUNT, dtype=float), "ci": np.full(COUNT, 0.25)})  # fmt: skip
    save(tmp_path / "a.ang", theirs, image_quality_prop="iq", confidence_index_prop="ci")
    ours = read_ebsd(tmp_path / "a.ang", frame="none")
    assert ours.shape == (1, ROWS, COLUMNS)
    dots = np.abs(np.sum(ours.quaternions.reshape(-1, 4) * rotations.data, axis=1))
    np.testing.assert_allclose(dots, 1, atol=1e-6)
    np.testing.assert_allclose(ours.quality.ravel(), np.arange(COUNT), atol=0.1)
    np.testing.assert_allclose(ours.confidence, 0.25, atol=1e-3)


def test_numbers_as_numpy_reads_them() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4000, 4)) * 10.0 ** rng.integers(-30, 30, (4000, 4))
    lines = [" ".join(f"{v:.{k % 14 + 1}g}" for v in row) for k, row in enumerate(values)]
    lines += ["-0 +1. .5 1e22", "nan NaN 1E-3 12345678901234567890", "", " 0.1 \t0.2 0.3 0.4 "]
    read, bad = numbers_of(("\r\n".join(lines) + "\n").encode(), 4)
    expected = np.array([[float(word) for word in line.split()] for line in lines if line.strip()])
    assert bad == -1
    np.testing.assert_allclose(read, expected, rtol=4e-16, equal_nan=True)
    for wrong in ("1 2 3", "1 2 3 4 5", "1 2 3 x", "1 2 3 4.5.6", "1 2 - 4", "1 2 3 4e", "1 2 3 na", "1 2 3 --4", "1,2 3 4 5"):
        assert numbers_of(f"1 2 3 4\n{wrong}\n1 2 3 4\n".encode(), 4)[1] == 1
    assert numbers_of(b"1,5;2,5\n", 2, ord(";"), ord(","))[0].tolist() == [[1.5, 2.5]]
