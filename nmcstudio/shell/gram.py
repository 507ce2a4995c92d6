"""Y'Y of a basis on given directions, and the small blocks into which symmetric sets of directions part it.

Orders and parities do not mix there: on a Gauss-Legendre grid of degree 15 a block has up to 8 coefficients, on the octasphere
up to 36, instead of 256. Nothing larger than a block is ever factored.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nmcstudio.shell.harmonics import harmonics

#: Singular values below this share of the largest are taken for zero: such combinations are not determined in practice.
_SMALLEST = 1e-5


@dataclass(frozen=True)
class Gram:
    """Attributes: `matrix`, float64 ``(q, q)``; `blocks`, the indices that it connects, one array a block."""

    matrix: NDArray[np.float64]
    blocks: tuple[NDArray[np.int64], ...]

    def pseudo_inverse(self) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
        """The pseudo-inverse ``(q, q)``, the diagonal of the projector on what is determined ``(q,)``, and the rank."""
        inverse = np.zeros_like(self.matrix)
        determined = np.zeros(len(self.matrix))
        rank = 0
        largest = max(float(np.diag(self.matrix).max()), 1e-300)
        for block in self.blocks:
            values, vectors = np.linalg.eigh(self.matrix[np.ix_(block, block)])
            good = values > _SMALLEST**2 * largest
            vectors = vectors[:, good]
            inverse[np.ix_(block, block)] = (vectors / values[good]) @ vectors.T
            determined[block] = (vectors**2).sum(axis=1)
            rank += int(good.sum())
        return inverse, determined, rank


#: Blocks from this size on are factored one by one, smaller ones all at once.
_LARGE = 24


def inverses(systems: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Inverses of positive definite matrices ``(c, b, b)``, and the logarithm of the product of their determinants.

    Raises
    ------
    numpy.linalg.LinAlgError
        If one is not positive definite.
    """
    if systems.shape[1] < _LARGE:
        diagonals = np.diagonal(np.linalg.cholesky(systems), axis1=1, axis2=2)
        return np.asarray(np.linalg.inv(systems), dtype=np.float64), 2 * float(np.log(diagonals).sum())
    from scipy.linalg import lapack

    out, log_determinant = np.empty(systems.shape), 0.0
    for number, system in enumerate(systems):
        # Column-major to LAPACK: the upper triangle there is the lower one here, and nothing is copied.
        factor, failed = lapack.dpotrf(system.T, lower=0, clean=0)
        if failed:
            raise np.linalg.LinAlgError("the matrix is not positive definite")
        log_determinant += 2 * float(np.log(np.diagonal(factor)).sum())
        half, _ = lapack.dpotri(factor, lower=0, overwrite_c=1)
        upper = np.triu(half, 1)
        np.add(upper, upper.T, out=out[number])
        np.fill_diagonal(out[number], np.diagonal(half))
    return out, log_determinant


def gram_of(directions: NDArray[np.float64], degree: int) -> Gram:
    """Y'Y of the harmonics up to `degree` on directions ``(m, 3)``."""
    return _gram(np.ascontiguousarray(directions, dtype=np.float64).tobytes(), int(degree))


@lru_cache(maxsize=4)
def _gram(raw: bytes, degree: int) -> Gram:
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    basis = harmonics(np.frombuffer(raw, dtype=np.float64).reshape(-1, 3), degree)
    matrix = basis.T @ basis
    linked = np.abs(matrix) > 1e-10 * np.diag(matrix).max()
    count, member = connected_components(csr_array(linked), directed=False)
    matrix = np.where(linked, matrix, 0.0)
    matrix.flags.writeable = False
    return Gram(matrix, tuple(np.flatnonzero(member == number) for number in range(count)))
