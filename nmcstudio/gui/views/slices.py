"""One plane with its slider, and the line of words about what is under the mouse."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from nmcstudio.gui.views.layer_model import LayerModel, is_preview
from nmcstudio.gui.views.selection import Selection
from nmcstudio.gui.views.slice_pane import AXIS_NAMES, Crosshair, SlicePane
from nmcstudio.gui.views.slicing import index_at, value_at
from nmcstudio.gui.widgets.elided import ElidedLabel

_ROOMY = 270
_WIDE, _WIDEST = "x 0000 / 0000", "x 0000 / 0000 · 000.00 µm"


class SliceView(QWidget):
    """A `SlicePane` with a slider and the position in um and slices below it."""

    def __init__(
        self, plane: str, model: LayerModel, cross: Crosshair, selection: Selection, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.pane = SlicePane(plane, model, cross, selection, self)
        self._model, self._cross = model, cross
        self._slider = QSlider(Qt.Orientation.Horizontal, self)
        name = AXIS_NAMES[self.pane.normal]
        self._slider.setToolTip(f"Slice along {name}; the wheel over the picture does the same, with Shift ten at a time")
        self._slider.setAccessibleName(f"Slice along {name}")
        self._slider.valueChanged.connect(self.pane.set_slice)
        self._words = QLabel(self)
        self._words.setObjectName("muted")
        row = QHBoxLayout()
        row.setContentsMargins(4, 0, 4, 2)
        row.setSpacing(8)
        row.addWidget(self._slider, 1)
        row.addWidget(self._words)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.pane, 1)
        column.addLayout(row)
        model.replaced.connect(self.refresh)
        model.changed.connect(self.refresh)
        cross.moved.connect(self.refresh)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Put slider and words where the cross-hair is."""
        count, index = self.pane.slice_count(), self.pane.slice_index()
        with QSignalBlocker(self._slider):
            self._slider.setRange(0, max(count - 1, 0))
            self._slider.setValue(min(max(index, 0), max(count - 1, 0)))
        self._slider.setEnabled(count > 1)
        axis = self.pane.normal
        words = f"{AXIS_NAMES[axis]} {index + 1} / {count}"
        if self.width() >= _ROOMY:
            words += f" · {self._cross.position[axis]:.2f} µm"
        self._words.setText(words if count else "")
        self._words.setMinimumWidth(self._words.fontMetrics().horizontalAdvance(_WIDEST if self.width() >= _ROOMY else _WIDE))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if (event.size().width() >= _ROOMY) != (event.oldSize().width() >= _ROOMY):
            self.refresh()


class Readout(ElidedLabel):
    """Position in um and voxel, grey value and label under the mouse, or at the cross-hair when the mouse is away."""

    def __init__(self, model: LayerModel, cross: Crosshair, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self._model, self._cross = model, cross
        self._at: np.ndarray | None = None
        self._overridden = ""
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        cross.pointed.connect(self._pointed)
        cross.moved.connect(self._refresh)
        model.replaced.connect(self._refresh)

    @Slot(object)
    def _pointed(self, position: np.ndarray | None) -> None:
        self._at = position
        self._refresh()

    def say(self, words: str) -> None:
        """Say something else (what 3D has under the mouse); empty goes back to the slices."""
        self._overridden = words
        self._refresh()

    @Slot()
    def _refresh(self) -> None:
        self.set_full_text(self._overridden or self.words(self._cross.position if self._at is None else self._at))

    def words(self, position: np.ndarray) -> str:
        """What is at a position (z, y, x) in um."""
        if not self._model.layers:
            return ""
        z, y, x = position
        parts = [f"x {x:.2f}  y {y:.2f}  z {z:.2f} µm"]
        base = self._model.layers[0]
        index = [index_at(base, axis, position[axis]) for axis in range(3)]
        if all(0 <= i < n for i, n in zip(index, base.values.shape)):
            parts.append(f"voxel {index[2]}, {index[1]}, {index[0]}")
        else:
            parts.append("outside")
        said = set()
        for layer in self._model.layers:
            value = value_at(layer, position) if layer.kind in ("grey", "labels") else None
            if value is None:
                continue
            if layer.kind == "grey":
                parts.append(f"{layer.title.lower()} {in_figures(value)}{(' ' + layer.unit) if layer.unit else ''}")
            elif layer.title not in said and layer.table is None:
                said.add(layer.title)
                noun, preview = layer.title.lower().removesuffix("s"), ""
                if is_preview(layer):
                    noun, preview = noun.removesuffix(" preview"), " (preview)"
                parts.append((f"{noun} {int(value)}" if value else f"no {noun}") + preview)
        return "   ·   ".join(parts)


def in_figures(value: Any) -> str:
    """A number of an image without an exponent: whole where it is of a whole type, else to the digits that its type has, five
    at most and all those before the point."""
    number = np.asarray(value)
    if number.dtype.kind in "biu":
        return str(int(number))
    if not np.isfinite(number):
        return "not a number"
    before = len(str(abs(int(number))))
    digits = max(before, min(5, int(np.finfo(number.dtype).precision)))
    return np.format_float_positional(number[()], precision=digits, unique=False, fractional=False, trim="-")
