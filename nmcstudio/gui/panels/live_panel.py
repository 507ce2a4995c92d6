"""The panel of a step that can be tried out: edits show at once what they do, in the slices, in figures and in words."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from nmcstudio.core.monitor import Progress
from nmcstudio.gui.jobs import RUNNING, Job
from nmcstudio.gui.panels.live_preview import LivePreview
from nmcstudio.gui.panels.step_panel import StepPanel
from nmcstudio.gui.views.store import ContentStore
from nmcstudio.gui.widgets.choice_row import ChoiceRow
from nmcstudio.gui.widgets.number_box import as_sentence
from nmcstudio.gui.widgets.work_row import WorkRow

_LINES = 3  # of words below the figures


class LivePanel(StepPanel):
    """Nothing is changed before Run. A derived panel says what it reads and what it shows; the rest is here: when to look,
    the buttons that choose what the slices show, the work beside the window with its bar, and the words.

    Attributes
    ----------
    input_node
        The node that is tried out; the slices show it, or one of `also_over`, while the preview is on view.
    views_of
        Title and tooltip of each of the preview's modes, in their order.
    live
        The preview.
    count
        Its words.
    """

    input_node = ""
    also_over: tuple[str, ...] = ()
    views_of: tuple[tuple[str, str], ...] = ()
    cancel_tip = ""

    # What derived panels fill in

    def make_live(self) -> LivePreview:
        """The preview."""
        raise NotImplementedError

    def build_rows(self) -> list[QWidget]:
        """What stands between the buttons of the views and the form; `count` and `whole` are there to be placed."""
        raise NotImplementedError

    def show_live(self) -> None:
        """Show the figures of the preview."""
        raise NotImplementedError

    def paint_figures(self) -> None:
        """Give the figures the colours of the theme."""
        raise NotImplementedError

    def why_not(self, mode: str) -> str:
        """Why a view cannot be chosen, in a sentence; empty if it can."""
        raise NotImplementedError

    # Layout

    def build_top(self) -> QWidget:
        self.live = self.make_live()
        self._digest = ""
        self._is_on_view = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._show_preview)
        self.views = ChoiceRow(self.views_of)
        self.views.chosen.connect(self._view_chosen)
        self.count = QLabel()
        self.count.setWordWrap(True)
        self.count.setObjectName("muted")
        # Always as high, so that the form below stays where it is.
        self.count.setMinimumHeight(_LINES * self.count.fontMetrics().lineSpacing())
        self.count.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        top = QWidget()
        column = QVBoxLayout(top)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.views)
        for row in self.build_rows():
            column.addWidget(row)
        self.live.changed.connect(self._live_changed)
        self.live.working.connect(self._show_work)
        self.controller.jobs.changed.connect(self._job_changed)
        ContentStore.of(self.controller).shown.connect(self._content_shown)
        self.controller.theme_changed.connect(self._paint)
        self._paint()
        self._live_changed()
        return top

    def make_whole(self, idle: QWidget | None = None) -> WorkRow:
        """The row about the work on the whole input."""
        self.whole = WorkRow(self.cancel_tip, idle)
        self.whole.cancelled.connect(self._cancel)
        return self.whole

    @Slot()
    def _paint(self) -> None:
        self.paint_figures()

    # When to look

    def showEvent(self, event) -> None:
        super().showEvent(event)
        self._load()

    def hideEvent(self, event) -> None:
        super().hideEvent(event)
        if not event.spontaneous():
            self.live.stop()
            self.choose("off")

    @Slot(str)
    def _node_changed(self, node: str) -> None:
        super()._node_changed(node)
        if node == self.input_node and self.isVisible():
            self._load()

    @Slot()
    def _replaced(self) -> None:
        # First: the parameters of another project say nothing of what is tried out here.
        self._forget()
        super()._replaced()
        if self.isVisible():
            self._load()

    def _forget(self) -> None:
        """What was tried out is gone."""
        self._digest = ""
        self.live.begin(None)
        self.choose("off")
        self._live_changed()

    def _load(self) -> None:
        project = self.controller.project
        if self.input_node not in project.keys:
            # An import may be undone while its map is on view.
            self._forget()
            return
        digest = project.record(self.input_node).digest
        if digest != self._digest:
            self._digest = digest
            self.controller.load_value_async(self.input_node, self._loaded)
        else:
            self._follow()
            self.live.resume()

    def _loaded(self, value: Any) -> None:
        self.live.begin(value)
        self._follow()

    def shown_values(self, values: dict[str, Any]) -> None:
        self._follow()

    def _follow(self) -> None:
        """Tell the preview what the form says."""
        if not self.live.has_input or not self.isVisible():
            return
        try:
            params = self.step.params(**self.controller.params(self.key))
        except ValueError:
            return
        self.live.follow(params)

    @Slot(object)
    def _job_changed(self, job: Job) -> None:
        if job.state != RUNNING:
            return
        if job.step == self.key:
            # The run may go through the same stages; what is ready is taken over.
            self.live.stop()
        elif not self.isVisible():
            self.live.release()

    @Slot()
    def _cancel(self) -> None:
        self.live.stop()
        self._live_changed()

    # What is on view

    @Slot(int)
    def _view_chosen(self, number: int) -> None:
        self.choose(self.live.modes[number])

    def choose(self, mode: str) -> None:
        """Have the slices show one of the preview's modes."""
        self.views.choose(self.live.modes.index(mode))
        self.live.set_mode(mode)

    @Slot()
    def _live_changed(self) -> None:
        self.show_live()
        for mode, (_, tip), button in zip(self.live.modes, self.views_of, self.views.buttons()):
            lacks = self.why_not(mode)
            button.setEnabled(not lacks)
            button.setToolTip(f"{tip}. {lacks or 'Nothing is changed before Run'}")
        live = self.live
        words = live.words() if live.has_input else ""
        is_preview = words and live.mode != "off" and not live.trouble
        self.count.setText(f"Preview: {words}" if is_preview else as_sentence(words))
        self._show_preview()

    @Slot(object)
    def _show_work(self, progress: Progress | None) -> None:
        self.whole.show_work(progress)

    @Slot()
    def _show_preview(self) -> None:
        layers = self.live.layers() if self.isVisible() else ()
        if layers and self.controller.node not in (self.input_node, *self.also_over):
            self.controller.show_node(self.input_node)
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
            self.choose("off")
