"""What an alignment would give: planes of the moved sections in IPF colours, and one section laid over its neighbour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.panels.plane_store import PlaneStore
from nmcstudio.gui.views.contents import Layer, PlaneSource
from nmcstudio.gui.views.layer_model import PREVIEW
from nmcstudio.gui.views.legends import ipf_legend
from nmcstudio.gui.views.orientation_layers import main_group

PAIRS = ("Blend", "Checkerboard", "Difference")
_SQUARES = 8  # along the longer side of a checkerboard


@dataclass(frozen=True)
class Plan:
    """Where each section goes: voxels (y, x) ``(slices, 2)``; sections without data of their own, and what stands there instead
    (quaternions and phase in the place where they are wanted)."""

    moves: NDArray[np.int_]
    gone: frozenset[int]
    filled: dict[int, tuple[NDArray[np.float32], NDArray[np.uint8]]]
    number: int


def colours_of(quaternions: NDArray[Any], phase: NDArray[np.uint8], stack: EbsdStack) -> NDArray[np.uint8]:
    """IPF colours along z of any orientations of a stack, uint8 ``(..., 3)``; black where not indexed."""
    from nmcstudio.crystal.ipf import ipf_colours

    pixels = np.zeros((*phase.shape, 3), np.uint8)
    for index, each in enumerate(stack.phases, 1):
        here = phase == index
        if here.any():
            pixels[here] = ipf_colours(quaternions[here], each.point_group, "z")
    return pixels


def moved(values: NDArray[Any], move: tuple[int, int], empty: Any = 0) -> NDArray[Any]:
    """A section ``[y, x, ...]`` moved by voxels inside its field; what comes in is `empty`."""
    out = np.full_like(values, empty)
    (dy, dx), (rows, columns) = (int(move[0]), int(move[1])), values.shape[:2]
    if abs(dy) < rows and abs(dx) < columns:
        out[max(0, dy) : rows + min(0, dy), max(0, dx) : columns + min(0, dx)] = values[
            max(0, -dy) : rows - max(0, dy), max(0, -dx) : columns - max(0, dx)
        ]
    return out


class AlignedStore(PlaneStore):
    """Coloured sections and planes of one stack, each with the number of the plan that it shows.

    "Axis" 0 are the sections as they lie, 1, 2, 3 the planes across z, y, x of the moved ones.
    """

    def __init__(self, stack: EbsdStack, wanted: Callable[[int, int], None]) -> None:
        super().__init__(wanted)
        self.stack = stack
        self.plan: Plan | None = None

    def plane(self, axis: int, index: int) -> NDArray[np.uint8] | None:
        """A plane of the moved sections; the last one while it is being made, or None."""
        plan = self.plan
        if plan is None:
            return None
        if axis == 0 and index not in plan.filled:
            if index in plan.gone:
                return np.zeros((*self.stack.shape[1:], 3), np.uint8)
            colours = self.section(index)
            return None if colours is None else moved(colours, tuple(plan.moves[index]))
        number, held = self.held(axis + 1, index) or (-1, None)
        if number != plan.number:
            self._wanted(axis + 1, index)
        return held

    def section(self, index: int) -> NDArray[np.uint8] | None:
        """IPF colours of a section where it lies now, or None while they are being made."""
        found = self.held(0, index)
        if found is None:
            self._wanted(0, index)
            return None
        colours: NDArray[np.uint8] = found[1]
        return colours

    def work(self, axis: int, index: int) -> Callable[[Monitor], tuple[int, NDArray[np.uint8]]] | None:
        plan = self.plan
        if axis == 1 and (plan is None or index not in plan.filled):
            return None
        return lambda monitor: (-1 if plan is None else plan.number, self.compute(axis, index, plan))

    def compute(self, kind: int, index: int, plan: Plan | None) -> NDArray[np.uint8]:
        """Colours of a section as it lies (kind 0), or of the plane across z, y, x of the moved sections (1, 2, 3)."""
        stack = self.stack
        if kind == 0 or plan is None:
            return colours_of(stack.quaternions[index], stack.phase[index], stack)
        if kind == 1:
            return colours_of(*plan.filled[index], stack)
        across = 1 if kind == 2 else 0  # the axis of a section that the plane runs along
        length = stack.shape[1 + across]
        quaternions = np.full((stack.shape[0], length, 4), np.nan, np.float32)
        phase = np.zeros((stack.shape[0], length), np.uint8)
        for k in range(stack.shape[0]):
            if k in plan.filled:
                q, p = plan.filled[k]
                quaternions[k], phase[k] = np.take(q, index, 1 - across), np.take(p, index, 1 - across)
                continue
            source, shift = index - int(plan.moves[k][1 - across]), int(plan.moves[k][across])
            if k in plan.gone or not 0 <= source < stack.shape[2 - across] or abs(shift) >= length:
                continue
            to, out = slice(max(0, shift), length + min(0, shift)), slice(max(0, -shift), length - max(0, shift))
            quaternions[k, to] = np.take(stack.quaternions[k], source, 1 - across)[out]
            phase[k, to] = np.take(stack.phase[k], source, 1 - across)[out]
        return colours_of(quaternions, phase, stack)


class AlignedPlanes(PlaneSource):
    """Colours of the moved sections, as far as they lie in the field."""

    dtype = np.dtype(np.uint8)

    def __init__(self, store: AlignedStore) -> None:
        self.shape = store.stack.shape
        self._store = store

    def plane(self, axis: int, index: int) -> NDArray[Any] | None:
        return self._store.plane(axis, index)


def aligned_layer(store: AlignedStore) -> Layer:
    """The layer of the slices."""
    stack = store.stack
    return Layer(
        f"{PREVIEW}-aligned", "Aligned", "rgb", AlignedPlanes(store), stack.spacing_um, stack.origin_um,
        legend=ipf_legend("z", main_group(stack)),
    )  # fmt: skip


def fill_gaps(
    stack: EbsdStack, moves: NDArray[np.int_], gone: frozenset[int], how: str, angle: float, monitor: Monitor
) -> dict[int, tuple[NDArray[np.float32], NDArray[np.uint8]]]:
    """What would stand in the place of missing sections: orientations and phases, made as the step makes them."""
    from nmcstudio.imaging.align import apply_shifts, leave_sections_out
    from nmcstudio.imaging.section_fill import fill_missing

    found = {}
    there = [k for k in range(stack.shape[0]) if k not in gone]
    for low, high in pairwise(there):
        if how == "blank" or high == low + 1:
            continue
        monitor.check()
        between = slice(low, high + 1)
        few = replace(
            stack,
            **{name: getattr(stack, name)[between] for name in ("quaternions", "phase", "quality", "confidence", "observed")},
            grain_ids=None, shifts_um=None, alignment=None,
        )  # fmt: skip
        few = leave_sections_out(few, range(1, high - low))
        few = apply_shifts(few, moves[between] * np.asarray(stack.spacing_um[1:]), keep_size=True, monitor=monitor)
        few, numbers = fill_missing(few, how, angle=angle, monitor=monitor)
        found |= {low + k: (few.quaternions[k], few.phase[k]) for k in numbers}
    return found


def pair_pixels(upper: NDArray[np.uint8], lower: NDArray[np.uint8], kind: str) -> NDArray[np.uint8]:
    """One section over its neighbour, uint8 ``[y, x, 3]``: blended, in squares in turn, or what differs (bright)."""
    if kind == "Blend":
        return ((upper.astype(np.uint16) + lower) // 2).astype(np.uint8)
    if kind == "Difference":
        return np.abs(upper.astype(np.int16) - lower).astype(np.uint8)
    side = max(1, -(-max(upper.shape[:2]) // _SQUARES))
    odd = (np.add.outer(np.arange(upper.shape[0]) // side, np.arange(upper.shape[1]) // side) % 2).astype(bool)
    return np.where(odd[..., None], upper, lower)


def quality_pixels(quality: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Quality of a section in grey, uint8 ``[y, x, 3]``; black where there is none."""
    finite = quality[np.isfinite(quality)]
    if not finite.size:
        return np.zeros((*quality.shape, 3), np.uint8)
    low, high = np.percentile(finite, (1, 99))
    grey = np.clip((np.nan_to_num(quality, nan=low) - low) / max(float(high - low), 1e-9), 0, 1)
    return np.repeat((255 * grey).astype(np.uint8)[..., None], 3, axis=2)
