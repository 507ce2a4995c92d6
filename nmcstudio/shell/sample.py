"""Drawing shells from the model (models.md 4.1 and 4.6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.arrays import frozen
from nmcstudio.core.errors import ComputationError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child
from nmcstudio.core.shells import ShellModel
from nmcstudio.shell.centring import centre_shells
from nmcstudio.shell.directions import icosphere
from nmcstudio.shell.harmonics import Y00, degree_of_count, degree_of_index, evaluate

_MOST_TRIES = 1000
#: Shells that share a stream. Part of what a seed means: another number gives other shells.
_TOGETHER = 256
#: Number of the stream below which rejected shells have streams of their own; those of blocks count from 0.
_AGAIN = 2**31 - 1
#: Share of rejected shells above which drawn ones are noticeably larger than the fitted mean (models.md 4.6).
_MANY = 0.01


@dataclass(frozen=True)
class Shells:
    """Drawn shells.

    Attributes
    ----------
    coefficients
        float64 ``(n, (L + 1)^2)``, orthonormal real harmonics, um.
    components
        int64 ``(n,)``, index of the component of each.
    rejected
        Fields that were drawn on the way and had a radius at or below zero.
    """

    coefficients: NDArray[np.float64]
    components: NDArray[np.int64]
    rejected: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "coefficients", frozen(self.coefficients, np.float64, (None, None), "coefficients"))
        object.__setattr__(self, "components", frozen(self.components, np.int64, (len(self.coefficients),), "components"))

    def __len__(self) -> int:
        return len(self.components)


def draw_fields(model: ShellModel, count: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Coefficients ``(count, (L + 1)^2)`` and components ``(count,)`` of unconditioned fields; radii may be negative."""
    shares = np.array([component.probability for component in model.components])
    chosen = rng.choice(len(shares), size=count, p=shares / shares.sum())
    return _fields_of(model, chosen, rng), chosen


def _fields_of(model: ShellModel, chosen: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
    deviations = np.sqrt(np.stack([component.power_spectrum for component in model.components]))
    means = np.array([component.mean_um for component in model.components])
    values = rng.standard_normal((len(chosen), (model.degree + 1) ** 2))
    values *= deviations[:, degree_of_index(model.degree)][chosen]
    values[:, 0] += means[chosen] / Y00
    return values


def are_positive(coefficients: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether all radii on 2,562 directions are above zero, bool ``(n,)``.

    Most shells need no look: the part of degree l is nowhere larger than sqrt((2 l + 1) / 4 pi) times the norm of its
    coefficients (Cauchy-Schwarz and the addition theorem), and what these sum to stays below the mean radius.
    """
    coefficients = np.atleast_2d(coefficients)
    positive = coefficients[:, 0] * Y00 > largest_deviation(coefficients)
    for row in np.array_split(np.flatnonzero(~positive), -(-np.count_nonzero(~positive) // _TOGETHER) or 1):
        positive[row] = evaluate(coefficients[row], icosphere().directions).min(axis=1, initial=np.inf) > 0
    return positive


def largest_deviation(coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
    """A bound of the deviation from the mean radius over all directions, um, for coefficients ``(n, (L + 1)^2)``: ``(n,)``."""
    degrees = np.arange(degree_of_count(coefficients.shape[1]) + 1)
    norms = np.sqrt(np.add.reduceat(coefficients**2, degrees**2, axis=1))
    return np.asarray(norms[:, 1:] @ np.sqrt((2 * degrees[1:] + 1) / (4 * np.pi)))


def draw_shells(
    model: ShellModel, count: int, rng: np.random.Generator, *, recentre: bool = True, monitor: Monitor | None = None
) -> Shells:
    """Shells with radii above zero.

    Parameters
    ----------
    model
        The mixture.
    count
        Number of shells; number i depends on `rng`'s stream and i alone (up to the rounding of sums).
    recentre
        Move each shell's centroid to the origin, where the data's star points are.

    Raises
    ------
    ComputationError
        If a shell is rejected a thousand times in a row.
    """
    return draw_numbered(model, np.arange(count), rng, recentre=recentre, monitor=monitor)


def draw_numbered(
    model: ShellModel,
    numbers: NDArray[np.int64],
    rng: np.random.Generator,
    *,
    recentre: bool = True,
    monitor: Monitor | None = None,
) -> Shells:
    """The shells with these numbers, ascending, of the series that `draw_shells` counts from 0.

    Raises
    ------
    ComputationError
        As `draw_shells`.
    """
    monitor = monitor or Monitor()
    drawing = monitor.sub(0.0, 0.3 if recentre else 1.0)
    shares = np.array([component.probability for component in model.components])
    values = np.empty((len(numbers), (model.degree + 1) ** 2))
    chosen = np.empty(len(numbers), dtype=np.int64)
    rejected = 0
    blocks = numbers // _TOGETHER
    for block in drawing.track(np.unique(blocks), f"drawing {len(numbers)} shells"):
        rows = np.flatnonzero(blocks == block)
        within = numbers[rows] - block * _TOGETHER
        own = child(rng, int(block))
        # The components of a whole block come first, so that the block's end changes nothing about its beginning.
        components = own.choice(len(shares), size=_TOGETHER, p=shares / shares.sum())[: within[-1] + 1]
        values[rows], chosen[rows] = _fields_of(model, components, own)[within], components[within]
        for row in rows[~are_positive(values[rows])]:
            monitor.check()
            values[row], chosen[row], tries = _draw_again(model, child(child(rng, _AGAIN), int(numbers[row])))
            rejected += tries
    if rejected > _MANY * max(len(numbers), 1):
        monitor.warn(
            f"{100 * rejected / (len(numbers) + rejected):.1f} % of the shells had a radius at or below zero and were drawn again"
        )
    if recentre:
        values = centre_shells(values, monitor.sub(0.3, 1.0))
    return Shells(values, chosen, rejected)


def _draw_again(model: ShellModel, rng: np.random.Generator) -> tuple[NDArray[np.float64], int, int]:
    """A shell in place of one that was rejected, its component, and how many were rejected."""
    for tries in range(1, _MOST_TRIES):
        field, component = draw_fields(model, 1, rng)
        if are_positive(field)[0]:
            return field[0], int(component[0]), tries
    raise ComputationError(
        f"{_MOST_TRIES} shells in a row had radii below zero",
        "the spectrum is too large for the mean radius: check that both are in the same unit",
    )


def rejection_probability(
    model: ShellModel, rng: np.random.Generator, *, count: int = 4000, monitor: Monitor | None = None
) -> float:
    """Share of fields with a radius at or below zero on 2,562 directions, by Monte Carlo (models.md 4.6)."""
    monitor = monitor or Monitor()
    rejected = done = 0
    while done < count and not (done and monitor.finish_requested):
        monitor.report(done / count)
        block = min(250, count - done)
        values, _ = draw_fields(model, block, rng)
        rejected += int(np.count_nonzero(~are_positive(values)))
        done += block
    return rejected / done
