"""Channel text maps (.ctf) of Oxford Instruments and of programs that write the same (ESPRIT, ASTAR, MTEX, EMsoft).

Tab-separated entries, "Phases" with one line for each phase (a;b;c, alpha;beta;gamma, name, Laue group 1 to 11, space group), the
names of the columns, and the points: phase (0 is not indexed), X and Y in um, Euler angles in degrees, MAD in degrees, band
contrast BC and band slope BS. Numbers may have decimal commas.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from nmcstudio.core.ebsd import Phase
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.io.ebsd.grid import check_header, peek_grid
from nmcstudio.io.ebsd.oxford import acquisition_warning, oxford_phase
from nmcstudio.io.ebsd.points import confidence_of_mad, section, whole_numbers
from nmcstudio.io.ebsd.raw import Format, RawInfo, RawMap
from nmcstudio.io.ebsd.text_table import TextRows, find_rows, first_rows, last_row, read_columns, to_float, to_int

_NEEDED = ("Phase", "X", "Y", "Euler1", "Euler2", "Euler3")
_LONGEST_HEADER = 20_000


def _names(line: str) -> list[str]:
    """Names of columns as Oxford writes them, whatever their blanks and capitals."""
    known = {name.lower(): name for name in (*_NEEDED, "MAD", "BC")}
    fields = [field.strip().strip('"') for field in line.split("\t") if field.strip()]
    return [known.get(field.replace(" ", "").lower(), field) for field in fields]


def _names_columns(line: str) -> bool:
    names = _names(line)
    return names[:1] == ["Phase"] and "X" in names


def _describe(path: Path) -> tuple[RawInfo, TextRows]:
    rows = find_rows(path, lambda header, line: len(header) < _LONGEST_HEADER and not (header and _names_columns(header[-1])))
    if not rows.header or not _names_columns(rows.header[-1]):
        raise NmcError(
            f"{path.name} has no line with the column names of a .ctf file (Phase, X, Y, …)",
            "check that this is a Channel text file; export it again",
            "files",
        )
    columns = tuple(_names(rows.header[-1]))
    entries: dict[str, str] = {}
    phase_lines: list[str] = []
    for line in rows.header[:-1]:
        fields = line.split("\t")
        if phase_lines or fields[0] == "Phases":
            phase_lines.append(line)
        else:
            entries[fields[0].strip()] = fields[1].strip() if len(fields) > 1 else ""
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise NmcError(f"{path.name} has no column {', '.join(missing)}", "export the map with all columns", "files")
    phases: list[Phase] = []
    warnings: list[str] = []
    for line in [line for line in phase_lines[1:] if line.strip()] or [""]:
        # A line that ends early is a phase as well: the points count them.
        fields = [*line.split("\t"), "", "", "", ""]
        lattice = tuple(to_float(part.strip('"')) for part in ";".join(fields[:2]).split(";"))
        phase, said = oxford_phase(fields[2].strip(), fields[3], to_int(fields[4]), lattice)
        phases.append(phase)
        warnings += said
    last = max(columns.index(name) for name in _NEEDED)
    if last < rows.columns < len(columns):
        warnings.append(f"the rows end before the columns {', '.join(columns[rows.columns :])}")
        columns = columns[: rows.columns]
    warnings += acquisition_warning(tuple(to_float(entries.get(f"AcqE{k}", "")) for k in (1, 2, 3)), "AcqE1 to 3")
    step = (None, to_float(entries.get("YStep", "")), to_float(entries.get("XStep", "")))
    grid = (1, to_int(entries.get("YCells", "")), to_int(entries.get("XCells", "")))
    return RawInfo(grid, step, tuple(phases), columns, "oxford", tuple(warnings)), rows


def _header_numbers(info: RawInfo) -> tuple[tuple[float, float] | None, tuple[int, int] | None]:
    _, step_y, step_x = info.step_um
    _, rows, columns = info.grid
    return ((step_y, step_x) if step_x > 0 and step_y > 0 else None), ((rows, columns) if rows and columns else None)


def probe(path: Path, scan: str = "") -> RawInfo:
    """Header, first rows and last row of a .ctf file."""
    info, rows = _describe(path)
    x, y = info.columns.index("X"), info.columns.index("Y")
    first = first_rows(rows, {"X": (x, float), "Y": (y, float)}, len(info.columns))
    last = last_row(rows)
    seen = peek_grid(first["X"], first["Y"], last[y]) if len(last) >= len(info.columns) else None
    if seen is None:
        return info
    step, grid = seen
    header_step, header_grid = _header_numbers(info)
    hexagonal = step[1] > step[0] * 1.1
    warnings = info.warnings + check_header(header_step, None if hexagonal else header_grid, step, grid)
    return replace(info, grid=(1, *grid), step_um=(None, *step), warnings=warnings)


def read(path: Path, scan: str, monitor: Monitor) -> RawMap:
    """One .ctf file; degrees, phase 0 is not indexed, quality is the band contrast."""
    info, rows = _describe(path)
    wanted = {
        name: (index, np.float64 if name in ("X", "Y") else np.float32)
        for index, name in enumerate(info.columns)
        if name in (*_NEEDED, "MAD", "BC")
    }
    column = read_columns(rows, wanted, len(info.columns), monitor)
    header_step, header_grid = _header_numbers(info)
    ids = whole_numbers(column["Phase"])
    return section(
        path,
        info,
        x=column["X"],
        y=column["Y"],
        angles=(column["Euler1"], column["Euler2"], column["Euler3"]),
        unit="degrees",
        phase_ids=ids,
        phase_numbers=tuple(range(1, len(info.phases) + 1)),
        quality=column.get("BC"),
        confidence=confidence_of_mad(column.get("MAD"), ids > 0),
        unindexed=ids <= 0,
        header_step=header_step,
        header_grid=header_grid,
        monitor=monitor,
    )


FORMAT = Format("ctf", "Oxford text map (.ctf)", (".ctf",), True, lambda path: True, probe, read)
