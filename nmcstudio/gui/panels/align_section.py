"""One section over its neighbour, with what moves it by hand."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from nmcstudio.gui.panels.align_preview import PAIRS
from nmcstudio.gui.panels.picture import Picture
from nmcstudio.gui.widgets.choice_row import ChoiceRow
from nmcstudio.gui.widgets.number_box import NumberBox

HEIGHT = 188
_NO_PAIR = "The section on view will stand here, over its neighbour."
_KEYS = {
    Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0), Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1),
}  # fmt: skip
_PAIR_TIPS = {
    "Blend": "Both sections half transparent: what fits is sharp",
    "Checkerboard": "Squares of the one and the other in turn: grains go on across the edges where they fit",
    "Difference": "Black where both have one colour, bright where they differ",
}


class PairPicture(Picture):
    """Takes the arrow keys: ``stepped`` carries voxels (y, x), ``paged`` sections forward or back."""

    stepped = Signal(int, int)
    paged = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_NO_PAIR, HEIGHT, parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Section over its neighbour")
        self.setToolTip("Arrow keys move the section by one voxel, with Shift by five; Page up and Page down change the section")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        many = 5 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
        if event.key() in _KEYS:
            down, right = _KEYS[Qt.Key(event.key())]
            self.stepped.emit(many * down, many * right)
        elif event.key() in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self.paged.emit(1 if event.key() == Qt.Key.Key_PageDown else -1)
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self)
            painter.setPen(QPen(self.palette().highlight().color(), 2))
            painter.drawRect(self.rect().adjusted(1, 1, -1, -1))


class SectionBox(QWidget):
    """Choice of a section, the picture, and the buttons of the hand work.

    Signals
    -------
    section_chosen(int)
        Counted from 0.
    stepped(int, int)
        Move by voxels down and to the right.
    nudge_typed(float, float)
        Move by this many um (down, right) in all.
    left_out(bool)
        Leave the section out, or use it again.
    taken_back()
        Take back all hand work on this section.
    look_changed()
        Another way to lay the sections on each other.
    """

    section_chosen = Signal(int)
    stepped = Signal(int, int)
    nudge_typed = Signal(float, float)
    left_out = Signal(bool)
    taken_back = Signal()
    look_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.number = QSpinBox()
        self.number.setAccessibleName("Section")
        self.number.setToolTip("Section on view, counted from 1 as in the slices; Page up and Page down over the picture")
        self.number.setKeyboardTracking(False)
        self.number.valueChanged.connect(lambda number: self.section_chosen.emit(number - 1))
        self.over = QLabel()
        self.over.setObjectName("muted")
        self.source = QComboBox()
        self.source.addItems(["IPF z", "Quality"])
        self.source.setToolTip("What the picture shows: orientations in IPF colours along z, or the quality of the points")
        self.source.currentIndexChanged.connect(lambda _: self.look_changed.emit())
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(QLabel("Section"))
        head.addWidget(self.number)
        head.addWidget(self.over, 1)
        head.addWidget(self.source)
        self.picture = PairPicture()
        self.picture.stepped.connect(self.stepped)
        self.picture.paged.connect(lambda by: self.number.setValue(self.number.value() + by))
        self.looks = ChoiceRow([(name, _PAIR_TIPS[name]) for name in PAIRS])
        self.looks.chosen.connect(lambda _: self.look_changed.emit())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.picture)
        column.addWidget(self.looks)
        column.addLayout(self._make_hand())

    def _make_hand(self) -> QGridLayout:
        self.down, self.right = NumberBox(unit="um"), NumberBox(unit="um")
        for box, words in ((self.down, "down"), (self.right, "to the right")):
            box.setToolTip(f"How far this section is moved {words} by hand, besides what was measured; rounded to voxels")
            box.setAccessibleName(f"Moved {words}")
            box.edited.connect(lambda _: self.nudge_typed.emit(self.down.value() or 0.0, self.right.value() or 0.0))
        self.arrows = []
        arrows = QGridLayout()
        arrows.setSpacing(0)
        for text, name, (down, right), place in (
            ("▲", "up", (-1, 0), (0, 1)), ("◀", "to the left", (0, -1), (1, 0)), ("▶", "to the right", (0, 1), (1, 2)),
            ("▼", "down", (1, 0), (1, 1)),
        ):  # fmt: skip
            button = QToolButton()
            button.setText(text)
            button.setAutoRepeat(True)
            button.setToolTip(f"Move this section {name} by one voxel")
            button.setAccessibleName(f"Move {name}")
            button.clicked.connect(lambda _=False, d=down, r=right: self.stepped.emit(d, r))
            arrows.addWidget(button, *place)
            self.arrows.append(button)
        self.leave = QPushButton("Leave out")
        self.leave.setCheckable(True)
        self.leave.setToolTip("Do not use the data of this section; what stands in its place is chosen at Missing sections")
        self.leave.clicked.connect(self.left_out)
        self.back = QPushButton("Take back")
        self.back.setToolTip("Take back all hand work on this section")
        self.back.clicked.connect(self.taken_back)
        grid = QGridLayout()
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(4)
        grid.addLayout(arrows, 0, 0, 2, 1)
        grid.addWidget(QLabel("Down"), 0, 1)
        grid.addWidget(self.down, 0, 2)
        grid.addWidget(QLabel("Right"), 1, 1)
        grid.addWidget(self.right, 1, 2)
        grid.addWidget(self.leave, 0, 3)
        grid.addWidget(self.back, 1, 3)
        grid.setColumnStretch(2, 1)
        return grid

    def show_no_pair(self) -> None:
        """There is no section with a neighbour."""
        self.over.clear()
        self.picture.say(_NO_PAIR)

    def show_state(self, nudge: tuple[float, float] | None, is_out: bool, movable: bool, steps: tuple[float, float]) -> None:
        """What has been done by hand to the section on view; `steps` are the voxel edges (y, x) in um."""
        for box, value, step in zip((self.down, self.right), nudge or (0.0, 0.0), steps):
            box.set_step(step)
            box.set_value(value)
            box.setEnabled(movable)
        for arrow in self.arrows:
            arrow.setEnabled(movable)
        self.leave.setChecked(is_out)
        self.leave.setText("Use again" if is_out else "Leave out")
        self.leave.setEnabled(movable or is_out)
        self.back.setEnabled(nudge is not None or is_out)

    @property
    def look(self) -> tuple[str, str]:
        """What the picture shows, and how the sections lie on each other."""
        return self.source.currentText(), PAIRS[self.looks.current]
