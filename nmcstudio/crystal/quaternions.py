"""Unit quaternions (w, x, y, z) of orientations, sample to crystal, and the other ways to write one.

A quaternion q turns the components of a vector in the sample frame into its components in the crystal frame:
``v_crystal = q v_sample q*``. With Bunge's angles that is the matrix ``g = Z(phi2) X(Phi) Z(phi1)`` (models.md 14), where
``Z(a)`` and ``X(a)`` are passive rotations about the third and the first axis. A symmetry of the crystal acts from the left,
a rotation of the sample frame from the right.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def normalise(quaternions: ArrayLike) -> Array:
    """Quaternions ``(..., 4)`` scaled to length 1; NaN where the length is 0 or not finite."""
    q = np.asarray(quaternions, dtype=np.float64)
    length = np.linalg.norm(q, axis=-1, keepdims=True)
    return np.divide(q, length, out=np.full_like(q, np.nan), where=(length > 0) & np.isfinite(length))


def conjugate(quaternions: ArrayLike) -> Array:
    """The inverse rotations of unit quaternions ``(..., 4)``."""
    return np.asarray(quaternions, dtype=np.float64) * np.array([1.0, -1.0, -1.0, -1.0])


def multiply(left: ArrayLike, right: ArrayLike) -> Array:
    """Hamilton product of quaternions ``(..., 4)``; the right one acts first. Shapes broadcast."""
    a, b = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    aw, ax, ay, az = np.moveaxis(a, -1, 0)
    bw, bx, by, bz = np.moveaxis(b, -1, 0)
    return np.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        axis=-1,
    )


def rotate(quaternions: ArrayLike, vectors: ArrayLike) -> Array:
    """``q v q*`` of unit quaternions ``(..., 4)`` and vectors ``(..., 3)``: from the sample frame to the crystal frame."""
    q, v = np.asarray(quaternions, dtype=np.float64), np.asarray(vectors, dtype=np.float64)
    w, x, y, z = np.moveaxis(q, -1, 0)
    a, b, c = np.moveaxis(v, -1, 0)
    # v + w t + axis x t with t = 2 axis x v; written out, for np.cross takes three times as long.
    t, u, s = 2.0 * (y * c - z * b), 2.0 * (z * a - x * c), 2.0 * (x * b - y * a)
    return np.stack([a + w * t + y * s - z * u, b + w * u + z * t - x * s, c + w * s + x * u - y * t], axis=-1)


def from_axis_angle(axis: ArrayLike, angle: ArrayLike) -> Array:
    """Active rotation of `angle` radians ``(...)`` about `axis` ``(..., 3)``."""
    direction = np.asarray(axis, dtype=np.float64)
    direction = direction / np.linalg.norm(direction, axis=-1, keepdims=True)
    half = np.asarray(angle, dtype=np.float64)[..., None] / 2
    return np.concatenate([np.cos(half) + 0 * direction[..., :1], np.sin(half) * direction], axis=-1)


def from_bunge(angles: ArrayLike) -> Array:
    """Orientations of Bunge's angles (phi1, Phi, phi2), radians ``(..., 3)``; w is not negative."""
    phi1, phi, phi2 = np.moveaxis(np.asarray(angles, dtype=np.float64), -1, 0)
    plus, minus = (phi1 + phi2) / 2, (phi1 - phi2) / 2
    c, s = np.cos(phi / 2), np.sin(phi / 2)
    q = np.stack([c * np.cos(plus), -s * np.cos(minus), -s * np.sin(minus), -c * np.sin(plus)], axis=-1)
    return np.where(q[..., :1] < 0, -q, q)


def to_bunge(quaternions: ArrayLike) -> Array:
    """Bunge's angles ``(..., 3)`` in radians: phi1 and phi2 in [0, 2 pi), Phi in [0, pi]; phi2 is 0 where Phi is 0 or pi."""
    w, x, y, z = np.moveaxis(np.asarray(quaternions, dtype=np.float64), -1, 0)
    axial, planar = np.hypot(w, z), np.hypot(x, y)
    phi = 2 * np.arctan2(planar, axial)
    # (phi1 + phi2) / 2 is the turn about the crystal's c-axis, (phi1 - phi2) / 2 the direction of the tilt.
    plus = np.arctan2(-z, w)
    minus = np.arctan2(-y, -x)
    plus_only, minus_only = planar < 1e-12, axial < 1e-12
    phi1 = np.where(plus_only, 2 * plus, np.where(minus_only, 2 * minus, plus + minus))
    phi2 = np.where(plus_only | minus_only, 0.0, plus - minus)
    turn = 2 * np.pi
    angles = np.stack([np.mod(phi1, turn), phi, np.mod(phi2, turn)], axis=-1)
    return np.where(angles >= turn, 0.0, angles)


