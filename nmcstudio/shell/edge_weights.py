"""Weights against the edge bias: large particles are cut by the border more often (Miles-Lantuejoul, models.md 2.6)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_COARSE = 48


def edge_weights(
    boxes: NDArray[np.int64], shape: tuple[int, int, int], observed: NDArray[np.bool_] | None
) -> NDArray[np.float64]:
    """One over the probability that a particle of this bounding box lies wholly in the field of view, scaled to mean 1.

    Parameters
    ----------
    boxes
        int64 ``(n, 3)``, extent of each particle's bounding box in voxels (z, y, x).
    shape
        Of the volume.
    observed
        bool ``[z, y, x]``, False outside the field of view; None if the whole box was imaged. The places where a bounding
        box fits are then counted on a copy of about 48 voxels an edge.

    Returns
    -------
    weights
        float64 ``(n,)``.
    """
    if observed is None or bool(observed.all()):
        room = np.maximum(np.array(shape) - boxes, 1) / np.array(shape)
        inverse = 1 / room.prod(axis=1)
    else:
        inverse = 1 / np.maximum(_places(boxes, observed), 1e-3)
    return inverse / inverse.mean()


def _places(boxes: NDArray[np.int64], observed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of the positions in the field of view at which a box lies wholly in it."""
    strides = [max(1, -(-n // _COARSE)) for n in observed.shape]
    coarse = observed[:: strides[0], :: strides[1], :: strides[2]]
    sums = np.zeros(tuple(n + 1 for n in coarse.shape), dtype=np.int64)
    sums[1:, 1:, 1:] = coarse.cumsum(0).cumsum(1).cumsum(2)
    sizes, which = np.unique(np.maximum(1, np.rint(boxes / strides).astype(np.int64)), axis=0, return_inverse=True)
    total = max(int(coarse.sum()), 1)
    shares = np.empty(len(sizes))
    for row, (a, b, c) in enumerate(sizes):
        if (np.array([a, b, c]) > coarse.shape).any():
            shares[row] = 0
            continue
        x = sums[a:] - sums[:-a]
        x = x[:, b:] - x[:, :-b]
        x = x[:, :, c:] - x[:, :, :-c]
        shares[row] = np.count_nonzero(x == a * b * c) / total
    return shares[which.ravel()]
