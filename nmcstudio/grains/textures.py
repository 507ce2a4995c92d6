"""Orientations of grains (models.md 14): uniform, resampled from data, or with the c-axis tied to the radial direction.

A unit quaternion (w, x, y, z) turns sample into crystal coordinates (Bunge's g), so that the c-axis in the sample frame is the
third row of its matrix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import GrainModel, Law

Array = NDArray[np.float64]

# Misorientation, as the angle of a Gaussian rotation vector an axis, that keeps resampled grains from being identical.
RESAMPLED_SPREAD = np.radians(2.0)
_K_LIMIT = 50.0


def multiply(a: Array, b: Array) -> Array:
    """Product of quaternions ``(…, 4)``."""
    w = a[..., 0] * b[..., 0] - np.sum(a[..., 1:] * b[..., 1:], axis=-1)
    v = a[..., :1] * b[..., 1:] + b[..., :1] * a[..., 1:] + np.cross(a[..., 1:], b[..., 1:])
    return np.concatenate([w[..., None], v], axis=-1)


def uniform_quaternions(count: int, rng: np.random.Generator) -> Array:
    """Orientations uniform on SO(3): float64 ``(count, 4)``, normalised four-dimensional Gaussians."""
    q = rng.normal(size=(count, 4))
    return q / np.linalg.norm(q, axis=1, keepdims=True)


def c_axes(quaternions: Array) -> Array:
    """c-axis of each orientation in the sample frame, ``(n, 4)`` to ``(n, 3)``."""
    w, x, y, z = np.moveaxis(np.asarray(quaternions, dtype=float), -1, 0)
    return np.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], axis=-1)


def resample_quaternions(
    quaternions: Array,
    weights: Array | None,
    count: int,
    rng: np.random.Generator,
    spread: float = RESAMPLED_SPREAD,
) -> Array:
    """Orientations drawn from measured ones by weight (grain volume), each turned by a small random rotation.

    Parameters
    ----------
    quaternions, weights
        ``(n, 4)`` and ``(n,)`` or None; rows that are not finite are left out.
    count
        Number of draws.
    rng
        Source of randomness.
    spread
        Standard deviation of each component of the rotation vector, radians.

    Raises
    ------
    NmcError
        If there is no orientation.
    """
    good = np.all(np.isfinite(quaternions), axis=1)
    mass = np.ones(len(quaternions)) if weights is None else np.asarray(weights, dtype=float)
    good &= np.isfinite(mass) & (mass > 0)
    if not good.any():
        raise NmcError("the model holds no orientation to draw from", "use the uniform texture", "texture")
    share = mass[good] / mass[good].sum()
    drawn = quaternions[good][rng.choice(len(share), count, p=share)]
    vectors = rng.normal(scale=spread, size=(count, 3))
    angles = np.linalg.norm(vectors, axis=1, keepdims=True)
    small = np.concatenate([np.cos(angles / 2), np.sin(angles / 2) * vectors / np.where(angles > 0, angles, 1.0)], axis=1)
    return multiply(small, drawn)


def radial_quaternions(directions: Array, k: float, rng: np.random.Generator) -> Array:
    """Orientations whose c-axis makes an angle t with the local direction, density ~ exp(-k cos^2 t); free about the c-axis.

    Parameters
    ----------
    directions
        float64 ``(n, 3)``, local radial direction of each grain; need not be normalised.
    k
        > 0: c perpendicular to the radius (fast planes run radially); < 0: along it; 0: uniform.
    rng
        Source of randomness.
    """
    count = len(directions)
    if not abs(k) <= _K_LIMIT:
        raise NmcError(f"k = {k:g} of the radial texture is out of range", f"use a value between -{_K_LIMIT:g} and {_K_LIMIT:g}")
    grid = np.linspace(0.0, 1.0, 4001)
    cumulative = np.concatenate([[0.0], np.cumsum(_middle(np.exp(-k * grid**2 - max(-k, 0.0))))])
    cosine = np.interp(rng.random(count), cumulative / cumulative[-1], grid) * rng.choice([-1.0, 1.0], count)
    norms = np.linalg.norm(directions, axis=1, keepdims=True)
    # The centre itself has no direction: there any will do.
    n = np.where(norms > 0, directions / np.where(norms > 0, norms, 1.0), [0.0, 0.0, 1.0])
    helper = np.where(np.abs(n[:, :1]) < 0.9, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    e1 = np.cross(n, helper)
    e1 /= np.linalg.norm(e1, axis=1, keepdims=True)
    e2 = np.cross(n, e1)
    angle = rng.uniform(0, 2 * np.pi, (count, 1))
    sine = np.sqrt(1 - cosine**2)[:, None]
    axis = cosine[:, None] * n + sine * (np.cos(angle) * e1 + np.sin(angle) * e2)
    # Shortest rotation that takes c to e_z, after it a free one about e_z.
    half = np.stack([1 + axis[:, 2], axis[:, 1], -axis[:, 0], np.zeros(count)], axis=1)
    opposite = axis[:, 2] < -1 + 1e-12
    half[opposite] = [0.0, 1.0, 0.0, 0.0]
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    spin = rng.uniform(0, np.pi, count)
    zero = np.zeros(count)
    return multiply(np.stack([np.cos(spin), zero, zero, np.sin(spin)], axis=1), half)


def _middle(values: Array) -> Array:
    return 0.5 * (values[1:] + values[:-1])


def fit_radial_texture(quaternions: Array, directions: Array) -> Law:
    """Maximum-likelihood k of `radial_quaternions` from orientations ``(n, 4)`` and radial directions ``(n, 3)``.

    Raises
    ------
    NmcError
        If fewer than ten grains have an orientation and a direction.
    """
    from scipy import optimize

    norms = np.linalg.norm(directions, axis=1)
    good = np.all(np.isfinite(quaternions), axis=1) & (norms > 0)
    if np.count_nonzero(good) < 10:
        raise NmcError(
            "fewer than ten grains have an orientation", "use the uniform texture, or segment an orientation map", "texture"
        )
    squares = np.sum(c_axes(quaternions[good]) * directions[good] / norms[good, None], axis=1) ** 2
    grid = np.linspace(0.0, 1.0, 2001)
    mean = float(squares.mean())

    def loss(k: float) -> float:
        shift = max(-k, 0.0)
        return k * mean + float(np.log(np.trapezoid(np.exp(-k * grid**2 - shift), grid))) + shift

    k = float(optimize.minimize_scalar(loss, bounds=(-_K_LIMIT, _K_LIMIT), method="bounded").x)
    mass = np.exp(-k * grid**2 - max(-k, 0.0))
    mass /= mass.sum()
    variance = float(mass @ grid**4 - (mass @ grid**2) ** 2)
    return Law("radial", {"k": k}, {"k": float(1.0 / np.sqrt(len(squares) * variance))})


def draw_orientations(model: GrainModel, points_um: Array, rng: np.random.Generator, centre_um: Any = (0.0, 0.0, 0.0)) -> Array:
    """Orientation of each grain of a model: float64 ``(n, 4)``.

    Parameters
    ----------
    model
        Its texture decides.
    points_um
        float64 ``(n, 3)``, centroids of the grains.
    rng
        Source of randomness.
    centre_um
        Centre of the particle, from which the radial texture looks.
    """
    kinds: dict[str, Callable[[], Array]] = {
        "uniform": lambda: uniform_quaternions(len(points_um), rng),
        "resampled": lambda: resample_quaternions(
            np.empty((0, 4)) if model.orientations is None else model.orientations, model.orientation_weights, len(points_um), rng
        ),
        "radial": lambda: radial_quaternions(np.asarray(points_um) - np.asarray(centre_um), model.texture["k"], rng),
    }
    if model.texture.kind not in kinds:
        raise NmcError(f"unknown texture {model.texture.kind!r}", f"use one of {', '.join(kinds)}", "texture")
    return kinds[model.texture.kind]()
