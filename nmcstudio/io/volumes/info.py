"""What can be said of a volume file before its data are read, and what a reader hands over."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.volume import Triple


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
class VolumeInfo:
    """Facts of a volume file that cost milliseconds.

    Attributes
    ----------
    format
        "TIFF", "TIFF folder", "HDF5", "VTI" or "NRRD".
    shape
        ``(z, y, x)``.
    dtype
        numpy's name of the type.
    spacing_um
        Voxel edges (z, y, x) in um, None where the file does not say them with a unit.
    origin_um
        Centre of the first voxel (z, y, x) in um.
    unit
        Where spacing and unit come from, in words ("ImageJ metadata, micron"), or what is missing.
    datasets
        The volumes to choose from, for formats that can hold several.
    dataset
        The chosen one; empty where the user has to choose.
    axis_order
        Of the file, slowest first, in words.
    name
        Plain name of the data.
    simulated
        The file says that a program made the data.
    warnings
        What a user should know before reading.
    """

    format: str
    shape: tuple[int, int, int]
    dtype: str
    spacing_um: Triple | None = None
    origin_um: Triple = (0.0, 0.0, 0.0)
    unit: str = ""
    datasets: tuple[Dataset, ...] = ()
    dataset: str = ""
    axis_order: str = "z, y, x"
    name: str = ""
    simulated: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def nbytes(self) -> int:
        """Size of the data in memory."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class Content:
    """Values of a file with its facts.

    Attributes
    ----------
    info
        As `probe` would say it.
    values
        Array ``[z, y, x]`` in the machine's byte order.
    extras
        What own label files carry beside the labels: "observed" (bool ``[z, y, x]``), "quaternions" (``(n, 4)``),
        "point_group", "kind".
    """

    info: VolumeInfo
    values: NDArray[Any]
    extras: dict[str, Any] = field(default_factory=dict)


def says_simulated(text: str) -> bool:
    """True if a description in a file says that the data are simulated."""
    return "simulated" in text.lower()
