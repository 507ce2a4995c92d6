"""The controls below a 3D view: one row, or two where it is narrow."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QMenu, QSlider, QToolButton, QVBoxLayout, QWidget

# Array axis (z, y, x) of each cut.
CUTS = {"No cut": None, "Cut along x": 2, "Cut along y": 1, "Cut along z": 0}
_SPACING = 4
_MARGIN = 4


class SceneControls(QWidget):
    """What is shown, its colour, the cut, and a menu for objects and camera."""

    isolate_asked = Signal()
    hide_asked = Signal()
    show_all_asked = Signal()
    fit_asked = Signal()
    along_asked = Signal(str)
    orthographic_asked = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.shown, self.menu = self._menu_button("Show", "What 3D shows")
        self.colours = QComboBox(self)
        self.colours.setToolTip("Colour of the surfaces")
        self.cuts = QComboBox(self)
        self.cuts.addItems(list(CUTS))
        self.cuts.setToolTip("Cut plane")
        for combo in (self.colours, self.cuts):
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            combo.setMinimumContentsLength(6)
        self.cut_slider = QSlider(Qt.Orientation.Horizontal, self)
        self.cut_slider.setRange(0, 1000)
        self.cut_slider.setValue(500)
        self.cut_slider.setMinimumWidth(48)
        self.cut_slider.setToolTip("Position of the cut plane")
        self.cut_slider.hide()
        view, menu = self._menu_button("View", "Camera; hide, isolate or show objects")
        for text, signal in (
            ("Isolate what is selected", self.isolate_asked),
            ("Hide what is selected", self.hide_asked),
            ("Show all objects", self.show_all_asked),
        ):
            menu.addAction(text).triggered.connect(signal)
        menu.addSeparator()
        menu.addAction("Reset").triggered.connect(self.fit_asked)
        for name in ("x", "y", "z"):
            action = menu.addAction(f"Along {name}")
            action.setObjectName(name)
            action.triggered.connect(self._along)
        menu.addSeparator()
        group = QActionGroup(menu)
        self.perspective = QAction("Perspective", menu, checkable=True, checked=True)
        self.orthographic = QAction("Orthographic", menu, checkable=True)
        for action in (self.perspective, self.orthographic):
            group.addAction(action)
            menu.addAction(action)
        group.triggered.connect(self._projection)
        first, second = QHBoxLayout(), QHBoxLayout()
        for row in (first, second):
            row.setSpacing(_SPACING)
        first.addWidget(self.shown)
        first.addWidget(self.cut_slider, 1)
        first.addStretch(1)
        first.addWidget(view)
        self._first, self._second, self._folded = first, second, True
        column = QVBoxLayout(self)
        column.setContentsMargins(_MARGIN, 2, _MARGIN, 2)
        column.setSpacing(2)
        column.addLayout(first)
        column.addLayout(second)
        self._fold(False)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fold(self.width() < self._needed())

    def show_slider(self, shown: bool) -> None:
        """The slider stands there while there is a cut."""
        self.cut_slider.setVisible(shown)
        self._fold(self.width() < self._needed())

    def _needed(self) -> int:
        """Width in pixels that all controls need beside each other."""
        buttons = [widget for widget in self.findChildren(QToolButton) if widget.parent() is self]
        widgets = [*buttons, self.colours, self.cuts, *([] if self.cut_slider.isHidden() else [self.cut_slider])]
        return sum(widget.minimumSizeHint().width() for widget in widgets) + _SPACING * (len(widgets) - 1) + 2 * _MARGIN

    def _fold(self, folded: bool) -> None:
        """Two rows where one would squeeze the words."""
        if folded == self._folded:
            return
        self._folded = folded
        for place, widget in enumerate((self.colours, self.cuts), start=1):
            if folded:
                self._first.removeWidget(widget)
                self._second.addWidget(widget, 1)
            else:
                self._second.removeWidget(widget)
                self._first.insertWidget(place, widget)

    def _menu_button(self, text: str, tip: str) -> tuple[QToolButton, QMenu]:
        button = QToolButton(self)
        button.setText(text)
        button.setToolTip(tip)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        button.setMenu(menu)
        return button, menu

    def _along(self) -> None:
        self.along_asked.emit(self.sender().objectName())

    def _projection(self, action: QAction) -> None:
        self.orthographic_asked.emit(action is self.orthographic)
