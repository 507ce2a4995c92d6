"""One slider of the scenario: the fitted value marked, the value in the paper's quantity below it."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QSignalBlocker, Qt, Signal, Slot
from PySide6.QtGui import QPainter, QPaintEvent, QPolygonF
from PySide6.QtWidgets import QDoubleSpinBox, QGridLayout, QLabel, QSlider, QStyle, QStyleOptionSlider, QToolButton, QWidget

from nmcstudio.particle.scenario import Control

_STEPS = 400
_CATCH = 4


class MarkedSlider(QSlider):
    """A slider with a small triangle where the fitted value is."""

    def __init__(self, mark: int, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setRange(0, _STEPS)
        self.setSingleStep(4)
        self.setPageStep(40)
        self._mark = mark
        self.setMinimumHeight(self.sizeHint().height() + 8)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        style = self.style()
        groove = style.subControlRect(QStyle.ComplexControl.CC_Slider, option, QStyle.SubControl.SC_SliderGroove, self)
        handle = style.subControlRect(QStyle.ComplexControl.CC_Slider, option, QStyle.SubControl.SC_SliderHandle, self)
        width = groove.width() - handle.width()
        x = groove.left() + handle.width() / 2 + QStyle.sliderPositionFromValue(0, _STEPS, self._mark, width)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.palette().text())
        bottom = float(self.height())
        painter.drawPolygon(QPolygonF([QPointF(x, bottom - 6), QPointF(x - 4, bottom), QPointF(x + 4, bottom)]))
        painter.end()


class ScenarioSlider(QWidget):
    """Title, value, slider and reset of one `Control`."""

    moved = Signal()
    settled = Signal()

    def __init__(self, control: Control, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.control = control
        self._value = control.fitted
        tip = f"{control.help}\nSymbol: {control.symbol}. Fitted: {control.fitted:g} {control.unit}".rstrip()
        title = QLabel(control.title, self)
        title.setToolTip(tip)
        self.box = QDoubleSpinBox(self)
        self.box.setRange(control.low, control.high)
        self.box.setDecimals(2)
        self.box.setSingleStep((control.high - control.low) / 50)
        self.box.setSuffix(" ×" if control.unit.startswith("×") else (f" {control.unit}" if control.unit else ""))
        self.box.setKeyboardTracking(False)
        self.box.setFixedWidth(84)
        self.box.setAccessibleName(control.title)
        self.slider = MarkedSlider(self._step_of(control.fitted), self)
        self.slider.setToolTip(tip)
        self.slider.setAccessibleName(control.title)
        self.back = QToolButton(self)
        self.back.setText("Reset")
        self.back.setAutoRaise(True)
        self.back.setToolTip(f"{control.title}: back to the fitted value")
        self.words = QLabel("", self)
        self.words.setObjectName("muted")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(0)
        grid.setColumnStretch(0, 1)
        grid.addWidget(title, 0, 0)
        grid.addWidget(self.box, 0, 1)
        grid.addWidget(self.back, 0, 2)
        grid.addWidget(self.slider, 1, 0, 1, 3)
        grid.addWidget(self.words, 2, 0, 1, 3)
        self.slider.valueChanged.connect(self._slid)
        self.slider.sliderReleased.connect(self.settled)
        self.box.valueChanged.connect(self._typed)
        self.back.clicked.connect(self.reset)
        self.set_value(control.fitted)

    @property
    def value(self) -> float:
        return self._value

    @property
    def is_fitted(self) -> bool:
        return math.isclose(self._value, self.control.fitted, abs_tol=1e-9)

    def set_value(self, value: float) -> None:
        """Show a value without telling anybody."""
        self._value = min(max(value, self.control.low), self.control.high)
        with QSignalBlocker(self.slider), QSignalBlocker(self.box):
            self.slider.setValue(self._step_of(self._value))
            self.box.setValue(self._value)
        # Of a value that is no factor, the field says all already.
        self.words.setText("" if math.isnan(self.control.quantity_fitted) else self.control.describe(self._value))
        self.back.setEnabled(not self.is_fitted)

    def _step_of(self, value: float) -> int:
        return round(_STEPS * (value - self.control.low) / (self.control.high - self.control.low))

    @Slot(int)
    def _slid(self, step: int) -> None:
        value = self.control.low + (self.control.high - self.control.low) * step / _STEPS
        # The handle catches at the mark, so that the fitted value can be found again by hand.
        near = self.slider.isSliderDown() and abs(step - self._step_of(self.control.fitted)) <= _CATCH
        self.set_value(self.control.fitted if near else round(value, 4))
        self.moved.emit()
        if not self.slider.isSliderDown():
            self.settled.emit()

    @Slot(float)
    def _typed(self, value: float) -> None:
        self.set_value(value)
        self.moved.emit()
        self.settled.emit()

    @Slot()
    def reset(self) -> None:
        """Back to the fitted value."""
        self.set_value(self.control.fitted)
        self.moved.emit()
        self.settled.emit()
