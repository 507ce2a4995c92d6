"""Data behind a text header (NRRD, MetaImage): plain, packed or as text; in the same file, in another, or in many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.units import um_per
from nmcstudio.core.volume import Triple
from nmcstudio.io.volumes.packed import Joined, Plain, Unpacked
from nmcstudio.io.volumes.sources import InMemory, Mapped, Shape, Source, Streamed, cut_short


def data_files(header: Path, names: Sequence[str]) -> list[Path]:
    """Data files beside their header.

    Raises
    ------
    NmcError
        If one is missing.
    """
    if not names:
        raise NmcError(f"{header.name} names no files with its data", "the header is incomplete: copy or export it again")
    files = [header.parent / name.strip().strip('"') for name in names]
    for file in files:
        if not file.is_file():
            raise NmcError(
                f"the data of {header.name} are missing: there is no file {file.name} beside it", "copy both files to one folder"
            )
    return files


def numbered(pattern: str, numbers: Sequence[str], name: str) -> list[str]:
    """Names made from ``slice%03d.raw 1 100 1``. Raises `NmcError` for a pattern that is none."""
    try:
        low, high, step = (int(n) for n in numbers[:3])
        return [pattern % k for k in range(low, high + (1 if step > 0 else -1), step)]
    except (ValueError, TypeError) as error:
        raise NmcError(f"{name} names its data files in a way that is not understood ({pattern})", "list the files") from error


def open_values(
    files: Sequence[Path],
    offset: int,
    encoding: str,
    dtype: np.dtype[Any],
    shape: Shape,
    *,
    before: int = 1,
    interleaved: int = 1,
    channel: int = 0,
    inner_offset: int = 0,
) -> Source:
    """The values of one channel.

    Parameters
    ----------
    files, offset
        Where the data are, and bytes before them in each file (-1: they are the file's last bytes).
    encoding
        "raw", "gzip", "bzip2", "hex" or "text".
    dtype, shape
        As stored, with byte order; (z, y, x) of one channel.
    before, interleaved, channel
        Channels stored one behind the other (`before` of them) or voxel by voxel (`interleaved` of them), and which to take.
    inner_offset
        Bytes to leave out after unpacking.
    """
    item = dtype.itemsize
    one = math.prod(shape) * interleaved * item
    total = one * before
    skip, inside = (channel * one, 0) if before > 1 else (0, channel)
    if encoding == "text":
        return _parsed(files[0], max(offset, 0), dtype, shape, skip // item, interleaved, inside)
    if offset < 0:
        offset = files[0].stat().st_size - total // len(files)
        if offset < 0:
            raise cut_short(files[0].name)
    if encoding == "raw" and len(files) == 1:
        x_step = item * interleaved
        strides = (shape[1] * shape[2] * x_step, shape[2] * x_step, x_step)
        return Mapped(files[0], dtype, shape, offset + skip + inside * item, strides)
    if encoding == "raw":
        for file in files:
            if file.stat().st_size < offset + total // len(files):
                raise cut_short(file.name)
    openers = [partial(Plain, f, offset) if encoding == "raw" else partial(Unpacked, f, offset, encoding) for f in files]
    sizes = [total // len(files)] * len(files)
    name = files[0].name
    if len(files) == 1:
        return Streamed(shape, dtype, name, openers[0], inner_offset + skip, interleaved, inside)
    return Streamed(shape, dtype, name, lambda: Joined(openers, sizes), skip, interleaved, inside)


def _parsed(file: Path, offset: int, dtype: np.dtype[Any], shape: Shape, first: int, interleaved: int, channel: int) -> InMemory:
    with file.open("rb") as stream:
        stream.seek(offset)
        words = stream.read().replace(b",", b" ").split()
    count = math.prod(shape) * interleaved
    if len(words) < first + count:
        raise cut_short(file.name)
    try:
        values = np.array(words[first : first + count]).astype(dtype.newbyteorder("="))
    except ValueError as error:
        raise NmcError(f"{file.name} holds something else than numbers ({error})", "copy or export it again") from error
    return InMemory(values.reshape(*shape, interleaved)[..., channel])


def lengths_um(spacing: Triple | None, origin: Triple, units: Sequence[str]) -> tuple[Triple | None, Triple, Triple, str]:
    """Voxel edges, origin in um, origin in voxels, and where they are from.

    Parameters
    ----------
    spacing, origin
        (z, y, x) in the header's unit; spacing None where there is none.
    units
        The header's units of z, y, x; empty where there are none.
    """
    nowhere = (0.0, 0.0, 0.0)
    if spacing is None:
        return None, nowhere, nowhere, "no voxel size in the file"
    factors = [um_per(unit) for unit in units]
    if len(factors) == 3 and all(factors):
        z, y, x = (s * (f or 1.0) for s, f in zip(spacing, factors))
        oz, oy, ox = (o * (f or 1.0) for o, f in zip(origin, factors))
        return (z, y, x), (oz, oy, ox), nowhere, f"header, {units[0]}"
    vz, vy, vx = (o / s for o, s in zip(origin, spacing))
    said = " ".join(f"{number:g}" for number in spacing[::-1])
    named = f" (unit {units[0]!r})" if units and units[0] else ""
    return None, nowhere, (vz, vy, vx), f"the header's spacing {said} (x y z) has no unit of length{named}"
