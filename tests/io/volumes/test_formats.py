"""What single formats can do beyond the common: encodings, axes of the header, sidecars, projections, gaps."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, Volume
from nmcstudio.io.volumes.alignment import align
from nmcstudio.io.volumes.options import ReadOptions
from nmcstudio.io.volumes.raw_guess import guess_layouts
from nmcstudio.io.volumes.raw_layout import RawLayout, Sidecar, read_sidecar, sidecar_path, write_sidecar
from nmcstudio.io.volumes.registry import probe, read_labels, read_plane, read_volume, remember_layout, write_labels, write_volume
from tests.io.volumes import samples
from tests.io.volumes.ole import write_ole

VALUES = np.random.default_rng(4).integers(1, 60000, (9, 11, 13)).astype(np.uint16)
SPACING, ORIGIN = samples.SPACING, samples.ORIGIN


def _smooth(shape: tuple[int, int, int], dtype: str) -> np.ndarray:
    """Something like an image: neighbours are alike."""
    z, y, x = np.meshgrid(*(np.linspace(0, 3 + k, n) for k, n in enumerate(shape)), indexing="ij")
    wave = np.sin(1.7 * z) + np.cos(2.3 * y) + np.sin(x + y) + 3.5
    return (wave * 18 if dtype == "uint8" else wave * 4000).astype(dtype)


# TXM


@pytest.mark.parametrize(("sector", "scatter"), [(512, False), (512, True), (4096, False), (4096, True)])
def test_txm_with_large_slices_of_any_layout(tmp_path: Path, sector: int, scatter: bool) -> None:
    values = np.random.default_rng(1).normal(size=(3, 60, 70)).astype(np.float32)
    path = samples.txm(tmp_path, values, "<", sector=sector, scatter=scatter)
    assert np.array_equal(read_volume(path).values, values)


def test_olefile_reads_what_the_tests_write(tmp_path: Path) -> None:
    import olefile

    streams = {f"Store{k % 3}/Entry {k}": bytes([k]) * (k * k * 40) for k in range(1, 40)}
    write_ole(tmp_path / "a.ole", streams)
    with olefile.OleFileIO(tmp_path / "a.ole") as ole:
        assert ole.parsing_issues == []
        assert {name: ole.openstream(name).read() for name in streams} == streams


def test_more_than_a_hundred_slices_of_a_txm(tmp_path: Path) -> None:
    values = np.random.default_rng(1).integers(0, 255, (203, 5, 6)).astype(np.uint8)
    assert np.array_equal(read_volume(samples.txm(tmp_path, values, "<")).values, values)
    assert np.array_equal(read_plane(tmp_path / "a.txm", "z", 150), values[150])


def test_projections_are_refused(tmp_path: Path) -> None:
    angles = {"ImageInfo/Angles": np.linspace(-180, 180, 9, dtype="<f4").tobytes()}
    with pytest.raises(NmcError, match="projections, 9 radiographs from -180° to 180°"):
        probe(samples.txm(tmp_path, VALUES, "<", "scan.txrm", streams=angles))
    # A reconstruction keeps the angles of its scan.
    assert probe(samples.txm(tmp_path, VALUES, "<", "rec.txm", streams=angles)).shape == VALUES.shape
    with pytest.raises(NmcError, match="single radiograph"):
        probe(samples.txm(tmp_path, VALUES[:1], "<", "one.xrm"))
    write_ole(tmp_path / "letter.doc", {"WordDocument": b"Dear reader" * 500})
    with pytest.raises(NmcError, match="no Xradia images"):
        probe(tmp_path / "letter.doc")
    unknown = {"ImageInfo/DataType": struct.pack("<I", 77)}
    with pytest.raises(NmcError, match="code 77"):
        probe(samples.txm(tmp_path, VALUES, "<", "odd.txm", streams=unknown))


# NRRD


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


# MetaImage


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


@given(st.permutations([0, 1, 2]), st.tuples(*[st.sampled_from([-1, 1])] * 3), st.tuples(*[st.floats(0.01, 100)] * 3))
def test_alignment_is_where_the_header_says(order: list[int], signs: tuple[int, ...], lengths: tuple[float, ...]) -> None:
    """Every voxel keeps its place: index and direction in the file against index and spacing after turning."""
    steps = np.zeros((3, 3))
    for k in range(3):
        steps[k, order[k]] = signs[k] * lengths[k]
    lying = align(steps, "x")
    stored = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    from nmcstudio.io.volumes.sources import InMemory, oriented

    turned = oriented(InMemory(stored), lying.axes, lying.flips).read()
    origin = np.array(lying.origin([5.0, 6.0, 7.0], (2, 3, 4)))
    for index in np.ndindex(turned.shape):
        where = (origin + np.array(index) * lying.spacing)[::-1]
        z, y, x = np.argwhere(stored == turned[index])[0]
        assert where == pytest.approx(np.array([5.0, 6.0, 7.0]) + np.array([x, y, z]) @ steps)


# VTI, VGI


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


# DICOM


def test_dicom_slices_are_ordered_by_place_and_gaps_are_noticed(tmp_path: Path) -> None:
    folder = samples.dicom(tmp_path, VALUES, "<")
    (folder / "notes.txt").write_text("not a slice")
    assert np.array_equal(read_volume(folder).values, VALUES)
    files = sorted(folder.glob("IM*"))
    assert np.array_equal(read_volume(files[::-1]).values, VALUES)
    for file in files:  # the fourth slice
        if int(file.name[2:]) == (7 * 3) % 9:
            file.unlink()
    monitor = Monitor()
    assert read_volume(folder, monitor=monitor).shape == (8, 11, 13)
    assert any("missing or uneven between" in one for one in monitor.warnings)


def test_dicom_frames_rescaling_and_mirrored_slices(tmp_path: Path) -> None:
    place = tmp_path / "frames.dcm"
    samples.dicom_slice(place, VALUES, 0, ">", RescaleSlope=2, RescaleIntercept=-1000)
    volume = read_volume(place)
    assert volume.values.dtype == np.int32
    assert np.array_equal(volume.values, VALUES.astype(np.int32) * 2 - 1000)
    assert volume.spacing_um == pytest.approx(SPACING)
    samples.dicom_slice(place, VALUES, 0, RescaleSlope=0.5)
    assert read_volume(place).values.dtype == np.float32
    folder = samples.dicom(tmp_path, VALUES, "<", ImageOrientationPatient=[-1, 0, 0, 0, 1, 0])
    turned = read_volume(folder)  # x runs backwards, and so does the normal
    assert np.array_equal(turned.values, VALUES[:, :, ::-1])
    assert turned.origin_um[0] == pytest.approx(ORIGIN[0])
    assert turned.origin_um[2] == pytest.approx(ORIGIN[2] - 12 * SPACING[2])


def test_dicom_says_what_does_not_fit(tmp_path: Path) -> None:
    folder = samples.dicom(tmp_path, VALUES, "<")
    samples.dicom_slice(folder / "IM0100", VALUES[0], 3)
    with pytest.raises(NmcError, match="same place"):
        probe(folder)
    samples.dicom_slice(folder / "IM0100", VALUES[0, :5], 20)
    with pytest.raises(NmcError, match="IM0100 has 5×13"):
        probe(folder)
    samples.dicom_slice(folder / "IM0100", VALUES[0], 3, SeriesInstanceUID="1.2.9", SeriesNumber=2)
    with pytest.raises(NmcError, match="several volumes") as raised:
        read_volume(folder)
    assert raised.value.field == "dataset"
    assert np.array_equal(read_volume(folder, options=ReadOptions(dataset="1")).values, VALUES)
    (folder / "IM0100").write_bytes(b"")
    with pytest.raises(NmcError, match="IM0100 is empty"):
        probe(folder)


# OME-Zarr


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("zipped", [False, True])
def test_versions_of_omezarr(tmp_path: Path, version: str, zipped: bool) -> None:
    import shutil

    path = samples.omezarr(tmp_path, VALUES, "<", version)
    if zipped:
        path = Path(shutil.make_archive(str(tmp_path / "b.zarr"), "zip", tmp_path, path.name))
    info = probe(path)
    assert (info.channels, info.levels) == (2, ((9, 11, 13), (5, 11, 13)))
    with pytest.raises(NmcError, match="2 channels") as raised:
        read_volume(path)
    assert raised.value.field == "channel"
    volume = read_volume(path, options=ReadOptions(channel=1))
    assert np.array_equal(volume.values, VALUES + 1)
    assert volume.spacing_um == pytest.approx(SPACING)
    assert volume.origin_um == pytest.approx(ORIGIN)
    half = read_volume(path, options=ReadOptions(channel=0, level=1))
    assert np.array_equal(half.values, VALUES[::2])
    assert half.spacing_um == pytest.approx((0.5, 0.128, 0.13))


def test_omezarr_with_axes_in_another_order_and_plain_arrays(tmp_path: Path) -> None:
    import zarr

    group = zarr.open_group(tmp_path / "xyz.zarr", mode="w", zarr_format=2)
    group.create_array("0", data=VALUES.transpose(2, 1, 0), chunks=(4, 4, 4))
    steps = [{"type": "scale", "scale": [0.1, 0.2, 0.3]}]
    axes = [{"name": n, "type": "space", "unit": "micrometer"} for n in "xyz"]
    image = {"version": "0.4", "axes": axes, "datasets": [{"path": "0", "coordinateTransformations": steps}]}
    group.attrs["multiscales"] = [image]
    volume = read_volume(tmp_path / "xyz.zarr")
    assert np.array_equal(volume.values, VALUES)
    assert volume.spacing_um == pytest.approx((0.3, 0.2, 0.1))
    plain = zarr.open_group(tmp_path / "plain.zarr", mode="w", zarr_format=3)
    plain.create_array("a/raw", data=VALUES)
    plain.create_array("a/seg", data=VALUES % 7)
    with pytest.raises(NmcError, match="several volumes"):
        read_volume(tmp_path / "plain.zarr", 0.1)
    assert np.array_equal(read_volume(tmp_path / "plain.zarr", 0.1, ReadOptions(dataset="a/seg")).values, VALUES % 7)
    zarr.create_array(tmp_path / "one.zarr", data=VALUES)
    assert np.array_equal(read_volume(tmp_path / "one.zarr", 0.1).values, VALUES)
    (tmp_path / "xyz.zarr" / ".zattrs").write_text('{"multiscales": [{"datasets": [{"path": "7"}]}]}')
    with pytest.raises(NmcError, match="damaged"):
        probe(tmp_path / "xyz.zarr")


def test_what_we_write_as_omezarr_is_a_pyramid(tmp_path: Path) -> None:
    import zarr

    values = _smooth((40, 300, 150), "uint8")
    write_volume(Volume(values, SPACING, ORIGIN), tmp_path / "a.zarr")
    group = zarr.open_group(tmp_path / "a.zarr", mode="r")
    image: dict[str, Any] = group.attrs["multiscales"][0]  # type: ignore[index,assignment,call-overload]
    assert [one["path"] for one in image["datasets"]] == ["0", "1", "2"]
    assert [group[name].shape for name in "012"] == [(40, 300, 150), (40, 150, 75), (40, 75, 38)]  # type: ignore[union-attr]
    fine = values.astype(float)
    coarse = np.asarray(group["1"])  # type: ignore[arg-type]
    mean = (fine[:, 0::2, 0::2] + fine[:, 1::2, 0::2] + fine[:, 0::2, 1::2] + fine[:, 1::2, 1::2]) / 4
    assert np.abs(coarse - mean).max() <= 0.5
    for level in range(3):
        half = read_volume(tmp_path / "a.zarr", options=ReadOptions(level=level))
        # a linear ramp keeps its place: voxel centres are means of voxel centres
        assert half.origin_um[1] == pytest.approx(ORIGIN[1] + (2**level - 1) / 2 * SPACING[1])
        assert half.spacing_um == pytest.approx((SPACING[0], SPACING[1] * 2**level, SPACING[2] * 2**level))
    labels = (values // 20).astype(np.uint16)
    quaternions = np.random.default_rng(1).normal(size=(9, 4))
    observed = values > 30
    write_labels(LabelVolume(labels, SPACING, ORIGIN, observed, "grains", quaternions, "-3m"), tmp_path / "a.zarr")
    again = read_labels(tmp_path / "a.zarr", kind="grains")
    assert np.array_equal(again.labels, labels)
    assert again.observed is not None
    assert np.array_equal(again.observed, observed)
    assert np.array_equal(again.quaternions, quaternions)  # type: ignore[arg-type]
    assert again.point_group == "-3m"
    coarse = read_labels(tmp_path / "a.zarr", options=ReadOptions(level=1), kind="grains")
    assert np.array_equal(coarse.labels, labels[:, ::2, ::2])
    assert coarse.origin_um == pytest.approx(ORIGIN)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("my work")
    (tmp_path / "other").rename(tmp_path / "b.zarr")
    with pytest.raises(NmcError, match="something else in it"):
        write_volume(Volume(values, SPACING), tmp_path / "b.zarr")
    assert (tmp_path / "b.zarr" / "thesis.tex").read_text() == "my work"


# TIFF


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


# RAW

LAYOUTS = st.builds(
    RawLayout,
    shape=st.tuples(st.integers(1, 7), st.integers(1, 6), st.integers(1, 5)),
    dtype=st.sampled_from(["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]),
    byte_order=st.sampled_from(["little", "big"]),
    offset=st.integers(0, 70),
    axis_order=st.sampled_from(["zyx", "zxy", "yzx", "yxz", "xzy", "xyz"]),
    row_padding=st.integers(0, 9),
    slice_padding=st.integers(0, 20),
)


@settings(max_examples=60, deadline=None)
@given(layout=LAYOUTS, seed=st.integers(0, 2**32 - 1), data=st.data())
def test_any_raw_layout_is_read_as_it_was_written(tmp_path_factory: Any, layout: RawLayout, seed: int, data: Any) -> None:
    """Written voxel by voxel in plain Python; read whole, and any crop of it."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 100, layout.shape).astype(layout.dtype)
    lengths = dict(zip("zyx", layout.shape))
    slow, middle, fast = layout.axis_order
    order = ">" if layout.byte_order == "big" else "<"
    code = order + {"uint8": "B", "int8": "b", "uint16": "H", "int16": "h", "uint32": "I", "int32": "i", "uint64": "Q",
                    "int64": "q", "float32": "f", "float64": "d"}[layout.dtype]  # fmt: skip
    written = bytearray(rng.integers(0, 256, layout.offset).astype(np.uint8).tobytes())
    for a in range(lengths[slow]):
        for b in range(lengths[middle]):
            for c in range(lengths[fast]):
                place = {slow: a, middle: b, fast: c}
                written += struct.pack(code, values[place["z"], place["y"], place["x"]].item())
            written += bytes(layout.row_padding)
        written += bytes(layout.slice_padding)
    folder = tmp_path_factory.mktemp("raw µ")
    path = folder / "a.raw"
    path.write_bytes(bytes(written))
    said = {f"raw_{name}": value for name, value in layout.__dict__.items()}
    found = read_volume(path, 0.1, ReadOptions(**said))
    assert found.values.dtype == layout.dtype
    assert np.array_equal(found.values, values)
    write_sidecar(path, Sidecar(layout, (0.3, 0.2, 0.1), (1.0, 2.0, 3.0)))
    crop = tuple(data.draw(st.integers(low, high)) for n in layout.shape for low, high in ((0, n - 1),))
    box = tuple(v for low, n in zip(crop, layout.shape) for v in (low, data.draw(st.integers(low + 1, n))))
    again = read_volume(path, options=ReadOptions(crop=box))  # type: ignore[arg-type]
    assert np.array_equal(again.values, values[box[0] : box[1], box[2] : box[3], box[4] : box[5]])
    assert again.spacing_um == (0.3, 0.2, 0.1)
    path.write_bytes(bytes(written[: layout.end - 1]))
    with pytest.raises(NmcError) as raised:
        read_volume(path)
    assert raised.value.field == ("raw_shape" if layout.end > 1 else "files")


