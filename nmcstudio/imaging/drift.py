"""Where the sections of a stack lie against each other: the drift, and the sections that fall out of line."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.symmetry import operators
from nmcstudio.imaging.boundary_steps import follow_boundaries
from nmcstudio.imaging.lean import fit_drift
from nmcstudio.imaging.section_pairs import LEAST_POINTS, compare_sections
from nmcstudio.imaging.section_shift import Matching, SectionShift

_ROBUST_ROUNDS = 20
_HUBER_VOXELS = 0.5
_PRIOR = 1e-3
# Errors of comparisons grow with the distance to the power of 1.3 to 1.5 on simulated sections: where near ones are sound,
# far ones tell nothing new.
_LESS_BY_DISTANCE = 4
# A step that differs from the usual one by more than this many voxels, and this many times the usual difference, is a jump.
_JUMP_VOXELS, _USUAL_STEPS = 3.0, 4.0
# A section that agrees with each of its neighbours at less than this share of what is usual is a poor one.
_POOR = 0.5


@dataclass(frozen=True)
class Drift:
    """The drift of a stack; sections are counted from 0.

    Attributes
    ----------
    drift_um
        float64 ``(slices, 2)``, position (y, x) of each section against the first one before it was moved, um, sub-voxel.
    applied_um
        float64 ``(slices, 2)``, by how much each section is to be moved (whole voxels), um.
    agreement
        float64 ``(slices,)``, share of points that agree with the section before, after the shift; NaN for the first
        one and where too few agree to tell a shift.
    outliers
        Numbers of sections after a jump, out of line, or without agreement.
    reasons
        In words, why each of them is one.
    lean_um
        Standard error of the straight part of the drift from the first to the last section, um: so far may all sections be
        off because their grains lean to one side, which no comparison of sections can tell from drift. NaN where unknown.
    """

    drift_um: NDArray[np.float64]
    applied_um: NDArray[np.float64]
    agreement: NDArray[np.float64]
    outliers: tuple[int, ...] = ()
    reasons: tuple[str, ...] = ()
    lean_um: float = float("nan")


def no_drift(slices: int) -> Drift:
    """The drift of sections that are not to be compared."""
    return Drift(np.zeros((slices, 2)), np.zeros((slices, 2)), np.full(slices, np.nan))


def sections_with_data(stack: EbsdStack) -> list[int]:
    """Numbers of the sections with indexed points of their own; what was made from neighbours is not observed."""
    return [k for k in range(stack.shape[0]) if np.any(stack.observed[k] & (stack.phase[k] > 0))]


def measure_drift(
    stack: EbsdStack,
    *,
    max_shift_um: float | None = None,
    angle: float = np.deg2rad(5.0),
    reach: int = 3,
    remove_trend: bool = False,
    leave_out: Collection[int] = (),
    monitor: Monitor | None = None,
) -> Drift:
    """Where the sections of a stack lie against each other.

    Each section is compared with its `reach` next ones: phase correlation of quality and of grain boundaries gives
    candidates, the share of points with equal orientation (and the correlation of the quality) decides between them. The
    positions are the robust least-squares solution of all these differences, so that one bad comparison shifts nothing.
    Beyond whole voxels, the boundaries of all grains decide jointly: each keeps its lean for a while, and drift is what they
    have in common (`nmcstudio.imaging.lean`).

    Parameters
    ----------
    stack
        Sections.
    max_shift_um
        Largest shift between neighbours, um; None is a quarter of the smaller side.
    angle
        Orientations nearer than this agree, radians.
    reach
        How many following sections each one is compared with.
    remove_trend
        Take away the straight line through the positions: for stacks of inclined grains, where it is no drift.
    leave_out
        Numbers of sections that are not to be looked at; their positions lie between those of their neighbours.
    monitor
        Reported to after some sections; its `partial` is the drift (y, x) in um so far.

    Raises
    ------
    NmcError
        If there are fewer than two sections with data.
    """
    monitor = monitor or Monitor()
    filled = [k for k in sections_with_data(stack) if k not in leave_out]
    if not filled and not leave_out:
        raise NmcError("no section has indexed points, there is nothing to align", "look at the map and how it was imported")
    if len(filled) < 2:
        if stack.shape[0] > 1:
            raise NmcError("fewer than two sections are left to compare", "leave out fewer sections", "leave_out")
        raise NmcError("the map has a single section, there is nothing to align", "align stacks of sections")
    edges = np.asarray(stack.spacing_um[1:])
    limit_um = max_shift_um if max_shift_um is not None else 0.25 * float((np.array(stack.shape[1:]) * edges).min())
    groups = [operators(phase.point_group) for phase in stack.phases]
    matching = Matching(
        limit=(max(1, round(limit_um / edges[0])), max(1, round(limit_um / edges[1]))),
        group=groups[int(np.argmax(np.bincount(stack.phase.ravel(), minlength=len(groups) + 1)[1:]))],
        angle=angle,
    )
    compared = compare_sections(stack, filled, reach, matching, monitor.sub(0.0, 0.5))
    pairs, found = list(compared), list(compared.values())
    position = _positions(len(filled), pairs, found)
    indexed = np.count_nonzero(stack.phase, axis=(1, 2))[filled]
    poor = _poor_ones(pairs, found, indexed)
    position, common_lean = _refined(stack, filled, position, poor, matching, monitor.sub(0.5, 1.0))
    if remove_trend:
        line = np.polynomial.polynomial.polyfit(np.array(filled, float), position, 1)
        position = position - np.polynomial.polynomial.polyval(np.array(filled, float), line).T
    position -= position[0]
    everywhere = np.stack([np.interp(np.arange(stack.shape[0]), filled, position[:, axis]) for axis in (0, 1)], axis=1)
    # Where the stack as a whole lies is free: choose it so that the least is lost by rounding to voxels.
    rest = np.angle(np.exp(2j * np.pi * position).sum(axis=0)) / (2 * np.pi)
    applied = -np.rint(everywhere - rest)
    applied -= np.rint(np.median(applied, axis=0))
    agreement = np.full(stack.shape[0], np.nan)
    for (a, b), shift in zip(pairs, found):
        if b == a + 1 and shift.points >= LEAST_POINTS:
            agreement[filled[b]] = shift.agreement
    reasons = _off_line(position, edges) | poor
    places = sorted(reasons)
    lean_um = 0.0 if remove_trend else float(common_lean.max()) * (filled[-1] - filled[0]) * stack.spacing_um[0]
    outliers, words = tuple(filled[p] for p in places), tuple(reasons[p] for p in places)
    return Drift(everywhere * edges, applied * edges, agreement, outliers, words, lean_um)


def _refined(
    stack: EbsdStack,
    numbers: list[int],
    position: NDArray[np.float64],
    left_aside: Collection[int],
    matching: Matching,
    monitor: Monitor,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions ``(n, 2)`` in voxels from how the boundaries of all grains move, and the lean that cannot be told from drift.

    Sections at the places in `left_aside` go with those around them.
    """
    good = [place for place in range(len(numbers)) if place not in left_aside]
    if len(good) < 2:
        return position, np.full(2, np.nan)
    edges = np.asarray(stack.spacing_um[1:])
    steps = np.diff(position[good], axis=0)
    moves = np.rint(steps).astype(np.int64)
    rows = follow_boundaries(stack, [numbers[place] for place in good], moves, matching, monitor.sub(0.0, 0.8))
    heights_um = np.diff(np.array([numbers[place] for place in good])) * stack.spacing_um[0]
    fine = fit_drift(rows, (steps - moves) * edges, heights_um, float(edges.min()), monitor.sub(0.8, 1.0))
    moved = np.concatenate([np.zeros((1, 2)), np.cumsum(moves + fine.steps_um / edges - steps, axis=0)])
    everywhere = np.stack([np.interp(np.arange(len(numbers)), good, moved[:, axis]) for axis in (0, 1)], axis=1)
    return position + everywhere, fine.lean


