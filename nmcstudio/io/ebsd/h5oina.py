"""Oxford's HDF5 (.h5oina), versions 1 to 8.

Slices are groups "1", "2", … (a map has one); each holds "EBSD" with "Data" (one row for each point: Phase, 0 is not
indexed, X and Y in um, Euler and Mean Angular Deviation in radians, Band Contrast …) and "Header" (X Cells, X Step in um,
Phases with lattice angles in radians and lengths in Angstrom, Stage Position in mm). "Data Processing" beside it holds what
AZtecCrystal made of Phase and Euler. Points outside the acquired area are NaN. The angles refer to CS1, which is turned
against the map by the scanning rotation. Source: H5OINA File Specification (github.com/oinanoanalysis/h5oina,
H5OINAFile.md); the turn by "Scanning Rotation Angle": MTEX (interfaces/hdf5_config/info.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import Phase
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.io.ebsd.hdf5 import children, chosen_scan, column, count, dataset, number, opened, text
from nmcstudio.io.ebsd.oxford import acquisition_warning, oxford_phase
from nmcstudio.io.ebsd.points import confidence_of_mad, section, whole_numbers
from nmcstudio.io.ebsd.raw import Format, RawInfo, RawMap, unknown_phase

_PROCESSED = " processed"


def _scans(file: Any) -> dict[str, Any]:
    """Slices with a map, and the processed versions of them after all measured ones."""
    slices = [group for group in children(file) if "EBSD/Data" in group]
    names = {group.name.strip("/"): group for group in slices}
    return names | {f"{name}{_PROCESSED}": group for name, group in names.items() if "Data Processing/Data/Euler" in group}


def _describe(file: Any, path: Path, scan: str) -> tuple[RawInfo, tuple[int, ...], Any]:
    found = _scans(file)
    chosen = chosen_scan(found, scan, path, "AZtec")
    header = chosen["EBSD/Header"]
    phases: list[Phase] = []
    numbers: list[int] = []
    warnings: list[str] = []
    for key in sorted((name for name in header.get("Phases", {}) if name.isdigit()), key=int):
        entry = header["Phases"][key]
        lengths = np.ravel(entry["Lattice Dimensions"][()]) if "Lattice Dimensions" in entry else ()
        angles = np.rad2deg(np.ravel(entry["Lattice Angles"][()])) if "Lattice Angles" in entry else ()
        lattice = tuple(float(value) for value in (*lengths, *angles))
        phase, said = oxford_phase(
            text(entry, "Phase Name"), str(count(entry, "Laue Group")), count(entry, "Space Group"), lattice
        )
        phases.append(phase)
        numbers.append(int(key))
        warnings += said
    if not phases:
        phase, said = unknown_phase()
        phases, numbers, warnings = [phase], [1], [*said]
    if "Specimen Orientation Euler" in header:
        angles_deg = np.rad2deg(np.ravel(header["Specimen Orientation Euler"][()]))
        warnings += acquisition_warning(tuple(float(v) for v in np.nan_to_num(angles_deg)), "Specimen Orientation Euler")
    frame = "oxford"
    if "Scanning Rotation Angle" in header:
        angle = number(header, "Scanning Rotation Angle", np.pi)
        if abs(np.sin(angle)) > 0.02:
            warnings.append(
                f"the scan is rotated by {np.rad2deg(angle):g}°, not by 0° or 180°: the frame of the map is not known, check it"
            )
        frame = "oxford" if np.cos(angle) < 0 else "oxford-y"
    info = RawInfo(
        grid=(1, count(header, "Y Cells"), count(header, "X Cells")),
        step_um=(None, number(header, "Y Step"), number(header, "X Step")),
        phases=tuple(phases),
        columns=tuple(chosen["EBSD/Data"]),
        frame=frame,
        warnings=tuple(warnings),
        scans=tuple(found),
        scan=scan or next(iter(found)),
        z_um=1000.0 * number(header, "Stage Position/Z") if "Stage Position/Z" in header else None,
    )
    return info, tuple(numbers), chosen


def probe(path: Path, scan: str = "") -> RawInfo:
    """Header of a slice."""
    with opened(path) as file:
        return _describe(file, path, scan)[0]


def scan_names(path: Path) -> tuple[str, ...]:
    """Names of the slices; those of processed versions end in " processed"."""
    with opened(path) as file:
        return tuple(_scans(file))


def slices_of(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the names that are measured slices."""
    return tuple(name for name in names if not name.endswith(_PROCESSED))


def read(path: Path, scan: str, monitor: Monitor) -> RawMap:
    """One slice; radians, phase 0 is not indexed, quality is the band contrast."""
    with opened(path) as file:
        info, numbers, chosen = _describe(file, path, scan)
        data = chosen["EBSD/Data"]
        solved = chosen["Data Processing/Data"] if info.scan.endswith(_PROCESSED) else data
        euler = np.asarray(dataset(solved, "Euler", path)[()], np.float32)
        if euler.ndim != 2 or euler.shape[1] != 3:
            raise NmcError(f"{path.name} has Euler angles of shape {euler.shape}, not of 3 columns", "export it again", "files")
        monitor.check()
        ids = whole_numbers(column(solved, "Phase", path, np.float32))
        x, y = _positions(data, info, len(euler), path)

        def optional(group: Any, name: str) -> NDArray[np.float32] | None:
            monitor.check()
            return column(group, name, path, np.float32) if name in group else None

        mad = optional(solved, "Mean Angular Deviation")
        quality = optional(data, "Band Contrast")
        error = optional(data, "Error")
    confidence = mad if mad is None or mad.shape != ids.shape else confidence_of_mad(np.rad2deg(mad), ids > 0)
    # Error 0 is "not analysed": a point outside the acquired area, which has no coordinates in a map that is not a rectangle.
    if error is not None and error.shape == x.shape:
        outside = (error == 0) & (ids <= 0)
        x, y = np.where(outside, np.nan, x), np.where(outside, np.nan, y)
    step = info.step_um[1:]
    return section(
        path,
        info,
        x=x,
        y=y,
        angles=(euler[:, 0], euler[:, 1], euler[:, 2]),
        unit="radians",
        phase_ids=ids,
        phase_numbers=numbers,
        quality=quality,
        confidence=confidence,
        unindexed=ids <= 0,
        header_step=step if all(value > 0 for value in step) else None,
        header_grid=info.grid[1:] if all(info.grid) else None,
        monitor=monitor,
    )


def _positions(data: Any, info: RawInfo, points: int, path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates: X and Y where they are stored, else from the order of the points, row by row."""
    if "X" in data and "Y" in data:
        return column(data, "X", path, np.float64), column(data, "Y", path, np.float64)
    rows, columns = info.grid[1:]
    if rows * columns != points:
        raise NmcError(
            f"{path.name} has {points} points without coordinates, and a grid of {columns} x {rows}",
            "it is a line scan or damaged: export the map again",
            "files",
        )
    row, across = np.divmod(np.arange(points), columns)
    return across * info.step_um[2], row * info.step_um[1]


FORMAT = Format("h5oina", "Oxford HDF5 (.h5oina)", (".h5oina",), True, lambda path: True, probe, read, scan_names, slices_of)
