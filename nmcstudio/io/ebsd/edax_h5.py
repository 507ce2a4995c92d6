"""EDAX HDF5 (OIM Analysis 7 and later, .h5 and .oh5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import Phase
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.symmetry import point_group_from_edax
from nmcstudio.io.ebsd.hdf5 import dataset, manufacturer, number, opened, scans, text
from nmcstudio.io.ebsd.points import section
from nmcstudio.io.ebsd.raw import Format, RawInfo, RawMap, make_phase


def _scan(file: Any, path: Path) -> Any:
    found = scans(file)
    if not found:
        raise NmcError(f"{path.name} has no scan (a group with EBSD/Data)", "choose a file that OIM has written", "files")
    return found[0]


def _describe(file: Any, path: Path) -> tuple[RawInfo, tuple[int, ...]]:
    scan = _scan(file, path)
    header = scan["EBSD/Header"]
    phases: list[Phase] = []
    numbers: list[int] = []
    warnings: list[str] = []
    for key in sorted(header.get("Phase", {}), key=lambda name: int(name) if name.isdigit() else 0):
        entry = header["Phase"][key]
        lattice = tuple(number(entry, f"Lattice Constant {name}") for name in ("a", "b", "c", "alpha", "beta", "gamma"))
        group = point_group_from_edax(f"{number(entry, 'Symmetry'):g}")
        phase, said = make_phase(text(entry, "MaterialName") or text(entry, "Formula"), group, lattice)
        phases.append(phase)
        numbers.append(int(key) if key.isdigit() else len(numbers) + 1)
        warnings += said
    if len(scans(file)) > 1:
        others = ", ".join(group.name.strip("/") for group in scans(file)[1:])
        warnings.append(f"the first scan of the file is read; it also holds {others}")
    setting = int(number(header, "Coordinate System/ID"))
    if setting not in (1, 2, 3, 4):
        warnings.append("the file does not say which of EDAX's reference frames it uses; setting 2 is taken")
    columns = tuple(name for name in scan["EBSD/Data"] if scan["EBSD/Data"][name].ndim == 1)
    grid = (1, int(number(header, "nRows")), int(number(header, "nColumns")))
    step = (None, number(header, "Step Y"), number(header, "Step X"))
    frame = f"edax-{setting}" if setting in (1, 2, 3, 4) else "edax-2"
    return RawInfo(grid, step, tuple(phases), columns, frame, tuple(warnings)), tuple(numbers)


def probe(path: Path) -> RawInfo:
    """Header of an EDAX HDF5 file."""
    with opened(path) as file:
        return _describe(file, path)[0]


def read(path: Path, monitor: Monitor) -> RawMap:
    """First scan of an EDAX HDF5 file; radians, frame from "Coordinate System/ID"."""
    with opened(path) as file:
        info, numbers = _describe(file, path)
        data = _scan(file, path)["EBSD/Data"]

        def column(name: str) -> NDArray[np.float64]:
            monitor.report(None)
            return np.asarray(dataset(data, name, path)[()], np.float64)

        x, y = column("X Position"), column("Y Position")
        # The file's own note: grid points with invalid data have x and y of -1111111.
        valid = (x > -1e6) & (y > -1e6)
        unindexed = np.zeros(len(x), bool)
        confidence = column("CI") if "CI" in data else None
        if "Valid" in data:
            unindexed |= column("Valid") != 0
        if confidence is not None:
            unindexed |= confidence == -1
        quality = column("IQ") if "IQ" in data else None
        angles = np.stack([column(name) for name in ("Phi1", "Phi", "Phi2")], axis=1)
        ids = column("Phase").astype(np.int64) if "Phase" in data else np.zeros(len(x), np.int64)
    _, step_y, step_x = info.step_um
    return section(
        path,
        info,
        x=x[valid],
        y=y[valid],
        angles=angles[valid],
        unit="radians",
        phase_ids=ids[valid],
        phase_numbers=numbers,
        quality=None if quality is None else quality[valid],
        confidence=None if confidence is None else confidence[valid],
        unindexed=unindexed[valid],
        header_step=(step_y, step_x) if step_x else None,
        header_grid=info.grid[1:] if all(info.grid) else None,
    )


FORMAT = Format(
    "edax-h5", "EDAX HDF5", (".h5", ".hdf5", ".oh5", ".edaxh5"), True, lambda path: "edax" in manufacturer(path), probe, read
)
