"""Pole figures and inverse pole figures: where crystal directions point in the sample, and the other way round.

A pole is an axis: it and its opposite are the same. The picture is the hemisphere that faces the viewer of the map (z of our
sample frame runs into the sample, so that is z <= 0), x to the right and y down as in the map. Densities are in multiples of
random: 1 everywhere for uniform orientations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.crystal.ipf import DIRECTIONS, sector_grid
from nmcstudio.crystal.quaternions import conjugate, multiply, rotate
from nmcstudio.crystal.symmetry import laue_class, operators

Array = NDArray[np.float64]

DOUBLINGS = 6
_CELL = np.deg2rad(2.5)  # poles are gathered in cells of this size before they are smoothed
_BLOCK = 512  # points of the picture that are worked on at a time

_SIX = (np.cos(np.pi / 6), np.sin(np.pi / 6), 0.0)
_CUBIC = {"{100}": (0.0, 0.0, 1.0), "{110}": (1.0, 0.0, 1.0), "{111}": (1.0, 1.0, 1.0)}
_HEXAGONAL = {"{0001}": (0.0, 0.0, 1.0), "{10-10}": _SIX, "{2-1-10}": (1.0, 0.0, 0.0)}
_TETRAGONAL = {"{001}": (0.0, 0.0, 1.0), "{100}": (1.0, 0.0, 0.0), "{110}": (1.0, 1.0, 0.0)}
_AXES = {"c": (0.0, 0.0, 1.0), "a": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0)}
_ORTHORHOMBIC = {"{001}": (0.0, 0.0, 1.0), "{100}": (1.0, 0.0, 0.0), "{010}": (0.0, 1.0, 0.0)}


def pole_families(point_group: str) -> dict[str, tuple[float, float, float]]:
    """Names of the poles that are drawn for a point group, and one direction of each in the crystal frame (not normalised)."""
    laue = laue_class(point_group)
    if laue in ("m-3", "m-3m"):
        return _CUBIC
    if laue in ("-3", "-3m", "-31m", "6/m", "6/mmm"):
        return _HEXAGONAL
    if laue in ("4/m", "4/mmm"):
        return _TETRAGONAL
    return _ORTHORHOMBIC if laue == "mmm" else _AXES


def sample_poles(quaternions: ArrayLike, pole: ArrayLike, point_group: str) -> Array:
    """All equivalents of a crystal direction in the sample frame.

    Parameters
    ----------
    quaternions
        ``(n, 4)``, sample to crystal.
    pole
        ``(3,)``, in the crystal frame.
    point_group
        Hermann-Mauguin name.

    Returns
    -------
    Unit vectors ``(n, m, 3)`` on the side of the viewer; m is the number of different axes of the family.
    """
    direction = np.asarray(pole, dtype=float) / np.linalg.norm(pole)
    every = rotate(operators(point_group), direction)
    axes: list[Array] = []
    for axis in every:
        if all(abs(axis @ known) < 1 - 1e-9 for known in axes):
            axes.append(axis)
    inverse = conjugate(np.asarray(quaternions, dtype=float))[:, None]
    poles = rotate(inverse, np.array(axes))
    return np.where(poles[..., 2:] > 0, -poles, poles)


def project(directions: ArrayLike) -> Array:
    """Axes ``(..., 3)`` in the equal-area picture, ``(..., 2)`` inside the unit circle: x to the right, y down."""
    v = np.asarray(directions, dtype=float)
    v = np.where(v[..., 2:] > 0, -v, v)
    return np.asarray(v[..., :2] / np.sqrt(1 - v[..., 2:]))


def unproject(points: ArrayLike) -> Array:
    """Axes ``(..., 3)`` on the viewer's side of points ``(..., 2)`` of the picture; NaN outside the unit circle."""
    p = np.asarray(points, dtype=float)
    square = np.sum(p**2, axis=-1, keepdims=True)
    inside = square <= 1 + 1e-12
    planar, up = p * np.sqrt(np.maximum(2 - square, 0)), 1 - square
    return np.where(inside, np.concatenate([planar, -up], axis=-1), np.nan)


@dataclass(frozen=True)
class PoleDensity:
    """Density of poles on a picture.

    Attributes
    ----------
    x, y
        float64 ``(n,)`` and ``(m,)``, coordinates of the picture; y runs down.
    values
        float64 ``(m, n)``, multiples of random; NaN outside.
    """

    x: Array
    y: Array
    values: Array


def pole_density(
    quaternions: ArrayLike,
    pole: ArrayLike,
    point_group: str,
    *,
    weights: ArrayLike | None = None,
    size: int = 75,
    doublings: int = DOUBLINGS,
) -> PoleDensity:
    """Smoothed density of a pole figure.

    Parameters
    ----------
    quaternions, weights
        ``(n, 4)`` and ``(n,)`` or None; rows that are not finite are left out.
    pole, point_group
        As in `sample_poles`.
    size
        Points along a side of the picture.
    doublings
        Of the kernel, see `axis_density`.
    """
    poles, mass = _weighted(quaternions, weights)
    axes = sample_poles(poles, pole, point_group)
    along = np.linspace(-1, 1, size)
    grid = unproject(np.stack(np.meshgrid(along, along), axis=-1))
    return PoleDensity(along, along, axis_density(axes, mass, grid, doublings))


