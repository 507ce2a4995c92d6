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
        int64 ``[y, x]``, row of the table for each grid point, -1 where none was measured.
    step_um
        Steps (y, x).
    origin_um
        (y, x) of the first grid point.
    warnings
        What the user should know.
    hexagonal
        True if the points were resampled from a hexagonal grid.
    """

    source: NDArray[np.int64]
    step_um: tuple[float, float]
    origin_um: tuple[float, float]
    warnings: tuple[str, ...] = ()
    hexagonal: bool = False

    def take(self, column: NDArray[Any], fill: Any) -> NDArray[Any]:
        """Values ``(n, …)`` of the points on the grid ``[1, y, x, …]``, `fill` where there is none."""
        out = np.asarray(column)[self.source]
        out[self.source < 0] = fill
        return out[None]


def axis_step(values: NDArray[np.float64]) -> tuple[float, int]:
    """Step and number of grid lines of coordinates ``(n,)`` that are rounded multiples of it; step 0 for a single line."""
    distinct = np.unique(values)
    if len(distinct) < 2:
        return 0.0, 1
    gaps = np.diff(distinct)
    rough = float(np.median(gaps[gaps > 0.3 * gaps.max()]))
    lines = round(float(distinct[-1] - distinct[0]) / rough) + 1
    # Nine digits are more than the files have; 0.4 stays 0.4.
    return float(f"{float(distinct[-1] - distinct[0]) / (lines - 1):.9g}"), lines


def peek_grid(
    x: NDArray[np.float64], y: NDArray[np.float64], last_y: float
) -> tuple[tuple[float, float], tuple[int, int]] | None:
    """Step and size (y, x) of a scan from its first rows and its last y; None if these hold less than two rows."""
    step_x, columns = axis_step(x)
    step_y, rows = axis_step(y)
    if rows < 2 or columns < 2:
        return None
    return (step_y, step_x), (round((last_y - float(y.min())) / step_y) + 1, columns)


def find_grid(x: NDArray[np.float64], y: NDArray[np.float64], name: str) -> ScanGrid:
    """The grid of points with coordinates `x`, `y` ``(n,)`` in um; a hexagonal grid is resampled to a square one.

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
    if columns * rows > 20 * len(x) + 1000:
        raise NmcError(
            f"the {len(x)} points of {name} lie on no regular grid",
            "check its columns for x and y, or export it on a square grid",
            "files",
        )
    column = np.rint((x - x.min()) / step_x).astype(np.int64)
    row = np.rint((y - y.min()) / step_y).astype(np.int64)
    if (
        len(x) < 0.6 * rows * columns
        and rows > 2
        and columns > 2
        and np.mean((column + row) % 2 == (column[0] + row[0]) % 2) > 0.99
    ):
        return _resample_hexagonal(x, y, 2 * step_x, step_y, name)
    source = np.full((rows, columns), -1, np.int64)
    source[row, column] = np.arange(len(x))
    warnings = []
    missing = int((source < 0).sum())
    if missing:
        warnings.append(f"{missing} of {source.size} grid points are missing and stay unobserved")
    if len(x) + missing > source.size:
        warnings.append(f"{len(x) + missing - source.size} points lie on another one; the last of them counts")
    return ScanGrid(source, (step_y, step_x), (float(y.min()), float(x.min())), tuple(warnings))


def _resample_hexagonal(x: NDArray[np.float64], y: NDArray[np.float64], pitch: float, row_step: float, name: str) -> ScanGrid:
    """Nearest measured point on a square grid with the row distance of the hexagonal one."""
    from scipy.spatial import cKDTree

    columns, rows = int(np.ptp(x) / row_step) + 1, round(np.ptp(y) / row_step) + 1
    grid_y, grid_x = np.meshgrid(y.min() + row_step * np.arange(rows), x.min() + row_step * np.arange(columns), indexing="ij")
    distance, source = cKDTree(np.c_[y, x]).query(np.c_[grid_y.ravel(), grid_x.ravel()])
    source = np.where(distance <= pitch, source, -1).astype(np.int64).reshape(rows, columns)
    words = (
        f"hexagonal grid with pitch {pitch:.4g} um, resampled to squares of {row_step:.4g} um by the nearest point "
        f"(points move by up to {distance[distance <= pitch].max():.2g} um)"
    )
    return ScanGrid(source, (row_step, row_step), (float(y.min()), float(x.min())), (words,), True)


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
