"""Volume and area of shells from sums along rings of longitude."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]


@njit(nogil=True, cache=True, fastmath={"contract", "reassoc", "nsz"})
def integrate_rings(
    values: Array, slopes: Array, along: Array, along_slope: Array, sines: Array, weights: Array
) -> tuple[Array, Array]:
    """Volumes, um^3, and areas, um^2, of shells.

    Parameters
    ----------
    values, slopes
        float64 ``(2 L + 1, n, rings)``: sums over the degrees of one order, of the radius and of its slope by colatitude, um.
    along, along_slope
        float64 ``(2 L + 1, longitudes)``: cosines and sines of the orders, and their derivatives.
    sines, weights
        float64 ``(rings,)``: of the colatitude; weight of one point of the ring.

    Returns
    -------
    Two arrays float64 ``(n,)``.
    """
    orders, n, rings = values.shape
    points = along.shape[1]
    volume, area = np.zeros(n), np.zeros(n)
    radius, down, across = np.empty(points), np.empty(points), np.empty(points)
    for shell in range(n):
        for ring in range(rings):
            radius[:], down[:], across[:] = 0.0, 0.0, 0.0
            for order in range(orders):
                value, slope = values[order, shell, ring], slopes[order, shell, ring]
                turned = value / sines[ring]
                for point in range(points):
                    radius[point] += value * along[order, point]
                    down[point] += slope * along[order, point]
                    across[point] += turned * along_slope[order, point]
            cubes, sheets = 0.0, 0.0
            for point in range(points):
                r = radius[point]
                cubes += r * r * r
                sheets += abs(r) * np.sqrt(r * r + down[point] * down[point] + across[point] * across[point])
            volume[shell] += weights[ring] * cubes / 3
            area[shell] += weights[ring] * sheets
    return volume, area
