"""One sample file of every format, written by somebody else's writer or by hand, with known values, voxel size and origin."""

from __future__ import annotations

import base64
import bz2
import gzip
import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tifffile
from numpy.typing import NDArray

from nmcstudio.io.volumes.options import ReadOptions
from tests.io.volumes.ole import write_ole

SPACING = (0.25, 0.128, 0.13)  # z, y, x in um
ORIGIN = (3.0, -2.0, 1.5)
VALUES = np.random.default_rng(4).integers(1, 60000, (9, 11, 13)).astype(np.uint16)


def smooth(shape: tuple[int, int, int], dtype: str) -> NDArray[Any]:
    """Something like an image: neighbours are alike."""
    z, y, x = np.meshgrid(*(np.linspace(0, 3 + k, n) for k, n in enumerate(shape)), indexing="ij")
    wave = np.sin(1.7 * z) + np.cos(2.3 * y) + np.sin(x + y) + 3.5
    return (wave * 18 if dtype == "uint8" else wave * 4000).astype(dtype)


@dataclass(frozen=True)
class Sample:
    """How to write a format.

    Attributes
    ----------
    write
        ``write(folder, values, order) -> path``; order "<" or ">".
    orders
        Byte orders that the format knows.
    spacing, origin
        What comes back, None for spacing that has to be given.
    dtypes
        Types that the format knows.
    data
        Suffix of the file that holds the voxels, if it is another than the one returned; "folder" for folders.
    options
        What has to be said about it.
    """

    write: Callable[[Path, NDArray[Any], str], Path]
    orders: tuple[str, ...] = ("<", ">")
    spacing: tuple[float, float, float] | None = SPACING
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    dtypes: tuple[str, ...] = ("uint8", "uint16", "float32")
    data: str = ""
    options: Callable[[NDArray[Any], str], ReadOptions] = lambda values, order: ReadOptions()


def _stored(values: NDArray[Any], order: str) -> NDArray[Any]:
    return np.ascontiguousarray(values.astype(values.dtype.newbyteorder(order)))


def tiff(folder: Path, values: NDArray[Any], order: str, **more: Any) -> Path:
    z, y, x = SPACING
    metadata = {"axes": "ZYX", "spacing": z * 1000, "unit": "nm"}
    resolution = (1 / (1000 * x), 1 / (1000 * y))
    path = folder / "a.tif"
    tifffile.imwrite(path, values, imagej=True, byteorder=order, resolution=resolution, metadata=metadata, **more)  # type: ignore[arg-type]
    return path


