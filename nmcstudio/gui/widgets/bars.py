"""Bars instead of dialogs: an error, a warning or a question that stays until it is answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QToolButton, QVBoxLayout, QWidget

from nmcstudio.gui.icons import icon, scaled_pixmap
from nmcstudio.gui.theme import Theme
from nmcstudio.gui.widgets.number_box import as_sentence

Choice = tuple[str, Callable[[], None]]


class Bar(QFrame):
    """One message with what can be done about it.

    Parameters
    ----------
    kind
        "note", "warning" or "error".
    text, hint
        What happened; what to do.
    choices
        Buttons: words and what they do. The bar goes when one is pressed.
    details
        Text under a fold, to copy.
    closable
        False for questions that must be answered.
    narrow
        Buttons under the text, for panels.
    """

    def __init__(
        self,
        theme: Theme,
        kind: str,
        text: str,
        *,
        hint: str = "",
        choices: Sequence[Choice] = (),
        details: str = "",
        closable: bool = True,
        closed: Callable[[], None] | None = None,
        narrow: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName(f"{kind}Bar")
        self.text = f"{text} {hint}".strip()
        self.buttons: dict[str, QPushButton] = {}
        self._closed = closed
        mark = QLabel()
        colour = {"note": theme.accent, "warning": theme.stale, "error": theme.failed}[kind]
        mark.setPixmap(scaled_pixmap(kind, colour, 18, self.devicePixelRatioF()))
        words = QLabel(
            _sentence(text) + (f"<br><b>{_sentence(hint)}</b>" if hint and narrow else f" {_sentence(hint)}" if hint else "")
        )
        words.setTextFormat(Qt.TextFormat.RichText)
        words.setWordWrap(True)
        words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        top.addWidget(words, 1)
        row = top
        if narrow and (choices or details):
            row = QHBoxLayout()
            row.setContentsMargins(26, 0, 0, 0)
            row.setSpacing(8)
        for title, act in choices:
            button = QPushButton(title)
            button.clicked.connect(lambda checked=False, act=act: self._choose(act))
            row.addWidget(button)
            self.buttons[title] = button
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        layout.addLayout(top)
        if row is not top:
            layout.addLayout(row)
        if details:
            self._add_details(details, row, layout)
        if row is not top:
            row.addStretch(1)
        if closable:
            close = QToolButton()
            close.setAutoRaise(True)
            close.setIcon(icon("close", theme.text))
            close.setToolTip("Read; put this away")
            close.setAccessibleName("Put this away")
            close.clicked.connect(self.dismiss)
            top.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)

    def _add_details(self, details: str, row: QHBoxLayout, layout: QVBoxLayout) -> None:
        fold = QToolButton()
        fold.setText("Details")
        fold.setCheckable(True)
        fold.setAutoRaise(True)
        fold.setArrowType(Qt.ArrowType.RightArrow)
        fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        shown = QPlainTextEdit(details)
        shown.setReadOnly(True)
        shown.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        shown.setFixedHeight(140)
        shown.hide()
        copy = QPushButton("Copy")
        copy.hide()
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(details))

        def unfold(open_: bool) -> None:
            fold.setArrowType(Qt.ArrowType.DownArrow if open_ else Qt.ArrowType.RightArrow)
            shown.setVisible(open_)
            copy.setVisible(open_)

        fold.toggled.connect(unfold)
        row.addWidget(fold)
        row.addWidget(copy)
        layout.addWidget(shown)

    def _choose(self, act: Callable[[], None]) -> None:
        self.hide()
        self.deleteLater()
        act()

    def dismiss(self) -> None:
        """Put the bar away."""
        if self._closed is not None:
            self._closed()
        self.hide()
        self.deleteLater()


def _sentence(text: str) -> str:
    text = as_sentence(text).replace("&", "&amp;").replace("<", "&lt;").strip()
    return text if not text or text[-1] in ".!?…:" else text + "."


class BarStack(QWidget):
    """Bars under each other; takes no room while there is none. A bar with a key replaces the one with the same key."""

    def __init__(self, parent: QWidget | None = None, margins: tuple[int, int, int, int] = (8, 8, 8, 0)) -> None:
        super().__init__(parent)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(*margins)
        self._layout.setSpacing(4)
        self._keys: dict[str, Bar] = {}
        self.hide()

    def show_bar(self, key: str, bar: Bar) -> Bar:
        self.drop(key)
        self._keys[key] = bar
        bar.destroyed.connect(self._gone)
        self._layout.addWidget(bar)
        self.show()
        return bar

    def drop(self, key: str) -> None:
        """Take a bar away without asking."""
        bar = self._keys.pop(key, None)
        if bar is not None:
            self._layout.removeWidget(bar)
            bar.hide()
            bar.deleteLater()
        self.setVisible(bool(self._keys))

    def drop_all(self) -> None:
        for key in list(self._keys):
            self.drop(key)

    def bars(self) -> dict[str, Bar]:
        """Bars that stand, by key."""
        self._keys = {key: bar for key, bar in self._keys.items() if shiboken6.isValid(bar) and not bar.isHidden()}
        return dict(self._keys)

    def _gone(self) -> None:
        if shiboken6.isValid(self):
            self.setVisible(bool(self.bars()))
