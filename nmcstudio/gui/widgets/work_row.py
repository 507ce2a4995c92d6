"""Work beside the window: a bar with Cancel while it goes on, something else in its place while there is none."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStackedWidget, QWidget

from nmcstudio.core.monitor import Progress
from nmcstudio.gui.widgets.job_bar import JobBar


class WorkRow(QStackedWidget):
    """Keeps its height while work begins and ends, so that what stands below stays where it is."""

    cancelled = Signal()

    def __init__(self, cancel_tip: str, idle: QWidget | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bar = JobBar()
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip(cancel_tip)
        self.cancel_button.clicked.connect(self.cancelled)
        busy = QWidget()
        row = QHBoxLayout(busy)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._bar, 1)
        row.addWidget(self.cancel_button)
        self.addWidget(idle if idle is not None else QWidget())
        self.addWidget(busy)
        self.setFixedHeight(max(self.widget(page).sizeHint().height() for page in (0, 1)))

    def show_work(self, progress: Progress | None) -> None:
        """Show how far it is; None: there is none."""
        self.setCurrentIndex(int(progress is not None))
        if progress is not None:
            self._bar.show_progress(progress.message, progress)