def hdf5(folder: Path, values: NDArray[Any], order: str) -> Path:
    with h5py.File(folder / "a.h5", "w") as file:
        node = file.create_dataset("entry/data", data=_stored(values, order), chunks=tuple(max(4, n // 8) for n in values.shape))
        node.attrs["voxel_size"] = [1000 * v for v in SPACING]
        node.attrs["unit"] = "nm"
        node.attrs["origin_um"] = ORIGIN
    return folder / "a.h5"


_VTI = {"uint8": "UInt8", "uint16": "UInt16", "float32": "Float32", "int16": "Int16"}


def vti(folder: Path, values: NDArray[Any], order: str, encoding: str = "raw", packed: str = "", wide: bool = True) -> Path:
    """Appended data by hand, because VTK writes only the machine's byte order."""
    data = _stored(values, order).tobytes()
    code = f"{order}{{}}{'Q' if wide else 'I'}"
    if packed:
        pack = {"vtkZLibDataCompressor": zlib.compress, "vtkLZ4DataCompressor": _lz4}[packed]
        blocks = [data[k : k + 700] for k in range(0, len(data), 700)]
        parts = [pack(block) for block in blocks]
        table = struct.pack(code.format(3 + len(parts)), len(parts), 700, len(data) % 700, *map(len, parts))
        body, head = b"".join(parts), table
    else:
        body, head = data, struct.pack(code.format(1), len(data))
    if encoding == "base64":
        joined = base64.b64encode(head) + base64.b64encode(body) if packed else base64.b64encode(head + body)
    else:
        joined = head + body
    nz, ny, nx = values.shape
    extent = f"0 {nx - 1} 0 {ny - 1} 0 {nz - 1}"
    text = f"""<?xml version="1.0"?>
<VTKFile type="ImageData" version="1.0" byte_order="{"LittleEndian" if order == "<" else "BigEndian"}"
 header_type="{"UInt64" if wide else "UInt32"}"{f' compressor="{packed}"' if packed else ""}>
<ImageData WholeExtent="{extent}" Origin="{ORIGIN[2]} {ORIGIN[1]} {ORIGIN[0]}" Spacing="{SPACING[2]} {SPACING[1]} {SPACING[0]}">
<FieldData><DataArray type="Float64" Name="length_unit_um" NumberOfTuples="1" format="ascii">1.0</DataArray></FieldData>
<Piece Extent="{extent}"><PointData><DataArray type="{_VTI[values.dtype.name]}" Name="grey" format="appended" offset="0"/>
</PointData></Piece></ImageData><AppendedData encoding="{encoding}">
_"""
    path = folder / "a.vti"
    path.write_bytes(text.encode() + joined + b"\n</AppendedData></VTKFile>\n")
    return path


def _lz4(block: bytes) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.lz4_encode(block))


_NRRD = {"uint8": "unsigned char", "uint16": "uint16", "float32": "float", "int16": "short"}


def nrrd(folder: Path, values: NDArray[Any], order: str, encoding: str = "raw", detached: bool = False) -> Path:
    (oz, oy, ox), (z, y, x) = ORIGIN, (1000 * v for v in SPACING)
    data = _stored(values, order).tobytes()
    packed = {
        "raw": lambda: data,
        "gzip": lambda: gzip.compress(data[:900]) + gzip.compress(data[900:]),
        "bzip2": lambda: bz2.compress(data),
        "hex": lambda: b"\n".join(data[k : k + 35].hex().encode() for k in range(0, len(data), 35)),
        "ascii": lambda: " ".join(map(repr, values.ravel().tolist())).encode(),
    }[encoding]()
    name = {"gzip": "a.raw.gz", "raw": "a.raw"}.get(encoding, "a.dat")
    lines = [
        "NRRD0005", "# by hand", f"type: {_NRRD[values.dtype.name]}", "dimension: 3", "space: left-posterior-superior",
        f"sizes: {values.shape[2]} {values.shape[1]} {values.shape[0]}",
        f"space directions: ({x},0,0) (0,{y},0) (0,0,{z})", "kinds: domain domain domain",
        f"endian: {'big' if order == '>' else 'little'}", f"encoding: {encoding}",
        f"space origin: ({1000 * ox},{1000 * oy},{1000 * oz})", 'space units: "nm" "nm" "nm"',
    ]  # fmt: skip
    if detached:
        (folder / name).write_bytes(packed)
        (folder / "a.nhdr").write_text("\n".join([*lines, f"data file: {name}"]) + "\n")
        return folder / "a.nhdr"
    (folder / "a.nrrd").write_bytes("\n".join(lines).encode() + b"\n\n" + packed)
    return folder / "a.nrrd"


_MET = {"uint8": "MET_UCHAR", "uint16": "MET_USHORT", "float32": "MET_FLOAT", "int16": "MET_SHORT"}


def metaimage(
    folder: Path, values: NDArray[Any], order: str, packed: bool = False, local: bool = True, matrix: str = "1 0 0 0 1 0 0 0 1"
) -> Path:
    (oz, oy, ox), (z, y, x) = (tuple(v / 1000 for v in triple) for triple in (ORIGIN, SPACING))
    data = _stored(values, order).tobytes()
    data = zlib.compress(data) if packed else data
    name = "a µ.zraw" if packed else "a µ.raw"
    lines = [
        "ObjectType = Image", "NDims = 3", "BinaryData = True", f"BinaryDataByteOrderMSB = {order == '>'}",
        f"CompressedData = {packed}", f"TransformMatrix = {matrix}", f"Offset = {ox} {oy} {oz}", "CenterOfRotation = 0 0 0",
        f"ElementSpacing = {x} {y} {z}", f"DimSize = {values.shape[2]} {values.shape[1]} {values.shape[0]}", "DistanceUnits = mm",
        f"ElementType = {_MET[values.dtype.name]}", f"ElementDataFile = {'LOCAL' if local else name}",
    ]  # fmt: skip
    path = folder / ("a.mha" if local else "a.mhd")
    path.write_bytes("\n".join(lines).encode() + b"\n" + (data if local else b""))
    if not local:
        (folder / name).write_bytes(data)
    return path


def vgi(folder: Path, values: NDArray[Any], order: str) -> Path:
    kind = "float" if values.dtype.kind == "f" else "unsigned integer"
    z, y, x = (v / 1000 for v in SPACING)
    size = f"{values.shape[2]} {values.shape[1]} {values.shape[0]}"
    text = f"""{{volume1}}
[representation]
size = {size}
datatype = {kind}
datarange = 0 -1
bitsperelement = {8 * values.dtype.itemsize}
[file1]
SkipHeader = 12
FileFormat = raw
Size = {size}
Name = D:\\Scan 1\\a µ.vol
Datatype = {kind}
BitsPerElement = {8 * values.dtype.itemsize}
ByteOrder = {"big" if order == ">" else "little"}
{{volumeprimitive12}}
[geometry]
resolution = {x} {y} {z}
unit = mm
[volume]
volume = volume1
"""
    (folder / "a.vgi").write_text(text, encoding="utf-8")
    (folder / "a µ.vol").write_bytes(b"twelve bytes" + _stored(values, order).tobytes())
    return folder / "a.vgi"


def txm(folder: Path, values: NDArray[Any], order: str, name: str = "a.txm", **more: Any) -> Path:
    streams = {
        "ImageInfo/ImageWidth": struct.pack("<I", values.shape[2]),
        "ImageInfo/ImageHeight": struct.pack("<I", values.shape[1]),
        "ImageInfo/NoOfImages": struct.pack("<I", len(values)),
        "ImageInfo/DataType": struct.pack("<I", {"uint8": 3, "uint16": 5, "float32": 10}[values.dtype.name]),
        "ImageInfo/PixelSize": struct.pack("<f", SPACING[1]),
        "ReconSettings/BinFactor": struct.pack("<I", 1),
    }
    for k, plane in enumerate(values):
        streams[f"ImageData{k // 100 + 1}/Image{k + 1}"] = _stored(plane, "<").tobytes()
    streams |= more.pop("streams", {})
    write_ole(folder / name, streams, **more)
    return folder / name


def dicom(folder: Path, values: NDArray[Any], order: str, **more: Any) -> Path:
    """One file a slice, in an order of names that is not the order of places."""
    place = folder / "serie"
    place.mkdir(exist_ok=True)
    for k, plane in enumerate(values):
        dicom_slice(place / f"IM{(7 * k) % len(values):04d}", plane, k, order, **more)
    return place


def dicom_slice(path: Path, plane: NDArray[Any], k: int, order: str = "<", **more: Any) -> None:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["slice", str(path)])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian if order == "<" else ExplicitVRBigEndian
    one = Dataset()
    one.file_meta = meta
    one.SOPClassUID, one.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    one.SeriesInstanceUID, one.SeriesNumber, one.InstanceNumber = "1.2.3", 1, k + 1
    oz, oy, ox = (v / 1000 for v in ORIGIN)
    z, y, x = (v / 1000 for v in SPACING)
    one.PixelSpacing = [f"{y:g}", f"{x:g}"]
    one.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    one.ImagePositionPatient = [f"{ox:.9g}", f"{oy:.9g}", f"{oz + k * z:.9g}"]
    one.Rows, one.Columns = plane.shape[-2:]
    if plane.ndim == 3:
        one.NumberOfFrames = len(plane)
        one.SpacingBetweenSlices = f"{z:g}"
    one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
    bits = 8 * plane.dtype.itemsize
    one.BitsAllocated, one.BitsStored, one.HighBit = bits, bits, bits - 1
    one.PixelRepresentation = int(plane.dtype.kind == "i")
    for name, value in more.items():
        setattr(one, name, value)
    one.PixelData = _stored(plane, order).tobytes()
    one["PixelData"].VR = "OW" if bits > 8 else "OB"
    one.save_as(path, enforce_file_format=True)


def omezarr(folder: Path, values: NDArray[Any], order: str, version: str = "0.4", name: str = "a.ome.zarr") -> Path:
    import zarr

    group = zarr.open_group(folder / name, mode="w", zarr_format=2 if version == "0.4" else 3)
    keys = {"name": "v2", "separator": "/"} if version == "0.4" else {"name": "default", "separator": "/"}
    array = group.create_array(
        "s0", shape=(1, 2, *values.shape), chunks=(1, 1, 5, 11, 7), dtype=values.dtype, chunk_key_encoding=keys
    )
    array[0, 0], array[0, 1] = values, 1 + values
    half = group.create_array(
        "s1", shape=(1, 2, *values[::2].shape), chunks=(1, 1, 5, 11, 7), dtype=values.dtype, chunk_key_encoding=keys
    )
    half[0, 0], half[0, 1] = values[::2], 1 + values[::2]
    axes = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}]
    axes += [{"name": n, "type": "space", "unit": "nanometer"} for n in "zyx"]
    datasets = []
    for path, factor in (("s0", 1), ("s1", 2)):
        scale = [1.0, 1.0, SPACING[0] * factor, SPACING[1], SPACING[2]]
        shift = [0.0, 0.0, *(1000 * v for v in ORIGIN)]
        steps = [{"type": "scale", "scale": scale}]
        # half of the factor to nm stands in the image's own transformation
        datasets.append({"path": path, "coordinateTransformations": steps})
    common = [{"type": "scale", "scale": [1.0, 1.0, 1000.0, 1000.0, 1000.0]}, {"type": "translation", "translation": shift}]
    images = [{"version": version, "axes": axes, "datasets": datasets, "coordinateTransformations": common}]
    group.attrs.update({"multiscales": images} if version == "0.4" else {"ome": {"version": version, "multiscales": images}})
    return folder / name


