"""The key of the colours of a 3D view, in its corner: what is coloured by label has none."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QWidget

from nmcstudio.gui.views.colours import map_table
from nmcstudio.gui.views.contents import Legend
from nmcstudio.gui.views.layer_keys import LayerKey
from nmcstudio.gui.views.legends import SMALL_KEY_SIZE, ipf_legend

_IPF = "IPF "
_MARGIN = 6
_STEPS = 5


def scene_legend(colouring: str, point_group: str, is_scalar: bool) -> Legend | None:
    """What the colours of surfaces mean; None for colours of labels."""
    if is_scalar:
        shades = map_table("viridis")
        values = np.linspace(1.0, 0.0, _STEPS)
        entries = tuple((tuple(int(c) for c in shades[round(255 * value)]), f"{value:.2f}") for value in values)
        return Legend("classes", colouring[:1].upper() + colouring[1:], entries=entries)
    if colouring.startswith(_IPF) and point_group:
        return ipf_legend(colouring.removeprefix(_IPF), point_group)
    return None


class SceneKey(QObject):
    """Holds the key in the lower left corner of a view, as long as there is room for both; the scale bar is on the right."""

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self._over = over
        self._ink = QColor("white")
        self.legend: Legend | None = None
        self.key: LayerKey | None = None
        over.installEventFilter(self)

    def show_legend(self, legend: Legend | None) -> None:
        """Show the key of a legend, or none."""
        if legend == self.legend:
            return
        self.legend = legend
        if self.key is not None:
            self.key.hide()
            self.key.deleteLater()
        self.key = None if legend is None else LayerKey(legend, self._over, SMALL_KEY_SIZE)
        if self.key is not None:
            # A drag that begins on the key turns the camera as everywhere else.
            self.key.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            self.set_ink(self._ink.name())
        self._place()

    def set_ink(self, colour: str) -> None:
        """Colour of the words."""
        self._ink = QColor(colour)
        if self.key is not None:
            palette = self.key.palette()
            palette.setColor(QPalette.ColorRole.WindowText, self._ink)
            palette.setColor(QPalette.ColorRole.Text, self._ink)
            self.key.setPalette(palette)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def _place(self) -> None:
        if self.key is None:
            return
        room, size = self._over.size(), self.key.sizeHint()
        self.key.resize(size)
        self.key.move(0, room.height() - size.height() - _MARGIN)
        self.key.setVisible(2 * size.width() <= room.width() and 2 * size.height() <= room.height() + _MARGIN)
        self.key.raise_()
