"""A minimal writer of OLE2 compound files, after Microsoft's [MS-CFB]: enough for what a microscope writes."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FREE, END, FAT, DIFAT, NONE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFC, 0xFFFFFFFF
MINI_CUTOFF, MINI = 4096, 64


class _Entry:
    def __init__(self, name: str, kind: int) -> None:
        self.name, self.kind = name, kind
        self.left = self.right = self.child = NONE
        self.start, self.size = (END, 0) if kind == 2 else (0, 0)
        self.children: list[int] = []


def write_ole(path: Path, streams: Mapping[str, bytes], sector: int = 512, scatter: bool = False) -> None:
    """Write streams ("storage/name" to bytes).

    Parameters
    ----------
    sector
        512 (version 3) or 4096 (version 4).
    scatter
        Sectors of large streams in reverse order, as after many edits.
    """
    entries = [_Entry("Root Entry", 5)]
    storages = {"": 0}
    contents: list[tuple[int, bytes]] = []
    for name, data in streams.items():
        parent = ""
        *folders, last = name.split("/")
        for folder in folders:
            place = f"{parent}/{folder}".strip("/")
            if place not in storages:
                storages[place] = len(entries)
                entries[storages[parent]].children.append(len(entries))
                entries.append(_Entry(folder, 1))
            parent = place
        entries[storages[parent]].children.append(len(entries))
        contents.append((len(entries), data))
        entries.append(_Entry(last, 2))
    for entry in entries:
        entry.child = _tree(entries, entry.children)

    sectors: list[bytes] = []
    fat: list[int] = []

    def chain(data: bytes, mixed: bool = False) -> int:
        if not data:
            return END
        pieces = [data[k : k + sector].ljust(sector, b"\0") for k in range(0, len(data), sector)]
        first = len(sectors)
        if mixed:  # the last piece stands first
            sectors.extend(reversed(pieces))
            fat.extend([END, *range(first, first + len(pieces) - 1)])
            return first + len(pieces) - 1
        sectors.extend(pieces)
        fat.extend([*range(first + 1, first + len(pieces)), END])
        return first

    mini, mini_fat = b"", []
    for index, data in contents:
        entry = entries[index]
        entry.size = len(data)
        if len(data) >= MINI_CUTOFF:
            entry.start = chain(data, scatter)
        elif data:
            entry.start = len(mini) // MINI
            count = -(-len(data) // MINI)
            mini += data.ljust(count * MINI, b"\0")
            mini_fat += [*range(entry.start + 1, entry.start + count), END]
    entries[0].size, entries[0].start = len(mini), chain(mini)
    mini_start = chain(struct.pack(f"<{len(mini_fat)}I", *mini_fat).ljust(-(-4 * len(mini_fat) // sector) * sector, b"\xff"))
    directory = b"".join(map(_packed, entries))
    empty = _packed(_Entry("", 0))
    directory += empty * (-(len(directory) // 128) % (sector // 128))
    directory_start = chain(directory)
    per = sector // 4
    count, more = 1, 0  # sectors of the FAT, and of the list of those beyond 109
    while count * per < len(fat) + count + more:
        count += 1
        more = -(-max(0, count - 109) // (per - 1))
    fat_places = list(range(len(fat), len(fat) + count))
    table = [*fat, *[FAT] * count, *[DIFAT] * more]
    table += [FREE] * (count * per - len(table))
    for k in range(count):
        sectors.append(struct.pack(f"<{per}I", *table[k * per : (k + 1) * per]))
    beyond = fat_places[109:]
    for k in range(more):
        part = beyond[k * (per - 1) : (k + 1) * (per - 1)]
        following = len(fat) + count + k + 1 if k + 1 < more else END
        sectors.append(struct.pack(f"<{per}I", *part, *[FREE] * (per - 1 - len(part)), following))
    head: list[Any] = [0x3E, 4 if sector == 4096 else 3, 0xFFFE, 12 if sector == 4096 else 9, 6]
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<5H", *head) + bytes(6)
    directory_count = len(directory) // sector if sector == 4096 else 0
    header += struct.pack("<3I", directory_count, count, directory_start) + struct.pack("<2I", 0, MINI_CUTOFF)
    header += struct.pack("<2I", mini_start, len(mini_fat) * 4 // sector + bool(len(mini_fat) * 4 % sector))
    header += struct.pack("<2I", len(fat) + count if more else END, more)
    header += struct.pack("<109I", *fat_places[:109], *[FREE] * (109 - min(count, 109)))
    path.write_bytes(header.ljust(sector, b"\0") + b"".join(sectors))


def _tree(entries: list[_Entry], children: list[int]) -> int:
    """Balanced search tree of siblings, ordered as the format wants; the index of its root."""
    if not children:
        return NONE
    ordered = sorted(children, key=lambda k: (len(entries[k].name), entries[k].name.upper()))
    middle = len(ordered) // 2
    root = ordered[middle]
    entries[root].left, entries[root].right = _tree(entries, ordered[:middle]), _tree(entries, ordered[middle + 1 :])
    return root


def _packed(entry: _Entry) -> bytes:
    name = (entry.name + "\0").encode("utf-16-le") if entry.name else b""
    head = name.ljust(64, b"\0") + struct.pack("<HBB3I", len(name), entry.kind, 1, entry.left, entry.right, entry.child)
    return head + bytes(36) + struct.pack("<IQ", entry.start, entry.size)
