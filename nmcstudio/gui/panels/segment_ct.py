"""Segmentation of particles: histogram with a threshold to drag, and a live preview in the middle of the volume."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from nmcstudio.core.errors import NmcError
from nmcstudio.core.volume import Volume
from nmcstudio.gui.panels.segment_preview import Preview, Segmenter
from nmcstudio.gui.panels.step_panel import StepPanel


class SegmentCtPanel(StepPanel):
    """Edits show at once what they do to the middle of the volume; Run does it to all of it."""

    def build_top(self) -> QWidget:
        self._segmenter: Segmenter | None = None
        self._volume: Volume | None = None
        self._digest = ""
        self._edited_here = False
        self._drag = 0
        self.plot = pg.PlotWidget()
        self.plot.setFixedHeight(128)
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.getPlotItem().hideAxis("left")
        self.plot.getPlotItem().setLabel("bottom", "smoothed grey value")
        self.bars_item = pg.PlotCurveItem([0, 1], [0], stepMode="center", fillLevel=0)
        self.plot.addItem(self.bars_item)
        self.line = pg.InfiniteLine(angle=90, movable=True, hoverPen=None)
        self.line.hide()
        self.line.sigDragged.connect(self._dragged)
        self.line.sigPositionChangeFinished.connect(self._drag_ended)
        self.plot.addItem(self.line)
        self.count = QLabel()
        self.count.setWordWrap(True)
        self.count.setObjectName("muted")
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(60)
        self._later.timeout.connect(self._ask)
        top = QWidget()
        column = QVBoxLayout(top)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.plot)
        column.addWidget(self.count)
        self.controller.theme_changed.connect(self._paint)
        self._paint()
        self._say_empty()
        return top

    @Slot()
    def _paint(self) -> None:
        theme = self.controller.theme
        fill = QColor(theme.data)
        fill.setAlpha(110)
        self.plot.setBackground(theme.base)
        self.bars_item.setPen(pg.mkPen(theme.data))
        self.bars_item.setBrush(fill)
        self.line.setPen(pg.mkPen(theme.model, width=2))
        self.line.setHoverPen(pg.mkPen(theme.model, width=4))
        axis = self.plot.getPlotItem().getAxis("bottom")
        axis.setPen(pg.mkPen(theme.border))
        axis.setTextPen(pg.mkPen(theme.muted))

    def _say_empty(self) -> None:
        self.count.setText("The histogram of the volume stands here; drag the line to choose the threshold.")

    # When to look

    def showEvent(self, event) -> None:
        super().showEvent(event)
        self._load()

    def hideEvent(self, event) -> None:
        super().hideEvent(event)
        self._stop_preview()

    def _stop_preview(self) -> None:
        self._edited_here = False
        self.controller.previews.drop(self.key)
        self.controller.preview.emit(self.key, None)

    @Slot(str)
    def _node_changed(self, node: str) -> None:
        super()._node_changed(node)
        if node == "ct" and self.isVisible():
            self._load()

    @Slot()
    def _replaced(self) -> None:
        super()._replaced()
        self._digest = ""
        self._segmenter = self._volume = None
        self.bars_item.setData([0, 1], [0])
        self.line.hide()
        self.plot.hide()
        self._say_empty()
        if self.isVisible():
            self._load()

    def _load(self) -> None:
        project = self.controller.project
        if "ct" in project.keys and project.record("ct").digest != self._digest:
            self._digest = project.record("ct").digest
            self.controller.load_value_async("ct", self._loaded)

    def _loaded(self, volume: Volume) -> None:
        self._volume = volume
        self._segmenter = Segmenter(volume)
        self.plot.setVisible(self.controller.params(self.key).get("phase_value") is None)
        self._later.start()

    def shown_values(self, values: dict[str, Any]) -> None:
        self.plot.setVisible(values.get("phase_value") is None and self._segmenter is not None)
        if values.get("threshold") is not None:
            self.line.setValue(values["threshold"])
        if self._segmenter is not None:
            self._later.start()

    @Slot(str, object, str)
    def _edited(self, name: str, value: Any, drag: str) -> None:
        self._edited_here = True
        super()._edited(name, value, drag)

    # The preview

    @Slot()
    def _ask(self) -> None:
        segmenter = self._segmenter
        if segmenter is None:
            return
        try:
            params = self.step.params(**self.controller.params(self.key))
        except ValueError:
            return
        whole = self._edited_here
        if not self.count.text().startswith("Preview"):
            self.count.setText("Looking at the volume …")
        self.controller.previews.ask(
            self.key, lambda monitor: segmenter.look(params, monitor, split=whole), self._looked, self._not_looked
        )

    def _looked(self, preview: Preview) -> None:
        if preview.histogram is not None:
            self.bars_item.setData(preview.histogram.edges, preview.histogram.counts**0.5)
            self.plot.getPlotItem().setXRange(preview.histogram.edges[0], preview.histogram.edges[-1], padding=0.01)
            self.line.setBounds((float(preview.histogram.edges[0]), float(preview.histogram.edges[-1])))
            if not self.line.moving:
                self.line.setValue(preview.threshold)
            self.line.show()
        self.count.setText(preview.words)
        if preview.labels is not None and self._edited_here:
            if not self.controller.node:
                self.controller.show_node("ct")
            self.controller.preview.emit(self.key, preview.labels)

    def _not_looked(self, error: Exception) -> None:
        if not isinstance(error, NmcError):
            raise error
        self.count.setText(str(error))

    def _dragged(self) -> None:
        self._edited_here = True
        value = float(f"{self.line.value():.5g}")
        self.controller.edit_params(self.key, {"threshold": value}, f"threshold-line-{self._drag}")

    def _drag_ended(self) -> None:
        self._drag += 1

    @Slot(str, object)
    def _committed(self, key: str, outcome: Any) -> None:
        super()._committed(key, outcome)
        if key == self.key:
            self._stop_preview()
