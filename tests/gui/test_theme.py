"""Controls stand out from their ground, in light and in dark."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication, QCheckBox, QLineEdit, QListWidget, QVBoxLayout, QWidget

from nmcstudio.gui import theme as themes


def luminance(colour: QColor) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (colour.redF(), colour.greenF(), colour.blueF())
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: QColor, two: QColor) -> float:
    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_the_outline_of_an_empty_control_is_seen(qtbot: Any, choice: str) -> None:
    before = QApplication.palette()
    theme = themes.theme_for(choice)
    themes.apply(theme)
    window = QWidget()
    qtbot.addWidget(window)
    column = QVBoxLayout(window)
    controls = [QCheckBox(), QLineEdit(), QListWidget()]
    for control in controls:
        column.addWidget(control)
    window.resize(200, 240)
    window.show()
    picture = window.grab().toImage()
    for control in controls:
        box = control.geometry()
        row = box.center().y()
        colours = [picture.pixelColor(x, row) for x in range(box.left(), box.left() + 8)]
        best = max(contrast(colour, QColor(theme.window)) for colour in colours)
        assert best > (2.0 if choice == "dark" else 1.9), type(control).__name__
    themes.apply(themes.theme_for("light"))
    QApplication.setPalette(before)
