"""What a reader of one file hands over, before frames, slices and the user's choices are applied."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import Alignment, Phase
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.symmetry import laue_class, monoclinic_setting

ANGSTROM_UM = 1e-4
# The angle of a monoclinic lattice that need not be right.
_AXIS_ANGLE = {"2/m11": 0, "2/m": 1, "112/m": 2}


@dataclass(frozen=True)
class RawInfo:
    """What can be known of a file in milliseconds.

    Attributes
    ----------
    grid
        Points (z, y, x).
    step_um
        Steps (z, y, x) in um; z is None for a single section.
    phases
        As the file names them; the point group is empty where it says nothing usable.
    columns
        Names of the quantities in the file.
    frame
        Key of `nmcstudio.crystal.frames.FRAMES` that the format implies.
    warnings
        What the user should know.
    simulated
        True if the file says so.
    scans
        Names of the scans in the file, in their order; empty where the format knows one scan a file.
    scan
        The one that this describes.
    z_um
        Height of the section, for the distance to its neighbours; None where the file does not hold it.
    """

    grid: tuple[int, int, int]
    step_um: tuple[float | None, float, float]
    phases: tuple[Phase, ...]
    columns: tuple[str, ...]
    frame: str
    warnings: tuple[str, ...] = ()
    simulated: bool = False
    scans: tuple[str, ...] = ()
    scan: str = ""
    z_um: float | None = None


@dataclass(frozen=True)
class RawMap:
    """One section or volume in the vendor's own frame.

    Attributes
    ----------
    info
        Header, made right by the data.
    quaternions
        float32 ``[z, y, x, 4]``, sample to crystal in the vendor's frame.
    phase
        uint8 ``[z, y, x]``, 1-based index into ``info.phases``, 0 where not indexed.
    quality, confidence
        float32 ``[z, y, x]``, NaN where absent.
    observed
        bool ``[z, y, x]``.
    grain_ids
        uint32 ``[z, y, x]`` or None.
    origin_um
        (z, y, x) of the first point.
    shifts_um
        ``(slices, 2)`` if the file was aligned before, else None.
    frame_words
        For files of this program: what was turned when the data first came in.
    alignment
        For files of this program: what aligning did.
    """

    info: RawInfo
    quaternions: NDArray[np.float32]
    phase: NDArray[np.uint8]
    quality: NDArray[np.float32]
    confidence: NDArray[np.float32]
    observed: NDArray[np.bool_]
    grain_ids: NDArray[np.uint32] | None = None
    origin_um: tuple[float, float, float] = (0.0, 0.0, 0.0)
    shifts_um: NDArray[np.float64] | None = None
    frame_words: str = ""
    alignment: Alignment | None = None


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes
    ----------
    key, title
        Short name and plain words.
    suffixes
        Lower-case endings of file names.
    sections
        True if one file is one section, so that several files make a stack.
    recognises
        Whether a file with one of these endings is of this format; for HDF5 and tables of text, where endings say little.
    probe, read
        Header only, and everything, of the scan with that name; "" is the first.
    scans
        Names of the scans in a file; None where there is only ever one.
    slices
        Those of the names of scans that are sections of a stack, which is read unless one is chosen; None where they are not.
    """

    key: str
    title: str
    suffixes: tuple[str, ...]
    sections: bool
    recognises: Callable[[Path], bool]
    probe: Callable[[Path, str], RawInfo]
    read: Callable[[Path, str, Monitor], RawMap]
    scans: Callable[[Path], tuple[str, ...]] | None = None
    slices: Callable[[tuple[str, ...]], tuple[str, ...]] | None = None


