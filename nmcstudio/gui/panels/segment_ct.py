"""Segmentation of particles: histogram with a threshold to drag, sizes of particles, and what the slices would show."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QPushButton, QStackedWidget, QWidget

from nmcstudio.gui.panels.live_panel import LivePanel
from nmcstudio.gui.panels.segment_live import LiveSegmentation
from nmcstudio.gui.panels.segment_plots import SizePlot, ThresholdPlot
from nmcstudio.gui.widgets.times import duration

# Parameters that are judged by the material, and by the particles; all others by the smoothed grey values.
_OF_MATERIAL = ("threshold", "phase_value", "field_of_view", "cylinder_radius_um", "cylinder_centre_um", "box")
_OF_PARTICLES = ("split", "minimum_diameter_um", "border", "method", "depth", "fill_pores")


class SegmentCtPanel(LivePanel):
    input_node = "ct"
    also_over = ("particles",)
    views_of = (
        ("As it is", "The scan, and the result that the project holds: before"),
        ("Smoothed", "The grey values after corrections and smoothing, in the planes on view"),
        ("Material", "What lies above the threshold, in the planes on view"),
        ("Particles", "The particles that the settings would give"),
    )
    cancel_tip = "Stop looking at the whole volume; the middle of it stays on view"
    live: LiveSegmentation

    def make_live(self) -> LiveSegmentation:
        return LiveSegmentation(self.controller, self)

    def build_rows(self) -> list[QWidget]:
        self.threshold = ThresholdPlot()
        self.sizes = SizePlot()
        self.figures = QStackedWidget()
        self.figures.setFixedHeight(self.threshold.plot.height())
        self.figures.addWidget(self.threshold)
        self.figures.addWidget(self.sizes)
        self.dropped = QCheckBox("Show what is dropped")
        self.dropped.setToolTip("Particles at the border are striped, those that are too small grey")
        self.dropped.setChecked(True)
        self.threshold.dragged.connect(self._dragged)
        self.dropped.toggled.connect(self.live.set_dropped)
        return [self.figures, self.count, self._make_choices(), self.make_whole(self._make_idle())]

    def _make_choices(self) -> QWidget:
        """What can be chosen about the figure on view: the scale of the counts, or whether dropped particles are shown."""
        grey = QWidget()
        row = QHBoxLayout(grey)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.threshold.scale)
        row.addStretch(1)
        self.choices = QStackedWidget()
        self.choices.addWidget(grey)
        self.choices.addWidget(self.dropped)
        return self.choices

    def _make_idle(self) -> QWidget:
        """What stands in the place of the bar: a button that starts the work, and how long it takes."""
        self.split_button = QPushButton("Split the whole volume")
        self.split_button.clicked.connect(self._split_whole)
        self.whole_words = QLabel()
        self.whole_words.setObjectName("muted")
        idle = QWidget()
        row = QHBoxLayout(idle)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.whole_words, 1)
        row.addWidget(self.split_button)
        return idle

    def paint_figures(self) -> None:
        self.threshold.paint(self.controller.theme)
        self.sizes.paint(self.controller.theme)

    # What is edited

    @Slot(str, object, str)
    def _edited(self, name: str, value: Any, drag: str) -> None:
        mode = "particles" if name in _OF_PARTICLES else "material" if name in _OF_MATERIAL else "smoothed"
        if mode == "material" or (mode == "smoothed" and self.live.mode != "material"):
            self.choose(mode)
        super()._edited(name, value, drag)
        if mode == "particles":
            self._split_whole()

    @Slot(float, int)
    def _dragged(self, value: float, gesture: int) -> None:
        self.choose("material")
        self.controller.edit_params(self.key, {"threshold": value}, f"threshold-line-{gesture}")

    @Slot()
    def _split_whole(self) -> None:
        self.choose("particles")
        self.live.split_whole()

    # What is shown

    def why_not(self, mode: str) -> str:
        return "" if self._is_there else "There is no CT volume yet"

    @property
    def _is_there(self) -> bool:
        return self.live.has_input and self.live.settings is not None

    def show_live(self) -> None:
        live = self.live
        if live.histogram is not None:
            self.threshold.show_histogram(live.histogram, live.level)
        elif live.has_input and live.settings is not None and live.settings.phase_value is not None:
            self.threshold.say("A phase has no threshold.")
        elif not live.has_input:
            self.threshold.say("The histogram of the volume will stand here.")
        if live.found is not None:
            self.sizes.show_diameters(live.found.diameters_um)
        elif live.mode == "particles":
            self.sizes.say("Finding particles …")
        for stack in (self.figures, self.choices):
            stack.setCurrentIndex(int(live.mode == "particles"))
        self._show_idle()

    def _show_idle(self) -> None:
        there, whole = self._is_there, self._is_there and self.live.splits_whole
        # A volume that is as small as the middle of a large one needs no work beside it.
        self.whole.setVisible(there and not self.live.is_small)
        self.split_button.setVisible(there and not whole)
        seconds = self.controller.preflight(self.key).seconds if self.split_button.isVisibleTo(self) else None
        said = duration(seconds) if seconds is not None else ""
        words = said if not said or said.startswith("under") else f"about {said}"
        self.whole_words.setText("The slider now follows at once." if whole else words)
        tip = f"Find the pieces of all particles once ({words}); then the split slider follows at once, and Run as well"
        self.split_button.setToolTip(tip)
