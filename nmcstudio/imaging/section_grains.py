"""The grains of single sections: where they are, which go on in the next section, and by how much their boundaries moved.

Everything here is counted, not interpolated: the area that passes from one grain to another between two sections is that of a
boundary moved by fractions of a point just as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.quaternions import conjugate, multiply
from nmcstudio.imaging.grain_pieces import grain_orientations, label_components
from nmcstudio.imaging.section_shift import Matching

# Smaller ones are noise of the indexing.
_LEAST_POINTS = 8
# Seams of points without a grain are closed from both sides by so many points.
_CLOSED = 3
# Grains of two sections are one if they share at least this part of the smaller one, and agree.
_SHARED = 0.25


@dataclass(frozen=True)
class SectionGrains:
    """The grains of one section.

    Attributes
    ----------
    labels
        int32 ``[y, x]``, 1 to `count`; `count` + 1 is what was observed and belongs to no grain, 0 what was not observed.
    count
        Number of grains.
    orientations, phases, areas
        Mean orientation ``(count + 1, 4)``, phase and number of points ``(count + 1,)`` by label, without meaning in row 0.
    borders
        Two sparse arrays ``(count + 2, count + 2)``, for y and x: faces from label a to label b up the axis, minus those down.
    """

    labels: NDArray[np.int32]
    count: int
    orientations: NDArray[np.float64]
    phases: NDArray[np.uint8]
    areas: NDArray[np.int64]
    borders: tuple[Any, Any]


def find_section_grains(stack: EbsdStack, number: int, matching: Matching) -> SectionGrains:
    """Label the grains of one section: connected points of near orientation, with narrow seams closed."""
    box = slice(number, number + 1)
    quaternions, observed = stack.quaternions[box], stack.observed[number]
    ids = np.where(stack.observed[box], stack.phase[box], 0).astype(np.uint32)
    silent = Monitor()
    found, _ = label_components(ids, quaternions, matching.group, float(np.cos(matching.angle / 2)), _LEAST_POINTS, silent)
    orientations = grain_orientations(found, quaternions, ids, matching.group, silent)
    count = len(orientations) - 1
    plain = found[0]
    phases = np.zeros(count + 1, np.uint8)
    phases[plain.ravel()] = ids[0].ravel()
    labels = _close_seams(plain.astype(np.int32))
    labels[(labels == 0) & observed] = count + 1
    labels[~observed] = 0
    areas = np.bincount(labels.ravel(), minlength=count + 2)[: count + 1]
    return SectionGrains(labels, count, orientations, phases, areas, (_borders(labels, 0, count), _borders(labels, 1, count)))


def _close_seams(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Labels grown into what has none. Which of two wins is settled alike in all sections, so that no shift comes from it."""
    for _ in range(_CLOSED):
        before = labels.copy()
        for axis in (0, 1):
            old, new = np.moveaxis(before, axis, 0), np.moveaxis(labels, axis, 0)
            for here, there in ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))):
                np.copyto(new[here], old[there], where=new[here] == 0)
    return labels


def _borders(labels: NDArray[np.int32], axis: int, count: int) -> Any:
    from scipy.sparse import coo_array

    turned = np.moveaxis(labels, axis, 0)
    a, b = turned[:-1], turned[1:]
    there = (a != b) & (a > 0) & (b > 0)
    shape = (count + 2, count + 2)
    faces = coo_array((np.ones(int(there.sum()), np.int32), (a[there], b[there])), shape=shape).tocsr()
    return (faces - faces.T).tocsr()


def overlap(first: SectionGrains, second: SectionGrains, move: tuple[int, int]) -> Any:
    """Points that lie in label a of the first section and label b of the second one, sparse ``(first, second)``.

    Parameters
    ----------
    move
        Position (y, x) of the second section in the first one's voxels: (y, x) of the first meets (y, x) + move of the second.
    """
    from scipy.sparse import coo_array

    here, there = [], []
    for shift, length in zip(move, first.labels.shape):
        here.append(slice(max(0, -shift), max(0, min(length, length - shift))))
        there.append(slice(max(0, shift), max(0, min(length, length + shift))))
    a, b = first.labels[tuple(here)], second.labels[tuple(there)]
    both = (a > 0) & (b > 0)
    shape = (first.count + 2, second.count + 2)
    return coo_array((np.ones(int(both.sum()), np.int32), (a[both], b[both])), shape=shape).tocsr()


def links(first: SectionGrains, second: SectionGrains, shared: Any, matching: Matching) -> NDArray[np.int64]:
    """Labels ``(n, 2)`` of the grains that go on from one section to the next, by `overlap` and by orientation."""
    table = shared.tocoo()
    a, b, points = table.row, table.col, table.data
    kept = (a <= first.count) & (b <= second.count)
    a, b, points = a[kept], b[kept], points[kept]
    same = (first.phases[a] == second.phases[b]) & (points >= _SHARED * np.minimum(first.areas[a], second.areas[b]))
    a, b = a[same], b[same]
    turn = multiply(second.orientations[b], conjugate(first.orientations[a]))
    near = np.max(np.abs(turn @ matching.group.T), axis=-1, initial=0.0) >= np.cos(matching.angle / 2)
    return np.stack([a[near], b[near]], axis=1).astype(np.int64)
