"""Where orientations sit: the law of the disorientation of neighbours, a test of it, and grains arranged to follow it.

Grains drawn one by one from the measured orientations have their texture, but neighbours know nothing of each other: no twins, no
clusters of low-angle boundaries. The measured law of the disorientation angle of neighbours (each pair by the faces that it
shares) is kept with the model; a drawn set of orientations is then exchanged among the grains until their neighbours follow it.
Exchanging leaves the texture exactly as it was drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.symmetry import disorientation_angles, operators

Array = NDArray[np.float64]

QUANTILES = 200
PERMUTATIONS = 199
_BIN = np.radians(1.5)
_BINS = 81  # no disorientation is larger than 120 degrees but under -1 and 2/m, whose largest go into the last bin
_CLOSE = np.radians(0.3)  # mean shift of the quantiles at which neighbours follow the law
_TRIES = 400  # exchanges that are tried a grain, at most
_MOST_TRIES = 4_000_000  # of all grains: about a minute
_PATIENCE = 20  # tries a grain in which the shift must fall by a hundredth for the exchange to go on
_STUCK = 0.99
_CHUNK = 20_000
_GRAINS_A_CHUNK = 20_000
_EDGES_TESTED = 40_000


@dataclass(frozen=True)
class Contacts:
    """Who touches whom: rows of the grains ``(k, 2)``, and shared area ``(k,)`` in any unit."""

    pairs: NDArray[np.int64]
    areas: Array


@dataclass(frozen=True)
class Placement:
    """What the test of the placement of orientations found.

    Attributes
    ----------
    angles
        float64 ``(QUANTILES,)``, quantiles of the disorientation of neighbours, weighted by shared area, radians.
    shift
        Mean shift of the quantiles against orientations that are placed at random, radians.
    p
        Share of random placements that differ from their mean as much.
    """

    angles: Array
    shift: float
    p: float


@dataclass(frozen=True)
class _Slots:
    """Contacts of grain i are the slots starts[i] to starts[i + 1]: the other grain, the slot of the same contact there, area."""

    starts: NDArray[np.int64]
    others: NDArray[np.int64]
    twins: NDArray[np.int64]
    areas: Array


def neighbour_quantiles(angles: Array, areas: Array, count: int = QUANTILES) -> Array:
    """Quantiles at (i + 1/2) / `count` of angles weighted by areas."""
    order = np.argsort(angles, kind="stable")
    above = np.cumsum(areas[order])
    middle = (above - areas[order] / 2) / above[-1]
    found: Array = np.interp((np.arange(count) + 0.5) / count, middle, angles[order])
    return found


def judge_placement(
    quaternions: Array, contacts: Contacts, point_group: str, rng: np.random.Generator, monitor: Monitor | None = None
) -> Placement:
    """Whether neighbours are disoriented otherwise than grains whose orientations are shuffled.

    Parameters
    ----------
    quaternions
        ``(n, 4)``, finite.
    contacts
        Between rows of `quaternions`.
    point_group
        Of the crystal.
    rng
        Shuffles.
    monitor
        Progress.

    Raises
    ------
    NmcError
        If fewer than ten pairs touch.
    """
    monitor = monitor or Monitor()
    pairs, areas = contacts.pairs, contacts.areas
    if len(pairs) < 10:
        raise NmcError(
            "fewer than ten pairs of grains with an orientation touch",
            "use the resampled texture, or fit a larger volume",
            "texture",
        )
    angles = neighbour_quantiles(disorientation_angles(*_ends(quaternions, pairs), point_group), areas)
    if len(pairs) > _EDGES_TESTED:
        some = np.sort(rng.choice(len(pairs), _EDGES_TESTED, replace=False))
        pairs, areas = pairs[some], areas[some]
    shuffled = np.empty((PERMUTATIONS, QUANTILES))
    for row in monitor.track(range(PERMUTATIONS), "shuffling orientations"):
        mixed = quaternions[rng.permutation(len(quaternions))]
        shuffled[row] = neighbour_quantiles(disorientation_angles(*_ends(mixed, pairs), point_group), areas)
    # The data are one more shuffle if the placement is random: all are compared with the mean of the others alike.
    every = np.concatenate([angles[None], shuffled])
    others = (every.sum(axis=0) - every) / PERMUTATIONS
    shifts = np.abs(every - others).mean(axis=1)
    return Placement(angles, float(shifts[0]), float(np.mean(shifts >= shifts[0])))


def arrange_orientations(
    quaternions: Array,
    contacts: Contacts,
    angles: Array,
    point_group: str,
    rng: np.random.Generator,
    monitor: Monitor | None = None,
) -> Array:
    """Exchange orientations among grains until the disorientation of neighbours follows a law.

    Parameters
    ----------
    quaternions
        ``(n, 4)``, as drawn.
    contacts
        Between the grains.
    angles
        Quantiles of the wanted law (`Placement.angles`).
    point_group
        Of the crystal.
    rng
        Which exchanges are tried.
    monitor
        Progress and cancelling.

    Returns
    -------
    The rows of `quaternions` in another order. An exchange is kept if the distribution functions come nearer (Cramer-von
    Mises); it ends when the quantiles are 0.3 degrees from the law on average, when they come no nearer, or after 400 tries a
    grain and 4 million in all. Work and memory grow with the number of contacts.
    """
    from nmcstudio.grains.placement_kernels import exchange, fill_bins

    monitor = monitor or Monitor()
    n = len(quaternions)
    if n < 3 or not len(contacts.pairs):
        return quaternions
    drawn = np.array(quaternions, dtype=np.float64)
    group = np.array(operators(point_group))
    slots = _slots(contacts, n)
    placed = np.arange(n)
    bins = np.zeros(len(slots.others), np.int64)
    for start in range(0, n, _GRAINS_A_CHUNK):
        monitor.report(0.0, "arranging orientations")
        stop = min(start + _GRAINS_A_CHUNK, n)
        fill_bins(drawn, group, _BIN, _BINS, placed, slots.starts, slots.others, start, stop, bins)
    edges = _BIN * np.arange(1, _BINS + 1)
    wanted = np.searchsorted(np.sort(angles), edges, side="right") / len(angles)
    gap = np.cumsum(np.bincount(bins, slots.areas / 2, _BINS)) - wanted
    tries, patience = min(_TRIES * n, _MOST_TRIES), max(_PATIENCE * n, _CHUNK)
    before, looked = np.inf, 0
    for start in range(0, tries, _CHUNK):
        monitor.report(start / tries, "arranging orientations")
        shift = float(np.abs(gap).sum() * _BIN)
        if shift < _CLOSE:
            break
        if start - looked >= patience:
            if shift > _STUCK * before:
                break
            before, looked = shift, start
        chosen = rng.integers(n, size=(_CHUNK, 2))
        exchange(chosen, drawn, group, _BIN, placed, slots.starts, slots.others, slots.twins, slots.areas, bins, gap)
    else:
        shift = float(np.abs(gap).sum() * _BIN)
        if shift >= _CLOSE:
            monitor.warn(
                f"Orientations were exchanged {tries:,} times, the most that are tried: the angles of neighbours still differ "
                f"from the measured ones by {np.degrees(shift):.2g}° on average. Simulate a smaller volume where they must agree "
                "better."
            )
    return drawn[placed]


def _slots(contacts: Contacts, count: int) -> _Slots:
    """Every contact twice, sorted by the grain that has it."""
    m = len(contacts.pairs)
    ends = np.concatenate([contacts.pairs, contacts.pairs[:, ::-1]])
    order = np.argsort(ends[:, 0], kind="stable")
    place = np.empty(2 * m, np.int64)
    place[order] = np.arange(2 * m)
    return _Slots(
        np.searchsorted(ends[order, 0], np.arange(count + 1)),
        np.ascontiguousarray(ends[order, 1]),
        place[(order + m) % (2 * m)],
        np.tile(contacts.areas / contacts.areas.sum(), 2)[order],
    )


def _ends(quaternions: Array, pairs: NDArray[np.int64]) -> tuple[Array, Array]:
    return quaternions[pairs[:, 0]], quaternions[pairs[:, 1]]