def _off_line(position: NDArray[np.float64], edges: NDArray[np.float64]) -> dict[int, str]:
    """Places in `position` after a jump of the drift, or of single sections that lie off their neighbours, with words."""
    steps = np.diff(position, axis=0)
    away = steps - np.median(steps, axis=0)
    size = np.linalg.norm(away, axis=1)
    limit = max(_JUMP_VOXELS, _USUAL_STEPS * float(np.median(size)))
    words: dict[int, str] = {}

    def returns(k: int) -> bool:
        """Whether a step and the next one take each other back."""
        return 0 <= k < len(steps) - 1 and float(np.linalg.norm(away[k] + away[k + 1])) < 0.5 * max(size[k], size[k + 1])

    for k in np.flatnonzero(size > limit).tolist():
        jump_um = float(np.linalg.norm(away[k] * edges))
        if returns(k):
            words[k + 1] = f"lies {jump_um:.3g} um off its neighbours"
        elif returns(k - 1):
            words.setdefault(k, f"lies {jump_um:.3g} um off its neighbours")
        else:
            words[k + 1] = f"jumps by {jump_um:.3g} um"
    return words


def _poor_ones(pairs: list[tuple[int, int]], found: list[SectionShift], indexed: NDArray[np.int_]) -> dict[int, str]:
    """Places of sections that agree far less than usual with all that they were compared with, with words.

    A section with hardly any indexed points cannot agree, and is no outlier for that.
    """
    distance = np.array([b - a for a, b in pairs])
    shares = np.array([shift.agreement if shift.points >= LEAST_POINTS else 0.0 for shift in found])
    usual = {d: float(np.median(shares[distance == d])) for d in np.unique(distance).tolist()}
    best = np.zeros(len(indexed))
    share = np.zeros(len(indexed))
    for (a, b), each in zip(pairs, shares.tolist()):
        relative = each / usual[b - a] if usual[b - a] > 0 else 1.0
        for place in (a, b):
            best[place], share[place] = max(best[place], relative), max(share[place], each)
    enough = indexed >= 10 * LEAST_POINTS
    poor = [
        k
        for k in np.flatnonzero((best < _POOR) & enough).tolist()
        if enough[max(k - 1, 0)] or enough[min(k + 1, len(enough) - 1)]
    ]
    words = {k: f"agrees with its neighbours at {share[k]:.0%} of the points only" for k in poor}
    for (a, b), each in zip(pairs, shares.tolist()):
        # Both are sound, and do not go together: something lies between them.
        breaks = b == a + 1 and each < _POOR * usual[1] and enough[a] and enough[b]
        if breaks and a not in poor and b not in poor:
            words[b] = f"agrees with the section before at {each:.0%} of the points only"
    return words


