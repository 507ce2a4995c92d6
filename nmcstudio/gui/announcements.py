"""What a window says when a job has ended: a result to look at, a failure elsewhere, a result that is out of date."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QApplication, QWidget

from nmcstudio.core.errors import NmcError
from nmcstudio.gui.controller import Controller
from nmcstudio.gui.jobs import DONE, FAILED, Job
from nmcstudio.gui.widgets.bars import Bar, BarStack

# A job longer than this is announced when it ends.
ANNOUNCE_SECONDS = 10.0


class Announcements(QObject):
    """Bars over the views; nothing is said of a job whose panel is open, for the panel says it."""

    def __init__(self, controller: Controller, bars: BarStack, window: QWidget) -> None:
        super().__init__(window)
        self.controller = controller
        self.bars = bars
        self.window = window
        controller.jobs.finished.connect(self._finished)
        controller.set_apart.connect(self._ask_apart)

    @Slot(object)
    def _finished(self, job: Job) -> None:
        elsewhere = job.step != self.controller.step
        if job.state == FAILED and elsewhere:
            text = f"{job.title}: {job.error.message if isinstance(job.error, NmcError) else job.error}"
            self._say("error", text, job)
        if job.state != DONE or job.seconds < ANNOUNCE_SECONDS:
            return
        QApplication.alert(self.window)
        if elsewhere and job.outcome is not None and not any(other.is_open for other in self.controller.jobs.jobs):
            self._say("note", f"{job.title} is done: {job.outcome.figures.get('headline', '')}", job)

    def _say(self, kind: str, text: str, job: Job) -> None:
        bar = Bar(self.controller.theme, kind, text, choices=[("Show", lambda: self._show(job))])
        self.bars.show_bar("announce", bar)

    def _show(self, job: Job) -> None:
        self.controller.show_step(job.step)
        if job.outcome is not None and job.outcome.node is not None:
            self.controller.show_node(job.outcome.node)

    @Slot(object)
    def _ask_apart(self, job: Job) -> None:
        text = f"{job.title} is done, but what it was made from has changed meanwhile"
        choices = [
            ("Keep the result, marked stale", lambda: self.controller.keep_apart(job)),
            ("Throw it away", lambda: self.controller.drop_apart(job)),
        ]
        bar = Bar(self.controller.theme, "warning", text, choices=choices, closable=False)
        self.bars.show_bar(f"apart-{id(job)}", bar)
