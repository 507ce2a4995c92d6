"""A number with its unit inside the field; empty where a value is optional."""

from __future__ import annotations

import math
import re

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QAbstractSpinBox, QWidget

_SHOWN_UNITS = {"um": "µm", "um^2": "µm²", "um^3": "µm³", "um^-3": "µm⁻³", "um^-2": "µm⁻²", "deg": "°", "voxel": "voxel"}


def shown_unit(unit: str) -> str:
    """A unit as people write it: ``um^-3`` is µm⁻³."""
    return _SHOWN_UNITS.get(unit, unit)


def in_micrometres(text: str) -> str:
    """A sentence of the library as the window writes it: µm for um."""
    return re.sub(r"\bum\b", "µm", text)


def as_sentence(text: str) -> str:
    """The same with a capital first, unless it begins with the name of a file."""
    text = in_micrometres(text).strip()
    first = text.split(maxsplit=1)[0] if text else ""
    is_name = "." in first.rstrip(".,:;!?") or "/" in first
    return text if is_name else text[:1].upper() + text[1:]


class NumberBox(QAbstractSpinBox):
    """A whole or real number of any size, kept exactly as it was given.

    Qt's own spin boxes round to a fixed number of decimals, and cannot be empty.

    Parameters
    ----------
    whole
        Whole numbers only.
    low, high
        Limits for the arrows; typed values outside stay, and are reported where parameters are checked.
    step
        Step of the arrows; None: a tenth of the value's size.
    unit
        Shown behind the number.
    empty_text
        What an empty field means ("automatic"); None where a value is needed.
    """

    edited = Signal(object)

    def __init__(
        self,
        *,
        whole: bool = False,
        low: float = -math.inf,
        high: float = math.inf,
        step: float | None = None,
        decimals: int | None = None,
        unit: str = "",
        empty_text: str | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._whole = whole
        self._low, self._high = low, high
        self._step = step
        self._decimals = decimals
        self._suffix = f" {shown_unit(unit)}" if unit else ""
        if unit == "deg":
            self._suffix = "°"
        self._optional = empty_text is not None
        self._value: float | int | None = None
        self.setAccelerated(True)
        self.setKeyboardTracking(True)
        self.lineEdit().setPlaceholderText(empty_text or "")
        self.lineEdit().textEdited.connect(self._typed)
        self.editingFinished.connect(self._tidy)

    def value(self) -> float | int | None:
        return self._value

    def set_value(self, value: float | int | None) -> None:
        """Show a value; tells nobody."""
        if value is not None:
            value = int(value) if self._whole else float(value)
        if value != self._value or not self.lineEdit().text():
            self._value = value
            self.lineEdit().setText(self._text(value))

    def set_step(self, step: float) -> None:
        """Step of the arrows from now on."""
        self._step = step

    def setValue(self, value: float | int | None) -> None:
        """Show a value and say so, as if it had been typed."""
        if value != self._value:
            self.set_value(value)
            self.edited.emit(self._value)

    def _text(self, value: float | int | None) -> str:
        if value is None:
            return ""
        if self._whole:
            return f"{value:d}{self._suffix}"
        if not math.isfinite(value):
            return f"{value}{self._suffix}"
        shortest = f"{value:.12g}"
        if self._decimals is not None and "e" not in shortest and len(shortest.partition(".")[2]) < self._decimals:
            shortest = f"{value:.{self._decimals}f}"
        elif shortest.lstrip("-").isdigit():
            shortest += ".0"
        return shortest + self._suffix

    def _parsed(self, text: str) -> tuple[bool, float | int | None]:
        """Whether a text is a value, and which."""
        bare = text.strip().removesuffix(self._suffix.strip()).strip().replace(",", ".").replace("−", "-")
        if not bare:
            return self._optional, None
        try:
            return True, int(bare) if self._whole else float(bare)
        except ValueError:
            return False, None

    def _typed(self, text: str) -> None:
        usable, value = self._parsed(text)
        if usable and value != self._value:
            self._value = value
            self.edited.emit(value)

    def _tidy(self) -> None:
        if self.lineEdit().text() != self._text(self._value):
            self.lineEdit().setText(self._text(self._value))

    # What QAbstractSpinBox asks for

    def stepBy(self, steps: int) -> None:
        if self._value is None and math.isfinite(self._low):
            self.setValue(self._low)
            return
        value = self._value or 0
        if self._whole:
            new: float | int = int(value) + int(steps * (self._step or 1))
        else:
            size = self._step
            if size is None:
                size = 10.0 ** (math.floor(math.log10(abs(value))) - 1) if value else 0.1
            new = round((value + steps * size) / size) * size
            new = float(f"{new:.10g}")
        new = min(max(new, self._low), self._high)
        self.setValue(int(new) if self._whole else new)
        self.selectAll()

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:
        flags = QAbstractSpinBox.StepEnabledFlag.StepNone
        value = self._value if self._value is not None else self._low
        if value < self._high:
            flags |= QAbstractSpinBox.StepEnabledFlag.StepUpEnabled
        if value > self._low:
            flags |= QAbstractSpinBox.StepEnabledFlag.StepDownEnabled
        return flags

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        usable, _ = self._parsed(text)
        if usable:
            return QValidator.State.Acceptable, text, position
        bare = text.removesuffix(self._suffix)
        allowed = set("0123456789-−") | (set() if self._whole else set(".,eE+infa"))
        state = QValidator.State.Intermediate if set(bare.strip()) <= allowed else QValidator.State.Invalid
        return state, text, position

    def fixup(self, text: str) -> str:
        return self._text(self._value)

    def wheelEvent(self, event) -> None:
        # Scrolling through a form must not change the numbers under the mouse.
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def sizeHint(self) -> QSize:
        return QSize(max(96, super().sizeHint().width()), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(72, super().minimumSizeHint().height())
