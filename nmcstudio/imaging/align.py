"""Shifts between the sections of a stack, from orientations and image quality together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.symmetry import operators
from nmcstudio.imaging.section_shift import Section, SectionShift, find_shift, prepare_section

_ROBUST_ROUNDS = 20
_HUBER_VOXELS = 0.5
# Sections that agree at fewer points say nothing about their shift (ends of a particle, empty sections).
_LEAST_POINTS = 25
_PRIOR = 1e-3
# A step that differs from its neighbours' median by more than this many voxels, and six times the usual, is a jump.
_JUMP_VOXELS = 3.0


@dataclass(frozen=True)
class Drift:
    """The drift of a stack.

    Attributes
    ----------
    drift_um
        float64 ``(slices, 2)``, position (y, x) of each section against the first one before it was moved, um, sub-voxel.
    applied_um
        float64 ``(slices, 2)``, by how much each section was moved (whole voxels), um.
    agreement
        float64 ``(slices,)``, share of points that agree with the section before, after the shift; NaN for the first
        one and where too few agree to tell a shift.
    outliers
        Numbers of sections after a jump or without agreement.
    """

    drift_um: NDArray[np.float64]
    applied_um: NDArray[np.float64]
    agreement: NDArray[np.float64]
    outliers: tuple[int, ...]


def measure_drift(
    stack: EbsdStack,
    *,
    max_shift_um: float | None = None,
    angle: float = np.deg2rad(5.0),
    reach: int = 3,
    remove_trend: bool = False,
    monitor: Monitor | None = None,
) -> Drift:
    """Where the sections of a stack lie against each other.

    Each section is compared with its `reach` next ones: phase correlation of quality and of grain boundaries gives
    candidates, the share of points with equal orientation (and the correlation of the quality) decides between them. The
    positions are the robust least-squares solution of all these differences, so that one bad comparison shifts nothing.

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
    monitor
        Reported to for each section; its `partial` is the drift (y, x) in um so far.

    Raises
    ------
    NmcError
        If there are fewer than two sections with data.
    """
    monitor = monitor or Monitor()
    filled = [k for k in range(stack.shape[0]) if stack.phase[k].any()]
    if len(filled) < 2:
        raise NmcError("the map has a single section, there is nothing to align", "align stacks of sections")
    edges = np.asarray(stack.spacing_um[1:])
    limit_um = max_shift_um if max_shift_um is not None else 0.25 * float((np.array(stack.shape[1:]) * edges).min())
    limit = (max(1, round(limit_um / edges[0])), max(1, round(limit_um / edges[1])))
    groups = [operators(phase.point_group) for phase in stack.phases]
    group = groups[int(np.argmax(np.bincount(stack.phase.ravel(), minlength=len(groups) + 1)[1:]))]
    sections: dict[int, Section] = {}
    pairs: list[tuple[int, int]] = []
    found: list[SectionShift] = []
    so_far = [np.zeros(2)]
    for place, k in enumerate(filled):
        for following in filled[place + 1 : place + 1 + reach]:
            monitor.report(place / len(filled), "comparing sections", partial=np.array(so_far))
            for number in (k, following):
                if number not in sections:
                    sections[number] = prepare_section(stack, number, group, angle)
            shift = find_shift(sections[k], sections[following], limit, group, angle, monitor)
            pairs.append((place, filled.index(following)))
            found.append(shift)
            if pairs[-1][1] == place + 1:
                moved = shift.shift if shift.points >= _LEAST_POINTS else (0.0, 0.0)
                so_far.append(so_far[-1] + np.array(moved) * edges)
        sections.pop(k, None)
    position = _positions(len(filled), pairs, found)
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
        if b == a + 1 and shift.points >= _LEAST_POINTS:
            agreement[filled[b]] = shift.agreement
    indexed = np.count_nonzero(stack.phase, axis=(1, 2))
    outliers = _outliers(filled, position, agreement, indexed)
    return Drift(everywhere * edges, applied * edges, agreement, outliers)


def align_slices(
    stack: EbsdStack,
    *,
    max_shift_um: float | None = None,
    angle: float = np.deg2rad(5.0),
    reach: int = 3,
    remove_trend: bool = False,
    keep_size: bool = False,
    monitor: Monitor | None = None,
) -> tuple[EbsdStack, Drift]:
    """Measure the drift of a stack and undo it by whole voxels (orientations cannot be averaged across boundaries).

    Parameters
    ----------
    stack, max_shift_um, angle, reach, remove_trend, monitor
        As in `measure_drift`.
    keep_size
        Cut what is moved out of the field; else the field grows, and what was not imaged is marked unobserved.

    Returns
    -------
    The aligned stack, whose `shifts_um` add up all alignments, and the drift.
    """
    monitor = monitor or Monitor()
    drift = measure_drift(
        stack,
        max_shift_um=max_shift_um,
        angle=angle,
        reach=reach,
        remove_trend=remove_trend,
        monitor=monitor.sub(0.0, 0.9),
    )
    if drift.outliers:
        listed = ", ".join(str(number) for number in drift.outliers[:10]) + (" …" if len(drift.outliers) > 10 else "")
        monitor.warn(f"look at these sections (counted from 0), which jump or hardly agree with the one before: {listed}")
    return apply_shifts(stack, drift.applied_um, keep_size=keep_size, monitor=monitor.sub(0.9, 1.0)), drift


def apply_shifts(
    stack: EbsdStack, shifts_um: NDArray[np.float64], *, keep_size: bool = False, monitor: Monitor | None = None
) -> EbsdStack:
    """Move each section by whole voxels.

    Parameters
    ----------
    stack
        Sections.
    shifts_um
        ``(slices, 2)``, (y, x) in um; rounded to voxels.
    keep_size
        As in `align_slices`.
    """
    monitor = monitor or Monitor()
    edges = np.asarray(stack.spacing_um[1:])
    moves = np.rint(np.asarray(shifts_um) / edges).astype(int)
    low, high = (np.zeros(2, int), np.zeros(2, int)) if keep_size else (np.maximum(0, -moves.min(0)), np.maximum(0, moves.max(0)))
    depth, rows, columns = stack.shape
    shape = (depth, rows + int(low[0] + high[0]), columns + int(low[1] + high[1]))
    quaternions = np.full((*shape, 4), np.nan, np.float32)
    phase = np.zeros(shape, np.uint8)
    quality, confidence = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
    observed = np.zeros(shape, bool)
    ids = None if stack.grain_ids is None else np.zeros(shape, np.uint32)
    for k in range(depth):
        monitor.report(k / depth, "moving sections")
        target, source = _windows(moves[k] + low, (rows, columns), shape[1:])
        for new, old in ((quaternions, stack.quaternions), (phase, stack.phase), (quality, stack.quality),
                         (confidence, stack.confidence), (observed, stack.observed)):  # fmt: skip
            new[k][target] = old[k][source]
        if ids is not None and stack.grain_ids is not None:
            ids[k][target] = stack.grain_ids[k][source]
    earlier = np.zeros((depth, 2)) if stack.shifts_um is None else stack.shifts_um
    z, y, x = stack.origin_um
    return replace(
        stack,
        quaternions=quaternions,
        phase=phase,
        quality=quality,
        confidence=confidence,
        observed=observed,
        grain_ids=ids,
        origin_um=(z, y - float(low[0] * edges[0]), x - float(low[1] * edges[1])),
        shifts_um=earlier + moves * edges,
    )


def _windows(
    move: NDArray[np.int_], size: tuple[int, int], canvas: tuple[int, ...]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where a section of this size, moved by whole voxels, lies on the canvas, and which part of it is seen there."""
    target, source = [], []
    for shift, length, room in zip(move.tolist(), size, canvas):
        start, stop = max(0, shift), max(0, min(room, shift + length))
        target.append(slice(min(start, stop), stop))
        source.append(slice(min(start, stop) - shift, stop - shift))
    return (target[0], target[1]), (source[0], source[1])


