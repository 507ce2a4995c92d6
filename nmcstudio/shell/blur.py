"""How far a Gaussian filter moves a surface, and taking it back (models.md 2.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.shell.directions import SphereGrid, grid_exact_to
from nmcstudio.shell.harmonics import Y00, harmonics, tangent_basis

_HIGHEST = 12
_ROUNDS = 8


def inward_shift_um(radii_um: NDArray[np.float64], directions: NDArray[np.float64], sigma_um: float) -> NDArray[np.float64]:
    """What a Gaussian filter took off the radii, along each ray: float64 ``(n, m)``, um.

    The half level of a filtered body lies ``sigma^2 H`` inside its surface, H the mean curvature: ``sigma^2 / R`` for a
    ball. H is that of the surface which the shift restores, found by iteration, from harmonics up to the degree that the
    filter damps by less than a third; finer roughness stays filtered, for to blow it up would blow up the noise with it.

    Parameters
    ----------
    radii_um
        float64 ``(n, m)``, measured on the filtered image.
    directions
        float64 ``(m, 3)``.
    sigma_um
        Standard deviation of the filter.
    """
    size_um = float(np.quantile(radii_um.mean(axis=1), 0.1))
    degree = _degree_for(sigma_um / max(size_um, 1e-12), len(directions))
    seen = harmonics(directions, degree)
    measured = np.asarray(np.linalg.lstsq(seen, radii_um.T, rcond=1e-6)[0].T, dtype=np.float64)
    grid = grid_exact_to(4 * degree + 1)
    on_grid = harmonics(grid.directions, degree)
    shift = np.zeros_like(measured)
    for _ in range(_ROUNDS):
        along_ray = sigma_um**2 * _mean_curvature_along_ray(measured + shift, grid, degree)
        # Where a fold or a cut is sharper than the filter, the first order of the theory says nothing.
        shift = (np.clip(along_ray, -sigma_um, sigma_um) * grid.weights) @ on_grid
    return shift @ seen.T


def _degree_for(sigma_over_radius: float, count: int) -> int:
    """The highest degree l whose amplitude the filter lowers by less than a third, ``sigma^2 (l - 1)(l + 2) / 2 R^2 < 1 / 3``."""
    fine = [
        degree
        for degree in range(2, _HIGHEST + 1)
        if sigma_over_radius**2 * (degree - 1) * (degree + 2) / 2 < 1 / 3 and 2 * (degree + 1) ** 2 <= count
    ]
    return max(fine, default=1 if count >= 8 else 0)


def _mean_curvature_along_ray(coefficients: NDArray[np.float64], grid: SphereGrid, degree: int) -> NDArray[np.float64]:
    """Mean curvature H over the cosine between normal and ray, on the grid, 1 / um.

    With rho = log r and W^2 = 1 + |grad rho|^2 the surface has ``2 H r W = 2 - (delta_ij - rho_i rho_j / W^2) rho_ij``, and W is
    one over the cosine.
    """
    tangent = tangent_basis(grid, degree)
    radii = np.maximum(coefficients @ harmonics(grid.directions, degree).T, 0.1 * coefficients[:, :1] * Y00)
    a, b = (coefficients @ part.T / radii for part in (tangent.south, tangent.east))
    aa, ab, bb = (coefficients @ part.T / radii for part in (tangent.south_south, tangent.south_east, tangent.east_east))
    aa, ab, bb = aa - a * a, ab - a * b, bb - b * b
    squared = 1 + a * a + b * b
    bent = aa + bb - (a * a * aa + 2 * a * b * ab + b * b * bb) / squared
    return (2 - bent) / (2 * radii)
