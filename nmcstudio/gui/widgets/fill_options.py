"""What belongs to filling: the plane in which a contour is closed."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QWidget


class FillOptions(QWidget):
    """Settings of the fill tool in the tool row."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._planes = QComboBox(self)
        for plane in ("xy", "xz", "yz"):
            self._planes.addItem(plane.upper(), plane)
        self._planes.setToolTip(
            "Plane in which background inside a closed contour is filled; holes of an object are filled in 3D"
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 8, 0)
        row.setSpacing(4)
        row.addWidget(QLabel("Contour in", self))
        row.addWidget(self._planes)

    @property
    def plane(self) -> str:
        """The chosen plane: "xy", "xz" or "yz"."""
        return str(self._planes.currentData())

    def choose(self, plane: str) -> None:
        self._planes.setCurrentIndex(self._planes.findData(plane))
