"""Files that come from outside: dropped on the window, or chosen from a card of the welcome."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QMimeData, QObject, Slot
from PySide6.QtWidgets import QFileDialog

from nmcstudio.core.errors import NmcError
from nmcstudio.gui.drops import Guess, guess
from nmcstudio.gui.panels.import_ebsd import ImportEbsdPanel
from nmcstudio.gui.settings import last_folder, remember_folder
from nmcstudio.gui.widgets.bars import Bar


def local_files(mime: QMimeData) -> list[str]:
    """Paths of what hangs at the mouse."""
    return [url.toLocalFile() for url in mime.urls() if url.isLocalFile()]


class Intake(QObject):
    """Finds out what files are, and opens them or starts the right import in a `MainWindow`."""

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self._window = window
        self._controller = window.controller

    @Slot(str)
    def choose(self, card: str) -> None:
        """What a card of the welcome asks for: "ct", "ebsd" or "sample"."""
        if card == "sample":
            self._window.documents.open_sample()
            return
        title = "Open CT data" if card == "ct" else "Open EBSD data"
        names, _ = QFileDialog.getOpenFileNames(self._window, title, last_folder())
        if names:
            remember_folder(names[0])
            self._controller.edit_params(f"import-{card}", {"files": names})
        self._controller.show_step(f"import-{card}")

    def take(self, paths: list[str]) -> None:
        """Look into files in a worker, and go on with what they are."""
        self._window.bars.drop("drop")
        name = Path(paths[0]).name
        self._controller.file_message.emit(f"Looking at {name}", paths[0])

        def found(what: Guess) -> None:
            self._guessed(what, name, paths[0])

        self._controller.loader.ask("drop", lambda monitor: guess(paths), found, self._not_guessed)

    def _guessed(self, found: Guess, name: str, path: str) -> None:
        if found.what == "open":
            self._window.documents.open(found.values["path"])
            return
        self._controller.edit_params(found.what, found.values)
        self._controller.show_step(found.what)
        if found.what == "import-ebsd":
            # A frame cannot be guessed: it is looked at first.
            self._window.docks["step"].findChild(ImportEbsdPanel).open_dialog()
        self._controller.file_message.emit(f"{name} is ready to be imported", path)

    def _not_guessed(self, error: Exception) -> None:
        if not isinstance(error, NmcError):
            raise error
        details = "\n".join(getattr(error, "__notes__", ()))
        bar = Bar(self._controller.theme, "error", error.message, hint=error.hint, details=details)
        self._window.bars.show_bar("drop", bar)
        self._controller.message.emit(error.message)
