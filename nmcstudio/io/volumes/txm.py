"""Zeiss Xradia volumes (.txm): an OLE2 file with one stream for each slice. Projections (.txrm) are recognised and refused.

Names of the streams and codes of the types are those that the public readers of this undocumented format agree on (DXchange,
https://github.com/data-exchange/dxchange).
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.volume import Triple
from nmcstudio.io.volumes.info import Opened, VolumeInfo
from nmcstudio.io.volumes.options import ReadOptions
from nmcstudio.io.volumes.sources import Planes, cut_short

SUFFIXES = (".txm", ".txrm", ".xrm")
OPTIONS = ()
_TYPES = {3: "uint8", 5: "uint16", 10: "float32"}
_PER_GROUP = 100  # images below one storage


def recognizes(head: bytes) -> bool:
    """True if a file that starts with these bytes is of this format."""
    return head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")


def open_volume(path: Path, options: ReadOptions) -> Opened:
    """Facts of a reconstructed volume, and its slices.

    Raises
    ------
    NmcError
        For projections, single images, other OLE2 files, and files that end too early.
    """
    with _opened(path) as ole:
        width, height, count = (_number(ole, f"ImageInfo/{name}", "I") for name in ("ImageWidth", "ImageHeight", "NoOfImages"))
        count = count if count is not None else _number(ole, "ImageInfo/ImagesTaken", "I")
        code = _number(ole, "ImageInfo/DataType", "I")
        if not (width and height and count) or code is None:
            raise NmcError(
                f"{path.name} holds no Xradia images",
                "choose a .txm with a reconstructed volume; Office files have the same mark",
            )
        _refuse_projections(path, ole, int(count))
        dtype = _TYPES.get(int(code))
        if dtype is None:
            raise NmcError(
                f"{path.name} has values of a type that is not known here (code {code})",
                "export the reconstruction as 8-bit or 16-bit TIFF",
            )
        shape = (int(count), int(height), int(width))
        stored = np.dtype(dtype).newbyteorder("<")
        for index in sorted({0, shape[0] - 1}):
            _check_slice(path, ole, index, shape[1] * shape[2] * stored.itemsize)
        edge = _number(ole, "ImageInfo/PixelSize", "f")
    spacing: Triple | None = (edge, edge, edge) if edge and np.isfinite(edge) and edge > 0 else None
    info = VolumeInfo(
        format="TXM",
        shape=shape,
        dtype=dtype,
        spacing_um=spacing,
        unit="ImageInfo/PixelSize, um" if spacing else "no voxel size in the file",
        axis_order="image, row, column",
        name=path.stem,
    )

    def read_planes(numbers: Sequence[int]) -> Generator[NDArray[Any]]:
        with _opened(path) as ole, path.open("rb") as file:
            for index in numbers:
                data = _stream(path, ole, file, index, shape[1] * shape[2] * stored.itemsize)
                yield np.frombuffer(data, stored).reshape(shape[1:])

    return Opened(info, Planes(shape, np.dtype(dtype), path.name, read_planes))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import olefile

    if path.stat().st_size < olefile.MINIMAL_OLEFILE_SIZE:
        raise cut_short(path.name)
    try:
        with olefile.OleFileIO(path) as ole:
            yield ole
    except (OSError, struct.error, IndexError, ValueError, TypeError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise NmcError(f"{path.name} is incomplete or damaged ({error})", "copy or export it again") from error


def _number(ole: Any, name: str, code: str) -> Any:
    """The first number of a stream, None if there is no such stream."""
    if not ole.exists(name):
        return None
    data = ole.openstream(name).read(struct.calcsize(code))
    return struct.unpack(f"<{code}", data)[0] if len(data) == struct.calcsize(code) else None


def _refuse_projections(path: Path, ole: Any, count: int) -> None:
    """Radiographs at different angles are no volume. Reconstructions keep their settings, projections at most empty ones."""
    if path.suffix.lower() == ".xrm" or count == 1:
        raise NmcError(f"{path.name} is a single radiograph", "choose the reconstructed volume (.txm)")
    angles = np.zeros(0)
    if ole.exists("ImageInfo/Angles"):
        data = ole.openstream("ImageInfo/Angles").read(4 * count)
        angles = np.frombuffer(data[: len(data) // 4 * 4], "<f4")
    turning = len(angles) > 1 and float(np.ptp(angles)) > 0
    if path.suffix.lower() == ".txrm" or (turning and not (ole.exists("AutoRecon") or ole.exists("ReconSettings"))):
        said = f", {count} radiographs from {angles.min():.0f}° to {angles.max():.0f}°" if turning else ""
        raise NmcError(
            f"{path.name} holds projections{said}, not a volume",
            "reconstruct them with the microscope's software and choose the .txm",
        )


def _entry(path: Path, ole: Any, index: int) -> Any:
    name = f"ImageData{index // _PER_GROUP + 1}/Image{index + 1}"
    if not ole.exists(name):
        raise NmcError(f"{path.name} is incomplete: slice {index + 1} is missing", "copy or export it again")
    return ole.direntries[ole._find(name)]


def _sectors(ole: Any, entry: Any) -> tuple[int, int] | None:
    """First byte and length of a stream whose sectors follow each other; None for scattered and for small ones."""
    size, sector = entry.size, ole.sectorsize
    if size < ole.minisectorcutoff:
        return None
    count = -(-size // sector)
    start = entry.isectStart
    chain = np.asarray(ole.fat[start : start + count - 1])
    if len(chain) < count - 1 or not np.array_equal(chain, np.arange(start + 1, start + count)):
        return None
    return (start + 1) * sector, size


def _check_slice(path: Path, ole: Any, index: int, size: int) -> None:
    entry = _entry(path, ole, index)
    if entry.size != size:
        raise NmcError(
            f"slice {index + 1} of {path.name} has {entry.size} bytes instead of {size}: it is packed or incomplete",
            "export the reconstruction again, uncompressed or as TIFF",
        )
    place = _sectors(ole, entry)
    if place is not None and place[0] + size > path.stat().st_size:
        raise cut_short(path.name)


def _stream(path: Path, ole: Any, file: Any, index: int, size: int) -> bytes:
    """Bytes of a slice: in one go where they lie together, which is a hundred times faster than sector by sector."""
    entry = _entry(path, ole, index)
    place = _sectors(ole, entry)
    if place is None:
        data: bytes = ole.openstream(f"ImageData{index // _PER_GROUP + 1}/Image{index + 1}").read()
    else:
        file.seek(place[0])
        data = file.read(place[1])
    if len(data) != size:
        raise NmcError(f"slice {index + 1} of {path.name} is incomplete", "copy or export it again")
    return data
