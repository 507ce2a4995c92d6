"""A folder, or a choice, of 2-D TIFF files: one slice each, in the order in which people count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import tifffile

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.io.files import natural_key, numbering_gaps
from nmcstudio.io.volumes import tiff
from nmcstudio.io.volumes.info import Content, VolumeInfo
from nmcstudio.io.volumes.tiff_chain import is_tiff


def slices_in(folder: Path) -> list[Path]:
    """The TIFF files of a folder in natural order.

    Raises
    ------
    NmcError
        If there are none.
    """
    found = [p for p in folder.iterdir() if p.suffix.lower() in tiff.SUFFIXES and p.is_file() and not p.name.startswith(".")]
    if not found:
        raise NmcError(f"the folder {folder} holds no TIFF files", "choose the folder with the slices (.tif), or a single file")
    return sorted(found, key=lambda p: natural_key(p.name))


def probe(slices: Sequence[Path]) -> VolumeInfo:
    """Facts of a series of slices, from the names and the first one."""
    first = _probe_slice(slices[0])
    warnings = list(first.warnings)
    gaps = numbering_gaps([p.name for p in slices])
    if gaps:
        more = f" and {len(gaps) - 3} more" if len(gaps) > 3 else ""
        warnings.append(f"slices seem to be missing {'; '.join(gaps[:3])}{more}: the volume is joined as if they were not")
    return replace(
        first,
        format="TIFF folder",
        shape=(len(slices), *first.shape[1:]),
        axis_order="file, row, column",
        name=slices[0].parent.name or slices[0].stem,
        warnings=tuple(warnings),
    )


def read(slices: Sequence[Path], monitor: Monitor) -> Content:
    """Read one slice after the other.

    Raises
    ------
    NmcError
        If a slice has another size or type than the first, or cannot be read; says which.
    """
    info = probe(slices)
    values = np.empty(info.shape, dtype=info.dtype)
    for index, path in enumerate(monitor.track(slices, f"Reading {len(slices)} slices")):
        one = _probe_slice(path)
        if one.shape[1:] != info.shape[1:] or one.dtype != info.dtype:
            raise NmcError(
                f"the slice {path.name} has {one.shape[1]}×{one.shape[2]} pixels of type {one.dtype}, "
                f"the first one ({slices[0].name}) {info.shape[1]}×{info.shape[2]} of type {info.dtype}",
                "all slices must be alike: take the odd file out of the folder or export it again",
            )
        with tifffile.TiffFile(path) as tif:
            values[index] = tiff.read_page(path, tif.pages[0], 0)
    return Content(info, values)


def _probe_slice(path: Path) -> VolumeInfo:
    with path.open("rb") as file:
        head = file.read(8)
    if not is_tiff(head):
        what = "is empty" if not head else "is not a TIFF file in spite of its name"
        raise NmcError(f"the slice {path.name} {what}", "take it out of the folder or export it again")
    info = tiff.probe(path)
    if info.shape[0] != 1:
        raise NmcError(
            f"{path.name} holds {info.shape[0]} pages among files of one slice each",
            "open it alone, or remove it from the choice",
        )
    return info
