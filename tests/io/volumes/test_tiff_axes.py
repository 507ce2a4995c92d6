"""Channels and times of TIFF files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from nmcstudio.core.monitor import Monitor
from nmcstudio.io.volumes.options import ReadOptions
from nmcstudio.io.volumes.registry import probe, read_volume
from tests.io.volumes.samples import VALUES


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("axes", ["ZCYX", "CZYX", "TZCYX"])
def test_channels_and_times_of_tiff(tmp_path: Path, axes: str, compression: str | None) -> None:
    shape = {"Z": 5, "C": 3, "T": 2, "Y": 11, "X": 13}
    stack = np.random.default_rng(2).integers(0, 60000, [shape[a] for a in axes]).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.ome.tif", stack, metadata={"axes": axes}, compression=compression, photometric="minisblack")
    info = probe(tmp_path / "a.ome.tif")
    assert (info.shape, info.channels, info.times) == ((5, 11, 13), 3, 2 if "T" in axes else 1)
    time = 1 if "T" in axes else None
    found = read_volume(tmp_path / "a.ome.tif", 0.1, ReadOptions(channel=2, time=time)).values
    index = tuple({"C": 2, "T": 1}.get(a, slice(None)) for a in axes)
    assert np.array_equal(found, stack[index])


def test_an_imagej_stack_in_inches_is_said(tmp_path: Path) -> None:
    metadata = {"axes": "ZYX", "spacing": 1, "unit": "inch"}
    tifffile.imwrite(tmp_path / "a.tif", VALUES, imagej=True, resolution=(1, 1), metadata=metadata)
    monitor = Monitor()
    read_volume(tmp_path / "a.tif", monitor=monitor)
    assert any("check the unit" in one for one in monitor.warnings)
