"""The chain of pages of a TIFF file, walked without reading them: finds files that were cut off."""

from __future__ import annotations

import struct
from pathlib import Path

from nmcstudio.core.errors import NmcError

_MAGIC = {b"II*\0": ("<", False), b"MM\0*": (">", False), b"II+\0": ("<", True), b"MM\0+": (">", True)}


def is_tiff(head: bytes) -> bool:
    """True if a file that starts with these bytes is TIFF or BigTIFF."""
    return head[:4] in _MAGIC


def count_pages(path: Path) -> int:
    """Number of pages of a TIFF file, by following its chain of directories.

    Raises
    ------
    NmcError
        If the chain leads out of the file: it was cut off while it was written or copied.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        order, big = _MAGIC[file.read(4)]
        pointer, entry, counter = ("Q", 20, "Q") if big else ("I", 12, "H")
        file.seek(8 if big else 4)
        pages, seen = 0, set()
        while True:
            raw = file.read(struct.calcsize(pointer))
            offset = struct.unpack(order + pointer, raw)[0] if len(raw) == struct.calcsize(pointer) else size
            if offset == 0 and pages:
                return pages
            if offset == 0 or offset + 2 > size or offset in seen:
                raise cut_off(path, f"after {pages} page{'s' if pages != 1 else ''}")
            seen.add(offset)
            file.seek(offset)
            count_raw = file.read(struct.calcsize(counter))
            if len(count_raw) < struct.calcsize(counter):
                raise cut_off(path, f"after {pages} pages")
            entries = struct.unpack(order + counter, count_raw)[0]
            file.seek(entries * entry, 1)
            pages += 1


def cut_off(path: Path, where: str) -> NmcError:
    """The error for a file that ends too early."""
    return NmcError(f"{path.name} is incomplete: the file ends {where}", "copy or export it again; the original may be whole")
