"""Kernel densities for plots and comparisons (models.md 13.4): Gaussian kernel, Silverman's bandwidth, weights, reflection."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError

Array = NDArray[np.float64]


class Density(NamedTuple):
    """A density: grid ``x (m,)``, values ``y (m,)``, and the kernel's standard deviation in the unit of x."""

    x: Array
    y: Array
    bandwidth: float


class BivariateDensity(NamedTuple):
    """A density on a grid: ``x (n,)``, ``y (m,)``, ``z (m, n)``, and the kernel's standard deviations along x and y."""

    x: Array
    y: Array
    z: Array
    bandwidths: tuple[float, float]


def _checked(values: Array, weights: Array | None) -> tuple[Array, Array]:
    data = np.asarray(values, dtype=float)
    mass = np.ones(len(data)) if weights is None else np.asarray(weights, dtype=float)
    good = np.isfinite(data) & np.isfinite(mass) & (mass > 0)
    if np.count_nonzero(good) < 2 or np.ptp(data[good]) == 0:
        raise NmcError("a density needs at least two different values", "look at the sample: it is too small for a density")
    return data[good], mass[good] / mass[good].sum()


def silverman_bandwidth(values: Array, weights: Array | None = None, dimensions: int = 1) -> float:
    """Silverman's bandwidth sd (n (d + 2) / 4)^(-1 / (d + 4)), with Kish's effective n for weighted samples."""
    data, mass = _checked(values, weights)
    effective = effective_size(mass, len(mass))
    mean = np.sum(mass * data)
    variance = np.sum(mass * (data - mean) ** 2) / (1.0 - np.sum(mass**2))
    return float(np.sqrt(variance) * (effective * (dimensions + 2) / 4) ** (-1 / (dimensions + 4)))


def _grid(data: Array, width: float, points: int, lower: float | None, upper: float | None) -> Array:
    start, stop = data.min() - 3 * width, data.max() + 3 * width
    return np.linspace(start if lower is None else max(start, lower), stop if upper is None else min(stop, upper), points)


def _kernel_matrix(grid: Array, data: Array, width: float, lower: float | None, upper: float | None) -> Array:
    """``(m, n)`` kernel values; mass beyond a bound is folded back at it."""

    def kernel(at: Array) -> Array:
        return np.exp(-0.5 * ((grid[:, None] - at) / width) ** 2)

    result = kernel(data)
    # Beyond eight widths the kernel is below 1e-13: most values need no mirror image.
    if lower is not None:
        close = data < 2 * lower - grid.min() + 8 * width
        result[:, close] += kernel(2 * lower - data[close])
    if upper is not None:
        close = data > 2 * upper - grid.max() - 8 * width
        result[:, close] += kernel(2 * upper - data[close])
    inside = (grid >= (-np.inf if lower is None else lower)) & (grid <= (np.inf if upper is None else upper))
    return np.where(inside[:, None], result, 0.0) / (width * np.sqrt(2 * np.pi))


def density(
    values: Array,
    weights: Array | None = None,
    *,
    grid: Array | None = None,
    points: int = 256,
    bandwidth: float | None = None,
    lower: float | None = None,
    upper: float | None = None,
) -> Density:
    """Gaussian kernel density of a sample.

    Parameters
    ----------
    values, weights
        float64 ``(n,)``; weights need not sum to 1; entries that are not finite are left out.
    grid
        Where to evaluate, or None for `points` values over the sample and three bandwidths beyond.
    bandwidth
        Standard deviation of the kernel; None for `silverman_bandwidth`.
    lower, upper
        Bounds of the quantity (sphericity: ``upper=1``): the kernel's mass is reflected there.

    Raises
    ------
    NmcError
        If there are fewer than two different values.
    """
    data, mass = _checked(values, weights)
    width = bandwidth if bandwidth is not None else silverman_bandwidth(data, mass)
    at = _grid(data, width, points, lower, upper) if grid is None else np.asarray(grid, dtype=float)
    result = np.zeros(len(at))
    for start in range(0, len(data), 4096):
        part = slice(start, start + 4096)
        result += _kernel_matrix(at, data[part], width, lower, upper) @ mass[part]
    return Density(at, result, float(width))


def bivariate_density(
    x: Array,
    y: Array,
    weights: Array | None = None,
    *,
    x_grid: Array | None = None,
    y_grid: Array | None = None,
    points: int = 96,
    bandwidths: tuple[float, float] | None = None,
    x_lower: float | None = None,
    x_upper: float | None = None,
    y_lower: float | None = None,
    y_upper: float | None = None,
) -> BivariateDensity:
    """Joint density of two quantities with a product Gaussian kernel, reflected at their bounds.

    Parameters
    ----------
    x, y, weights
        float64 ``(n,)``.
    x_grid, y_grid
        Where to evaluate; None for `points` values over the sample.
    bandwidths
        Standard deviations of the kernel; None for Silverman's in two dimensions.
    x_lower, x_upper, y_lower, y_upper
        Bounds of the quantities, or None.
    """
    mass = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=float)
    good = np.isfinite(x) & np.isfinite(y) & np.isfinite(mass) & (mass > 0)
    xs, mx = _checked(np.asarray(x, dtype=float)[good], mass[good])
    ys, _ = _checked(np.asarray(y, dtype=float)[good], mass[good])
    wx, wy = bandwidths or (silverman_bandwidth(xs, mx, 2), silverman_bandwidth(ys, mx, 2))
    at_x = _grid(xs, wx, points, x_lower, x_upper) if x_grid is None else np.asarray(x_grid, dtype=float)
    at_y = _grid(ys, wy, points, y_lower, y_upper) if y_grid is None else np.asarray(y_grid, dtype=float)
    z = np.zeros((len(at_y), len(at_x)))
    for start in range(0, len(xs), 4096):
        part = slice(start, start + 4096)
        across = _kernel_matrix(at_x, xs[part], wx, x_lower, x_upper)
        along = _kernel_matrix(at_y, ys[part], wy, y_lower, y_upper) * mx[part]
        z += along @ across.T
    return BivariateDensity(at_x, at_y, z, (float(wx), float(wy)))


def weights_near(x: Array, at: float, bandwidth: float, weights: Array | None = None) -> Array:
    """Weights that make a sample of y one of y given x = `at`: those given times a Gaussian kernel in x (models.md 13.4, E17).

    The `density` of y with them is the normalised slice of the joint density with a product kernel. They are 0 beyond three
    bandwidths.

    Raises
    ------
    NmcError
        If no data is near `at`.
    """
    x = np.asarray(x, dtype=float)
    kernel = np.exp(-0.5 * ((x - at) / bandwidth) ** 2)
    near = np.abs(x - at) <= 3 * bandwidth
    if not near.any():
        raise NmcError(f"there is no data near {at:g}", "choose a value within the range of the sample")
    return np.where(near, kernel * (1.0 if weights is None else np.asarray(weights, dtype=float)), 0.0)


def effective_size(weights: Array | None, count: int) -> float:
    """Kish's effective number of a weighted sample: that of equal weights whose mean has the same variance."""
    if weights is None:
        return float(count)
    mass = np.asarray(weights, dtype=float)
    return float(mass.sum() ** 2 / np.sum(mass**2))
