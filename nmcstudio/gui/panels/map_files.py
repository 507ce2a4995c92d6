"""The files of an orientation import and what their header says."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QGridLayout, QLabel, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from nmcstudio.gui.panels.map_preview import facts_of
from nmcstudio.gui.theme import Theme
from nmcstudio.gui.widgets.number_box import as_sentence

_LISTED = 2000  # files in the list
_LINES = 6  # of the list that are seen at once


class MapFiles(QWidget):
    """Sections in their order with the gaps between them, facts, warnings; ``chosen`` carries the number of a file."""

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = QListWidget()
        self.list.setToolTip("The sections in their order, with numbers that are missing. Click to look at one")
        self.list.setAccessibleName("Files")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.currentItemChanged.connect(self._current_changed)
        self._fit_list()
        self._facts = QGridLayout()
        self._facts.setHorizontalSpacing(8)
        self._facts.setVerticalSpacing(2)
        self._facts.setColumnStretch(1, 1)
        self.warned = QLabel()
        self.warned.setWordWrap(True)
        self.warned.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.list)
        column.addLayout(self._facts)
        column.addWidget(self.warned)

    def paint(self, theme: Theme) -> None:
        """Take the colours of a theme."""
        self.warned.setStyleSheet(f"color: {theme.stale}")

    def show_info(self, info: Any) -> None:
        """List files and facts of what `io.ebsd.registry.probe` has found; None clears them."""
        self.list.blockSignals(True)
        self.list.clear()
        while self._facts.count():
            self._facts.takeAt(0).widget().deleteLater()
        self.warned.setVisible(info is not None and bool(info.warnings))
        if info is not None:
            self._list_files(info)
            self._list_facts(info)
            self.warned.setText("\n".join(f"⚠ {as_sentence(words)}." for words in info.warnings))
        self._fit_list()
        self.list.blockSignals(False)

    def show_file(self, number: int) -> None:
        """Mark the file on view; tells nobody."""
        self.list.blockSignals(True)
        for row in range(self.list.count()):
            if self.list.item(row).data(Qt.ItemDataRole.UserRole) == number:
                self.list.setCurrentRow(row)
        self.list.blockSignals(False)

    def _list_files(self, info: Any) -> None:
        for number, (path, gap) in enumerate(zip(info.files[:_LISTED], missing_of(info))):
            if gap:
                between = QListWidgetItem(f"      {gap} {'number is' if gap == 1 else 'numbers are'} missing")
                between.setData(Qt.ItemDataRole.UserRole, -1)
                between.setFlags(Qt.ItemFlag.NoItemFlags)
                self.list.addItem(between)
            item = QListWidgetItem(f"{number + 1}   {path.name}" if len(info.files) > 1 else path.name)
            item.setToolTip(str(path))
            item.setData(Qt.ItemDataRole.UserRole, number)
            self.list.addItem(item)

    def _list_facts(self, info: Any) -> None:
        for row, (name, words) in enumerate(facts_of(info)):
            label, said = QLabel(name), QLabel(words)
            label.setObjectName("muted")
            said.setWordWrap(True)
            said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self._facts.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
            self._facts.addWidget(said, row, 1)

    def _fit_list(self) -> None:
        self.list.setFixedHeight(min(max(self.list.count(), 1), _LINES) * (self.list.fontMetrics().lineSpacing() + 2) + 6)

    @Slot(QListWidgetItem, QListWidgetItem)
    def _current_changed(self, item: QListWidgetItem | None, before: QListWidgetItem | None) -> None:
        if item is not None and int(item.data(Qt.ItemDataRole.UserRole)) >= 0:
            self.chosen.emit(int(item.data(Qt.ItemDataRole.UserRole)))


def missing_of(info: Any) -> list[int]:
    """How many numbers are missing before each file."""
    from nmcstudio.io.ebsd.files import missing_before

    return missing_before([path.stem for path in info.files]) if len(info.files) > 1 else [0]
