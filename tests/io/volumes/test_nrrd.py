"""NRRD: encodings, axes of the header, channels, data elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.io.volumes.options import ReadOptions
from nmcstudio.io.volumes.registry import probe, read_volume
from tests.io.volumes import samples
from tests.io.volumes.samples import ORIGIN, SPACING, VALUES


@pytest.mark.parametrize("detached", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2", "hex", "ascii"])
def test_encodings_of_nrrd(tmp_path: Path, encoding: str, order: str, detached: bool) -> None:
    path = samples.nrrd(tmp_path, VALUES, order, encoding, detached)
    volume = read_volume(path)
    assert np.array_equal(volume.values, VALUES)
    assert volume.spacing_um == pytest.approx(SPACING)
    assert volume.origin_um == pytest.approx(ORIGIN)
    assert np.array_equal(read_volume(path, options=ReadOptions(crop=(3, 5, 2, 7, 1, 13))).values, VALUES[3:5, 2:7, 1:13])
    data = next(file for file in tmp_path.iterdir() if not detached or file.suffix != ".nhdr")
    data.write_bytes(data.read_bytes()[:-40])
    with pytest.raises(NmcError, match=r"incomplete|damaged"):
        read_volume(path)


def _nrrd(folder: Path, lines: list[str], data: bytes, name: str = "a.nrrd") -> Path:
    (folder / name).write_bytes("\n".join(["NRRD0004", *lines]).encode() + b"\n\n" + data)
    return folder / name


def test_axes_of_a_nrrd_header(tmp_path: Path) -> None:
    """Axes that are swapped and turned round come back in x, y, z, at their place."""
    stored = VALUES.transpose(1, 0, 2)[:, :, ::-1]  # on disk: y slowest, then z, then x backwards
    size = (0.25, 0.128, 0.13)
    lines = [
        "type: uint16", "dimension: 3", "sizes: 13 9 11", "encoding: raw", "endian: little", "space: right-anterior-superior",
        f"space directions: (-{size[2]},0,0) (0,0,{size[0]}) (0,{size[1]},0)", f"space origin: ({1 + 12 * size[2]}, 2, 3)",
        'space units: "um" "um" "um"',
    ]  # fmt: skip
    volume = read_volume(_nrrd(tmp_path, lines, stored.tobytes()))
    assert np.array_equal(volume.values, VALUES)
    assert volume.spacing_um == pytest.approx(size)
    assert volume.origin_um == pytest.approx((3, 2, 1))
    assert probe(tmp_path / "a.nrrd").axis_order == "y, z, -x"
    lines[6] = "space directions: (0.1,0.05,0) (-0.05,0.1,0) (0,0,0.1)"
    with pytest.raises(NmcError, match="slanted"):
        probe(_nrrd(tmp_path, lines, stored.tobytes()))


def test_nrrd_channels_units_and_skips(tmp_path: Path) -> None:
    base = ["type: uint16", "dimension: 4", "encoding: raw", "endian: little", 'units: "" "mm" "mm" "mm"']
    both = np.stack([VALUES, VALUES + 1])
    inside = _nrrd(
        tmp_path, [*base, "sizes: 2 13 11 9", "kinds: vector space space space", "spacings: nan 0.1 0.2 0.3",
         "axis mins: nan 1 2 3"],
        np.moveaxis(both, 0, -1).tobytes(),
    )  # fmt: skip
    with pytest.raises(NmcError, match="2 channels") as raised:
        read_volume(inside)
    assert raised.value.field == "channel"
    volume = read_volume(inside, options=ReadOptions(channel=1))
    assert np.array_equal(volume.values, VALUES + 1)
    assert volume.spacing_um == pytest.approx((300, 200, 100))
    assert volume.origin_um == pytest.approx((3000, 2000, 1000))
    outside = _nrrd(tmp_path, [*base, "sizes: 13 11 9 2", "kinds: space space space list"], both.tobytes(), "b.nrrd")
    assert np.array_equal(read_volume(outside, 0.1, ReadOptions(channel=1)).values, VALUES + 1)
    with pytest.raises(NmcError, match="no channel 2"):
        read_volume(outside, 0.1, ReadOptions(channel=2))
    (tmp_path / "data.txt").write_bytes(b"line one\nline two\nxxxx" + VALUES.tobytes())
    head = ["type: ushort", "dimension: 3", "sizes: 13 11 9", "encoding: raw", "endian: little", "data file: data.txt"]
    for skip in (["line skip: 2", "byte skip: 4"], ["byte skip: -1"]):
        assert np.array_equal(read_volume(_nrrd(tmp_path, [*head, *skip], b"", "c.nhdr"), 0.1).values, VALUES)
    # No unit: the size is asked for, and the origin follows it.
    told = read_volume(
        _nrrd(tmp_path, [*head, "byte skip: -1", "spacings: 2 2 4", "axis mins: 4 2 8"], b"", "d.nhdr"), (0.2, 0.1, 0.1)
    )
    assert told.origin_um == pytest.approx((0.4, 0.1, 0.2))


def test_nrrd_in_many_files(tmp_path: Path) -> None:
    for k, plane in enumerate(VALUES):
        (tmp_path / f"s{k:02d}.raw").write_bytes(plane.tobytes())
    head = ["type: ushort", "dimension: 3", "sizes: 13 11 9", "encoding: raw", "endian: little"]
    lines = [*head, "data file: s%02d.raw 0 8 1"]
    listed = [*head, "data file: LIST", *[f"s{k:02d}.raw" for k in range(9)]]
    for names in (lines, listed):
        path = tmp_path / "a.nhdr"
        path.write_text("NRRD0004\n" + "\n".join(names) + "\n")
        assert np.array_equal(read_volume(path, 0.1).values, VALUES)
        assert np.array_equal(read_volume(path, 0.1, ReadOptions(crop=(4, 6, 1, 3, 0, 13))).values, VALUES[4:6, 1:3])
    (tmp_path / "s03.raw").write_bytes(b"short")
    with pytest.raises(NmcError, match=r"s03\.raw is incomplete"):
        probe(path)
    (tmp_path / "s03.raw").unlink()
    with pytest.raises(NmcError, match=r"no file s03\.raw"):
        probe(path)
