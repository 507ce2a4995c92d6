"""Oxford's binary maps: a header (.cpr) and the records (.crc) beside it, under the same name.

The header is an INI file: [Job] with xCells, yCells, GridDistX, GridDistY (um) and NoOfPoints; [Fields] with Count and a code for
each field, in the order of the record; [Phases] with Count and a section for each; [Acquisition Surface]. A record is one byte
for the phase (0 is not indexed) and the fields, little-endian and packed: codes 1 to 6 are X, Y, phi1, Phi, phi2 (radians) and
MAD (degrees) as float32, 7 to 11 are BC, BS, unknown, bands and error as one byte, 12 is a reliability index and all above are
counts of elements, float32. Facts from the readers of MTEX (interfaces/loadEBSD_crc.m) and DefDAP (file_readers.py), which agree.
A phase may be counted in [Phases] and have no section: its points are then not indexed, and no other phase moves into its place.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import Phase
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.io.ebsd.oxford import acquisition_warning, oxford_phase
from nmcstudio.io.ebsd.points import confidence_of_mad, section
from nmcstudio.io.ebsd.raw import Format, RawInfo, RawMap, unknown_phase
from nmcstudio.io.ebsd.text_table import to_float, to_int

_FIELDS = {1: ("X", "<f4"), 2: ("Y", "<f4"), 3: ("phi1", "<f4"), 4: ("Phi", "<f4"), 5: ("phi2", "<f4"), 6: ("MAD", "<f4"),
           7: ("BC", "u1"), 8: ("BS", "u1"), 9: ("unknown", "u1"), 10: ("Bands", "u1"), 11: ("Error", "u1"),
           12: ("Reliability", "<f4")}  # fmt: skip
_CHUNK = 200_000


def pair(path: Path) -> tuple[Path, Path]:
    """The .cpr and the .crc of a map, whichever of them `path` is.

    Raises
    ------
    NmcError
        If one of the two is missing.
    """
    beside = {child.suffix.lower(): child for child in path.parent.glob(f"{_escaped(path.stem)}.*")} | {path.suffix.lower(): path}
    for suffix, holds in ((".cpr", "header"), (".crc", "points")):
        if suffix not in beside or not beside[suffix].is_file():
            raise NmcError(
                f"{path.stem}{suffix} is missing: {path.name} holds only half of the map, the {holds} are in the other file",
                f"put {path.stem}{suffix} beside it",
                "files",
            )
    return beside[".cpr"], beside[".crc"]


def _escaped(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)


def _sections(path: Path) -> dict[str, dict[str, str]]:
    """Entries of each section of an INI file, names in lower case without blanks."""
    try:
        text = path.read_bytes().decode("latin-1")
    except OSError as error:
        raise NmcError(f"{path} cannot be read ({error.strerror or error})", "check the permissions", "files") from error
    found: dict[str, dict[str, str]] = {}
    entries: dict[str, str] = {}
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("[") and line.endswith("]"):
            entries = found.setdefault(line[1:-1].replace(" ", "").lower(), {})
        elif "=" in line and not line.startswith(";"):
            key, value = line.split("=", 1)
            entries[key.replace(" ", "").lower()] = value.strip()
    for needed in ("job", "fields"):
        if needed not in found:
            raise NmcError(
                f"{path.name} has no section [{needed.capitalize()}]", "check that this is the header of an Oxford map", "files"
            )
    return found


def _describe(path: Path) -> tuple[RawInfo, tuple[int, ...], np.dtype[np.void], Path]:
    header, points = pair(path)
    found = _sections(header)
    job = found["job"]
    phases: list[Phase] = []
    numbers: list[int] = []
    warnings: list[str] = []
    for number in range(1, min(to_int(found.get("phases", {}).get("count", "")), 255) + 1):
        entries = found.get(f"phase{number}", {})
        if not entries.get("structurename"):
            warnings.append(f"the header counts a phase {number} and does not describe it: its points are taken as not indexed")
            continue
        lattice = tuple(to_float(entries.get(name, "")) for name in ("a", "b", "c", "alpha", "beta", "gamma"))
        laue, space_group = entries.get("lauegroup", ""), to_int(entries.get("spacegroup", ""))
        phase, said = oxford_phase(entries["structurename"], laue, space_group, lattice)
        phases.append(phase)
        numbers.append(number)
        warnings += said
    if not numbers:
        phase, said = unknown_phase()
        phases, numbers = [phase], [1]
        warnings += said
    surface = found.get("acquisitionsurface", {})
    warnings += acquisition_warning(tuple(to_float(surface.get(f"euler{k}", "")) for k in (1, 2, 3)), "Acquisition Surface")
    fields = found["fields"]
    codes = [to_int(fields.get(f"field{k + 1}", "")) for k in range(min(to_int(fields.get("count", "")), 1000))]
    names = [("Phase", "u1")] + [_FIELDS.get(code, (f"field {code}", "<f4")) for code in codes]
    columns = tuple(name for name, _ in names)
    missing = [name for name in ("phi1", "Phi", "phi2") if name not in columns]
    if missing or len(set(columns)) != len(columns):
        raise NmcError(
            f"{header.name} describes records without angles" if missing else f"{header.name} names a field twice",
            "the header is damaged: copy it again from the acquisition computer",
            "files",
        )
    grid = (1, to_int(job.get("ycells", "")), to_int(job.get("xcells", "")))
    step = (None, to_float(job.get("griddisty", "")), to_float(job.get("griddistx", "")))
    return RawInfo(grid, step, tuple(phases), columns, "oxford", tuple(warnings)), tuple(numbers), np.dtype(names), points


def probe(path: Path, scan: str = "") -> RawInfo:
    """The .cpr, and whether the .crc has the size that it says."""
    info, _, record, points = _describe(path)
    _count(info, record, points, path)
    return info


def _count(info: RawInfo, record: np.dtype[np.void], points: Path, path: Path) -> int:
    size = points.stat().st_size
    count = size // record.itemsize
    said = info.grid[1] * info.grid[2]
    if not count:
        raise NmcError(f"{points.name} has no points", "copy it again from the acquisition computer", "files")
    if size % record.itemsize or (said and count < said and "X" not in info.columns):
        raise NmcError(
            f"{points.name} has {size} bytes, not {said} records of {record.itemsize}, as its header says",
            "one of the two files is cut off or belongs to another map: copy both again",
            "files",
        )
    return count


def read(path: Path, scan: str, monitor: Monitor) -> RawMap:
    """One map; radians, phase 0 is not indexed, quality is the band contrast."""
    info, numbers, record, points = _describe(path)
    count = _count(info, record, points, path)
    wanted = [name for name in ("Phase", "X", "Y", "phi1", "Phi", "phi2", "MAD", "BC") if name in info.columns]
    column: dict[str, NDArray[np.float32]] = {name: np.empty(count, np.float32) for name in wanted}
    with points.open("rb") as file:
        for start in range(0, count, _CHUNK):
            monitor.report(start / count)
            part = np.fromfile(file, record, min(_CHUNK, count - start))
            for name in wanted:
                column[name][start : start + len(part)] = part[name]
    _, step_y, step_x = info.step_um
    _, rows, columns = info.grid
    if "X" in column and "Y" in column:
        x, y = column["X"].astype(np.float64), column["Y"].astype(np.float64)
    elif rows * columns == count and step_x > 0 and step_y > 0:
        row, across = np.divmod(np.arange(count), columns)
        x, y = across * step_x, row * step_y
    else:
        raise NmcError(
            f"{path.stem} has {count} points, its header a grid of {columns} x {rows} with steps of {step_x:g} x {step_y:g} um",
            "one of the two files belongs to another map, or the header is damaged: copy both again",
            "files",
        )
    ids = column["Phase"].astype(np.int64)
    return section(
        path,
        info,
        x=x,
        y=y,
        angles=(column["phi1"], column["Phi"], column["phi2"]),
        unit="radians",
        phase_ids=ids,
        phase_numbers=numbers,
        quality=column.get("BC"),
        confidence=confidence_of_mad(column.get("MAD"), ids > 0),
        unindexed=ids <= 0,
        header_step=(step_y, step_x) if step_x > 0 and step_y > 0 else None,
        header_grid=(rows, columns) if rows and columns else None,
        monitor=monitor,
    )


FORMAT = Format("crc", "Oxford binary map (.cpr and .crc)", (".cpr", ".crc"), True, lambda path: True, probe, read)
