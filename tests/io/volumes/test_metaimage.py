"""MetaImage, ours and VTK's; direction matrices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.io.volumes.registry import probe, read_volume
from tests.io.volumes import samples
from tests.io.volumes.samples import ORIGIN, SPACING, VALUES


@pytest.mark.parametrize("local", [False, True])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_kinds_of_metaimage(tmp_path: Path, order: str, packed: bool, local: bool) -> None:
    volume = read_volume(samples.metaimage(tmp_path, VALUES, order, packed, local))
    assert np.array_equal(volume.values, VALUES)
    assert volume.spacing_um == pytest.approx(SPACING)


def test_vtk_writes_metaimage_for_us(tmp_path: Path) -> None:
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkIOImage import vtkMetaImageWriter

    image = vtkImageData()
    image.SetDimensions(13, 11, 9)
    image.SetSpacing(0.1, 0.2, 0.3)
    image.SetOrigin(1, 2, 3)
    image.GetPointData().SetScalars(numpy_to_vtk(VALUES.ravel(), deep=1))
    for name, packed in (("a.mhd", True), ("b.mhd", False), ("c.mha", True)):
        writer = vtkMetaImageWriter()
        writer.SetInputData(image)
        writer.SetFileName(str(tmp_path / name))
        writer.SetCompression(packed)
        writer.Write()
        with pytest.raises(NmcError, match="no unit of length") as raised:
            read_volume(tmp_path / name)
        assert raised.value.field == "spacing_um"
        volume = read_volume(tmp_path / name, (0.03, 0.02, 0.01))
        assert np.array_equal(volume.values, VALUES)
        assert volume.origin_um == pytest.approx((0.3, 0.2, 0.1))


def test_directions_of_metaimage(tmp_path: Path) -> None:
    # x backwards; y and z swapped
    path = samples.metaimage(tmp_path, VALUES, "<", matrix="-1 0 0 0 0 1 0 1 0")
    volume = read_volume(path)
    assert np.array_equal(volume.values, VALUES.transpose(1, 0, 2)[:, :, ::-1])
    assert volume.spacing_um == pytest.approx((SPACING[1], SPACING[0], SPACING[2]))
    assert volume.origin_um == pytest.approx((ORIGIN[0], ORIGIN[1], ORIGIN[2] - 12 * SPACING[2]))
    with pytest.raises(NmcError, match="slanted"):
        probe(samples.metaimage(tmp_path, VALUES, "<", matrix="0.8 0.6 0 -0.6 0.8 0 0 0 1"))
    path.write_text("ObjectType = Image\nNDims = 3\nDimSize = 3 x 2\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n")
    with pytest.raises(NmcError, match=r"header of .* is damaged"):
        probe(path)
