"""DICOM: a folder of slices, or one file with many frames; sorted by place along the normal, gaps noticed."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.volume import Triple
from nmcstudio.io.files import natural_key
from nmcstudio.io.volumes.alignment import align
from nmcstudio.io.volumes.dicom_geometry import UM, Frame, Geometry, frames_of
from nmcstudio.io.volumes.info import Dataset, Opened, VolumeInfo, several
from nmcstudio.io.volumes.options import ReadOptions
from nmcstudio.io.volumes.sources import Planes, cut_short, oriented

SUFFIXES = (".dcm", ".dicom", ".ima")
OPTIONS = ("dataset",)
_TAGS = [
    "SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "InstanceNumber", "ImagePositionPatient", "ImageOrientationPatient",
    "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "SpacingBetweenSlices", "SliceThickness", "Rows",
    "Columns", "NumberOfFrames", "BitsAllocated", "PixelRepresentation", "SamplesPerPixel", "PhotometricInterpretation",
    "RescaleSlope", "RescaleIntercept", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    "ImageType", "ImageComments",
]  # fmt: skip


def recognizes(head: bytes) -> bool:
    """True if a file that starts with these bytes is of this format."""
    return head[128:132] == b"DICM"


def slices_in(folder: Path) -> list[Path]:
    """The DICOM files of a folder, whatever they are called; empty if there are none. Raises `NmcError` for a damaged one."""
    names = sorted((p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")), key=lambda p: natural_key(p.name))
    names = [path for path in names if path.name.upper() != "DICOMDIR"]
    slices = [path for path in names if _is_dicom(path)]
    # A slice that lost its mark would be lost without a word: its name tells.
    known = set(slices)
    endings = {path.suffix.lower() for path in slices}
    for path in names:
        if path.suffix.lower() in endings and path not in known:
            what = "is not DICOM in spite of its name" if path.stat().st_size else "is empty"
            raise NmcError(f"the slice {path.name} {what}", "copy or export it again, or take it out of the folder")
    return slices


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return recognizes(file.read(132))


def open_volume(paths: Path | Sequence[Path], options: ReadOptions) -> Opened:
    """Facts of a series, and its slices.

    Raises
    ------
    NmcError
        If the slices do not form one volume, a file ends too early, or the series chosen is not there.
    """
    files = [paths] if isinstance(paths, Path) else list(paths)
    series: dict[str, list[tuple[Path, Any]]] = {}
    for path in files:
        header = _header(path)
        number, words = header.get("SeriesNumber"), str(header.get("SeriesDescription", "")).strip()
        uid = str(header.get("SeriesInstanceUID", ""))
        name = f"{number if number is not None else ''} {words}".strip() or uid or "series"
        if any(str(other.get("SeriesInstanceUID", "")) != uid for _, other in series.get(name, ())[:1]):
            name = f"{name} {uid}"
        series.setdefault(name, []).append((path, header))
    found = tuple(_dataset(name, members) for name, members in series.items())
    folder = files[0].parent.name if len(files) > 1 else files[0].stem
    wanted = options.dataset or (found[0].name if len(found) == 1 else "")
    if wanted and wanted not in series:
        raise NmcError(f"{folder} has no series {wanted!r}", f"choose one of {', '.join(series)}", "dataset")
    if not wanted:
        info = VolumeInfo("DICOM", found[0].shape, found[0].dtype, datasets=found, name=folder, missing=(several(folder, found),))
        return Opened(info, None)
    return _opened(series[wanted], folder, wanted, found)


def _header(path: Path) -> Any:
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS)
    except (InvalidDicomError, EOFError, ValueError, KeyError, AttributeError, NotImplementedError) as error:
        raise NmcError(f"{path.name} is incomplete or damaged ({error})", "copy or export it again") from error
    if not header.get("Rows") or not header.get("Columns"):
        raise NmcError(
            f"{path.name} is incomplete or holds no image", "copy it again; take reports and other files out of the folder"
        )
    return header


def _dataset(name: str, members: list[tuple[Path, Any]]) -> Dataset:
    header = members[0][1]
    count = sum(int(h.get("NumberOfFrames") or 1) for _, h in members)
    return Dataset(name, (count, int(header.Rows), int(header.Columns)), _stored(header).name)


def _stored(header: Any) -> np.dtype[Any]:
    bits = int(header.get("BitsAllocated", 16))
    if bits == 1:
        return np.dtype(np.uint8)
    return np.dtype(f"{'i' if header.get('PixelRepresentation', 0) else 'u'}{bits // 8}")


def _opened(members: list[tuple[Path, Any]], folder: str, name: str, found: tuple[Dataset, ...]) -> Opened:
    path, first = members[0]
    for other, header in members:
        if (header.Rows, header.Columns, _stored(header)) != (first.Rows, first.Columns, _stored(first)):
            raise NmcError(
                f"the slice {other.name} has {header.Rows}×{header.Columns} pixels of type {_stored(header)}, "
                f"the first one ({path.name}) {first.Rows}×{first.Columns} of type {_stored(first)}",
                "all slices must be alike: take the odd file out of the folder",
            )
    if int(first.get("SamplesPerPixel", 1)) > 1:
        raise NmcError(f"{path.name} is a colour image", "export grey values")
    frames = [frame for file, header in members for frame in frames_of(file, header)]
    geometry = Geometry(first, frames, members)
    frames = geometry.frames
    dtype = _result_type(_stored(first), frames)
    shape = (len(frames), int(first.Rows), int(first.Columns))
    lying = align(geometry.steps, folder)
    warnings = list(geometry.warnings)
    if first.get("PhotometricInterpretation") == "MONOCHROME1":
        warnings.append("the file shows 0 as white; the values are read as they are stored")

    def read_planes(numbers: Sequence[int]) -> Generator[NDArray[Any]]:
        return (_rescaled(frames[k], dtype) for k in numbers)

    source = oriented(Planes(shape, dtype, f"{len(members)} files", read_planes), lying.axes, lying.flips)
    spacing: Triple | None = None
    if geometry.known:
        z, y, x = lying.spacing
        spacing = (z * UM, y * UM, x * UM)
    oz, oy, ox = lying.origin(geometry.first, shape)
    text = f"{first.get('ImageComments', '')} {first.get('SeriesDescription', '')}"
    info = VolumeInfo(
        format="DICOM",
        shape=source.shape,
        dtype=dtype.name,
        spacing_um=spacing,
        origin_um=(oz * UM, oy * UM, ox * UM) if spacing else (0.0, 0.0, 0.0),
        unit="header, mm" if spacing else "no pixel spacing in the header",
        datasets=found,
        dataset=name,
        axis_order=lying.words,
        name=folder,
        simulated="simulated" in text.lower(),
        warnings=tuple(warnings),
    )
    return Opened(info, source)


def _result_type(stored: np.dtype[Any], frames: list[Frame]) -> np.dtype[Any]:
    """The type that holds all values after rescaling: the stored one if nothing is rescaled, whole numbers if it can be."""
    scales = {(frame.slope, frame.intercept) for frame in frames}
    if scales == {(1.0, 0.0)}:
        return stored
    if all(slope.is_integer() and intercept.is_integer() for slope, intercept in scales):
        limits = np.iinfo(stored)
        ends = [slope * end + intercept for slope, intercept in scales for end in (limits.min, limits.max)]
        for dtype in (np.int16, np.int32):
            if min(ends) >= np.iinfo(dtype).min and max(ends) <= np.iinfo(dtype).max:
                return np.dtype(dtype)
    return np.dtype(np.float32)


def _rescaled(frame: Frame, dtype: np.dtype[Any]) -> NDArray[Any]:
    pixels = _pixels(frame)
    if (frame.slope, frame.intercept) == (1.0, 0.0):
        return pixels
    wide = pixels.astype(np.float64)
    return (wide * frame.slope + frame.intercept).astype(dtype)


def _pixels(frame: Frame) -> NDArray[Any]:
    """Stored values of one frame."""
    from pydicom.pixels import iter_pixels

    try:
        return next(iter(iter_pixels(frame.path, indices=[frame.index], raw=True)))
    except (Cancelled, MemoryError, OSError):
        raise
    except StopIteration as error:
        raise cut_short(frame.path.name) from error
    except Exception as error:  # decoders raise many types
        said = str(error).splitlines()
        raise NmcError(
            f"the pixels of {frame.path.name} cannot be read ({said[0] if said else type(error).__name__})",
            "copy it again; if it is packed with JPEG, export it uncompressed",
        ) from error
