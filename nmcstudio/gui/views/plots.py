"""Plots in a grid, in the middle of the window and in the dock; only those in sight are drawn."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from nmcstudio.gui.views.contents import Content, Plot
from nmcstudio.gui.views.plot_card import PlotCard
from nmcstudio.gui.views.plot_data import LiveCurves
from nmcstudio.gui.views.plot_index import PlotIndex
from nmcstudio.gui.views.store import ContentStore

# Widths in pixels that a card is to have, about: in the dock, and in the middle of the window.
_COMPACT_WIDTH = 300
_FULL_WIDTH = 430


class PlotGrid(QScrollArea):
    """Plots in as many columns as fit; a plot is drawn when it comes into sight, one each turn of the event loop."""

    def __init__(self, controller: Any, parent: QWidget | None = None, empty: str = "", compact: bool = False) -> None:
        super().__init__(parent)
        self._controller = controller
        self._compact = compact
        self.cards: list[PlotCard] = []
        self.setObjectName("plain")
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget(self)
        self._grid = QGridLayout(inner)
        self._grid.setContentsMargins(4, 4, 4, 4)
        self._grid.setSpacing(8)
        self._empty = QLabel(empty, inner)
        self._empty.setObjectName("muted")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setWordWrap(True)
        self._shape = (0, 0)
        self._drawing = QTimer(self)
        self._drawing.setSingleShot(True)
        self._drawing.timeout.connect(self._draw_next)
        self.setWidget(inner)
        bar = self.verticalScrollBar()
        bar.valueChanged.connect(self._schedule)
        bar.rangeChanged.connect(self._schedule)
        controller.theme_changed.connect(self._restyle)
        self._place()

    def set_plots(self, plots: tuple[Plot, ...]) -> None:
        """Show these plots; cards that are there take the new ones."""
        for card, plot in zip(self.cards, plots):
            if card.plot is not plot:
                card.show_plot(plot)
        for card in self.cards[len(plots) :]:
            self._grid.removeWidget(card)
            card.hide()
            card.deleteLater()
        self.cards = self.cards[: len(plots)]
        self.cards += [PlotCard(self._controller, plot, self.widget(), self._compact) for plot in plots[len(self.cards) :]]
        self._place()

    @Slot(str)
    def show_card(self, key: str) -> None:
        """Scroll to the plot of this key."""
        for card in self.cards:
            if card.plot.key == key:
                self.ensureWidgetVisible(card, 0, 8)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._schedule()

    @Slot()
    def _restyle(self) -> None:
        for card in self.cards:
            card.restyle()
        self._schedule()

    @Slot()
    def _schedule(self) -> None:
        self._drawing.start(0)

    @property
    def is_drawn(self) -> bool:
        """Whether every card in sight has its picture."""
        return self._next_card() is None

    def _next_card(self) -> PlotCard | None:
        return next((card for card in self.cards if not card.is_drawn and not card.visibleRegion().isEmpty()), None)

    @Slot()
    def _draw_next(self) -> None:
        card = self._next_card()
        if card is not None:
            card.draw()
            self._schedule()

    def _columns(self) -> int:
        width = self.viewport().width()
        fitting = width // _COMPACT_WIDTH if self._compact else round(width / _FULL_WIDTH)
        return max(1, min(len(self.cards), fitting))

    def _place(self) -> None:
        self._empty.setVisible(not self.cards)
        shape = (len(self.cards), self._columns())
        if shape != self._shape or not self.cards:
            self._shape = shape
            self._arrange(shape[1])
        self._schedule()

    def _arrange(self, columns: int) -> None:
        self._grid.removeWidget(self._empty)
        if not self.cards:
            self._grid.addWidget(self._empty, 0, 0)
        for column in range(max(columns, self._grid.columnCount())):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
        for row in range(self._grid.rowCount()):
            self._grid.setRowStretch(row, 0)
        for number, card in enumerate(self.cards):
            self._grid.addWidget(card, number // columns, number % columns)
            self._grid.setRowStretch(number // columns, 100)
            card.show()
        if not self._compact:
            # What the cards do not take stays empty below them.
            self._grid.setRowStretch(-(-len(self.cards) // columns), 1)
        # The scroll area makes room for a new row only later; until then its cards would lie on those above.
        inner = self.widget()
        inner.resize(inner.size().expandedTo(self._grid.totalMinimumSize()))
        self._grid.activate()


class PlotsPanel(QWidget):
    """The dock: live curves while a step runs, else the plots of the node on view, or their contents if they stand above."""

    def __init__(self, controller: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._store = ContentStore.of(controller)
        self._key = ""
        self.live = LiveCurves()
        words = "Plots of what is on view will stand here, and live curves while a step runs."
        self.grid = PlotGrid(controller, self, words, compact=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.grid)
        self.index = PlotIndex(self)
        self.index.chosen.connect(self._store.plot_asked)
        self.index.hide()
        column.addWidget(self.index)
        # Beside a 3D view every picture of a plot composes the whole window anew: ten times a second at most.
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(100)
        self._timer.timeout.connect(self._draw)
        self._store.shown.connect(self._shown)
        self._store.plots_moved.connect(self._draw)
        controller.partial.connect(self._partial)
        controller.jobs.changed.connect(self._job_changed)
        controller.jobs.finished.connect(self._job_changed)
        self._draw()

    @Slot(object)
    def _shown(self, content: Content | None) -> None:
        if content is not None and content.is_waiting and content.key == self._key:
            return
        self._key = content.key if content is not None else ""
        self._draw()

    @Slot(str, object)
    def _partial(self, step: str, partial: Any) -> None:
        if step != self.live.step:
            self.live.start(step)
        self.live.add(partial)
        if not self._timer.isActive():
            self._timer.start()

    @Slot(object)
    def _job_changed(self, job: Any) -> None:
        if job.is_open and job.state == "running" and job.progress is None:
            self.live.start(job.step)
        elif not job.is_open and job.step == self.live.step:
            self.live.start("")
            self._draw()

    @Slot()
    def _draw(self) -> None:
        live = self.live.plots()
        if live and not self.grid.is_drawn:
            # News that come faster than pictures are made would leave the last cards empty for ever.
            self._timer.start()
            return
        content = self._store.content
        shown = content.plots if content is not None else ()
        listed = shown if self._store.plots_in_middle and not live else ()
        self.index.set_plots(listed)
        self.index.setVisible(bool(listed))
        self.grid.setVisible(not listed)
        self.grid.set_plots(live or (() if self._store.plots_in_middle else shown))
