"""The alignment tried out while it is edited: drift measured beside the window, hand work on view at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PySide6.QtCore import QObject

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.monitor import Monitor, Progress
from nmcstudio.gui.controller import Controller
from nmcstudio.gui.panels.align_preview import AlignedStore, Plan, aligned_layer, fill_gaps
from nmcstudio.gui.panels.live_preview import LivePreview
from nmcstudio.gui.views.contents import Layer
from nmcstudio.pipeline.steps.align_ebsd import AlignEbsdParams, hand_work

_NOTHING: dict[int, Any] = {}


class LiveAlignment(LivePreview):
    """The alignment of one stack: its drift measured beside the window, hand work on view at once.

    Attributes
    ----------
    stack, params, drift
        None before they are there.
    partial_um
        The drift found so far while sections are compared, ``(n, 2)``, or None.
    is_current
        `drift` is the one for the parameters in use.
    plan
        Where sections would go.
    missing
        Sections without data of their own.
    """

    key = "align-ebsd"
    modes = ("off", "aligned")

    def __init__(self, controller: Controller, parent: QObject | None = None) -> None:
        self._number = 0
        super().__init__(controller, parent)

    def _begin(self, stack: EbsdStack | None) -> None:
        self.stack = stack
        self.params: AlignEbsdParams | None = None
        self.drift: Any = None
        self.partial_um: Any = None
        self.plan: Plan | None = None
        self._measured: Any = None
        self._filled: tuple[Any, dict[int, Any]] = (None, _NOTHING)
        self._asked_fill: Any = None
        self.missing: frozenset[int] = frozenset()
        self.store: AlignedStore | None = None
        if stack is not None:
            self.missing = frozenset(np.flatnonzero(~stack.observed.any(axis=(1, 2))).tolist())
            self.store = AlignedStore(stack, self.planes.add)
            self.planes.serve(self.store)

    @property
    def is_stack(self) -> bool:
        """True if there are sections that could lie off each other."""
        return self.stack is not None and self.stack.shape[0] > 1

    def _follow(self, params: AlignEbsdParams) -> None:
        if self.is_stack:
            self.params = params
            if not self.is_current:
                self._rest()

    def stop(self) -> None:
        super().stop()
        self._asked_fill = None
        self.partial_um = None
        self._controller.previews.drop("align-fill")

    # Hand work, as the parameters in use tell it

    @property
    def nudges(self) -> dict[int, tuple[float, float]]:
        """Sections, counted from 0, that are moved by hand: um down and to the right."""
        return hand_work(self.params)[0] if self.params is not None else {}

    @property
    def left_out(self) -> tuple[int, ...]:
        """Sections, counted from 0, whose data are not used."""
        return hand_work(self.params)[1] if self.params is not None else ()

    @property
    def gone(self) -> frozenset[int]:
        """Sections without data of their own, or left out."""
        return self.missing | set(self.left_out)

    def neighbour(self, section: int) -> int | None:
        """The next section below that has data, or the next above where there is none."""
        count = self.stack.shape[0] if self.stack is not None else 0
        gone = self.gone
        others = [*range(section - 1, -1, -1), *range(section + 1, count)]
        return next((k for k in others if k not in gone), None)

    # The drift

    def _key(self, params: AlignEbsdParams) -> Any:
        return params.drift, params.max_shift_um, params.angle_deg, params.reach, params.remove_trend, params.leave_out

    @property
    def is_current(self) -> bool:
        return self.params is not None and self._measured == self._key(self.params)

    def _ask(self) -> None:
        params, stack = self.params, self.stack
        if params is None or stack is None or self.is_current or self._asked == self._key(params):
            return
        key, (_, leave_out) = self._key(params), hand_work(params)

        def work(monitor: Monitor) -> Any:
            from nmcstudio.imaging.drift import measure_drift, no_drift

            if params.drift == "none":
                return key, no_drift(stack.shape[0])
            return key, measure_drift(
                stack, max_shift_um=params.max_shift_um, angle=math.radians(params.angle_deg), reach=params.reach,
                remove_trend=params.remove_trend, leave_out=leave_out, monitor=monitor,
            )  # fmt: skip

        self._work_beside(key, work, "Comparing sections")

    def _take_part(self, progress: Progress) -> None:
        if progress.partial is not None:
            self.partial_um = progress.partial
            self.changed.emit()

    def _take(self, answer: tuple[Any, Any]) -> None:
        self._measured, self.drift = answer
        self.partial_um = None
        self._show()

    # Where sections go

    def _work_out(self) -> None:
        if self.drift is not None and self.params is not None and self.stack is not None:
            from nmcstudio.imaging.align import planned_moves

            nudges, leave_out = hand_work(self.params)
            count = self.stack.shape[0]
            moves = planned_moves(self.drift, {k: v for k, v in nudges.items() if k < count}, self.stack.spacing_um)
            gone = self.missing | {k for k in leave_out if k < count}
            key = (self.params.missing, self.params.angle_deg, gone, moves.tobytes())
            filled = self._filled[1] if self._filled[0] == key else _NOTHING
            before = self.plan
            same = before is not None and before.gone == gone and np.array_equal(before.moves, moves)
            if not same or before.filled is not filled:
                self._number += 1
                self.plan = self.store.plan = Plan(moves, frozenset(gone), filled, self._number)
            if gone and self.params.missing != "blank" and key not in (self._filled[0], self._asked_fill):
                self._ask_fill(key)

    def _ask_fill(self, key: Any) -> None:
        self._asked_fill = key
        stack, plan, how, angle = self.stack, self.plan, self.params.missing, math.radians(self.params.angle_deg)

        def work(monitor: Monitor) -> Any:
            return stack, key, fill_gaps(stack, plan.moves, plan.gone, how, angle, monitor)

        self._controller.previews.ask("align-fill", work, self._filled_now, self._failed)

    def _filled_now(self, answer: tuple[EbsdStack, Any, dict[int, Any]]) -> None:
        stack, key, filled = answer
        if stack is self.stack:
            self._filled = (key, filled)
            self._show()

    # What is there

    def layers(self) -> tuple[Layer, ...]:
        if self.mode == "off" or self.store is None or self.plan is None:
            return ()
        return (aligned_layer(self.store),)

    def words(self) -> str:
        drift, plan = self.drift, self.plan
        if self.trouble or drift is None or plan is None:
            waits = self.trouble or self.is_working or not self.is_stack
            return self.trouble if waits else "Cancelled. A change of the parameters below compares the sections again."
        far = float(np.linalg.norm(np.ptp(drift.drift_um, axis=0)))
        moving = int(np.count_nonzero(plan.moves.any(axis=1)))
        parts = [f"drift over {far:.3g} µm, {moving} of {len(plan.moves)} sections would move"]
        if np.isfinite(drift.agreement).any():
            parts.append(f"neighbours agree at {100 * float(np.nanmedian(drift.agreement)):.0f} % of their points (median)")
        if plan.gone:
            parts.append(f"{len(plan.gone)} without data, {len(plan.filled)} filled")
        return "; ".join(parts) + "."
