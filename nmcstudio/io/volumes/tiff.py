"""TIFF stacks: multi-page, BigTIFF, ImageJ, OME; either byte order; memory-mapped where they are large and uncompressed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Triple
from nmcstudio.io.files import replacing
from nmcstudio.io.volumes.info import Content, VolumeInfo, says_simulated
from nmcstudio.io.volumes.tiff_chain import count_pages, cut_off, is_tiff
from nmcstudio.io.volumes.tiff_spacing import spacing_of

SUFFIXES = (".tif", ".tiff", ".btf", ".tf8")
_MAP_ABOVE = 2 << 30  # bytes: larger uncompressed stacks stay on disk and are mapped
_BIG_ABOVE = (1 << 32) - (1 << 25)  # bytes: classic TIFF has 32-bit offsets


def recognizes(head: bytes) -> bool:
    """True if a file that starts with these bytes is of this format."""
    return is_tiff(head)


def probe(path: Path, dataset: str | None = None) -> VolumeInfo:
    """Shape, type and voxel size of a TIFF file, without its pixels.

    Raises
    ------
    NmcError
        If the file is cut off, is in colour, or its pages do not form one grey-scale stack.
    """
    with _opened(path) as tif:
        return _describe(path, tif)


def read(path: Path, dataset: str | None, monitor: Monitor) -> Content:
    """Read a stack page by page. Raises `NmcError` as `probe`, and for pages that cannot be decoded."""
    with _opened(path) as tif:
        info = _describe(path, tif)
        series = tif.series[0]
        stored = np.dtype(series.dtype)
        if series.dataoffset is not None and stored.kind != "b":
            native = tif.byteorder == ("<" if np.little_endian else ">") or stored.itemsize == 1
            mapped = np.memmap(path, stored.newbyteorder(tif.byteorder), "r", series.dataoffset, info.shape)
            if native and mapped.nbytes > _MAP_ABOVE:
                return Content(info, mapped)
            return Content(info, _copy_planes(mapped, np.dtype(info.dtype), monitor))
        values = np.empty(info.shape, dtype=info.dtype)
        if len(series.pages) != len(values):
            monitor.report(None, f"Reading {path.name}")
            values[:] = series.asarray().reshape(info.shape)
            return Content(info, values)
        for index, page in enumerate(monitor.track(series.pages, f"Reading {path.name}")):
            values[index] = read_page(path, page, index)
        return Content(info, values)


def read_page(path: Path, page: Any, index: int) -> NDArray[Any]:
    """Pixels of one page; raises `NmcError` if it cannot be decoded."""
    try:
        if page is None:
            raise ValueError("it is missing")
        return np.asarray(page.asarray())
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
    because ImageJ's own format knows neither 32-bit integers nor large files.

    Parameters
    ----------
    values
        Array ``[z, y, x]`` of uint8, uint16, uint32 or float32; other types are converted to float32.
    description
        One line for the file's header ("simulated …").
    differences
        Pack differences of neighbouring pixels: smaller for grey values, larger for labels.
    """
    if values.dtype not in (np.uint8, np.uint16, np.uint32, np.float32):
        values = values.astype(np.uint8 if values.dtype == bool else np.float32)
    large = values.nbytes > _BIG_ABOVE
    z, y, x = spacing_um
    imagej = not large and values.dtype != np.uint32
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


def _opened(path: Path) -> tifffile.TiffFile:
    count_pages(path)
    try:
        return tifffile.TiffFile(path)
    except (tifffile.TiffFileError, ValueError, KeyError, IndexError) as error:
        raise NmcError(f"{path.name} is not a TIFF file that can be read ({error})", "export it again as TIFF stack") from error


def _describe(path: Path, tif: tifffile.TiffFile) -> VolumeInfo:
    series = tif.series
    if len(series) != 1:
        shapes = sorted({"×".join(map(str, one.shape)) for one in series})
        raise NmcError(
            f"the pages of {path.name} have different sizes ({', '.join(shapes[:4])})",
            "a volume needs slices of one size: export the stack without thumbnails or other images",
        )
    page: Any = tif.pages[0]
    if getattr(page, "samplesperpixel", 1) > 1 or "S" in series[0].axes:
        raise NmcError(f"{path.name} is a colour image", "convert it to grey values (8 or 16 bit) first")
    lengths = [n for n in series[0].shape if n != 1] if len(series[0].shape) > 3 else list(series[0].shape)
    if len(lengths) > 3:
        raise NmcError(
            f"{path.name} has {len(lengths)} dimensions ({series[0].axes}, {'×'.join(map(str, series[0].shape))})",
            "save one channel and one time as a stack of slices",
        )
    shape = tuple([1] * (3 - len(lengths)) + lengths)
    stored = np.dtype(series[0].dtype)
    if stored.kind not in "uifb":
        raise NmcError(f"{path.name} holds values of type {stored}", "export it as 8-bit, 16-bit or 32-bit grey values")
    dtype = np.dtype(np.uint8) if stored.kind == "b" else stored.newbyteorder("=")
    _check_length(path, tif, shape)
    found = spacing_of(tif)
    warnings = list(found.warnings)
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
        warnings.append("the file has a colour table; its indices are read as values")
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        warnings.append("the file shows 0 as white; the values are read as they are stored")
    texts = [page.description or "", str((tif.imagej_metadata or {}).get("Info", ""))]
    return VolumeInfo(
        format="TIFF",
        shape=shape,  # type: ignore[arg-type]
        dtype=dtype.name,
        spacing_um=found.spacing_um,
        unit=found.source,
        axis_order="slice, row, column",
        name=path.stem,
        simulated=any(map(says_simulated, texts)),
        warnings=tuple(warnings),
    )


def _check_length(path: Path, tif: tifffile.TiffFile, shape: tuple[int, ...]) -> None:
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
    if said > shape[0]:
        raise cut_off(path, f"after {shape[0]} of {said} slices")


def _copy_planes(source: NDArray[Any], dtype: np.dtype[Any], monitor: Monitor) -> NDArray[Any]:
    values = np.empty(source.shape, dtype=dtype)
    for index in monitor.track(range(len(source)), "Reading slices"):
        values[index] = source[index]
    return values
