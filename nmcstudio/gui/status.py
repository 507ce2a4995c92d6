"""The status bar: message, running job, memory, threads."""

from __future__ import annotations

import os

import psutil
from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QStatusBar, QToolButton, QWidget

from nmcstudio.gui.controller import Controller
from nmcstudio.gui.icons import icon
from nmcstudio.gui.jobs import RUNNING, Job
from nmcstudio.gui.widgets.times import left, memory

WORK_MS = 200


class StatusBar(QStatusBar):
    """The running job has its own place, so that messages do not push it about."""

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.controller = controller
        self._message = QLabel()
        self._message.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._message.setContentsMargins(8, 0, 0, 0)
        self.addWidget(self._message, 1)
        self._job = QWidget()
        self._job.setFixedWidth(360)
        self._title = QLabel()
        self._title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._bar = QProgressBar()
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self._bar.setFixedSize(96, 8)
        self._left = QLabel()
        self._cancel = QToolButton()
        self._cancel.setAutoRaise(True)
        self._cancel.setToolTip("Cancel the running job (Ctrl+.)")
        self._cancel.setAccessibleName("Cancel the running job")
        self._cancel.clicked.connect(self._cancel_now)
        row = QHBoxLayout(self._job)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for widget, stretch in ((self._title, 1), (self._bar, 0), (self._left, 0), (self._cancel, 0)):
            row.addWidget(widget, stretch)
        self._job.hide()
        self.addPermanentWidget(self._job)
        self._work = QWidget()
        self._work_words = QLabel()
        busy = QProgressBar()
        busy.setRange(0, 0)
        busy.setTextVisible(False)
        busy.setFixedSize(96, 8)
        row = QHBoxLayout(self._work)
        row.setContentsMargins(8, 0, 8, 0)
        row.setSpacing(8)
        row.addWidget(self._work_words)
        row.addWidget(busy)
        self._give_up = QToolButton()
        self._give_up.setAutoRaise(True)
        self._give_up.setToolTip("Cancel saving; the file that is there stays as it is")
        self._give_up.setAccessibleName("Cancel saving")
        self._give_up.clicked.connect(controller.files.cancel_save)
        row.addWidget(self._give_up)
        self._work.hide()
        self.addPermanentWidget(self._work)
        # What is done at once needs no bar.
        self._work_timer = QTimer(self)
        self._work_timer.setSingleShot(True)
        self._work_timer.setInterval(WORK_MS)
        self._work_timer.timeout.connect(self._work.show)
        self._memory = QLabel()
        self._memory.setToolTip("Memory that the program uses now")
        self._threads = QLabel(f"{int(os.environ.get('NUMBA_NUM_THREADS') or psutil.cpu_count() or 1)} threads")
        self._threads.setToolTip("Threads for numerical work")
        for label in (self._memory, self._threads):
            label.setObjectName("muted")
            label.setContentsMargins(8, 0, 8, 0)
            self.addPermanentWidget(label)
        self._process = psutil.Process()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._measure)
        self._timer.start(2000)
        self._measure()
        controller.message.connect(self.show_message)
        controller.file_message.connect(self.show_message)
        controller.files.working.connect(self._show_work)
        controller.files.detail.connect(self._work_words.setText)
        controller.jobs.changed.connect(self._show_job)
        controller.jobs.progressed.connect(self._show_job)
        controller.jobs.finished.connect(self._show_job)

    @Slot(str)
    @Slot(str, str)
    def show_message(self, text: str, tip: str = "") -> None:
        """A line, and what the mouse finds behind it: the line itself or a full path."""
        line = " ".join(text.split())
        self._message.setText(line)
        self._message.setToolTip(tip or line)

    @Slot(str)
    def _show_work(self, words: str) -> None:
        if not words:
            self._work_timer.stop()
            self._work.hide()
            return
        self._work_words.setText(words)
        self._give_up.setVisible(self.controller.files.saving is not None)
        self._give_up.setIcon(icon("cancel", self.controller.theme.text, self.controller.theme.muted))
        self._work_timer.start()

    @Slot()
    def _measure(self) -> None:
        self._memory.setText(memory(self._process.memory_info().rss / 2**20))

    @Slot(object)
    def _show_job(self, job: Job) -> None:
        current = self.controller.jobs.current
        self._job.setVisible(current is not None and current.state == RUNNING)
        if current is None:
            return
        self._cancel.setIcon(icon("cancel", self.controller.theme.text, self.controller.theme.muted))
        progress = current.progress
        self._title.setText(f"{current.stopping}…" if current.stopping else current.title)
        fraction = progress.fraction if progress is not None and progress.fraction is not None else 0.0
        self._bar.setValue(round(1000 * min(fraction, 1.0)))
        self._left.setText(left(progress.left_s) if progress is not None else "")

    @Slot()
    def _cancel_now(self) -> None:
        self.controller.jobs.cancel()

    def stop(self) -> None:
        self._timer.stop()
        self._work_timer.stop()