def test_the_layout_is_asked_for_and_remembered(tmp_path: Path) -> None:
    path = tmp_path / "scan.bin"
    values = _smooth((20, 30, 40), "uint16")
    path.write_bytes(values.tobytes())
    info = probe(path)
    assert (info.shape, info.format, info.missing[0].field) == ((0, 0, 0), "RAW", "raw_shape")
    with pytest.raises(NmcError, match="no header") as raised:
        read_volume(path, 0.1)
    assert raised.value.field == "raw_shape"
    with pytest.raises(NmcError, match="type of its values") as raised:
        read_volume(path, 0.1, ReadOptions(raw_shape=(20, 30, 40)))
    assert raised.value.field == "raw_dtype"
    with pytest.raises(NmcError, match="voxel size") as raised:
        read_volume(path, options=ReadOptions(raw_shape=(20, 30, 40), raw_dtype="uint16"))
    said = ReadOptions(raw_shape=(20, 30, 40), raw_dtype="uint16", axis_order="yxz")
    volume = read_volume(path, (0.1, 0.2, 0.3), said)
    remember_layout(path, said, volume.spacing_um, Monitor())
    content = json.loads(sidecar_path(path).read_text())
    assert (content["format"], content["shape"], content["spacing_um"]) == ("nmcstudio/raw-layout", [20, 30, 40], [0.2, 0.3, 0.1])
    again = read_volume(path)
    assert np.array_equal(again.values, values)
    assert again.spacing_um == (0.2, 0.3, 0.1)
    assert read_sidecar(path) == Sidecar(RawLayout((20, 30, 40), "uint16"), (0.2, 0.3, 0.1))
    sidecar_path(path).write_text('{"format": "nmcstudio/raw-layout", "version": 1, "shape": [1, 2]}')
    with pytest.raises(NmcError, match=r"scan\.bin\.raw\.json"):
        probe(path)


