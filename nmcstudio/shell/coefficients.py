"""Harmonic coefficients of measured radius functions, with their noise (models.md 4.2 and 4.3)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.shells import RadiusFunctions
from nmcstudio.shell.directions import quadrature_of
from nmcstudio.shell.gram import gram_of
from nmcstudio.shell.harmonics import degree_of_index, harmonics


@dataclass(frozen=True)
class ShellCoefficients:
    """Coefficients of n particles up to a degree L.

    Attributes
    ----------
    values
        float64 ``(n, (L + 1)^2)``, um.
    noise_um2
        float64 ``(L + 1,)``, N_l: variance that the measurement gives to one coefficient of degree l.
    dimensions
        float64 ``(L + 1,)``: number of coefficients of each degree that the directions determine; ``2 l + 1`` where all are.
    nugget_um2
        tau^2: variance of a radius about the harmonics, from the residuals.
    rank
        Of the basis on these directions; below ``(L + 1)^2`` some combinations are not determined.
    directions
        m, number of directions.
    """

    values: NDArray[np.float64]
    noise_um2: NDArray[np.float64]
    dimensions: NDArray[np.float64]
    nugget_um2: float
    rank: int
    directions: int

    def rows(self, chosen: NDArray[np.bool_]) -> ShellCoefficients:
        """The same of some of the particles, bool ``(n,)``."""
        return replace(self, values=self.values[chosen])

    @property
    def determined_well(self) -> bool:
        """Whether the directions give every coefficient, at no more than twice the noise that even directions would give."""
        even = self.nugget_um2 * 4 * np.pi / self.directions
        noise = float(self.noise_um2 @ self.dimensions / self.dimensions.sum())
        return self.rank == (self.degree + 1) ** 2 and noise <= 2 * even

    @property
    def degree(self) -> int:
        return len(self.noise_um2) - 1

    @property
    def mean_part(self) -> NDArray[np.float64]:
        """c_00 of each particle, float64 ``(n,)``."""
        return self.values[:, 0]

    @property
    def power(self) -> NDArray[np.float64]:
        """S_l, the sum of the squared coefficients of each degree, float64 ``(n, L + 1)``; column 0 is not used."""
        return power_by_degree(self.values)


def power_by_degree(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of the squared coefficients of each degree: ``(…, (L + 1)^2)`` to ``(…, L + 1)``. Rotation does not change it."""
    degree = round(np.sqrt(values.shape[-1])) - 1
    return np.add.reduceat(values**2, np.arange(degree + 1) ** 2, axis=-1)


def estimate_coefficients(radii: RadiusFunctions, degree: int) -> ShellCoefficients:
    """Coefficients by quadrature on a Gauss-Legendre grid that is fine enough, else by least squares.

    Quadrature needs nodes for ``n_theta >= L + 8`` (models.md 4.3), so that what lies above L does not fold back. Least
    squares of lowest norm is used elsewhere; on the 258-point octasphere only 249 of the 256 coefficients up to degree 15
    are determined (erratum E3).

    Raises
    ------
    NmcError
        If the directions determine less than three quarters of the coefficients.
    """
    basis = harmonics(radii.directions, degree)
    measured = radii.radii_um
    grid = quadrature_of(radii.directions)
    degrees = degree_of_index(degree)
    dimensions = (2 * np.arange(degree + 1) + 1).astype(np.float64)
    if grid is not None and grid.exact_degree >= 2 * (degree + 8) - 1:
        operator = basis * grid.weights[:, None]
        rank = basis.shape[1]
    else:
        inverse, determined, rank = gram_of(radii.directions, degree).pseudo_inverse()
        if rank < 0.75 * basis.shape[1]:
            raise NmcError(
                f"{len(radii.directions)} directions determine {rank} of the {basis.shape[1]} coefficients of degree {degree}",
                f"use a degree up to {max(0, int(np.sqrt(len(radii.directions))) - 1)}, or radii in more directions",
                "degree",
            )
        operator = basis @ inverse
        dimensions[:] = np.bincount(degrees, determined)
    values = measured @ operator
    residual = measured - values @ basis.T
    freedom = max(basis.shape[0] - rank, 1)
    nugget_um2 = float(np.average((residual**2).sum(axis=1), weights=radii.weights) / freedom)
    gain = np.bincount(degrees, (operator**2).sum(axis=0)).astype(np.float64)
    noise = nugget_um2 * gain / np.maximum(dimensions, 1e-12)
    return ShellCoefficients(values, noise, dimensions, nugget_um2, rank, len(basis))
