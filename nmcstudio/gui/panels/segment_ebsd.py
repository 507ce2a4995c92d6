"""Segmentation of grains: disorientations with an angle to drag, confidences, and what the slices would show."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QPushButton, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.monitor import Progress
from nmcstudio.gui.jobs import RUNNING, Job
from nmcstudio.gui.panels.grain_live import MODES, LiveGrains
from nmcstudio.gui.panels.grain_plots import CutPlot
from nmcstudio.gui.panels.step_panel import StepPanel
from nmcstudio.gui.views.store import ContentStore
from nmcstudio.gui.widgets.job_bar import JobBar

_VIEWS = {
    "off": ("As it is", "The map, and the result that the project holds: before"),
    "boundaries": ("Boundaries", "Where neighbours on the planes on view differ by more than the angle"),
    "grains": ("Grains", "The grains that the settings would give, before gaps are filled and boundaries smoothed"),
}
_FIGURES = (
    ("Disorientations", "How different neighbours are, with the boundary angle"),
    ("Confidence", "How sure the points are, with the least confidence"),
)
# Parameters whose effect is seen in the boundaries; all others in the grains.
_OF_BOUNDARIES = ("angle_deg", "min_confidence", "replace_passes", "phase", "blank")


class SegmentEbsdPanel(StepPanel):
    """Edits show at once what they do to the planes on view; Run makes it so."""

    def build_top(self) -> QWidget:
        self.live = LiveGrains(self.controller, self)
        self._digest = ""
        self._is_on_view = False
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
        self.count = QLabel()
        self.count.setWordWrap(True)
        self.count.setObjectName("muted")
        # Three lines, so that the form below stays where it is.
        self.count.setMinimumHeight(3 * self.count.fontMetrics().lineSpacing())
        top = QWidget()
        column = QVBoxLayout(top)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.views, row = self._make_buttons([(mode, *_VIEWS[mode]) for mode in MODES])
        self.views.idClicked.connect(self._view_chosen)
        column.addLayout(row)
        column.addWidget(self.figures)
        self.kinds, row = self._make_buttons([(title, title, tip) for title, tip in _FIGURES])
        self.kinds.idClicked.connect(self.figures.setCurrentIndex)
        column.addLayout(row)
        column.addWidget(self.count)
        column.addWidget(self._make_bar())
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._show_preview)
        self.angles.dragged.connect(self._angle_dragged)
        self.confidences.dragged.connect(self._confidence_dragged)
        self.live.changed.connect(self._live_changed)
        self.live.working.connect(self._show_work)
        self.controller.jobs.changed.connect(self._job_changed)
        ContentStore.of(self.controller).shown.connect(self._content_shown)
        self.controller.theme_changed.connect(self._paint)
        self._paint()
        self._live_changed()
        return top

    def _make_buttons(self, choices: list[tuple[str, str, str]]) -> tuple[QButtonGroup, QHBoxLayout]:
        """Buttons in a row, one of which is down."""
        row = QHBoxLayout()
        row.setSpacing(2)
        group = QButtonGroup(self)
        for number, (_, title, tip) in enumerate(choices):
            button = QToolButton()
            button.setObjectName("choice")
            button.setText(title)
            button.setToolTip(f"{tip}. Nothing is changed before Run")
            button.setCheckable(True)
            button.setChecked(number == 0)
            group.addButton(button, number)
            row.addWidget(button)
        row.addStretch(1)
        return group, row

    def _make_bar(self) -> QWidget:
        """The bar of the work on the whole map, with Cancel; its place stays when there is none."""
        self.bar = JobBar()
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop looking at the whole map; boundaries stay on view")
        self.cancel_button.clicked.connect(self._cancel)
        busy = QWidget()
        row = QHBoxLayout(busy)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.bar, 1)
        row.addWidget(self.cancel_button)
        self.whole = QStackedWidget()
        self.whole.addWidget(QWidget())
        self.whole.addWidget(busy)
        self.whole.setFixedHeight(busy.sizeHint().height())
        return self.whole

    @Slot()
    def _paint(self) -> None:
        self.angles.paint(self.controller.theme)
        self.confidences.paint(self.controller.theme)

    # When to look

    def showEvent(self, event) -> None:
        super().showEvent(event)
        self._load()

    def hideEvent(self, event) -> None:
        super().hideEvent(event)
        if not event.spontaneous():
            self.live.stop()
            self._choose("off")

    @Slot(str)
    def _node_changed(self, node: str) -> None:
        super()._node_changed(node)
        if node == "ebsd" and self.isVisible():
            self._load()

    @Slot()
    def _replaced(self) -> None:
        super()._replaced()
        self._digest = ""
        self.live.set_stack(None)
        self._choose("off")
        self._live_changed()
        if self.isVisible():
            self._load()

    def _load(self) -> None:
        project = self.controller.project
        if "ebsd" not in project.keys:
            return
        if project.record("ebsd").digest != self._digest:
            self._digest = project.record("ebsd").digest
            self.controller.load_value_async("ebsd", self._loaded)
        else:
            self._follow()

    def _loaded(self, stack: EbsdStack) -> None:
        self.live.set_stack(stack)
        self._follow()

    def shown_values(self, values: dict[str, Any]) -> None:
        self._follow()

    def _follow(self) -> None:
        """Tell the preview what the form says."""
        if self.live.stack is None or not self.isVisible():
            return
        try:
            params = self.step.params(**self.controller.params(self.key))
        except ValueError:
            return
        self.live.set_params(params)

    @Slot(object)
    def _job_changed(self, job: Job) -> None:
        if job.state != RUNNING:
            return
        if job.step == self.key:
            self.live.stop()
        elif not self.isVisible():
            self.live.release()

    @Slot()
    def _cancel(self) -> None:
        self.live.stop()
        self._choose("boundaries" if self.live.by_orientation else "off")

    # What is edited

    @Slot(str, object, str)
    def _edited(self, name: str, value: Any, drag: str) -> None:
        if name not in _OF_BOUNDARIES or not self.live.by_orientation:
            self._choose("grains")
        elif self.live.mode == "off":
            self._choose("boundaries")
        super()._edited(name, value, drag)

    def _angle_dragged(self, value: float, gesture: int) -> None:
        if self.live.mode == "off":
            self._choose("boundaries")
        self.controller.edit_params(self.key, {"angle_deg": max(0.1, value)}, f"angle-line-{gesture}")

    def _confidence_dragged(self, value: float, gesture: int) -> None:
        if self.live.mode == "off":
            self._choose("boundaries")
        self.controller.edit_params(self.key, {"min_confidence": min(1.0, max(-1.0, value))}, f"confidence-line-{gesture}")

    @Slot(int)
    def _view_chosen(self, number: int) -> None:
        self._choose(MODES[number])

    def _choose(self, mode: str) -> None:
        self.views.button(MODES.index(mode)).setChecked(True)
        self.live.set_mode(mode)

    # What is shown

    @Slot()
    def _live_changed(self) -> None:
        live = self.live
        figures = live.histograms
        if figures is None:
            self.angles.say("The disorientations of neighbours will stand here.")
            self.confidences.say("The confidences will stand here.")
        else:
            if figures.angles is None:
                self.angles.say("No two neighbours are indexed.")
            else:
                self.angles.show_counts(figures.angle_edges, figures.angles, self.controller.params(self.key)["angle_deg"])
            if figures.confidences is None:
                self.confidences.say("The map has no confidence.")
            else:
                least = self.controller.params(self.key)["min_confidence"]
                self.confidences.show_counts(figures.confidence_edges, figures.confidences, least)
        there = live.stack is not None and live.settings is not None
        for mode, button in zip(MODES, self.views.buttons()):
            button.setEnabled(there and (mode != "boundaries" or live.by_orientation))
        words = live.words()
        self.count.setText(f"Preview: {words}" if live.mode != "off" and not live.trouble and words else words)
        self._show_preview()

    @Slot(object)
    def _show_work(self, progress: Progress | None) -> None:
        self.whole.setCurrentIndex(int(progress is not None))
        if progress is not None:
            self.bar.show_progress(progress.message, progress)

    @Slot()
    def _show_preview(self) -> None:
        layers = self.live.layers() if self.isVisible() else ()
        if layers and self.controller.node not in ("ebsd", "grains"):
            self.controller.show_node("ebsd")
        if layers or self._is_on_view:
            self.controller.preview.emit(self.key, layers or None)
        self._is_on_view = bool(layers)

    @Slot(object)
    def _content_shown(self, content: Any) -> None:
        # Other layers have come on view and have taken the preview with them.
        if self.live.mode != "off":
            self._soon.start()

    @Slot(str, object)
    def _committed(self, key: str, outcome: Any) -> None:
        super()._committed(key, outcome)
        if key == self.key:
            self._choose("off")
