"""The small list of layers: on or off, opacity, colour map and limits of each."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QFrame, QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from nmcstudio.gui.views.colours import MAPS
from nmcstudio.gui.views.contents import Layer
from nmcstudio.gui.views.layer_model import LayerModel


class LayerList(QWidget):
    """One block a layer, the topmost first."""

    def __init__(self, model: LayerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(8, 4, 8, 4)
        self._column.setSpacing(8)
        self._rows: list[_Row] = []
        model.replaced.connect(self._rebuild)
        model.changed.connect(self._refresh)
        self._rebuild()

    @Slot()
    def _rebuild(self) -> None:
        while (item := self._column.takeAt(0)) is not None:
            if item.widget() is not None:
                item.widget().hide()
                item.widget().deleteLater()
        self._rows = [_Row(self._model, layer, self) for layer in reversed(self._model.layers)]
        for row in self._rows:
            self._column.addWidget(row)
        if not self._rows:
            empty = QLabel("No layers yet")
            empty.setObjectName("muted")
            self._column.addWidget(empty)
        self._column.addStretch(1)

    @Slot()
    def _refresh(self) -> None:
        for row in self._rows:
            row.refresh()


class _Row(QFrame):
    def __init__(self, model: LayerModel, layer: Layer, parent: QWidget) -> None:
        super().__init__(parent)
        self._model, self._key = model, layer.key
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        line = QHBoxLayout()
        line.setSpacing(6)
        self._visible = QCheckBox(layer.title, self)
        self._visible.setToolTip(f"Show or hide: {layer.title}")
        self._visible.toggled.connect(self._set_visible)
        self._opacity = QSlider(Qt.Orientation.Horizontal, self)
        self._opacity.setRange(5, 100)
        self._opacity.setFixedWidth(72)
        self._opacity.setAccessibleName(f"Opacity of {layer.title}")
        self._opacity.valueChanged.connect(self._set_opacity)
        line.addWidget(self._visible, 1)
        line.addWidget(self._opacity)
        column.addLayout(line)
        self._low = self._high = None
        if layer.kind == "grey":
            self._add_limits(layer, column)
        self.refresh()

    def _add_limits(self, layer: Layer, column: QVBoxLayout) -> None:
        line = QHBoxLayout()
        line.setSpacing(4)
        line.setContentsMargins(20, 0, 0, 0)
        self._map = QComboBox(self)
        self._map.addItems([name.capitalize() for name in MAPS])
        self._map.setToolTip("Colour map")
        self._map.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._map.setMinimumContentsLength(4)
        self._map.currentIndexChanged.connect(self._set_map)
        low, high = layer.limits or (0.0, 1.0)
        span = max(high - low, 1e-6)
        whole = layer.values.dtype.kind in "iub"
        self._low, self._high = QDoubleSpinBox(self), QDoubleSpinBox(self)
        for box, words in ((self._low, "Darkest value"), (self._high, "Brightest value")):
            box.setDecimals(0 if whole else max(0, 3 - len(str(int(span)))))
            box.setRange(low - 20 * span, high + 20 * span)
            box.setSingleStep(span / 50)
            box.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
            box.setFixedWidth(58)
            box.setToolTip(words + (f" ({layer.unit})" if layer.unit else ""))
            box.valueChanged.connect(self._set_limits)
        line.addWidget(self._map, 1)
        line.addWidget(self._low)
        line.addWidget(self._high)
        column.addLayout(line)

    def refresh(self) -> None:
        if self._model.layer(self._key) is None:
            return
        look = self._model.look(self._key)
        with QSignalBlocker(self._visible), QSignalBlocker(self._opacity):
            self._visible.setChecked(look.visible)
            self._opacity.setValue(round(100 * look.opacity))
            self._opacity.setToolTip(f"Opacity {look.opacity:.0%}")
        if self._low is not None:
            with QSignalBlocker(self._map), QSignalBlocker(self._low), QSignalBlocker(self._high):
                self._map.setCurrentIndex(MAPS.index(look.colormap))
                self._low.setValue((look.limits or (0, 1))[0])
                self._high.setValue((look.limits or (0, 1))[1])

    @Slot(bool)
    def _set_visible(self, visible: bool) -> None:
        self._model.set_look(self._key, visible=visible)

    @Slot(int)
    def _set_opacity(self, percent: int) -> None:
        self._model.set_look(self._key, opacity=percent / 100)

    @Slot(int)
    def _set_map(self, index: int) -> None:
        self._model.set_look(self._key, colormap=MAPS[index])

    @Slot()
    def _set_limits(self) -> None:
        self._model.set_look(self._key, limits=(self._low.value(), self._high.value()))
