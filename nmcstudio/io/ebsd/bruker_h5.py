"""Bruker HDF5 (ESPRIT, .h5).

Scans are groups with ``EBSD/Data`` and ``EBSD/Header``. Angles and MAD are degrees, phase 0 is not indexed; ``SEM/IX`` and
``SEM/IY`` (or ``SEM IX``, also below ``EBSD``) are the beam's pixel of each point, also where a region of interest was scanned.
The Euler angles refer to the axes of X SAMPLE and Y SAMPLE, so that their directions along the columns and rows of the map tell
the frame; "Coordinate Systems/ID" 5 is the usual one, turned by 180 degrees about y (MTEX, hdf5_config/info.md). Names of the
datasets: orix (io/plugins/bruker_h5ebsd.py) and pynxtools-em (hfive_bruker.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import Phase
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.symmetry import point_group_of_space_group, point_group_of_symbol
from nmcstudio.io.ebsd.hdf5 import chosen_scan, column, count, manufacturer, number, opened, scans, text
from nmcstudio.io.ebsd.points import confidence_of_mad, section, whole_numbers
from nmcstudio.io.ebsd.raw import Format, RawInfo, RawMap, make_phase, unknown_phase

_FIRST_POINTS = 100_000


def _describe(file: Any, path: Path, scan: str) -> tuple[RawInfo, tuple[int, ...], Any]:
    found = scans(file)
    chosen = chosen_scan(found, scan, path, "ESPRIT")
    header, data = chosen["EBSD/Header"], chosen["EBSD/Data"]
    phases: list[Phase] = []
    numbers: list[int] = []
    warnings: list[str] = []
    for key in sorted((name for name in header.get("Phases", {}) if name.isdigit()), key=int):
        entry = header["Phases"][key]
        lattice = tuple(float(v) for v in np.ravel(entry["LatticeConstants"][()])) if "LatticeConstants" in entry else ()
        group = point_group_of_space_group(count(entry, "IT")) or point_group_of_symbol(text(entry, "SpaceGroup"))
        phase, said = make_phase(text(entry, "Name") or text(entry, "Formula"), group, lattice)
        phases.append(phase)
        numbers.append(int(key))
        warnings += said
    if not phases:
        phase, said = unknown_phase()
        phases, numbers, warnings = [phase], [1], [*said]
    info = RawInfo(
        grid=(1, count(header, "NROWS"), count(header, "NCOLS")),
        step_um=(None, number(header, "YSTEP"), number(header, "XSTEP")),
        phases=tuple(phases),
        columns=tuple(name for name in data if getattr(data[name], "ndim", 0) == 1),
        frame=_frame(header, data, _beam(chosen)),
        warnings=tuple(warnings),
        scans=tuple(found),
        scan=chosen.name.strip("/"),
    )
    return info, tuple(numbers), chosen


def _beam(chosen: Any) -> tuple[Any, Any] | None:
    """Datasets with the beam's column and row of each point, if there are any."""
    for place in ("SEM", "EBSD/SEM"):
        for names in (("IX", "IY"), ("SEM IX", "SEM IY")):
            if place in chosen and all(name in chosen[place] for name in names):
                return chosen[place][names[0]], chosen[place][names[1]]
    return None


def _frame(header: Any, data: Any, beam: tuple[Any, Any] | None) -> str:
    """Which axis the sample's axes are turned about, from the first points."""
    if int(number(header, "Coordinate Systems/ID")) == 5:
        return "bruker-y"
    columns = count(header, "NCOLS")
    if "X SAMPLE" not in data or "Y SAMPLE" not in data:
        return "bruker"
    x, y = (np.asarray(data[name][:_FIRST_POINTS], np.float64).ravel() for name in ("X SAMPLE", "Y SAMPLE"))
    if beam is not None:
        across, down = (np.asarray(part[:_FIRST_POINTS], np.float64).ravel() for part in beam)
    else:
        down, across = (part.astype(np.float64) for part in np.divmod(np.arange(len(x)), max(columns, 1)))
    if len({len(x), len(y), len(across), len(down)}) > 1:
        return "bruker"
    along_x = np.nansum((x - np.nanmean(x)) * (across - across.mean()))
    along_y = np.nansum((y - np.nanmean(y)) * (down - down.mean()))
    return "bruker-y" if along_x < 0 < along_y else "bruker"


def _positions(chosen: Any, info: RawInfo, points: int, path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates of the points: from the beam's pixel where it is stored, else from their order, else from the stage.

    ESPRIT's beam indices count along the map's columns and rows, whatever the signs of its stage coordinates.
    """
    _, step_y, step_x = info.step_um
    beam = _beam(chosen)
    if beam is not None:
        x, y = (np.asarray(part[()], np.float64).ravel() for part in beam)
        return (x - x.min(initial=np.inf)) * step_x, (y - y.min(initial=np.inf)) * step_y
    rows, columns = info.grid[1:]
    if rows * columns == points:
        row, across = np.divmod(np.arange(points), columns)
        return across * step_x, row * step_y
    x, y = (column(chosen["EBSD/Data"], name, path, np.float64) for name in ("X SAMPLE", "Y SAMPLE"))
    return np.abs(x - x[0]), np.abs(y - y[0])


def probe(path: Path, scan: str = "") -> RawInfo:
    """Header of a scan."""
    with opened(path) as file:
        return _describe(file, path, scan)[0]


def scan_names(path: Path) -> tuple[str, ...]:
    """Names of the scans in a file."""
    with opened(path) as file:
        return tuple(scans(file))


def read(path: Path, scan: str, monitor: Monitor) -> RawMap:
    """One scan; degrees, phase 0 is not indexed, quality is the Radon quality."""
    with opened(path) as file:
        info, numbers, chosen = _describe(file, path, scan)
        data = chosen["EBSD/Data"]
        if info.step_um[1] <= 0 or info.step_um[2] <= 0:
            raise NmcError(f"{path.name} has no step (XSTEP, YSTEP)", "export the map again with its calibration", "files")

        def values(name: str) -> NDArray[np.float32]:
            monitor.report(None)
            return column(data, name, path, np.float32)

        angles = (values("phi1"), values("PHI"), values("phi2"))
        ids = whole_numbers(values("Phase"))
        x, y = _positions(chosen, info, len(angles[0]), path)
        quality = values("RadonQuality") if "RadonQuality" in data else None
        mad = values("MAD") if "MAD" in data else None
    if mad is not None and mad.shape != ids.shape:
        raise NmcError(f"{path.name} has {len(ids)} points and {len(mad)} values of MAD", "copy the file again", "files")
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
        confidence=confidence_of_mad(mad, ids > 0),
        unindexed=ids <= 0,
        monitor=monitor,
    )


FORMAT = Format(
    "bruker-h5", "Bruker HDF5", (".h5", ".hdf5", ".h5ebsd"), True, lambda path: "bruker" in manufacturer(path), probe, read,
    scan_names,
)  # fmt: skip
