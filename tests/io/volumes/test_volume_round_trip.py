"""What is written is read again, by this program and by others."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, Volume
from nmcstudio.io.volumes import vti
from nmcstudio.io.volumes.options import ReadOptions
from nmcstudio.io.volumes.registry import probe, read_labels, read_volume, write_labels, write_volume

SPACING = (0.25, 0.128, 0.13)
FORMATS = [".tif", ".vti", ".nrrd", ".h5", ".zarr"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as people name them."""
    place = tmp_path / "Größe µm, neue Daten"
    place.mkdir()
    return place


def _values(dtype: str) -> np.ndarray:
    rng = np.random.default_rng(1)
    shape = (9, 11, 13)
    return rng.random(shape).astype(dtype) if dtype.startswith("f") else rng.integers(0, 200, shape).astype(dtype)


def _labels(dtype: str = "uint16", **more) -> LabelVolume:
    labels = _values(dtype)
    if dtype == "uint32":
        labels[3, 4, 5] = 70000
    return LabelVolume(labels, SPACING, (1.0, 2.0, 3.0), name="probe", **more)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "int8", "int16", "int32", "uint32", "float64"])
def test_volumes_come_back(folder: Path, suffix: str, dtype: str) -> None:
    volume = Volume(_values(dtype), SPACING, name="probe", simulated=True)
    path = folder / f"Probe 1{suffix}"
    write_volume(volume, path)
    info = probe(path)
    assert (info.shape, info.dtype) == (volume.shape, dtype)
    again = read_volume(path)
    assert again.values.dtype == dtype
    assert np.array_equal(again.values, volume.values)
    assert again.spacing_um == pytest.approx(SPACING, rel=1e-6)
    assert again.simulated
    assert [p.name for p in folder.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_long_integers_keep_their_values(folder: Path, suffix: str, dtype: str) -> None:
    values = _values(dtype) + np.array(2**40, dtype)
    write_volume(Volume(values, SPACING), folder / f"a{suffix}")
    assert np.array_equal(read_volume(folder / f"a{suffix}").values, values)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("dtype", ["uint16", "uint32"])
def test_labels_come_back(folder: Path, suffix: str, dtype: str) -> None:
    labels = _labels(dtype)
    path = folder / f"labels{suffix}"
    write_labels(labels, path)
    again = read_labels(path, kind="grains")
    assert again.labels.dtype == dtype
    assert np.array_equal(again.labels, labels.labels)
    assert again.spacing_um == pytest.approx(SPACING, rel=1e-6)
    assert again.kind == "grains"
    assert not again.simulated
    if suffix != ".tif":  # TIFF has no place for the origin that other programs agree on
        assert again.origin_um == pytest.approx((1, 2, 3))


def test_hdf5_keeps_everything(folder: Path) -> None:
    labels = _labels()
    observed = labels.labels > 20
    full = LabelVolume(
        labels.labels,
        SPACING,
        observed=observed,
        kind="grains",
        quaternions=np.random.default_rng(2).random((201, 4)),
        point_group="-3m",
    )
    write_labels(full, folder / "a.h5")
    again = read_labels(folder / "a.h5", kind="grains")
    assert np.array_equal(again.observed, observed)
    assert np.array_equal(again.quaternions, full.quaternions)
    assert again.point_group == "-3m"


def test_vtk_reads_our_vti(folder: Path) -> None:
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOXML import vtkXMLImageDataReader

    labels = _values("uint32")
    axes = np.random.default_rng(3).random((*labels.shape, 3)).astype(np.float32)
    arrays = {"grain": labels, "c_axis": axes, "inside": labels > 50}
    vti.write_arrays(folder / "particle.vti", arrays, SPACING, (1.0, 2.0, 3.0), Monitor(), simulated=True)
    reader = vtkXMLImageDataReader()
    reader.SetFileName(str(folder / "particle.vti"))
    reader.Update()
    image = reader.GetOutput()
    assert image.GetSpacing() == pytest.approx(SPACING[::-1])
    assert image.GetOrigin() == pytest.approx((3 - 0.065, 2 - 0.064, 1 - 0.125))
    assert image.GetCellData().GetNumberOfArrays() == 3
    assert np.array_equal(vtk_to_numpy(image.GetCellData().GetArray("grain")).reshape(labels.shape), labels)
    assert np.array_equal(vtk_to_numpy(image.GetCellData().GetArray("c_axis")).reshape(axes.shape), axes)
    assert image.GetFieldData().GetArray("simulated").GetValue(0) == 1


@pytest.mark.parametrize("mode", ["appended raw", "appended base64", "binary", "ascii"])
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("wide", [True, False])
def test_we_read_vtks_vti(folder: Path, mode: str, packed: bool, wide: bool) -> None:
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkIOXML import vtkXMLImageDataWriter

    values = np.random.default_rng(4).integers(0, 60000, (20, 50, 60)).astype(np.uint16)
    image = vtkImageData()
    image.SetDimensions(*values.shape[::-1])
    image.SetSpacing(0.1, 0.2, 0.3)
    array = numpy_to_vtk(values.ravel(), deep=True)
    array.SetName("grey")
    image.GetPointData().AddArray(array)
    writer = vtkXMLImageDataWriter()
    writer.SetFileName(str(folder / "vtk.vti"))
    writer.SetInputData(image)
    {"appended": writer.SetDataModeToAppended, "binary": writer.SetDataModeToBinary, "ascii": writer.SetDataModeToAscii}[
        mode.split()[0]
    ]()
    writer.SetEncodeAppendedData(mode.endswith("base64"))
    writer.SetCompressorTypeToZLib() if packed else writer.SetCompressorTypeToNone()
    writer.SetHeaderTypeToUInt64() if wide else writer.SetHeaderTypeToUInt32()
    writer.Write()
    with pytest.raises(NmcError, match="has no unit") as raised:
        read_volume(folder / "vtk.vti")
    assert raised.value.field == "spacing_um"
    again = read_volume(folder / "vtk.vti", (0.3, 0.2, 0.1))
    assert np.array_equal(again.values, values)


def test_vtk_reads_our_nrrd(folder: Path) -> None:
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOImage import vtkNrrdReader

    labels = _labels()
    write_labels(labels, folder / "a.nrrd")
    # The reader's own gzip is not wired to attached data, so it gets the header and the unpacked data.
    import gzip

    head, data = (folder / "a.nrrd").read_bytes().split(b"\n\n", 1)
    (folder / "raw.nrrd").write_bytes(head.replace(b"encoding: gzip", b"encoding: raw") + b"\n\n" + gzip.decompress(data))
    reader = vtkNrrdReader()
    reader.SetFileName(str(folder / "raw.nrrd"))
    reader.Update()
    assert reader.GetOutput().GetSpacing() == pytest.approx(SPACING[::-1])
    found = vtk_to_numpy(reader.GetOutput().GetPointData().GetScalars()).reshape(labels.shape)
    assert np.array_equal(found, labels.labels)
    assert np.array_equal(read_labels(folder / "raw.nrrd").labels, labels.labels)


def test_tifffile_reads_our_tiff_as_imagej_and_ome(folder: Path) -> None:
    write_volume(Volume(_values("uint8"), SPACING), folder / "grey.tif")
    write_labels(_labels("uint32"), folder / "labels.tif")
    with tifffile.TiffFile(folder / "grey.tif") as tif:
        assert tif.is_imagej
        assert tif.imagej_metadata is not None
        assert (tif.imagej_metadata["spacing"], tif.imagej_metadata["unit"]) == (0.25, "um")
    with tifffile.TiffFile(folder / "labels.tif") as tif:
        assert tif.is_ome
        assert 'PhysicalSizeZ="0.25"' in (tif.ome_metadata or "")


def test_large_volumes_become_bigtiff(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nmcstudio.io.volumes.tiff._BIG_ABOVE", 1000)
    volume = Volume(_values("uint16"), SPACING)
    write_volume(volume, folder / "big.tif")
    assert (folder / "big.tif").read_bytes()[2] == 43
    again = read_volume(folder / "big.tif")
    assert np.array_equal(again.values, volume.values)
    assert again.spacing_um == pytest.approx(SPACING)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_cancelled_write_leaves_the_old_file(folder: Path, suffix: str) -> None:
    path = folder / f"a{suffix}"
    path.write_bytes(b"old")
    monitor = Monitor()
    monitor.cancel()
    with pytest.raises(Cancelled):
        write_volume(Volume(_values("uint8"), SPACING), path, monitor)
    assert path.read_bytes() == b"old"
    assert len(list(folder.iterdir())) == 1


def test_unknown_suffixes_and_folders_say_so(folder: Path) -> None:
    with pytest.raises(NmcError, match="no volume format"):
        write_volume(Volume(_values("uint8"), SPACING), folder / "a.xyz")
    with pytest.raises(NmcError, match="no folder"):
        write_volume(Volume(_values("uint8"), SPACING), folder / "missing" / "a.tif")


def test_hdf5_with_a_chosen_dataset(folder: Path) -> None:
    raw = _values("uint8")
    with h5py.File(folder / "two.h5", "w") as file:
        file["entry/raw"] = raw
        file["entry/raw"].attrs["voxel_size"] = (200.0, 100.0, 100.0)
        file["entry/raw"].attrs["unit"] = "nm"
        file["entry/labels"] = raw[None]
        file["entry"].attrs["spacing_um"] = 0.3
        file["entry/table"] = np.zeros((5, 2))
    info = probe(folder / "two.h5")
    assert [one.name for one in info.datasets] == ["entry/labels", "entry/raw"]
    assert info.dataset == ""
    with pytest.raises(NmcError, match="several volumes") as raised:
        read_volume(folder / "two.h5")
    assert raised.value.field == "dataset"
    with pytest.raises(NmcError, match="no 3-D dataset 'entry/no'"):
        probe(folder / "two.h5", ReadOptions(dataset="entry/no"))
    assert read_volume(folder / "two.h5", options=ReadOptions(dataset="entry/raw")).spacing_um == pytest.approx((0.2, 0.1, 0.1))
    squeezed = read_labels(folder / "two.h5", options=ReadOptions(dataset="/entry/labels"))
    assert squeezed.spacing_um == (0.3, 0.3, 0.3)
    assert np.array_equal(squeezed.labels, raw)


def test_real_hdf5(shared_data: Path) -> None:
    labels = read_labels(shared_data / "membrane_plantseg_ovule" / "sample_ovule.h5", options=ReadOptions(dataset="label"))
    assert labels.spacing_um == pytest.approx((0.235, 0.15, 0.15))
    assert len(np.unique(labels.labels)) == 51
