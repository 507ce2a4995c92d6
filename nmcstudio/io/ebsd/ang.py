"""EDAX text maps (.ang)."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from nmcstudio.core.ebsd import Phase
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.symmetry import point_group_from_edax
from nmcstudio.io.ebsd.grid import check_header, peek_grid
from nmcstudio.io.ebsd.points import section
from nmcstudio.io.ebsd.raw import Format, RawInfo, RawMap, make_phase
from nmcstudio.io.ebsd.text_table import last_row, parse_rows, read_lines

_COLUMNS = ("phi1", "PHI", "phi2", "x", "y", "IQ", "CI", "Phase", "SEM", "Fit")


def _header(path: Path, lines: list[str]) -> tuple[dict[str, str], list[dict[str, str]], int]:
    """Entries of the header, those of each phase, and the index of the first data line."""
    entries: dict[str, str] = {}
    phases: list[dict[str, str]] = []
    first = next((index for index, line in enumerate(lines) if not line.startswith("#")), len(lines))
    for line in lines[:first]:
        match = re.match(r"#\s*([A-Za-z_]+):?\s*(.*?)\s*$", line)
        if not match:
            continue
        key, value = match.groups()
        if key == "Phase":
            phases.append({"Phase": value})
        elif phases and key in ("MaterialName", "Formula", "Symmetry", "LatticeConstants"):
            phases[-1].setdefault(key, value)
        else:
            entries.setdefault(key, value)
    if first == 0:
        raise NmcError(
            f"{path.name} does not begin with the header of an .ang file",
            "its first lines should start with #; check that this is an EDAX text map",
            "files",
        )
    return entries, phases, first


def _number(text: str) -> float:
    try:
        return float(text.split()[0])
    except (ValueError, IndexError):
        return 0.0


def _phases(blocks: list[dict[str, str]]) -> tuple[tuple[Phase, ...], tuple[int, ...], tuple[str, ...]]:
    phases: list[Phase] = []
    numbers: list[int] = []
    warnings: list[str] = []
    for block in blocks or [{}]:
        numbers.append(int(_number(block.get("Phase", "1"))))
        lattice = tuple(_number(part) for part in block.get("LatticeConstants", "").split())
        group = point_group_from_edax(block.get("Symmetry", ""))
        phase, said = make_phase(block.get("MaterialName", "") or block.get("Formula", ""), group, lattice)
        phases.append(phase)
        warnings += said
    return tuple(phases), tuple(numbers), tuple(warnings)


def _describe(path: Path, lines: list[str]) -> tuple[RawInfo, tuple[int, ...], dict[str, str], int]:
    entries, blocks, first = _header(path, lines)
    phases, numbers, warnings = _phases(blocks)
    step = (_number(entries.get("YSTEP", "")), _number(entries.get("XSTEP", "")))
    rows, columns = int(_number(entries.get("NROWS", ""))), int(_number(entries.get("NCOLS_ODD", "")))
    info = RawInfo((1, rows, columns), (None, *step), phases, _COLUMNS, "edax-2", warnings)
    return info, numbers, entries, first


def _header_numbers(info: RawInfo) -> tuple[tuple[float, float] | None, tuple[int, int] | None]:
    _, step_y, step_x = info.step_um
    _, rows, columns = info.grid
    return ((step_y, step_x) if step_x > 0 else None), ((rows, columns) if rows and columns else None)


def probe(path: Path) -> RawInfo:
    """Header, first rows and last row of an .ang file."""
    lines = read_lines(path, head_only=True)
    info, _, entries, first = _describe(path, lines)
    table = parse_rows(lines, first, path, 8, Monitor())
    last = last_row(path)
    seen = peek_grid(table[:, 3], table[:, 4], last[4]) if len(last) > 4 else None
    if seen is None or entries.get("GRID", "").startswith("Hex"):
        return info
    step, grid = seen
    warnings = info.warnings + check_header(*_header_numbers(info), step, grid)
    return replace(info, grid=(1, *grid), step_um=(None, *step), columns=info.columns[: table.shape[1]], warnings=warnings)


def read(path: Path, monitor: Monitor) -> RawMap:
    """One .ang file; radians unless the numbers are too large, confidence index -1 is not indexed."""
    lines = read_lines(path)
    info, numbers, _, first = _describe(path, lines)
    table = parse_rows(lines, first, path, 8, monitor)
    header_step, header_grid = _header_numbers(info)
    confidence = table[:, 6]
    warnings = info.warnings
    if confidence.max() > 1.0:
        warnings += (f"the confidence index goes up to {confidence.max():g}; it should end at 1 and is not used",)
        confidence = np.full(len(table), np.nan)
    return section(
        path,
        replace(info, columns=info.columns[: table.shape[1]], warnings=warnings),
        x=table[:, 3],
        y=table[:, 4],
        angles=table[:, :3],
        unit="radians",
        phase_ids=table[:, 7].astype(np.int64),
        phase_numbers=numbers,
        quality=table[:, 5],
        confidence=confidence,
        unindexed=table[:, 6] == -1,
        header_step=header_step,
        header_grid=header_grid,
    )


FORMAT = Format("ang", "EDAX text map (.ang)", (".ang",), True, lambda path: True, probe, read)
