"""Reading of orientation maps: one call for every format, for a single map, a stack of sections and a volume."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Triple, check_spacing
from nmcstudio.crystal.frames import FRAMES, turn_to_map
from nmcstudio.crystal.symmetry import laue_class
from nmcstudio.io.ebsd.files import ChosenFiles, find_files
from nmcstudio.io.ebsd.raw import Format, RawInfo, RawMap
from nmcstudio.io.ebsd.stacking import find_gaps, height_step, sections_of, stack

Paths = str | Path | Iterable[str | Path]
_CHUNK = 100_000


@dataclass(frozen=True)
class EbsdInfo:
    """What is known of a map before it is read.

    Attributes
    ----------
    format, title
        Key and plain words of the format.
    files
        The files in their order.
    slices
        Number of sections (missing ones included) or of planes of a volume.
    grid
        Points (z, y, x).
    step_um
        Steps (z, y, x); z is None for a stack of sections, whose distance no file knows.
    phases, point_groups
        As the files name them; a point group may be empty.
    columns
        Quantities in the files.
    frame
        Reference frame that the format implies, a key of `nmcstudio.crystal.frames.FRAMES`.
    warnings
        What the user should know.
    needs_slice_spacing
        True for a stack: the user has to give the distance of the sections.
    simulated
        True if the file says so.
    scans, scan
        Names of the scans in the first file, and the one that this describes; empty where a file holds one.
    passed_over
        Names of files in the chosen folder that are no part of the map.
    """

    format: str
    title: str
    files: tuple[Path, ...]
    slices: int
    grid: tuple[int, int, int]
    step_um: tuple[float | None, float, float]
    phases: tuple[Phase, ...]
    point_groups: tuple[str, ...]
    columns: tuple[str, ...]
    frame: str
    warnings: tuple[str, ...]
    needs_slice_spacing: bool
    simulated: bool
    scans: tuple[str, ...] = ()
    scan: str = ""
    passed_over: tuple[str, ...] = ()


def probe(paths: Paths, *, scan: str | None = None, gaps: str = "blank") -> EbsdInfo:
    """Look at a map, the maps of a stack or their folder without reading the data; takes some milliseconds.

    Parameters
    ----------
    paths, scan, gaps
        As in `read_ebsd`.

    Raises
    ------
    NmcError
        If the files cannot be read here; it names file and line where there is one.
    """
    chosen = find_files(paths)
    sections = sections_of(chosen, scan)
    raw = _probe_once(chosen.format, sections[0].path, sections[0].scan, *_state(sections[0].path))
    z = raw.step_um[0]
    if len(sections) > 1 and chosen.format.slices is not None and len(chosen.files) == 1:
        z = height_step([_probe_once(chosen.format, part.path, part.scan, *_state(part.path)).z_um for part in sections])
    found = find_gaps(sections, gaps)
    # A table of text is a section or, with heights, a volume.
    slices = raw.grid[0] if raw.grid[0] > 1 or not chosen.format.sections else len(sections) + found.blank
    return EbsdInfo(
        format=chosen.format.key,
        title=chosen.format.title,
        files=chosen.files,
        slices=slices,
        grid=(slices, *raw.grid[1:]),
        step_um=(z, *raw.step_um[1:]),
        phases=raw.phases,
        point_groups=tuple(phase.point_group for phase in raw.phases),
        columns=raw.columns,
        frame=raw.frame,
        warnings=(*raw.warnings, *_choice_warnings(chosen, raw, scan, len(sections)), *found.warnings),
        needs_slice_spacing=len(sections) > 1 and z is None,
        simulated=raw.simulated,
        scans=raw.scans,
        scan=raw.scan if len(sections) == len(chosen.files) else "all",
        passed_over=chosen.passed_over,
    )


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=64)
def _probe_once(found: Format, path: Path, scan: str, changed_ns: int, size: int) -> RawInfo:
    """Forms ask again at every change of a parameter; the file is looked at again only after it changed."""
    return found.probe(path, scan)


def _choice_warnings(chosen: ChosenFiles, raw: RawInfo, scan: str | None, sections: int) -> tuple[str, ...]:
    """What was not read, although it is there: other scans of the file, other files of the folder."""
    said: tuple[str, ...] = ()
    others = [name for name in raw.scans if name != raw.scan]
    if others and not scan and sections == len(chosen.files):
        shown = ", ".join(others[:5]) + (" …" if len(others) > 5 else "")
        said += (f"scan {raw.scan} is read; the file also holds {shown}",)
    if chosen.passed_over:
        shown = ", ".join(chosen.passed_over[:3]) + (" …" if len(chosen.passed_over) > 3 else "")
        count = len(chosen.passed_over)
        said += (f"{count} other {'file' if count == 1 else 'files'} in the folder passed over ({shown})",)
    return said


def read_ebsd(
    paths: Paths,
    *,
    point_group: str | None = None,
    phase_name: str | None = None,
    frame: str = "auto",
    slice_spacing_um: float | None = None,
    spacing_um: Triple | float | None = None,
    scan: str | None = None,
    gaps: str = "blank",
    monitor: Monitor | None = None,
) -> EbsdStack:
    """Read an orientation map, a stack of sections or a volume.

    Parameters
    ----------
    paths
        A file, the files of a stack, or their folder.
    point_group
        Replaces that of the files' phases.
    phase_name
        Replaces the name of the files' phase.
    frame
        "auto" for what the format implies, or a key of `nmcstudio.crystal.frames.FRAMES`; applied once and recorded.
    slice_spacing_um
        Distance of the sections; needed for a stack of sections.
    spacing_um
        Replaces the voxel edges of the files, (z, y, x) or one number for all.
    scan
        Which scan of a file with several; "all" stacks them. None reads the first one, or all slices of a file of slices.
    gaps
        Missing numbers in a series of sections: "blank" leaves their places empty and unobserved, "close" does not.
    monitor
        Progress, warnings and cancelling.

    Raises
    ------
    NmcError
        For anything that is missing or damaged; `field` names the parameter that helps.
    """
    monitor = monitor or Monitor()
    chosen = find_files(paths)
    sections = sections_of(chosen, scan)
    found = find_gaps(sections, gaps)
    info = probe(chosen.files, scan=scan, gaps=gaps)
    if info.needs_slice_spacing and slice_spacing_um is None and spacing_um is None:
        raise NmcError(
            f"the distance of the {len(sections)} sections is not known", "give the slice distance in um", "slice_spacing_um"
        )
    warnings: dict[str, list[str]] = {}

    def read(index: int) -> RawMap:
        part = monitor.sub(0.9 * index / len(sections), 0.9 * (index + 1) / len(sections))
        part.report(0.0, f"reading {sections[index].name}")
        section = chosen.format.read(sections[index].path, sections[index].scan, part)
        for words in section.info.warnings:
            warnings.setdefault(words, []).append(sections[index].name)
        return section

    raw = read(0) if len(sections) == 1 else stack(read, sections, found, monitor)
    for words, names in warnings.items():
        if point_group and "point group" in words:
            continue
        monitor.warn(f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {words}")
    for words in (*_choice_warnings(chosen, raw.info, scan, len(sections)), *found.warnings):
        monitor.warn(words)
    spacing = _spacing(raw.info, slice_spacing_um, spacing_um, len(sections) > 1, monitor)
    phases = _phases(raw.info.phases, point_group, phase_name)
    key = raw.info.frame if frame == "auto" else frame
    if key not in FRAMES:
        raise NmcError(f"unknown reference frame {frame!r}", f"choose auto, {', '.join(FRAMES)}", "frame")
    words = _turn(raw, key, tuple(phase.point_group for phase in phases), monitor)
    if not np.any(raw.phase):
        raise NmcError("no point of the map is indexed", "check that these are the right files", "files")
    several = len(chosen.files) > 1
    return EbsdStack(
        quaternions=raw.quaternions,
        phase=raw.phase,
        phases=phases,
        quality=raw.quality,
        confidence=raw.confidence,
        observed=raw.observed,
        spacing_um=spacing,
        origin_um=raw.origin_um,
        shifts_um=raw.shifts_um,
        alignment=raw.alignment,
        frame=raw.frame_words or f"{words} ({chosen.format.title}{', implied by the format' if frame == 'auto' else ', chosen'})",
        grain_ids=raw.grain_ids,
        name=chosen.files[0].parent.name if several else chosen.files[0].stem,
        simulated=raw.info.simulated,
    )


def _turn(raw: RawMap, frame: str, groups: tuple[str, ...], monitor: Monitor) -> str:
    """Turn the orientations to the map's frame, in place and in pieces (a large map fits into memory once); says what it did."""
    quaternions, phase = raw.quaternions.reshape(-1, 4), raw.phase.reshape(-1)
    words = FRAMES[frame].words
    for start in range(0, len(phase), _CHUNK):
        monitor.report(0.9 + 0.1 * start / len(phase), "turning to the map's frame")
        piece = slice(start, start + _CHUNK)
        quaternions[piece], words = turn_to_map(quaternions[piece].astype(np.float64), frame, groups, phase[piece])
    return words


