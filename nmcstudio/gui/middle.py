"""The views in the middle of the window: made piece by piece while nobody waits for them, shown when something is to be seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from nmcstudio.gui.libraries import load_libraries, qt_classes
from nmcstudio.gui.views.opengl import has_opengl
from nmcstudio.project.project import Project

Act = Callable[[Any], None]
_TURN_S = 0.01  # seconds of a turn of the event loop for what comes in many small pieces


class Middle(QObject):
    """Makes slices, 3D, tools for labels, plots, table and scenario of a `MainWindow`.

    Their libraries are loaded in a worker, and each part is made in a turn of the event loop of its own: the window never
    stands still for all of them. Who needs the views asks for them, and gets them when they are there.

    Attributes
    ----------
    views, label_tools
        `ViewArea` and `LabelToolRow`, None until they are made.

    ``loaded`` comes when the libraries are there.
    """

    loaded = Signal()

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self._window = window
        self._controller = window.controller
        self.views: Any = None
        self.label_tools: Any = None
        self._page = QWidget()
        self._coming = QLabel("Preparing the views …")
        self._coming.setObjectName("muted")
        self._coming.setAlignment(Qt.AlignmentFlag.AlignCenter)
        window.centre.addWidget(self._coming)
        window.centre.addWidget(self._page)
        docks = [partial(window.dock_layout.fill, name) for name in ("plots", "table", "scenario")]
        self._parts: list[Callable[[], Any]] = [self._make_area, self._make_tools, *docks, self._make_3d]
        self._classes = qt_classes()
        self._waiting: dict[str, tuple[Project, Act]] = {}
        self._is_loading = self._is_loaded = self._was_shown = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._make_next)

    @property
    def is_made(self) -> bool:
        """Whether all parts are there."""
        return not self._parts

    def warm_up(self) -> None:
        """Begin to make the views."""
        if not self._is_loading:
            self._is_loading = True
            self._timer.start()

    def ask(self, topic: str, act: Act) -> None:
        """Show the views and carry out ``act(views)``, now or when they are there; a later act of a topic replaces this one.

        Nothing happens if another project has been opened until then.
        """
        if self.is_made:
            self._show()
            act(self.views)
            return
        self._waiting.pop(topic, None)
        self._waiting[topic] = (self._controller.project, act)
        self._window.centre.setCurrentWidget(self._coming)
        self.warm_up()

    def stop(self) -> None:
        """Make nothing more."""
        self._timer.stop()
        self._waiting.clear()

    def _loaded(self, names: tuple[str, ...]) -> None:
        self._is_loaded = True
        self.loaded.emit()
        self._controller.message.emit("Ready")
        self._timer.start()

    @Slot()
    def _make_next(self) -> None:
        end = time.perf_counter() + _TURN_S
        if not self._is_loaded:
            for _ in self._classes:
                if time.perf_counter() > end:
                    self._timer.start()
                    return
            self._controller.loader.ask("warm-up", load_libraries, self._loaded)
            return
        self._parts[0]()
        del self._parts[0]
        if self._parts:
            self._timer.start()
            return
        waiting, self._waiting = self._waiting, {}
        for project, act in waiting.values():
            if project is self._controller.project:
                self._show()
                act(self.views)

    # Parts

    def _make_area(self) -> None:
        from nmcstudio.gui.views.area import ViewArea

        self.views = ViewArea(self._controller)
        self.views.layout_changed.connect(self._window.layout_shown)

    def _make_tools(self) -> None:
        from nmcstudio.gui.widgets.label_tools import LabelToolRow

        self.label_tools = LabelToolRow(self._controller)
        self.label_tools.add_keys(self._page)
        self.views.head.add_hint(self.label_tools.words)
        self.label_tools.hide()
        self.views.tools_wanted.connect(self.label_tools.setVisible)
        self.label_tools.asked.connect(self.edit_labels)
        column = QVBoxLayout(self._page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.label_tools)
        column.addWidget(self.views, 1)

    def _make_3d(self) -> None:
        if has_opengl():
            self.views.scene.make_view()

    # On view

    def _show(self) -> None:
        self._window.centre.setCurrentWidget(self._page)
        if self._was_shown:
            return
        self._was_shown = True
        layout = self._controller.project.view.get("layout", "both")
        self._window.actions_[layout].setChecked(True)
        self.views.set_layout(layout)
        self._window.dock_layout.come_into_use(resize=not self._controller.project.view.get("window"))
        if self._controller.step == "edit-labels":
            self.edit_labels()

    @Slot()
    def edit_labels(self) -> None:
        """Show the tools that correct labels."""
        if self.views is not None:
            self.views.head.edit_button.setChecked(True)
