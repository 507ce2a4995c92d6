"""The list of sections that should be looked at, with the reason."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from nmcstudio.gui.panels.align_live import LiveAlignment
from nmcstudio.gui.widgets.number_box import in_micrometres

_LINES = 3  # that are seen at once
_NOT_YET = "Sections that fall out of line will be listed here."
_NONE = "No section falls out of line, and none was changed by hand."


class SectionList(QListWidget):
    """``chosen`` carries the section that was clicked, counted from 0."""

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setToolTip("Sections that fall out of line, and those changed by hand. Click to look at one")
        self.setAccessibleName("Sections to look at")
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrap(True)
        self.setFixedHeight(_LINES * (self.fontMetrics().lineSpacing() + 4) + 6)
        self.itemClicked.connect(self._clicked)
        self.itemActivated.connect(self._clicked)

    @Slot(QListWidgetItem)
    def _clicked(self, item: QListWidgetItem) -> None:
        self.chosen.emit(int(item.data(Qt.ItemDataRole.UserRole)))

    def show_reasons(self, reasons: dict[int, list[str]], compared: bool) -> None:
        """List sections with what there is to say of them; a list that stays the same keeps its place."""
        nothing = _NONE if compared else _NOT_YET
        lines = [(k, f"{k + 1}:  {', '.join(reasons[k])}") for k in sorted(reasons)] or [(-1, nothing)]
        items = [self.item(row) for row in range(self.count())]
        if [(item.data(Qt.ItemDataRole.UserRole), item.text()) for item in items] == lines:
            return
        self.clear()
        for k, words in lines:
            item = QListWidgetItem(words)
            item.setToolTip(words)
            item.setData(Qt.ItemDataRole.UserRole, k)
            if k < 0:
                item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.addItem(item)


def reasons_to_look(live: LiveAlignment) -> dict[int, list[str]]:
    """Section, counted from 0, to what there is to say of it."""
    reasons: dict[int, list[str]] = {}
    if live.drift is not None:
        for k, words in zip(live.drift.outliers, live.drift.reasons):
            reasons.setdefault(k, []).append(f"▼ {in_micrometres(words)}")
    for k, (down, right) in live.nudges.items():
        reasons.setdefault(k, []).append(f"◆ moved {direction_words(down, right)}")
    for k in live.left_out:
        reasons.setdefault(k, []).append("✕ left out")
    before = live.stack.alignment if live.stack is not None else None
    for k in live.missing:
        was_left_out = before is not None and k in before.left_out
        reasons.setdefault(k, []).append("was left out in an earlier run" if was_left_out else "was never there")
    return reasons


def direction_words(down_um: float, right_um: float) -> str:
    """A move in words: ``0.4 µm down, 0.2 µm left``."""
    parts = []
    if down_um:
        parts.append(f"{abs(down_um):.4g} µm {'down' if down_um > 0 else 'up'}")
    if right_um:
        parts.append(f"{abs(right_um):.4g} µm {'right' if right_um > 0 else 'left'}")
    return ", ".join(parts) or "nowhere"
