"""What a user may say about reading a volume, and which of it fits which format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from nmcstudio.core.errors import NmcError

AxisOrder = Literal["zyx", "zxy", "yzx", "yxz", "xzy", "xyz"]
Axis = Literal["z", "y", "x"]
Dtype = Literal["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]
ByteOrder = Literal["little", "big"]
DTYPES: tuple[str, ...] = get_args(Dtype)

# Options that only some formats know; the others hold for all.
SPECIAL = ("dataset", "channel", "time", "level")


@dataclass(frozen=True)
class ReadOptions:
    """How to read a file; None is the format's own or only way.

    Attributes
    ----------
    dataset
        Which of several volumes in a file (HDF5, VTI, OME-Zarr, DICOM).
    channel, time
        Which of several, counted from 0 (TIFF, NRRD, MetaImage, OME-Zarr).
    level
        Resolution of a pyramid, 0 the finest (OME-Zarr).
    axis_order
        What the axes of the file, slowest first, really are; "zyx" believes the file.
    flip
        Axes (after `axis_order`) that run the wrong way in the file.
    crop
        z0 z1 y0 y1 x0 x1 in voxels after `axis_order` and `flip`, ends not included; only this part is read.
    raw_shape
        z y x, for RAW files, as the following.
    raw_dtype, raw_byte_order, raw_offset
        Type, byte order, and bytes before the first voxel.
    raw_axis_order
        Axes on disk, slowest first.
    raw_row_padding, raw_slice_padding
        Bytes behind each row and each slice.
    """

    dataset: str | None = None
    channel: int | None = None
    time: int | None = None
    level: int | None = None
    axis_order: AxisOrder = "zyx"
    flip: tuple[Axis, ...] = ()
    crop: tuple[int, int, int, int, int, int] | None = None
    raw_shape: tuple[int, int, int] | None = None
    raw_dtype: Dtype | None = None
    raw_byte_order: ByteOrder | None = None
    raw_offset: int | None = None
    raw_axis_order: AxisOrder | None = None
    raw_row_padding: int | None = None
    raw_slice_padding: int | None = None

    @property
    def says_raw(self) -> bool:
        """True if anything is said about the layout of a RAW file."""
        return any(getattr(self, field.name) is not None for field in fields(self) if field.name.startswith("raw_"))

    def unused_by(self, known: Sequence[str]) -> tuple[str, ...]:
        """Options that were given although a format knows only `known` ("raw" for those of RAW files)."""
        given = [name for name in SPECIAL if getattr(self, name) is not None and name not in known]
        if "raw" not in known:
            given += [
                field.name for field in fields(self) if field.name.startswith("raw_") and getattr(self, field.name) is not None
            ]
        return tuple(given)


def options_from(values: Any) -> ReadOptions:
    """The reading options among a step's parameters."""
    known = {field.name for field in fields(ReadOptions)}
    found = {name: getattr(values, name) for name in known if hasattr(values, name)}
    return ReadOptions(**found)


def choose(number: int | None, count: int, what: str, field: str, name: str) -> int:
    """One of `count` channels or times; the only one if there is no choice, 0 while none is made.

    Raises
    ------
    NmcError
        If there is no such number.
    """
    if number is not None and not 0 <= number < count:
        raise NmcError(f"{name} has no {what} {number}", f"it has 0 to {count - 1}", field)
    return number or 0
