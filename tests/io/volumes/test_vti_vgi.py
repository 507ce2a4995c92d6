"""VTI in every encoding; VGStudio's text file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.io.volumes.options import ReadOptions
from nmcstudio.io.volumes.registry import probe, read_volume
from tests.io.volumes import samples
from tests.io.volumes.samples import VALUES


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("encoding", ["raw", "base64"])
@pytest.mark.parametrize("packed", ["", "vtkZLibDataCompressor", "vtkLZ4DataCompressor"])
def test_kinds_of_vti(tmp_path: Path, packed: str, encoding: str, wide: bool, order: str) -> None:
    path = samples.vti(tmp_path, VALUES, order, encoding, packed, wide)
    assert np.array_equal(read_volume(path).values, VALUES)
    assert np.array_equal(read_volume(path, options=ReadOptions(crop=(7, 9, 2, 3, 4, 13))).values, VALUES[7:9, 2:3, 4:13])


def test_vgi_says_what_is_wrong(tmp_path: Path) -> None:
    path = samples.vgi(tmp_path, VALUES, "<")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("unit = mm", "unit = voxel"), encoding="utf-8")
    with pytest.raises(NmcError, match="no unit of length"):
        read_volume(path)
    path.write_text(text.replace("BitsPerElement = 16", "BitsPerElement = 12"), encoding="utf-8")
    with pytest.raises(NmcError, match="12 bits"):
        probe(path)
    path.write_text(text.replace("a µ.vol", "b.vol"), encoding="utf-8")
    with pytest.raises(NmcError, match=r"no file b\.vol"):
        probe(path)
