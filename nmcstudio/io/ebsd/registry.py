"""Reading of orientation maps: one call for every format, for a single map, a stack of sections and a volume."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Triple, check_spacing
from nmcstudio.crystal.frames import FRAMES, turn_to_map
from nmcstudio.crystal.symmetry import laue_class
from nmcstudio.io.ebsd.files import find_files, missing_before
from nmcstudio.io.ebsd.raw import Format, RawInfo, RawMap

Paths = str | Path | Iterable[str | Path]
_MANY_MISSING = 0.5


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


def probe(paths: Paths) -> EbsdInfo:
    """Look at a map, the maps of a stack or their folder without reading the data; takes some milliseconds.

    Raises
    ------
    NmcError
        If the files cannot be read here; it names file and line where there is one.
    """
    files, found = find_files(paths)
    status = files[0].stat()
    raw = _probe_once(found, files[0], status.st_mtime_ns, status.st_size)
    missing = missing_before(files)
    slices = len(files) + _inserted(missing) if found.sections else raw.grid[0]
    return EbsdInfo(
        format=found.key,
        title=found.title,
        files=files,
        slices=slices,
        grid=(slices, *raw.grid[1:]),
        step_um=raw.step_um,
        phases=raw.phases,
        point_groups=tuple(phase.point_group for phase in raw.phases),
        columns=raw.columns,
        frame=raw.frame,
        warnings=(*raw.warnings, *_gap_warnings(files, missing)),
        needs_slice_spacing=len(files) > 1,
        simulated=raw.simulated,
    )


@lru_cache(maxsize=16)
def _probe_once(found: Format, path: Path, changed_ns: int, size: int) -> RawInfo:
    """Forms ask again at every change of a parameter; the file is looked at again only after it changed."""
    return found.probe(path)


def read_ebsd(
    paths: Paths,
    *,
    point_group: str | None = None,
    phase_name: str | None = None,
    frame: str = "auto",
    slice_spacing_um: float | None = None,
    spacing_um: Triple | float | None = None,
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
    monitor
        Progress, warnings and cancelling.

    Raises
    ------
    NmcError
        For anything that is missing or damaged; `field` names the parameter that helps.
    """
    monitor = monitor or Monitor()
    files, found = find_files(paths)
    if len(files) > 1 and slice_spacing_um is None and spacing_um is None:
        raise NmcError(
            f"the distance of the {len(files)} sections is not known", "give the slice distance in um", "slice_spacing_um"
        )
    sections: list[RawMap] = []
    warnings: dict[str, list[str]] = {}
    for index, path in enumerate(files):
        part = monitor.sub(0.9 * index / len(files), 0.9 * (index + 1) / len(files))
        part.report(0.0, f"reading {path.name}")
        section = found.read(path, part)
        for words in section.info.warnings:
            warnings.setdefault(words, []).append(path.name)
        sections.append(section)
    for words, names in warnings.items():
        if point_group and "point group" in words:
            continue
        monitor.warn(f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {words}")
    missing = missing_before(files)
    for words in _gap_warnings(files, missing):
        monitor.warn(words)
    raw = sections[0] if len(sections) == 1 else _stack(sections, files, missing, monitor)
    spacing = _spacing(raw.info, slice_spacing_um, spacing_um, len(files) > 1, monitor)
    phases = _phases(raw.info.phases, point_group, phase_name)
    key = raw.info.frame if frame == "auto" else frame
    if key not in FRAMES:
        raise NmcError(f"unknown reference frame {frame!r}", f"choose auto, {', '.join(FRAMES)}", "frame")
    groups = tuple(phase.point_group for phase in phases)
    quaternions = np.empty_like(raw.quaternions)
    words = ""
    for k in range(raw.phase.shape[0]):
        monitor.report(0.9 + 0.1 * k / raw.phase.shape[0], "turning to the map's frame")
        quaternions[k], words = turn_to_map(raw.quaternions[k].astype(np.float64), key, groups, raw.phase[k])
    if not np.any(raw.phase):
        raise NmcError("no point of the map is indexed", "check that these are the right files", "files")
    name = files[0].parent.name if len(files) > 1 else files[0].stem
    return EbsdStack(
        quaternions=quaternions,
        phase=raw.phase,
        phases=phases,
        quality=raw.quality,
        confidence=raw.confidence,
        observed=raw.observed,
        spacing_um=spacing,
        origin_um=raw.origin_um,
        shifts_um=raw.shifts_um,
        frame=raw.frame_words or f"{words} ({found.title}{', implied by the format' if frame == 'auto' else ', chosen'})",
        grain_ids=raw.grain_ids,
        name=name,
        simulated=raw.info.simulated,
    )


def _inserted(missing: list[int]) -> int:
    """Empty sections that stand for missing numbers; none where most are missing, for then the numbers mean something else."""
    total = sum(missing)
    return total if total <= _MANY_MISSING * len(missing) else 0


def _gap_warnings(files: tuple[Path, ...], missing: list[int]) -> tuple[str, ...]:
    places = [f"{count} before {path.name}" for path, count in zip(files, missing) if count]
    if not places:
        return ()
    shown = ", ".join(places[:5]) + (" …" if len(places) > 5 else "")
    kept = "their places stay empty" if _inserted(missing) else "so many that the sections are taken as evenly spaced"
    return (f"numbers are missing in the series of sections ({shown}); {kept}",)


def _stack(sections: list[RawMap], files: tuple[Path, ...], missing: list[int], monitor: Monitor) -> RawMap:
    """Sections above each other; smaller ones are padded with unobserved points."""
    first = sections[0].info
    for section, path in zip(sections, files):
        if any(abs(a - b) > 0.01 * b for a, b in zip(section.info.step_um[1:], first.step_um[1:])):  # type: ignore[operator]
            a, b = section.info.step_um[1:], first.step_um[1:]
            raise NmcError(
                f"{path.name} has steps of {a[0]:.4g} x {a[1]:.4g} um, {files[0].name} of {b[0]:.4g} x {b[1]:.4g} um",
                "choose sections of one step width",
                "files",
            )
        if tuple(p.point_group for p in section.info.phases) != tuple(p.point_group for p in first.phases):
            raise NmcError(f"{path.name} has other phases than {files[0].name}", "choose sections of one sample", "files")
    rows = max(section.phase.shape[1] for section in sections)
    columns = max(section.phase.shape[2] for section in sections)
    sizes = {section.phase.shape[1:] for section in sections}
    if len(sizes) > 1:
        monitor.warn(f"the sections differ in size; smaller ones are filled up to {columns} x {rows} with unobserved points")
    inserted = _inserted(missing)
    depth = len(sections) + inserted
    shape = (depth, rows, columns)
    quaternions = np.full((*shape, 4), np.nan, np.float32)
    phase = np.zeros(shape, np.uint8)
    quality, confidence = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
    observed = np.zeros(shape, bool)
    ids = np.zeros(shape, np.uint32) if all(section.grain_ids is not None for section in sections) else None
    place = -1
    for section, gap in zip(sections, missing):
        place += 1 + (gap if inserted else 0)
        window = (place, slice(section.phase.shape[1]), slice(section.phase.shape[2]))
        quaternions[window] = section.quaternions[0]
        phase[window] = section.phase[0]
        quality[window] = section.quality[0]
        confidence[window] = section.confidence[0]
        observed[window] = section.observed[0]
        if ids is not None and section.grain_ids is not None:
            ids[window] = section.grain_ids[0]
    info = replace(first, grid=shape)
    return RawMap(info, quaternions, phase, quality, confidence, observed, ids, sections[0].origin_um)


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
