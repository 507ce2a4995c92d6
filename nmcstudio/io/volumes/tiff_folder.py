"""A folder, or a choice, of 2-D TIFF files: one slice each, in the order in which people count."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.io.files import natural_key, numbering_gaps
from nmcstudio.io.volumes import tiff
from nmcstudio.io.volumes.info import Opened, VolumeInfo
from nmcstudio.io.volumes.options import ReadOptions
from nmcstudio.io.volumes.sources import Planes
from nmcstudio.io.volumes.tiff_chain import is_tiff

OPTIONS = tiff.OPTIONS


def slices_in(folder: Path) -> list[Path]:
    """The TIFF files of a folder in natural order.

    Raises
    ------
    NmcError
        If there are none.
    """
    found = [p for p in folder.iterdir() if p.suffix.lower() in tiff.SUFFIXES and p.is_file() and not p.name.startswith(".")]
    if not found:
        raise NmcError(
            f"the folder {folder} holds no TIFF files, no DICOM slices and no OME-Zarr",
            "choose the folder with the slices (.tif, .dcm), or a single file",
        )
    return sorted(found, key=lambda p: natural_key(p.name))


def open_volume(slices: Sequence[Path], options: ReadOptions) -> Opened:
    """Facts of a series of slices, from the names and the first one.

    Reading raises `NmcError` if a slice has another size or type than the first, or cannot be read; it says which.
    """
    first = _opened_slice(slices[0], options).info
    warnings = list(first.warnings)
    gaps = numbering_gaps([p.name for p in slices])
    if gaps:
        more = f" and {len(gaps) - 3} more" if len(gaps) > 3 else ""
        warnings.append(f"slices seem to be missing {'; '.join(gaps[:3])}{more}: the volume is joined as if they were not")
    info = replace(
        first,
        format="TIFF folder",
        shape=(len(slices), *first.shape[1:]),
        axis_order="file, row, column",
        name=slices[0].parent.name or slices[0].stem,
        warnings=tuple(warnings),
    )

    def read_planes(numbers: Sequence[int]) -> Generator[NDArray[Any]]:
        return (_read_slice(slices[k], slices[0], first, options) for k in numbers)

    return Opened(info, Planes(info.shape, np.dtype(info.dtype), f"{len(slices)} slices", read_planes))


def _read_slice(path: Path, first: Path, info: VolumeInfo, options: ReadOptions) -> NDArray[Any]:
    opened = _opened_slice(path, options)
    one = opened.info
    if one.shape[1:] != info.shape[1:] or one.dtype != info.dtype or opened.source is None:
        raise NmcError(
            f"the slice {path.name} has {one.shape[1]}×{one.shape[2]} pixels of type {one.dtype}, "
            f"the first one ({first.name}) {info.shape[1]}×{info.shape[2]} of type {info.dtype}",
            "all slices must be alike: take the odd file out of the folder or export it again",
        )
    return opened.source.read()[0]


def _opened_slice(path: Path, options: ReadOptions) -> Opened:
    with path.open("rb") as file:
        head = file.read(8)
    if not is_tiff(head):
        what = "is empty" if not head else "is not a TIFF file in spite of its name"
        raise NmcError(f"the slice {path.name} {what}", "take it out of the folder or export it again")
    opened = tiff.open_volume(path, options)
    if opened.info.shape[0] != 1:
        raise NmcError(
            f"{path.name} holds {opened.info.shape[0]} pages among files of one slice each",
            "open it alone, or remove it from the choice",
        )
    return opened
