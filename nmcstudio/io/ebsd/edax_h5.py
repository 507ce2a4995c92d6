"""EDAX HDF5 of OIM Analysis 7 and later (.h5, .oh5).

Scans are groups with ``EBSD/Data`` and ``EBSD/Header``, at the root or below samples and areas. Angles are radians; "Valid" is 1
for points without a solution and 2 for invalid ones, whose x and y are -1111111 (the file's own note); "Coordinate System/ID" is
the setting of the reference frame. Facts from a file of OIM 7 and from the readers of MTEX (hdf5_config/EDAX.json) and of
pynxtools-em (hfive_edax.py): OIM 8.6 counts X and Y Position in points, other versions in um.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.io.ebsd.edax_phases import edax_frame, edax_phases
from nmcstudio.io.ebsd.grid import axis_step
from nmcstudio.io.ebsd.hdf5 import chosen_scan, column, count, manufacturer, number, opened, scans
from nmcstudio.io.ebsd.points import section, whole_numbers
from nmcstudio.io.ebsd.raw import Format, RawInfo, RawMap

_DEPTH = 6


def _scans(file: Any) -> dict[str, Any]:
    return scans(file, depth=_DEPTH)


def _describe(file: Any, path: Path, scan: str) -> tuple[RawInfo, tuple[int, ...], Any]:
    found = _scans(file)
    chosen = chosen_scan(found, scan, path, "OIM")
    header = chosen["EBSD/Header"]
    phases, numbers, warnings = edax_phases(header.get("Phase", {}))
    frame, said = edax_frame(int(number(header, "Coordinate System/ID")))
    names = tuple(name for name in chosen["EBSD/Data"] if getattr(chosen["EBSD/Data"][name], "ndim", 0) == 1)
    info = RawInfo(
        grid=(1, count(header, "nRows"), count(header, "nColumns")),
        step_um=(None, number(header, "Step Y"), number(header, "Step X")),
        phases=phases,
        columns=names,
        frame=frame,
        warnings=(*warnings, *said),
        scans=tuple(found),
        scan=chosen.name.strip("/"),
    )
    return info, numbers, chosen["EBSD/Data"]


def probe(path: Path, scan: str = "") -> RawInfo:
    """Header of a scan."""
    with opened(path) as file:
        return _describe(file, path, scan)[0]


def scan_names(path: Path) -> tuple[str, ...]:
    """Names of the scans in a file."""
    with opened(path) as file:
        return tuple(_scans(file))


def read(path: Path, scan: str, monitor: Monitor) -> RawMap:
    """One scan; radians, frame from "Coordinate System/ID"."""
    with opened(path) as file:
        info, numbers, data = _describe(file, path, scan)

        def values(name: str, dtype: type = np.float32) -> NDArray[Any]:
            monitor.report(None)
            return column(data, name, path, dtype)

        x, y = values("X Position", np.float64), values("Y Position", np.float64)
        angles = tuple(values(name) for name in ("Phi1", "Phi", "Phi2"))
        confidence = values("CI") if "CI" in data else None
        quality = values("IQ") if "IQ" in data else None
        ids = whole_numbers(values("Phase")) if "Phase" in data else np.zeros(len(x), np.int64)
        unindexed = values("Valid") != 0 if "Valid" in data else np.zeros(len(x), bool)
    if confidence is not None and confidence.shape == unindexed.shape:
        unindexed |= confidence == -1
    x[x < -1e6], y[y < -1e6] = np.nan, np.nan
    _, step_y, step_x = info.step_um
    if step_x > 0 and step_y > 0:
        known = np.isfinite(x) & np.isfinite(y)
        counted = (axis_step(x[known]) == (1.0, info.grid[2])) and (axis_step(y[known]) == (1.0, info.grid[1]))
        if counted and not (step_x == 1.0 and step_y == 1.0):
            x, y = x * step_x, y * step_y
            info = replace(
                info, warnings=(*info.warnings, f"positions are counted in points: steps of {step_x:g} x {step_y:g} um are taken")
            )
    return section(
        path,
        info,
        x=x,
        y=y,
        angles=angles,  # type: ignore[arg-type]
        unit="radians",
        phase_ids=ids,
        phase_numbers=numbers,
        quality=quality,
        confidence=confidence,
        unindexed=unindexed,
        header_step=(step_y, step_x) if step_x > 0 and step_y > 0 else None,
        header_grid=info.grid[1:] if all(info.grid) else None,
        monitor=monitor,
    )


FORMAT = Format(
    "edax-h5", "EDAX HDF5", (".h5", ".hdf5", ".oh5", ".edaxh5"), True, lambda path: "edax" in manufacturer(path), probe, read,
    scan_names,
)  # fmt: skip