def _positions(count: int, pairs: list[tuple[int, int]], found: list[SectionShift]) -> NDArray[np.float64]:
    """Positions ``(count, 2)`` in voxels whose differences fit the measured shifts best: by reweighting (Huber), then by
    least squares of what is sound.

    Where nothing is known, a section stays with its neighbour.
    """
    known = [(pair, shift) for pair, shift in zip(pairs, found) if shift.points >= LEAST_POINTS]
    links = [pair for pair, _ in known] + [(k, k + 1) for k in range(count - 1)]
    design = np.zeros((len(links), count))
    rows = np.arange(len(links))
    design[rows, [a for a, _ in links]] = -1
    design[rows, [b for _, b in links]] = 1
    measured = np.array([shift.shift for _, shift in known] + [(0.0, 0.0)] * (count - 1))
    trust = np.array([max(shift.agreement, 0.01) / (b - a) for (a, b), shift in known] + [_PRIOR] * (count - 1))
    weight = trust.copy()
    position = np.zeros((count, 2))
    for _ in range(_ROBUST_ROUNDS):
        weighted = design[:, 1:].T * weight
        position[1:] = np.linalg.solve(weighted @ design[:, 1:], weighted @ measured)
        misfit = np.linalg.norm(design @ position - measured, axis=1)
        sound = np.minimum(1.0, _HUBER_VOXELS / np.maximum(misfit, 1e-9))
        weight = trust * sound
    # Boundaries move on from section to section: errors grow faster than the distance, so that far ones tell which comparisons
    # are sound, and the near ones among those where the sections are.
    distance = design @ np.arange(count)
    weighted = design[:, 1:].T * (trust * sound**2 / distance**_LESS_BY_DISTANCE)
    position[1:] = np.linalg.solve(weighted @ design[:, 1:], weighted @ measured)
    return position
