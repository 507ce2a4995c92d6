"""Channel text maps (.ctf) of Oxford Instruments and of programs that write the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from nmcstudio.core.ebsd import Phase
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.symmetry import point_group_from_oxford, point_group_of_space_group
from nmcstudio.io.ebsd.grid import check_header, peek_grid
from nmcstudio.io.ebsd.points import section
from nmcstudio.io.ebsd.raw import Format, RawInfo, RawMap, make_phase
from nmcstudio.io.ebsd.text_table import last_row, parse_rows, read_lines

_NEEDED = ("Phase", "X", "Y", "Euler1", "Euler2", "Euler3")
# A mean angular deviation of this many degrees counts as no confidence at all.
_WORST_MAD_DEG = 2.0


def _number(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return 0.0


def _describe(path: Path, lines: list[str]) -> tuple[RawInfo, int]:
    """Header and the index of the first data line."""
    entries: dict[str, str] = {}
    phase_lines: list[str] = []
    names = next((index for index, line in enumerate(lines[:1000]) if line.startswith("Phase\t")), None)
    if names is None:
        raise NmcError(
            f"{path.name} has no line with the column names of a .ctf file (Phase, X, Y, …)",
            "check that this is a Channel text file; export it again",
            "files",
        )
    columns = tuple(field.strip() for field in lines[names].split("\t"))
    for line in lines[:names]:
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
    for line in phase_lines[1:]:
        fields = line.split("\t")
        if len(fields) < 4:
            continue
        lattice = tuple(_number(part) for part in ";".join(fields[:2]).split(";"))
        space_group = int(_number(fields[4])) if len(fields) > 4 else 0
        group = point_group_of_space_group(space_group) or point_group_from_oxford(int(_number(fields[3])))
        phase, said = make_phase(fields[2].strip(), group, lattice)
        phases.append(phase)
        warnings += said
    acquisition = [_number(entries.get(f"AcqE{k}", "0")) for k in (1, 2, 3)]
    if any(acquisition):
        turned = ", ".join(f"{angle:g}°" for angle in acquisition)
        warnings.append(f"the header turns the sample by {turned} (AcqE1 to 3); the Euler angles are taken as they are, in CS0")
    step = (_number(entries.get("YStep", "")), _number(entries.get("XStep", "")))
    grid = (1, int(_number(entries.get("YCells", ""))), int(_number(entries.get("XCells", ""))))
    info = RawInfo(grid, (None, *step), tuple(phases), columns, "oxford", tuple(warnings))
    return info, names + 1


def _header_numbers(info: RawInfo) -> tuple[tuple[float, float] | None, tuple[int, int] | None]:
    _, step_y, step_x = info.step_um
    _, rows, columns = info.grid
    return ((step_y, step_x) if step_x > 0 else None), ((rows, columns) if rows and columns else None)


def probe(path: Path) -> RawInfo:
    """Header, first rows and last row of a .ctf file."""
    info, first = _describe(path, lines := read_lines(path, head_only=True))
    table = parse_rows(lines, first, path, len(info.columns), Monitor())
    last = last_row(path)
    x, y = info.columns.index("X"), info.columns.index("Y")
    seen = peek_grid(table[:, x], table[:, y], last[y]) if len(last) == len(info.columns) else None
    if seen is None:
        return info
    step, grid = seen
    warnings = info.warnings + check_header(*_header_numbers(info), step, grid)
    return replace(info, grid=(1, *grid), step_um=(None, *step), warnings=warnings)


def read(path: Path, monitor: Monitor) -> RawMap:
    """One .ctf file; degrees, phase 0 is not indexed, quality is the band contrast."""
    lines = read_lines(path)
    info, first = _describe(path, lines)
    table = parse_rows(lines, first, path, len(info.columns), monitor)
    column = {name: table[:, index] for index, name in enumerate(info.columns)}
    header_step, header_grid = _header_numbers(info)
    mad = column.get("MAD")
    return section(
        path,
        info,
        x=column["X"],
        y=column["Y"],
        angles=np.stack([column[f"Euler{k}"] for k in (1, 2, 3)], axis=1),
        unit="degrees",
        phase_ids=column["Phase"].astype(np.int64),
        phase_numbers=tuple(range(1, len(info.phases) + 1)),
        quality=column.get("BC"),
        confidence=None if mad is None else np.where(column["Phase"] > 0, np.clip(1 - mad / _WORST_MAD_DEG, 0, 1), 0),
        unindexed=column["Phase"] <= 0,
        header_step=header_step,
        header_grid=header_grid,
    )


FORMAT = Format("ctf", "Oxford text map (.ctf)", (".ctf",), True, lambda path: True, probe, read)