def make_phase(name: str, point_group: str | None, lattice: tuple[float, ...]) -> tuple[Phase, tuple[str, ...]]:
    """A phase from a file's header (lengths in Angstrom, angles in degrees), and warnings if it contradicts itself."""
    group = point_group or ""
    label = name or "unnamed phase"
    warnings = []
    lengths, angles = lattice[:3], lattice[3:6]
    usable = len(lattice) >= 6 and all(value > 0 for value in (*lengths, *angles))
    if group and usable:
        group = monoclinic_setting(group, angles)
    if not group:
        warnings.append(f"the file gives no usable point group for {label}: choose it (-3m for R-3m)")
    elif usable and not _fits(laue_class(group), lengths, angles):
        shown = ", ".join(f"{value:g}" for value in lattice[:6])
        warnings.append(f"the file gives {label} the point group {group}, but the lattice {shown} does not have that symmetry")
    scaled = (*(v * ANGSTROM_UM for v in lengths), *(math.radians(v) for v in angles)) if usable else ()
    return Phase(label, group, scaled), tuple(warnings)


def unknown_phase() -> tuple[Phase, tuple[str, ...]]:
    """What stands for the phase of a file that names none: its points are indexed, and the point group is asked for."""
    return make_phase("", None, ())


def _fits(laue: str, lengths: tuple[float, ...], angles: tuple[float, ...]) -> bool:
    a, b, _ = lengths
    right = all(abs(angle - 90) < 0.5 for angle in angles)
    hexagonal = abs(angles[0] - 90) < 0.5 and abs(angles[1] - 90) < 0.5 and abs(angles[2] - 120) < 0.5
    equal_ab, equal_all = abs(a - b) < 0.01 * a, max(lengths) - min(lengths) < 0.01 * a
    if laue.startswith("m-3"):
        return right and equal_all
    if laue.startswith("4"):
        return right and equal_ab
    if laue.startswith("6"):
        return hexagonal and equal_ab
    if laue.startswith("-3"):
        rhombohedral = equal_all and max(angles) - min(angles) < 0.5
        return (hexagonal and equal_ab) or rhombohedral
    if laue in _AXIS_ANGLE:
        return all(abs(angle - 90) < 0.5 for k, angle in enumerate(angles) if k != _AXIS_ANGLE[laue])
    return right if laue == "mmm" else True


def index_phases(ids: NDArray[np.int64], numbers: tuple[int, ...]) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """1-based index of each point's phase.

    Parameters
    ----------
    ids
        Phase numbers ``(n,)`` as stored with the points.
    numbers
        The number of each phase in the header.

    Returns
    -------
    uint8 ``(n,)``, 0 where the number is that of no phase, and warnings.
    """
    phase = np.zeros(ids.shape, np.uint8)
    if len(numbers) == 1 and not np.any(ids == numbers[0]):
        # EDAX writes 0 for every point of a map with a single phase, whatever number the header gives it.
        phase[ids >= 0] = 1
        return phase, ()
    for index, number in enumerate(numbers):
        phase[ids == number] = index + 1
    unknown = sorted(set(np.unique(ids).tolist()) - set(numbers) - {0, -1})
    if unknown:
        listed = ", ".join(map(str, unknown))
        return phase, (f"points with phase number {listed}, which the header does not name, are taken as not indexed",)
    return phase, ()


def is_degrees(angles: tuple[NDArray[Any], ...], indexed: NDArray[np.bool_], stored: str) -> tuple[bool, tuple[str, ...]]:
    """Whether Bunge angles are degrees, whatever the format prescribes.

    Parameters
    ----------
    angles
        phi1, Phi and phi2 as read, ``(n,)`` each.
    indexed
        bool ``(n,)``, points that count.
    stored
        "radians" or "degrees", what the format prescribes.

    Returns
    -------
    The answer, and a warning if the numbers contradict the format.
    """
    if not indexed.any():
        return stored == "degrees", ()
    largest = max(float(np.abs(column[indexed]).max()) for column in angles)
    if stored == "radians":
        if largest > 4 * np.pi + 0.01:
            return True, (f"angles up to {largest:.4g} cannot be radians and are read as degrees",)
        return False, ()
    spread = float(np.ptp(angles[0][indexed]))
    if np.count_nonzero(indexed) > 50 and largest <= 2 * np.pi + 0.01 and spread > 1.0:
        return False, (f"no angle is larger than {largest:.4g}: read as radians, not as degrees",)
    return True, ()