def inverse_pole_density(
    quaternions: ArrayLike,
    direction: str,
    point_group: str,
    *,
    weights: ArrayLike | None = None,
    size: int = 111,
    doublings: int = DOUBLINGS,
) -> PoleDensity:
    """Smoothed density of a sample direction ("x", "y" or "z") in the sector of the Laue class, placed as in its colour key."""
    poles, mass = _weighted(quaternions, weights)
    seen = rotate(poles, np.asarray(DIRECTIONS[direction]))
    group = operators(point_group)
    axes = rotate(group[None], seen[:, None])
    x, y, grid = sector_grid(point_group, size)
    return PoleDensity(x, y, axis_density(axes, mass, grid, doublings))


def axis_density(axes: Array, weights: Array, at: Array, doublings: int = DOUBLINGS) -> Array:
    """Density of axes in multiples of random.

    Parameters
    ----------
    axes
        ``(n, m, 3)``, unit vectors, m of each object.
    weights
        ``(n,)``.
    at
        ``(..., 3)``, where; NaN gives NaN.
    doublings
        The kernel is ``(p + 1) |cos|^p`` with p = 2^doublings, whose mean over the sphere is 1; it falls to one half at 11.9, 8.4
        and 6.0 degrees for 5, 6 and 7.

    Returns
    -------
    ``(...)``.
    """
    # Single precision halves the time, and a picture does not show it.
    cells, mass = _gather(axes.reshape(-1, 3), np.repeat(weights, axes.shape[1]))
    small, share = cells.astype(np.float32), (mass / mass.sum()).astype(np.float32)
    flat = at.reshape(-1, 3)
    found = np.full(len(flat), np.nan)
    inside = np.flatnonzero(np.isfinite(flat[:, 0]))
    for start in range(0, len(inside), _BLOCK):  # bounds the memory of the products
        rows = inside[start : start + _BLOCK]
        cosine = np.abs(flat[rows].astype(np.float32) @ small.T)
        for _ in range(doublings):
            cosine *= cosine
        found[rows] = (2**doublings + 1) * (cosine @ share)
    return found.reshape(at.shape[:-1])


def texture_index(quaternions: ArrayLike, point_group: str, weights: ArrayLike | None = None, most: int = 700) -> float:
    """Mean square of the orientation density, smoothed with a half width of 10 degrees: 1 for uniform orientations.

    Estimated without bias from pairs of different objects; of more than `most` a thinned part is taken.

    Parameters
    ----------
    quaternions, weights
        ``(n, 4)`` and ``(n,)`` or None.
    point_group
        Hermann-Mauguin name.
    """
    q, mass = _weighted(quaternions, weights)
    step = -(-len(q) // most)
    q, mass = q[::step], mass[::step]
    if len(q) < 2:
        return float("nan")
    # de la Vallee Poussin kernel: cos^2p of half the angle; its mean over SO(3) is 2^(-2p) C(2p, p) / (p + 1).
    power = np.log(2) / (-2 * np.log(np.cos(np.deg2rad(10.0) / 2)))
    from scipy.special import gammaln

    log_mean = gammaln(2 * power + 1) - 2 * gammaln(power + 1) - np.log(power + 1) - 2 * power * np.log(2)
    group = operators(point_group)
    total = weight = 0.0
    for row in range(len(q) - 1):
        cosine = np.abs(multiply(q[row + 1 :], conjugate(q[row])) @ group.T)
        kernel = np.exp(2 * power * np.log(np.maximum(cosine, 1e-300)) - log_mean).mean(axis=1)
        both = mass[row] * mass[row + 1 :]
        total += float(kernel @ both)
        weight += float(both.sum())
    return total / weight


def _weighted(quaternions: ArrayLike, weights: ArrayLike | None) -> tuple[Array, Array]:
    q = np.asarray(quaternions, dtype=float).reshape(-1, 4)
    mass = np.ones(len(q)) if weights is None else np.asarray(weights, dtype=float)
    keep = np.isfinite(q).all(axis=1) & (mass > 0)
    if not keep.any():
        raise NmcError("there is no orientation to draw", "choose a map with indexed points")
    return q[keep], mass[keep]


def _gather(axes: Array, weights: Array) -> tuple[Array, Array]:
    """Mean axis and weight of the occupied cells of a grid in the equal-area picture, far finer than the kernel."""
    turned = np.where(axes[:, 2:] > 0, -axes, axes)
    places = project(turned)
    side = int(np.ceil(2 * np.sqrt(2) / _CELL))
    index = np.minimum(((places + 1) / 2 * side).astype(np.int64), side - 1)
    code = index[:, 1] * side + index[:, 0]
    mass = np.bincount(code, weights, side * side)
    used = np.flatnonzero(mass)
    sums = np.stack([np.bincount(code, weights * turned[:, axis], side * side)[used] for axis in range(3)], axis=1)
    middles: Array = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    return middles, np.asarray(mass[used], dtype=np.float64)
