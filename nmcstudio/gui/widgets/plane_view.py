"""One plane of a volume that is not imported yet, with a box to crop by its handles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from nmcstudio.gui.theme import Theme

AXES = ("z", "y", "x")
NAMES = ("XY", "XZ", "YZ")
# Rows and columns of each plane.
SHOWN = ((1, 2), (0, 2), (0, 1))
LONGEST = 900  # pixels that a picture is thinned to


class PlaneView(QWidget):
    """Picture, slider and crop handles of the plane across one axis.

    Signals
    -------
    index_wanted(int)
        The slider moved to a plane.
    range_edited(int, int, int)
        Handles were dragged: axis, first voxel, voxel after the last.
    edit_ended()
        The mouse let go of a handle.
    """

    index_wanted = Signal(int)
    range_edited = Signal(int, int, int)
    edit_ended = Signal()

    def __init__(self, axis: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.axis = axis
        self._shape = (1, 1, 1)
        self.title = QLabel(NAMES[axis])
        self.title.setObjectName("muted")
        self.plot = pg.PlotWidget()
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setAspectLocked(True)
        self.plot.invertY(True)
        for side in ("left", "bottom"):
            self.plot.getPlotItem().hideAxis(side)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.plot.addItem(self.image)
        self.words = QLabel()
        self.words.setObjectName("muted")
        self.words.setWordWrap(True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.words.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        over = QVBoxLayout(self.plot)
        over.setContentsMargins(24, 24, 24, 24)
        over.addWidget(self.words)
        self.box = pg.ROI((0, 0), (1, 1), snapSize=1.0, scaleSnap=True, translateSnap=True, rotatable=False)
        for x in (0.0, 0.5, 1.0):
            for y in (0.0, 0.5, 1.0):
                if (x, y) != (0.5, 0.5):
                    self.box.addScaleHandle((x, y), (1 - x if x != 0.5 else 0.5, 1 - y if y != 0.5 else 0.5))
        self.box.hide()
        self.box.sigRegionChanged.connect(self._box_moved)
        self.box.sigRegionChangeFinished.connect(self.edit_ended)
        self.plot.addItem(self.box)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setToolTip(f"Which plane across {AXES[axis]} is shown")
        self.slider.setAccessibleName(f"Plane across {AXES[axis]}")
        self.slider.valueChanged.connect(self._slid)
        self.number = QLabel()
        self.number.setMinimumWidth(96)
        self.number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.title)
        foot.addWidget(self.slider, 1)
        foot.addWidget(self.number)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.plot, 1)
        layout.addLayout(foot)

    def paint(self, theme: Theme) -> None:
        """Colours of a theme."""
        self.plot.setBackground(theme.base)
        self.box.setPen(pg.mkPen(theme.model, width=2))
        self.box.hoverPen = pg.mkPen(theme.model, width=4)
        for handle in self.box.getHandles():
            handle.pen = pg.mkPen(theme.model, width=2)
            handle.currentPen = handle.pen
            handle.update()

    # What is shown

    def set_volume(self, shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> None:
        """Another volume: slider in its middle, nothing drawn yet."""
        self._shape = shape
        rows, columns = SHOWN[self.axis]
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, max(0, shape[self.axis] - 1))
            self.slider.setPageStep(max(1, shape[self.axis] // 10))
            self.slider.setValue(shape[self.axis] // 2)
        self.slider.setEnabled(shape[self.axis] > 1)
        self.image.clear()
        self.box.maxBounds = QRectF(0, 0, shape[columns], shape[rows])
        self.set_spacing(spacing)
        self._count()

    def set_spacing(self, spacing: tuple[float, float, float]) -> None:
        """Voxels as long and as wide as they are, the whole plane on view."""
        rows, columns = SHOWN[self.axis]
        self.plot.setAspectLocked(True, ratio=spacing[columns] / spacing[rows])
        self.plot.setRange(QRectF(0, 0, self._shape[columns], self._shape[rows]), padding=0.03)

    @property
    def index(self) -> int:
        return self.slider.value()

    def say(self, text: str) -> None:
        """Words where the picture will be; the last picture goes."""
        self.image.clear()
        self.words.setText(text)
        self.number.clear()

    def wait(self) -> None:
        """Say that a plane is on its way; the last one stays on view."""
        self.number.setText("reading …")

    def show_plane(self, values: NDArray[Any], levels: tuple[float, float]) -> None:
        """Draw the plane ``[rows, columns]``, black and white at `levels`."""
        rows, columns = SHOWN[self.axis]
        step = max(1, -(-max(values.shape) // LONGEST))
        self.words.setText("")
        self._count()
        self.image.setImage(np.asarray(values[::step, ::step], np.float32), autoLevels=False, levels=levels)
        self.image.setRect(QRectF(0, 0, self._shape[columns], self._shape[rows]))

    def show_crop(self, crop: tuple[int, ...]) -> None:
        """Draw the box z0 z1 y0 y1 x0 x1; a whole side has no line of its own."""
        rows, columns = SHOWN[self.axis]
        (y0, y1), (x0, x1) = crop[2 * rows : 2 * rows + 2], crop[2 * columns : 2 * columns + 2]
        with QSignalBlocker(self.box):
            self.box.setPos(QPointF(x0, y0), update=False, finish=False)
            self.box.setSize(QPointF(x1 - x0, y1 - y0), finish=False)
        self.box.show()
        z0, z1 = crop[2 * self.axis : 2 * self.axis + 2]
        inside = z0 <= self.index < z1
        colour = QColor(self.box.pen.color())
        colour.setAlpha(255 if inside else 90)
        self.box.setPen(pg.mkPen(colour, width=2, style=Qt.PenStyle.SolidLine if inside else Qt.PenStyle.DashLine))

    # What the user does

    def _slid(self, value: int) -> None:
        self._count()
        self.index_wanted.emit(value)

    def _count(self) -> None:
        self.number.setText(f"{AXES[self.axis]} {self.index} of {self._shape[self.axis]}")

    def _box_moved(self) -> None:
        rows, columns = SHOWN[self.axis]
        position, size = self.box.pos(), self.box.size()
        for axis, start, length in ((rows, position.y(), size.y()), (columns, position.x(), size.x())):
            first = int(np.clip(round(start), 0, self._shape[axis] - 1))
            last = int(np.clip(round(start + length), first + 1, self._shape[axis]))
            self.range_edited.emit(axis, first, last)
