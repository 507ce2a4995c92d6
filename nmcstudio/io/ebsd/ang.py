"""EDAX text maps (.ang), and those that other programs write in the same layout.

The header is the lines that begin with #. Columns are phi1, PHI, phi2 (radians), x, y (um), IQ, CI, phase index and more, or
what a line COLUMN_HEADERS (OIM 8) or "Column names" (orix) says. Points without a solution have CI -1 or angles of 4 pi; the
phase index is 0 for a map of one phase and counts from 1 otherwise (the notes that OIM 8 writes into each file). On a hexagonal
grid (GRID: HexGrid) every second row is half a step off.
"""

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
from nmcstudio.io.ebsd.points import section, whole_numbers
from nmcstudio.io.ebsd.raw import Format, RawInfo, RawMap, make_phase
from nmcstudio.io.ebsd.text_table import TextRows, find_rows, first_rows, last_row, read_columns, to_float, to_int

_COLUMNS = ("phi1", "PHI", "phi2", "x", "y", "IQ", "CI", "Phase", "SEM", "Fit")
_OTHER_NAMES = {"iq": "IQ", "imagequality": "IQ", "ci": "CI", "confidenceindex": "CI", "phaseindex": "Phase", "phaseid": "Phase",
                "phase": "Phase"}  # fmt: skip
_PHASE_ENTRIES = ("MaterialName", "Formula", "Symmetry", "LatticeConstants")


def _describe(path: Path) -> tuple[RawInfo, tuple[int, ...], TextRows]:
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
        elif blocks and key in _PHASE_ENTRIES:
            blocks[-1].setdefault(key, value)
        else:
            entries.setdefault(key, value)
    phases, numbers, warnings = _phases(blocks)
    columns = _columns(entries.get("COLUMN_HEADERS") or entries.get("Column names", ""), rows.columns)
    step = (None, to_float(entries.get("YSTEP", "")), to_float(entries.get("XSTEP", "")))
    grid = (1, to_int(entries.get("NROWS", "")), to_int(entries.get("NCOLS_ODD", "")))
    return RawInfo(grid, step, phases, columns, "edax-2", warnings), numbers, rows


def _phases(blocks: list[dict[str, str]]) -> tuple[tuple[Phase, ...], tuple[int, ...], tuple[str, ...]]:
    phases: list[Phase] = []
    numbers: list[int] = []
    warnings: list[str] = []
    for block in blocks or [{}]:
        numbers.append(to_int(block.get("Phase", "1")))
        lattice = tuple(to_float(part) for part in block.get("LatticeConstants", "").split())
        group = point_group_from_edax(block.get("Symmetry", ""))
        phase, said = make_phase(block.get("MaterialName", "") or block.get("Formula", ""), group, lattice)
        phases.append(phase)
        warnings += said
    return tuple(phases), tuple(numbers), tuple(warnings)


def _columns(said: str, count: int) -> tuple[str, ...]:
    """Names of the columns; the first five always stand in the same order."""
    names = [name.strip() for name in said.split(",")] if said else []
    if len(names) < 8 or (count and len(names) != count):
        names = [*_COLUMNS, *(f"column {k + 1}" for k in range(len(_COLUMNS), count))][: count or len(_COLUMNS)]
    else:
        names = [_OTHER_NAMES.get(re.sub(r"[\s_]", "", name).lower(), name) for name in names]
    return (*_COLUMNS[:5], *names[5:])


def _header_numbers(info: RawInfo) -> tuple[tuple[float, float] | None, tuple[int, int] | None]:
    _, step_y, step_x = info.step_um
    _, rows, columns = info.grid
    return ((step_y, step_x) if step_x > 0 and step_y > 0 else None), ((rows, columns) if rows and columns else None)


def probe(path: Path, scan: str = "") -> RawInfo:
    """Header, first rows and last row of an .ang file."""
    info, _, rows = _describe(path)
    first = first_rows(rows, {"x": (3, float), "y": (4, float)}, 8)
    last = last_row(rows)
    seen = peek_grid(first["x"], first["y"], last[4]) if len(last) > 4 else None
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
    info, numbers, rows = _describe(path)
    place = {name: index for index, name in enumerate(info.columns)}
    wanted = {
        "phi1": (0, np.float32),
        "PHI": (1, np.float32),
        "phi2": (2, np.float32),
        "x": (3, np.float64),
        "y": (4, np.float64),
    }
    wanted |= {name: (place[name], np.float32) for name in ("IQ", "CI", "Phase") if name in place}
    column = read_columns(rows, wanted, 8, monitor)
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
        x=column["x"],
        y=column["y"],
        angles=angles,
        unit="radians",
        phase_ids=whole_numbers(column["Phase"]) if "Phase" in column else np.zeros(len(column["x"]), np.int64),
        phase_numbers=numbers,
        quality=column.get("IQ"),
        confidence=confidence,
        unindexed=unindexed,
        header_step=header_step,
        header_grid=header_grid,
        monitor=monitor,
    )


FORMAT = Format("ang", "EDAX text map (.ang)", (".ang",), True, lambda path: True, probe, read)
