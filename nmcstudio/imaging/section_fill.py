"""Sections that are missing from a stack, made from the ones below and above.

What is made so is marked: such a section is not observed, whatever its orientations join.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.quaternions import multiply, normalise
from nmcstudio.crystal.symmetry import disorientation_angles, operators

MISSING = ("blank", "nearest", "interpolate")
_ROWS = 64  # rows of a section that are compared between two looks at the monitor


def fill_missing(
    stack: EbsdStack, how: str = "blank", *, angle: float = np.deg2rad(5.0), monitor: Monitor | None = None
) -> tuple[EbsdStack, tuple[int, ...]]:
    """Put something in the place of sections without data of their own, between ones that have some.

    Parameters
    ----------
    stack
        Aligned sections; those of which nothing was observed are missing.
    how
        "blank" leaves them empty. "nearest" repeats the nearer neighbour (of two, the one below). "interpolate" finds the
        grains that go from the section below to the one above, their orientations agreeing; their outlines are
        interpolated by signed distances and their orientations along the shortest rotation under the crystal's symmetry.
        Where nothing agrees, points are not indexed.
    angle
        Orientations nearer than this agree, radians.

    Returns
    -------
    The stack, and the numbers of the sections that were filled. These stay unobserved; their quality and confidence lie
    between those of the neighbours. Nothing is made beyond the outermost sections with data.

    Raises
    ------
    NmcError
        If `how` is unknown.
    """
    if how not in MISSING:
        raise NmcError(f"unknown way {how!r} to treat missing sections", f"use one of {', '.join(MISSING)}", "missing")
    monitor = monitor or Monitor()
    there = np.flatnonzero(stack.observed.any(axis=(1, 2))).tolist()
    gone = sorted(set(range(stack.shape[0])) - set(there))
    if not gone:
        return stack, ()
    names = ["quaternions", "phase", "quality", "confidence"] + ([] if stack.grain_ids is None else ["grain_ids"])
    new = {name: getattr(stack, name).copy() for name in names}
    # What an earlier run put here goes, so that the result does not depend on what was tried before.
    for name in names:
        new[name][gone] = np.nan if np.issubdtype(new[name].dtype, np.floating) else 0
    filled: list[int] = []
    bridge: _Bridge | None = None
    for k in gone:
        monitor.report(len(filled) / len(gone), "filling missing sections")
        below, above = max((n for n in there if n < k), default=None), min((n for n in there if n > k), default=None)
        if how == "blank" or below is None or above is None:
            continue
        if how == "nearest":
            source = below if k - below <= above - k else above
            for name in names:
                new[name][k] = getattr(stack, name)[source]
        else:
            if bridge is None or (bridge.below, bridge.above) != (below, above):
                bridge = _Bridge(stack, below, above, angle, monitor)
            for name, values in bridge.section((k - below) / (above - below), monitor).items():
                new[name][k] = values
        filled.append(k)
    return replace(stack, **new), tuple(filled)


@dataclass(frozen=True)
class _Passage:
    """One grain that goes from the section below to the one above, inside a window of rows and columns.

    `distances` are its signed distances in um, positive inside, and `nearest` the (row, column) of its nearest point to each
    point, of both sections.
    """

    window: tuple[slice, slice]
    phase: int
    distances: tuple[NDArray[np.float64], NDArray[np.float64]]
    nearest: tuple[NDArray[np.int32], NDArray[np.int32]]


class _Bridge:
    """What two sections have in common."""

    def __init__(self, stack: EbsdStack, below: int, above: int, angle: float, monitor: Monitor) -> None:
        self.below, self.above = below, above
        self._stack = stack
        self._groups = [operators(phase.point_group) for phase in stack.phases]
        labels = common_grains(stack, below, above, angle, monitor)
        self._passages = _passages(labels, stack.phase[below], stack.spacing_um[1:], monitor)
        self._both = stack.observed[below] & stack.observed[above]

    def section(self, share: float, monitor: Monitor) -> dict[str, NDArray[Any]]:
        """Arrays of the section that lies at `share` of the way from below to above."""
        stack, (a, b) = self._stack, (self.below, self.above)
        size = stack.shape[1:]
        height = np.zeros(size)
        phase = np.zeros(size, np.uint8)
        quaternions = np.full((*size, 4), np.nan, np.float32)
        ids = np.zeros(size, np.uint32)
        for passage in self._passages:
            monitor.check()
            distance = (1 - share) * passage.distances[0] + share * passage.distances[1]
            wins = (distance > height[passage.window]) & self._both[passage.window]
            if not wins.any():
                continue
            height[passage.window][wins] = distance[wins]
            phase[passage.window][wins] = passage.phase
            (r0, c0), (r1, c1) = (nearest[:, wins] for nearest in passage.nearest)
            first, second = stack.quaternions[a][r0, c0], stack.quaternions[b][r1, c1]
            quaternions[passage.window][wins] = between(first, second, share, self._groups[passage.phase - 1])
            if stack.grain_ids is not None:
                low, high = stack.grain_ids[a][r0, c0], stack.grain_ids[b][r1, c1]
                ids[passage.window][wins] = np.where(low == high, low, 0)
        made: dict[str, NDArray[Any]] = {"quaternions": quaternions, "phase": phase}
        for name in ("quality", "confidence"):
            values = getattr(stack, name)
            made[name] = np.where(self._both, (1 - share) * values[a] + share * values[b], np.nan)
        return made if stack.grain_ids is None else made | {"grain_ids": ids}


def between(first: NDArray[Any], second: NDArray[Any], share: float, group: NDArray[np.float64]) -> NDArray[np.float64]:
    """Orientations on the shortest way between two under the crystal's symmetry.

    Parameters
    ----------
    first, second
        Unit quaternions ``(n, 4)``.
    share
        0 gives the first ones, 1 equivalents of the second ones.
    group
        Proper rotations of the crystal ``(m, 4)``.
    """
    a = np.asarray(first, np.float64)
    equivalents = multiply(group[:, None], np.asarray(second, np.float64)[None])
    dots = np.einsum("mnc,nc->mn", equivalents, a)
    best = np.abs(dots).argmax(axis=0)
    rows = np.arange(len(a))
    dot = dots[best, rows]
    b = equivalents[best, rows] * np.where(dot < 0, -1.0, 1.0)[:, None]
    half = np.arccos(np.minimum(np.abs(dot), 1.0))
    sine = np.sin(half)
    near = sine < 1e-9
    safe = np.where(near, 1.0, sine)
    left = np.where(near, 1 - share, np.sin((1 - share) * half) / safe)
    right = np.where(near, share, np.sin(share * half) / safe)
    return normalise(left[:, None] * a + right[:, None] * b)


def common_grains(stack: EbsdStack, below: int, above: int, angle: float, monitor: Monitor) -> NDArray[np.int32]:
    """Labels ``[2, y, x]`` of the grains of two sections, laid on each other; 0 where not indexed.

    Neighbours within a section, and points above each other, belong together if their orientations agree.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    q = np.stack([stack.quaternions[below], stack.quaternions[above]])
    phase = np.stack([stack.phase[below], stack.phase[above]])
    number = np.arange(phase.size).reshape(phase.shape)
    starts, ends = [], []
    for axis in range(3):
        ahead, behind = [slice(None)] * 3, [slice(None)] * 3
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        one, two = (tuple(behind), tuple(ahead))
        for index, kind in enumerate(stack.phases, 1):
            same = (phase[one] == index) & (phase[two] == index)
            a, b, i, j = q[one][same], q[two][same], number[one][same], number[two][same]
            chunk = _ROWS * max(phase.shape[2], 64)
            for first in range(0, len(a), chunk):
                monitor.check()
                part = slice(first, first + chunk)
                near = disorientation_angles(a[part], b[part], kind.point_group) <= angle
                starts.append(i[part][near])
                ends.append(j[part][near])
    rows, columns = np.concatenate(starts or [np.zeros(0, int)]), np.concatenate(ends or [np.zeros(0, int)])
    graph = coo_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(phase.size, phase.size))
    _, found = connected_components(graph, directed=False)
    return np.where(phase > 0, found.reshape(phase.shape).astype(np.int32) + 1, 0)


