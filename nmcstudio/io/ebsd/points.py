"""From columns of a scan to a section: what all two-dimensional formats have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.quaternions import from_bunge
from nmcstudio.io.ebsd.grid import check_header, find_grid
from nmcstudio.io.ebsd.raw import RawInfo, RawMap, index_phases, is_degrees

Column = NDArray[Any]
# A mean angular deviation of this many degrees counts as no confidence at all.
WORST_MAD_DEG = 2.0
_CHUNK = 100_000
# Vendors fill points that they did not index with far larger numbers.
_LARGEST_ANGLE = 1000.0


def confidence_of_mad(mad_deg: Column | None, indexed: NDArray[np.bool_]) -> Column | None:
    """One minus the scaled mean angular deviation (degrees) ``(n,)``, 0 where not indexed; None without it."""
    return None if mad_deg is None else np.where(indexed, np.clip(1 - mad_deg / WORST_MAD_DEG, 0, 1), 0).astype(np.float32)


def whole_numbers(column: Column) -> NDArray[np.int64]:
    """A column of phase or grain numbers; -1 where it holds none."""
    usable = np.isfinite(column) & (np.abs(column) < 2**31)
    return np.where(usable, column, -1).astype(np.int64)


def section(
    path: Path,
    info: RawInfo,
    *,
    x: Column,
    y: Column,
    angles: tuple[Column, Column, Column],
    unit: str,
    phase_ids: NDArray[np.int64],
    phase_numbers: tuple[int, ...],
    quality: Column | None = None,
    confidence: Column | None = None,
    unindexed: NDArray[np.bool_] | None = None,
    grain_ids: NDArray[np.int64] | None = None,
    z: Column | None = None,
    header_step: tuple[float, float] | None = None,
    header_grid: tuple[int, int] | None = None,
    monitor: Monitor | None = None,
) -> RawMap:
    """One section on its grid, or the planes of a volume.

    Parameters
    ----------
    path
        For messages.
    info
        As the header says; grid, step and warnings are made right here.
    x, y, z
        Coordinates ``(n,)`` in um; z is None where a file holds one section.
    angles
        Bunge's phi1, Phi and phi2, ``(n,)`` each.
    unit
        "radians" or "degrees", what the format prescribes; contradicted by the numbers, it is changed with a warning.
    phase_ids, phase_numbers
        Phase number of each point ``(n,)`` and of each phase of the header.
    quality, confidence, grain_ids
        ``(n,)`` or None.
    unindexed
        bool ``(n,)``, points without a solution.
    header_step, header_grid
        (y, x) of the header, compared with the coordinates.
    monitor
        Asked whether to stop.

    Raises
    ------
    NmcError
        If there is no point, or the columns differ in length.
    """
    monitor = monitor or Monitor()
    columns = {"X": x, "Y": y, "Z": z, "phi1": angles[0], "Phi": angles[1], "phi2": angles[2], "phase": phase_ids,
               "quality": quality, "confidence": confidence, "grain": grain_ids, "indexed": unindexed}  # fmt: skip
    _check_lengths(path, columns, len(x))
    known = np.isfinite(x) & np.isfinite(y)
    if z is not None:
        known &= np.isfinite(z)
    warnings = info.warnings
    if not known.all():
        warnings += (f"{np.count_nonzero(~known)} points have no coordinates and are left out",)
    if not known.any():
        raise NmcError(f"{path.name} has no point", "export the map again from the acquisition program", "files")
    grid = find_grid(x[known], y[known], path.name, None if z is None else z[known])
    monitor.check()
    phase, phase_warnings = index_phases(phase_ids, phase_numbers)
    phase[_empty(angles, unindexed)] = 0
    quaternions, unit_warnings = _orientations(angles, phase > 0, unit, monitor)
    shape = grid.source.shape
    step_warnings = check_header(header_step, None if grid.hexagonal else header_grid, grid.step_um[1:], shape[1:])

    def placed(column: Column | None, fill: Any, dtype: type) -> NDArray[Any]:
        if column is None:
            return np.full(shape, fill, dtype)
        return grid.take(column[known].astype(dtype, copy=False), fill)

    return RawMap(
        info=replace(
            info,
            grid=shape,
            step_um=(grid.step_um[0] or info.step_um[0], *grid.step_um[1:]),
            warnings=(*warnings, *step_warnings, *grid.warnings, *phase_warnings, *unit_warnings),
        ),
        quaternions=placed(quaternions, np.nan, np.float32),
        phase=placed(phase, 0, np.uint8),
        quality=placed(quality, np.nan, np.float32),
        confidence=placed(confidence, np.nan, np.float32),
        observed=grid.source >= 0,
        grain_ids=None if grain_ids is None else placed(np.maximum(grain_ids, 0), 0, np.uint32),
        origin_um=grid.origin_um,
    )


def _check_lengths(path: Path, columns: Mapping[str, Column | None], points: int) -> None:
    for name, column in columns.items():
        if column is not None and column.shape != (points,):
            raise NmcError(
                f"{path.name} has {points} points and a column {name} of {' x '.join(map(str, column.shape))} values",
                "the file is damaged: export the map again",
                "files",
            )


def _empty(angles: tuple[Column, Column, Column], unindexed: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Points without a solution ``(n,)``: those known to be, those with no angles, and those that EDAX fills with 4 pi."""
    empty = np.zeros(len(angles[0]), bool) if unindexed is None else unindexed.copy()
    filled = np.ones(len(empty), bool)
    for column in angles:
        usable = np.abs(column) < _LARGEST_ANGLE
        empty |= ~usable
        filled &= np.abs(np.where(usable, column, 0) - 4 * np.pi) < 1e-3
    return empty | filled


def _orientations(
    angles: tuple[Column, Column, Column], indexed: NDArray[np.bool_], unit: str, monitor: Monitor
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Quaternions ``(n, 4)``, NaN where not indexed, and a warning if the angles are not in `unit`."""
    degrees, warnings = is_degrees(angles, indexed, unit)
    quaternions = np.full((len(indexed), 4), np.nan, np.float32)
    for start in range(0, len(indexed), _CHUNK):
        monitor.check()
        piece = slice(start, start + _CHUNK)
        given = np.stack([column[piece] for column in angles], axis=1).astype(np.float64)[indexed[piece]]
        quaternions[piece][indexed[piece]] = from_bunge(np.deg2rad(given) if degrees else given)
    return quaternions, warnings
