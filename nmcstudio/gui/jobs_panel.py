"""The dock of all jobs: bars of what runs and waits, and what has ended with its time."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from nmcstudio.gui.controller import Controller
from nmcstudio.gui.jobs import APART, CANCELLED, DONE, FAILED, RUNNING, Job
from nmcstudio.gui.widgets.job_bar import JobBar
from nmcstudio.gui.widgets.times import duration, memory

ENDS = {DONE: "done", CANCELLED: "cancelled, nothing was changed", FAILED: "failed", APART: "waits for your decision"}


class _JobRow(QFrame):
    def __init__(self, controller: Controller, job: Job) -> None:
        super().__init__()
        self._controller = controller
        self.job = job
        title = QLabel(job.title)
        title.setFixedWidth(176)
        self._bar = JobBar()
        self._end = QLabel()
        self._end.setWordWrap(True)
        self._finish = QPushButton("Finish now")
        self._finish.setToolTip("End soon and keep the best result so far")
        self._finish.clicked.connect(self._finish_now)
        self._cancel = QPushButton("Cancel")
        self._cancel.clicked.connect(self._cancel_now)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 4, 12, 4)
        layout.setSpacing(12)
        layout.addWidget(title)
        layout.addWidget(self._bar, 1)
        layout.addWidget(self._end, 1)
        layout.addWidget(self._finish)
        layout.addWidget(self._cancel)
        self.refresh()

    def refresh(self) -> None:
        job = self.job
        running = job.state == RUNNING
        self._bar.setVisible(job.is_open)
        self._end.setVisible(not job.is_open)
        self._finish.setVisible(running and job.can_finish)
        self._finish.setEnabled(not job.stopping)
        self._cancel.setVisible(job.is_open)
        self._cancel.setEnabled(job.stopping != "Cancelling")
        if job.is_open:
            self._bar.show_job(job)
            return
        text = f"{ENDS[job.state]} after {duration(job.seconds)}"
        if job.state == DONE and job.outcome is not None:
            figures = job.outcome.figures
            text = f"{figures.get('headline', 'done')} · {duration(job.seconds)} · peak memory {memory(figures['peak_rss_mib'])}"
        elif job.error is not None:
            text += f": {job.error}"
        theme = self._controller.theme
        colour = {FAILED: theme.failed, APART: theme.stale}.get(job.state, theme.muted)
        self._end.setText(text)
        self._end.setStyleSheet(f"color: {colour}")

    @Slot()
    def _finish_now(self) -> None:
        self._controller.jobs.finish_now(self.job)

    @Slot()
    def _cancel_now(self) -> None:
        self._controller.jobs.cancel(self.job)


class JobsPanel(QScrollArea):
    """Newest job first."""

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.controller = controller
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        inside = QWidget()
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(0, 4, 0, 4)
        self._column.setSpacing(0)
        self._nothing = QLabel("Computations stand here with their progress. None has run yet.")
        self._nothing.setObjectName("muted")
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._column.addWidget(self._nothing)
        self._column.addStretch(1)
        self.setWidget(inside)
        self._rows: dict[int, _JobRow] = {}
        controller.jobs.added.connect(self._added)
        controller.jobs.changed.connect(self._changed)
        controller.jobs.progressed.connect(self._changed)
        controller.jobs.finished.connect(self._changed)
        controller.state_changed.connect(self._refresh_ended)
        controller.theme_changed.connect(self._refresh_ended)

    @Slot(object)
    def _added(self, job: Job) -> None:
        self._nothing.hide()
        row = _JobRow(self.controller, job)
        self._rows[id(job)] = row
        self._column.insertWidget(0, row)

    @Slot(object)
    def _changed(self, job: Job) -> None:
        if id(job) in self._rows:
            self._rows[id(job)].refresh()

    @Slot()
    def _refresh_ended(self) -> None:
        for row in self._rows.values():
            if not row.job.is_open:
                row.refresh()