def test_a_raw_file_with_too_much_and_in_the_wrong_byte_order(tmp_path: Path) -> None:
    path = tmp_path / "scan_30x20x12.raw"
    values = _smooth((12, 20, 30), "uint16")
    path.write_bytes(bytes(64) + values.astype(">u2").tobytes())
    info = probe(path, ReadOptions(raw_shape=(12, 20, 30), raw_dtype="uint16", raw_offset=64))
    assert any("as big-endian" in one for one in info.warnings)
    info = probe(path, ReadOptions(raw_shape=(12, 20, 30), raw_dtype="uint16", raw_byte_order="big"))
    assert any("64 bytes more" in one for one in info.warnings)


@pytest.mark.parametrize(
    ("name", "dtype", "order", "offset"),
    [
        ("scan_23x31x47.raw", "uint8", "<", 0),
        ("47x31x23 uint16.raw", "uint16", "<", 0),
        ("Probe_23x31x47_16bit_be.raw", "uint16", ">", 0),
        ("a_23_31_47_float32.raw", "float32", "<", 128),
        ("23x31x47.raw", "int16", "<", 512),
    ],
)
def test_guesses_from_name_size_and_neighbours(tmp_path: Path, name: str, dtype: str, order: str, offset: int) -> None:
    """The true layout stands first, whatever order the name gives the axes in."""
    values = _smooth((47, 31, 23), dtype)
    values = values - 9000 if dtype == "int16" else values
    (tmp_path / name).write_bytes(bytes(offset) + values.astype(values.dtype.newbyteorder(order)).tobytes())  # type: ignore[arg-type]
    best = guess_layouts(tmp_path / name)[0]
    assert (best.shape, best.dtype, best.byte_order, best.offset) == (
        (47, 31, 23),
        dtype,
        "big" if order == ">" else "little",
        offset,
    )
    assert probe(tmp_path / name).guesses[0] == best


def test_a_guess_without_numbers_in_the_name(tmp_path: Path) -> None:
    values = _smooth((20, 128, 128), "uint16")
    (tmp_path / "scan.raw").write_bytes(values.tobytes())
    best = guess_layouts(tmp_path / "scan.raw")[0]
    assert (best.shape, best.dtype, best.byte_order) == ((20, 128, 128), "uint16", "little")
