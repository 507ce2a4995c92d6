"""The same map under each of the vendors' reference frames: small pictures to choose from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QButtonGroup, QGridLayout, QSizePolicy, QToolButton, QWidget

from nmcstudio.gui.panels.picture import image_of

NAMES = {
    "none": "Nothing turned", "edax-1": "EDAX 1", "edax-2": "EDAX 2", "edax-3": "EDAX 3", "edax-4": "EDAX 4",
    "oxford": "Oxford CS0", "oxford-y": "Oxford, about y", "bruker": "Bruker", "bruker-y": "Bruker, about y",
}  # fmt: skip
_SIDE = 96
_COLUMNS = 5


class FrameChoice(QWidget):
    """One button a frame; ``chosen`` carries its key."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._group = QButtonGroup(self)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(4)
        self.buttons: dict[str, QToolButton] = {}
        self._group.buttonClicked.connect(self._clicked)

    def set_frames(self, frames: dict[str, str]) -> None:
        """The candidates: key to what it does in words."""
        if list(frames) == list(self.buttons):
            return
        for number, (key, words) in enumerate(frames.items()):
            button = QToolButton()
            button.setObjectName("choice")
            button.setCheckable(True)
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
            button.setIconSize(QSize(_SIDE, _SIDE))
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.setText(NAMES.get(key, key))
            button.setToolTip(words)
            button.setAccessibleName(words)
            self._group.addButton(button)
            self._grid.addWidget(button, number // _COLUMNS, number % _COLUMNS)
            self.buttons[key] = button

    def show_pictures(self, pictures: dict[str, NDArray[np.uint8]], stretch: float, alike: dict[str, str], implied: str) -> None:
        """Pictures by key; `alike` names, for a key, an earlier one with the same picture; `implied` is the file's own."""
        for key, button in self.buttons.items():
            if key in pictures:
                pixels = pictures[key]
                width, height = pixels.shape[1], pixels.shape[0] * stretch
                scale = _SIDE / max(width, height)
                size = QSize(max(1, round(width * scale)), max(1, round(height * scale)))
                smooth = Qt.TransformationMode.SmoothTransformation if scale < 1 else Qt.TransformationMode.FastTransformation
                scaled = QPixmap.fromImage(image_of(pixels)).scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, smooth)
                button.setIcon(_as_it_is(scaled))
            second = "from the file" if key == implied else f"= {NAMES.get(alike[key], alike[key])}" if key in alike else ""
            button.setText(f"{NAMES.get(key, key)}\n{second}")

    def forget_pictures(self) -> None:
        """No map is there."""
        # In an exclusive group the last button that was chosen could not be let go.
        self._group.setExclusive(False)
        for key, button in self.buttons.items():
            button.setIcon(QIcon())
            button.setChecked(False)
            button.setText(NAMES.get(key, key))
        self._group.setExclusive(True)

    def choose(self, key: str) -> None:
        """Mark a frame; tells nobody."""
        if key in self.buttons:
            self.buttons[key].setChecked(True)

    @Slot(object)
    def _clicked(self, button: Any) -> None:
        self.chosen.emit(next(key for key, each in self.buttons.items() if each is button))


def _as_it_is(picture: QPixmap) -> QIcon:
    """An icon that is not dimmed or tinted in any state."""
    icon = QIcon()
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Active, QIcon.Mode.Selected, QIcon.Mode.Disabled):
        icon.addPixmap(picture, mode)
    return icon
