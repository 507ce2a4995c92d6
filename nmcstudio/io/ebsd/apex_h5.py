"""EDAX HDF5 of APEX (.edaxh5): a project with samples and areas, in which each "OIM Map" is a scan.

A map is a group with ``EBSD/ANG/DATA/DATA``, a table of records (orientation matrix, IQ, CI, phase, …), ``EBSD/ANG/HEADER/Phase``
and ``Sample`` (Step X and Y in um, Number Of Columns and Rows, CoOrdinate System Id). The nine values of a record are the rows
of Bunge's matrix g, and phases count from 0, with -1 for points that are not indexed. There is no published description: facts
from the readers of MTEX (hdf5_config/EDAXh5.json and loadEBSD_h5.m, where the matrices were compared with the Euler angles
of the same map) and of pynxtools-em (hfive_apex.py). The points have no coordinates: they come row by row.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.quaternions import from_matrix, to_bunge
from nmcstudio.io.ebsd.edax_phases import edax_frame, edax_phases
from nmcstudio.io.ebsd.hdf5 import as_text, chosen_scan, count, number, opened, scans, text
from nmcstudio.io.ebsd.points import section, whole_numbers
from nmcstudio.io.ebsd.raw import Format, RawInfo, RawMap

_RECORDS = "EBSD/ANG/DATA/DATA"
_DEPTH = 6
_CHUNK = 100_000


def _recognises(path: Path) -> bool:
    with opened(path) as file:
        said = "".join(as_text(value) for group in file.values() for value in getattr(group, "attrs", {}).values())
        return "EDAX" in said or bool(scans(file, _RECORDS, _DEPTH))


def _describe(file: Any, path: Path, scan: str) -> tuple[RawInfo, tuple[int, ...], Any]:
    found = scans(file, _RECORDS, _DEPTH)
    chosen = chosen_scan(found, scan, path, "APEX")
    phases, numbers, warnings = edax_phases(chosen.get("EBSD/ANG/HEADER/Phase", {}))
    sample = chosen.get("Sample", {})
    frame, said = edax_frame(int(number(sample, "CoOrdinate System Id")))
    records = chosen[_RECORDS]
    names = tuple(records.dtype.names or ())
    if "hex" in text(sample, "Grid Type").lower():
        said += ("the map is on a hexagonal grid, whose points APEX does not place: export it as .ang to be sure of the rows",)
    info = RawInfo(
        grid=(1, count(sample, "Number Of Rows"), count(sample, "Number Of Columns")),
        step_um=(None, number(sample, "Step Y"), number(sample, "Step X")),
        phases=phases,
        columns=names,
        frame=frame,
        warnings=(*warnings, *said),
        scans=tuple(found),
        scan=chosen.name.strip("/"),
    )
    return info, numbers, records


def probe(path: Path, scan: str = "") -> RawInfo:
    """Header of a map."""
    with opened(path) as file:
        return _describe(file, path, scan)[0]


def scan_names(path: Path) -> tuple[str, ...]:
    """Names of the maps in a project."""
    with opened(path) as file:
        return tuple(scans(file, _RECORDS, _DEPTH))


def read(path: Path, scan: str, monitor: Monitor) -> RawMap:
    """One map of a project; phase -1 is not indexed."""
    with opened(path) as file:
        info, numbers, records = _describe(file, path, scan)
        field = {name.lower().replace(" ", ""): name for name in info.columns}
        missing = [name for name in ("orientations", "phase") if name not in field]
        if missing:
            raise NmcError(f"{path.name} has no {missing[0]} in its records", "export the map as .ang", "files")
        _, rows, columns = info.grid
        _, step_y, step_x = info.step_um
        total = len(records)
        if rows * columns != total or not (step_x > 0 and step_y > 0):
            raise NmcError(
                f"{path.name} has {total} points, and a grid of {columns} x {rows} with steps of {step_x:g} x {step_y:g} um",
                "the points have no coordinates, so both are needed: export the map as .ang",
                "files",
            )
        angles = np.empty((3, total), np.float32)
        named: dict[str, NDArray[np.float32]] = {
            name: np.empty(total, np.float32) for name in ("phase", "iq", "ci") if name in field
        }
        for start in range(0, total, _CHUNK):
            monitor.report(start / total)
            part = records[start : start + _CHUNK]
            piece = slice(start, start + len(part))
            matrices = np.asarray(part[field["orientations"]], np.float64).reshape(len(part), 3, 3)
            angles[:, piece] = to_bunge(from_matrix(matrices)).T
            for name, values in named.items():
                values[piece] = part[field[name]]
    ids = whole_numbers(named["phase"])
    row, across = np.divmod(np.arange(total), columns)
    return section(
        path,
        info,
        x=across * step_x,
        y=row * step_y,
        angles=(angles[0], angles[1], angles[2]),
        unit="radians",
        phase_ids=ids + 1,
        phase_numbers=tuple(range(1, len(numbers) + 1)),
        quality=named.get("iq"),
        confidence=named.get("ci"),
        unindexed=ids < 0,
        monitor=monitor,
    )


FORMAT = Format("apex-h5", "EDAX APEX project (.edaxh5)", (".edaxh5", ".h5"), True, _recognises, probe, read, scan_names)
