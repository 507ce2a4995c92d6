"""DICOM: a folder of slices, or one file with many frames; sorted by place along the normal, gaps noticed."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.volume import Triple
from nmcstudio.io.files import natural_key
from nmcstudio.io.volumes.alignment import align
from nmcstudio.io.volumes.info import Dataset, Opened, VolumeInfo, several
from nmcstudio.io.volumes.options import ReadOptions
from nmcstudio.io.volumes.sources import Planes, cut_short, oriented

SUFFIXES = (".dcm", ".dicom", ".ima")
OPTIONS = ("dataset",)
_UM = 1000.0  # lengths are mm
_TAGS = [
    "SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "InstanceNumber", "ImagePositionPatient", "ImageOrientationPatient",
    "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "SpacingBetweenSlices", "SliceThickness", "Rows",
    "Columns", "NumberOfFrames", "BitsAllocated", "PixelRepresentation", "SamplesPerPixel", "PhotometricInterpretation",
    "RescaleSlope", "RescaleIntercept", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    "ImageType", "ImageComments",
]  # fmt: skip


@dataclass(frozen=True)
class Frame:
    """One slice: where its pixels are, and what the header says of it.

    Attributes
    ----------
    path, index
        File, and number of the frame in it.
    position
        Centre of the first pixel, (x, y, z) in mm; None where it is not said.
    slope, intercept
        Value = slope * stored + intercept.
    """

    path: Path
    index: int
    position: tuple[float, ...] | None
    slope: float
    intercept: float


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
    frames = [frame for file, header in members for frame in _frames(file, header)]
    geometry = _Geometry(first, frames, members)
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
        spacing = (z * _UM, y * _UM, x * _UM)
    oz, oy, ox = lying.origin(geometry.first, shape)
    text = f"{first.get('ImageComments', '')} {first.get('SeriesDescription', '')}"
    info = VolumeInfo(
        format="DICOM",
        shape=source.shape,
        dtype=dtype.name,
        spacing_um=spacing,
        origin_um=(oz * _UM, oy * _UM, ox * _UM) if spacing else (0.0, 0.0, 0.0),
        unit="header, mm" if spacing else "no pixel spacing in the header",
        datasets=found,
        dataset=name,
        axis_order=lying.words,
        name=folder,
        simulated="simulated" in text.lower(),
        warnings=tuple(warnings),
    )
    return Opened(info, source)


def _frames(path: Path, header: Any) -> list[Frame]:
    count = int(header.get("NumberOfFrames") or 1)
    shared = _group(header.get("SharedFunctionalGroupsSequence"), 0)
    frames = []
    for index in range(count):
        own = _group(header.get("PerFrameFunctionalGroupsSequence"), index)
        place = _inside("PlanePositionSequence", own, shared)
        position = (
            place.get("ImagePositionPatient") if place is not None else header.get("ImagePositionPatient") if count == 1 else None
        )
        scale = _inside("PixelValueTransformationSequence", own, shared)
        source = header if scale is None else scale
        slope, intercept = float(source.get("RescaleSlope", 1) or 1), float(source.get("RescaleIntercept", 0) or 0)
        frames.append(Frame(path, index, tuple(map(float, position)) if position else None, slope, intercept))
    return frames


def _group(sequence: Any, index: int) -> Any:
    return sequence[index] if sequence is not None and len(sequence) > index else None


def _inside(name: str, *groups: Any) -> Any:
    for group in groups:
        if group is not None and group.get(name):
            return group.get(name)[0]
    return None


class _Geometry:
    """Order of the slices, steps of the three axes (x, y, z in mm, fastest first), and what is odd about them."""

    def __init__(self, header: Any, frames: list[Frame], members: list[tuple[Path, Any]]) -> None:
        self.warnings: list[str] = []
        shared = _group(header.get("SharedFunctionalGroupsSequence"), 0)
        own = _group(header.get("PerFrameFunctionalGroupsSequence"), 0)
        measures = _inside("PixelMeasuresSequence", own, shared) or header
        turned = _inside("PlaneOrientationSequence", own, shared) or header
        cosines = [float(v) for v in turned.get("ImageOrientationPatient") or (1, 0, 0, 0, 1, 0)]
        along_row, along_column = np.array(cosines[:3]), np.array(cosines[3:])
        normal = np.cross(along_row, along_column)
        pixel = measures.get("PixelSpacing")
        if not pixel:
            pixel = header.get("NominalScannedPixelSpacing") or header.get("ImagerPixelSpacing")
            if pixel:
                self.warnings.append("the pixel size is that at the detector, not in the sample: check it")
        self.known = bool(pixel) and min(map(float, pixel)) > 0
        row, column = (float(pixel[0]), float(pixel[1])) if self.known else (1.0, 1.0)
        said = measures.get("SpacingBetweenSlices") or measures.get("SliceThickness")
        distance = abs(float(said)) if said else None
        self.frames = frames
        if all(frame.position is not None for frame in frames):
            measured = self._sort(normal, members)
            distance = measured or distance
        elif len(members) > 1:
            numbers = {path: int(h.get("InstanceNumber") or 0) for path, h in members}
            self.frames = sorted(frames, key=lambda frame: (numbers[frame.path], frame.index))
            self.warnings.append("the slices do not say where they are; they are ordered by their number")
        if not distance and self.known and len(frames) > 1:
            self.warnings.append(
                f"the file does not say the distance of the slices; taken equal to the pixel size, {row * _UM:.6g} um"
            )
        self.steps = [along_row * column, along_column * row, normal * (distance or row)]
        self.first = list(self.frames[0].position or (0.0, 0.0, 0.0))

    def _sort(self, normal: NDArray[Any], members: list[tuple[Path, Any]]) -> float | None:
        """Put the frames in order along the normal; their usual distance in mm, None for a single one."""
        places = np.array([np.dot(frame.position, normal) for frame in self.frames])  # type: ignore[arg-type]
        order = np.argsort(places, kind="stable")
        self.frames = [self.frames[k] for k in order]
        steps = np.diff(places[order])
        if not len(steps):
            return None
        usual = float(np.median(steps))
        twins = np.flatnonzero(steps <= 1e-6 * max(1.0, float(np.abs(places).max())))
        if len(twins):
            a, b = self.frames[twins[0]], self.frames[twins[0] + 1]
            raise NmcError(
                f"two slices are at the same place ({a.path.name} and {b.path.name}, {len(twins)} such pairs)",
                "keep one time and one series in the folder",
            )
        odd = np.flatnonzero(np.abs(steps - usual) > 0.01 * usual)
        if len(odd):
            said = [f"between {self.frames[k].path.name} and {self.frames[k + 1].path.name}" for k in odd[:3]]
            more = f" and {len(odd) - 3} more" if len(odd) > 3 else ""
            self.warnings.append(
                f"slices seem to be missing or uneven {'; '.join(said)}{more}: the volume is joined as if they were not"
            )
        return usual


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
