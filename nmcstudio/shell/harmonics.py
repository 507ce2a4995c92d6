"""Orthonormal real spherical harmonics and what is computed from coefficients: radii, volume, area.

The flat index of degree l and order m is ``l^2 + l + m``; Y_1 is sqrt(3 / 4 pi) times (y, z, x) (models.md 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nmcstudio.shell.directions import SphereGrid, SphereMesh, grid_exact_to

#: Y_00, so that a coefficient c_00 is a mean radius of c_00 Y_00.
Y00 = 1 / np.sqrt(4 * np.pi)
_BLOCK = 4096


def degree_of_index(degree: int) -> NDArray[np.int64]:
    """Degree l of each of the ``(degree + 1)^2`` flat indices."""
    degrees = np.arange(degree + 1)
    return np.repeat(degrees, 2 * degrees + 1)


def degree_of_count(count: int) -> int:
    """Highest degree of a vector of ``count = (L + 1)^2`` coefficients."""
    degree = round(np.sqrt(count)) - 1
    if (degree + 1) ** 2 != count:
        raise ValueError(f"{count} coefficients are not (L + 1)^2 for any degree L")
    return degree


def harmonics(directions: NDArray[np.float64], degree: int) -> NDArray[np.float64]:
    """The basis at unit vectors ``(m, 3)``: float64 ``(m, (degree + 1)^2)``, read-only. The last few are kept."""
    return _basis(np.ascontiguousarray(directions, dtype=np.float64).tobytes(), int(degree))


@lru_cache(maxsize=12)
def _basis(raw: bytes, degree: int) -> NDArray[np.float64]:
    out = compute_harmonics(np.frombuffer(raw, dtype=np.float64).reshape(-1, 3), degree)
    out.flags.writeable = False
    return out


def compute_harmonics(directions: NDArray[np.float64], degree: int) -> NDArray[np.float64]:
    """The basis at unit vectors ``(m, 3)``: float64 ``(m, (degree + 1)^2)``.

    Legendre functions without their factor sin^m by recursion in the degree; the factor comes with the powers of x + i y,
    so that the poles are points like all others.
    """
    x, y, z = np.asarray(directions, dtype=np.float64).T
    out = np.empty((len(x), (degree + 1) ** 2), order="F")
    ring = np.ones(len(x), dtype=np.complex128)
    diagonal = Y00
    for m in range(degree + 1):
        if m:
            ring = ring * (x + 1j * y)
            diagonal *= np.sqrt((2 * m + 1) / (2 * m))
        cosine, sine = (np.sqrt(2) * ring.real, np.sqrt(2) * ring.imag) if m else (ring.real, ring.imag)
        before, current = np.zeros(len(x)), np.full(len(x), diagonal)
        for l in range(m, degree + 1):  # noqa: E741 (l and m are the names of degree and order everywhere)
            if l > m:
                lift = np.sqrt((4 * l * l - 1) / (l * l - m * m))
                back = np.sqrt(((l - 1) ** 2 - m * m) / (4 * (l - 1) ** 2 - 1))
                before, current = current, lift * (z * current - back * before)
            out[:, l * l + l + m] = current * cosine
            if m:
                out[:, l * l + l - m] = current * sine
    return np.ascontiguousarray(out)


def evaluate(coefficients: NDArray[np.float64], directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values of functions given by coefficients ``(…, (L + 1)^2)`` at a fixed set of unit vectors ``(m, 3)``: ``(…, m)``."""
    coefficients = np.asarray(coefficients, dtype=np.float64)
    return coefficients @ harmonics(directions, degree_of_count(coefficients.shape[-1])).T


def evaluate_at(coefficients: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """One function in the directions of any points ``(…, 3)``, of any length and number: ``(…)``.

    Nothing is kept, and millions of points need little memory. The origin counts as the direction z.
    """
    shape = np.shape(points)[:-1]
    points = np.asarray(points, dtype=np.float64).reshape(-1, 3)
    coefficients = np.asarray(coefficients, dtype=np.float64)
    degree = degree_of_count(coefficients.shape[-1])
    out = np.empty(len(points))
    for start in range(0, len(points), _BLOCK):
        part = points[start : start + _BLOCK]
        lengths = np.linalg.norm(part, axis=1)[:, None]
        directions = np.where(lengths > 0, part / np.where(lengths > 0, lengths, 1), [0.0, 0.0, 1.0])
        out[start : start + _BLOCK] = compute_harmonics(directions, degree) @ coefficients
    return out.reshape(shape)


def mesh_volume(radii_um: NDArray[np.float64], mesh: SphereMesh) -> NDArray[np.float64]:
    """Volume, um^3, of the polyhedra with radii ``(…, m)``; 2.3 % low for a ball on 258 points (models.md 3)."""
    u, t = mesh.directions, mesh.triangles
    determinants = np.einsum("ij,ij->i", u[t[:, 0]], np.cross(u[t[:, 1]], u[t[:, 2]])) / 6
    return (radii_um[..., t[:, 0]] * radii_um[..., t[:, 1]] * radii_um[..., t[:, 2]]) @ determinants


def mesh_area(radii_um: NDArray[np.float64], mesh: SphereMesh) -> NDArray[np.float64]:
    """Surface area, um^2, of the polyhedra with radii ``(…, m)``."""
    points = np.asarray(radii_um)[..., None] * mesh.directions
    a, b, c = (points[..., mesh.triangles[:, k], :] for k in range(3))
    return 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=-1).sum(axis=-1)