def from_rodrigues(vectors: ArrayLike) -> Array:
    """Rotations of Rodrigues vectors ``(..., 3)``, tan(angle / 2) times the axis."""
    r = np.asarray(vectors, dtype=np.float64)
    w = 1.0 / np.sqrt(1.0 + np.sum(r * r, axis=-1, keepdims=True))
    return np.concatenate([w, w * r], axis=-1)


def to_matrix(quaternions: ArrayLike) -> Array:
    """Matrices g ``(..., 3, 3)`` with ``v_crystal = g v_sample``."""
    q = np.asarray(quaternions, dtype=np.float64)
    columns = [rotate(q, np.broadcast_to(unit, (*q.shape[:-1], 3))) for unit in np.eye(3)]
    return np.stack(columns, axis=-1)


def from_matrix(matrices: ArrayLike) -> Array:
    """Orientations of matrices g ``(..., 3, 3)`` with ``v_crystal = g v_sample``; w is not negative, NaN where g is no rotation.

    Each component times the largest one follows from sums and differences of the matrix (Shepperd, J. Guidance Control 1, 1978);
    of the four candidates the one with the largest square is taken.
    """
    g = np.asarray(matrices, dtype=np.float64)
    trace = g[..., 0, 0] + g[..., 1, 1] + g[..., 2, 2]
    squares = np.stack([1 + trace, *(1 - trace + 2 * g[..., k, k] for k in range(3))], axis=-1)
    # 4 q q^T from g: differences of mirrored elements hold w, sums do not.
    turn = [g[..., 2, 1] - g[..., 1, 2], g[..., 0, 2] - g[..., 2, 0], g[..., 1, 0] - g[..., 0, 1]]
    sums = {(0, 1): g[..., 0, 1] + g[..., 1, 0], (0, 2): g[..., 0, 2] + g[..., 2, 0], (1, 2): g[..., 1, 2] + g[..., 2, 1]}
    rows = [np.stack([squares[..., 0], *turn], axis=-1)]
    for k in range(3):
        others = [squares[..., k + 1] if j == k else sums[min(j, k), max(j, k)] for j in range(3)]
        rows.append(np.stack([turn[k], *others], axis=-1))
    best = np.argmax(np.where(np.isfinite(squares), squares, -1), axis=-1)[..., None, None]
    q = normalise(np.take_along_axis(np.stack(rows, axis=-2), best, axis=-2)[..., 0, :])
    q[np.abs(np.linalg.det(np.where(np.isfinite(g), g, 0)) - 1) > 0.01] = np.nan
    return np.where(q[..., :1] < 0, -q, q)


def c_axis(quaternions: ArrayLike) -> Array:
    """The crystal's third axis in the sample frame ``(..., 3)``: (sin phi1 sin Phi, -cos phi1 sin Phi, cos Phi), models.md 14."""
    return rotate(conjugate(quaternions), np.array([0.0, 0.0, 1.0]))


def random_orientations(count: int, rng: np.random.Generator) -> Array:
    """`count` orientations ``(count, 4)``, uniform on SO(3) (models.md 14 a)."""
    return normalise(rng.normal(size=(count, 4)))


def mean_orientation(quaternions: ArrayLike, operators: NDArray[Any], weights: ArrayLike | None = None) -> Array:
    """Mean of orientations that are near each other up to the crystal's symmetry.

    Each is first replaced by its equivalent nearest to the first one, then to the mean so found.

    Parameters
    ----------
    quaternions
        ``(n, 4)``; rows with NaN are left out.
    operators
        ``(m, 4)``, proper rotations of the crystal (`nmcstudio.crystal.symmetry.operators`).
    weights
        ``(n,)`` or None.

    Returns
    -------
    ``(4,)`` with w not negative; NaN if nothing is finite.
    """
    q = np.asarray(quaternions, dtype=np.float64)
    keep = np.isfinite(q).all(axis=-1)
    w = np.ones(len(q)) if weights is None else np.asarray(weights, dtype=np.float64)
    q, w = q[keep], w[keep]
    if not len(q):
        return np.full(4, np.nan)
    mean = q[0]
    for _ in range(2):
        near = reduce_to(q, mean, operators)
        mean = normalise((near * w[:, None]).sum(axis=0))
    return -mean if mean[0] < 0 else mean


def reduce_to(quaternions: ArrayLike, reference: ArrayLike, operators: NDArray[Any]) -> Array:
    """For each orientation ``(..., 4)`` the equivalent one nearest to `reference` ``(..., 4)``, in its hemisphere."""
    equivalents = multiply(operators, np.asarray(quaternions, dtype=np.float64)[..., None, :])
    dots = np.sum(equivalents * np.asarray(reference, dtype=np.float64)[..., None, :], axis=-1)
    best = np.argmax(np.abs(dots), axis=-1)[..., None]
    chosen = np.take_along_axis(equivalents, best[..., None], axis=-2)[..., 0, :]
    return np.where(np.take_along_axis(dots, best, axis=-1) < 0, -chosen, chosen)
