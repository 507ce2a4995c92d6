"""Damaged maps of every format: whatever is in the bytes, there is a result or one error in plain words."""

from __future__ import annotations

import contextlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nmcstudio.core.errors import NmcError
from nmcstudio.io.ebsd.dream3d_write import write_stack_dream3d
from nmcstudio.io.ebsd.registry import probe, read_ebsd
from tests.io.test_ebsd_dream3d import make_stack
from tests.io.test_ebsd_hdf5 import write_apex, write_bruker, write_edax, write_labdct
from tests.io.test_ebsd_oxford import points, write_crc, write_h5oina
from tests.io.test_ebsd_text import ang_text, angles, ctf_text

NAMES = ("a.ang", "a.ctf", "a.txt", "a.cpr", "edax.h5", "bruker.h5", "labdct.h5", "a.edaxh5", "a.h5oina", "a.dream3d")
INSERTED = (b"nan", b"1e999", b"-", b"\n\n", b"\r", b",", b"\t", b"99999999999999999999", b"#", b"\0", b"\xff\xfe", b"0")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """A folder, and an undamaged file of each format."""
    folder = tmp_path_factory.mktemp("maps")
    (folder / "a.ang").write_text(ang_text(angles()))
    (folder / "a.ctf").write_text(ctf_text(np.rad2deg(angles())), encoding="utf-8")
    rows = "\n".join(f"{e[0]:.3f} {e[1]:.3f} {e[2]:.3f} {i % 9} {i // 9}" for i, e in enumerate(angles()))
    (folder / "a.txt").write_text("phi1 Phi phi2 x y\n" + rows)
    write_crc(folder / "a.cpr", points())
    for name, write in (
        ("edax.h5", write_edax),
        ("bruker.h5", write_bruker),
        ("labdct.h5", write_labdct),
        ("a.edaxh5", write_apex),
    ):
        write(folder / name)
    write_h5oina(folder / "a.h5oina", {"1": points(), "2": points(2)})
    write_stack_dream3d(folder / "a.dream3d", make_stack())
    return folder, {name: (folder / name).read_bytes() for name in NAMES}


def outcome(path: Path) -> None:
    """Look at a file and read it; any exception but an `NmcError` goes through."""
    for call in (probe, lambda chosen: read_ebsd(chosen, point_group="-3m", slice_spacing_um=1.0)):
        with contextlib.suppress(NmcError):
            call(path)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_files(whole: tuple[Path, dict[str, bytes]], name: str, data: st.DataObject) -> None:
    folder, files = whole
    content = bytearray(files[name])
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, max(0, len(content) - 1)))
        kind = data.draw(st.sampled_from(("byte", "cut", "hole", "insert")))
        if kind == "byte" and content:
            content[place] = data.draw(st.integers(0, 255))
        elif kind == "cut":
            del content[place:]
        elif kind == "hole":
            del content[place : place + data.draw(st.integers(1, 200))]
        else:
            content[place:place] = data.draw(st.sampled_from(INSERTED))
    path = folder / f"damaged-{name}"
    path.write_bytes(content)
    if name == "a.cpr":
        path.with_suffix(".crc").write_bytes((folder / "a.crc").read_bytes())
    outcome(path)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("content", [b"", b"\n", b"# ", b"\x89HDF\r\n\x1a\n", bytes(range(256)) * 40, b"1 2 3 4 5\n" * 9])
def test_what_is_no_map(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    if name == "a.cpr":
        (tmp_path / "a.crc").write_bytes(content)
    for call in (probe, read_ebsd):
        with pytest.raises(NmcError):
            call(tmp_path / name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(("h5", "h5oina", "dream3d"))])
def test_datasets_of_another_kind(whole: tuple[Path, dict[str, bytes]], tmp_path: Path, name: str) -> None:
    """Each dataset in turn is missing, is text, is too short, is a group, or holds NaN."""
    _, files = whole
    inside: list[str] = []
    (tmp_path / name).write_bytes(files[name])
    with h5py.File(tmp_path / name) as file:
        file.visititems(lambda path, item: inside.append(path) if isinstance(item, h5py.Dataset) else None)
    for number, path in enumerate(inside):
        (tmp_path / name).write_bytes(files[name])
        with h5py.File(tmp_path / name, "a") as file:
            values = file[path][()]
            del file[path]
            kind = number % 4
            if kind == 1:
                file[path] = "words"
            elif kind == 2:
                file[path] = np.ravel(values)[: np.size(values) // 2]
            elif kind == 3:
                file.create_group(path)
        outcome(tmp_path / name)


@pytest.mark.parametrize("ending", ["ang", "ctf"])
def test_line_ends_encodings_and_one_row(tmp_path: Path, ending: str) -> None:
    text = ang_text(angles()) if ending == "ang" else ctf_text(np.rad2deg(angles()))
    text = text.replace("Made up", "Größe").replace("NMC", "Größe")
    expected = None
    for number, content in enumerate(
        (
            text.encode("utf-8"),
            text.encode("latin-1", "replace"),
            text.replace("\n", "\r\n").encode("utf-8-sig"),
            text.replace("\n", "\r").encode("utf-8"),
        )
    ):
        path = tmp_path / f"{number}.{ending}"
        path.write_bytes(content)
        stack = read_ebsd(path, frame="none")
        expected = stack if expected is None else expected
        np.testing.assert_array_equal(stack.quaternions, expected.quaternions)
        assert stack.phases[0].name == "Größe"
    lines = text.splitlines()
    (tmp_path / f"row.{ending}").write_text("\n".join(lines[: len(lines) - 5 * 9]), encoding="utf-8")
    assert read_ebsd(tmp_path / f"row.{ending}", frame="none").shape == (1, 1, 9)
    (tmp_path / f"point.{ending}").write_text("\n".join(lines[: len(lines) - 6 * 9 + 1]), encoding="utf-8")
    with pytest.raises(NmcError, match="a single point"):
        read_ebsd(tmp_path / f"point.{ending}")
