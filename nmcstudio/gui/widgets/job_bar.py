"""Running work: what it does in words, percentage, time left."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from nmcstudio.core.monitor import Progress
from nmcstudio.gui.jobs import QUEUED, RUNNING, Job
from nmcstudio.gui.widgets.elided import ElidedLabel
from nmcstudio.gui.widgets.times import left


class JobBar(QWidget):
    """Keeps its height while the words change, so that nothing jumps."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(8)
        self._words = ElidedLabel()
        self._figures = QLabel()
        self._figures.setObjectName("muted")
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._words, 1)
        row.addWidget(self._figures)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row)
        layout.addWidget(self._bar)

    def show_job(self, job: Job) -> None:
        progress = job.progress
        message = progress.message if progress is not None and progress.message else job.title
        if job.state == QUEUED:
            message = "Waits for the job before it"
        elif job.stopping and job.state == RUNNING:
            message = f"{job.stopping}…"
        self.show_progress(message, progress)

    def show_progress(self, message: str, progress: Progress | None) -> None:
        """Show how far some work is, under these words."""
        self._words.set_full_text(message[:1].upper() + message[1:])
        fraction = progress.fraction if progress is not None else None
        known = fraction is not None and fraction > 0
        # An undetermined bar of Qt moves for ever; an empty one with the elapsed time says the same and stands still.
        self._bar.setRange(0, 1000)
        self._bar.setValue(round(1000 * min(fraction, 1.0)) if known else 0)
        figures = []
        if known:
            figures.append(f"{100 * min(fraction, 1.0):.0f} %")
            if progress.left_s is not None:
                figures.append(left(progress.left_s))
        elif progress is not None and progress.elapsed_s >= 1:
            figures.append(f"{progress.elapsed_s:.0f} s")
        self._figures.setText(" · ".join(figures))
