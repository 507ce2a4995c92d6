"""The inside of .vti files: header, arrays inline or appended, plain or in zlib blocks, raw or base64."""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Triple

DTYPES = {
    "UInt8": "uint8", "Int8": "int8", "UInt16": "uint16", "Int16": "int16", "UInt32": "uint32", "Int32": "int32",
    "UInt64": "uint64", "Int64": "int64", "Float32": "float32", "Float64": "float64",
}  # fmt: skip
_HEAD = 1 << 20  # bytes in which the header of appended data must end


@dataclass(frozen=True)
class VtiArray:
    """One array as the header describes it."""

    dtype: str
    components: int
    format: str
    offset: int
    text: str


@dataclass(frozen=True)
class VtiFile:
    """A parsed header.

    Attributes
    ----------
    shape, spacing, origin
        Of the voxels, (z, y, x); origin is the centre of the first voxel; in the file's unit.
    arrays
        Cell or point data of the grid of voxels.
    facts
        Field arrays of one number.
    """

    path: Path
    shape: tuple[int, int, int]
    spacing: Triple
    origin: Triple
    arrays: dict[str, VtiArray]
    facts: dict[str, float]
    order: Literal["<", ">"]
    header: str
    compressed: bool
    encoding: str
    data_start: int

    def values(self, name: str, monitor: Monitor) -> NDArray[Any]:
        """Flat values of an array in the machine's byte order.

        Raises
        ------
        NmcError
            If the data end too early or cannot be unpacked.
        """
        array = self.arrays[name]
        dtype = np.dtype(array.dtype)
        size = int(np.prod(self.shape)) * array.components
        try:
            if array.format == "ascii":
                values = np.array(array.text.split(), dtype=dtype)
            else:
                stored = dtype.newbyteorder(self.order)
                values = np.frombuffer(self._bytes(array, monitor), dtype=stored).astype(dtype, copy=False)
            if values.size < size:
                raise ValueError("the data end too early")
        except (ValueError, struct.error, zlib.error, binascii.Error) as error:
            raise NmcError(
                f"the array {name!r} of {self.path.name} cannot be read ({error})", "copy or export the file again"
            ) from error
        return values[:size]

    def _bytes(self, array: VtiArray, monitor: Monitor) -> bytes | bytearray:
        if array.format == "appended":
            with self.path.open("rb") as file:
                file.seek(self.data_start + array.offset)
                source = file.read()
            plain = self.encoding == "raw"
        else:
            source, plain = array.text.strip().encode(), False
        word = struct.calcsize(self.header)

        def numbers(count: int) -> tuple[tuple[int, ...], int]:
            """The first `count` words of the header, and where the next part begins if the header ends there."""
            length = word * count
            encoded = length if plain else -(-length // 3) * 4
            head = source[:encoded] if plain else base64.b64decode(source[:encoded])
            return struct.unpack(f"{self.order}{count}{self.header}", head[:length]), encoded

        if not self.compressed:
            (length,), begin = numbers(1)
            if plain:
                return source[begin : begin + length]
            return base64.b64decode(source[: -(-(word + length) // 3) * 4])[word : word + length]
        (blocks,), _ = numbers(1)
        table, begin = numbers(3 + blocks)
        packed = source[begin:] if plain else base64.b64decode(source[begin : begin + -(-sum(table[3:]) // 3) * 4])
        result, position = bytearray(), 0
        for length in monitor.track(table[3:], f"Reading {self.path.name}"):
            result += zlib.decompress(packed[position : position + length])
            position += length
        return result


def opened(path: Path) -> VtiFile:
    """Parse the header of a .vti file.

    Raises
    ------
    NmcError
        If it is another kind of VTK file, has no arrays, or uses a compression other than zlib.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
        mark = head.find(b"<AppendedData")
        text = head[:mark] + b"</VTKFile>" if mark >= 0 else head + file.read()
    encoding, start = "", 0
    if mark >= 0:
        close = head.find(b">", mark)
        encoding = "raw" if b'"raw"' in head[mark:close] else "base64"
        start = head.find(b"_", close) + 1
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise NmcError(f"{path.name} is incomplete or damaged ({error})", "copy or export it again") from error
    image = root.find("ImageData")
    if image is None:
        raise NmcError(f"{path.name} is VTK {root.get('type', 'data')}, not an image", "choose a .vti file with voxels")
    compressor = root.get("compressor", "")
    if compressor not in ("", "vtkZLibDataCompressor"):
        raise NmcError(f"{path.name} is packed with {compressor}", "save it with zlib or without compression")
    extent = [int(n) for n in image.get("WholeExtent", "0 0 0 0 0 0").split()]
    points = [extent[2 * k + 1] - extent[2 * k] + 1 for k in (2, 1, 0)]
    spacing = [float(n) for n in image.get("Spacing", "1 1 1").split()][::-1]
    origin = [float(n) + s * extent[2 * k] for n, s, k in zip(image.get("Origin", "0 0 0").split()[::-1], spacing, (2, 1, 0))]
    pieces = image.findall("Piece")
    if len(pieces) != 1:
        raise NmcError(f"{path.name} is stored in {len(pieces)} pieces", "save it in one piece")
    arrays = _arrays(pieces[0].find("CellData"))
    shape = [n - 1 for n in points]
    if arrays:
        origin = [o + s / 2 for o, s in zip(origin, spacing)]
    else:
        arrays, shape = _arrays(pieces[0].find("PointData")), points
    facts = {}
    for element in image.findall("FieldData/DataArray"):
        words = (element.text or "").split()
        if element.get("format", "ascii") == "ascii" and len(words) == 1:
            facts[element.get("Name", "")] = float(words[0])
    return VtiFile(
        path=path, shape=tuple(shape), spacing=tuple(spacing), origin=tuple(origin), arrays=arrays, facts=facts,  # type: ignore[arg-type]
        order=">" if root.get("byte_order") == "BigEndian" else "<", header="Q" if root.get("header_type") == "UInt64" else "I",
        compressed=bool(compressor), encoding=encoding, data_start=start,
    )  # fmt: skip


def _arrays(place: ElementTree.Element | None) -> dict[str, VtiArray]:
    found = {}
    for element in place.findall("DataArray") if place is not None else []:
        dtype = DTYPES.get(element.get("type", ""))
        if dtype is not None:
            found[element.get("Name", "")] = VtiArray(
                dtype,
                int(element.get("NumberOfComponents", "1") or 1),
                element.get("format", "ascii"),
                int(element.get("offset", "0") or 0),
                element.text or "",
            )
    return found
