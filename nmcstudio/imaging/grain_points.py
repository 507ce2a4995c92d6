"""The points of an orientation map that grains are made of: the phase, what is usable, what was imaged at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.workers import beside
from nmcstudio.crystal.symmetry import operators
from nmcstudio.imaging.grain_kernels import replace_rows
from nmcstudio.imaging.grain_settings import GrainSettings
from nmcstudio.imaging.orientation_kernels import row_chunks

# A blank region at the border of this share of the volume is worth a word.
_NOTABLE = 0.005
# Labels up to this one are kept, however few voxels there are.
_ANY_LABEL = 65535


@dataclass(frozen=True)
class Points:
    """What the segmentation works on.

    Attributes
    ----------
    quaternions
        float32 ``[z, y, x, 4]``, read-only, in one memory layout, so that kernels are compiled once.
    ids
        uint32 ``[z, y, x]``, what neighbours must share to belong together: 0 where there is no usable orientation, else 1, or
        the label of the file.
    group
        Proper rotations of the phase's Laue class.
    phase
        Its 1-based number.
    observed
        bool ``[z, y, x]``, what was imaged.
    notes
        What was changed, in words.
    """

    quaternions: NDArray[np.float32]
    ids: NDArray[np.uint32]
    group: NDArray[np.float64]
    phase: int
    observed: NDArray[np.bool_]
    notes: tuple[str, ...]


def find_points(stack: EbsdStack, settings: GrainSettings, monitor: Monitor) -> Points:
    """Choose the phase, leave out what is not usable, and mend single points if that is asked for.

    Raises
    ------
    NmcError
        If there is no such phase, or the file has no labels where they are wanted.
    """
    if settings.method == "file" and stack.grain_ids is None:
        raise NmcError("the file brings no grain labels along", "use the method orientation", "method")
    found = beside(partial(_usable, stack, settings, monitor), monitor)
    if not settings.replace_passes:
        return found
    changeable = found.observed & ((stack.phase == 0) | (stack.phase == found.phase))
    quaternions, ids, count = replace_points(
        found.quaternions, found.ids, changeable, found.group, settings.angle, settings.replace_passes, monitor
    )
    notes = (*found.notes, f"{count} points took the orientation of their neighbours")
    return replace(found, quaternions=quaternions, ids=ids, notes=notes)


def _usable(stack: EbsdStack, settings: GrainSettings, monitor: Monitor) -> Points:
    """The points as they were measured."""
    phase = choose_phase(stack, settings.phase, monitor)
    group = operators(stack.phases[phase - 1].point_group)
    observed, notes = observed_points(stack, settings.blank, monitor)
    joining = observed
    if stack.alignment is not None and stack.alignment.filled:
        # Sections made from their neighbours join grains, though nothing there was imaged.
        joining = observed.copy()
        joining[list(stack.alignment.filled)] = True
    keep = (stack.phase == phase) & joining
    if settings.min_confidence is not None:
        if not np.isfinite(stack.confidence[keep]).any():
            monitor.warn("the map has no confidence; the limit is not used")
        else:
            low = keep & (stack.confidence < settings.min_confidence)
            keep &= ~low
            notes += (f"{np.count_nonzero(low)} points below confidence {settings.min_confidence:g} are not used",)
    ids = keep.astype(np.uint32)
    if settings.by_file(stack) and stack.grain_ids is not None:
        ids = np.where(keep, stack.grain_ids, 0).astype(np.uint32)
        if ids.max(initial=0) > max(ids.size, _ANY_LABEL):
            # Tables of labels are as long as the largest one.
            names, ids = np.unique(ids, return_inverse=True)
            ids = (ids.reshape(keep.shape) + (names[0] > 0)).astype(np.uint32)
            monitor.warn(f"labels of the file go up to {names[-1]}: they are numbered anew, in their order")
    else:
        _warn_of_gaps(keep, monitor)
    return Points(_plain(stack.quaternions), ids, group, phase, observed, notes)


def _warn_of_gaps(keep: NDArray[np.bool_], monitor: Monitor) -> None:
    """A word on sections without a usable point between others: grains end there."""
    there = np.flatnonzero(keep.any(axis=(1, 2)))
    gaps = np.setdiff1d(np.arange(there[0], there[-1]), there) if len(there) else there
    if len(gaps):
        # Counted from 1, as the window shows sections and as they are left out.
        listed = ", ".join(str(z + 1) for z in gaps[:8]) + (" …" if len(gaps) > 8 else "")
        monitor.warn(
            f"nothing is known in {len(gaps)} of the sections ({listed}): grains on both sides are taken as different ones; "
            "aligning can fill such sections from their neighbours (missing sections: nearest or interpolate)"
        )


def choose_phase(stack: EbsdStack, phase: int | None, monitor: Monitor) -> int:
    """The phase asked for, or the most frequent one: a 1-based number.

    Raises
    ------
    NmcError
        If there is no such phase.
    """
    counts = np.bincount(stack.phase.ravel(), minlength=len(stack.phases) + 1)
    if phase is None:
        chosen = int(np.argmax(counts[1:])) + 1
        others = [stack.phases[k].name for k in range(len(stack.phases)) if k + 1 != chosen and counts[k + 1]]
        if others:
            monitor.warn(f"only grains of {stack.phases[chosen - 1].name} are labelled; {', '.join(others)} stays 0")
        return chosen
    if not 1 <= phase <= len(stack.phases):
        names = ", ".join(f"{k + 1} {p.name}" for k, p in enumerate(stack.phases))
        raise NmcError(f"there is no phase {phase}", f"choose one of {names}", "phase")
    return phase


def observed_points(stack: EbsdStack, blank: str, monitor: Monitor) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """What was imaged, without what is blank: bool ``[z, y, x]``, and what was found, in words.

    A point is blank if it is not indexed and has no quality, or one of 0. Resin around a particle gives a pattern without
    bands, whose quality is low but not 0; what was milled away, or lies outside of a tilted cut, gives nothing.

    Parameters
    ----------
    blank
        As in `GrainSettings`. Blank regions at the border that stay are warned of.
    """
    if blank == "keep":
        return np.asarray(stack.observed), ()
    signal = (stack.phase > 0) | (np.nan_to_num(stack.quality) != 0)
    if not signal.any():
        return np.asarray(stack.observed), ()
    notes: tuple[str, ...] = ()
    observed = stack.observed.copy()
    empty = ~signal.any(axis=(1, 2)) & observed.any(axis=(1, 2))
    if empty.any():
        observed[empty] = False
        listed = ", ".join(str(z) for z in np.flatnonzero(empty)[:8]) + (" …" if empty.sum() > 8 else "")
        notes += (f"{empty.sum()} blank sections count as not observed: {listed}",)
    outside = _blank_border(observed & ~signal, observed)
    if outside is None:
        return observed, notes
    share = np.count_nonzero(outside) / outside.size
    if blank == "border":
        observed &= ~outside
        notes += (f"{share:.1%} of the volume, blank up to the border, counts as not observed",)
    elif share > _NOTABLE and np.isfinite(stack.quality).any():
        monitor.warn(
            f"{share:.1%} of the volume is blank up to the border: if it was milled away or lies outside of the cut, "
            "choose “blank at the border” for what was not imaged"
        )
    return observed, notes


def _blank_border(blank: NDArray[np.bool_], observed: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """The part of `blank` that hangs together, in its section, with the border or with what was not observed; None if nothing."""
    from scipy.ndimage import binary_dilation, label

    found = np.zeros_like(blank)
    for z in np.flatnonzero(blank.any(axis=(1, 2))):
        start = np.zeros_like(blank[z])
        start[[0, -1]], start[:, [0, -1]] = True, True
        start |= binary_dilation(~observed[z])
        regions, _ = label(blank[z])
        reached = np.unique(regions[start & blank[z]])
        found[z] = np.isin(regions, reached[reached > 0])
    return found if found.any() else None


def replace_points(
    quaternions: NDArray[np.float32],
    ids: NDArray[np.uint32],
    changeable: NDArray[np.bool_],
    group: NDArray[np.float64],
    angle: float,
    passes: int,
    monitor: Monitor,
) -> tuple[NDArray[np.float32], NDArray[np.uint32], int]:
    """Neighbour orientation correlation: as `GrainSettings.replace_passes`.

    Parameters
    ----------
    changeable
        bool ``[z, y, x]``, where a point may be changed.
    angle
        Largest disorientation of what agrees, radians.

    Returns
    -------
    Orientations and ids after it, and the number of points that changed, a point once a pass.
    """
    total = 0
    for number in range(passes):
        turned, found = beside(partial(_copies, quaternions, ids), monitor)
        part = monitor.sub(number / passes, (number + 1) / passes)
        changed = 0
        for first, last in row_chunks(ids.shape, part, "mending single points"):
            changed += replace_rows(quaternions, ids, changeable, group, float(np.cos(angle / 2)), turned, found, first, last)
        quaternions, ids = _plain(turned), found
        total += changed
        if not changed:
            break
    return quaternions, ids, total


def _copies(quaternions: NDArray[np.float32], ids: NDArray[np.uint32]) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
    return quaternions.copy(), ids.copy()


def _plain(quaternions: NDArray[Any]) -> NDArray[np.float32]:
    """One memory layout and no writing, so that kernels are compiled once."""
    plain = np.ascontiguousarray(quaternions).view()
    plain.flags.writeable = False
    return plain
