"""NRRD: header attached or detached, every encoding of the format, as Slicer, ITK and ParaView write and read it."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import IO, Any

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, Volume
from nmcstudio.io.files import replacing
from nmcstudio.io.volumes.alignment import Alignment, align
from nmcstudio.io.volumes.headed import data_files, lengths_um, numbered, open_values
from nmcstudio.io.volumes.info import Missing, Opened, VolumeInfo, says_simulated
from nmcstudio.io.volumes.options import ReadOptions, choose
from nmcstudio.io.volumes.packed import ENCODINGS
from nmcstudio.io.volumes.sources import Source, oriented

SUFFIXES = (".nrrd", ".nhdr")
OPTIONS = ("channel",)
_TYPES = {
    "uint8": ("uchar", "unsigned char", "uint8", "uint8_t"), "int8": ("signed char", "int8", "int8_t"),
    "uint16": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "int16": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "uint32": ("uint", "unsigned int", "uint32", "uint32_t"), "int32": ("int", "signed int", "int32", "int32_t"),
    "uint64": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "int64": ("longlong", "long long", "long long int", "signed long long", "int64", "int64_t"),
    "float32": ("float",), "float64": ("double",),
}  # fmt: skip
_DTYPES = {word: dtype for dtype, words in _TYPES.items() for word in words}
_SPATIAL = ("domain", "space")


def recognizes(head: bytes) -> bool:
    """True if a file that starts with these bytes is of this format."""
    return head.startswith(b"NRRD000")


def open_volume(path: Path, options: ReadOptions) -> Opened:
    """Facts of the header, and the values behind it.

    Raises
    ------
    NmcError
        For headers that do not describe one 3-D volume (with channels), and for data that are missing or cut off.
    """
    with path.open("rb") as file:
        header, listed = _header(path, file)
        start = file.tell()
    dtype = _DTYPES.get(header.get("type", "").lower())
    sizes = [int(n) for n in header.get("sizes", "").split() if n.isdigit()]
    if dtype is None or len(sizes) < 3 or 0 in sizes:
        raise NmcError(
            f"{path.name} is not a 3-D volume (type {header.get('type')!r}, sizes {header.get('sizes')!r})",
            "save a grey-scale or label volume with one value a voxel",
        )
    channel_axis = _channel_axis(path, header, sizes)
    channels = 1 if channel_axis is None else sizes[channel_axis]
    space = [n for k, n in enumerate(sizes) if k != channel_axis]
    shape = (space[2], space[1], space[0])
    lying, first, units, has_spacing = _geometry(path, header, channel_axis)
    spacing, origin, origin_voxels, remark = lengths_um(lying.spacing if has_spacing else None, lying.origin(first, shape), units)
    number = choose(options.channel, channels, "channel", "channel", path.name)
    missing: tuple[Missing, ...] = ()
    if channels > 1 and options.channel is None:
        missing = (Missing("channel", f"{path.name} has {channels} channels", f"choose one, 0 to {channels - 1}"),)
    stored, files = _values(path, header, listed, start, np.dtype(dtype), shape, channels, channel_axis == 0, number)
    source = oriented(stored, lying.axes, lying.flips)
    info = VolumeInfo(
        format="NRRD",
        shape=source.shape,
        dtype=dtype,
        spacing_um=spacing,
        origin_um=origin,
        origin_voxels=origin_voxels,
        unit=remark,
        channels=channels,
        axis_order=lying.words,
        name=path.stem,
        simulated=says_simulated(header.get("content", "")),
        missing=missing,
    )
    return Opened(info, source, beside=tuple(files))


def write(path: Path, data: Volume | LabelVolume, monitor: Monitor) -> None:
    """Write with gzip, voxel size in ``space directions`` and unit um."""
    if path.suffix.lower() != ".nrrd":
        raise NmcError(f"{path.name} would need a second file for its data", "end the name with .nrrd")
    values = data.labels if isinstance(data, LabelVolume) else data.values
    if values.dtype.name not in _TYPES:
        values = values.astype(np.uint8 if values.dtype == bool else np.float32)
    z, y, x = data.spacing_um
    oz, oy, ox = data.origin_um
    lines = [
        "NRRD0004",
        f"content: {'simulated ' if data.simulated else ''}{data.name or path.stem}",
        f"type: {_TYPES[values.dtype.name][0]}",
        "dimension: 3",
        "space dimension: 3",
        f"sizes: {values.shape[2]} {values.shape[1]} {values.shape[0]}",
        f"space directions: ({x!r},0,0) (0,{y!r},0) (0,0,{z!r})",
        f"space origin: ({ox!r},{oy!r},{oz!r})",
        'space units: "um" "um" "um"',
        "kinds: domain domain domain",
        "endian: little",
        "encoding: gzip",
    ]
    little = values.dtype.newbyteorder("<")
    with replacing(path) as part, part.open("wb") as file:
        file.write(("\n".join(lines) + "\n\n").encode())
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=4, mtime=0) as stream:
            for plane in monitor.track(values, f"Writing {path.name}"):
                stream.write(np.ascontiguousarray(plane, dtype=little).tobytes())


def _header(path: Path, file: IO[bytes]) -> tuple[dict[str, str], list[str]]:
    """Fields of the header, lower case, and the listed data files; leaves the file at the first byte of attached data."""
    header: dict[str, str] = {}
    listed: list[str] = []
    for _ in range(100_000):
        raw = file.readline(100_000)
        line = raw.decode("utf-8", errors="replace").strip()
        detached = "data file" in header
        if not line and (raw or detached):
            return header, listed
        if not raw.endswith(b"\n") and not detached:
            break
        if header.get("data file", "").upper().startswith("LIST"):
            listed.append(line)
            continue
        name, separator, value = line.partition(":")
        if separator and not line.startswith("#"):
            name = name.strip().lower()
            header[{"datafile": "data file"}.get(name, name)] = value.removeprefix("=").strip()
    raise NmcError(f"the header of {path.name} does not end", "the file is incomplete: copy or export it again")


def _channel_axis(path: Path, header: dict[str, str], sizes: list[int]) -> int | None:
    """The axis, fastest first, that holds channels instead of places; None for a plain volume."""
    if len(sizes) == 3:
        return None
    kinds = header.get("kinds", "").lower().split()
    vectors = header.get("space directions", "").split()
    outside = [k for k, kind in enumerate(kinds) if kind not in _SPATIAL and kind not in ("none", "???")]
    outside = outside or [k for k, vector in enumerate(vectors) if vector == "none"]
    outside = outside or [k for k, n in enumerate(sizes) if n == 1]
    if len(sizes) == 4 and outside and outside[0] in (0, 3):
        return outside[0]
    raise NmcError(
        f"{path.name} has {len(sizes)} dimensions ({'×'.join(map(str, sizes))})", "save one channel and one time as a volume"
    )


def _geometry(path: Path, header: dict[str, str], channel_axis: int | None) -> tuple[Alignment, list[float], list[str], bool]:
    """How the axes lie, centre of the first voxel (x, y, z), units of z, y, x, and whether there are voxel edges."""
    try:
        vectors = [v for v in header.get("space directions", "").replace(", ", ",").split() if v != "none"]
        steps = [[float(n) for n in v.strip("()").split(",")] for v in vectors]
        origin = [float(n) for n in header.get("space origin", "").strip("()").split(",") if n.strip()]
        plain = [float(n) for n in header.get("spacings", "").split()]
        starts = [float(n) for n in header.get("axis mins", header.get("axismins", "")).split()]
    except ValueError as error:
        raise NmcError(f"the header of {path.name} is damaged ({error})", "copy or export the file again") from error

    def places(values: list[Any]) -> list[Any]:
        return [one for k, one in enumerate(values) if k != channel_axis or len(values) == 3]

    if len(steps) == 3 and all(len(step) == 3 for step in steps):
        words = _quoted(header.get("space units", ""))
        first = origin if len(origin) == 3 else [0.0] * 3
        return align(steps, path.name), first, words[::-1], True
    plain, starts, words = places(plain), places(starts), places(_quoted(header.get("units", header.get("space units", ""))))
    if len(plain) == 3 and all(np.isfinite(n) and n > 0 for n in plain):
        first = starts if len(starts) == 3 and np.all(np.isfinite(starts)) else origin if len(origin) == 3 else [0.0] * 3
        return Alignment(spacing=(plain[2], plain[1], plain[0])), first, words[::-1], True
    return Alignment(), [0.0] * 3, [], False


def _quoted(text: str) -> list[str]:
    return [word for word in text.replace('"', " ").split() if word]


def _values(
    path: Path,
    header: dict[str, str],
    listed: list[str],
    start: int,
    dtype: np.dtype[Any],
    shape: tuple[int, int, int],
    channels: int,
    interleaved: bool,
    channel: int,
) -> tuple[Source, list[Path]]:
    """The values as stored, and the files that hold them."""
    said = header.get("encoding", "raw").lower()
    encoding = ENCODINGS.get(said, {"raw": "raw", "txt": "text", "text": "text", "ascii": "text"}.get(said, ""))
    if not encoding:
        raise NmcError(f"{path.name} has the encoding {said!r}", "save the NRRD file with raw, gzip, bzip2, hex or text encoding")
    files, offset = [path], start
    named = header.get("data file", "")
    if named:
        words = named.split()
        names = listed if listed else numbered(words[0], words[1:], path.name) if "%" in words[0] else [named]
        files, offset = data_files(path, names), 0
    try:
        lines, skip = (int(header.get(f"{what} skip", header.get(f"{what}skip", "0"))) for what in ("line", "byte"))
    except ValueError as error:
        raise NmcError(f"the header of {path.name} is damaged ({error})", "copy or export the file again") from error
    if lines:
        with files[0].open("rb") as file:
            file.seek(offset)
            for _ in range(lines):
                file.readline()
            offset = file.tell()
    if encoding == "raw":
        offset = -1 if skip < 0 else offset + skip
    big = header.get("endian", "little").lower() == "big"
    source = open_values(
        files,
        offset,
        encoding,
        dtype.newbyteorder(">" if big else "<"),
        shape,
        before=1 if interleaved else channels,
        interleaved=channels if interleaved else 1,
        channel=channel,
        inner_offset=max(skip, 0) if encoding != "raw" else 0,
    )
    return source, files
