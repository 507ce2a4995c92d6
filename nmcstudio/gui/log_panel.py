"""The log dock: every message of the window and of the program's loggers, with the time."""

from __future__ import annotations

import logging
import time

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QWidget

from nmcstudio.gui.controller import Controller


class _Bridge(QObject):
    written = Signal(str)


class _Handler(logging.Handler):
    """Loggers speak in any thread; the signal brings their words to the GUI thread."""

    def __init__(self) -> None:
        super().__init__()
        self.bridge = _Bridge()

    def emit(self, record: logging.LogRecord) -> None:
        self.bridge.written.emit(f"{record.levelname.lower()}: {self.format(record)}")


class LogPanel(QPlainTextEdit):
    """Keeps the last 5000 lines."""

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setMaximumBlockCount(5000)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setPlaceholderText("What the program did stands here.")
        self._handler = _Handler()
        self._handler.bridge.written.connect(self.write)
        logging.getLogger("nmcstudio").addHandler(self._handler)
        controller.message.connect(self.write)
        controller.file_message.connect(self._write_file)

    @Slot(str)
    def write(self, text: str) -> None:
        self.appendPlainText(f"{time.strftime('%H:%M:%S')}  {text}")

    @Slot(str, str)
    def _write_file(self, text: str, path: str) -> None:
        self.write(f"{text} ({path})")

    def close_log(self) -> None:
        """Let go of the loggers."""
        logging.getLogger("nmcstudio").removeHandler(self._handler)
