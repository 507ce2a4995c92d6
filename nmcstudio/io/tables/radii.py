"""Radius functions as open files: HDF5, complete, or CSV with the directions in a second file (interface.md)."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.shells import RadiusFunctions
from nmcstudio.core.units import um_per
from nmcstudio.io.files import replacing, replacing_hdf5

_FORMAT = "nmcstudio/radii"
_VERSION = 1
_HDF5 = (".h5", ".hdf5")
_HOW = "write '# unit um' (or nm) as the first line of the CSV file, or the attribute unit in HDF5"


def directions_path(path: Path) -> Path:
    """``radii.directions.csv`` beside ``radii.csv``."""
    return path.with_name(f"{path.stem}.directions.csv")


def write_radii(path: str | os.PathLike[str], radii: RadiusFunctions) -> list[Path]:
    """Write radii in um; the suffix says how. Returns the files written.

    ``.h5``: datasets id, radii, directions, centres, weights, star_errors, flags, volumes. ``.csv``: one row a particle, id then
    one column a direction, and the directions beside it in ``<name>.directions.csv``.

    Raises
    ------
    NmcError
        For another suffix, or if a file cannot be written.
    """
    target = Path(path)
    if target.suffix.lower() in _HDF5:
        _write_hdf5(target, radii)
        return [target]
    if target.suffix.lower() == ".csv":
        _write_csv(target, radii)
        return [target, directions_path(target)]
    raise NmcError(f"radii cannot be written as {target.suffix or 'a file without suffix'}", "use .h5 or .csv")


def _write_hdf5(target: Path, radii: RadiusFunctions) -> None:
    import h5py

    with replacing_hdf5(target) as file:
        file.attrs.update({"format": _FORMAT, "version": _VERSION, "unit": "um", "simulated": radii.simulated})
        file.attrs.update({"voxel": radii.voxel_um, "smoothing": radii.smoothing_um})
        file["id"] = radii.ids
        file.create_dataset("radii", data=radii.radii_um, compression="gzip", compression_opts=1, shuffle=True)
        file["directions"] = radii.directions
        file["centres"] = radii.centres_um
        file["weights"] = radii.weights
        file["star_errors"] = radii.star_errors
        file["volumes"] = radii.volumes_um3
        file.create_dataset("flags", data=list(radii.flags), dtype=h5py.string_dtype())


def _write_csv(target: Path, radii: RadiusFunctions) -> None:
    with replacing(target) as part, part.open("w", newline="", encoding="utf-8") as file:
        file.write(f"# unit um\n# format {_FORMAT}\n")
        if math.isfinite(radii.voxel_um):
            file.write(f"# voxel {radii.voxel_um!r}\n# smoothing {radii.smoothing_um!r}\n")
        if radii.simulated:
            file.write("# simulated\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", *(f"r{index}" for index in range(len(radii.directions)))])
        writer.writerows([int(label), *map(repr, row)] for label, row in zip(radii.ids, radii.radii_um.tolist()))
    with replacing(directions_path(target)) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["x", "y", "z"])
        writer.writerows(map(repr, row) for row in radii.directions.tolist())


def read_radii(paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> RadiusFunctions:
    """Read radii; lengths are converted to um from the file's unit.

    Parameters
    ----------
    paths
        One HDF5 file; or a CSV file, and the file of its directions if that is not called ``<name>.directions.csv``.

    Returns
    -------
    radii
        What a CSV file does not hold is unknown: centres, star errors and volumes are NaN, weights 1.

    Raises
    ------
    NmcError
        If a file is missing, damaged or has no unit; the message names the line.
    """
    given = [Path(paths)] if isinstance(paths, str | os.PathLike) else [Path(path) for path in paths]
    if not given:
        raise NmcError("no file was given", "give the file of the radii", "files")
    for path in given:
        if not path.is_file():
            raise NmcError(f"there is no file {path}", "check the name", "files")
    if given[0].suffix.lower() in _HDF5:
        return _read_hdf5(given[0])
    return _read_csv(given)


def read_directions(path: str | os.PathLike[str]) -> NDArray[np.float64]:
    """Unit vectors (x, y, z) from a CSV file with that header, float64 ``(m, 3)``.

    Raises
    ------
    NmcError
        If the file is missing, has another header, or a line is no vector of length 1; the message names the line.
    """
    path = Path(path)
    if not path.is_file():
        raise NmcError(f"there is no file {path}", "check the name", "directions_file")
    rows = _rows(path)[1]
    if not rows or [cell.lower() for cell in rows[0][1]] != ["x", "y", "z"]:
        raise NmcError(f"{path} is no table of directions", "its first row must be x,y,z", "directions_file")
    values = _numbers(path, rows[1:], 3)
    lengths = np.linalg.norm(values, axis=1)
    wrong = np.flatnonzero(~(np.abs(lengths - 1) < 1e-3))
    if len(wrong):
        line = rows[1 + int(wrong[0])][0]
        raise NmcError(f"{path}, line {line}: length {lengths[wrong[0]]:.4g}", "give unit vectors", "directions_file")
    return values / lengths[:, None]


def _read_hdf5(path: Path) -> RadiusFunctions:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            attributes = dict(file.attrs)
            missing = [name for name in ("id", "radii", "directions") if name not in file]
            if missing:
                raise NmcError(
                    f"{path} has no dataset {missing[0]!r}", "it needs id (n), radii (n, m) and directions (m, 3)", "files"
                )
            columns = {name: file[name][()] for name in file if isinstance(file[name], h5py.Dataset)}
    except OSError as error:
        raise NmcError(f"{path} is not a readable HDF5 file", "check that it was written completely", "files") from error
    scale = _scale(path, attributes.get("unit"))
    n = len(columns["id"])
    flags = columns.get("flags", [b""] * n)
    return _checked(
        path,
        scale,
        ids=columns["id"],
        directions=columns["directions"],
        radii=columns["radii"],
        centres=columns.get("centres"),
        weights=columns.get("weights"),
        star_errors=columns.get("star_errors"),
        flags=tuple(flag.decode() if isinstance(flag, bytes) else str(flag) for flag in flags),
        volumes=columns.get("volumes"),
        voxel=float(attributes.get("voxel", math.nan)),
        smoothing=float(attributes.get("smoothing", 0.0)),
        simulated=bool(attributes.get("simulated", False)),
    )


def _read_csv(given: list[Path]) -> RadiusFunctions:
    directions_file = next((path for path in given if _header(path)[:3] == ["x", "y", "z"]), None)
    tables = [path for path in given if path != directions_file]
    if len(tables) != 1:
        raise NmcError(
            f"{len(tables)} of the files are tables of radii", "give one, and beside it the file of its directions", "files"
        )
    path = tables[0]
    notes, rows = _rows(path)
    scale = _scale(path, notes.get("unit"))
    if not rows or rows[0][1][:1] != ["id"]:
        raise NmcError(f"{path} has no header", "its first row must be id,r0,r1,…, one column a direction", "files")
    width = len(rows[0][1])
    values = _numbers(path, rows[1:], width)
    beside = directions_file or directions_path(path)
    if not beside.is_file():
        raise NmcError(
            f"the directions of {path} are missing",
            f"put {beside.name} with columns x, y, z beside it, or give both files",
            "files",
        )
    return _checked(
        path,
        scale,
        ids=values[:, 0],
        directions=_numbers(beside, _rows(beside)[1][1:], 3),
        radii=values[:, 1:],
        centres=None,
        weights=None,
        star_errors=None,
        flags=("",) * len(values),
        volumes=None,
        voxel=_note(path, notes, "voxel", math.nan),
        smoothing=_note(path, notes, "smoothing", 0.0),
        simulated="simulated" in notes,
    )


def _rows(path: Path) -> tuple[dict[str, str], list[tuple[int, list[str]]]]:
    """Comments as name to text, and the other rows with their line numbers."""
    notes: dict[str, str] = {}
    rows: list[tuple[int, list[str]]] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                text = line.strip()
                if text.startswith("#"):
                    name, _, value = text.lstrip("# ").partition(" ")
                    notes[name.rstrip(":=").lower()] = value.strip()
                elif text:
                    rows.append((number, [cell.strip() for cell in next(csv.reader([text]))]))
    except (OSError, UnicodeDecodeError) as error:
        raise NmcError(f"{path} is not a readable text file", "give a CSV or HDF5 file of radii", "files") from error
    return notes, rows


def _header(path: Path) -> list[str]:
    rows = _rows(path)[1]
    return [cell.lower() for cell in rows[0][1]] if rows else []


def _numbers(path: Path, rows: list[tuple[int, list[str]]], width: int) -> NDArray[np.float64]:
    out = np.empty((len(rows), width))
    for index, (number, cells) in enumerate(rows):
        if len(cells) != width:
            raise NmcError(
                f"{path}, line {number}: {len(cells)} values instead of {width}", "complete or remove the line", "files"
            )
        try:
            out[index] = [float(cell) for cell in cells]
        except ValueError as error:
            raise NmcError(
                f"{path}, line {number}: {error}", "correct the value, with a point as decimal sign", "files"
            ) from error
    return out


def _note(path: Path, notes: dict[str, str], name: str, default: float) -> float:
    try:
        return float(notes[name]) if name in notes else default
    except ValueError as error:
        raise NmcError(f"{path}: the line '# {name}' holds no number", f"write '# {name} 0.1'", "files") from error


def _scale(path: Path, unit: Any) -> float:
    if unit is None or not str(unit).strip():
        raise NmcError(f"{path} says no unit", _HOW, "files")
    scale = um_per(unit.decode() if isinstance(unit, bytes) else str(unit))
    if scale is None:
        raise NmcError(f"{path} has the unit {unit!r}, which is not a length", f"convert the radii, and {_HOW}", "files")
    return scale


def _checked(path: Path, scale: float, **parts: Any) -> RadiusFunctions:
    """The radii in um, after a look at shapes and values."""
    radii = np.asarray(parts["radii"], dtype=np.float64)
    directions = np.asarray(parts["directions"], dtype=np.float64)
    n = len(parts["ids"])
    if radii.ndim != 2 or radii.shape[0] != n or n == 0:
        raise NmcError(f"{path}: radii of shape {radii.shape} for {n} particles", "give one row a particle", "files")
    if directions.shape != (radii.shape[1], 3):
        raise NmcError(
            f"{path}: {radii.shape[1]} radii a particle and directions of shape {directions.shape}",
            "give one direction x, y, z for each column of radii",
            "files",
        )
    lengths = np.linalg.norm(directions, axis=1)
    if not np.all(np.abs(lengths - 1) < 1e-3):
        raise NmcError(
            f"{path}: a direction has length {lengths[np.argmax(np.abs(lengths - 1))]:.4g}", "give unit vectors", "files"
        )
    wrong = np.argwhere(~(np.isfinite(radii) & (radii > 0)))
    if len(wrong):
        row, column = wrong[0]
        raise NmcError(
            f"{path}: particle {int(parts['ids'][row])} has radius {radii[row, column]} in direction {column + 1}",
            "every radius must be above 0; remove the particle",
            "files",
        )

    def known(name: str, shape: tuple[int, ...], default: float, factor: float) -> NDArray[np.float64]:
        value = parts[name]
        return np.full(shape, default) if value is None else np.asarray(value, dtype=np.float64).reshape(shape) * factor

    try:
        return RadiusFunctions(
            ids=np.asarray(parts["ids"]).astype(np.int64),
            # Unit vectors that are exact already keep their bytes.
            directions=directions if np.abs(lengths - 1).max() < 1e-12 else directions / lengths[:, None],
            radii_um=radii * scale,
            centres_um=known("centres", (n, 3), math.nan, scale),
            weights=known("weights", (n,), 1.0, 1.0),
            star_errors=known("star_errors", (n,), math.nan, 1.0),
            flags=parts["flags"],
            volumes_um3=known("volumes", (n,), math.nan, scale**3),
            voxel_um=parts["voxel"] * scale,
            smoothing_um=parts["smoothing"] * scale,
            simulated=parts["simulated"],
        )
    except ValueError as error:
        raise NmcError(f"{path}: {error}", "give one value a particle in each dataset", "files") from error