def _passages(
    labels: NDArray[np.int32], phase: NDArray[np.uint8], edges_um: tuple[float, ...], monitor: Monitor
) -> list[_Passage]:
    """The grains that are in both sections."""
    from scipy.ndimage import distance_transform_edt, find_objects

    shared = np.intersect1d(labels[0], labels[1])
    shared = shared[shared > 0]
    compact = np.zeros(int(labels.max()) + 1, np.int32)
    compact[shared] = np.arange(1, len(shared) + 1)
    few = compact[labels]
    found = []
    for number, box in enumerate(find_objects(few), 1):
        monitor.check()
        # One point of room, so that the distance to the outside is known at the rim of the box.
        rows, columns = (slice(max(0, s.start - 1), s.stop + 1) for s in box[1:])
        distances, nearest = [], []
        for inside in (few[0, rows, columns] == number, few[1, rows, columns] == number):
            out, index = distance_transform_edt(~inside, sampling=edges_um, return_indices=True)
            within = distance_transform_edt(np.pad(inside, 1), sampling=edges_um)[1:-1, 1:-1]
            distances.append(within - out)
            nearest.append((index + np.array([rows.start, columns.start])[:, None, None]).astype(np.int32))
        row, column = np.argwhere(few[0, rows, columns] == number)[0] + (rows.start, columns.start)
        found.append(_Passage((rows, columns), int(phase[row, column]), (distances[0], distances[1]), (nearest[0], nearest[1])))
    return found
