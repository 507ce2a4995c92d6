"""The alignment tried out while it is edited: drift measured beside the window, hand work on view at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor, Progress
from nmcstudio.gui.controller import Controller
from nmcstudio.gui.panels.align_preview import AlignedStore, Plan, aligned_layer, fill_gaps
from nmcstudio.gui.views.contents import Layer
from nmcstudio.pipeline.steps.align_ebsd import AlignEbsdParams, hand_work

# A hand that turns a knob is waited for before sections are compared anew.
_REST_MS = 300
_NOTHING: dict[int, Any] = {}


class LiveAlignment(QObject):
    """Holds one stack with the drift for the parameters in use; asks workers for what is missing.

    ``changed`` says that drift, plan or pictures are other than before; ``working`` carries the `Progress` of the comparison,
    None when there is none.

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
    trouble
        What went wrong, in words.
    """

    changed = Signal()
    working = Signal(object)

    def __init__(self, controller: Controller, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_REST_MS)
        self._soon.timeout.connect(self._measure)
        self._number = 0
        self.set_stack(None)

    def set_stack(self, stack: EbsdStack | None) -> None:
        """Begin with another stack, or with none."""
        self.stop()
        self.stack = stack
        self.params: AlignEbsdParams | None = None
        self.drift: Any = None
        self.partial_um: Any = None
        self.plan: Plan | None = None
        self.trouble = ""
        self._measured: Any = None
        self._filled: tuple[Any, dict[int, Any]] = (None, _NOTHING)
        self._asked_fill: Any = None
        self._wished: dict[tuple[int, int], None] = {}
        self._fetching = False
        self.missing: frozenset[int] = frozenset()
        self.store = None if stack is None else AlignedStore(stack, self._wish)
        if stack is not None:
            self.missing = frozenset(np.flatnonzero(~stack.observed.any(axis=(1, 2))).tolist())

    def set_params(self, params: AlignEbsdParams) -> None:
        """Follow the form."""
        if self.stack is None:
            return
        self.params = params
        self.trouble = ""
        if not self.is_current:
            self._soon.start()
        self._make_plan()

    def stop(self) -> None:
        """Cancel what runs beside the window."""
        self._soon.stop()
        self._asked_fill = None
        self._controller.trials.drop("align-measure")
        self._controller.previews.drop("align-fill")
        self.working.emit(None)

    # The drift

    def _key(self, params: AlignEbsdParams) -> Any:
        return params.drift, params.max_shift_um, params.angle_deg, params.reach, params.remove_trend, params.leave_out

    @property
    def is_current(self) -> bool:
        return self.params is not None and self._measured == self._key(self.params)

    @Slot()
    def _measure(self) -> None:
        params, stack = self.params, self.stack
        if params is None or stack is None or self.is_current:
            return
        key, (_, leave_out) = self._key(params), hand_work(params)

        def work(monitor: Monitor) -> Any:
            from nmcstudio.imaging.drift import measure_drift, no_drift

            if params.drift == "none":
                return stack, key, no_drift(stack.shape[0])
            return stack, key, measure_drift(
                stack, max_shift_um=params.max_shift_um, angle=math.radians(params.angle_deg), reach=params.reach,
                remove_trend=params.remove_trend, leave_out=leave_out, monitor=monitor,
            )  # fmt: skip

        self._controller.trials.ask("align-measure", work, self._measured_now, self._failed, self._reported)

    def _reported(self, progress: Progress) -> None:
        if progress.partial is not None:
            self.partial_um = progress.partial
            self.changed.emit()
        self.working.emit(progress)

    def _measured_now(self, answer: tuple[EbsdStack, Any, Any]) -> None:
        stack, key, drift = answer
        if stack is not self.stack:
            return
        self._measured, self.drift, self.partial_um = key, drift, None
        self.working.emit(None)
        self._make_plan()

    def _failed(self, error: Exception) -> None:
        self.working.emit(None)
        if not isinstance(error, NmcError):
            raise error
        self.trouble = f"{error.message}: {error.hint}"
        self.changed.emit()

    # Where sections go

    def _make_plan(self) -> None:
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
        self.changed.emit()

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
            self._make_plan()

    # Pictures

    def layers(self) -> tuple[Layer, ...]:
        """What lies over the slices."""
        return () if self.store is None or self.plan is None else (aligned_layer(self.store),)

    def _wish(self, kind: int, index: int) -> None:
        self._wished[kind, index] = None
        if not self._fetching:
            # Planes are asked for while the slices are being painted.
            QTimer.singleShot(0, self._fetch)

    @Slot()
    def _fetch(self) -> None:
        if self._fetching or not self._wished or self.store is None:
            return
        # The latest wish first: what was scrolled past can wait.
        kind, index = next(reversed(self._wished))
        self._wished.pop((kind, index))
        store, plan = self.store, self.plan
        if kind == 1 and (plan is None or index not in plan.filled):
            self._fetch()
            return
        self._fetching = True

        def work(monitor: Monitor) -> Any:
            return store, kind, index, -1 if plan is None else plan.number, store.compute(kind, index, plan)

        self._controller.previews.ask(f"align-plane-{id(self)}", work, self._fetched, self._fetch_failed)

    def _fetched(self, answer: tuple[AlignedStore, int, int, int, Any]) -> None:
        self._fetching = False
        store, kind, index, number, colours = answer
        store.put(kind, index, number, colours)
        if store is self.store:
            self.changed.emit()
        self._fetch()

    def _fetch_failed(self, error: Exception) -> None:
        self._fetching = False
        self._wished.clear()
        self._failed(error)
