"""The inside of .vti files: header, arrays inline or appended, plain or in packed blocks, raw or base64."""

from __future__ import annotations

import base64
import binascii
import lzma
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Triple
from nmcstudio.io.volumes.alignment import Alignment, align
from nmcstudio.io.volumes.sources import InMemory, Mapped, Source, Streamed, cut_short

DTYPES = {
    "UInt8": "uint8", "Int8": "int8", "UInt16": "uint16", "Int16": "int16", "UInt32": "uint32", "Int32": "int32",
    "UInt64": "uint64", "Int64": "int64", "Float32": "float32", "Float64": "float64",
}  # fmt: skip
_HEAD = 1 << 20  # bytes in which the header of appended data must end


def _lz4(block: bytes, size: int) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.lz4_decode(block, out=size))


_UNPACK: dict[str, Callable[[bytes, int], bytes]] = {
    "vtkZLibDataCompressor": lambda block, size: zlib.decompress(block),
    "vtkLZ4DataCompressor": _lz4,
    "vtkLZMADataCompressor": lambda block, size: lzma.decompress(block),
}


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
    shape
        Of the voxels as stored, slowest first.
    lying, origin
        How the axes lie, and the centre of the first voxel (z, y, x) after turning; in the file's unit.
    arrays
        Cell or point data of the grid of voxels.
    facts
        Field arrays of one number.
    """

    path: Path
    shape: tuple[int, int, int]
    lying: Alignment
    origin: Triple
    arrays: dict[str, VtiArray]
    facts: dict[str, float]
    order: Literal["<", ">"]
    header: str
    compressor: str
    encoding: str
    data_start: int

    def source(self, name: str) -> Source:
        """Values of an array of one component, as stored.

        Raises
        ------
        NmcError
            If the data end too early or cannot be unpacked.
        """
        array = self.arrays[name]
        stored = np.dtype(array.dtype).newbyteorder(self.order)
        size = int(np.prod(self.shape)) * stored.itemsize
        try:
            if array.format == "ascii":
                words = array.text.split()
                if len(words) < size // stored.itemsize:
                    raise cut_short(self.path.name)
                return InMemory(np.array(words[: size // stored.itemsize], dtype=array.dtype).reshape(self.shape))
            place = _Place(self, array)
            if self.compressor:
                table = place.table()
                if sum(_plain_sizes(table)) < size:
                    raise cut_short(self.path.name)
                return Streamed(self.shape, stored, self.path.name, lambda: _Blocks(_Place(self, array), table, self.compressor))
            (length,) = place.words(1)
            if length < size:
                raise cut_short(self.path.name)
            if place.is_plain:
                return Mapped(self.path, stored, self.shape, place.begin + place.word)
            whole = base64.b64decode(place.encoded(0, -(-(place.word + size) // 3) * 4))[place.word :][:size]
            if len(whole) < size:
                raise cut_short(self.path.name)
            return InMemory(np.frombuffer(whole, stored).astype(array.dtype, copy=False).reshape(self.shape))
        except (ValueError, struct.error, binascii.Error) as error:
            raise NmcError(
                f"the array {name!r} of {self.path.name} cannot be read ({error})", "copy or export the file again"
            ) from error


def _plain_sizes(table: tuple[int, ...]) -> list[int]:
    """Bytes of each unpacked block: all alike, the last one perhaps shorter."""
    count, size, last = table[:3]
    return [size] * (count - 1) + [last or size] if count else []


class _Place:
    """Where the bytes of one array begin: in the file or in the text of its element, plain or base64."""

    def __init__(self, file: VtiFile, array: VtiArray) -> None:
        self._file = file
        self._text = None if array.format == "appended" else array.text.strip().encode()
        self.is_plain = self._text is None and file.encoding == "raw"
        self.begin = file.data_start + array.offset
        self.word = struct.calcsize(file.header)

    def encoded(self, start: int, size: int) -> bytes:
        """Bytes as they are stored, counted from the array's begin."""
        if self._text is not None:
            return self._text[start : start + size]
        with self._file.path.open("rb") as stream:
            stream.seek(self.begin + start)
            return stream.read(size)

    def words(self, count: int) -> tuple[int, ...]:
        """The first `count` numbers of the array's own header."""
        length = self.word * count
        head = self.encoded(0, length) if self.is_plain else base64.b64decode(self.encoded(0, -(-length // 3) * 4))
        if len(head) < length:
            raise cut_short(self._file.path.name)
        return struct.unpack(f"{self._file.order}{count}{self._file.header}", head[:length])

    def table(self) -> tuple[int, ...]:
        """Number of blocks, bytes of a block, of the last one, and the packed bytes of each."""
        (blocks,) = self.words(1)
        if blocks > 1 << 32:
            raise cut_short(self._file.path.name)
        return self.words(3 + blocks)

    def packed(self, table: tuple[int, ...]) -> tuple[int, bytes | None]:
        """Where the packed blocks begin in the file, or their bytes where they are written in base64."""
        length = self.word * len(table)
        if self.is_plain:
            return self.begin + length, None
        head = -(-length // 3) * 4
        return 0, base64.b64decode(self.encoded(head, -(-sum(table[3:]) // 3) * 4))


class _Blocks:
    """Packed blocks one after the other. A stream in the sense of `nmcstudio.io.volumes.sources.Stream`."""

    def __init__(self, place: _Place, table: tuple[int, ...], compressor: str) -> None:
        self._name = place._file.path.name
        self._start, self._bytes = place.packed(table)
        self._stream = None if self._bytes is not None else place._file.path.open("rb")
        self._packed = np.concatenate([[0], np.cumsum(table[3:], dtype=np.int64)]).tolist()
        self._plain = np.concatenate([[0], np.cumsum(_plain_sizes(table), dtype=np.int64)]).tolist()
        self._unpack = _UNPACK[compressor]
        self._position, self._current, self._block = 0, -1, b""

    def _load(self, number: int) -> None:
        start, stop = self._packed[number], self._packed[number + 1]
        if self._stream is None:
            packed = (self._bytes or b"")[start:stop]
        else:
            self._stream.seek(self._start + start)
            packed = self._stream.read(stop - start)
        size = self._plain[number + 1] - self._plain[number]
        try:
            if len(packed) < stop - start:
                raise ValueError("the data end too early")
            self._block = self._unpack(packed, size)
            if len(self._block) != size:
                raise ValueError(f"a block has {len(self._block)} bytes instead of {size}")
        except (ValueError, RuntimeError, zlib.error, lzma.LZMAError) as error:
            raise NmcError(f"{self._name} is incomplete or damaged ({error})", "copy or export it again") from error
        self._current = number

    def read(self, size: int) -> bytes:
        """The next `size` bytes; fewer at the end."""
        parts = []
        while size > 0 and self._position < self._plain[-1]:
            number = int(np.searchsorted(self._plain, self._position, side="right")) - 1
            if number != self._current:
                self._load(number)
            start = self._position - self._plain[number]
            part = self._block[start : start + size]
            parts.append(part)
            self._position += len(part)
            size -= len(part)
        return b"".join(parts)

    def skip(self, size: int, monitor: Monitor) -> None:
        """Go forward without unpacking what is between."""
        self._position += size

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()


def opened(path: Path) -> VtiFile:
    """Parse the header of a .vti file.

    Raises
    ------
    NmcError
        If it is another kind of VTK file, has no arrays, slanted axes, or a compression that is not known here.
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
    if compressor and compressor not in _UNPACK:
        raise NmcError(f"{path.name} is packed with {compressor}", "save it with zlib or without compression")
    pieces = image.findall("Piece")
    if len(pieces) != 1:
        raise NmcError(f"{path.name} is stored in {len(pieces)} pieces", "save it in one piece")
    try:
        extent = [int(n) for n in image.get("WholeExtent", "0 0 0 0 0 0").split()]
        points = [extent[2 * k + 1] - extent[2 * k] + 1 for k in (2, 1, 0)]
        spacing = np.array([float(n) for n in image.get("Spacing", "1 1 1").split()])
        corner = np.array([float(n) for n in image.get("Origin", "0 0 0").split()])
        # Columns of Direction are the axes; rows are what `align` takes.
        direction = np.array([float(n) for n in image.get("Direction", "1 0 0 0 1 0 0 0 1").split()]).reshape(3, 3).T
    except (ValueError, IndexError) as error:
        raise NmcError(f"the header of {path.name} is damaged ({error})", "copy or export it again") from error
    steps = direction * spacing[:, None]
    first = corner + np.array(extent[::2]) @ steps
    arrays = _arrays(pieces[0].find("CellData"))
    shape = [n - 1 for n in points]
    if arrays:
        first = first + steps.sum(axis=0) / 2
    else:
        arrays, shape = _arrays(pieces[0].find("PointData")), points
    if min(shape) < 1:
        raise NmcError(f"{path.name} holds no voxels (WholeExtent {image.get('WholeExtent')})", "export it again")
    facts = {}
    for element in image.findall("FieldData/DataArray"):
        words = (element.text or "").split()
        if element.get("format", "ascii") == "ascii" and len(words) == 1:
            facts[element.get("Name", "")] = float(words[0])
    stored = (shape[0], shape[1], shape[2])
    lying = align(steps, path.name)
    return VtiFile(
        path=path, shape=stored, lying=lying, origin=lying.origin(first.tolist(), stored), arrays=arrays, facts=facts,
        order=">" if root.get("byte_order") == "BigEndian" else "<", header="Q" if root.get("header_type") == "UInt64" else "I",
        compressor=compressor, encoding=encoding, data_start=start,
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
