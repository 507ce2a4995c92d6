"""The dialog for faults of the program: what happened, and the traceback to copy."""

from __future__ import annotations

import platform

from PySide6 import __version__ as qt_version
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from nmcstudio.core.version import VERSION


class BugDialog(QDialog):
    """Later faults are added to the one that is shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("A fault of the program")
        self.resize(760, 480)
        words = QLabel(
            "Something happened that should not. Your project is untouched; saving it under another name is wise.\n"
            "Please report the text below with what you did before."
        )
        words.setWordWrap(True)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setPlainText(f"nmcstudio {VERSION}, Qt {qt_version}, Python {platform.python_version()}, {platform.platform()}")
        buttons = QDialogButtonBox()
        copy = buttons.addButton("Copy", QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(self.copy)
        close = buttons.addButton("Go on", QDialogButtonBox.ButtonRole.AcceptRole)
        close.clicked.connect(self.accept)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(words)
        layout.addWidget(self.text, 1)
        layout.addWidget(buttons)

    def add(self, traceback: str) -> None:
        """Put another traceback below the first."""
        self.text.appendPlainText("\n" + traceback)

    def copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText())
