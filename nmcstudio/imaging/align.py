"""Sections of a stack moved onto each other: by their drift, by hand, with what is left out or missing made from neighbours."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import Alignment, EbsdStack
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.imaging.drift import Drift, measure_drift, no_drift
from nmcstudio.imaging.section_fill import fill_missing

_LISTED = 10
# Less is lost among the edges of voxels.
_LEAN_VOXELS = 3.0


def align_slices(
    stack: EbsdStack,
    *,
    measure: bool = True,
    max_shift_um: float | None = None,
    angle: float = np.deg2rad(5.0),
    reach: int = 3,
    remove_trend: bool = False,
    keep_size: bool = False,
    nudges_um: Mapping[int, tuple[float, float]] | None = None,
    leave_out: Collection[int] = (),
    missing: str = "blank",
    monitor: Monitor | None = None,
) -> tuple[EbsdStack, Drift]:
    """Measure the drift of a stack and undo it by whole voxels (orientations cannot be averaged across boundaries).

    Parameters
    ----------
    stack, max_shift_um, angle, reach, remove_trend, monitor
        As in `measure_drift`.
    measure
        False moves by hand only.
    keep_size
        Cut what is moved out of the field; else the field grows, and what was not imaged is marked unobserved.
    nudges_um
        Section to (y, x) in um by which it is moved besides, rounded to voxels; counted from 0.
    leave_out
        Sections whose data are not used.
    missing
        What stands in the place of sections that are left out or were never there, as in `fill_missing`.

    Returns
    -------
    The aligned stack, whose `shifts_um` add up all alignments and whose `alignment` says what was done, and the drift.

    Raises
    ------
    NmcError
        If there are fewer than two sections to compare, or a number is none of a section.
    """
    monitor = monitor or Monitor()
    nudges = dict(nudges_um or {})
    check_sections(nudges, stack.shape[0], "nudges")
    check_sections(leave_out, stack.shape[0], "leave_out")
    drift = no_drift(stack.shape[0])
    if measure:
        drift = measure_drift(
            stack, max_shift_um=max_shift_um, angle=angle, reach=reach, remove_trend=remove_trend, leave_out=leave_out,
            monitor=monitor.sub(0.0, 0.8),
        )  # fmt: skip
    ignored = [k for k in drift.outliers if k not in nudges]
    if ignored:
        words = dict(zip(drift.outliers, drift.reasons))
        listed = "; ".join(f"{k + 1} {words[k]}" for k in ignored[:_LISTED]) + ("; …" if len(ignored) > _LISTED else "")
        monitor.warn(f"look at these sections (counted from 1): {listed}")
    if drift.lean_um > _LEAN_VOXELS * max(stack.spacing_um[1:]):
        monitor.warn(
            f"grains that all lean to one side look like a straight drift, known to about {drift.lean_um:.2g} um from the first "
            "section to the last only; where sections were imaged in place, take the straight trend away"
        )
    moves = planned_moves(drift, nudges, stack.spacing_um)
    kept = leave_sections_out(stack, leave_out)
    moved = apply_shifts(kept, moves * stack.spacing_um[1:], keep_size=keep_size, monitor=monitor.sub(0.8, 0.9))
    moved, filled = fill_missing(moved, missing, angle=angle, monitor=monitor.sub(0.9, 1.0))
    before = set() if stack.alignment is None else set(stack.alignment.left_out)
    done = Alignment(
        drift_um=drift.drift_um,
        applied_um=moves * np.asarray(stack.spacing_um[1:]),
        agreement=drift.agreement,
        outliers=drift.outliers,
        reasons=drift.reasons,
        nudged=tuple(sorted(nudges)),
        left_out=tuple(sorted(before | set(leave_out))),
        filled=filled,
    )
    return replace(moved, alignment=done), drift


def check_sections(numbers: Collection[int], count: int, field: str) -> None:
    """Refuse numbers that are none of a section.

    Raises
    ------
    NmcError
        Names the first one.
    """
    wrong = [k for k in numbers if not 0 <= k < count]
    if wrong:
        raise NmcError(f"there is no section {wrong[0] + 1}", f"give numbers from 1 to {count}", field)


def planned_moves(
    drift: Drift, nudges_um: Mapping[int, tuple[float, float]], spacing_um: tuple[float, float, float]
) -> NDArray[np.int_]:
    """By how many voxels (y, x) each section is moved ``(slices, 2)``: against the drift, and by hand."""
    edges = np.asarray(spacing_um[1:])
    moves = np.rint(drift.applied_um / edges).astype(int)
    for k, nudge in nudges_um.items():
        moves[k] += np.rint(np.asarray(nudge) / edges).astype(int)
    return moves


def leave_sections_out(stack: EbsdStack, numbers: Collection[int]) -> EbsdStack:
    """The stack without the data of some sections, which are then neither indexed nor observed."""
    if not numbers:
        return stack
    gone = sorted(numbers)
    kept = {}
    for name, empty in (("quaternions", np.nan), ("phase", 0), ("quality", np.nan), ("confidence", np.nan), ("observed", False)):
        kept[name] = getattr(stack, name).copy()
        kept[name][gone] = empty
    if stack.grain_ids is not None:
        kept["grain_ids"] = stack.grain_ids.copy()
        kept["grain_ids"][gone] = 0
    return replace(stack, **kept)


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
