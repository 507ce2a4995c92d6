"""TIFF stacks: multi-page, BigTIFF, ImageJ, OME; either byte order; memory-mapped where they are large and uncompressed."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Triple
from nmcstudio.io.files import replacing
from nmcstudio.io.volumes.info import Missing, Opened, VolumeInfo, says_simulated
from nmcstudio.io.volumes.options import ReadOptions, choose
from nmcstudio.io.volumes.sources import Mapped, Planes
from nmcstudio.io.volumes.tiff_axes import TiffAxes, axes_of
from nmcstudio.io.volumes.tiff_chain import count_pages, cut_off, is_tiff
from nmcstudio.io.volumes.tiff_spacing import spacing_of

SUFFIXES = (".tif", ".tiff", ".btf", ".tf8")
OPTIONS = ("channel", "time")
_BIG_ABOVE = (1 << 32) - (1 << 25)  # bytes: classic TIFF has 32-bit offsets
_WRITTEN = ("uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64")


def recognizes(head: bytes) -> bool:
    """True if a file that starts with these bytes is of this format."""
    return is_tiff(head)


def open_volume(path: Path, options: ReadOptions) -> Opened:
    """Shape, type, voxel size and slices of a TIFF file.

    Raises
    ------
    NmcError
        If the file is cut off, or its pages do not form one volume, with channels and times at most.
    """
    with opened(path) as tif:
        axes = axes_of(path, tif)
        channel = choose(options.channel, axes.channels, "channel", "channel", path.name)
        time = choose(options.time, axes.times, "time", "time", path.name)
        info = _describe(path, tif, axes, options)
        series = tif.series[0]
        stored = np.dtype(series.dtype)
        shape = info.shape
        if series.dataoffset is not None and stored.kind != "b":
            fixed, strides = axes.layout(stored.itemsize, channel, time)
            where = series.dataoffset + fixed
            return Opened(info, Mapped(path, stored.newbyteorder(tif.byteorder), shape, where, strides))

    def read_planes(numbers: Sequence[int]) -> Generator[NDArray[Any]]:
        return _decoded(path, axes, channel, time, numbers)

    return Opened(info, Planes(shape, np.dtype(info.dtype), path.name, read_planes))


def _decoded(path: Path, axes: TiffAxes, channel: int, time: int, numbers: Sequence[int]) -> Generator[NDArray[Any]]:
    """Slices of packed pages, a few at a time: unpacking does not hold Python's lock."""
    workers = min(4, os.cpu_count() or 1)
    with opened(path) as tif, ThreadPoolExecutor(workers) as pool:
        series: Any = tif.series[0]
        if axes.page_ndim > 3 or "z" in axes.in_page:  # a whole volume in one page
            volume = read_page(path, series, 0)
            yield from (axes.take(volume, channel, time, z) for z in numbers)
            return
        tif.filehandle.set_lock(True)
        waiting: deque[Any] = deque()
        try:
            for z in numbers:
                waiting.append(pool.submit(read_page, path, series.pages[axes.page(z, channel, time)], z))
                if len(waiting) > 2 * workers:
                    yield axes.in_plane(waiting.popleft().result(), channel)
            while waiting:
                yield axes.in_plane(waiting.popleft().result(), channel)
        finally:
            for future in waiting:
                future.cancel()


def read_page(path: Path, page: Any, index: int) -> NDArray[Any]:
    """Pixels of one page; raises `NmcError` if it cannot be decoded."""
    try:
        if page is None:
            raise ValueError("it is missing")
        return np.asarray(page.asarray(maxworkers=1))
    except (Cancelled, MemoryError):
        raise
    except Exception as error:  # decoders raise many types
        raise NmcError(f"page {index + 1} of {path.name} cannot be read ({error})", "copy or export the file again") from error


