"""Tables of text with a line of column names: phi1, Phi, phi2, x, y and more, in any order and with any delimiter.

With a column z of several heights the points are those of a volume.

Names are compared without blanks, case and units ("Euler 1 (°)", "x [µm]"). The unit of the angles is that of the name where
it says one, else told by their size; x and y are um unless the name says otherwise. A column of grain numbers comes along.
Such a table names no phase, no symmetry and no reference frame: the first two have to be chosen, the angles are taken as
those of the map's axes.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.units import um_per
from nmcstudio.io.ebsd.grid import peek_grid, peek_volume, share_places
from nmcstudio.io.ebsd.points import confidence_of_mad, section, whole_numbers
from nmcstudio.io.ebsd.raw import Format, RawInfo, RawMap, make_phase, unknown_phase
from nmcstudio.io.ebsd.text_table import TextRows, find_rows, first_rows, last_row, read_columns

_ANGLES = ("phi1", "Phi", "phi2")
_NEEDED = (*_ANGLES, "x", "y")
_NAMES = {
    "phi1": ("phi1", "φ1", "euler1", "eul1", "e1"), "phi2": ("phi2", "φ2", "euler3", "eul3", "e3"),
    "Phi": ("phi", "φ", "euler2", "eul2", "e2"), "x": ("x", "xpos", "xposition"), "y": ("y", "ypos", "yposition"),
    "z": ("z", "zpos", "zposition"),
    "phase": ("phase", "phaseid", "phaseindex"), "ci": ("ci", "confidenceindex", "confidence"),
    "mad": ("mad", "meanangulardeviation"), "iq": ("iq", "imagequality", "bc", "bandcontrast", "quality"),
    "grain": ("grainid", "grain", "grains", "featureids", "featureid"),
}  # fmt: skip
_DELIMITERS = "\t;,"
_LONGEST_HEADER, _LONGEST_NOTE = 200, 50


def _split(line: str) -> list[str]:
    """Column names of a line; tabs and semicolons part them before commas and blanks do."""
    line = line.lstrip("#%").strip()
    for mark in _DELIMITERS:
        if mark in line:
            return [name.strip().strip('"') for name in line.split(mark)]
    return line.split()


def _columns(names: list[str]) -> dict[str, int]:
    """Index of each quantity that the names name."""
    plain = [re.sub(r"[\s_\-]|[(\[].*", "", name).lower() for name in names]
    found = {}
    for quantity, known in _NAMES.items():
        index = next((k for k, name in enumerate(plain) if name in known), None)
        if index is not None:
            found[quantity] = index
    return found


def _is_number(word: str) -> bool:
    return re.fullmatch(r"[-+]?(\d+([.,]\d*)?|[.,]\d+)(e[-+]?\d+)?|nan", word, re.IGNORECASE) is not None


def _find(path: Path) -> tuple[TextRows, list[str], dict[str, int]]:
    def is_header(header: list[str], line: str) -> bool:
        words = re.split(r"[\s;,]+", line.strip())
        return len(header) < _LONGEST_HEADER and not all(_is_number(word) for word in words if word)

    rows = find_rows(path, is_header, _DELIMITERS)
    for index in reversed(range(len(rows.header))):
        names = _split(rows.header[index])
        found = _columns(names)
        if all(name in found for name in _NEEDED):
            _check_first_row(rows, index)
            return rows, names, found
    raise NmcError(
        f"{path.name} has no line that names the columns phi1, Phi, phi2, x and y",
        "write such a line above the numbers, with a name for each column",
        "files",
    )


def _check_first_row(rows: TextRows, names_at: int) -> None:
    """Some lines of units or notes may stand below the names; nothing but lines of words are rows with what is no number."""
    below = [(k, line) for k, line in enumerate(rows.header) if k > names_at and line.strip()]
    if not below or (rows.columns and len(below) < _LONGEST_NOTE):
        return
    number, line = below[0]
    word = next(word for word in re.split(r"[\s;,]+", line.strip()) if word and not _is_number(word))
    raise NmcError(
        f"{rows.path.name}, line {number + 1}: {word[:40]!r} is not a number",
        "write all columns as numbers, phases too (1, 2, …), without quotation marks",
        "files",
    )


def _recognises(path: Path) -> bool:
    try:
        _find(path)
    except NmcError:
        return False
    return True


def _scale(name: str) -> float:
    words = re.search(r"[(\[]\s*([^)\]]+?)\s*[)\]]", name)
    return (um_per(words[1]) if words else None) or 1.0


def _describe(path: Path) -> tuple[RawInfo, TextRows, dict[str, int], list[str]]:
    rows, names, found = _find(path)
    phase, warnings = unknown_phase()
    said = "the table names no reference frame: its angles are taken as those of the map's own axes"
    return RawInfo((1, 0, 0), (None, 0.0, 0.0), (phase,), tuple(names), "none", (*warnings, said)), rows, found, names


def probe(path: Path, scan: str = "") -> RawInfo:
    """Names of the columns, first rows and last row of a table."""
    info, rows, found, names = _describe(path)
    wanted: dict[str, tuple[int, DTypeLike]] = {name: (found[name], float) for name in ("x", "y", "z") if name in found}
    first = first_rows(rows, wanted, max(found.values()) + 1)
    scales = {name: _scale(names[index]) for name, (index, _) in wanted.items()}
    first = {name: column * scales[name] for name, column in first.items()}
    values = last_row(rows)
    last = {
        name: values[index] * scales[name] if len(values) > index else float(np.nanmax(first[name]))
        for name, (index, _) in wanted.items()
    }
    if "z" in found and (share_places(first["x"], first["y"]) if np.ptp(first["z"]) else last["z"] != first["z"][0]):
        points = len(first["z"]) * max(1.0, (path.stat().st_size - rows.start) / len(rows.head))
        volume = peek_volume((first["z"], first["y"], first["x"]), (last["z"], last["y"], last["x"]), points)
        return info if volume is None else replace(info, step_um=volume[0], grid=volume[1])
    seen = peek_grid(first["x"], first["y"], last["y"])
    if seen is None:
        return info
    step, grid = seen
    return replace(info, grid=(1, *grid), step_um=(None, *step))


def read(path: Path, scan: str, monitor: Monitor) -> RawMap:
    """One table; every phase number is a phase, 0 alone too."""
    info, rows, found, names = _describe(path)
    wanted = {name: (index, np.float64 if name in ("x", "y", "z") else np.float32) for name, index in found.items()}
    column = read_columns(rows, wanted, max(found.values()) + 1, monitor)
    ids = whole_numbers(column["phase"]) if "phase" in column else np.ones(len(column["x"]), np.int64)
    numbers = [int(number) for number in np.unique(ids) if number >= 0]
    if len(numbers) > 1:
        numbers = [number for number in numbers if number > 0]
    if len(numbers) > 250:
        raise NmcError(f"{path.name} has {len(numbers)} phases", "check which column is named phase", "files")
    if len(numbers) > 1:
        phases = tuple(make_phase(f"phase {number}", None, ())[0] for number in numbers)
        info = replace(info, phases=phases)
    unit = "degrees"
    if re.search(r"[(\[]\s*rad", names[found["phi1"]].lower()):
        unit = "radians"
    return section(
        path,
        info,
        x=column["x"] * _scale(names[found["x"]]),
        y=column["y"] * _scale(names[found["y"]]),
        z=column["z"] * _scale(names[found["z"]]) if "z" in column else None,
        angles=(column["phi1"], column["Phi"], column["phi2"]),
        unit=unit,
        phase_ids=ids,
        phase_numbers=tuple(numbers),
        quality=column.get("iq"),
        confidence=column["ci"] if "ci" in column else confidence_of_mad(column.get("mad"), ids >= 0),
        unindexed=column["ci"] == -1 if "ci" in column else None,
        grain_ids=whole_numbers(column["grain"]) if "grain" in column else None,
        monitor=monitor,
    )


FORMAT = Format("table", "Table of text with column names", (".txt", ".csv", ".dat"), True, _recognises, probe, read)