def _positions(count: int, pairs: list[tuple[int, int]], found: list[SectionShift]) -> NDArray[np.float64]:
    """Positions ``(count, 2)`` in voxels whose differences fit the measured shifts best, by reweighting (Huber).

    Where nothing is known, a section stays with its neighbour.
    """
    known = [(pair, shift) for pair, shift in zip(pairs, found) if shift.points >= _LEAST_POINTS]
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
        weight = trust * np.minimum(1.0, _HUBER_VOXELS / np.maximum(misfit, 1e-9))
    return position


def _outliers(
    filled: list[int], position: NDArray[np.float64], agreement: NDArray[np.float64], indexed: NDArray[np.int_]
) -> tuple[int, ...]:
    """Sections after a jump of the drift, or that agree far less than usual with the one before.

    A section with hardly any indexed points cannot agree, and is no outlier for that.
    """
    steps = np.diff(position, axis=0)
    away = np.linalg.norm(steps - np.median(steps, axis=0), axis=1)
    jump = away > max(_JUMP_VOXELS, 6 * float(np.median(away)))
    usual = np.nanmedian(agreement) if np.isfinite(agreement).any() else 0.0
    enough = 10 * _LEAST_POINTS
    poor = [
        bool(agreement[k] < 0.5 * usual) or (bool(np.isnan(agreement[k])) and min(indexed[before], indexed[k]) >= enough)
        for before, k in pairwise(filled)
    ]
    return tuple(k for k, jumps, bad in zip(filled[1:], jump, poor) if jumps or bad)
