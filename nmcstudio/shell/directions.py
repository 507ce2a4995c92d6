"""Directions on the unit sphere: triangulated point sets and grids with exact quadrature."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.arrays import frozen
from nmcstudio.core.errors import NmcError


@dataclass(frozen=True)
class SphereMesh:
    """Triangulated directions.

    Attributes
    ----------
    directions
        float64 ``(m, 3)``, unit vectors (x, y, z).
    triangles
        int64 ``(t, 3)``, indices of directions, counter-clockwise seen from outside.
    """

    directions: NDArray[np.float64]
    triangles: NDArray[np.int64]

    def __post_init__(self) -> None:
        object.__setattr__(self, "directions", frozen(self.directions, np.float64, (None, 3), "directions"))
        object.__setattr__(self, "triangles", frozen(self.triangles, np.int64, (None, 3), "triangles"))


@dataclass(frozen=True)
class SphereGrid:
    """Directions with weights that integrate products of harmonics exactly.

    Attributes
    ----------
    directions
        float64 ``(m, 3)``, unit vectors (x, y, z).
    weights
        float64 ``(m,)``, summing to 4 pi.
    exact_degree
        Highest degree of a harmonic that is integrated exactly.
    """

    directions: NDArray[np.float64]
    weights: NDArray[np.float64]
    exact_degree: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "directions", frozen(self.directions, np.float64, (None, 3), "directions"))
        object.__setattr__(self, "weights", frozen(self.weights, np.float64, (len(self.directions),), "weights"))


_OCTAHEDRON = (
    np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], dtype=float),
    np.array([[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]]),
)


def _icosahedron() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    golden = (1 + np.sqrt(5)) / 2
    corners = [(0.0, s, t * golden) for s in (-1.0, 1.0) for t in (-1.0, 1.0)]
    points = np.array([np.roll(corner, shift) for shift in range(3) for corner in corners])
    points /= np.linalg.norm(points, axis=1)[:, None]
    return points, _hull(points)


def _halve_edges(
    points: NDArray[np.float64], triangles: NDArray[np.int64], levels: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Cut every triangle into four at the middles of its edges, which are pushed out to the sphere; `levels` times."""
    for _ in range(levels):
        edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]], axis=2).reshape(-1, 2)
        unique, which = np.unique(edges, axis=0, return_inverse=True)
        middles = points[unique].sum(axis=1)
        middles /= np.linalg.norm(middles, axis=1)[:, None]
        ab, bc, ca = (len(points) + which.reshape(-1, 3)).T
        a, b, c = triangles.T
        points = np.concatenate([points, middles])
        parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
        triangles = np.concatenate([np.stack(part, axis=1) for part in parts])
    return points, triangles


@cache
def octasphere(levels: int = 3) -> SphereMesh:
    """The octahedron with its edges halved `levels` times: ``4^(levels + 1) + 2`` directions, 258 by default.

    The more even of the two ways to 258 points (models.md 3 (b)); the mesh of the paper's radius functions ([A], m = 258).
    """
    return SphereMesh(*_halve_edges(*_OCTAHEDRON, levels))


@cache
def octasphere_by_frequency(frequency: int = 8) -> SphereMesh:
    """The octahedron, every edge cut in `frequency` parts and projected: ``4 frequency^2 + 2`` directions (models.md 3 (a))."""
    corners, faces = _OCTAHEDRON
    steps = np.array([(i, j) for i in range(frequency + 1) for j in range(frequency + 1 - i)])
    number = {(int(i), int(j)): k for k, (i, j) in enumerate(steps)}
    cells = []
    for i in range(frequency):
        for j in range(frequency - i):
            cells.append((number[i, j], number[i + 1, j], number[i, j + 1]))
            if i + j < frequency - 1:
                cells.append((number[i + 1, j], number[i + 1, j + 1], number[i, j + 1]))
    weights = np.column_stack([frequency - steps.sum(axis=1), steps])
    lattice = np.concatenate([weights @ corners[face] for face in faces]).round().astype(np.int64)
    unique, which = np.unique(lattice, axis=0, return_inverse=True)
    triangles = np.concatenate([which.ravel()[np.array(cells) + k * len(steps)] for k in range(len(faces))])
    return SphereMesh(unique / np.linalg.norm(unique, axis=1)[:, None], triangles)


@cache
def icosphere(levels: int = 4) -> SphereMesh:
    """The icosahedron with its edges halved `levels` times: ``10 4^levels + 2`` directions, 2562 by default."""
    return SphereMesh(*_halve_edges(*_icosahedron(), levels))


@cache
def gauss_legendre_grid(polar: int, azimuthal: int) -> SphereGrid:
    """Gauss-Legendre nodes in z times equidistant longitudes.

    Parameters
    ----------
    polar, azimuthal
        Number of nodes in z and of longitudes; exact up to the degree ``min(2 polar, azimuthal) - 1`` (models.md 3).
    """
    z, node_weights = np.polynomial.legendre.leggauss(polar)
    longitudes = 2 * np.pi * np.arange(azimuthal) / azimuthal
    height = np.repeat(z, azimuthal)
    ring = np.sqrt(1 - height**2)
    turn = np.tile(longitudes, polar)
    directions = np.column_stack([ring * np.cos(turn), ring * np.sin(turn), height])
    weights = np.repeat(node_weights, azimuthal) * 2 * np.pi / azimuthal
    return SphereGrid(directions, weights, min(2 * polar, azimuthal) - 1)