def _spacing(
    info: RawInfo, slice_spacing_um: float | None, spacing_um: Triple | float | None, stack: bool, monitor: Monitor
) -> Triple:
    """Voxel edges (z, y, x): the user's before the file's; a single section is as thick as its points are wide."""
    z, y, x = info.step_um
    if spacing_um is not None:
        chosen = check_spacing(spacing_um)
        if slice_spacing_um is not None:
            chosen = check_spacing((slice_spacing_um, *chosen[1:]))
        if any(abs(a - b) > 0.01 * b for a, b in zip(chosen[1:], (y, x))):
            monitor.warn(f"the files say a step of {x:.4g} x {y:.4g} um; yours of {chosen[2]:.4g} x {chosen[1]:.4g} um is used")
        return chosen
    if slice_spacing_um is not None:
        if not (np.isfinite(slice_spacing_um) and slice_spacing_um > 0):
            raise NmcError(
                f"the slice distance {slice_spacing_um} um is not usable", "give a positive number", "slice_spacing_um"
            )
        if z is not None and abs(slice_spacing_um - z) > 0.01 * z:
            monitor.warn(f"the file says a slice distance of {z:.4g} um; yours of {slice_spacing_um:.4g} um is used")
        z = slice_spacing_um
    return check_spacing((z if z is not None else min(y, x), y, x))


def _phases(phases: tuple[Phase, ...], point_group: str | None, phase_name: str | None) -> tuple[Phase, ...]:
    """The files' phases with the user's choices."""
    if phase_name and len(phases) > 1:
        names = ", ".join(phase.name for phase in phases)
        raise NmcError(f"the files hold {len(phases)} phases ({names})", "leave the phase name empty", "phase_name")
    out = []
    for phase in phases:
        group = point_group or phase.point_group
        if not group:
            raise NmcError(f"the point group of {phase.name} is not known", "choose it (-3m for R-3m)", "point_group")
        laue_class(group)
        out.append(Phase(phase_name or phase.name, group, phase.lattice))
    return tuple(out)
