"""RAW: voxels without a header. The layout comes from the options, or from the file beside it; never from a guess alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from nmcstudio.core.errors import NmcError
from nmcstudio.io.volumes.info import Missing, Opened, VolumeInfo
from nmcstudio.io.volumes.options import ReadOptions
from nmcstudio.io.volumes.raw_guess import guess_layouts
from nmcstudio.io.volumes.raw_layout import RawLayout, Sidecar, read_sidecar
from nmcstudio.io.volumes.sources import Mapped

SUFFIXES = (".raw", ".bin", ".dat", ".vol", ".img")
OPTIONS = ("raw",)


def recognizes(head: bytes) -> bool:
    """RAW files have no mark: the registry chooses this reader by name or by the options."""
    return False


def open_volume(path: Path, options: ReadOptions) -> Opened:
    """The file as its layout describes it.

    Raises
    ------
    NmcError
        If the file is shorter than the layout says; `field` is "raw_shape".
    """
    beside = read_sidecar(path)
    guesses = guess_layouts(path)
    layout, missing = _layout(path, options, beside, guesses)
    if layout is None:
        info = VolumeInfo("RAW", (0, 0, 0), "uint8", name=path.stem, missing=missing, guesses=guesses, unit="no header")
        return Opened(info, None)
    size = path.stat().st_size
    if layout.end > size:
        raise NmcError(
            f"{path.name} is too short for {layout.describe()}: it has {size} bytes, {layout.end} are needed",
            "correct shape, type or offset; or the file is incomplete: copy it again",
            "raw_shape",
        )
    warnings = []
    surplus = size - layout.end - layout.row_padding - layout.slice_padding
    if surplus > 0:
        warnings.append(f"{path.name} has {surplus} bytes more than its layout says: check shape, type and offset (--raw-offset)")
    twin = next((one for one in guesses if (one.shape, one.dtype) == (layout.shape, layout.dtype)), None)
    if beside is None and options.raw_byte_order is None and twin is not None and twin.byte_order != layout.byte_order:
        warnings.append(
            f"read as {layout.byte_order}-endian, but neighbours differ less as {twin.byte_order}-endian (--raw-byte-order)"
        )
    info = VolumeInfo(
        format="RAW",
        shape=layout.shape,
        dtype=layout.dtype,
        spacing_um=beside.spacing_um if beside else None,
        origin_um=beside.origin_um if beside else (0.0, 0.0, 0.0),
        unit="file beside it" if beside and beside.spacing_um else "no voxel size in the file",
        axis_order=", ".join(layout.axis_order),
        name=path.stem,
        missing=missing,
        layout=layout,
        guesses=guesses,
        warnings=tuple(warnings),
    )
    return Opened(info, Mapped(path, layout.stored_dtype, layout.shape, layout.offset, layout.strides))


def _layout(
    path: Path, options: ReadOptions, beside: Sidecar | None, guesses: tuple[RawLayout, ...]
) -> tuple[RawLayout | None, tuple[Missing, ...]]:
    """The layout as far as it is known, and what is not."""
    given: dict[str, Any] = {
        name: getattr(options, f"raw_{name}")
        for name in ("shape", "dtype", "byte_order", "offset", "axis_order", "row_padding", "slice_padding")
        if getattr(options, f"raw_{name}") is not None
    }
    if beside is not None:
        layout = replace(beside.layout, **given)
        layout.check()
        return layout, ()
    if "shape" not in given:
        likely = ""
        if guesses:
            numbers = " ".join(map(str, guesses[0].shape))
            likely = f" (likely: --raw-shape {numbers} --raw-dtype {guesses[0].dtype})"
        text = f"{path.name} has no header: its shape is not known"
        return None, (Missing("raw_shape", text, f"give it as z y x{likely}"),)
    if "dtype" not in given:
        fitting = _types_by_size(path, given)
        if len(fitting) != 1:
            said = next((one for one in guesses if one.shape == given["shape"] and one.dtype in fitting), None)
            likely = f"; likely {said.dtype}" if said else ""
            text = f"{path.name} has no header: the type of its values is not known"
            return None, (Missing("raw_dtype", text, f"give it, for example uint16 or float32{likely}"),)
        given["dtype"] = fitting[0]
    layout = RawLayout(**given)
    layout.check()
    return layout, ()


def _types_by_size(path: Path, given: dict[str, Any]) -> list[str]:
    """Types with which a given shape fills the file. One byte a voxel is taken as uint8; two or more can be several things."""
    size = path.stat().st_size
    types = ("uint8", "uint16", "int16", "float32", "uint32", "float64")
    return [one for one in types if RawLayout(**given | {"dtype": one}).end == size]
