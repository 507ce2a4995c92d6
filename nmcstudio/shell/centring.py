"""Shells seen from their own centroids, many at once (models.md 4.1)."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.workers import in_threads
from nmcstudio.shell.directions import SphereGrid, gauss_legendre_grid, grid_exact_to
from nmcstudio.shell.harmonics import Y00, degree_of_count, evaluate, harmonics

#: Shells of one piece of work, some tens of milliseconds.
_BLOCK = 16
#: A centroid this far from the origin, as a share of the mean radius, counts as being there.
_TOLERANCE = 2e-5
_ROUNDS = 4


def centroids(coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centroids (x, y, z), um, of the bodies within shells ``(n, (L + 1)^2)``: exact quadrature of r^4 u / 4 over r^3 / 3."""
    coefficients = np.atleast_2d(coefficients)
    grid = grid_exact_to(4 * degree_of_count(coefficients.shape[1]) + 1)
    return _centroids(evaluate(coefficients, grid.directions), grid)


def _centroids(radii: NDArray[np.float64], grid: SphereGrid) -> NDArray[np.float64]:
    cubes = radii**3
    return (cubes * radii / 4) @ (grid.weights[:, None] * grid.directions) / (cubes @ grid.weights / 3)[:, None]


def centre_shells(coefficients: NDArray[np.float64], monitor: Monitor | None = None) -> NDArray[np.float64]:
    """The same shells seen from their centroids: coefficients ``(n, (L + 1)^2)``.

    In each new direction the surface is found by fixed-point iteration and then expanded again up to the same degree, so the
    shape keeps but what falls above L. A shell that cannot be seen whole from its centroid is returned as it was.

    Parameters
    ----------
    coefficients
        float64 ``(n, (L + 1)^2)``, um.
    """
    monitor = monitor or Monitor()
    coefficients = np.asarray(coefficients, dtype=np.float64)
    starts = range(0, len(coefficients), _BLOCK)
    blocks = [coefficients[start : start + _BLOCK] for start in starts]
    if len(blocks) < 2:
        return _centre_block(blocks[0], monitor) if blocks else coefficients
    return np.concatenate(
        in_threads(partial(_centre_block, monitor=monitor), blocks, monitor, "moving shells to their centroids")
    )


def _centre_block(coefficients: NDArray[np.float64], monitor: Monitor) -> NDArray[np.float64]:
    from nmcstudio.shell.centring_kernel import see_from

    degree = degree_of_count(coefficients.shape[1])
    # Finer than the basis by what a shift adds; the centroid on it is exact but for products of the highest degrees.
    grid = gauss_legendre_grid(degree + 9, 2 * (degree + 9))
    basis = harmonics(grid.directions, degree)
    lift, back = _recursion(degree)
    out = coefficients.copy()
    todo = np.arange(len(out))
    for _ in range(_ROUNDS):
        radii = out[todo] @ basis.T
        shifts = _centroids(radii, grid)
        lengths, sizes = np.linalg.norm(shifts, axis=1), out[todo, 0] * Y00
        far = np.flatnonzero((lengths > _TOLERANCE * sizes) & (lengths < 0.5 * radii.min(axis=1)))
        moved = []
        for row in far:
            monitor.check()
            tolerance = 0.1 * _TOLERANCE * sizes[row]
            if see_from(shifts[row], grid.directions, out[todo[row]], degree, lift, back, tolerance, radii[row]):
                moved.append(row)
        if not moved:
            break
        todo, radii = todo[moved], radii[moved]
        out[todo] = (radii * grid.weights) @ basis
    return out


def _recursion(degree: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Factors by degree and order that lead from one degree to the next, as in `compute_harmonics`."""
    lift, back = np.zeros((2, degree + 1, degree + 1))
    for m in range(degree + 1):
        l = np.arange(m + 1, degree + 1)  # noqa: E741
        lift[l, m] = np.sqrt((4 * l * l - 1) / (l * l - m * m))
        back[l, m] = np.sqrt(((l - 1) ** 2 - m * m) / (4 * (l - 1) ** 2 - 1))
    return lift, back
