"""Law of the weights given the distance of each seed to its nearest neighbour, from a fitted process (models.md 9.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import Law, MarkChoice
from nmcstudio.core.laws import family_of
from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.distance_laws import distance_law, empirical_cdf
from nmcstudio.grains.mark_choice import choose_marks
from nmcstudio.grains.marks import LEAST, MarksFit
from nmcstudio.grains.weights import weight_family, weight_moments
from nmcstudio.stats.point_patterns import NeighbourSample

Array = NDArray[np.float64]

# Below this p the theoretical distance law does not describe the data, and the copula's second argument is not uniform.
DISTANCE_P = 0.01
_POOR_P = 0.01
_NORMAL_SKEWNESS = 0.2
_LEAST_KNOWN = 100  # distances; with fewer, also those count whose nearest neighbour may lie outside


@dataclass(frozen=True)
class WeightsFit:
    """Weights given distances.

    Attributes
    ----------
    marks
        The chosen laws.
    choices
        All laws with all copulas, the best first.
    distance_law
        "theory" or "empirical", as in `GrainModel`.
    distances_um
        Sorted distances where they are empirical, else None.
    notes, warnings
        What a user should know; warnings are among the notes.
    """

    marks: MarksFit
    choices: tuple[MarkChoice, ...]
    distance_law: str
    distances_um: Array | None
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def seeds_in_use(sample: NeighbourSample) -> NDArray[np.bool_]:
    """Which seeds of a sample the marks are fitted to: those with a known nearest neighbour, all where these are too few."""
    enough = np.count_nonzero(sample.known) >= _LEAST_KNOWN
    return sample.known if enough else np.ones(len(sample.index), dtype=bool)


def fit_weights(
    weights: Array,
    sample: NeighbourSample,
    seeds: Law,
    law: str,
    copula: str,
    compare: bool = True,
    monitor: Monitor | None = None,
) -> WeightsFit:
    """Fit weights given distances, with the theoretical law of the distances where the data agrees with it.

    Parameters
    ----------
    weights
        float64 ``(n,)``, of all points behind `sample`.
    sample
        Their nearest-neighbour distances.
    seeds
        Fitted law of the seeds.
    law, copula, compare
        As in `mark_choice.choose_marks`.
    monitor
        Progress and cancelling.

    Raises
    ------
    NmcError
        If there are too few weights or a kind is not known.
    """
    monitor = monitor or Monitor()
    use = seeds_in_use(sample)
    if np.count_nonzero(use) < LEAST:
        raise NmcError(
            f"{np.count_nonzero(use)} weights are too few for their law",
            f"fit a volume with at least {LEAST} grains, or type a published model in with import-grain-model",
        )
    d = sample.distances_um[use]
    mass = sample.weights[use] if np.all(sample.weights[use] > 0) else np.ones(len(d))
    u2 = distance_law(seeds, monitor.sub(0.0, 0.2)).cdf(d)
    p = _uniformity(u2, d, mass)
    kind, kept, notes = "theory", None, []
    if p < DISTANCE_P:
        kind, kept = "empirical", np.sort(d)
        u2 = empirical_cdf(d)
        notes.append(
            f"The nearest-neighbour distances do not follow the fitted seed process (p = {p:.1g}); the copula uses their ranks."
        )
    marks, choices, better = choose_marks(weights[sample.index][use], u2, law, copula, compare, monitor.sub(0.2, 1.0))
    warnings = _doubts(marks)
    notes += [*warnings, *([better] if better else [])]
    if marks.copula.kind != "independence":
        notes.append(f"Kendall's tau of weights and distances {marks.kendall_tau:.3f}.")
    return WeightsFit(marks, choices, kind, kept, tuple(notes), tuple(warnings))


def _doubts(marks: MarksFit) -> list[str]:
    """Where the law of the weights does not suit the data."""
    found = []
    family, label = weight_family(marks.weights.kind), family_of("weights", marks.weights.kind).label
    if family.shape and {family.shape, family.shift} & set(marks.at_edge):
        if weight_moments(marks.weights).skewness < _NORMAL_SKEWNESS:
            found.append(
                f"The weights are not skewed to the right as the {label} law is: it ends at its normal limit, and its parameters "
                "mean little by themselves (--weights normal has the same shape with two)."
            )
        else:
            found.append(f"The {label} law of the weights ends at a limit of its shape: another law may suit them better.")
    if marks.pit_p < _POOR_P:
        found.append(f"The law of the weights describes them poorly (p = {marks.pit_p:.1g}).")
    return found


def _uniformity(u2: Array, distances: Array, weights: Array) -> float:
    """Kolmogorov-Smirnov p of weighted u2 against the uniform law; two seeds that are each other's nearest count once."""
    from scipy import stats

    order = np.argsort(u2)
    mass = weights[order] / weights.sum()
    above = np.cumsum(mass)
    statistic = float(max(np.max(above - u2[order]), np.max(u2[order] - above + mass)))
    _, group = np.unique(np.round(distances, 12), return_inverse=True)
    shares = np.bincount(group, weights=weights) / weights.sum()
    return float(stats.kstwo.sf(statistic, max(int(1.0 / np.sum(shares**2)), 1)))
