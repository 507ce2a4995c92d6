"""Orientations of grains (models.md 14): uniform, resampled from data, arranged so that neighbours are disoriented as
in the data, or with the c-axis tied to the radial direction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import GrainModel, Law
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.quaternions import c_axis, from_axis_angle, multiply, random_orientations
from nmcstudio.grains.placement import Contacts, arrange_orientations
from nmcstudio.stats.contacts import count_contacts

Array = NDArray[np.float64]

# Misorientation, as the angle of a Gaussian rotation vector an axis, that keeps resampled grains from being identical.
RESAMPLED_SPREAD = np.radians(2.0)
# The same where neighbours matter: a wider one would blur the relation of twins.
_ARRANGED_SPREAD = np.radians(0.3)
_K_LIMIT = 50.0


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
    return multiply(from_axis_angle(vectors, np.linalg.norm(vectors, axis=1)), drawn)


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
    squares = np.sum(c_axis(quaternions[good]) * directions[good] / norms[good, None], axis=1) ** 2
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


def draw_orientations(
    model: GrainModel,
    centroids_um: Array,
    rng: np.random.Generator,
    *,
    contacts: Contacts | None = None,
    centre_um: Any = (0.0, 0.0, 0.0),
    monitor: Monitor | None = None,
) -> Array:
    """Orientation of each grain of a model: float64 ``(n, 4)``.

    Parameters
    ----------
    model
        Its texture decides.
    centroids_um
        float64 ``(n, 3)``, centroids of the grains.
    rng
        Source of randomness.
    contacts
        Who touches whom; for the texture "correlated", see `needs_contacts`.
    centre_um
        Centre of the particle, from which the radial texture looks.
    monitor
        Progress and cancelling.

    Raises
    ------
    NmcError
        If the texture is unknown, or lacks what it draws from.
    """
    count = len(centroids_um)

    def resampled(spread: float) -> Array:
        known = np.empty((0, 4)) if model.orientations is None else model.orientations
        return resample_quaternions(known, model.orientation_weights, count, rng, spread)

    def correlated() -> Array:
        if model.neighbour_angles is None or contacts is None:
            raise NmcError("the model holds no disorientations of neighbours", "use the resampled texture", "texture")
        drawn = resampled(_ARRANGED_SPREAD)
        return arrange_orientations(drawn, contacts, model.neighbour_angles, model.point_group, rng, monitor)

    kinds: dict[str, Callable[[], Array]] = {
        "uniform": lambda: random_orientations(count, rng),
        "resampled": lambda: resampled(RESAMPLED_SPREAD),
        "correlated": correlated,
        "radial": lambda: radial_quaternions(np.asarray(centroids_um) - np.asarray(centre_um), model.texture["k"], rng),
    }
    if model.texture.kind not in kinds:
        raise NmcError(f"unknown texture {model.texture.kind!r}", f"use one of {', '.join(kinds)}", "texture")
    return kinds[model.texture.kind]()


def needs_contacts(model: GrainModel) -> bool:
    """True where `draw_orientations` must know which grains touch."""
    return model.texture.kind == "correlated"


def contacts_of(labels: NDArray[Any], monitor: Monitor | None = None) -> Contacts:
    """Contacts of grains labelled 1 to n ``[z, y, x]``, as rows from 0, with the faces that they share."""
    pairs, faces = count_contacts(labels, monitor)
    return Contacts(pairs - 1, faces.astype(float))
