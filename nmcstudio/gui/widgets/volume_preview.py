"""Three planes of a volume file, read as they are asked for, and the crop box on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.background import Background
from nmcstudio.gui.theme import Theme
from nmcstudio.gui.widgets.plane_view import PlaneView

# Reads the plane across an axis: ``read(axis, index, monitor)``.
ReadPlane = Callable[[int, int, Monitor], NDArray[Any]]


class VolumePreview(QWidget):
    """Planes across z, y and x with linked handles.

    Signals
    -------
    crop_edited(object, bool)
        The box z0 z1 y0 y1 x0 x1, None for everything; and whether the mouse has let go.
    """

    crop_edited = Signal(object, bool)

    def __init__(self, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._read: ReadPlane | None = None
        self._shape: tuple[int, int, int] | None = None
        self._spacing = (1.0, 1.0, 1.0)
        self._crop: list[int] = []
        self._levels: tuple[float, float] | None = None
        self.planes = [PlaneView(axis) for axis in range(3)]
        self.words = QLabel()
        self.words.setObjectName("muted")
        self.words.setWordWrap(True)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(8)
        grid.addWidget(self.planes[0], 0, 0)
        grid.addWidget(self.planes[1], 1, 0)
        grid.addWidget(self.planes[2], 0, 1)
        grid.addWidget(self.words, 1, 1)
        for stretch in (grid.setRowStretch, grid.setColumnStretch):
            stretch(0, 3)
            stretch(1, 2)
        for plane in self.planes:
            plane.index_wanted.connect(self._wanted)
            plane.range_edited.connect(self._range_edited)
            plane.edit_ended.connect(self._edit_ended)

    def paint(self, theme: Theme) -> None:
        """Colours of a theme."""
        for plane in self.planes:
            plane.paint(theme)

    def show_volume(self, shape: tuple[int, int, int], spacing: tuple[float, float, float], read: ReadPlane, words: str) -> None:
        """Another file, or the same one read in another way."""
        if shape != self._shape:
            for plane in self.planes:
                plane.set_volume(shape, spacing)
        elif spacing != self._spacing:
            for plane in self.planes:
                plane.set_spacing(spacing)
        self._spacing = spacing
        self._shape, self._read, self._levels = shape, read, None
        self.words.setText(words)
        self.show_crop(None)
        for plane in self.planes:
            self._ask(plane)

    def say(self, text: str) -> None:
        """Words instead of pictures."""
        self._read = self._shape = None
        for plane in self.planes:
            self._background.drop(self._topic(plane))
            plane.say(text if plane.axis == 0 else "")
            plane.box.hide()
            plane.slider.setEnabled(False)
        self.words.setText("")

    def show_crop(self, crop: tuple[int, ...] | list[int] | None) -> None:
        """The crop box; None for everything."""
        if self._shape is None:
            return
        nz, ny, nx = self._shape
        limits = (nz, nz, ny, ny, nx, nx)
        self._crop = [min(max(0, value), most) for value, most in zip(crop, limits)] if crop else [0, nz, 0, ny, 0, nx]
        for plane in self.planes:
            plane.show_crop(tuple(self._crop))

    # Reading

    def _topic(self, plane: PlaneView) -> str:
        return f"plane-{plane.axis}-{id(self)}"

    @Slot(int)
    def _wanted(self, index: int) -> None:
        plane = self.sender()
        self._ask(plane)
        plane.show_crop(tuple(self._crop))

    def _ask(self, plane: PlaneView) -> None:
        read, index, axis = self._read, plane.index, plane.axis
        if read is None:
            return

        def drawn(values: NDArray[Any]) -> None:
            self._drawn(plane, values)

        def not_drawn(error: Exception) -> None:
            if not isinstance(error, NmcError):
                raise error
            plane.say(error.message)

        plane.wait()
        self._background.ask(self._topic(plane), lambda monitor: read(axis, index, monitor), drawn, not_drawn)

    def _drawn(self, plane: PlaneView, values: NDArray[Any]) -> None:
        finite = values[np.isfinite(values)]
        if self._levels is None and finite.size:
            low, high = np.percentile(finite[:: max(1, finite.size // 200_000)], (0.5, 99.5))
            self._levels = (float(low), float(high if high > low else low + 1))
        plane.show_plane(values, self._levels or (0.0, 1.0))
        if not finite.size:
            plane.words.setText("This plane holds no numbers.")

    # The box

    @Slot(int, int, int)
    def _range_edited(self, axis: int, first: int, last: int) -> None:
        self._crop[2 * axis : 2 * axis + 2] = [first, last]
        for plane in self.planes:
            if plane is not self.sender():
                plane.show_crop(tuple(self._crop))
        self.crop_edited.emit(self._said(), False)

    @Slot()
    def _edit_ended(self) -> None:
        self.crop_edited.emit(self._said(), True)

    def _said(self) -> tuple[int, ...] | None:
        nz, ny, nx = self._shape or (0, 0, 0)
        return None if self._crop == [0, nz, 0, ny, 0, nx] else tuple(self._crop)