def grid_for_degree(degree: int) -> SphereGrid:
    """The grid on which shells of this degree are measured: 2 (L + 1) by 4 (L + 1) directions (models.md 0.3)."""
    return gauss_legendre_grid(2 * (degree + 1), 4 * (degree + 1))


def grid_exact_to(degree: int) -> SphereGrid:
    """The smallest grid that integrates harmonics up to `degree` exactly."""
    return gauss_legendre_grid(degree // 2 + 1, degree + 1)


def quadrature_of(directions: NDArray[np.float64]) -> SphereGrid | None:
    """The Gauss-Legendre grid that `directions` ``(m, 3)`` are, or None if they are none."""
    directions = np.asarray(directions, dtype=np.float64)
    polar = int(np.count_nonzero(np.diff(directions[:, 2]) > 1e-9)) + 1
    azimuthal, rest = divmod(len(directions), polar)
    if rest or polar < 2:
        return None
    grid = gauss_legendre_grid(polar, azimuthal)
    return grid if np.allclose(grid.directions, directions, atol=1e-6) else None


def mesh_of(directions: NDArray[np.float64]) -> SphereMesh:
    """Triangles on given directions ``(m, 3)``: those of the sphere's own meshes where they are one, else the convex hull.

    Raises
    ------
    NmcError
        If the directions are not unit vectors or do not surround the origin.
    """
    array = np.ascontiguousarray(directions, dtype=np.float64)
    return _mesh_of(array.tobytes())


@lru_cache(maxsize=8)
def _mesh_of(raw: bytes) -> SphereMesh:
    directions = np.frombuffer(raw, dtype=np.float64).reshape(-1, 3)
    check_directions(directions)
    for known in (octasphere(), icosphere(3), icosphere()):
        if known.directions.shape == directions.shape and np.allclose(known.directions, directions, atol=1e-6):
            return SphereMesh(directions, known.triangles)
    return SphereMesh(directions, _hull(directions))


def check_directions(directions: NDArray[np.float64]) -> None:
    """Refuse directions that are not unit vectors or are too few.

    Raises
    ------
    NmcError
        If a length differs from 1 by more than 1e-3, or there are fewer than 6 directions.
    """
    if len(directions) < 6:
        raise NmcError(f"{len(directions)} directions are too few for a radius function", "give at least 6, better 258 or more")
    lengths = np.linalg.norm(directions, axis=1)
    wrong = np.abs(lengths - 1) > 1e-3
    if not np.all(np.isfinite(directions)) or wrong.any():
        row = int(np.flatnonzero(wrong | ~np.isfinite(lengths))[0])
        raise NmcError(
            f"direction {row + 1} has length {lengths[row]:.4g}, not 1",
            "give unit vectors x, y, z, one row for each column of radii",
        )


def _hull(directions: NDArray[np.float64]) -> NDArray[np.int64]:
    """Triangles of the convex hull, turned counter-clockwise seen from outside."""
    from scipy.spatial import ConvexHull, QhullError

    try:
        triangles = ConvexHull(directions).simplices.astype(np.int64)
    except QhullError as error:
        raise NmcError("the directions lie in one plane", "give directions that cover the whole sphere") from error
    a, b, c = (directions[triangles[:, k]] for k in range(3))
    outwards = np.einsum("ij,ij->i", a + b + c, np.cross(b - a, c - a))
    turned = np.where((outwards < 0)[:, None], triangles[:, ::-1], triangles)
    # The origin must lie well inside of every face, and every direction must be a corner.
    distances = np.abs(np.einsum("ij,ij->i", a, np.cross(b, c))) / np.linalg.norm(np.cross(b - a, c - a), axis=1)
    inside = distances.min() > 0.05 and np.linalg.norm(directions.mean(axis=0)) < 0.5
    if not inside or np.any(np.bincount(triangles.ravel(), minlength=len(directions)) == 0):
        raise NmcError("the directions do not cover the sphere, or some stand twice", "give directions all round, each once")
    return turned


def solid_angles(mesh: SphereMesh) -> NDArray[np.float64]:
    """Solid angle ``(m,)`` around each direction, summing to 4 pi: a third of each spherical triangle to each corner."""
    a, b, c = (mesh.directions[mesh.triangles[:, k]] for k in range(3))
    numerator = np.einsum("ij,ij->i", a, np.cross(b, c))
    denominator = 1 + (a * b).sum(axis=1) + (b * c).sum(axis=1) + (c * a).sum(axis=1)
    areas = 2 * np.arctan2(numerator, denominator)
    out = np.zeros(len(mesh.directions))
    np.add.at(out, mesh.triangles.ravel(), np.repeat(areas / 3, 3))
    return out
