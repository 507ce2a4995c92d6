"""Reading and writing of project files in a worker, while the window goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.monitor import Monitor, Progress
from nmcstudio.gui.background import Background
from nmcstudio.project.project import Project
from nmcstudio.project.snapshots import begin_save, end_save
from nmcstudio.project.store import open_project, save_project

Failed = Callable[[NmcError], None]


class ProjectFiles(QObject):
    """One file at a time, in the thread that also reads values: nothing is read from a file that is being replaced.

    ``working`` says what is being read or written, in words for the status bar; empty when it is done. ``detail`` says how far
    the writing is. `saving` is the file that is being written, or None.
    """

    working = Signal(str)
    detail = Signal(str)

    def __init__(self, loader: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._loader = loader
        self.saving: Path | None = None
        self._monitor: Monitor | None = None

    def open(self, path: Path, opened: Callable[[Project], None], failed: Failed) -> None:
        """Read a project; then call `opened` or `failed` in the GUI thread."""

        def read(monitor: Monitor) -> Project:
            return open_project(path)

        self.working.emit(f"Opening {path.name}")
        self._loader.ask("open", read, lambda project: self._done(opened, project), lambda error: self._failed(failed, error))

    def save(self, project: Project, path: Path, older: list[Any], saved: Callable[[Path], None], failed: Failed) -> None:
        """Write a project as it stands now; then call `saved` or `failed` in the GUI thread.

        Parameters
        ----------
        older
            Records of the undo history. Those that still stand in the file are read before it is replaced.
        """
        saving = begin_save(project)
        self.saving = path
        monitor = self._monitor = Monitor(self._report)

        def write(_: Monitor) -> Path:
            # Closing the window waits for a save, so that only a user's own cancel ends it.
            try:
                for record in older:
                    monitor.check()
                    record.load()
                return save_project(saving.copy, path, monitor=monitor)
            except Cancelled as cancelled:
                raise NmcError(
                    "Saving was cancelled", f"{path.name} is as it was before; save again when it suits"
                ) from cancelled

        def answer(written: Path) -> None:
            self.saving = self._monitor = None
            end_save(project, saving)
            self._done(saved, written)

        def fail(error: Exception) -> None:
            self.saving = self._monitor = None
            project.changed = True
            self._failed(failed, error)

        self.working.emit(f"Saving {path.name}")
        self._loader.ask("", write, answer, fail)

    def cancel_save(self) -> None:
        """Give up the save under way; the old file stays."""
        if self._monitor is not None:
            self._monitor.cancel()

    def _report(self, progress: Progress) -> None:
        """Called in the worker."""
        if self.saving is not None:
            self.detail.emit(f"Saving {self.saving.name}: {progress.message}")

    def _done(self, answer: Callable[[Any], None], result: Any) -> None:
        self.working.emit("")
        answer(result)

    def _failed(self, failed: Failed, error: Exception) -> None:
        self.working.emit("")
        if not isinstance(error, NmcError):
            raise error
        failed(error)
