"""EDAX text maps (.ang), and those that other programs write in the same layout.

The header is the lines that begin with #. Columns are phi1, PHI, phi2 (radians), x, y (um), IQ, CI, phase index and more, or
what a line COLUMN_HEADERS (OIM 8) or "Column names" (orix) says. Points without a solution have CI -1 or angles of 4 pi; the
phase index is 0 for a map of one phase and counts from 1 otherwise (the notes that OIM 8 writes into each file). On a hexagonal
grid (GRID: HexGrid) every second row is half a step off.

What others write: phases without a line "# Phase" and coordinates in nm (ASTAR, "created from ACOM RES results"), 8 columns
(EMsoft), the phase behind the fit or as the name of the material (old exports; MTEX's loadEBSD_ang.m looks for both).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nmcstudio.core.ebsd import Phase
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.symmetry import point_group_from_edax
from nmcstudio.io.ebsd.grid import check_header, peek_grid
from nmcstudio.io.ebsd.points import section, whole_numbers
from nmcstudio.io.ebsd.raw import Format, RawInfo, RawMap, make_phase
from nmcstudio.io.ebsd.text_table import TextRows, find_rows, first_rows, last_row, read_columns, to_float, to_int

_COLUMNS = ("phi1", "PHI", "phi2", "x", "y", "IQ", "CI", "Phase", "SEM", "Fit")
_OTHER_NAMES = {"iq": "IQ", "imagequality": "IQ", "ci": "CI", "confidenceindex": "CI", "phaseindex": "Phase", "phaseid": "Phase",
                "phase": "Phase"}  # fmt: skip
# Oldest files end with the confidence.
_LEAST = 7
_PHASE_ENTRIES = ("MaterialName", "Formula", "Symmetry", "LatticeConstants")


@dataclass(frozen=True)
class _Header:
    """What the lines above the rows say, and how many um one unit of the coordinates is."""

    info: RawInfo
    numbers: tuple[int, ...]
    rows: TextRows
    unit_um: float = 1.0


def _describe(path: Path) -> _Header:
    rows = find_rows(path, lambda header, line: line.startswith("#"))
    if not rows.header:
        raise NmcError(
            f"{path.name} does not begin with the header of an .ang file",
            "its first lines should start with #; check that this is an EDAX text map",
            "files",
        )
    entries: dict[str, str] = {}
    blocks: list[dict[str, str]] = []
    for line in rows.header:
        match = re.match(r"#\s*([A-Za-z_]+(?: names)?)\s*:?\s*(.*?)\s*$", line)
        if not match:
            continue
        key, value = match.groups()
        if key == "Phase":
            blocks.append({"Phase": value})
        elif key in _PHASE_ENTRIES:
            if not blocks or (key == "MaterialName" and key in blocks[-1]):
                blocks.append({})
            blocks[-1].setdefault(key, value)
        else:
            entries.setdefault(key, value)
    phases, numbers, warnings = _phases(blocks)
    rows, at = _numbered(rows, {phase.name: number for phase, number in zip(phases, numbers)})
    said = entries.get("COLUMN_HEADERS") or entries.get("Column names", "")
    columns = _columns(said, rows.columns, _phase_column(rows, numbers) if at is None else at)
    in_nm = any("ACOM RES" in line for line in rows.header)
    if in_nm:
        warnings += ("coordinates are read in nm, as ASTAR writes them",)
    step = (None, to_float(entries.get("YSTEP", "")), to_float(entries.get("XSTEP", "")))
    grid = (1, to_int(entries.get("NROWS", "")), to_int(entries.get("NCOLS_ODD", "")))
    return _Header(RawInfo(grid, step, phases, columns, "edax-2", warnings), numbers, rows, 1e-3 if in_nm else 1.0)


def _phases(blocks: list[dict[str, str]]) -> tuple[tuple[Phase, ...], tuple[int, ...], tuple[str, ...]]:
    phases: list[Phase] = []
    numbers: list[int] = []
    warnings: list[str] = []
    for block in blocks or [{}]:
        numbers.append(to_int(block.get("Phase", str(len(numbers) + 1))))
        lattice = tuple(to_float(part) for part in block.get("LatticeConstants", "").split())
        group = point_group_from_edax(block.get("Symmetry", ""))
        phase, said = make_phase(block.get("MaterialName", "") or block.get("Formula", ""), group, lattice)
        phases.append(phase)
        warnings += said
    return tuple(phases), tuple(numbers), tuple(warnings)


def _numbered(rows: TextRows, numbers: dict[str, int]) -> tuple[TextRows, int | None]:
    """The rows with names of phases as their numbers, and the column with such names; None if there is none."""
    first = rows.head.split(rows.line_end)[0].decode("utf-8", "replace")
    name = next((name for name in sorted(numbers, key=len, reverse=True) if name and f" {name} " in f" {first.strip()} "), None)
    if name is None or not re.search("[A-Za-z]", name):
        return rows, None
    place = len(first[: first.index(name)].split())
    words = tuple((known.encode(), str(numbers[known]).encode()) for known in sorted(numbers, key=len, reverse=True) if known)
    return replace(rows, words=words, columns=len(first.replace(name, "1").split())), place


def _phase_column(rows: TextRows, numbers: tuple[int, ...]) -> int:
    """The eighth column, or the ninth where only that holds numbers of phases."""
    usual = _COLUMNS.index("Phase")
    if rows.columns <= usual + 1:
        return usual
    first = first_rows(rows, {"8": (usual, float), "9": (usual + 1, float)}, _LEAST)
    known = (-1, 0, *numbers)
    return usual + 1 if np.isin(first["9"], known).all() and not np.isin(first["8"], known).all() else usual


def _columns(said: str, count: int, phase: int) -> tuple[str, ...]:
    """Names of the columns; the first five always stand in the same order."""
    names = [name.strip() for name in said.split(",")] if said else []
    if len(names) < 8 or (count and len(names) != count):
        names = [*_COLUMNS, *(f"column {k + 1}" for k in range(len(_COLUMNS), count))][: count or len(_COLUMNS)]
        if phase != _COLUMNS.index("Phase"):
            names = [name if name != "Phase" else "Fit" for name in names if name not in ("SEM", "Fit")]
            names.insert(phase, "Phase")
            names += [f"column {k + 1}" for k in range(len(names), count)]
    else:
        names = [_OTHER_NAMES.get(re.sub(r"[\s_]", "", name).lower(), name) for name in names]
    return (*_COLUMNS[:5], *names[5:])


def _header_numbers(info: RawInfo) -> tuple[tuple[float, float] | None, tuple[int, int] | None]:
    _, step_y, step_x = info.step_um
    _, rows, columns = info.grid
    return ((step_y, step_x) if step_x > 0 and step_y > 0 else None), ((rows, columns) if rows and columns else None)


def probe(path: Path, scan: str = "") -> RawInfo:
    """Header, first rows and last row of an .ang file."""
    header = _describe(path)
    info, unit = header.info, header.unit_um
    first = first_rows(header.rows, {"x": (3, float), "y": (4, float)}, _LEAST)
    last = last_row(header.rows)
    seen = peek_grid(first["x"] * unit, first["y"] * unit, last[4] * unit) if len(last) > 4 else None
    if seen is None:
        return info
    step, grid = seen
    header_step, header_grid = _header_numbers(info)
    hexagonal = step[1] > step[0] * 1.1
    warnings = info.warnings + check_header(header_step, None if hexagonal else header_grid, step, grid)
    return replace(info, grid=(1, *grid), step_um=(None, *step), warnings=warnings)


def read(path: Path, scan: str, monitor: Monitor) -> RawMap:
    """One .ang file; radians unless the numbers are too large.

    Not indexed are points with the confidence index -1, and those with three angles of zero and no quality in a map that has
    quality elsewhere: so programs write points that they have thrown out.
    """
    header = _describe(path)
    info = header.info
    place = {name: index for index, name in enumerate(info.columns)}
    wanted = {
        "phi1": (0, np.float32),
        "PHI": (1, np.float32),
        "phi2": (2, np.float32),
        "x": (3, np.float64),
        "y": (4, np.float64),
    }
    wanted |= {name: (place[name], np.float32) for name in ("IQ", "CI", "Phase") if name in place}
    column = read_columns(header.rows, wanted, _LEAST, monitor)
    header_step, header_grid = _header_numbers(info)
    warnings = info.warnings
    confidence = column.get("CI")
    angles = (column["phi1"], column["PHI"], column["phi2"])
    unindexed = np.zeros(len(column["x"]), bool) if confidence is None else confidence == -1
    if "IQ" in column and np.nanmax(column["IQ"], initial=0.0) > 0:
        unindexed |= (column["IQ"] <= 0) & np.all([angle == 0 for angle in angles], axis=0)
    largest = 0.0 if confidence is None else float(np.nanmax(confidence, initial=0.0))
    if largest > 1.0:
        warnings += (f"the confidence index goes up to {largest:g}; it should end at 1 and is not used",)
        confidence = None
    return section(
        path,
        replace(info, warnings=warnings),
        x=column["x"] * header.unit_um,
        y=column["y"] * header.unit_um,
        angles=angles,
        unit="radians",
        phase_ids=whole_numbers(column["Phase"]) if "Phase" in column else np.zeros(len(column["x"]), np.int64),
        phase_numbers=header.numbers,
        quality=column.get("IQ"),
        confidence=confidence,
        unindexed=unindexed,
        header_step=header_step,
        header_grid=header_grid,
        monitor=monitor,
    )


FORMAT = Format("ang", "EDAX text map (.ang)", (".ang",), True, lambda path: True, probe, read)
