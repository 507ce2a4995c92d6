"""Controls for numbers and choices: all have `value`, `set_value` (silent) and the signal `edited`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from nmcstudio.gui.widgets.number_box import NumberBox, shown_unit


class Editor(QWidget):
    """Base: `edited` carries the new value (JSON) whenever the user changed it to something usable."""

    edited = Signal(object)

    def _row(self, *widgets: QWidget) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for widget in widgets:
            layout.addWidget(widget)
        self.setFocusProxy(widgets[0])

    def value(self) -> Any:
        raise NotImplementedError

    def set_value(self, value: Any) -> None:
        raise NotImplementedError


class NumberEditor(Editor):
    """A number, with a slider under it where one was asked for."""

    def __init__(self, *, slider: bool = False, **options: Any) -> None:
        super().__init__()
        self.box = NumberBox(**options)
        self.box.edited.connect(self._edited)
        self.slider: QSlider | None = None
        low, high = options.get("low"), options.get("high")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.box)
        self.setFocusProxy(self.box)
        if slider and low is not None and high is not None and high - low < 1e12:
            self._low, self._high = float(low), float(high)
            self._whole = bool(options.get("whole"))
            self.slider = QSlider(Qt.Orientation.Horizontal)
            self.slider.setRange(0, int(high - low) if self._whole else 1000)
            self.slider.valueChanged.connect(self._slid)
            layout.addWidget(self.slider)

    def value(self) -> Any:
        return self.box.value()

    def set_value(self, value: Any) -> None:
        self.box.set_value(value)
        self._follow(value)

    def _follow(self, value: Any) -> None:
        if self.slider is not None and value is not None:
            with QSignalBlocker(self.slider):
                share = (float(value) - self._low) / (self._high - self._low)
                self.slider.setValue(round(share * self.slider.maximum()))

    def _slid(self, position: int) -> None:
        value = self._low + (self._high - self._low) * position / max(self.slider.maximum(), 1)
        self.box.setValue(round(value) if self._whole else float(f"{value:.4g}"))

    def _edited(self, value: Any) -> None:
        self._follow(value)
        self.edited.emit(value)


class FlagEditor(Editor):
    """Yes or no; where the value is optional, a choice of three."""

    def __init__(self, title: str, empty_text: str | None) -> None:
        super().__init__()
        self._check: QCheckBox | None = None
        self._combo: QComboBox | None = None
        if empty_text is None:
            self._check = QCheckBox(title)
            self._check.toggled.connect(self.edited.emit)
            self._row(self._check)
        else:
            self._combo = _combo([empty_text, "yes", "no"])
            self._combo.activated.connect(lambda index: self.edited.emit(self.value()))
            self._row(self._combo)

    def value(self) -> bool | None:
        if self._check is not None:
            return self._check.isChecked()
        return (None, True, False)[self._combo.currentIndex()]

    def set_value(self, value: Any) -> None:
        if self._check is not None:
            with QSignalBlocker(self._check):
                self._check.setChecked(bool(value))
        else:
            self._combo.setCurrentIndex((None, True, False).index(value))


class ChoiceEditor(Editor):
    """One of a few words; `empty_text` stands for None."""

    def __init__(self, words: Sequence[Any], empty_text: str | None) -> None:
        super().__init__()
        self._words = [None, *words] if empty_text is not None else list(words)
        self._combo = _combo([empty_text if word is None else str(word) for word in self._words])
        self._combo.activated.connect(lambda index: self.edited.emit(self.value()))
        self._row(self._combo)

    def value(self) -> Any:
        return self._words[self._combo.currentIndex()]

    def set_value(self, value: Any) -> None:
        if value in self._words:
            self._combo.setCurrentIndex(self._words.index(value))


class SeveralEditor(Editor):
    """Any of a few words, as boxes to tick; the order of what was ticked stays."""

    def __init__(self, words: Sequence[str], columns: int = 3) -> None:
        super().__init__()
        self._chosen: list[str] = []
        self._boxes: dict[str, QCheckBox] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        for index, word in enumerate(words):
            box = QCheckBox(str(word))
            box.toggled.connect(self._toggled)
            self._boxes[word] = box
            grid.addWidget(box, index // columns, index % columns)

    def _toggled(self, checked: bool) -> None:
        ticked = [word for word, box in self._boxes.items() if box.isChecked()]
        self._chosen = [word for word in self._chosen if word in ticked] + [word for word in ticked if word not in self._chosen]
        self.edited.emit(list(self._chosen))

    def value(self) -> list[str]:
        return list(self._chosen)

    def set_value(self, value: Any) -> None:
        self._chosen = list(value or ())
        for word, box in self._boxes.items():
            with QSignalBlocker(box):
                box.setChecked(word in self._chosen)


class WordOrNumberEditor(Editor):
    """A word ("auto") or a number of one's own."""

    def __init__(self, words: Sequence[str], empty_text: str | None, **number: Any) -> None:
        super().__init__()
        self._words = [None, *words] if empty_text is not None else list(words)
        self._combo = _combo([*(empty_text if word is None else word for word in self._words), "number"])
        self._combo.activated.connect(self._chosen)
        self._number = NumberBox(**number)
        self._number.edited.connect(self.edited.emit)
        low = number.get("low", 1.0)
        self._number.set_value(low if abs(low) < 1e15 else 1)
        self._row(self._combo, self._number)
        self._number.hide()

    def _chosen(self, index: int) -> None:
        self._number.setVisible(index == len(self._words))
        self.edited.emit(self.value())

    def value(self) -> Any:
        index = self._combo.currentIndex()
        return self._words[index] if index < len(self._words) else self._number.value()

    def set_value(self, value: Any) -> None:
        if value in self._words and not (isinstance(value, (int, float)) and not isinstance(value, bool)):
            self._combo.setCurrentIndex(self._words.index(value))
            self._number.hide()
        else:
            self._combo.setCurrentIndex(len(self._words))
            self._number.set_value(value)
            self._number.show()


