"""Names that lead to no ordinary file, and volumes of nothing: one clear error each, at once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from nmcstudio.cli.main import main
from nmcstudio.core.errors import NmcError
from nmcstudio.io.volumes.registry import probe, read_volume


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes among the files are a matter of Unix")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.tif")
    # Somebody at both ends: a reader that opens the pipe all the same finds it empty and does not hang this test.
    end = os.open(tmp_path / "a.tif", os.O_RDWR)
    os.write(end, b"II*\0" + bytes(1020))
    try:
        with pytest.raises(NmcError, match="device or a pipe") as error:
            probe(tmp_path / "a.tif")
    finally:
        os.close(end)
    assert error.value.field == "files"


def test_links_that_lead_in_a_circle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        (tmp_path / "a.tif").symlink_to(tmp_path / "a.tif")
    except OSError:
        pytest.skip("links may not be made here")
    assert main(["import-ct", str(tmp_path / "p.nmc"), str(tmp_path / "a.tif"), "--quiet"]) == 2
    assert "there is no file" in capsys.readouterr().err


def test_volumes_without_voxels(tmp_path: Path) -> None:
    zarr.open_array(str(tmp_path / "a.zarr"), mode="w", shape=(0, 10, 14), dtype=np.uint16)
    with pytest.raises(NmcError, match="no voxels") as error:
        read_volume(tmp_path / "a.zarr", 0.1)
    assert error.value.field == "files"


@pytest.mark.parametrize("named", ["LIST\n", "s%03d.raw 5 1 1\n"])
def test_a_header_that_names_no_data(tmp_path: Path, named: str) -> None:
    text = "ObjectType = Image\nNDims = 3\nDimSize = 4 3 2\nElementType = MET_USHORT\nElementDataFile = "
    (tmp_path / "a.mhd").write_text(text + named)
    with pytest.raises(NmcError, match="names no files"):
        probe(tmp_path / "a.mhd")


def test_a_name_that_cannot_be_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exists(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", exists)
    with pytest.raises(NmcError, match="cannot be reached") as error:
        probe(tmp_path / "a.tif")
    assert error.value.field == "files"


def test_the_closed_slice_of_a_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(3):
        tifffile.imwrite(tmp_path / f"slice{index}.tif", np.full((4, 5), index, np.uint8))
    usual = Path.open

    def closed(path: Path, *args: Any, **more: Any) -> Any:
        if path.name == "slice1.tif":
            raise PermissionError(13, "Permission denied", str(path))
        return usual(path, *args, **more)

    monkeypatch.setattr(Path, "open", closed)
    with pytest.raises(NmcError, match=r"slice1\.tif cannot be read"):
        read_volume(tmp_path, 0.1)
