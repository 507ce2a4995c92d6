"""What a reader of one file hands over, before frames, slices and the user's choices are applied."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import Phase
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.symmetry import laue_class

ANGSTROM_UM = 1e-4


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
    """

    grid: tuple[int, int, int]
    step_um: tuple[float | None, float, float]
    phases: tuple[Phase, ...]
    columns: tuple[str, ...]
    frame: str
    warnings: tuple[str, ...] = ()
    simulated: bool = False


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
        Whether a file with one of these endings is of this format; only called for HDF5, where endings say little.
    probe, read
        Header only, and everything.
    """

    key: str
    title: str
    suffixes: tuple[str, ...]
    sections: bool
    recognises: Callable[[Path], bool]
    probe: Callable[[Path], RawInfo]
    read: Callable[[Path, Monitor], RawMap]


def make_phase(name: str, point_group: str | None, lattice: tuple[float, ...]) -> tuple[Phase, tuple[str, ...]]:
    """A phase from a file's header (lengths in Angstrom, angles in degrees), and warnings if it contradicts itself."""
    group = point_group or ""
    label = name or "unnamed phase"
    warnings = []
    lengths, angles = lattice[:3], lattice[3:6]
    usable = len(lattice) >= 6 and all(value > 0 for value in (*lengths, *angles))
    if not group:
        warnings.append(f"the file gives no usable point group for {label}: choose it (-3m for R-3m)")
    elif usable and not _fits(laue_class(group), lengths, angles):
        shown = ", ".join(f"{value:g}" for value in lattice[:6])
        warnings.append(f"the file gives {label} the point group {group}, but the lattice {shown} does not have that symmetry")
    scaled = (*(v * ANGSTROM_UM for v in lengths), *(math.radians(v) for v in angles)) if usable else ()
    return Phase(label, group, scaled), tuple(warnings)


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


def angles_in_radians(angles: NDArray[np.float64], stored: str) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Bunge angles in radians, whatever unit they really are in.

    Parameters
    ----------
    angles
        ``(n, 3)`` as read, of indexed points.
    stored
        "radians" or "degrees", what the format prescribes.

    Returns
    -------
    Radians, and a warning if the numbers contradict the format.
    """
    finite = angles[np.isfinite(angles).all(axis=1)]
    largest = float(np.abs(finite).max(initial=0.0))
    if stored == "radians" and largest > 4 * np.pi + 0.01:
        return np.deg2rad(angles), (f"angles up to {largest:.4g} cannot be radians and are read as degrees",)
    if stored == "degrees":
        spread = float(finite[:, 0].max() - finite[:, 0].min()) if len(finite) else 0.0
        if len(finite) > 50 and largest <= 2 * np.pi + 0.01 and spread > 1.0:
            return angles, (f"no angle is larger than {largest:.4g}: read as radians, not as degrees",)
        return np.deg2rad(angles), ()
    return angles, ()
