"""Isotropic Gaussian law of log M for the matrices of a GBPD (models.md 10 a)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.grains import Law

Array = NDArray[np.float64]

# Orthonormal basis of the symmetric 3 x 3 matrices without trace, under the Frobenius product.
_R2, _R6 = np.sqrt(0.5), np.sqrt(1 / 6)
_BASIS = np.array([
    [[_R2, 0, 0], [0, -_R2, 0], [0, 0, 0]],
    [[_R6, 0, 0], [0, _R6, 0], [0, 0, -2 * _R6]],
    [[0, _R2, 0], [_R2, 0, 0], [0, 0, 0]],
    [[0, 0, _R2], [0, 0, 0], [_R2, 0, 0]],
    [[0, 0, 0], [0, 0, _R2], [0, _R2, 0]],
])  # fmt: skip


def fit_matrix_law(kind: str, matrices: Array) -> Law:
    """Law of the matrices ``(n, 3, 3)`` of a tessellation of this kind.

    Parameters
    ----------
    kind
        "gbpd-quadratic" or "gbpd-sqrt".
    matrices
        float64 ``(n, 3, 3)``, symmetric positive definite, in the gauge of the fit.

    Returns
    -------
    trace_mean, trace_sd: mean and standard deviation of tr(log M) / 3; deviator_sd: standard deviation of each of the five
    coefficients of the traceless part of log M in an orthonormal basis. An isotropic material has no other second moments.
    """
    logs = np.log(np.linalg.eigvalsh(matrices))
    trace = logs.mean(axis=1)
    deviator = np.sqrt(np.mean(np.sum((logs - trace[:, None]) ** 2, axis=1)) / 5.0)
    n = len(matrices)
    sd = float(trace.std(ddof=1))
    return Law(
        kind,
        {"trace_mean": float(trace.mean()), "trace_sd": sd, "deviator_sd": float(deviator)},
        {"trace_mean": sd / n**0.5, "trace_sd": sd / (2 * n) ** 0.5, "deviator_sd": float(deviator) / (10 * n) ** 0.5},
    )


def draw_matrices(law: Law, count: int, rng: np.random.Generator) -> Array:
    """Matrices float64 ``(count, 3, 3)`` of the law."""
    trace = law["trace_mean"] + law["trace_sd"] * rng.normal(size=count)
    logs = trace[:, None, None] * np.eye(3) + law["deviator_sd"] * np.einsum("ni,ijk->njk", rng.normal(size=(count, 5)), _BASIS)
    values, vectors = np.linalg.eigh(logs)
    return np.einsum("nij,nj,nkj->nik", vectors, np.exp(values), vectors)
