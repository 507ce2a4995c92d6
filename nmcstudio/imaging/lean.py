"""Drift told from grains that lean: a mixed model of how all boundaries of a stack move from section to section.

A boundary that leans moves from section to section just as a drift would have it. What tells the two apart: a boundary keeps its
lean over a good part of a grain, and leaning has no preferred direction. Slopes of boundaries in a section of an
isotropic structure follow Student's law with three degrees of freedom, hence the reweighting (expectation-maximisation of
that law).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.imaging.boundary_steps import BoundarySteps

# Slopes (sideways over upwards): numbers without a unit, the same for large and small grains.
_LEAN, _FREEDOM = 0.5, 3.0  # of single boundaries
_BEND = 0.25  # from one pair of sections to the next
_OUTSIDE = 2.0  # how fast an outline may shrink or grow all round
_KEPT = 0.5  # over how many grain sizes a boundary keeps its lean
_COUNTING = 0.5  # voxels over the square root of the length: error of a counted boundary
# Error of a step by agreeing points alone: 0.07 to 0.5 voxels on known drifts. It leans with the grains as well, and tells
# nothing of what they have in common: in the error of that it does not count.
_FIRST_VOXELS, _UNKNOWN_VOXELS = 0.5, 3.0
_ROUNDS, _STEPS, _PRECISION = 8, 400, 1e-6


@dataclass(frozen=True)
class Fine:
    """Differences of sections from boundaries.

    Attributes
    ----------
    steps_um
        float64 ``(pairs, 2)``, position (y, x) of a section against the one before, um.
    lean
        Standard error of the slope that all sections share, (y, x): what cannot be told from a lean of all grains.
    """

    steps_um: NDArray[np.float64]
    lean: NDArray[np.float64]


def fit_drift(
    rows: BoundarySteps, first_um: NDArray[np.float64], heights_um: NDArray[np.float64], edge_um: float, monitor: Monitor
) -> Fine:
    """Drift beyond whole voxels, jointly with the leans of all boundaries.

    Parameters
    ----------
    rows
        How boundaries moved.
    first_um
        ``(pairs, 2)``, a first estimate (y, x) of what is left, from the shares of points that agree; it counts as one more
        measurement, and decides where there are no boundaries.
    heights_um
        ``(pairs,)``, how far apart the sections of each pair are.
    edge_um
        Edge of a voxel.
    monitor
        Reported to before each round.
    """
    from scipy.sparse import csr_array, hstack
    from scipy.sparse.linalg import LinearOperator, cg

    pairs, count = len(first_um), len(rows.pair)
    each, high = np.arange(count), heights_um[rows.pair]
    slope = rows.moved_um / high
    drift = [csr_array((rows.normal[:, axis], (each, rows.pair)), shape=(count, pairs)) for axis in (0, 1)]
    # What belongs to no grain has the larger number: its boundaries move towards it alike where an outline grows.
    outline = csr_array(((rows.grains[:, 1] >= rows.count).astype(float), (each, rows.pair)), shape=(count, pairs))
    boundary = _stretches(rows, np.cumsum(heights_um))
    own = csr_array((np.ones(count), (each, boundary)), shape=(count, int(boundary.max(initial=-1)) + 1))
    design = hstack([*drift, outline, own]).tocsr()
    turned = design.T.tocsr()
    squared = turned.multiply(turned).tocsr()
    # Errors of the first estimate grow with the distance that a step bridges.
    trust = np.full(2 * pairs, (np.median(heights_um) / edge_um) ** 2)
    held = np.concatenate([trust / _FIRST_VOXELS**2, np.full(pairs, _OUTSIDE**-2), np.full(own.shape[1], _LEAN**-2)])
    towards = np.zeros(len(held))
    towards[: 2 * pairs] = (first_um / heights_um[:, None]).T.ravel()
    noise = np.sqrt(_BEND**2 + (_COUNTING * edge_um / high) ** 2 / (rows.length_um / edge_um))
    weight = noise**-2
    found = towards.copy()

    def solve(right: NDArray[np.float64], start: NDArray[np.float64]) -> NDArray[np.float64]:
        shape, diagonal = (len(held), len(held)), squared @ weight + held
        matrix = LinearOperator(shape, matvec=lambda v: turned @ (weight * (design @ v)) + held * v, dtype=float)
        scaled = LinearOperator(shape, matvec=lambda v: v / diagonal, dtype=float)
        solved, _ = cg(matrix, right, x0=start, rtol=_PRECISION, maxiter=_STEPS, M=scaled, callback=lambda _: monitor.check())
        return np.asarray(solved)

    for number in range(_ROUNDS):
        monitor.report(number / (_ROUNDS + 2), "telling drift from leaning grains")
        found = solve(turned @ (weight * slope) + held * towards, found)
        left = slope - design @ found
        weight = noise**-2 * (_FREEDOM + 1) / (_FREEDOM + (left / noise) ** 2)
        held[3 * pairs :] = _LEAN**-2 * (_FREEDOM + 1) / (_FREEDOM + (found[3 * pairs :] / _LEAN) ** 2)
    held[: 2 * pairs] = trust / _UNKNOWN_VOXELS**2
    error = np.zeros(2)
    for axis in (0, 1):
        monitor.report((_ROUNDS + axis) / (_ROUNDS + 2), "telling drift from leaning grains")
        common = np.zeros(len(held))
        common[axis * pairs : (axis + 1) * pairs] = heights_um / heights_um.sum()
        error[axis] = np.sqrt(common @ solve(common, np.zeros(len(held))))
    return Fine(found[: 2 * pairs].reshape(2, pairs).T * heights_um[:, None], error)


def _stretches(rows: BoundarySteps, depth_um: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number of the stretch of a boundary ``(rows,)`` over which it keeps its lean, from where it is seen first."""
    _, boundary = np.unique(rows.grains, axis=0, return_inverse=True)
    depth = depth_um[rows.pair]
    begin = np.full(int(boundary.max(initial=-1)) + 1, np.inf)
    np.minimum.at(begin, boundary, depth)
    part = ((depth - begin[boundary]) / (_KEPT * rows.size_um)).astype(np.int64)
    _, stretch = np.unique(np.stack([boundary, part], axis=1), axis=0, return_inverse=True)
    return stretch
