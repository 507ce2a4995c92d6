"""The panel of one step: what it is, its parameters, what is known before the run, the run itself, and what went wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QScrollArea, QToolButton, QVBoxLayout, QWidget

from nmcstudio.core.errors import NmcError
from nmcstudio.gui.controller import Controller
from nmcstudio.gui.forms import ParamsForm
from nmcstudio.gui.jobs import Job
from nmcstudio.gui.panels.foot import PanelFoot, in_words
from nmcstudio.gui.widgets.bars import Bar, BarStack
from nmcstudio.gui.widgets.marks import StateMark, state_of, why_stale
from nmcstudio.pipeline.registry import step as step_of
from nmcstudio.project.nodes import NODES

PREFLIGHT_MS = 120


class StepPanel(QWidget):
    """Works for every step; panels with more to show derive from it and fill `build_top` or `build_bottom`.

    Attributes
    ----------
    hidden
        Names of parameters that the panel shows in its own way.
    tells_notes
        False where the panel shows in its own way what is noted about the input.
    """

    hidden: tuple[str, ...] = ()
    tells_notes = True

    def __init__(self, controller: Controller, key: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.controller = controller
        self.key = key
        self.step = step_of(key)
        self.setMinimumWidth(300)
        self.form = ParamsForm(self.step.params, self.hidden)
        self.bars = BarStack(margins=(0, 0, 0, 0))
        self.foot = PanelFoot(controller, key)
        self._preflight = QTimer(self)
        self._preflight.setSingleShot(True)
        self._preflight.setInterval(PREFLIGHT_MS)
        self._preflight.timeout.connect(self._check)
        self._lay_out()
        self.form.edited.connect(self._edited)
        self.foot.run_wanted.connect(self.run)
        controller.project_replaced.connect(self._replaced)
        controller.params_changed.connect(self._params_changed)
        controller.node_changed.connect(self._node_changed)
        controller.state_changed.connect(self._show_state)
        controller.theme_changed.connect(self._show_state)
        controller.jobs.finished.connect(self._finished)
        controller.committed.connect(self._committed)
        self._refresh()
        self._check()
        self._show_state()
        self._show_warnings()
        if key in controller.errors:
            self._finished(controller.errors[key])

    # What derived panels may fill in

    def build_top(self) -> QWidget | None:
        """A widget above the form."""
        return None

    def build_bottom(self) -> QWidget | None:
        """A widget below the form."""
        return None

    def shown_values(self, values: dict[str, Any]) -> None:
        """Called with all parameters after each change."""

    # Layout

    def _lay_out(self) -> None:
        title = QLabel(self.step.title)
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 1.25)
        font.setBold(True)
        title.setFont(font)
        title.setWordWrap(True)
        self.mark = StateMark()
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(title, 1)
        head.addWidget(self.mark)
        about = QLabel(self.step.about)
        about.setObjectName("muted")
        about.setWordWrap(True)
        self.why = QLabel()
        self.why.setWordWrap(True)
        self.why.hide()
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(12)
        top = self.build_top()
        if top is not None:
            column.addWidget(top)
        column.addWidget(self.form, 1)
        bottom = self.build_bottom()
        if bottom is not None:
            column.addWidget(bottom)
        scroll = QScrollArea()
        scroll.setObjectName("plain")
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 8, 8)
        layout.setSpacing(8)
        layout.addLayout(head)
        if self.step.about:
            layout.addWidget(about)
        layout.addWidget(self.why)
        others = self._other_ways()
        if others is not None:
            layout.addWidget(others, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self.bars)
        layout.addWidget(scroll, 1)
        layout.addWidget(self.foot)

    def _other_ways(self) -> QToolButton | None:
        """A button with the other steps that give the same node."""
        node = self.step.writes if isinstance(self.step.writes, str) else None
        steps = [key for key in NODES[node].steps if key != self.key] if node else []
        if not steps:
            return None
        button = QToolButton()
        title = NODES[node].title
        button.setText(f"Other ways to {title if title.startswith(('CT', 'EBSD')) else title.lower()} ▾")
        button.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        button.setAutoRaise(True)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        for key in steps:
            action = menu.addAction(step_of(key).title)
            action.setData(key)
        menu.triggered.connect(lambda action: self.controller.show_step(action.data()))
        button.setMenu(menu)
        return button

    # The form and the project

    def showEvent(self, event) -> None:
        super().showEvent(event)
        # What it reads may have become stale while another panel was open.
        self._preflight.start()

    @Slot(str, object, str)
    def _edited(self, name: str, value: Any, drag: str) -> None:
        self.controller.edit_params(self.key, {name: value}, drag)

    def _refresh(self) -> None:
        values = dict.fromkeys(self.step.params.model_fields) | self.controller.params(self.key)
        self.form.set_values(values)
        self.shown_values(values)

    @Slot(str)
    def _params_changed(self, key: str) -> None:
        if key == self.key:
            self._refresh()
            self._preflight.start()

    @Slot()
    def _replaced(self) -> None:
        self.bars.drop_all()
        self._refresh()
        self._preflight.start()
        self._show_state()
        self._show_warnings()

    @Slot(str)
    def _node_changed(self, node: str) -> None:
        self._preflight.start()
        self._show_warnings()

    @Slot()
    def _check(self) -> None:
        preflight = self.controller.preflight(self.key)
        errors = {}
        touched = bool(self.controller.project.params(self.key))
        for problem in preflight.problems:
            # Before anybody has filled in anything nothing is a mistake: the foot says what to begin with.
            if problem.field in self.form.editors and touched:
                errors[problem.field] = in_words(problem)
        self.form.set_errors(errors)
        self.foot.show_preflight(preflight if self.tells_notes else replace(preflight, notes=()), errors)

    def written_node(self) -> str | None:
        """Node that a run with the parameters as they stand would write."""
        if not callable(self.step.writes):
            return self.step.writes
        try:
            return self.step.writes(self.step.params(**self.controller.params(self.key)))
        except ValueError:
            return None

    @Slot()
    def _show_state(self) -> None:
        node = self.written_node()
        state = state_of(self.controller, node, (self.key,))
        if state in ("ready", "stale") and not self._made_it(node):
            # The node is there, but it came about in another way.
            state = "unused"
        self.mark.show_state(self.controller, state)
        because = why_stale(self.controller, node) if state == "stale" else ""
        self.mark.setToolTip(because)
        # Where something above is stale itself, to run this alone would not help.
        self.why.setText(f"{because}." if because.endswith(("stale", "gone")) else f"{because}. Run makes it anew.")
        rule = f"color: {self.controller.theme.stale}"
        if self.why.styleSheet() != rule:
            self.why.setStyleSheet(rule)
        self.why.setVisible(bool(because))
        self.foot.show_state()

    def _made_it(self, node: str) -> bool:
        record = self.controller.project.record(node)
        return record.step == self.key or any(edit.get("step") == self.key for edit in record.edits)

    # Running

    @Slot()
    def run(self) -> None:
        """Run the step with what the form says."""
        self.bars.drop("error")
        self.bars.drop("done")
        self.controller.run_step(self.key)

    @Slot(object)
    def _finished(self, job: Job) -> None:
        if job.step != self.key or job.error is None or self.controller.errors.get(self.key) is not job:
            return
        if isinstance(job.error, NmcError):
            text, hint, field = job.error.message, job.error.hint, job.error.field
        else:
            text, hint, field = f"{type(job.error).__name__}: {job.error}", "This is a fault of the program: report it", None
        bar = Bar(self.controller.theme, "error", text, hint=hint, details=job.details, narrow=True, closed=self._error_read)
        self.bars.show_bar("error", bar)
        if field:
            self.form.focus(field)

    def _error_read(self) -> None:
        self.controller.errors.pop(self.key, None)
        self.controller.state_changed.emit()

    @Slot(str, object)
    def _committed(self, key: str, outcome: Any) -> None:
        if key != self.key:
            return
        self.bars.drop("error")
        if outcome.node is None:
            headline = str(outcome.figures.get("headline") or outcome.figures.get("to") or "done")
            self.bars.show_bar("done", Bar(self.controller.theme, "note", headline, narrow=True))
            self._warn(outcome.warnings, "")

    # Warnings stay until they are read

    def _show_warnings(self) -> None:
        for key in list(self.bars.bars()):
            if key.startswith("warning"):
                self.bars.drop(key)
        node = self.written_node()
        if node is None or node not in self.controller.project.keys:
            return
        record = self.controller.project.record(node)
        if self._made_it(node) and record.digest not in self.controller.project.view.get("read_warnings", []):
            self._warn(record.warnings, record.digest)

    def _warn(self, warnings: tuple[str, ...], digest: str) -> None:
        if not warnings:
            return
        text, rest = warnings[0], warnings[1:]
        details = "\n".join(f"{number}. {each}" for number, each in enumerate(warnings, 1)) if rest else ""
        hint = f"And {len(rest)} more" if rest else ""
        bar = Bar(
            self.controller.theme, "warning", text, hint=hint, details=details, narrow=True,
            closed=lambda: self._warnings_read(digest),
        )  # fmt: skip
        self.bars.show_bar("warning", bar)

    def _warnings_read(self, digest: str) -> None:
        view = self.controller.project.view
        view["read_warnings"] = [*view.get("read_warnings", []), digest][-200:]