def equivalent_diameter(volume_um3: NDArray[np.float64]) -> NDArray[np.float64]:
    """Diameter, um, of the ball of the same volume."""
    return np.cbrt(6 * np.asarray(volume_um3) / np.pi)


def sphericity(volume_um3: NDArray[np.float64], area_um2: NDArray[np.float64]) -> NDArray[np.float64]:
    """Surface of the ball of the same volume over the surface; 1 for a ball, at most 1 for exact values."""
    return np.cbrt(np.pi) * np.cbrt(6 * np.asarray(volume_um3)) ** 2 / area_um2


def shell_volume(coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """Volume, um^3, of shells given by coefficients ``(…, (L + 1)^2)`` in um: r^3 / 3 by exact quadrature."""
    degree = degree_of_count(np.shape(coefficients)[-1])
    grid = grid_exact_to(3 * degree)
    return evaluate(coefficients, grid.directions) ** 3 @ grid.weights / 3


def shell_area(coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """Surface area, um^2, of shells given by coefficients ``(…, (L + 1)^2)`` in um.

    The integral of ``r sqrt(r^2 + |grad r|^2)`` on a grid that is exact to four times the degree; the integrand is
    smooth but no polynomial, and the error is far below 1e-4 for shells of the model.
    """
    coefficients = np.asarray(coefficients, dtype=np.float64)
    degree = degree_of_count(coefficients.shape[-1])
    grid = grid_exact_to(max(4 * degree, 16))
    tangent = tangent_basis(grid, degree)
    radii = coefficients @ harmonics(grid.directions, degree).T
    squared = (coefficients @ tangent.south.T) ** 2 + (coefficients @ tangent.east.T) ** 2
    return (np.abs(radii) * np.sqrt(radii**2 + squared)) @ grid.weights


@dataclass(frozen=True)
class TangentBasis:
    """First and second derivatives of the harmonics on the unit sphere, in the frame of south and east at each direction.

    Attributes
    ----------
    axes
        float64 ``(2, m, 3)``: unit vectors (x, y, z) to the south (growing colatitude) and to the east (growing longitude).
    south, east
        Gradient, float64 ``(m, (L + 1)^2)``.
    south_south, south_east, east_east
        Covariant second derivatives; the first and the last sum to ``-l (l + 1)`` times the basis.
    """

    axes: NDArray[np.float64]
    south: NDArray[np.float64]
    east: NDArray[np.float64]
    south_south: NDArray[np.float64]
    south_east: NDArray[np.float64]
    east_east: NDArray[np.float64]


def tangent_basis(grid: SphereGrid, degree: int) -> TangentBasis:
    """Derivatives of the basis at the directions of a Gauss-Legendre grid, which has none at the poles. The last few are kept."""
    return _tangent_basis(grid.directions.tobytes(), int(degree))


@lru_cache(maxsize=6)
def _tangent_basis(raw: bytes, degree: int) -> TangentBasis:
    directions = np.frombuffer(raw, dtype=np.float64).reshape(-1, 3)
    basis = harmonics(directions, degree)
    x, y, z = directions.T
    sine = np.sqrt(1 - z**2)
    cotangent = z / sine
    to_east = np.stack([-y / sine, x / sine, np.zeros(len(x))], axis=1)
    to_south = np.stack([z * x / sine, z * y / sine, -sine], axis=1)
    south, east, both, east_east, trace = (np.empty_like(basis) for _ in range(5))
    for l in range(degree + 1):  # noqa: E741
        for m in range(-l, l + 1):
            index = l * l + l + m
            slope = l * z * basis[:, index]
            if abs(m) < l:
                slope = slope - np.sqrt((2 * l + 1) * (l * l - m * m) / (2 * l - 1)) * basis[:, (l - 1) * l + m]
            south[:, index] = slope / sine
            east[:, index] = -m * basis[:, l * l + l - m] / sine
            trace[:, index] = -l * (l + 1) * basis[:, index]
    for l in range(degree + 1):  # noqa: E741
        for m in range(-l, l + 1):
            index, mirrored = l * l + l + m, l * l + l - m
            both[:, index] = -m * (south[:, mirrored] - cotangent * basis[:, mirrored]) / sine
            east_east[:, index] = cotangent * south[:, index] - (m / sine) ** 2 * basis[:, index]
    return TangentBasis(np.stack([to_south, to_east]), south, east, trace - east_east, both, east_east)


def shell_diameter(coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """Volume-equivalent diameter, um, of shells given by coefficients ``(…, (L + 1)^2)`` in um."""
    return equivalent_diameter(shell_volume(coefficients))


def shell_sphericity(coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sphericity of shells given by coefficients ``(…, (L + 1)^2)``."""
    return sphericity(shell_volume(coefficients), shell_area(coefficients))