def raw(folder: Path, values: NDArray[Any], order: str) -> Path:
    (folder / "a.raw").write_bytes(b"head" + _stored(values, order).tobytes())
    content = {
        "format": "nmcstudio/raw-layout", "version": 1, "shape": values.shape, "dtype": values.dtype.name, "offset": 4,
        "byte_order": "big" if order == ">" else "little", "spacing_um": SPACING, "origin_um": ORIGIN,
    }  # fmt: skip
    (folder / "a.raw.json").write_text(json.dumps(content))
    return folder / "a.raw"


SAMPLES: dict[str, Sample] = {
    "TIFF": Sample(tiff),
    "HDF5": Sample(hdf5, origin=ORIGIN),
    "VTI": Sample(vti, origin=ORIGIN),
    "NRRD": Sample(nrrd, origin=ORIGIN),
    "MetaImage": Sample(metaimage, origin=ORIGIN),
    "VGI": Sample(vgi, data="vol"),
    "TXM": Sample(txm, orders=("<",), spacing=(SPACING[1],) * 3),
    "DICOM": Sample(dicom, origin=ORIGIN, dtypes=("uint8", "uint16", "int16"), data="folder"),
    "OME-Zarr": Sample(
        omezarr, orders=("<",), origin=ORIGIN, data="folder", options=lambda values, order: ReadOptions(channel=0)
    ),
    "RAW": Sample(raw, origin=ORIGIN),
}
