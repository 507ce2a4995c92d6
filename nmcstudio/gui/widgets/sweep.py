"""A row of scenarios along one slider, written to folders or composed into the comparison."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QWidget,
)  # fmt: skip

from nmcstudio.particle.scenario import Control


def sweep_values(low: float, high: float, count: int) -> list[float]:
    """`count` values from `low` to `high`, evenly spaced."""
    return [float(v) for v in np.round(np.linspace(low, high, count), 6)]


def sweep_folder(root: str, key: str, value: float) -> str:
    """Folder of one value: ``root/grain_size-1.250``."""
    return str(Path(root) / f"{re.sub('[^a-z0-9_]+', '-', key)}-{value:.3f}")


class SweepForm(QWidget):
    """Which slider, from where to where, how many, and where the particles go."""

    asked = Signal(str, object, int, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controls: tuple[Control, ...] = ()
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.which = QComboBox(self)
        self.which.currentIndexChanged.connect(self._chosen)
        self.low, self.high = QDoubleSpinBox(self), QDoubleSpinBox(self)
        row = QHBoxLayout()
        row.addWidget(self.low)
        row.addWidget(QLabel("to", self))
        row.addWidget(self.high)
        self.count = QSpinBox(self)
        self.count.setRange(2, 50)
        self.count.setValue(5)
        self.particles = QSpinBox(self)
        self.particles.setRange(1, 10_000)
        self.particles.setValue(1)
        self.particles.setToolTip("Particles for each value")
        self.folder = QLineEdit("sweep", self)
        choose = QPushButton("…", self)
        choose.setFixedWidth(32)
        choose.setToolTip("Choose a folder")
        choose.clicked.connect(self._choose_folder)
        place = QHBoxLayout()
        place.addWidget(self.folder, 1)
        place.addWidget(choose)
        form.addRow("Slider", self.which)
        form.addRow("From", row)
        form.addRow("Values", self.count)
        form.addRow("Particles each", self.particles)
        form.addRow("Folder", place)
        run = QPushButton("Run sweep", self)
        run.setToolTip("Queues one Generate for each value; the other sliders stay where they are")
        run.clicked.connect(self._run)
        form.addRow("", run)

    def set_controls(self, controls: tuple[Control, ...]) -> None:
        self._controls = controls
        self.which.clear()
        for control in controls:
            self.which.addItem(control.title, control.key)

    @Slot(int)
    def _chosen(self, index: int) -> None:
        if not 0 <= index < len(self._controls):
            return
        control = self._controls[index]
        for box, value in ((self.low, control.low), (self.high, control.high)):
            box.setRange(control.low, control.high)
            box.setSingleStep((control.high - control.low) / 20)
            box.setSuffix(" ×" if control.unit.startswith("×") else "")
            box.setValue(value)

    @Slot()
    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder of the sweep", self.folder.text())
        if name:
            self.folder.setText(name)

    @Slot()
    def _run(self) -> None:
        values: Any = sweep_values(self.low.value(), self.high.value(), self.count.value())
        self.asked.emit(self.which.currentData(), values, self.particles.value(), self.folder.text())
