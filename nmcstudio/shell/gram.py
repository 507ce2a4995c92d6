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
