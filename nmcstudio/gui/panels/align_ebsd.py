"""Alignment of sections: the drift as a curve, one section over its neighbour, and hand work on single ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt, Slot
from PySide6.QtWidgets import QWidget

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.gui.panels.align_hand import NAMES, HandWork
from nmcstudio.gui.panels.align_list import SectionList, reasons_to_look
from nmcstudio.gui.panels.align_live import LiveAlignment
from nmcstudio.gui.panels.align_plots import DriftFigure
from nmcstudio.gui.panels.align_preview import moved, pair_pixels, quality_pixels
from nmcstudio.gui.panels.align_section import SectionBox
from nmcstudio.gui.panels.live_panel import LivePanel

_LARGEST = 420  # points of a side in the picture


class AlignEbsdPanel(LivePanel):
    """Run takes the hand work out of the form because it is done then."""

    hidden = NAMES
    input_node = "ebsd"
    views_of = (
        ("As it is", "The slices show the map that the project holds"),
        ("Aligned", "The slices show what Run would give"),
    )
    cancel_tip = "Stop comparing sections; a change of the parameters below begins anew"
    live: LiveAlignment

    def make_live(self) -> LiveAlignment:
        return LiveAlignment(self.controller, self)

    def build_rows(self) -> list[QWidget]:
        self.hand = HandWork(self.controller, self.live)
        self._area: Any = None
        self.section = 0
        self.figure = DriftFigure()
        self.list = SectionList()
        self.box = SectionBox()
        self.count.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.figure.chosen.connect(self.show_section)
        self.list.chosen.connect(self.show_section)
        self.box.section_chosen.connect(self.show_section)
        self.box.stepped.connect(self._stepped)
        self.box.nudge_typed.connect(self._nudge_typed)
        self.box.left_out.connect(self._leave_out)
        self.box.taken_back.connect(self._take_back)
        self.box.look_changed.connect(self._show_pair)
        return [self.figure, self.make_whole(self.count), self.list, self.box]

    def paint_figures(self) -> None:
        self.figure.paint(self.controller.theme)

    # When to look

    def showEvent(self, event) -> None:
        super().showEvent(event)
        self._find_area()

    def _find_area(self) -> None:
        """Follow the cross-hair of the slices, and let it follow."""
        if self._area is None:
            from nmcstudio.gui.views.area import ViewArea

            self._area = self.window().findChild(ViewArea)
            if self._area is not None:
                self._area.cross.moved.connect(self._cross_moved)

    @Slot(str)
    def _node_changed(self, node: str) -> None:
        if node == self.input_node:
            self.hand.change_map()
        super()._node_changed(node)

    @Slot()
    def _replaced(self) -> None:
        self.hand.forget()
        super()._replaced()

    def _loaded(self, stack: EbsdStack) -> None:
        with QSignalBlocker(self.box.number):
            self.box.number.setRange(1, stack.shape[0])
        if not 0 < self.section < stack.shape[0]:
            self.section = min(stack.shape[0] - 1, max(1, stack.shape[0] // 2))
        super()._loaded(stack)
        self.show_section(self.section)

    # Hand work

    @Slot(int, int)
    def _stepped(self, down: int, right: int) -> None:
        if self.live.stack is not None and self.section not in self.live.gone:
            self.choose("aligned")
            self.hand.step(self.section, down, right)

    @Slot(float, float)
    def _nudge_typed(self, down_um: float, right_um: float) -> None:
        self.choose("aligned")
        self.hand.nudge_to(self.section, down_um, right_um)

    @Slot(bool)
    def _leave_out(self, out: bool) -> None:
        self.choose("aligned")
        self.hand.leave_out(self.section, out)

    @Slot()
    def _take_back(self) -> None:
        self.hand.take_back(self.section)

    # The section on view

    @Slot(int)
    def show_section(self, index: int) -> None:
        """Put a section on view, counted from 0: here and in the slices."""
        if index != self.section:
            self.hand.end_gesture()
        self.section = index
        with QSignalBlocker(self.box.number):
            self.box.number.setValue(index + 1)
        self.figure.show_section(index)
        self._show_hand()
        self._show_pair()
        stack = self.live.stack
        if self._area is not None and stack is not None:
            position = self._area.cross.position.copy()
            position[0] = stack.origin_um[0] + index * stack.spacing_um[0]
            self._area.cross.move(position)

    @Slot()
    def _cross_moved(self) -> None:
        stack = self.live.stack
        if stack is None or not self.isVisible() or self.controller.node != self.input_node:
            return
        at = (self._area.cross.position[0] - stack.origin_um[0]) / stack.spacing_um[0]
        index = int(np.floor(at + 0.5))
        if 0 <= index < stack.shape[0] and index != self.section:
            self.show_section(index)

    def _show_hand(self) -> None:
        live = self.live
        self.box.setEnabled(live.is_stack)
        if live.stack is not None:
            done, is_out = live.nudges.get(self.section), self.section in live.left_out
            self.box.show_state(done, is_out, self.section not in live.gone, live.stack.spacing_um[1:])

    @Slot()
    def _show_pair(self) -> None:
        live = self.live
        stack, plan, other = live.stack, live.plan, live.neighbour(self.section)
        if stack is None or plan is None or other is None:
            self.box.show_no_pair()
            return
        self.box.over.setText(f"of {stack.shape[0]}, over {other + 1}")
        source, kind = self.box.look
        if self.section in plan.gone and (self.section not in plan.filled or source == "Quality"):
            gone = "left out" if self.section not in live.missing else "missing"
            self.box.picture.say(f"Section {self.section + 1} is {gone}. What stands in its place is chosen at Missing sections.")
            return
        pictures = []
        for k in (self.section, other):
            if source == "Quality":
                own = moved(quality_pixels(stack.quality[k]), tuple(plan.moves[k]))
            else:
                own = live.store.plane(0, k)
            if own is None:
                return
            step = max(1, max(own.shape[:2]) // _LARGEST)
            pictures.append(own[::step, ::step])
        self.box.picture.show_pixels(pair_pixels(*pictures, kind), stack.spacing_um[1] / stack.spacing_um[2])

    # What is shown

    def why_not(self, mode: str) -> str:
        return "" if self.live.plan is not None else "The sections have not been compared"

    def show_live(self) -> None:
        live = self.live
        if live.stack is None:
            self.figure.say("The drift of the sections will stand here.")
        elif not live.is_stack:
            self.figure.say("A single section has no drift.")
        elif live.drift is None:
            if live.partial_um is not None:
                self.figure.show_partial(live.partial_um, live.stack.shape[0])
            else:
                self.figure.say("Comparing sections …" if live.is_working else "The sections have not been compared.")
        elif live.plan is not None:
            applied = live.plan.moves * np.asarray(live.stack.spacing_um[1:])
            left_out = [k for k in live.left_out if k < len(applied)]
            self.figure.show_drift(live.drift, applied, sorted(live.nudges), left_out)
        self.figure.show_section(self.section)
        self.list.show_reasons(reasons_to_look(live), live.drift is not None)
        self._show_hand()
        self._show_pair()
