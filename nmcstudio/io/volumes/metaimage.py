"""MetaImage (.mha, and .mhd with its data beside it), as ITK, Elastix and VTK write it."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.io.volumes.alignment import align
from nmcstudio.io.volumes.headed import data_files, lengths_um, numbered, open_values
from nmcstudio.io.volumes.info import Missing, Opened, VolumeInfo, says_simulated
from nmcstudio.io.volumes.options import ReadOptions, choose
from nmcstudio.io.volumes.sources import Source, oriented

SUFFIXES = (".mha", ".mhd")
OPTIONS = ("channel", "time")
_TYPES = {
    "MET_UCHAR": "uint8", "MET_CHAR": "int8", "MET_USHORT": "uint16", "MET_SHORT": "int16", "MET_UINT": "uint32",
    "MET_INT": "int32", "MET_ULONG": "uint32", "MET_LONG": "int32", "MET_ULONG_LONG": "uint64", "MET_LONG_LONG": "int64",
    "MET_FLOAT": "float32",
    "MET_DOUBLE": "float64",
}  # fmt: skip
_MARKS = (b"ObjectType", b"NDims", b"Comment", b"ObjectSubType", b"TransformType", b"Name")


def recognizes(head: bytes) -> bool:
    """True if a file that starts with these bytes is of this format."""
    return head.lstrip().startswith(_MARKS) and b"NDims" in head and b"=" in head


def open_volume(path: Path, options: ReadOptions) -> Opened:
    """Facts of the header, and the values behind it or in their own file.

    Raises
    ------
    NmcError
        For headers that do not describe a volume, slanted axes, and data that are missing or cut off.
    """
    with path.open("rb") as file:
        header, listed = _header(path, file)
        start = file.tell()
    try:
        return _opened(path, header, listed, start, options)
    except (ValueError, KeyError, IndexError) as error:
        raise NmcError(f"the header of {path.name} is damaged ({error})", "copy or export the file again") from error


def _opened(path: Path, header: dict[str, str], listed: list[str], start: int, options: ReadOptions) -> Opened:
    sizes = [int(n) for n in header["dimsize"].split()]
    dtype = _TYPES.get(header.get("elementtype", "").upper().removesuffix("_ARRAY"))
    dims = int(header.get("ndims", len(sizes)))
    if dtype is None or dims not in (2, 3, 4) or len(sizes) != dims or min(sizes) < 1:
        raise NmcError(
            f"{path.name} is not a volume of grey values ({header['dimsize']}, type {header.get('elementtype')!r})",
            "save a volume with one value a voxel",
        )
    times = sizes[3] if dims == 4 else 1
    sizes = [*sizes, 1][:3]
    channels = int(header.get("elementnumberofchannels", "1"))
    shape = (sizes[2], sizes[1], sizes[0])
    spacing, words = _numbers(header, ("elementspacing", "elementsize")), header.get("distanceunits", "").split()
    edges = np.abs((spacing or [1.0] * dims)[:3] + [1.0] * max(0, 3 - dims))
    turned = _numbers(header, ("transformmatrix", "rotation", "orientation")) or np.eye(dims).ravel().tolist()
    matrix = np.eye(3)
    n = min(dims, 3)
    matrix[:n, :n] = np.reshape(turned, (dims, dims))[:n, :n]
    lying = align(matrix * edges[:, None], path.name)
    first = ((_numbers(header, ("offset", "position", "origin")) or []) + [0.0] * 3)[:3]
    spacing_um, origin_um, origin_voxels, remark = lengths_um(
        lying.spacing if spacing and min(edges) > 0 else None, lying.origin(first, shape), [*words, *words, *words][:3]
    )
    missing = []
    for what, count, chosen in (("channel", channels, options.channel), ("time", times, options.time)):
        if count > 1 and chosen is None:
            missing.append(Missing(what, f"{path.name} has {count} {what}s", f"choose one, 0 to {count - 1}"))
    channel = choose(options.channel, channels, "channel", "channel", path.name)
    time = choose(options.time, times, "time", "time", path.name)
    stored, files = _values(path, header, listed, start, np.dtype(dtype), shape, channels, channel, times, time)
    source = oriented(stored, lying.axes, lying.flips)
    info = VolumeInfo(
        format="MetaImage",
        shape=source.shape,
        dtype=dtype,
        spacing_um=spacing_um,
        origin_um=origin_um,
        origin_voxels=origin_voxels,
        unit=remark,
        channels=channels,
        times=times,
        axis_order=lying.words,
        name=path.stem,
        simulated=says_simulated(header.get("comment", "") + header.get("name", "")),
        missing=tuple(missing),
    )
    return Opened(info, source, beside=tuple(files))


def _header(path: Path, file: IO[bytes]) -> tuple[dict[str, str], list[str]]:
    """Fields of the header, lower case, and the listed data files; leaves the file at the first byte of attached data."""
    header: dict[str, str] = {}
    for _ in range(1000):
        raw = file.readline(100_000)
        if not raw:
            break
        name, _, value = raw.decode("utf-8", errors="replace").partition("=")
        header[name.strip().lower()] = value.strip()
        if name.strip() == "ElementDataFile" and value.strip():
            listed = []
            if value.split()[0].upper() == "LIST":
                listed = [line.strip() for line in file.read().decode("utf-8", errors="replace").splitlines() if line.strip()]
            return header, listed
    raise NmcError(f"the header of {path.name} does not end", "the file is incomplete: copy or export it again")


def _numbers(header: dict[str, str], names: tuple[str, ...]) -> list[float] | None:
    text = next((header[name] for name in names if header.get(name)), "")
    return [float(word) for word in text.split()] or None


def _yes(header: dict[str, str], *names: str) -> bool:
    return any(header.get(name, "").lower() in ("true", "t", "1", "yes") for name in names)


def _values(
    path: Path,
    header: dict[str, str],
    listed: list[str],
    start: int,
    dtype: np.dtype[Any],
    shape: tuple[int, int, int],
    channels: int,
    channel: int,
    times: int,
    time: int,
) -> tuple[Source, list[Path]]:
    """The values as stored, and the files that hold them."""
    words = header["elementdatafile"].split()
    files, offset = [path], start
    if words[0].upper() == "LIST":
        files, offset = data_files(path, listed), 0
    elif "%" in words[0]:
        files, offset = data_files(path, numbered(words[0], words[1:], path.name)), 0
    elif header["elementdatafile"].upper() != "LOCAL":
        files, offset = data_files(path, [header["elementdatafile"]]), 0
    size = int(header.get("headersize", "0"))
    offset = -1 if size < 0 else offset + size if files != [path] else offset
    big = _yes(header, "binarydatabyteordermsb", "elementbyteordermsb")
    if "binarydata" in header and not _yes(header, "binarydata"):
        encoding = "text"
    else:
        encoding = "gzip" if _yes(header, "compresseddata") else "raw"
    stored = dtype.newbyteorder(">" if big else "<")
    if times == 1:
        return open_values(files, offset, encoding, stored, shape, interleaved=channels, channel=channel), files
    if channels > 1:
        raise NmcError(f"{path.name} has both channels and times", "save one time as a volume")
    return open_values(files, offset, encoding, stored, shape, before=times, channel=time), files
