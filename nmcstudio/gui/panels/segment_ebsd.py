"""Segmentation of grains: disorientations with an angle to drag, confidences, and what the slices would show."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QStackedWidget, QWidget

from nmcstudio.gui.panels.grain_live import LiveGrains
from nmcstudio.gui.panels.grain_plots import CutPlot
from nmcstudio.gui.panels.live_panel import LivePanel
from nmcstudio.gui.widgets.choice_row import ChoiceRow

_FIGURES = (
    ("Disorientations", "How different neighbours are, with the boundary angle"),
    ("Confidence", "How sure the points are, with the least confidence"),
)
# Parameters whose effect is seen in the boundaries; all others in the grains.
_OF_BOUNDARIES = ("angle_deg", "min_confidence", "replace_passes", "phase", "blank")


class SegmentEbsdPanel(LivePanel):
    input_node = "ebsd"
    also_over = ("grains",)
    views_of = (
        ("As it is", "The map, and the result that the project holds: before"),
        ("Boundaries", "Where neighbours on the planes on view differ by more than the angle"),
        ("Grains", "The grains that the settings would give, before gaps are filled and boundaries smoothed"),
    )
    cancel_tip = "Stop looking at the whole map; boundaries stay on view"
    live: LiveGrains

    def make_live(self) -> LiveGrains:
        return LiveGrains(self.controller, self)

    def build_rows(self) -> list[QWidget]:
        self.angles = CutPlot(
            "disorientation of neighbours [°]",
            "Drag the line to choose the boundary angle: what lies right of it parts grains (heights are logarithms of counts)",
            "The disorientations of neighbours will stand here.",
            1,
        )
        self.confidences = CutPlot(
            "confidence",
            "Drag the line to choose the least confidence: points left of it are not used (heights are logarithms of counts)",
            "The confidences will stand here.",
            2,
        )
        self.figures = QStackedWidget()
        self.figures.setFixedHeight(self.angles.plot.height())
        self.figures.addWidget(self.angles)
        self.figures.addWidget(self.confidences)
        self.kinds = ChoiceRow(_FIGURES)
        self.kinds.chosen.connect(self.figures.setCurrentIndex)
        self.angles.dragged.connect(self._angle_dragged)
        self.confidences.dragged.connect(self._confidence_dragged)
        return [self.figures, self.kinds, self.count, self.make_whole()]

    def paint_figures(self) -> None:
        self.angles.paint(self.controller.theme)
        self.confidences.paint(self.controller.theme)

    @Slot()
    def _cancel(self) -> None:
        super()._cancel()
        self.choose("boundaries" if self.live.by_orientation else "off")

    # What is edited

    @Slot(str, object, str)
    def _edited(self, name: str, value: Any, drag: str) -> None:
        if name not in _OF_BOUNDARIES or not self.live.by_orientation:
            self.choose("grains")
        else:
            self._show_something()
        super()._edited(name, value, drag)

    @Slot(float, int)
    def _angle_dragged(self, value: float, gesture: int) -> None:
        self._show_something()
        self.controller.edit_params(self.key, {"angle_deg": max(0.1, value)}, f"angle-line-{gesture}")

    @Slot(float, int)
    def _confidence_dragged(self, value: float, gesture: int) -> None:
        self._show_something()
        self.controller.edit_params(self.key, {"min_confidence": min(1.0, max(-1.0, value))}, f"confidence-line-{gesture}")

    def _show_something(self) -> None:
        if self.live.mode == "off":
            self.choose("boundaries")

    # What is shown

    def why_not(self, mode: str) -> str:
        if not self.live.has_input or self.live.settings is None:
            return "There is no EBSD map yet"
        return (
            "" if mode != "boundaries" or self.live.by_orientation else "Grains do not come from orientations as it is set below"
        )

    def show_live(self) -> None:
        figures = self.live.histograms
        values = self.controller.params(self.key)
        if figures is None:
            self.angles.say("The disorientations of neighbours will stand here.")
            self.confidences.say("The confidences will stand here.")
            return
        if figures.angles is None:
            self.angles.say("No two neighbours are indexed.")
        else:
            self.angles.show_counts(figures.angle_edges, figures.angles, values["angle_deg"])
        if figures.confidences is None:
            self.confidences.say("The map has no confidence.")
        else:
            self.confidences.show_counts(figures.confidence_edges, figures.confidences, values["min_confidence"])
