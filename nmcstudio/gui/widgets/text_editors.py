"""Controls for parameters that are written: texts, lists, pairs, structures and paths."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QFileDialog, QLineEdit, QMenu, QPlainTextEdit, QPushButton, QSizePolicy

from nmcstudio.gui.widgets.editors import Editor


class TextEditor(Editor):
    """A line of text."""

    def __init__(self, empty_text: str | None = None) -> None:
        super().__init__()
        self._optional = empty_text is not None
        self.line = QLineEdit()
        self.line.setPlaceholderText(empty_text or "")
        self.line.textEdited.connect(self._typed)
        self._row(self.line)

    def _typed(self, text: str) -> None:
        self.edited.emit(self.value())

    def value(self) -> Any:
        text = self.line.text()
        return None if self._optional and not text else text

    def set_value(self, value: Any) -> None:
        text = "" if value is None else str(value)
        if text != self.line.text():
            self.line.setText(text)


class ListEditor(TextEditor):
    """Numbers or words in one line, "0.4 0.4 0.12"; groups of them as "1,2 3,4"."""

    def __init__(self, kind: type, nested: bool, empty_text: str | None) -> None:
        super().__init__(empty_text)
        self._kind = kind
        self._nested = nested
        if empty_text is None:
            self.line.setPlaceholderText("1,2  3,4" if nested else "none")
        self._value: Any = None

    def _one(self, text: str) -> Any:
        return self._kind(text) if self._kind in (int, float) else text

    def _parsed(self) -> Any:
        text = self.line.text().strip()
        if self._nested:
            return [[self._one(part) for part in group.split(",") if part] for group in re.split(r"[;\s]+", text) if group]
        return [self._one(part) for part in re.split(r"[,;\s]+", text) if part]

    def _typed(self, text: str) -> None:
        try:
            parsed = self._parsed()
        except ValueError:
            return
        self._value = None if self._optional and not parsed else parsed
        self.edited.emit(self._value)

    def value(self) -> Any:
        return self._value

    def set_value(self, value: Any) -> None:
        same = value == self._value
        self._value = value
        if same and self.line.text():
            return
        if value is None:
            self.line.clear()
        elif self._nested:
            self.line.setText("  ".join(",".join(map(str, group)) for group in value))
        else:
            self.line.setText(" ".join(f"{each:.12g}" if isinstance(each, float) else str(each) for each in value))


class PairsEditor(TextEditor):
    """Names with a value each: "mean_radius=1.2 degree=3"."""

    def __init__(self, kind: type, empty_text: str | None) -> None:
        super().__init__(empty_text)
        self._kind = kind
        self._value: Any = None if empty_text is not None else {}
        if empty_text is None:
            self.line.setPlaceholderText("name=value")

    def _typed(self, text: str) -> None:
        pairs = [part.partition("=") for part in text.split()]
        try:
            made = {name: self._kind(value) if self._kind in (int, float) else value for name, _, value in pairs if name}
        except ValueError:
            return
        self._value = None if self._optional and not made else made
        self.edited.emit(self._value)

    def value(self) -> Any:
        return self._value

    def set_value(self, value: Any) -> None:
        if value != self._value or not self.line.text():
            self._value = value
            self.line.setText(" ".join(f"{name}={each}" for name, each in (value or {}).items()))


class JsonEditor(Editor):
    """Anything with a structure of its own, as JSON text."""

    def __init__(self, empty_text: str | None) -> None:
        super().__init__()
        self._optional = empty_text is not None
        self._value: Any = None
        self._text = QPlainTextEdit()
        self._text.setPlaceholderText(empty_text or "[ … ]")
        self._text.setTabChangesFocus(True)
        self._text.setFixedHeight(112)
        self._text.textChanged.connect(self._typed)
        self._row(self._text)

    def _typed(self) -> None:
        text = self._text.toPlainText().strip()
        try:
            value = json.loads(text) if text else None
        except ValueError:
            return
        if value != self._value and (value is not None or self._optional):
            self._value = value
            self.edited.emit(value)

    def value(self) -> Any:
        return self._value

    def set_value(self, value: Any) -> None:
        if value != self._value or not self._text.toPlainText():
            self._value = value
            with QSignalBlocker(self._text):
                self._text.setPlainText("" if value is None else json.dumps(value, indent=1, ensure_ascii=False))


PLACEHOLDERS = {"folder": "Folder", "file": "File", "files": "Files or a folder", "save": "File or folder"}


class PathEditor(Editor):
    """A file, a folder, or several files: typed, chosen in a dialog, or dropped."""

    def __init__(self, mode: str, many: bool, empty_text: str | None) -> None:
        super().__init__()
        self._mode, self._many = mode, many
        self._optional = empty_text is not None
        self._paths: list[str] = []
        self.line = QLineEdit()
        self.line.setPlaceholderText(empty_text or PLACEHOLDERS["files" if many else mode])
        self.line.textEdited.connect(self._typed)
        self.line.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.line.setMinimumWidth(60)
        browse = QPushButton("Browse…")
        browse.setToolTip("Choose a folder" if mode == "folder" else "Choose files or a folder" if many else "Choose a file")
        if many or mode == "save":
            menu = QMenu(browse)
            menu.addAction("Files…" if many else "File…").triggered.connect(lambda checked=False: self._browse())
            menu.addAction("Folder…").triggered.connect(lambda checked=False: self._browse_folder())
            browse.setMenu(menu)
        else:
            browse.clicked.connect(lambda checked=False: self._browse())
        self._row(self.line, browse)
        self.setAcceptDrops(True)

    def _typed(self, text: str) -> None:
        text = text.strip().strip('"')
        self._paths = [text] if text else []
        self.edited.emit(self.value())

    def _browse_folder(self) -> None:
        self.choose([path for path in [QFileDialog.getExistingDirectory(self, "Choose a folder")] if path])

    def _browse(self) -> None:
        start = str(Path(self._paths[0]).parent) if self._paths else ""
        if self._mode == "folder":
            chosen = [QFileDialog.getExistingDirectory(self, "Choose a folder", start)]
        elif self._mode == "save":
            chosen = [QFileDialog.getSaveFileName(self, "Where to", start)[0]]
        elif self._many:
            chosen = QFileDialog.getOpenFileNames(self, "Choose files", start)[0]
        else:
            chosen = [QFileDialog.getOpenFileName(self, "Choose a file", start)[0]]
        self.choose([path for path in chosen if path])

    def choose(self, paths: Sequence[str]) -> None:
        """Take paths as if the user had chosen them."""
        if paths:
            self._paths = list(paths) if self._many else [paths[0]]
            self._show()
            self.edited.emit(self.value())

    def _show(self) -> None:
        first = self._paths[0] if self._paths else ""
        more = f"  and {len(self._paths) - 1} more" if len(self._paths) > 1 else ""
        if self.line.text() != first + more:
            self.line.setText(first + more)
            self.line.setCursorPosition(len(first + more))
        self.line.setReadOnly(len(self._paths) > 1)
        self.line.setToolTip("\n".join(self._paths[:20]))

    def value(self) -> Any:
        if self._many:
            return list(self._paths)
        return self._paths[0] if self._paths else (None if self._optional else "")

    def set_value(self, value: Any) -> None:
        self._paths = list(value or ()) if not isinstance(value, str) else ([value] if value else [])
        self._show()

    def dragEnterEvent(self, event) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event) -> None:
        self.choose([url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()])
        event.acceptProposedAction()
