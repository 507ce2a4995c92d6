"""From columns of a scan to a section: what all two-dimensional formats have in common."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nmcstudio.crystal.quaternions import from_bunge
from nmcstudio.io.ebsd.grid import check_header, find_grid
from nmcstudio.io.ebsd.raw import RawInfo, RawMap, angles_in_radians, index_phases

Column = NDArray[np.float64]


def section(
    path: Path,
    info: RawInfo,
    *,
    x: Column,
    y: Column,
    angles: Column,
    unit: str,
    phase_ids: NDArray[np.int64],
    phase_numbers: tuple[int, ...],
    quality: Column | None = None,
    confidence: Column | None = None,
    unindexed: NDArray[np.bool_] | None = None,
    grain_ids: NDArray[np.int64] | None = None,
    header_step: tuple[float, float] | None = None,
    header_grid: tuple[int, int] | None = None,
) -> RawMap:
    """One section on its grid.

    Parameters
    ----------
    path
        For messages.
    info
        As the header says; grid, step and warnings are made right here.
    x, y
        Coordinates ``(n,)`` in um.
    angles
        Bunge angles ``(n, 3)``.
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
    """
    grid = find_grid(x, y, path.name)
    phase, phase_warnings = index_phases(phase_ids, phase_numbers)
    # EDAX fills points without a solution with 4 pi.
    empty = np.all(np.abs(angles - 4 * np.pi) < 1e-3, axis=1) | ~np.isfinite(angles).all(axis=1)
    if unindexed is not None:
        empty |= unindexed
    phase[empty] = 0
    radians, unit_warnings = angles_in_radians(np.where(empty[:, None], np.nan, angles), unit)
    quaternions = from_bunge(radians).astype(np.float32)
    quaternions[phase == 0] = np.nan
    absent = np.full(len(x), np.nan, np.float32)
    rows, columns = grid.source.shape
    step_warnings = () if grid.hexagonal else check_header(header_step, header_grid, grid.step_um, (rows, columns))
    return RawMap(
        info=replace(
            info,
            grid=(1, rows, columns),
            step_um=(None, *grid.step_um),
            warnings=(*info.warnings, *step_warnings, *grid.warnings, *phase_warnings, *unit_warnings),
        ),
        quaternions=grid.take(quaternions, np.nan),
        phase=grid.take(phase, 0),
        quality=grid.take(absent if quality is None else quality.astype(np.float32), np.nan),
        confidence=grid.take(absent if confidence is None else confidence.astype(np.float32), np.nan),
        observed=(grid.source >= 0)[None],
        grain_ids=None if grain_ids is None else grid.take(np.maximum(grain_ids, 0).astype(np.uint32), 0),
        origin_um=(0.0, *grid.origin_um),
    )
