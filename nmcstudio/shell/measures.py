"""Size and shape of many shells at once: the integrals of `harmonics`, several times as quick.

On a grid of rings the sum over harmonics splits into one over degrees for each ring and one over orders along it: at degree
15 an eighth of the products that the whole basis costs (models.md 3, 13.1).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.shell.directions import gauss_legendre_grid
from nmcstudio.shell.harmonics import compute_harmonics, degree_of_count, equivalent_diameter, sphericity
from nmcstudio.shell.measure_kernels import integrate_rings

Array = NDArray[np.float64]
_BLOCK = 400  # shells at once: the arrays of one block stay in the cache of a processor


class ShellMeasures(NamedTuple):
    """Volume-equivalent diameters, um, and sphericities, float64 ``(n,)`` each."""

    diameters_um: Array
    sphericities: Array


class _Rings(NamedTuple):
    """What a grid of rings needs for shells of one degree; the orders -L to L stand where a list of orders is meant."""

    by_order: tuple[tuple[NDArray[np.int64], Array, Array], ...]  # columns of coefficients, Legendre, its slope by colatitude
    along: Array  # (2 L + 1, longitudes)
    along_slope: Array
    sines: Array
    weights: Array


def measure_shells(coefficients: Array, monitor: Monitor | None = None) -> ShellMeasures:
    """Diameter and sphericity of shells by quadrature exact for the volume, and for the area to far below 1e-4.

    Parameters
    ----------
    coefficients
        float64 ``(n, (L + 1)^2)``, um.
    """
    monitor = monitor or Monitor()
    coefficients = np.asarray(coefficients, dtype=np.float64)
    rings = _rings(degree_of_count(coefficients.shape[1]))
    volume, area = np.empty(len(coefficients)), np.empty(len(coefficients))
    for start in monitor.track(range(0, len(coefficients), _BLOCK), "measuring shells"):
        part = slice(start, start + _BLOCK)
        volume[part], area[part] = _integrals(coefficients[part], rings)
    return ShellMeasures(equivalent_diameter(volume), sphericity(volume, area))


def _integrals(coefficients: Array, rings: _Rings) -> tuple[Array, Array]:
    n, polar = len(coefficients), len(rings.sines)
    values, slopes = np.empty((2, len(rings.by_order), n, polar))
    for order, (columns, legendre, slope) in enumerate(rings.by_order):
        chosen = np.ascontiguousarray(coefficients[:, columns])
        np.matmul(chosen, legendre, out=values[order])
        np.matmul(chosen, slope, out=slopes[order])
    return integrate_rings(values, slopes, rings.along, rings.along_slope, rings.sines, rings.weights)


@lru_cache(maxsize=4)
def _rings(degree: int) -> _Rings:
    exact = max(4 * degree, 16)
    polar, azimuthal = exact // 2 + 1, exact + 1
    grid = gauss_legendre_grid(polar, azimuthal)
    heights, weights = grid.directions[::azimuthal, 2], grid.weights[::azimuthal]
    sines = np.sqrt(1 - heights**2)
    # At longitude 0 the basis of order m >= 0 is its Legendre function alone; order -m has the same one.
    basis = compute_harmonics(np.column_stack([sines, np.zeros(polar), heights]), degree)
    turn = 2 * np.pi * np.arange(azimuthal) / azimuthal
    by_order, along, along_slope = [], [], []
    for m in range(-degree, degree + 1):
        degrees = np.arange(abs(m), degree + 1)
        legendre = basis[:, degrees**2 + degrees + abs(m)].T
        below = np.zeros_like(legendre)
        below[1:] = legendre[:-1]
        factor = np.sqrt((2 * degrees + 1) * (degrees**2 - m * m) / np.maximum(2 * degrees - 1, 1))
        slope = (degrees[:, None] * heights * legendre - factor[:, None] * below) / sines
        by_order.append((degrees**2 + degrees + m, np.ascontiguousarray(legendre), np.ascontiguousarray(slope)))
        along.append(np.cos(m * turn) if m >= 0 else np.sin(-m * turn))
        along_slope.append(-m * np.sin(m * turn) if m >= 0 else -m * np.cos(-m * turn))
    return _Rings(tuple(by_order), np.stack(along), np.stack(along_slope), sines, weights)
