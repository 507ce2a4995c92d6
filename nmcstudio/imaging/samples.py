"""Points of a volume to fit corrections on: few slices are read, so that a volume on disk can be asked too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError


@dataclass(frozen=True)
class Samples:
    """Grey values at points of a regular grid.

    Attributes
    ----------
    points
        float64 ``(n, 3)``, voxel indices (z, y, x).
    means
        float64 ``(n,)``, mean over the cube of three voxels around each point.
    single
        float64 ``(n,)``, value of the voxel itself.
    """

    points: NDArray[np.float64]
    means: NDArray[np.float64]
    single: NDArray[np.float64]


def sample(values: NDArray[Any], observed: NDArray[np.bool_] | None = None, count: int = 40_000) -> Samples:
    """About `count` points of a regular grid whose cube of three voxels is observed.

    Parameters
    ----------
    values
        Array ``[z, y, x]``; at most 192 of its slices are read.
    observed
        bool ``[z, y, x]`` or None.

    Raises
    ------
    NmcError
        If nothing is observed.
    """
    nz = values.shape[0]
    planes = min(64, max(1, nz // 3))
    depths = np.unique(np.linspace(min(1, nz - 1), max(0, nz - 2), planes).round().astype(int))
    step = max(1, int(np.sqrt(values.shape[1] * values.shape[2] * len(depths) / count)))
    # Every slice starts elsewhere: a grid of its own would always meet the same columns.
    points, means, single = [], [], []
    for k, z in enumerate(depths):
        around = [max(0, z - 1), z, min(nz - 1, z + 1)]
        rows = _places(values.shape[1], step, 7 * k)
        columns = _places(values.shape[2], step, 11 * k)
        picked = _around(rows, values.shape[1]), _around(columns, values.shape[2])
        mean = np.zeros((len(rows), len(columns)))
        known = np.ones(mean.shape, bool)
        for depth in around:
            for some_rows in picked[0]:
                for some_columns in picked[1]:
                    mean += values[depth][np.ix_(some_rows, some_columns)]
                    if observed is not None:
                        known &= observed[depth][np.ix_(some_rows, some_columns)]
        mean /= 27
        known &= np.isfinite(mean)
        grid = np.stack(np.broadcast_arrays(float(z), rows[:, None].astype(float), columns[None, :].astype(float)), axis=-1)
        points.append(grid[known])
        means.append(mean[known])
        single.append(values[z][np.ix_(rows, columns)][known].astype(np.float64))
    found = Samples(np.concatenate(points), np.concatenate(means), np.concatenate(single))
    if not len(found.means):
        raise NmcError("no voxel is observed", "choose a larger field of view", "field_of_view")
    return found


def _places(length: int, step: int, shift: int) -> NDArray[np.int64]:
    return np.arange(shift % step, length, step)


def _around(places: NDArray[np.int64], length: int) -> list[NDArray[np.int64]]:
    return [np.clip(places + k, 0, length - 1) for k in (-1, 0, 1)]


def robust_range(found: Samples) -> tuple[float, float]:
    """Grey values beyond which a voxel is an outlier: half the span of the middle 99.6 % further out on both sides.

    Metal, dust and wrong detector pixels are rarer than two in a thousand; what belongs to a phase, its noise and its shading,
    lies within the span.
    """
    low, high = np.quantile(found.single, (0.002, 0.998))
    # A span of nothing (two values, one of them rare) says nothing about outliers.
    if not high > low:
        return -np.inf, np.inf
    return float(low - 0.5 * (high - low)), float(high + 0.5 * (high - low))


def noise_level(values: NDArray[Any], observed: NDArray[np.bool_] | None = None) -> float:
    """Standard deviation of the noise: median absolute difference of voxels three apart, over 0.6745 and sqrt(2).

    Three voxels, because the noise of neighbours is correlated in a reconstruction; differences across a surface are rare and do
    not move the median much (by 3 to 8 % for particles of 15 voxels radius).
    """
    gaps = []
    for z in np.unique(np.linspace(0, values.shape[0] - 1, 16).round().astype(int)):
        plane = np.asarray(values[z], np.float32)
        known = np.isfinite(plane) if observed is None else observed[z] & np.isfinite(plane)
        for axis in (0, 1):
            if plane.shape[axis] <= 3:
                continue
            ahead, behind = [slice(None)] * 2, [slice(None)] * 2
            ahead[axis], behind[axis] = slice(3, None), slice(None, -3)
            pair = known[tuple(ahead)] & known[tuple(behind)]
            gap = np.abs(plane[tuple(ahead)] - plane[tuple(behind)])[pair]
            gaps.append(gap[:: max(1, gap.size // 20_000)])
    gathered = np.concatenate(gaps) if gaps else np.empty(0)
    if not gathered.size:
        return 0.0
    if values.dtype.kind in "ui":
        # Whole numbers: the median lies somewhere within its step.
        steps, counts = np.unique(gathered, return_counts=True)
        below = np.concatenate(([0.0], np.cumsum(counts) / gathered.size))
        edges = np.concatenate(([0.0], (steps + 0.5)))
        median = float(np.interp(0.5, below, edges))
    else:
        median = float(np.median(gathered))
    return median / 0.6744898 / np.sqrt(2)
