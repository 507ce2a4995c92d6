"""Where the voxels of a RAW file lie, and the small file beside it that remembers."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.volume import Triple, check_spacing
from nmcstudio.io.files import replacing
from nmcstudio.io.volumes.options import DTYPES

_FORMAT = "nmcstudio/raw-layout"
_ORDERS = ("zyx", "zxy", "yzx", "yxz", "xzy", "xyz")


@dataclass(frozen=True)
class RawLayout:
    """Layout of a file without a header.

    Attributes
    ----------
    shape
        Voxels (z, y, x).
    dtype
        numpy's name of the type.
    byte_order
        "little" or "big".
    offset
        Bytes before the first voxel.
    axis_order
        Axes on disk, slowest first ("zyx": x runs fastest).
    row_padding, slice_padding
        Bytes behind each row (fastest axis) and each slice (two fastest axes).
    """

    shape: tuple[int, int, int]
    dtype: str = "uint8"
    byte_order: str = "little"
    offset: int = 0
    axis_order: str = "zyx"
    row_padding: int = 0
    slice_padding: int = 0

    def check(self) -> None:
        """Raises `NmcError` for values that no file can have."""
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise NmcError(f"the shape {self.shape} is not usable", "give three numbers of voxels, z y x", "raw_shape")
        if self.dtype not in DTYPES:
            raise NmcError(f"there is no type {self.dtype!r}", f"use one of {', '.join(DTYPES)}", "raw_dtype")
        if self.byte_order not in ("little", "big"):
            raise NmcError(f"there is no byte order {self.byte_order!r}", "use little or big", "raw_byte_order")
        if self.axis_order not in _ORDERS:
            raise NmcError(f"there is no axis order {self.axis_order!r}", f"use one of {', '.join(_ORDERS)}", "raw_axis_order")
        for name in ("offset", "row_padding", "slice_padding"):
            if getattr(self, name) < 0:
                raise NmcError(f"{name.replace('_', ' ')} is below 0", "give a number of bytes", f"raw_{name}")

    @property
    def stored_dtype(self) -> np.dtype[Any]:
        """numpy's type with the byte order of the file."""
        return np.dtype(self.dtype).newbyteorder(">" if self.byte_order == "big" else "<")

    @property
    def strides(self) -> tuple[int, int, int]:
        """Bytes from one voxel to the next along z, y, x."""
        lengths = dict(zip("zyx", self.shape))
        slow, middle, fast = tuple(self.axis_order)
        item = np.dtype(self.dtype).itemsize
        row = lengths[fast] * item + self.row_padding
        steps = {fast: item, middle: row, slow: lengths[middle] * row + self.slice_padding}
        return steps["z"], steps["y"], steps["x"]

    @property
    def end(self) -> int:
        """Bytes up to and with the last voxel (the padding behind it may be missing)."""
        last = sum((n - 1) * step for n, step in zip(self.shape, self.strides))
        return self.offset + last + np.dtype(self.dtype).itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of the voxels alone."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    def describe(self) -> str:
        """One line for people."""
        text = f"{' × '.join(map(str, self.shape))} (z y x), {self.dtype}"
        text += f", {self.byte_order}-endian" if np.dtype(self.dtype).itemsize > 1 else ""
        text += f", {self.offset} bytes of header" if self.offset else ""
        return text + (f", on disk {self.axis_order}" if self.axis_order != "zyx" else "")


@dataclass(frozen=True)
class Sidecar:
    """What the file beside a RAW file says."""

    layout: RawLayout
    spacing_um: Triple | None = None
    origin_um: Triple = (0.0, 0.0, 0.0)


def sidecar_path(path: Path) -> Path:
    """Name of the file beside it: ``scan.raw.json`` for ``scan.raw``, ``scan.bin.raw.json`` for ``scan.bin``."""
    return path.with_name((path.stem if path.suffix.lower() == ".raw" else path.name) + ".raw.json")


def read_sidecar(path: Path) -> Sidecar | None:
    """What is remembered of a RAW file, or None.

    Raises
    ------
    NmcError
        If the file beside it is there and cannot be understood.
    """
    beside = sidecar_path(path)
    if not beside.is_file():
        return None
    try:
        content = json.loads(beside.read_text(encoding="utf-8"))
        if content["format"] != _FORMAT or content["version"] != 1:
            raise ValueError(f"format {content['format']!r}, version {content['version']!r}")
        given = {field.name: content[field.name] for field in fields(RawLayout) if field.name in content}
        layout = RawLayout(**given | {"shape": tuple(int(n) for n in content["shape"])})
        layout.check()
        spacing = content.get("spacing_um")
        oz, oy, ox = (float(v) for v in content.get("origin_um", (0, 0, 0)))
        return Sidecar(layout, None if spacing is None else check_spacing(spacing), (oz, oy, ox))
    except NmcError as error:
        raise NmcError(f"{beside.name}: {error.message}", error.hint) from error
    except (ValueError, KeyError, TypeError) as error:
        raise NmcError(
            f"{beside.name} is no layout of a RAW file ({error})", "correct it, or delete it and say it again"
        ) from error


def write_sidecar(path: Path, sidecar: Sidecar) -> None:
    """Write the layout beside a RAW file. Raises `NmcError` if nothing can be written there."""
    content = {"format": _FORMAT, "version": 1, **asdict(sidecar.layout), "spacing_um": sidecar.spacing_um}
    content["origin_um"] = sidecar.origin_um
    with replacing(sidecar_path(path)) as part:
        part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
