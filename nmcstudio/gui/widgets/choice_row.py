"""Buttons in a row, one of which is down."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton, QWidget


class ChoiceRow(QWidget):
    """Buttons with a title and a tooltip each; ``chosen`` carries the number of the one that was clicked."""

    chosen = Signal(int)

    def __init__(self, choices: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        for number, (title, tip) in enumerate(choices):
            button = QToolButton()
            button.setObjectName("choice")
            button.setText(title)
            button.setToolTip(tip)
            button.setCheckable(True)
            button.setChecked(number == 0)
            self._group.addButton(button, number)
            row.addWidget(button)
        row.addStretch(1)
        self._group.idClicked.connect(self.chosen)

    def button(self, number: int) -> QToolButton:
        """The button of a choice."""
        found: QToolButton = self._group.button(number)
        return found

    def buttons(self) -> list[QToolButton]:
        """All of them, in their order."""
        return [self.button(number) for number in range(len(self._group.buttons()))]

    @property
    def current(self) -> int:
        """Number of the button that is down."""
        return self._group.checkedId()

    def choose(self, number: int) -> None:
        """Press a button; tells nobody."""
        self.button(number).setChecked(True)
