"""Where the slices of a DICOM series lie: their order along the normal, their distance, and what is odd about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError

UM = 1000.0  # lengths are mm


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


def frames_of(path: Path, header: Any) -> list[Frame]:
    """The slices in one file."""
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


class Geometry:
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
                f"the file does not say the distance of the slices; taken equal to the pixel size, {row * UM:.6g} um"
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
