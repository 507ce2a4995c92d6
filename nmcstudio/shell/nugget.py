"""Likelihood of radii with a measurement error on any directions, r = Y c + e (models.md 4.2 (i) and 4.4).

Everything is done with (L + 1)^2-dimensional algebra, block by block of Y'Y, and the basis may have any rank: with
``M = I + D^(1/2) Y'Y D^(1/2) / tau^2`` all that density, score and information need is the inverse of M.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nmcstudio.shell.gram import gram_of, inverses
from nmcstudio.shell.harmonics import Y00, degree_of_index, harmonics

#: Least measurement error as a share of the mean radius: below it simulated radii without error would raise the likelihood for
#: ever, and the cancellation of large numbers would drown it.
LEAST_ERROR = 1e-4


@dataclass(frozen=True)
class _Blocks:
    """Blocks of Y'Y of one size b: `gram` ``(c, b, b)``, Y'r ``(c, b, n)``, Y'1 ``(c, b)``, degrees ``(c, b)``."""

    gram: NDArray[np.float64]
    projections: NDArray[np.float64]
    ones: NDArray[np.float64]
    degrees: NDArray[np.int64]
    members: NDArray[np.float64]

    @property
    def size(self) -> int:
        return int(self.degrees.shape[1])


@dataclass(frozen=True)
class NuggetData:
    """What the likelihood needs of the radii.

    Attributes
    ----------
    blocks
        Of Y'Y and of the projections Y'r, grouped by size.
    centre_um
        Subtracted from all radii beforehand, so that no large numbers cancel.
    sums, squares
        Sum and sum of squares of each particle's centred radii, float64 ``(n,)``.
    directions
        m, number of directions.
    degree
        L.
    weights
        float64 ``(n,)``.
    """

    blocks: tuple[_Blocks, ...]
    centre_um: float
    sums: NDArray[np.float64]
    squares: NDArray[np.float64]
    directions: int
    degree: int
    weights: NDArray[np.float64]

    def rows(self, chosen: NDArray[np.bool_]) -> NuggetData:
        """The same of some of the particles, bool ``(n,)``."""
        blocks = tuple(replace(part, projections=np.ascontiguousarray(part.projections[:, :, chosen])) for part in self.blocks)
        return replace(
            self, blocks=blocks, sums=self.sums[chosen], squares=self.squares[chosen], weights=self.weights[chosen]
        )  # fmt: skip

    @property
    def least_nugget_um2(self) -> float:
        """The smallest tau^2 that a fit may take."""
        return (LEAST_ERROR * self.centre_um) ** 2


def nugget_data(
    radii_um: NDArray[np.float64], directions: NDArray[np.float64], degree: int, weights: NDArray[np.float64]
) -> NuggetData:
    """Sufficient statistics of radii ``(n, m)`` for harmonics up to `degree`."""
    basis, gram = harmonics(directions, degree), gram_of(directions, degree)
    centre = float(radii_um.mean())
    centred = radii_um - centre
    projections = basis.T @ centred.T
    groups = degree_of_index(degree)
    blocks = []
    for size in sorted({len(block) for block in gram.blocks}):
        index = np.stack([block for block in gram.blocks if len(block) == size])
        blocks.append(
            _Blocks(
                gram=np.stack([gram.matrix[np.ix_(block, block)] for block in index]),
                projections=np.ascontiguousarray(projections[index]),
                ones=gram.matrix[index, 0] / Y00,
                degrees=groups[index],
                members=(groups[index][:, None, :] == np.arange(degree + 1)[:, None]).astype(np.float64),
            )
        )
    return NuggetData(
        tuple(blocks), centre, centred.sum(axis=1), (centred**2).sum(axis=1), len(directions), degree, np.asarray(weights)
    )


@dataclass(frozen=True)
class Terms:
    """One component's density of all particles, with what its derivatives need.

    Attributes
    ----------
    log_density
        log f_k(r_i), float64 ``(n,)``.
    mean_score
        Derivative of each log density by the mean radius, float64 ``(n,)``, 1/um.
    spectrum_score
        Derivatives by log a_l, float64 ``(L + 1, n)``.
    nugget_score
        Derivative by log tau^2, float64 ``(n,)``.
    mean_information
        Expected information of one particle on the mean radius, 1/um^2.
    information
        That on (log a_0, …, log a_L, log tau^2), float64 ``(L + 2, L + 2)``.
    """

    log_density: NDArray[np.float64]
    mean_score: NDArray[np.float64]
    spectrum_score: NDArray[np.float64]
    nugget_score: NDArray[np.float64]
    mean_information: float
    information: NDArray[np.float64]


def component_terms(data: NuggetData, mean_um: float, spectrum_um2: NDArray[np.float64], nugget_um2: float) -> Terms:
    """Density, scores and information of one component; all a_l and tau^2 must be above zero."""
    m, degrees = data.directions, data.degree + 1
    roots = np.sqrt(spectrum_um2)
    shift = mean_um - data.centre_um
    squares = (data.squares - 2 * shift * data.sums + shift**2 * m) / nugget_um2
    explained, inner = np.zeros_like(squares), np.zeros_like(squares)
    powers, filled = np.zeros((degrees, len(squares))), np.zeros(degrees)
    pairs, cross = np.zeros((degrees, degrees)), np.zeros(degrees)
    log_determinant, tail = m * float(np.log(nugget_um2)), float(m)
    mean_score, mean_information = np.zeros_like(squares), 0.0
    for part in data.blocks:
        scale = roots[part.degrees]
        size = part.size
        system = part.gram * (scale[:, :, None] * scale[:, None, :] / nugget_um2)
        system[:, np.arange(size), np.arange(size)] += 1
        inverse, logarithm = inverses(system)
        log_determinant += logarithm
        right = (scale / nugget_um2)[:, :, None] * (part.projections - shift * part.ones[:, :, None])
        found = inverse @ right
        explained += np.einsum("cbn,cbn->n", right, found)
        first = np.flatnonzero(part.degrees[:, 0] == 0)
        diagonal = np.diagonal(inverse, axis1=1, axis2=2)
        if len(first):
            k = int(first[0])
            mean_score = found[k, 0] / (roots[0] * Y00)
            mean_information = float(1 - diagonal[k, 0]) / (spectrum_um2[0] * Y00**2)
        found *= found
        powers += np.einsum("clb,cbn->ln", part.members, found, optimize=True)
        squared = inverse**2
        sums = squared.sum(axis=2)
        covered = 1 - diagonal
        filled += np.einsum("clb,cb->l", part.members, covered)
        cross += np.einsum("clb,cb->l", part.members, diagonal - sums)
        tail += float(sums.sum()) - inverse.shape[0] * size
        squared[:, np.arange(size), np.arange(size)] = covered**2
        pairs += (part.members @ squared @ part.members.transpose(0, 2, 1)).sum(axis=0)
    inner = powers.sum(axis=0)
    quadratic = squares - explained
    information = np.empty((degrees + 1, degrees + 1))
    information[:degrees, :degrees] = pairs
    information[degrees, :degrees] = information[:degrees, degrees] = cross
    information[degrees, degrees] = tail
    return Terms(
        log_density=-0.5 * (m * np.log(2 * np.pi) + log_determinant + quadratic),
        mean_score=mean_score,
        spectrum_score=0.5 * (powers - filled[:, None]),
        nugget_score=0.5 * (quadratic - inner - (m - filled.sum())),
        mean_information=mean_information,
        information=0.5 * information,
    )
