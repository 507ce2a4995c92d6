"""NRRD with an attached header: raw or gzip, as Slicer, ITK and ParaView write and read it."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.units import um_per
from nmcstudio.core.volume import LabelVolume, Triple, Volume
from nmcstudio.io.files import replacing
from nmcstudio.io.volumes.info import Content, VolumeInfo, says_simulated

SUFFIXES = (".nrrd",)
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
_CHUNK = 8 << 20  # bytes between two reports


def recognizes(head: bytes) -> bool:
    """True if a file that starts with these bytes is of this format."""
    return head.startswith(b"NRRD000")


def probe(path: Path, dataset: str | None = None) -> VolumeInfo:
    """Facts of the header. Raises `NmcError` for headers that do not describe one attached 3-D volume."""
    with path.open("rb") as file:
        return _describe(path, _header(path, file))


def read(path: Path, dataset: str | None, monitor: Monitor) -> Content:
    """Read header and values."""
    with path.open("rb") as file:
        header = _header(path, file)
        info = _describe(path, header)
        encoding = header.get("encoding", "raw").lower()
        if encoding not in ("raw", "gzip", "gz"):
            raise NmcError(f"{path.name} has the encoding {encoding!r}", "save the NRRD file with raw or gzip encoding")
        stream: IO[bytes] = file if encoding == "raw" else gzip.GzipFile(fileobj=file)  # type: ignore[assignment]
        values = np.empty(info.shape, dtype=info.dtype)
        target = memoryview(values.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
        for start in monitor.track(range(0, len(target), _CHUNK), f"Reading {path.name}"):
            piece = target[start : start + _CHUNK]
            try:
                block = stream.read(len(piece))
            except (EOFError, OSError, zlib.error) as error:
                raise NmcError(f"{path.name} is incomplete or damaged ({error})", "copy or export it again") from error
            if len(block) < len(piece):
                raise NmcError(f"{path.name} is incomplete: the data end too early", "copy or export it again")
            piece[:] = block
    if header.get("endian", "little").lower() == "big":
        values.byteswap(inplace=True)
    return Content(info, values)


def write(path: Path, data: Volume | LabelVolume, monitor: Monitor) -> None:
    """Write with gzip, voxel size in ``space directions`` and unit um."""
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


def _header(path: Path, file: IO[bytes]) -> dict[str, str]:
    """Fields of the header, lower case; leaves the file at the first byte of the data."""
    header: dict[str, str] = {}
    for _ in range(1000):
        raw = file.readline(100_000)
        if not raw.endswith(b"\n"):
            break
        line = raw.decode("utf-8", errors="replace").strip()
        if not line:
            return header
        name, separator, value = line.partition(":")
        if separator and not line.startswith("#"):
            header[name.strip().lower()] = value.removeprefix("=").strip()
    raise NmcError(f"the header of {path.name} does not end", "the NRRD file is incomplete or its data are in another file")


def _describe(path: Path, header: dict[str, str]) -> VolumeInfo:
    if "data file" in header or "datafile" in header:
        raise NmcError(f"{path.name} keeps its data in another file", "save it as one NRRD file with an attached header")
    dtype = _DTYPES.get(header.get("type", "").lower())
    sizes = [int(n) for n in header.get("sizes", "").split() if n.isdigit()]
    if dtype is None or len(sizes) != 3 or 0 in sizes:
        raise NmcError(
            f"{path.name} is not one 3-D volume (type {header.get('type')!r}, sizes {header.get('sizes')!r})",
            "save a grey-scale or label volume with one value a voxel",
        )
    numbers = _spacings(header)
    words = header.get("space units", header.get("units", "")).replace('"', " ").split()
    units = [um_per(word) for word in words]
    spacing: Triple | None = None
    if numbers and len(units) == 3 and all(unit is not None for unit in units):
        x, y, z = (number * (unit or 1.0) for number, unit in zip(numbers, units))
        spacing, remark = (z, y, x), f"header, {words[0]}"
    elif numbers:
        remark = f"the header's spacing {' '.join(f'{n:g}' for n in numbers)} has no unit of length"
    else:
        remark = "no voxel size in the file"
    origin = [float(n) for n in header.get("space origin", "").strip("()").split(",") if n.strip()]
    scale = units[0] if spacing and units else None
    return VolumeInfo(
        format="NRRD",
        shape=(sizes[2], sizes[1], sizes[0]),
        dtype=dtype,
        spacing_um=spacing,
        origin_um=(origin[2] * scale, origin[1] * scale, origin[0] * scale) if scale and len(origin) == 3 else (0.0, 0.0, 0.0),
        unit=remark,
        name=path.stem,
        simulated=says_simulated(header.get("content", "")),
    )


def _spacings(header: dict[str, str]) -> list[float] | None:
    """Voxel edges (x, y, z) in the header's unit: lengths of the direction vectors, or the plain spacings."""
    if "space directions" in header:
        vectors = [v.strip("()") for v in header["space directions"].split()]
        if len(vectors) == 3 and "none" not in vectors:
            lengths = [float(np.linalg.norm([float(n) for n in v.split(",")])) for v in vectors]
            return lengths if all(np.isfinite(n) and n > 0 for n in lengths) else None
    plain = [float(n) for n in header.get("spacings", "").split()]
    return plain if len(plain) == 3 and all(np.isfinite(n) and n > 0 for n in plain) else None
