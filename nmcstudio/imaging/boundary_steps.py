"""How far each boundary between two grains moves from section to section, all along a stack: what drift is found from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.workers import in_threads
from nmcstudio.imaging.section_grains import SectionGrains, find_section_grains, links, overlap
from nmcstudio.imaging.section_shift import Matching

_AT_A_TIME = 8
# Shorter boundaries are corners rather than boundaries.
_LEAST_FACES = 3.0
# A section of a structure with one grain per volume D^3 holds about 1.46 / D^2 of them (Poisson-Voronoi).
_SIZE_OF_AREA = 1.2


@dataclass(frozen=True)
class BoundarySteps:
    """One row for each boundary and each pair of sections that follow each other.

    Attributes
    ----------
    pair
        int ``(rows,)``, which pair.
    grains
        int ``(rows, 2)``, the grains on both sides, numbered through the stack; numbers from `count` on are what belongs to none.
    normal
        float64 ``(rows, 2)``, mean direction (y, x) from the first grain to the second one; shorter than 1 where it is bent.
    moved_um
        float64 ``(rows,)``, by how much the boundary moved towards the second grain, um.
    length_um
        float64 ``(rows,)``, its length between its ends, um.
    count
        Number of grains.
    size_um
        Typical distance of neighbouring grains, um.
    """

    pair: NDArray[np.int64]
    grains: NDArray[np.int64]
    normal: NDArray[np.float64]
    moved_um: NDArray[np.float64]
    length_um: NDArray[np.float64]
    count: int
    size_um: float


@dataclass(frozen=True)
class _Table:
    """What is kept of a section or of a pair of them: labels on both sides, and amounts."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    amounts: NDArray[np.float64]


def follow_boundaries(
    stack: EbsdStack, numbers: Sequence[int], moves: NDArray[np.int64], matching: Matching, monitor: Monitor
) -> BoundarySteps:
    """Find the grains of sections, which of them go on, and how far their boundaries move.

    Parameters
    ----------
    stack
        Sections.
    numbers
        Those to use, ascending.
    moves
        ``(len(numbers) - 1, 2)``, by how many voxels (y, x) each one lies off the one before, to the next whole one.
    matching
        How orientations are compared.
    monitor
        Reported to at each section.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = np.asarray(stack.spacing_um[1:])
    held: dict[int, SectionGrains] = {}
    counts: list[int] = []
    areas: list[int] = []
    borders: list[_Table] = []
    swept: list[_Table] = []
    joined: list[NDArray[np.int64]] = []
    for start in range(0, len(numbers), _AT_A_TIME):
        places = range(start, min(start + _AT_A_TIME, len(numbers)))
        part = monitor.sub(start / len(numbers), places.stop / len(numbers))
        held = {place: each for place, each in held.items() if place == start - 1}
        made = in_threads(
            lambda place: find_section_grains(stack, numbers[place], matching), places, part.sub(0, 0.8), "finding boundaries"
        )
        held |= dict(zip(places, made))
        for each in made:
            counts.append(each.count)
            areas.append(int(each.areas[1:].sum()))
            borders.append(_border_table(each, edges))
        now = held

        def compare(place: int, now: dict[int, SectionGrains] = now) -> tuple[_Table, NDArray[np.int64]]:
            a, b = now[place - 1], now[place]
            shared = overlap(a, b, (int(moves[place - 1, 0]), int(moves[place - 1, 1])))
            table = shared.tocoo()
            return (
                _Table(table.row.astype(np.int64), table.col.astype(np.int64), table.data * float(edges.prod())),
                links(a, b, shared, matching),
            )

        for table, pairs in in_threads(compare, [k for k in places if k > 0], part.sub(0.8, 1.0), "following boundaries"):
            swept.append(table)
            joined.append(pairs)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    total = int(starts[-1])
    ends = np.concatenate(
        [pairs + np.array([starts[k] - 1, starts[k + 1] - 1]) for k, pairs in enumerate(joined)] or [np.empty((0, 2), int)]
    )
    graph = coo_array((np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), shape=(total, total))
    number, grain = connected_components(graph, directed=False)
    rows = []
    for k in range(len(numbers) - 1):
        monitor.check()
        lower, upper = (np.concatenate([[-1], grain[starts[p] : starts[p + 1]], [number + k]]) for p in (k, k + 1))
        rows.append(_steps(k, borders[k], borders[k + 1], swept[k], lower, upper, float(edges.min())))
    size = _SIZE_OF_AREA * float(np.sqrt(sum(areas) * edges.prod() / max(total, 1)))
    joint = [np.concatenate([row[i] for row in rows]) for i in range(5)]
    return BoundarySteps(joint[0], joint[1], joint[2], joint[3], joint[4], int(number), size)


def _border_table(section: SectionGrains, edges: NDArray[np.float64]) -> _Table:
    """Boundaries of a section with their length times their normal (y, x), um, the smaller label first."""
    found = []
    for axis in (0, 1):
        table = section.borders[axis].tocoo()
        kept = (table.row < table.col) & (table.data != 0)
        amounts = np.zeros((int(kept.sum()), 2))
        amounts[:, axis] = table.data[kept] * edges[1 - axis]
        found.append((table.row[kept], table.col[kept], amounts))
    first, second, amounts = (np.concatenate(each) for each in zip(*found))
    return _Table(first.astype(np.int64), second.astype(np.int64), amounts)


def _steps(
    k: int,
    below: _Table,
    above: _Table,
    swept: _Table,
    lower: NDArray[np.int64],
    upper: NDArray[np.int64],
    edge_um: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Rows of `BoundarySteps` of one pair, for boundaries that both sections show; labels to grains by `lower` and `upper`."""
    keys, vectors = zip(*(_summed(table, one, one) for table, one in ((below, lower), (above, upper))))
    both, one, two = np.intersect1d(keys[0], keys[1], assume_unique=True, return_indices=True)
    vector = 0.5 * (vectors[0][one] + vectors[1][two])
    key, area = _summed(swept, lower, upper)
    place = np.searchsorted(key, both)
    hit = place < len(key)
    hit[hit] = key[place[hit]] == both[hit]
    # What was of the first grain and is of the second one lies where the boundary went back.
    moved = np.zeros(len(both))
    moved[hit] = -area[place[hit], 0]
    length = np.linalg.norm(vector, axis=1)
    kept = length >= _LEAST_FACES * edge_um
    both, vector, moved, length = both[kept], vector[kept], moved[kept], length[kept]
    grains = np.stack([both >> 32, both & 0xFFFFFFFF], axis=1)
    return np.full(len(both), k), grains, vector / length[:, None], moved / length, length


def _summed(table: _Table, first: NDArray[np.int64], second: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Amounts by pairs of grains, the smaller number first, a turned pair counting backwards."""
    a, b = first[table.first], second[table.second]
    other = a != b
    a, b, amounts = a[other], b[other], table.amounts[other].reshape(int(other.sum()), int(np.prod(table.amounts.shape[1:])))
    key, place = np.unique(np.minimum(a, b) << 32 | np.maximum(a, b), return_inverse=True)
    signed = np.where(a < b, 1.0, -1.0)[:, None] * amounts
    return key, np.stack([np.bincount(place, column, len(key)) for column in signed.T], axis=1)
