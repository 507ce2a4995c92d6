"""Segmentation of particles: histogram with a threshold to drag, sizes of particles, and what the slices would show."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from nmcstudio.core.monitor import Progress
from nmcstudio.core.volume import Volume
from nmcstudio.gui.jobs import RUNNING, Job
from nmcstudio.gui.panels.segment_live import MODES, LiveSegmentation
from nmcstudio.gui.panels.segment_plots import SizePlot, ThresholdPlot
from nmcstudio.gui.panels.step_panel import StepPanel
from nmcstudio.gui.views.store import ContentStore
from nmcstudio.gui.widgets.job_bar import JobBar
from nmcstudio.gui.widgets.times import duration
from nmcstudio.pipeline.steps.segment_ct import settings_of

_VIEWS = {
    "off": ("As it is", "The scan, and the result that the project holds: before"),
    "smoothed": ("Smoothed", "The grey values after corrections and smoothing, in the planes on view"),
    "material": ("Material", "What lies above the threshold, in the planes on view"),
    "particles": ("Particles", "The particles that the settings would give"),
}
# Parameters that are judged by the material, and by the particles; all others by the smoothed grey values.
_OF_MATERIAL = ("threshold", "phase_value", "field_of_view", "cylinder_radius_um", "cylinder_centre_um", "box")
_OF_PARTICLES = ("split", "minimum_diameter_um", "border", "method", "depth", "fill_pores")


class SegmentCtPanel(StepPanel):
    """Edits show at once what they do to the planes on view; Run makes it so."""

    def build_top(self) -> QWidget:
        self.live = LiveSegmentation(self.controller, self)
        self._digest = ""
        self._is_on_view = False
        self.threshold = ThresholdPlot()
        self.sizes = SizePlot()
        self.figures = QStackedWidget()
        self.figures.setFixedHeight(self.threshold.plot.height())
        self.figures.addWidget(self.threshold)
        self.figures.addWidget(self.sizes)
        self.count = QLabel()
        self.count.setWordWrap(True)
        self.count.setObjectName("muted")
        # Three lines, so that the form below stays where it is.
        self.count.setMinimumHeight(3 * self.count.fontMetrics().lineSpacing())
        self.dropped = QCheckBox("Show what is dropped")
        self.dropped.setToolTip("Particles at the border are striped, those that are too small grey")
        self.dropped.setChecked(True)
        top = QWidget()
        column = QVBoxLayout(top)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(self._make_views())
        column.addWidget(self.figures)
        column.addWidget(self.count)
        column.addWidget(self._make_choices())
        column.addWidget(self._make_whole())
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._show_preview)
        self.threshold.dragged.connect(self._dragged)
        self.dropped.toggled.connect(self._dropped_toggled)
        self.live.changed.connect(self._live_changed)
        self.live.working.connect(self._show_work)
        self.controller.jobs.changed.connect(self._job_changed)
        ContentStore.of(self.controller).shown.connect(self._content_shown)
        self.controller.theme_changed.connect(self._paint)
        self._paint()
        self._live_changed()
        return top

    def _make_views(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2)
        self.views = QButtonGroup(self)
        for number, mode in enumerate(MODES):
            button = QToolButton()
            button.setObjectName("choice")
            button.setText(_VIEWS[mode][0])
            button.setToolTip(f"{_VIEWS[mode][1]}. Nothing is changed before Run")
            button.setCheckable(True)
            button.setChecked(mode == "off")
            self.views.addButton(button, number)
            row.addWidget(button)
        row.addStretch(1)
        self.views.idClicked.connect(self._view_chosen)
        return row

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

    def _make_whole(self) -> QWidget:
        """The row about the work on the whole volume: a bar with Cancel while it goes on, a button to start it else."""
        self.bar = JobBar()
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop looking at the whole volume; the middle of it stays on view")
        self.cancel_button.clicked.connect(self.live.stop)
        self.split_button = QPushButton("Split the whole volume")
        self.split_button.clicked.connect(self._split_whole)
        self.whole_words = QLabel()
        self.whole_words.setObjectName("muted")
        busy, idle = QWidget(), QWidget()
        for page, first, button in ((busy, self.bar, self.cancel_button), (idle, self.whole_words, self.split_button)):
            row = QHBoxLayout(page)
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(8)
            row.addWidget(first, 1)
            row.addWidget(button)
        self.whole = QStackedWidget()
        self.whole.addWidget(idle)
        self.whole.addWidget(busy)
        return self.whole

    @Slot()
    def _paint(self) -> None:
        self.threshold.paint(self.controller.theme)
        self.sizes.paint(self.controller.theme)

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
        if node == "ct" and self.isVisible():
            self._load()

    @Slot()
    def _replaced(self) -> None:
        super()._replaced()
        self._digest = ""
        self.live.set_volume(None)
        self._choose("off")
        self._live_changed()
        if self.isVisible():
            self._load()

    def _load(self) -> None:
        project = self.controller.project
        if "ct" not in project.keys:
            return
        if project.record("ct").digest != self._digest:
            self._digest = project.record("ct").digest
            self.controller.load_value_async("ct", self._loaded)
        else:
            self._follow()
            self.live.resume()

    def _loaded(self, volume: Volume) -> None:
        self.live.set_volume(volume)
        self._follow()

    def shown_values(self, values: dict[str, Any]) -> None:
        self._follow()

    def _follow(self) -> None:
        """Tell the live segmentation what the form says."""
        if self.live.volume is None or not self.isVisible():
            return
        try:
            params = self.step.params(**self.controller.params(self.key))
        except ValueError:
            return
        self.live.set_settings(settings_of(params, self.live.volume))

    @Slot(object)
    def _job_changed(self, job: Job) -> None:
        if job.state != RUNNING:
            return
        if job.step == self.key:
            # The run goes through the same stages; what is ready is taken over.
            self.live.stop()
        elif not self.isVisible():
            self.live.release()

    # What is edited

    @Slot(str, object, str)
    def _edited(self, name: str, value: Any, drag: str) -> None:
        mode = "particles" if name in _OF_PARTICLES else "material" if name in _OF_MATERIAL else "smoothed"
        if mode == "material" or (mode == "smoothed" and self.live.mode != "material"):
            self._choose(mode)
        super()._edited(name, value, drag)
        if mode == "particles":
            self._split_whole()

    def _dragged(self, value: float, gesture: int) -> None:
        self._choose("material")
        self.controller.edit_params(self.key, {"threshold": value}, f"threshold-line-{gesture}")

    @Slot(int)
    def _view_chosen(self, number: int) -> None:
        self._choose(MODES[number])

    def _choose(self, mode: str) -> None:
        self.views.button(MODES.index(mode)).setChecked(True)
        self.live.set_mode(mode)

    @Slot(bool)
    def _dropped_toggled(self, shown: bool) -> None:
        self.live.set_dropped(shown)

    @Slot()
    def _split_whole(self) -> None:
        self._choose("particles")
        self.live.split_whole()

    # What is shown

    @Slot()
    def _live_changed(self) -> None:
        live = self.live
        if live.histogram is not None:
            self.threshold.show_histogram(live.histogram, live.level)
        elif live.volume is not None and live.settings is not None and live.settings.phase_value is not None:
            self.threshold.say("A phase has no threshold.")
        elif live.volume is None:
            self.threshold.say("The histogram of the volume will stand here.")
        if live.found is not None:
            self.sizes.show_diameters(live.found.diameters_um)
        elif live.mode == "particles":
            self.sizes.say("Finding particles …")
        for stack in (self.figures, self.choices):
            stack.setCurrentIndex(int(live.mode == "particles"))
        words = live.words()
        is_preview = live.mode != "off" and not live.trouble and words
        self.count.setText(f"Preview: {words}" if is_preview else words)
        self._show_idle()
        self._show_preview()

    def _show_idle(self) -> None:
        live = self.live
        there = live.volume is not None and live.settings is not None
        for button in self.views.buttons():
            button.setEnabled(there)
        # A volume that is as small as the middle of a large one needs no work beside it.
        self.whole.setVisible(there and not live.is_small)
        self.split_button.setVisible(there and not live.splits_whole)
        seconds = self.controller.preflight(self.key).seconds if self.split_button.isVisibleTo(self) else None
        said = duration(seconds) if seconds is not None else ""
        words = said if not said or said.startswith("under") else f"about {said}"
        self.whole_words.setText("The slider now follows at once." if there and live.splits_whole else words)
        tip = f"Find the pieces of all particles once ({words}); then the split slider follows at once, and Run as well"
        self.split_button.setToolTip(tip)

    @Slot(object)
    def _show_work(self, progress: Progress | None) -> None:
        self.whole.setCurrentIndex(int(progress is not None))
        if progress is not None:
            self.bar.show_progress(progress.message, progress)

    @Slot()
    def _show_preview(self) -> None:
        layers = self.live.layers() if self.isVisible() else ()
        if layers and self.controller.node not in ("ct", "particles"):
            self.controller.show_node("ct")
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
