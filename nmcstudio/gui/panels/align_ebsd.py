"""Alignment of sections: the drift as a curve, one section over its neighbour, and hand work on single ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt, Slot
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QListWidget, QListWidgetItem, QToolButton, QVBoxLayout, QWidget

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.monitor import Progress
from nmcstudio.gui.jobs import RUNNING, Job
from nmcstudio.gui.panels.align_live import LiveAlignment
from nmcstudio.gui.panels.align_plots import DriftFigure
from nmcstudio.gui.panels.align_preview import moved, pair_pixels, quality_pixels
from nmcstudio.gui.panels.align_section import SectionBox
from nmcstudio.gui.panels.step_panel import StepPanel
from nmcstudio.gui.views.store import ContentStore
from nmcstudio.gui.widgets.number_box import as_sentence, in_micrometres
from nmcstudio.pipeline.steps.align_ebsd import hand_work

_LINES = 3  # of the list that are seen at once
_LARGEST = 420  # points of a side in the picture
_NONE = "No section falls out of line, and none was changed by hand."


class AlignEbsdPanel(StepPanel):
    """Edits are on view at once; Run makes it so, and takes the hand work out of the form because it is done then."""

    hidden = ("nudges", "leave_out")

    def build_top(self) -> QWidget:
        self.live = LiveAlignment(self.controller, self)
        self._digest = ""
        self._is_on_view = False
        self._gesture = 0
        self._area: Any = None
        # Hand work belongs to one state of the map: it goes when the map changes, and comes back with undo.
        self._hand: dict[str, dict[str, Any]] = {}
        self._hand_of = self._map_digest()
        self.section = 0
        self.figure = DriftFigure()
        self.words = QLabel()
        self.words.setObjectName("muted")
        self.words.setWordWrap(True)
        self.words.setMinimumHeight(3 * self.words.fontMetrics().lineSpacing())
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.box = SectionBox()
        self.list = QListWidget()
        self.list.setToolTip("Sections that fall out of line, and those changed by hand. Click to look at one")
        self.list.setAccessibleName("Sections to look at")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setFixedHeight(_LINES * (self.list.fontMetrics().lineSpacing() + 4) + 6)
        top = QWidget()
        column = QVBoxLayout(top)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(self._make_views())
        for widget in (self.figure, self.words, self.list, self.box):
            column.addWidget(widget)
        self.figure.chosen.connect(self.show_section)
        self.list.itemClicked.connect(self._listed_chosen)
        self.box.section_chosen.connect(self.show_section)
        self.box.stepped.connect(self._stepped)
        self.box.nudge_typed.connect(self._nudge_typed)
        self.box.left_out.connect(self._leave_out)
        self.box.taken_back.connect(self._take_back)
        self.box.look_changed.connect(self._show_pair)
        self.live.changed.connect(self._live_changed)
        self.live.working.connect(self._show_work)
        self.controller.jobs.changed.connect(self._job_changed)
        ContentStore.of(self.controller).shown.connect(self._content_shown)
        self.controller.theme_changed.connect(self._paint)
        self._paint()
        self._live_changed()
        return top

    def _make_views(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2)
        self.views = QButtonGroup(self)
        for index, (name, tip) in enumerate(
            (("As it is", "The slices show the map that the project holds"),
             ("Aligned", "The slices show what Run would give. Nothing is changed before"))
        ):  # fmt: skip
            button = QToolButton()
            button.setObjectName("choice")
            button.setText(name)
            button.setToolTip(tip)
            button.setCheckable(True)
            button.setChecked(index == 0)
            self.views.addButton(button, index)
            row.addWidget(button)
        row.addStretch(1)
        self.views.idClicked.connect(lambda _: self._show_preview())
        return row

    @Slot()
    def _paint(self) -> None:
        self.figure.paint(self.controller.theme)

    # When to look

    def _map_digest(self) -> str:
        project = self.controller.project
        return project.record("ebsd").digest if "ebsd" in project.keys else ""

    def showEvent(self, event) -> None:
        super().showEvent(event)
        self._find_area()
        self._load()

    def hideEvent(self, event) -> None:
        super().hideEvent(event)
        if not event.spontaneous():
            self.live.stop()
            self._choose(False)

    def _find_area(self) -> None:
        """Follow the cross-hair of the slices, and let it follow."""
        if self._area is None:
            from nmcstudio.gui.views.area import ViewArea

            self._area = self.window().findChild(ViewArea)
            if self._area is not None:
                self._area.cross.moved.connect(self._cross_moved)

    @Slot(str)
    def _node_changed(self, node: str) -> None:
        super()._node_changed(node)
        if node == "ebsd":
            self._change_hand()
            if self.isVisible():
                self._load()

    def _change_hand(self) -> None:
        digest = self._map_digest()
        if digest == self._hand_of:
            return
        project = self.controller.project
        params = project.params(self.key)
        self._hand[self._hand_of] = {name: params[name] for name in self.hidden if params.get(name)}
        self._hand_of = digest
        rest = {name: value for name, value in params.items() if name not in self.hidden}
        if rest | self._hand.get(digest, {}) != params:
            # Not an edit of its own in the history: it comes and goes with the map.
            project.set_params(self.key, rest | self._hand.get(digest, {}))

    @Slot()
    def _replaced(self) -> None:
        super()._replaced()
        self._digest = ""
        self._hand, self._hand_of = {}, self._map_digest()
        self.live.set_stack(None)
        self._choose(False)
        self._live_changed()
        if self.isVisible():
            self._load()

    def _load(self) -> None:
        digest = self._map_digest()
        if not digest:
            return
        if digest != self._digest:
            self._digest = digest
            self.controller.load_value_async("ebsd", self._loaded)
        else:
            self._follow()

    def _loaded(self, stack: EbsdStack) -> None:
        self.live.set_stack(stack)
        with QSignalBlocker(self.box.number):
            self.box.number.setRange(1, stack.shape[0])
        if not 0 < self.section < stack.shape[0]:
            self.section = min(stack.shape[0] - 1, max(1, stack.shape[0] // 2))
        self._follow()
        self.show_section(self.section)

    def shown_values(self, values: dict[str, Any]) -> None:
        self._follow()

    def _follow(self) -> None:
        """Tell the live alignment what the form says."""
        if self.live.stack is None or not self.isVisible() or self.live.stack.shape[0] < 2:
            return
        try:
            params = self.step.params(**self.controller.params(self.key))
        except ValueError:
            return
        self.live.set_params(params)
        self._show_state()
        self._show_hand()

    @Slot(object)
    def _job_changed(self, job: Job) -> None:
        if job.state == RUNNING and job.step == self.key:
            self.live.stop()

    # Hand work

    def _nudges(self) -> tuple[dict[int, tuple[float, float]], tuple[int, ...]]:
        return hand_work(self.live.params) if self.live.params is not None else ({}, ())

    def _set_nudge(self, nudge: tuple[float, float], gesture: str) -> None:
        nudges, _ = self._nudges()
        nudges[self.section] = nudge
        told = [[k + 1, round(down, 6), round(right, 6)] for k, (down, right) in sorted(nudges.items()) if down or right]
        self._choose(True)
        self.controller.edit_params(self.key, {"nudges": told}, gesture)

    @Slot(int, int)
    def _stepped(self, down: int, right: int) -> None:
        stack = self.live.stack
        if stack is None or self.section in self._gone():
            return
        before = self._nudges()[0].get(self.section, (0.0, 0.0))
        _, dy, dx = stack.spacing_um
        # Steps that follow each other are one act of the history, as long as the section is the same.
        self._set_nudge((before[0] + down * dy, before[1] + right * dx), f"nudge-{id(self)}-{self._gesture}")

    @Slot(float, float)
    def _nudge_typed(self, down: float, right: float) -> None:
        self._set_nudge((down, right), f"nudge-{id(self)}-{self._gesture}")

    @Slot(bool)
    def _leave_out(self, out: bool) -> None:
        self._gesture += 1
        left_out = set(self._nudges()[1]) - {self.section} | ({self.section} if out else set())
        self._choose(True)
        self.controller.edit_params(self.key, {"leave_out": sorted(k + 1 for k in left_out)})

    @Slot()
    def _take_back(self) -> None:
        self._gesture += 1
        nudges, left_out = self._nudges()
        nudges.pop(self.section, None)
        told = [[k + 1, down, right] for k, (down, right) in sorted(nudges.items())]
        out = [k + 1 for k in left_out if k != self.section]
        self.controller.edit_params(self.key, {"nudges": told, "leave_out": out})

    def _gone(self) -> frozenset[int]:
        return self.live.missing | set(self._nudges()[1])

    # The section on view

    @Slot(int)
    def show_section(self, index: int) -> None:
        """Put a section on view, counted from 0: here and in the slices."""
        if index != self.section:
            self._gesture += 1
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
        if stack is None or not self.isVisible() or self.controller.node != "ebsd":
            return
        at = (self._area.cross.position[0] - stack.origin_um[0]) / stack.spacing_um[0]
        index = int(np.floor(at + 0.5))
        if 0 <= index < stack.shape[0] and index != self.section:
            self.show_section(index)

    @Slot(QListWidgetItem)
    def _listed_chosen(self, item: QListWidgetItem) -> None:
        self.show_section(int(item.data(Qt.ItemDataRole.UserRole)))

    def _show_hand(self) -> None:
        nudges, left_out = self._nudges()
        stack = self.live.stack
        if stack is None:
            self.box.setEnabled(False)
            return
        self.box.setEnabled(stack.shape[0] > 1)
        movable = self.section not in self._gone()
        self.box.show_state(nudges.get(self.section), self.section in left_out, movable, stack.spacing_um[1:])

    def _neighbour(self) -> int | None:
        """The section below that has data, or the one above where there is none."""
        gone = self._gone()
        count = self.live.stack.shape[0] if self.live.stack is not None else 0
        below = [k for k in range(self.section) if k not in gone]
        above = [k for k in range(self.section + 1, count) if k not in gone]
        return below[-1] if below else above[0] if above else None

    @Slot()
    def _show_pair(self) -> None:
        stack, plan, other = self.live.stack, self.live.plan, self._neighbour()
        if stack is None or plan is None or other is None:
            return
        self.box.over.setText(f"of {stack.shape[0]}, over {other + 1}")
        source, kind = self.box.look
        if self.section in plan.gone and (self.section not in plan.filled or source == "Quality"):
            gone = "left out" if self.section not in self.live.missing else "missing"
            self.box.picture.say(f"Section {self.section + 1} is {gone}. What stands in its place is chosen at Missing sections.")
            return
        pictures = []
        for k in (self.section, other):
            if source == "Quality":
                own = moved(quality_pixels(stack.quality[k]), tuple(plan.moves[k]))
            else:
                own = self.live.store.plane(0, k)
            if own is None:
                return
            step = max(1, max(own.shape[:2]) // _LARGEST)
            pictures.append(own[::step, ::step])
        self.box.picture.show_pixels(pair_pixels(*pictures, kind), stack.spacing_um[1] / stack.spacing_um[2])

    # What is shown

    @Slot()
    def _live_changed(self) -> None:
        live = self.live
        if live.stack is None:
            self.figure.say("The drift of the sections will stand here.")
            self.words.setText("")
        elif live.stack.shape[0] < 2:
            self.figure.say("A single section has no drift.")
            self.words.setText("")
        elif live.drift is None:
            if live.partial_um is not None:
                self.figure.show_partial(live.partial_um, live.stack.shape[0])
            else:
                self.figure.say(live.trouble or "Comparing sections …")
        elif live.plan is not None:
            nudges, left_out = self._nudges()
            applied = live.plan.moves * np.asarray(live.stack.spacing_um[1:])
            self.figure.show_drift(live.drift, applied, sorted(nudges), [k for k in left_out if k < len(applied)])
            self._say()
        if live.trouble:
            self.words.setText(as_sentence(live.trouble))
        self.figure.show_section(self.section)
        self._show_list()
        self._show_hand()
        self._show_pair()
        self._show_preview()
        for button in self.views.buttons():
            button.setEnabled(live.plan is not None)

    def _say(self) -> None:
        drift, plan = self.live.drift, self.live.plan
        far = float(np.linalg.norm(np.ptp(drift.drift_um, axis=0)))
        moving = int(np.count_nonzero(plan.moves.any(axis=1)))
        parts = [f"Preview: drift over {far:.3g} µm, {moving} of {len(plan.moves)} sections move"]
        if np.isfinite(drift.agreement).any():
            parts.append(f"neighbours agree at {100 * float(np.nanmedian(drift.agreement)):.0f} % of their points (median)")
        if plan.gone:
            parts.append(f"{len(plan.gone)} without data, {len(plan.filled)} filled")
        self.words.setText("; ".join(parts) + ".")

    def _show_list(self) -> None:
        drift, (nudges, left_out) = self.live.drift, self._nudges()
        reasons: dict[int, list[str]] = {}
        if drift is not None:
            for k, words in zip(drift.outliers, drift.reasons):
                reasons.setdefault(k, []).append(f"▼ {in_micrometres(words)}")
        for k, (down, right) in nudges.items():
            reasons.setdefault(k, []).append(f"◆ moved {direction_words(down, right)}")
        for k in left_out:
            reasons.setdefault(k, []).append("✕ left out")
        before = self.live.stack.alignment if self.live.stack is not None else None
        for k in self.live.missing:
            was_left_out = before is not None and k in before.left_out
            reasons.setdefault(k, []).append("was left out in an earlier run" if was_left_out else "was never there")
        lines = [(k, f"{k + 1}:  {', '.join(reasons[k])}") for k in sorted(reasons)] or [(-1, _NONE)]
        if [
            (self.list.item(i).data(Qt.ItemDataRole.UserRole), self.list.item(i).text()) for i in range(self.list.count())
        ] == lines:
            return
        self.list.clear()
        for k, words in lines:
            item = QListWidgetItem(words)
            item.setToolTip(words)
            item.setData(Qt.ItemDataRole.UserRole, k)
            if k < 0:
                item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(item)

    @Slot(object)
    def _show_work(self, progress: Progress | None) -> None:
        if progress is not None and progress.fraction is not None:
            self.words.setText(f"Comparing sections … {100 * progress.fraction:.0f} %")

    def _choose(self, aligned: bool) -> None:
        self.views.button(int(aligned)).setChecked(True)
        self._show_preview()

    @Slot()
    def _show_preview(self) -> None:
        wanted = self.views.checkedId() == 1 and self.isVisible()
        layers = self.live.layers() if wanted else ()
        if layers and self.controller.node != "ebsd":
            self.controller.show_node("ebsd")
        if layers or self._is_on_view:
            self.controller.preview.emit(self.key, layers or None)
        self._is_on_view = bool(layers)

    @Slot(object)
    def _content_shown(self, content: Any) -> None:
        # Other layers have come on view and have taken the preview with them.
        if self._is_on_view:
            self._show_preview()

    @Slot(str, object)
    def _committed(self, key: str, outcome: Any) -> None:
        super()._committed(key, outcome)
        if key == self.key:
            self._choose(False)


def direction_words(down: float, right: float) -> str:
    """A move in words: ``0.4 µm down, 0.2 µm left``."""
    parts = []
    if down:
        parts.append(f"{abs(down):.4g} µm {'down' if down > 0 else 'up'}")
    if right:
        parts.append(f"{abs(right):.4g} µm {'right' if right > 0 else 'left'}")
    return ", ".join(parts) or "nowhere"
