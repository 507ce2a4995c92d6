"""Scattered points of a scan on the regular grid that they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError


@dataclass(frozen=True)
class ScanGrid:
    """Where each point of the scan goes.

    Attributes
    ----------
    source
        int64 ``[z, y, x]``, row of the table for each grid point, -1 where none was measured.
    step_um
        Steps (z, y, x); z is None for a single plane.
    origin_um
        (z, y, x) of the first grid point.
    warnings
        What the user should know.
    hexagonal
        True if the points were those of a hexagonal grid.
    """

    source: NDArray[np.int64]
    step_um: tuple[float | None, float, float]
    origin_um: tuple[float, float, float]
    warnings: tuple[str, ...] = ()
    hexagonal: bool = False

    def take(self, column: NDArray[Any], fill: Any) -> NDArray[Any]:
        """Values ``(n, …)`` of the points on the grid ``[z, y, x, …]``, `fill` where there is none."""
        out = np.asarray(column)[self.source]
        out[self.source < 0] = fill
        return out


def axis_step(values: NDArray[np.float64]) -> tuple[float, int]:
    """Step and number of grid lines of coordinates ``(n,)`` that are rounded multiples of it; step 0 for a single line.

    Rounding leaves small gaps between values of one line, and lines without points large ones. So the step is the gap in which
    half of the way from the first line to the last one lies, and each gap counts as a whole number of steps.
    """
    distinct = np.unique(values)
    gaps = np.diff(distinct)
    if not len(gaps) or not np.isfinite(gaps).all():
        return 0.0, 1
    ordered = np.sort(gaps)
    share = np.cumsum(ordered)
    rough = float(ordered[np.searchsorted(share, 0.5 * share[-1])])
    wide = gaps[gaps > 0.3 * rough]
    rough = float(np.median(wide[wide < 1.7 * rough]))
    # A line's values spread over less than a third of a step: its gaps are too narrow to be counted.
    lines = round(float(np.sum(np.rint(np.diff(_line_centres(distinct, 0.3 * rough)) / rough)))) + 1
    if lines < 2:
        return 0.0, 1
    # Nine digits are more than the files have; 0.4 stays 0.4.
    return float(f"{float(distinct[-1] - distinct[0]) / (lines - 1):.9g}"), lines


def _line_centres(distinct: NDArray[np.float64], near: float) -> NDArray[np.float64]:
    """Mean of each run of ascending values ``(n,)`` that follow each other closer than `near`."""
    starts = np.flatnonzero(np.r_[True, np.diff(distinct) > near])
    return np.add.reduceat(distinct, starts) / np.diff(np.r_[starts, len(distinct)])


def peek_grid(
    x: NDArray[np.float64], y: NDArray[np.float64], last_y: float
) -> tuple[tuple[float, float], tuple[int, int]] | None:
    """Step and size (y, x) of a scan from its first rows and its last y; None if these hold less than two rows."""
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    step_x, columns = axis_step(x)
    step_y, rows = axis_step(y)
    if rows < 2 or columns < 2 or not np.isfinite(last_y):
        return None
    rows = max(rows, round(min((last_y - float(y.min())) / step_y, 1e9)) + 1)
    if _is_staggered(x, y, step_x, step_y):
        return ((step_y, 2 * step_x), (rows, (columns + 1) // 2)) if step_y > step_x else None
    return (step_y, step_x), (rows, columns)


def peek_volume(
    columns: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]], last: tuple[float, float, float], points: float
) -> tuple[tuple[float, float, float], tuple[int, int, int]] | None:
    """Step and size (z, y, x) of points in three dimensions, from what stands at the beginning and the end of their file.

    Parameters
    ----------
    columns
        z, y and x of the first points.
    last
        Those of the last one.
    points
        About how many there are; one axis may change for the first time behind the first points.

    Returns
    -------
    None if this is too little to tell.
    """
    steps, sizes = [0.0] * 3, [1] * 3
    for k, (column, end) in enumerate(zip(columns, last)):
        known = column[np.isfinite(column)]
        if not len(known) or not np.isfinite(end):
            return None
        steps[k], sizes[k] = axis_step(known)
        if steps[k]:
            low, high = min(float(known.min()), end), max(float(known.max()), end)
            sizes[k] = round(min((high - low) / steps[k], 1e9)) + 1
    slow = [k for k in range(3) if not steps[k] and last[k] != columns[k][0]]
    if len(slow) == 1:
        k = slow[0]
        sizes[k] = max(2, round(points / (sizes[0] * sizes[1] * sizes[2])))
        steps[k] = abs(last[k] - float(columns[k][0])) / (sizes[k] - 1)
    if not all(steps):
        return None
    return (steps[0], steps[1], steps[2]), (sizes[0], sizes[1], sizes[2])


def share_places(x: NDArray[np.float64], y: NDArray[np.float64]) -> bool:
    """Whether some points ``(n,)`` have both coordinates in common."""
    return len(np.unique(x + 1j * y)) < len(x)


def find_grid(x: NDArray[np.float64], y: NDArray[np.float64], name: str, z: NDArray[np.float64] | None = None) -> ScanGrid:
    """The grid of points with coordinates `x`, `y` ``(n,)`` in um, all finite; a hexagonal grid becomes a square one.

    With heights `z` the planes of a volume stand above each other. Where no two points share their place, the heights are those
    of one section that is not quite flat, and do not count.

    Raises
    ------
    NmcError
        If the points lie on no regular grid.
    """
    step_x, columns = axis_step(x)
    step_y, rows = axis_step(y)
    step_x, step_y = step_x or step_y, step_y or step_x
    if not step_x:
        raise NmcError(f"{name} has a single point", "choose a map, not a point measurement", "files")
    if z is not None and not share_places(x, y):
        z = None
    step_z, planes = axis_step(z) if z is not None else (0.0, 1)
    if planes * columns * rows > 20 * len(x) + 1000 or max(np.ptp(x) / step_x, np.ptp(y) / step_y) > 1e9:
        raise NmcError(
            f"the {len(x)} points of {name} lie on no regular grid",
            "check its columns for x and y, or export it on a square grid",
            "files",
        )
    column = np.rint((x - x.min()) / step_x).astype(np.int64)
    row = np.rint((y - y.min()) / step_y).astype(np.int64)
    origin_y, origin_x = float(y.min()), float(x.min())
    hexagonal = _is_staggered(x, y, step_x, step_y)
    warnings = []
    if hexagonal:
        # Every second row (or column) is half a pitch off. Pairs of half steps become one: each point keeps its row and moves
        # by a quarter of the pitch, all to the same extent, and none is used twice or lost.
        if step_y > step_x:
            column, step_x, origin_x, pitch = column // 2, 2 * step_x, origin_x + step_x / 2, 2 * step_x
        else:
            row, step_y, origin_y, pitch = row // 2, 2 * step_y, origin_y + step_y / 2, 2 * step_y
        warnings.append(
            f"hexagonal grid with pitch {pitch:.4g} um: each point is taken to the nearest place of a rectangular grid of "
            f"{step_x:.4g} x {step_y:.4g} um, {pitch / 4:.2g} um away"
        )
    rows, columns = int(row.max()) + 1, int(column.max()) + 1
    origin_z = float(z.min()) if z is not None else 0.0
    plane = np.rint((z - origin_z) / step_z).astype(np.int64) if z is not None and step_z else np.zeros(len(x), np.int64)
    source = np.full((planes, rows, columns), -1, np.int64)
    source[plane, row, column] = np.arange(len(x))
    missing = int((source < 0).sum())
    if missing:
        warnings.append(f"{missing} of {source.size} grid points are missing and stay unobserved")
    if len(x) + missing > source.size:
        warnings.append(f"{len(x) + missing - source.size} points lie on another one; the last of them counts")
    return ScanGrid(source, (step_z or None, step_y, step_x), (origin_z, origin_y, origin_x), tuple(warnings), hexagonal)


def _is_staggered(x: NDArray[np.float64], y: NDArray[np.float64], step_x: float, step_y: float) -> bool:
    """Whether the points leave every second place of the grid empty, in turn, and are as far apart as on a hexagonal grid."""
    if not step_x or not step_y or not 1.5 < max(step_x, step_y) / min(step_x, step_y) < 2.0:
        return False
    place = np.rint((x - x.min()) / step_x) + np.rint((y - y.min()) / step_y)
    return bool(np.mean(place % 2 == place[0] % 2) > 0.99)


def check_header(
    header_step: tuple[float, float] | None,
    header_grid: tuple[int, int] | None,
    step_um: tuple[float, float],
    shape: tuple[int, ...],
) -> tuple[str, ...]:
    """A warning if steps or size (y, x) of the header contradict those of the coordinates, which are believed."""
    wrong_step = header_step is not None and any(abs(a - b) > 0.01 * b for a, b in zip(header_step, step_um))
    wrong_grid = header_grid is not None and header_grid != tuple(shape)
    if not (wrong_step or wrong_grid):
        return ()
    said = []
    if header_step is not None:
        said.append(f"step {header_step[1]:g} x {header_step[0]:g} um")
    if header_grid is not None:
        said.append(f"{header_grid[1]} x {header_grid[0]} points")
    return (
        f"the header says {' and '.join(said)}, the coordinates say step {step_um[1]:.4g} x {step_um[0]:.4g} um and "
        f"{shape[1]} x {shape[0]} points; the coordinates are believed",
    )