class TripleEditor(Editor):
    """Numbers side by side, for example a voxel edge in z, y and x.

    All empty where the value is optional. With `one_for_all` the first alone stands for all.
    """

    def __init__(
        self, count: int, names: Sequence[str], empty_text: str | None, *, one_for_all: bool = False, **number: Any
    ) -> None:
        super().__init__()
        self._optional = empty_text is not None
        self._one_for_all = one_for_all
        self.named = bool(names)
        self._boxes: list[NumberBox] = []
        widgets: list[QWidget] = []
        unit = number.pop("unit", "")
        for index in range(count):
            if names:
                widgets.append(_unit_label(names[index]))
            may_be_empty = self._optional or (one_for_all and index > 0)
            text = empty_text if index == 0 else "same" if one_for_all else ""
            box = NumberBox(empty_text=text if may_be_empty else None, **number)
            box.setButtonSymbols(NumberBox.ButtonSymbols.NoButtons)
            box.edited.connect(self._edited)
            box.setMinimumWidth(44)
            self._boxes.append(box)
            widgets.append(box)
        if unit:
            widgets.append(_unit_label(shown_unit(unit)))
        self._row(*widgets)
        for index, widget in enumerate(widgets):
            self.layout().setStretch(
                index, (2 if widget is self._boxes[0] and self._optional else 1) * isinstance(widget, NumberBox)
            )
        self.setFocusProxy(self._boxes[0])

    def _edited(self, value: Any) -> None:
        filled = [box.value() is not None for box in self._boxes]
        usable = all(filled) or (self._one_for_all and filled[0] and not any(filled[1:])) or (self._optional and not any(filled))
        if usable:
            self.edited.emit(self.value())

    def value(self) -> Any:
        values = [box.value() for box in self._boxes]
        if all(each is None for each in values):
            return None
        return values[:1] if self._one_for_all and all(each is None for each in values[1:]) else values

    def set_value(self, value: Any) -> None:
        if value == self.value():
            return
        given = [] if value is None else [value] if isinstance(value, (int, float)) else list(value)
        if len(given) == 1 and not self._one_for_all:
            given *= len(self._boxes)
        given += [None] * (len(self._boxes) - len(given))
        for box, each in zip(self._boxes, given):
            box.set_value(each)


def _unit_label(text: str) -> QLabel:
    label = QLabel(text)
    label.setObjectName("unit")
    return label


class _Combo(QComboBox):
    def wheelEvent(self, event) -> None:
        # Scrolling through a form must not change the choices under the mouse.
        event.ignore()


def _combo(texts: Sequence[str | None]) -> QComboBox:
    combo = _Combo()
    combo.addItems([text or "none" for text in texts])
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(6)
    return combo
