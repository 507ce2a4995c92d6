"""The grey value between material and pores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import ComputationError
from nmcstudio.core.monitor import Monitor
from nmcstudio.imaging.slabs import slabs


@dataclass(frozen=True)
class Histogram:
    """Counts of the observed voxels.

    Attributes
    ----------
    counts
        int64 ``(bins,)``.
    edges
        float64 ``(bins + 1,)``, grey values.
    """

    counts: NDArray[np.int64]
    edges: NDArray[np.float64]

    @property
    def centres(self) -> NDArray[np.float64]:
        return (self.edges[:-1] + self.edges[1:]) / 2


def count_codes(
    codes: NDArray[Any], observed: NDArray[np.bool_] | None = None, monitor: Monitor | None = None
) -> NDArray[np.int64]:
    """How often each uint8 or uint16 code occurs among the observed voxels."""
    counts = np.zeros(np.iinfo(codes.dtype).max + 1, np.int64)
    for part in slabs(codes.shape, monitor or Monitor(), "Histogram"):
        piece = codes[part] if observed is None else codes[part][observed[part]]
        counts += np.bincount(piece.reshape(-1), minlength=len(counts))
    return counts


def histogram_of_counts(counts: NDArray[np.int64], offset: float, scale: float, bins: int = 1024) -> Histogram:
    """Histogram of grey values ``offset + scale * code``: at most `bins` bins, each of a whole number of codes, from the smallest
    to the largest code that occurs.

    Edges lie between two codes.

    Raises
    ------
    ComputationError
        If fewer than two codes occur.
    """
    there = np.flatnonzero(counts)
    if len(there) < 2:
        raise ComputationError(
            "all observed voxels have the same grey value" if len(there) else "no voxel is observed",
            "look at the volume and at the field of view: there is nothing to tell apart",
        )
    low, high = int(there[0]), int(there[-1])
    width = -(-(high - low + 1) // bins)
    starts = np.arange(low, high + 1, width)
    joined = np.add.reduceat(counts[: high + 1], starts)
    edges = offset + scale * (low - 0.5 + width * np.arange(len(starts) + 1, dtype=np.float64))
    return Histogram(joined, edges)


def otsu(found: Histogram) -> float:
    """Grey value with the largest between-class variance w0 w1 (m0 - m1)^2 (Otsu 1979; models.md 2.3).

    The value is the edge between two bins; among equal maxima, which an empty gap between two phases has, the middle one.
    """
    counts = found.counts.astype(np.float64)
    below = np.cumsum(counts)[:-1]
    above = counts.sum() - below
    moment = np.cumsum(counts * found.centres)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = below * above * (moment[:-1] / below - (moment[-1] - moment[:-1]) / above) ** 2
    variance = np.nan_to_num(variance, nan=0.0)
    best = np.flatnonzero(variance >= variance.max() * (1 - 1e-12))
    return float(found.edges[1:-1][best].mean())


def share_above(found: Histogram, threshold: float) -> float:
    """Share of the observed voxels above a grey value, linear within a bin."""
    below = np.concatenate(([0], np.cumsum(found.counts))) / found.counts.sum()
    return float(1 - np.interp(threshold, found.edges, below))


def volume_slope(found: Histogram, threshold: float) -> float:
    """Relative change of the material's volume per grey value, (dV/dthreshold) / V (models.md 2.3); negative.

    A central difference over two percent of the range between the two phases' mean grey values.
    """
    counts, centres = found.counts, found.centres
    high, low = centres > threshold, centres <= threshold
    if not counts[high].sum() or not counts[low].sum():
        return float("nan")
    width = np.average(centres[high], weights=counts[high]) - np.average(centres[low], weights=counts[low])
    step = max(0.01 * width, found.edges[1] - found.edges[0])
    change = share_above(found, threshold + step) - share_above(found, threshold - step)
    return change / (2 * step) / share_above(found, threshold)
