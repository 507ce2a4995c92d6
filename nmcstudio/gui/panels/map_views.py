"""An orientation map before it is imported: a section in IPF colours, and the same under each reference frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QSlider, QVBoxLayout, QWidget

from nmcstudio.gui.panels.map_preview import DIRECTIONS, MapSection
from nmcstudio.gui.panels.picture import Picture
from nmcstudio.gui.views.layer_keys import LayerKey
from nmcstudio.gui.views.legends import ipf_legend
from nmcstudio.gui.widgets.frame_choice import FrameChoice

_HOW = (
    "<b>Which frame is right?</b> The colours alone do not tell. Open the same map in the vendor's program, along x and then "
    "along y, and take the frame whose pictures are the same. Or look at something whose orientation is known: a silicon wafer, "
    "twin traces. “=” marks frames that look alike along this direction; <i>Between the axes</i> tells all apart that differ."
)


class MapViews(QWidget):
    """Signals
    -------
    section_chosen(int), direction_chosen(), frame_chosen(str)
        What the user wants to see; frames by their key.
    """

    section_chosen = Signal(int)
    direction_chosen = Signal()
    frame_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._key: LayerKey | None = None
        self.direction = QComboBox()
        self.direction.addItems(list(DIRECTIONS))
        self.direction.setCurrentText("IPF x")
        self.direction.setToolTip("Along which direction of the map the pictures show the crystals")
        self.direction.currentTextChanged.connect(lambda _: self.direction_chosen.emit())
        self.picture = Picture("The map will stand here.")
        self.picture.setMinimumHeight(200)
        self.picture.setMaximumHeight(16_777_215)
        self.picture.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setToolTip("Which section is shown")
        self.slider.setAccessibleName("Section")
        self.slider.valueChanged.connect(self._slid)
        self.number = QLabel()
        self.number.setMinimumWidth(130)
        self.number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.said = QLabel()
        self.said.setWordWrap(True)
        self.said.setMinimumHeight(2 * self.said.fontMetrics().lineSpacing())
        self.frames = FrameChoice()
        self.frames.chosen.connect(self.frame_chosen)
        how = QLabel(_HOW)
        how.setWordWrap(True)
        how.setObjectName("muted")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(6)
        column.addLayout(self._make_above(), 1)
        column.addLayout(self._make_foot())
        for widget in (self.said, self.frames, how):
            column.addWidget(widget)

    def _make_above(self) -> QHBoxLayout:
        self._key_place = QVBoxLayout()
        self._key_place.addWidget(QLabel("Pictures show"))
        self._key_place.addWidget(self.direction)
        self._key_place.addSpacing(8)
        self._key_place.addStretch(1)
        above = QHBoxLayout()
        above.addWidget(self.picture, 1)
        above.addLayout(self._key_place)
        return above

    def _make_foot(self) -> QHBoxLayout:
        foot = QHBoxLayout()
        foot.addWidget(QLabel("Section"))
        foot.addWidget(self.slider, 1)
        foot.addWidget(self.number)
        return foot

    def set_sections(self, count: int) -> None:
        """Choose among so many sections, beginning with the middle one; tells nobody."""
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, max(0, count - 1))
            self.slider.setValue(count // 2)
        self.slider.setEnabled(count > 1)
        self._show_number()

    @property
    def section(self) -> int:
        """The one on view, counted from 0."""
        return self.slider.value()

    def _slid(self, index: int) -> None:
        self._show_number()
        self.section_chosen.emit(index)

    def _show_number(self) -> None:
        self.number.setText(f"{self.slider.value() + 1} of {self.slider.maximum() + 1}")

    def say(self, words: str) -> None:
        """Words instead of pictures."""
        self.picture.say(words)
        self.frames.forget_pictures()

    def forget(self, words: str) -> None:
        """No map is there."""
        self.slider.setEnabled(False)
        self.number.clear()
        self.said.clear()
        self.say(words)

    def show_map(
        self,
        section: MapSection,
        large: NDArray[np.uint8],
        small: dict[str, NDArray[np.uint8]],
        same: dict[str, str],
        frame: str,
        implied: str,
    ) -> None:
        """Show a section under the frame in use, and in small under all; `same` and `implied` as in `FrameChoice`."""
        self.picture.show_pixels(large, section.stretch)
        self.frames.show_pictures(small, section.stretch, same, implied)
        self.frames.choose(frame)
        words = self.frames.buttons[frame].toolTip() if frame in self.frames.buttons else frame
        why = "as the file says or its format implies" if frame == implied else "chosen by you, other than the file implies"
        self.said.setText(f"<b>{words}</b>, {why}.")
        self._show_key(section.groups[0] if section.groups else "")

    def _show_key(self, group: str) -> None:
        direction = self.direction.currentText()
        legend = ipf_legend(direction.removeprefix("IPF ") if direction.startswith("IPF") else "x + 2y + 3z", group)
        if self._key is None or self._key.legend != legend:
            if self._key is not None:
                self._key_place.removeWidget(self._key)
                self._key.deleteLater()
            self._key = LayerKey(legend)
            self._key_place.insertWidget(3, self._key)
