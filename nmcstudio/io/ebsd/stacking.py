"""Sections above each other: which files and scans they are, gaps in their numbering, and their common grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.io.ebsd.files import ChosenFiles, missing_before
from nmcstudio.io.ebsd.raw import RawInfo, RawMap

GAPS = ("blank", "close")
ALL_SCANS = "all"


@dataclass(frozen=True)
class Section:
    """One section of what is read: its file, its scan ("" for the only one) and what it is called."""

    path: Path
    scan: str
    name: str


def sections_of(chosen: ChosenFiles, scan: str | None) -> tuple[Section, ...]:
    """The sections that files and the choice of a scan stand for.

    Parameters
    ----------
    chosen
        The files.
    scan
        Name of a scan, "all" for all scans of one file as a stack, None for the first one, or for all where they are slices.

    Raises
    ------
    NmcError
        If there is no such scan, or several files hold several slices each.
    """
    found = chosen.format
    if found.scans is None:
        if scan:
            raise NmcError(f"{found.title} holds one scan", "leave the scan open", "scan")
        return tuple(Section(path, "", path.name) for path in chosen.files)
    if len(chosen.files) > 1:
        if scan == ALL_SCANS:
            raise NmcError("all scans of several files cannot be one stack", "choose one file, or one scan of each", "scan")
        return tuple(Section(path, scan or "", path.name) for path in chosen.files)
    path = chosen.files[0]
    names = found.scans(path)
    slices = found.slices(names) if found.slices is not None else (names if found.sections else ())
    if scan and scan != ALL_SCANS:
        if scan not in names:
            raise NmcError(f"{path.name} has no scan {scan!r}", f"choose one of {', '.join(names)}", "scan")
        return (Section(path, scan, path.name),)
    if scan == ALL_SCANS and not slices:
        raise NmcError(f"the images of {path.name} cannot be one stack", f"choose one of {', '.join(names)}", "scan")
    if len(slices) > 1 and (scan == ALL_SCANS or found.slices is not None):
        return tuple(Section(path, name, f"{path.name}, scan {name}") for name in slices)
    return (Section(path, names[0] if names else "", path.name),)


def gap_names(sections: Sequence[Section]) -> list[str]:
    """What the numbers of the sections stand in: the names of the files, or of the scans of one file."""
    return [section.path.stem if section.path != sections[0].path or not section.scan else section.scan for section in sections]


@dataclass(frozen=True)
class Gaps:
    """Missing numbers before each section, how many blank sections they make, and a word on it for the user."""

    before: tuple[int, ...]
    blank: int
    warnings: tuple[str, ...]


def find_gaps(sections: Sequence[Section], what: str) -> Gaps:
    """Look for missing numbers; more of them than sections mean that the numbers are something else.

    Parameters
    ----------
    sections
        In their order.
    what
        "blank" leaves the places empty, "close" moves the sections together.

    Raises
    ------
    NmcError
        If `what` is neither.
    """
    if what not in GAPS:
        raise NmcError(f"unknown way {what!r} of treating gaps", f"choose one of {', '.join(GAPS)}", "gaps")
    missing = missing_before(gap_names(sections)) if len(sections) > 1 else [0] * len(sections)
    total = sum(missing)
    places = [f"{count} before {section.name}" for section, count in zip(sections, missing) if count]
    if not places:
        return Gaps((0,) * len(sections), 0, ())
    blank = total if what == "blank" and total <= len(sections) else 0
    shown = ", ".join(places[:5]) + (" …" if len(places) > 5 else "")
    if blank:
        kept = "their places stay empty and unobserved"
    elif what == "close":
        kept = "the sections are taken as evenly spaced, as chosen"
    else:
        kept = "more than there are, so that the sections are taken as evenly spaced"
    return Gaps(
        tuple(missing) if blank else (0,) * len(sections),
        blank,
        (f"numbers are missing in the series of sections ({shown}); {kept}",),
    )


def height_step(heights: Sequence[float | None]) -> float | None:
    """Distance of sections from the heights (um) that the files hold; None where they hold none, or no even ones."""
    if len(heights) < 2 or any(height is None for height in heights):
        return None
    steps = np.abs(np.diff(np.asarray(heights, float)))
    middle = float(np.median(steps))
    return middle if middle > 0 and np.all(np.abs(steps - middle) < 0.01 * middle) else None


def stack(read: Callable[[int], RawMap], sections: Sequence[Section], gaps: Gaps, monitor: Monitor) -> RawMap:
    """Sections above each other on one grid, with empty ones where numbers are missing.

    Parameters
    ----------
    read
        Gives the section with that index; each is asked for once, in order.
    sections, gaps
        What they are.
    monitor
        Progress.

    Raises
    ------
    NmcError
        If a section has another size, step or other phases than the first one.
    """
    first = read(0)
    depth = len(sections) + gaps.blank
    shape = (depth, *first.phase.shape[1:])
    quaternions = np.full((*shape, 4), np.nan, np.float32)
    phase, observed = np.zeros(shape, np.uint8), np.zeros(shape, bool)
    quality, confidence = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
    ids: NDArray[np.uint32] | None = np.zeros(shape, np.uint32)
    heights: list[float | None] = []
    place = -1
    for index, (section, gap) in enumerate(zip(sections, gaps.before)):
        part = first if index == 0 else read(index)
        _check_same(part, section, first, sections[0])
        place += 1 + gap
        quaternions[place], phase[place], observed[place] = part.quaternions[0], part.phase[0], part.observed[0]
        quality[place], confidence[place] = part.quality[0], part.confidence[0]
        heights.append(part.info.z_um)
        if part.grain_ids is None:
            ids = None
        elif ids is not None:
            ids[place] = part.grain_ids[0]
    info = replace(first.info, grid=shape, step_um=(None if gaps.blank else height_step(heights), *first.info.step_um[1:]))
    return RawMap(info, quaternions, phase, quality, confidence, observed, ids, first.origin_um)


def _check_same(part: RawMap, section: Section, first: RawMap, first_section: Section) -> None:
    if part.phase.shape[0] > 1:
        raise NmcError(
            f"{section.name} holds {part.phase.shape[0]} planes: it is a volume of its own", "choose one such file", "files"
        )
    steps, steps_first = part.info.step_um[1:], first.info.step_um[1:]
    if any(abs(a - b) > 0.01 * b for a, b in zip(steps, steps_first)):
        raise NmcError(
            f"{section.name} has steps of {steps[1]:.4g} x {steps[0]:.4g} um, "
            f"{first_section.name} of {steps_first[1]:.4g} x {steps_first[0]:.4g} um",
            "choose sections of one step width",
            "files",
        )
    if part.phase.shape != first.phase.shape:
        size, size_first = part.phase.shape[:0:-1], first.phase.shape[:0:-1]
        raise NmcError(
            f"{section.name} has {size[0]} x {size[1]} points, {first_section.name} {size_first[0]} x {size_first[1]}",
            "leave that section out, or crop the sections to one size in the acquisition program",
            "files",
        )
    if _groups(part.info) != _groups(first.info):
        raise NmcError(f"{section.name} has other phases than {first_section.name}", "choose sections of one sample", "files")


def _groups(info: RawInfo) -> tuple[str, ...]:
    return tuple(phase.point_group for phase in info.phases)
