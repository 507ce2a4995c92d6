"""VGStudio volumes: a text file (.vgi) that describes the plain voxels beside it (.vol)."""

from __future__ import annotations

import re
from pathlib import Path, PureWindowsPath

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.units import um_per
from nmcstudio.core.volume import Triple
from nmcstudio.io.volumes.headed import data_files
from nmcstudio.io.volumes.info import Opened, VolumeInfo
from nmcstudio.io.volumes.options import ReadOptions
from nmcstudio.io.volumes.sources import Mapped

SUFFIXES = (".vgi",)
OPTIONS = ()
_TYPES = {
    ("unsigned integer", 8): "uint8", ("unsigned integer", 16): "uint16", ("unsigned integer", 32): "uint32",
    ("integer", 8): "int8", ("integer", 16): "int16", ("integer", 32): "int32",
    ("signed integer", 8): "int8", ("signed integer", 16): "int16", ("signed integer", 32): "int32",
    ("float", 32): "float32", ("float", 64): "float64",
}  # fmt: skip


def recognizes(head: bytes) -> bool:
    """True if a file that starts with these bytes is of this format."""
    return head.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"{") and b"[" in head and b"\0" not in head


def open_volume(path: Path, options: ReadOptions) -> Opened:
    """Facts of the text, and the voxels of the first file it names.

    Raises
    ------
    NmcError
        If the text does not describe plain voxels, or their file is missing or too short.
    """
    text = path.read_bytes().decode("utf-8", errors="replace").lstrip("\ufeff")
    facts: dict[str, str] = {}
    section = ""
    for line in text.splitlines():
        mark = re.fullmatch(r"\s*[\[{](.*)[\]}]\s*", line)
        if mark:
            section = mark[1].lower()
        name, separator, value = line.partition("=")
        if separator:
            facts.setdefault(f"{section}/{name.strip().lower()}", value.strip())
    try:
        return _opened(path, facts)
    except (ValueError, KeyError) as error:
        raise NmcError(
            f"{path.name} does not describe a volume ({error})", "export it again, or import the .vol as RAW"
        ) from error


def _opened(path: Path, facts: dict[str, str]) -> Opened:
    def fact(name: str) -> str:
        return facts.get(f"file1/{name}") or facts.get(f"representation/{name}", "")

    if fact("fileformat").lower() not in ("raw", ""):
        raise NmcError(f"the voxels of {path.name} are stored as {fact('fileformat')}", "export them as raw volume")
    x, y, z = (int(n) for n in fact("size").split())
    kind, bits = fact("datatype").lower(), int(fact("bitsperelement") or 8)
    dtype = _TYPES.get((kind, bits))
    if dtype is None:
        raise NmcError(f"{path.name} has values of type {kind!r} with {bits} bits", "export it with 8, 16 or 32 bits a voxel")
    big = fact("byteorder").lower() in ("big", "msb", "bigendian") or fact("endian").lower() == "big"
    stored = np.dtype(dtype).newbyteorder(">" if big else "<")
    file = data_files(path, [PureWindowsPath(fact("name") or path.with_suffix(".vol").name).name])[0]
    lengths = [float(n) for n in facts.get("geometry/resolution", "").split()]
    unit = facts.get("geometry/unit", "")
    factor = um_per(unit) if unit else None
    spacing: Triple | None = None
    if len(lengths) == 3 and factor and min(lengths) > 0:
        spacing = (lengths[2] * factor, lengths[1] * factor, lengths[0] * factor)
    said = f"resolution {' '.join(f'{n:g}' for n in lengths)} has no unit of length" if lengths else "no voxel size in the file"
    info = VolumeInfo(
        format="VGI",
        shape=(z, y, x),
        dtype=dtype,
        spacing_um=spacing,
        unit=f"geometry, {unit}" if spacing else said,
        name=path.stem,
    )
    source = Mapped(file, stored, (z, y, x), int(fact("skipheader") or fact("headersize") or 0))
    return Opened(info, source, beside=(file,))
