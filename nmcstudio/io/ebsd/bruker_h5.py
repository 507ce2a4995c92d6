"""Bruker HDF5 (ESPRIT, .h5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import Phase
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.symmetry import point_group_of_space_group
from nmcstudio.io.ebsd.hdf5 import dataset, manufacturer, number, opened, scans, text
from nmcstudio.io.ebsd.points import section
from nmcstudio.io.ebsd.raw import Format, RawInfo, RawMap, make_phase

_WORST_MAD_DEG = 2.0


def _scan(file: Any, path: Path) -> Any:
    found = scans(file)
    if not found:
        raise NmcError(f"{path.name} has no scan (a group with EBSD/Data)", "choose a file that ESPRIT has written", "files")
    return found[0]


def _describe(file: Any, path: Path) -> tuple[RawInfo, tuple[int, ...]]:
    scan = _scan(file, path)
    header = scan["EBSD/Header"]
    phases: list[Phase] = []
    numbers: list[int] = []
    warnings: list[str] = []
    for key in sorted(header.get("Phases", {}), key=int):
        entry = header["Phases"][key]
        lattice = tuple(float(v) for v in np.ravel(entry["LatticeConstants"][()])) if "LatticeConstants" in entry else ()
        group = point_group_of_space_group(int(number(entry, "IT")))
        phase, said = make_phase(text(entry, "Name") or text(entry, "Formula"), group, lattice)
        phases.append(phase)
        numbers.append(int(key))
        warnings += said
    if len(scans(file)) > 1:
        others = ", ".join(group.name.strip("/") for group in scans(file)[1:])
        warnings.append(f"the first scan of the file is read; it also holds {others}")
    columns = tuple(name for name in scan["EBSD/Data"] if scan["EBSD/Data"][name].ndim == 1)
    grid = (1, int(number(header, "NROWS")), int(number(header, "NCOLS")))
    step = (None, number(header, "YSTEP"), number(header, "XSTEP"))
    return RawInfo(grid, step, tuple(phases), columns, "bruker", tuple(warnings)), tuple(numbers)


def _positions(scan: Any, info: RawInfo, data: Any, path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates of the points: from the beam's pixel where it is stored, else from the stage.

    ESPRIT's beam indices count along the map's columns and rows, whatever the signs of its stage coordinates.
    """
    for place in ("SEM", "EBSD/SEM"):
        for names in (("IX", "IY"), ("SEM IX", "SEM IY")):
            if place in scan and names[0] in scan[place] and names[1] in scan[place]:
                x, y = (np.asarray(scan[place][name][()], np.float64) for name in names)
                return (x - x.min()) * info.step_um[2], (y - y.min()) * info.step_um[1]
    rows, columns = info.grid[1:]
    if rows * columns == len(data["phi1"]):
        row, column = np.divmod(np.arange(rows * columns), columns)
        return column * info.step_um[2], row * info.step_um[1]
    x, y = (np.asarray(dataset(data, name, path)[()], np.float64) for name in ("X SAMPLE", "Y SAMPLE"))
    return x - x.min(), y - y.min()


def probe(path: Path) -> RawInfo:
    """Header of a Bruker HDF5 file."""
    with opened(path) as file:
        return _describe(file, path)[0]


def read(path: Path, monitor: Monitor) -> RawMap:
    """First scan of a Bruker HDF5 file; degrees, phase 0 is not indexed, quality is the Radon quality."""
    with opened(path) as file:
        info, numbers = _describe(file, path)
        scan = _scan(file, path)
        data = scan["EBSD/Data"]
        if info.step_um[1] <= 0 or info.step_um[2] <= 0:
            raise NmcError(f"{path.name} has no step (XSTEP, YSTEP)", "export the map again with its calibration", "files")

        def column(name: str) -> NDArray[np.float64]:
            monitor.report(None)
            return np.asarray(dataset(data, name, path)[()], np.float64)

        angles = np.stack([column(name) for name in ("phi1", "PHI", "phi2")], axis=1)
        ids = column("Phase").astype(np.int64)
        x, y = _positions(scan, info, data, path)
        quality = column("RadonQuality") if "RadonQuality" in data else None
        mad = column("MAD") if "MAD" in data else None
    return section(
        path,
        info,
        x=x,
        y=y,
        angles=angles,
        unit="degrees",
        phase_ids=ids,
        phase_numbers=numbers,
        quality=quality,
        confidence=None if mad is None else np.where(ids > 0, np.clip(1 - mad / _WORST_MAD_DEG, 0, 1), 0),
        unindexed=ids <= 0,
    )


FORMAT = Format(
    "bruker-h5", "Bruker HDF5", (".h5", ".hdf5", ".h5ebsd"), True, lambda path: "bruker" in manufacturer(path), probe, read
)
