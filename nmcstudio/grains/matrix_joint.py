"""Matrices of a GBPD jointly with the weights: Gaussian, also in radial frames, or a vine copula (models.md 10 a, c).

The vector of M holds the six numbers of log M, those off the diagonal times sqrt(2), so that its length is the Frobenius norm.
Its numbers have normal margins; the weight keeps its own law and enters by its normal score.
In the radial law the matrices are seen from frames whose first axis is the direction from the particle's centre. No tangent
stands out there, so the law has the numbers that a turn about that direction leaves: 2 means, 5 variances and covariances, and
2 correlations with the weight.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import Law, MatrixJoint
from nmcstudio.grains.weights import weight_cdf

Array = NDArray[np.float64]

LEAST = 30  # matrices; 27 numbers are fitted
_EDGE = 1e-9
_ROWS, _COLUMNS = np.array([0, 1, 2, 1, 0, 0]), np.array([0, 1, 2, 2, 2, 1])
_STRETCH = np.array([1.0, 1.0, 1.0, np.sqrt(2), np.sqrt(2), np.sqrt(2)])
# Of a vector: along the radius, across it, the two numbers that turn twice with the tangents, the two that turn with them.
_R2 = np.sqrt(0.5)
_ABOUT_RADIUS = np.array([
    [1, 0, 0, 0, 0, 0], [0, _R2, _R2, 0, 0, 0], [0, _R2, -_R2, 0, 0, 0], [0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 0],
    [0, 0, 0, 0, 0, 1],
])  # fmt: skip


def log_vectors(matrices: Array) -> Array:
    """Log-Euclidean vectors float64 ``(n, 6)`` of symmetric positive definite matrices ``(n, 3, 3)``."""
    values, vectors = np.linalg.eigh(matrices)
    logs = np.einsum("nij,nj,nkj->nik", vectors, np.log(values), vectors)
    return logs[:, _ROWS, _COLUMNS] * _STRETCH


def matrices_of(vectors: Array) -> Array:
    """Matrices ``(n, 3, 3)`` of log-Euclidean vectors ``(n, 6)``; inverse of `log_vectors`."""
    logs = np.empty((len(vectors), 3, 3))
    logs[:, _ROWS, _COLUMNS] = logs[:, _COLUMNS, _ROWS] = vectors / _STRETCH
    values, axes = np.linalg.eigh(logs)
    return np.einsum("nij,nj,nkj->nik", axes, np.exp(values), axes)


def in_radial_frames(matrices: Array, outward_um: Array) -> Array:
    """Matrices ``(n, 3, 3)`` as their radial frames see them; `outward_um` ``(n, 3)`` leads from the centre to each cell."""
    frames = _radial_frames(outward_um)
    return np.asarray(np.swapaxes(frames, 1, 2) @ matrices @ frames)


def out_of_radial_frames(matrices: Array, outward_um: Array) -> Array:
    """Inverse of `in_radial_frames`."""
    frames = _radial_frames(outward_um)
    return np.asarray(frames @ matrices @ np.swapaxes(frames, 1, 2))


def _radial_frames(outward_um: Array) -> Array:
    """Rotations ``(n, 3, 3)`` whose columns are the radial direction and two tangents; which ones does not matter."""
    length = np.linalg.norm(outward_um, axis=1, keepdims=True)
    radial = np.where(length > 0, outward_um / np.where(length > 0, length, 1.0), [1.0, 0.0, 0.0])
    helper = np.eye(3)[np.argmin(np.abs(radial), axis=1)]
    tangent = np.cross(radial, helper)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    return np.stack([radial, tangent, np.cross(radial, tangent)], axis=2)


def fit_matrix_joint(kind: str, matrices: Array, weights: Array, law: Law, outward_um: Array | None = None) -> MatrixJoint:
    """Joint law of the matrices and the weights of a tessellation.

    Parameters
    ----------
    kind
        "gaussian", "radial" (Gaussian in radial frames) or "vine" (families by Akaike's criterion, the weight at the root).
    matrices
        float64 ``(n, 3, 3)``.
    weights
        float64 ``(n,)``.
    law
        Of the weights.
    outward_um
        float64 ``(n, 3)``, from the centre of the particle to each seed; for "radial".

    Raises
    ------
    NmcError
        If there are fewer than 30 matrices or the kind is not known.
    """
    from scipy.special import ndtri
    from scipy.stats import rankdata

    if kind not in ("gaussian", "radial", "vine"):
        raise NmcError(f"unknown joint law of matrices {kind!r}", "use gaussian, radial or vine", "matrices")
    if len(matrices) < LEAST:
        raise NmcError(
            f"{len(matrices)} matrices are too few for their joint law", "use --matrices isotropic, which has three parameters",
            "matrices",
        )  # fmt: skip
    if kind == "radial":
        assert outward_um is not None  # callers know the centre
        return _fit_radial(log_vectors(in_radial_frames(matrices, outward_um)), ndtri(_probabilities(weights, law)))
    vectors = log_vectors(matrices)
    means, sds = vectors.mean(axis=0), vectors.std(axis=0, ddof=1)
    scores = np.column_stack([(vectors - means) / sds, ndtri(_probabilities(weights, law))])
    correlation = np.corrcoef(scores.T)
    if kind == "gaussian":
        return MatrixJoint(kind, means, sds, correlation)
    import pyvinecopulib as pv

    ranks = rankdata(scores, axis=0) / (len(scores) + 1)
    families = pv.BicopFamily
    allowed = [families.indep, families.gaussian, families.clayton, families.gumbel, families.frank]
    controls = pv.FitControlsVinecop(family_set=allowed, selection_criterion="aic")
    vine = pv.Vinecop.from_data(ranks, structure=pv.CVineStructure(list(range(1, 8))), controls=controls)
    return MatrixJoint(kind, means, sds, correlation, vine.to_json())


def _fit_radial(vectors: Array, scores: Array) -> MatrixJoint:
    """Gaussian law that no turn about the first axis changes."""
    numbers = np.column_stack([vectors @ _ABOUT_RADIUS.T, scores - scores.mean()])
    means = np.zeros(6)
    means[:2] = numbers[:, :2].mean(axis=0)
    numbers[:, :2] -= means[:2]
    moments = numbers.T @ numbers / len(numbers)
    covariance = np.zeros((7, 7))
    free = np.ix_([0, 1, 6], [0, 1, 6])
    covariance[free] = moments[free]
    for pair in ([2, 3], [4, 5]):
        covariance[pair, pair] = np.mean(np.diag(moments)[pair])
    back = np.eye(7)
    back[:6, :6] = _ABOUT_RADIUS.T
    covariance = back @ covariance @ back.T
    sds = np.sqrt(np.diag(covariance))
    return MatrixJoint("radial", _ABOUT_RADIUS.T @ means, sds[:6], covariance / np.outer(sds, sds))


def draw_joint(joint: MatrixJoint, weights: Array, law: Law, rng: np.random.Generator) -> Array:
    """Matrices float64 ``(n, 3, 3)`` given the weights ``(n,)`` of this law; those of a radial law as radial frames see them."""
    from scipy.special import ndtri

    count = len(weights)
    u = _probabilities(weights, law)
    if joint.kind == "vine":
        import pyvinecopulib as pv

        # The weight comes last in the order of the vine: the transform leaves it as it is, and makes the others given it.
        numbers = np.column_stack([rng.random((count, 6)), u])
        scores = ndtri(np.clip(pv.Vinecop.from_json(joint.vine).inverse_rosenblatt(numbers)[:, :6], _EDGE, 1.0 - _EDGE))
    else:
        slope = joint.correlation[:6, 6]
        spread = np.linalg.cholesky(joint.correlation[:6, :6] - np.outer(slope, slope) + 1e-12 * np.eye(6))
        scores = ndtri(u)[:, None] * slope + rng.normal(size=(count, 6)) @ spread.T
    return matrices_of(joint.means + joint.sds * scores)


def _probabilities(weights: Array, law: Law) -> Array:
    return np.clip(weight_cdf(weights, law), _EDGE, 1.0 - _EDGE)
