"""What a fit of a point process gives, and when it counts (models.md 8)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.grains import Law
from nmcstudio.grains.contrast import Contrast
from nmcstudio.stats.point_patterns import nearest_neighbour_sample
from nmcstudio.stats.regions import Region

Array = NDArray[np.float64]

LEAST = 20  # seeds; fewer say nothing of two parameters
# Gain in log-likelihood over Poisson below which a pattern does not count as clustered (or repelling).
LEAST_GAIN = 3.0
# Mean nearest-neighbour distance of a Poisson process with one point per unit volume: Gamma(4/3) (3 / (4 pi))^(1/3).
_POISSON_MEAN = 0.5539602783


@dataclass(frozen=True)
class ProcessFit:
    """A fitted process.

    Attributes
    ----------
    law
        With standard errors where they were computed.
    clustered
        The data asks for clusters (always True for other processes than Matérn): else only the intensity is known.
    notes
        What a user should know; the caller decides whether they are warnings.
    r_max_um
        Range of distances that the fit used.
    contrast
        Minimum contrast that fitted a Matérn process; None for the Palm likelihood and for other processes.
    """

    law: Law
    clustered: bool = True
    notes: tuple[str, ...] = field(default=())
    r_max_um: float = float("nan")
    contrast: Contrast | None = None


def regularity(points_um: Array, region: Region) -> float:
    """Mean nearest-neighbour distance over that of a Poisson process of the same intensity: above 1 regular, below clustered."""
    sample = nearest_neighbour_sample(points_um, region)
    if len(sample.index) < 2:
        return float("nan")
    weights = sample.weights if sample.weights.sum() > 0 else np.ones(len(sample.index))
    intensity = len(sample.index) / region.volume_um3
    mean = float(np.sum(weights * sample.distances_um) / weights.sum())
    return mean / (_POISSON_MEAN * intensity ** (-1 / 3))
