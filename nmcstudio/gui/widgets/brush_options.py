"""What belongs to brush and eraser: size, ball or disc, over what, a new object."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Slot
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QHBoxLayout, QLabel, QToolButton, QWidget

from nmcstudio.gui.views.brush import LARGEST_VOXELS, SMALLEST_VOXELS, Brush
from nmcstudio.gui.views.selection import Selection

_SHAPES = {"Ball": True, "Disc": False}
_OVER = {"background": "background", "everything": "everything", "object": "one object"}


class BrushOptions(QWidget):
    """Settings of a `Brush` in the tool row."""

    def __init__(self, brush: Brush, selection: Selection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._brush, self._selection = brush, selection
        self.radius = QDoubleSpinBox(self)
        self.radius.setSuffix(" µm")
        self.radius.setDecimals(2)
        self.radius.setToolTip("Radius of the brush; [ makes it smaller, ] larger")
        self.radius.setAccessibleName("Radius of the brush")
        self.radius.valueChanged.connect(brush.set_radius)
        self.shape = QComboBox(self)
        self.shape.addItems(list(_SHAPES))
        self.shape.setToolTip("A ball paints in 3D, through the slices; a disc paints only the slice under the mouse")
        self.shape.activated.connect(self._shape_chosen)
        self.over = QComboBox(self)
        for key, words in _OVER.items():
            self.over.addItem(words, key)
        self.over.setToolTip("What the stroke may change: background, everything, or only the object on which it begins")
        self.over.activated.connect(self._over_chosen)
        self.new = QToolButton(self)
        self.new.setText("New object")
        self.new.setCheckable(True)
        self.new.setObjectName("choice")
        self.new.setToolTip("The next stroke makes a new object with a label of its own")
        self.new.toggled.connect(self._new_toggled)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 8, 0)
        row.setSpacing(4)
        for widget in (self.shape, self.radius, QLabel("over", self), self.over, self.new):
            row.addWidget(widget)
        brush.changed.connect(self.refresh)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Show how the brush stands."""
        brush, erasing = self._brush, self._selection.tool == "eraser"
        with QSignalBlocker(self.radius), QSignalBlocker(self.new):
            self.radius.setRange(SMALLEST_VOXELS * brush.voxel_um, LARGEST_VOXELS * brush.voxel_um)
            self.radius.setDecimals(3 if brush.voxel_um < 0.1 else 2)
            self.radius.setSingleStep(brush.voxel_um)
            self.radius.setValue(brush.radius_um)
            self.new.setChecked(brush.new)
        self.shape.setCurrentIndex(0 if brush.in_3d else 1)
        self.new.setEnabled(not erasing)
        shown = "everything" if erasing and brush.over == "background" else brush.over
        self.over.setCurrentIndex(list(_OVER).index(shown))

    def _shape_chosen(self) -> None:
        self._brush.in_3d = _SHAPES[self.shape.currentText()]
        self._brush.changed.emit()

    def _over_chosen(self) -> None:
        self._brush.over = self.over.currentData()
        self._brush.changed.emit()

    def _new_toggled(self, on: bool) -> None:
        self._brush.new = on
        self._brush.changed.emit()

    def next_click(self, under: int, noun: str) -> str:
        """What a stroke that begins here will do, in words."""
        if self._selection.tool == "eraser":
            if self._brush.over == "object":
                return f"Drag erases {noun} {under} only" if under else f"Begin the stroke on the {noun} to erase"
            return f"Drag erases {noun}s"
        over = {
            "background": "background only",
            "everything": "everything",
            "object": f"{noun} {under}" if under else "background",
        }
        if self._brush.new:
            return f"Drag paints a new {noun} over {over[self._brush.over]}"
        target = self._selection.ids[0] if self._selection.ids else under
        if not target:
            return f"Choose a {noun} to paint, begin on it, or press New object"
        return f"Drag paints {noun} {target} over {over[self._brush.over]}"