def write(
    path: Path,
    values: NDArray[Any],
    spacing_um: Triple,
    monitor: Monitor,
    *,
    description: str = "",
    differences: bool = True,
) -> None:
    """Write a stack with its voxel size.

    uint8, uint16 and float32 up to 4 GB get ImageJ metadata, everything else OME metadata (in a BigTIFF where it is large),
    because ImageJ's own format knows neither signed nor 32-bit integers nor large files.

    Parameters
    ----------
    values
        Array ``[z, y, x]``. Integers of 64 bits, which OME does not know, become float64, exact up to 2^53.
    description
        One line for the file's header ("simulated …").
    differences
        Pack differences of neighbouring pixels: smaller for grey values, larger for labels.
    """
    if values.dtype.name not in _WRITTEN:
        values = values.astype({"bool": np.uint8, "int64": np.float64, "uint64": np.float64}.get(values.dtype.name, np.float32))
    large = values.nbytes > _BIG_ABOVE
    z, y, x = spacing_um
    imagej = not large and values.dtype in (np.uint8, np.uint16, np.float32)
    metadata: dict[str, Any]
    if imagej:
        metadata = {"axes": "ZYX", "spacing": z, "unit": "um", **({"Info": description} if description else {})}
    else:
        metadata = {"axes": "ZYX", **{f"PhysicalSize{a}": v for a, v in zip("ZYX", spacing_um)}}
        metadata |= {f"PhysicalSize{a}Unit": "µm" for a in "ZYX"} | ({"Description": description} if description else {})
    with replacing(path) as part, tifffile.TiffWriter(part, imagej=imagej, ome=not imagej, bigtiff=large) as writer:
        writer.write(
            (np.ascontiguousarray(plane) for plane in monitor.track(values, f"Writing {path.name}")),
            shape=values.shape,
            dtype=values.dtype,
            photometric="minisblack",
            compression="zlib",
            predictor=differences and values.dtype.kind == "u",
            resolution=(1 / x, 1 / y),
            metadata=metadata,
        )


def opened(path: Path) -> tifffile.TiffFile:
    """An open TIFF file whose chain of pages is whole."""
    count_pages(path)
    try:
        return tifffile.TiffFile(path)
    except (tifffile.TiffFileError, ValueError, KeyError, IndexError) as error:
        raise NmcError(f"{path.name} is not a TIFF file that can be read ({error})", "export it again as TIFF stack") from error


def _describe(path: Path, tif: tifffile.TiffFile, axes: TiffAxes, options: ReadOptions) -> VolumeInfo:
    page: Any = tif.pages[0]
    stored = np.dtype(tif.series[0].dtype)
    if stored.kind not in "uifb":
        raise NmcError(f"{path.name} holds values of type {stored}", "export it as 8-bit, 16-bit or 32-bit grey values")
    dtype = np.dtype(np.uint8) if stored.kind == "b" else stored.newbyteorder("=")
    _check_length(path, tif, axes)
    found = spacing_of(tif)
    warnings = [*found.warnings, *axes.warnings]
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
        warnings.append("the file has a colour table; its indices are read as values")
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        warnings.append("the file shows 0 as white; the values are read as they are stored")
    texts = [page.description or "", str((tif.imagej_metadata or {}).get("Info", ""))]
    missing = []
    if axes.channels > 1 and options.channel is None:
        colour = page.photometric == tifffile.PHOTOMETRIC.RGB
        what = "is a colour image" if colour else f"has {axes.channels} channels"
        names = "0 red, 1 green, 2 blue" if colour else f"0 to {axes.channels - 1}"
        missing.append(Missing("channel", f"{path.name} {what}", f"choose one channel ({names}), or save grey values"))
    if axes.times > 1 and options.time is None:
        missing.append(Missing("time", f"{path.name} has {axes.times} times", f"choose one, 0 to {axes.times - 1}"))
    return VolumeInfo(
        format="TIFF",
        shape=axes.shape,
        dtype=dtype.name,
        spacing_um=found.spacing_um,
        unit=found.source,
        channels=axes.channels,
        times=axes.times,
        axis_order="slice, row, column",
        name=path.stem,
        simulated=any(map(says_simulated, texts)),
        missing=tuple(missing),
        warnings=tuple(warnings),
    )


def _check_length(path: Path, tif: tifffile.TiffFile, axes: TiffAxes) -> None:
    """The pixels of the first and the last page lie inside the file, with as many slices as ImageJ's header says.

    What is missing in between shows when the pages are read; looking at every page of a long stack would take a second.
    """
    size = path.stat().st_size
    series = tif.series[0]
    if series.dataoffset is not None and series.dataoffset + series.nbytes > size:
        raise cut_off(path, "within its pixels")
    for index in sorted({0, len(tif.pages) - 1}):
        page = tif.pages[index]
        ends = [int(offset) + int(count) for offset, count in zip(page.dataoffsets, page.databytecounts)]
        if ends and max(ends) > size:
            raise cut_off(path, f"within page {index + 1} of {len(tif.pages)}")
    said = int((tif.imagej_metadata or {}).get("images", 1)) if tif.is_imagej else 1
    there = axes.shape[0] * axes.channels * axes.times
    if said > there:
        raise cut_off(path, f"after {there} of {said} slices")
