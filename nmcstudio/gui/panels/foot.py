"""The foot of a step's panel: what a run would cost or what it lacks, its progress, and the buttons."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from nmcstudio.gui.controller import Controller
from nmcstudio.gui.icons import icon
from nmcstudio.gui.jobs import RUNNING, Job
from nmcstudio.gui.widgets.job_bar import JobBar
from nmcstudio.gui.widgets.marks import why_stale
from nmcstudio.gui.widgets.number_box import as_sentence
from nmcstudio.gui.widgets.times import duration, memory
from nmcstudio.pipeline.registry import step as step_of
from nmcstudio.pipeline.step import Preflight, Problem
from nmcstudio.project.nodes import NODES
from nmcstudio.project.record import Record


def needed_nodes(controller: Controller, key: str) -> list[str]:
    """Nodes that a step reads with its parameters as they stand; empty if that cannot be told."""
    step = step_of(key)
    try:
        params = step.params(**controller.params(key)) if callable(step.reads) else None
    except ValueError:
        return []
    return list(step.reads(params) if callable(step.reads) else step.reads)


def next_step(controller: Controller, node: str) -> str:
    """The step that usually comes after a node, or an empty text."""
    if node == "ebsd" and node in controller.project.keys:
        record = controller.project.record(node)
        aligned = any(edit.get("step") == "align-ebsd" for edit in record.edits)
        # Serial sections are those whose distance had to be given.
        if record.params.get("slice_spacing_um") is not None and not aligned:
            return "align-ebsd"
    both = {"shell-model", "grain-model"} <= set(controller.project.keys)
    usual = {
        "ct": "segment-ct", "particles": "extract-radii", "radii": "fit-shell",
        "shell-model": "compose" if both else "import-ebsd", "ebsd": "segment-ebsd", "grains": "fit-tessellation",
        "tessellation": "fit-grains", "grain-model": "compose" if both else "import-ct", "particle": "mesh",
        "mesh": "export", "validation": "report",
    }  # fmt: skip
    return usual.get(node, "")


def in_words(problem: Problem) -> str:
    """A problem as a sentence. The hint of the command line ("give --option") says nothing in a form."""
    hint = "" if not problem.hint or problem.hint.startswith("give --") else f": {problem.hint}"
    return as_sentence(f"{problem.message}{hint}").rstrip(".") + "."


class PanelFoot(QWidget):
    """Keeps its height while a job starts and ends, so that the form above stays where it is."""

    run_wanted = Signal()

    def __init__(self, controller: Controller, key: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.controller = controller
        self.key = key
        self._can_run = False
        self._wanted = ""
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.go = QPushButton()
        self.go.clicked.connect(self._go)
        self.go.hide()
        idle = QWidget()
        row = QHBoxLayout(idle)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.words, 1)
        row.addWidget(self.go)
        self.job_bar = JobBar()
        self.stack = QStackedWidget()
        self.stack.addWidget(idle)
        self.stack.addWidget(self.job_bar)
        self.run_button = QPushButton("Run")
        self.run_button.setObjectName("primary")
        self.run_button.setToolTip("Run this step (Ctrl+R)")
        self.run_button.clicked.connect(self.run_wanted)
        self.finish_button = QPushButton("Finish now")
        self.finish_button.setToolTip("End soon and keep the best result so far")
        self.finish_button.clicked.connect(self._finish)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop; nothing is changed (Ctrl+.)")
        self.cancel_button.clicked.connect(self._cancel)
        self.next_button = QPushButton()
        self.next_button.clicked.connect(self._next)
        self.next_button.hide()
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.run_button, self.finish_button, self.cancel_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        line = QFrame()
        line.setFrameShape(QFrame.Shape.HLine)
        line.setForegroundRole(line.foregroundRole().Mid)
        line.setFixedHeight(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(line)
        layout.addWidget(self.stack)
        layout.addLayout(buttons)
        layout.addWidget(self.next_button, 0, Qt.AlignmentFlag.AlignLeft)
        controller.jobs.progressed.connect(self._progressed)

    def job(self) -> Job | None:
        """The open job of this step."""
        return next((job for job in self.controller.jobs.jobs if job.is_open and job.step == self.key), None)

    def show_preflight(self, preflight: Preflight, marked: Mapping[str, str]) -> None:
        """Say what a run lacks, or what it costs; `marked` are the errors that stand at their fields."""
        project = self.controller.project
        needed = needed_nodes(self.controller, self.key)
        missing = [node for node in needed if node not in project.keys]
        self._can_run = not preflight.problems and not missing
        self._wanted = ""
        unmarked = [problem for problem in preflight.problems if problem.field not in marked]
        if missing:
            title = NODES[missing[0]].title
            text = f"Needs {title if title.startswith(('CT', 'EBSD')) else title.lower()} first."
            self._wanted = NODES[missing[0]].steps[0]
        elif unmarked:
            text = in_words(unmarked[0])
        elif preflight.problems:
            text = "See the marked field."
        else:
            text = self._cost(preflight)
            stale = [node for node in needed if project.state(node) == "stale"]
            if stale:
                title = NODES[stale[0]].title
                text += f"\n{title} {'are' if title.endswith('s') else 'is'} stale. {why_stale(self.controller, stale[0])}."
                self._wanted = project.record(stale[0]).step
        self.words.setText("\n".join([text, *map(as_sentence, preflight.notes)]).strip())
        if self._wanted:
            self.go.setText(f"Go to {step_of(self._wanted).title}")
        self.go.setVisible(bool(self._wanted))
        self.show_state()

    @staticmethod
    def _cost(preflight: Preflight) -> str:
        parts = []
        if preflight.seconds is not None:
            said = duration(preflight.seconds)
            parts.append(said if said.startswith("under") else f"about {said}")
        if preflight.memory_mib is not None:
            parts.append(memory(preflight.memory_mib))
        return ", ".join(parts)[:1].upper() + ", ".join(parts)[1:]

    def show_state(self) -> None:
        """Buttons and bar as the step's job wants them."""
        job = self.job()
        running = job is not None and job.state == RUNNING
        self.run_button.setEnabled(self._can_run and job is None)
        self.finish_button.setEnabled(running and not job.stopping and job.can_finish)
        self.cancel_button.setEnabled(job is not None and job.stopping != "Cancelling")
        self.stack.setCurrentIndex(0 if job is None else 1)
        if job is not None:
            self.job_bar.show_job(job)
        theme = self.controller.theme
        self.run_button.setIcon(icon("run", theme.accent_text, theme.muted))
        self.finish_button.setIcon(icon("finish", theme.text, theme.muted))
        self.cancel_button.setIcon(icon("cancel", theme.text, theme.muted))
        self._show_next()

    def _show_next(self) -> None:
        made = [node for node, kind in NODES.items() if self.key in kind.steps]
        ready = [node for node in made if self.controller.project.state(node) == "ready"]
        ready = [node for node in ready if self._was_here(self.controller.project.record(node))]
        self._following = next_step(self.controller, ready[0]) if ready else ""
        self.next_button.setVisible(bool(self._following) and self.job() is None)
        if self._following:
            self.next_button.setText(f"Next: {step_of(self._following).title}")

    def _was_here(self, record: Record) -> bool:
        """True if this step made the value, or was the last to change it."""
        return record.edits[-1].get("step") == self.key if record.edits else record.step == self.key

    @Slot(object)
    def _progressed(self, job: Job) -> None:
        if job.step == self.key:
            self.job_bar.show_job(job)

    @Slot()
    def _finish(self) -> None:
        self.controller.jobs.finish_now(self.job())

    @Slot()
    def _cancel(self) -> None:
        self.controller.jobs.cancel(self.job())

    @Slot()
    def _go(self) -> None:
        self.controller.show_step(self._wanted)

    @Slot()
    def _next(self) -> None:
        self.controller.show_step(self._following)
