"""What can be said of a volume file before its data are read, and what a reader hands over."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nmcstudio.core.volume import Triple

if TYPE_CHECKING:
    from nmcstudio.io.volumes.raw_layout import RawLayout
    from nmcstudio.io.volumes.sources import Source


@dataclass(frozen=True)
class Dataset:
    """One volume inside a file that can hold several.

    Attributes
    ----------
    name
        Path of the dataset in the file.
    shape, dtype
        ``(z, y, x)`` and numpy's name of the type.
    """

    name: str
    shape: tuple[int, int, int]
    dtype: str


@dataclass(frozen=True)
class Missing:
    """Something that the user has to say before the file can be read.

    Attributes
    ----------
    field
        The option that says it ("spacing_um", "dataset", "channel", "time", "raw_shape", "raw_dtype").
    message, hint
        What is not known, and what to do.
    """

    field: str
    message: str
    hint: str


@dataclass(frozen=True)
class VolumeInfo:
    """Facts of a volume file that cost milliseconds.

    Attributes
    ----------
    format
        "TIFF", "TIFF folder", "HDF5", "VTI", "NRRD", "MetaImage", "VGI", "TXM", "DICOM", "OME-Zarr" or "RAW".
    shape
        ``(z, y, x)`` of what will be read: after axis order and crop. (0, 0, 0) where it is not known.
    dtype
        numpy's name of the type.
    spacing_um
        Voxel edges (z, y, x) in um, None where the file does not say them with a unit.
    origin_um
        Centre of the file's first voxel (z, y, x) in um.
    origin_voxels
        What is added to it in voxel edges: where the crop begins, and the origin of files that give lengths without a unit.
    unit
        Where spacing and unit come from, in words ("ImageJ metadata, micron"), or what is missing.
    datasets
        The volumes to choose from, for formats that can hold several.
    dataset
        The chosen one; empty where the user has to choose.
    channels, times
        How many the file has; one of each is read.
    levels
        Shapes of the resolutions of a pyramid, finest first; empty for other formats.
    axis_order
        Of the file, slowest first, in words.
    name
        Plain name of the data.
    simulated
        The file says that a program made the data.
    full_shape
        ``(z, y, x)`` before the crop.
    missing
        What the user has to say first.
    layout, guesses
        For RAW: the layout that will be used, and the likely ones, best first.
    warnings
        What a user should know before reading.
    """

    format: str
    shape: tuple[int, int, int]
    dtype: str
    spacing_um: Triple | None = None
    origin_um: Triple = (0.0, 0.0, 0.0)
    origin_voxels: Triple = (0.0, 0.0, 0.0)
    unit: str = ""
    datasets: tuple[Dataset, ...] = ()
    dataset: str = ""
    channels: int = 1
    times: int = 1
    levels: tuple[tuple[int, int, int], ...] = ()
    axis_order: str = "z, y, x"
    name: str = ""
    simulated: bool = False
    full_shape: tuple[int, int, int] = (0, 0, 0)
    missing: tuple[Missing, ...] = ()
    layout: RawLayout | None = None
    guesses: tuple[RawLayout, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def nbytes(self) -> int:
        """Size of the data in memory."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


def _nothing() -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Opened:
    """A file whose header was read.

    Attributes
    ----------
    info
        What the header says.
    source
        The values, read by boxes; None where `info.missing` says that the user has to choose first.
    observed
        Own label files: not 0 where the sample was imaged.
    extras
        Own label files: reads "quaternions" (``(n, 4)``), "point_group", "kind".
    beside
        Files that hold the data, where they are others than the one that was named.
    """

    info: VolumeInfo
    source: Source | None
    observed: Source | None = None
    extras: Callable[[], dict[str, Any]] = field(default=_nothing)
    beside: tuple[Path, ...] = ()


def several(name: str, datasets: tuple[Dataset, ...]) -> Missing:
    """The question which of several volumes of a file is meant."""
    said = ", ".join(f"{one.name} ({'×'.join(map(str, one.shape))} {one.dtype})" for one in datasets)
    return Missing("dataset", f"{name} holds several volumes: {said}", "choose one of them")


def says_simulated(text: str) -> bool:
    """True if a description in a file says that the data are simulated."""
    return "simulated" in text.lower()
