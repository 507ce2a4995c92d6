"""The docks of a window: what is in them, where they stand, and their room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QLabel, QMainWindow, QWidget

from nmcstudio.gui.jobs_panel import JobsPanel
from nmcstudio.gui.log_panel import LogPanel
from nmcstudio.gui.panels.stack import PanelStack
from nmcstudio.gui.workflow import WorkflowPanel

PLOTS_HEIGHT = 240


class DockLayout:
    """Makes the docks of a `MainWindow`; plots, table and scenario are made later, with the views.

    Attributes
    ----------
    docks
        Dock by name.
    workflow, panels, jobs, log
        What is in four of them.
    """

    def __init__(self, window: QMainWindow, controller: Any) -> None:
        self._window = window
        self._controller = controller
        self._in_use = False
        self.workflow = WorkflowPanel(controller)
        self.panels = PanelStack(controller)
        self.jobs = JobsPanel(controller)
        self.log = LogPanel(controller)
        self.docks: dict[str, QDockWidget] = {}
        for name, title, content in (
            ("workflow", "Workflow", self.workflow),
            ("step", "Step", self.panels),
            ("scenario", "Scenario", _placeholder("Sliders for the fitted models stand here.")),
            ("plots", "Plots", _placeholder("Curves of the chosen result stand here.")),
            ("table", "Table", _placeholder("One row for each object of the chosen result stands here.")),
            ("jobs", "Jobs", self.jobs),
            ("log", "Log", self.log),
        ):
            dock = QDockWidget(title, window)
            dock.setObjectName(name)
            dock.setWidget(content)
            self.docks[name] = dock

    def arrange(self) -> None:
        """Put the docks where a new window has them."""
        window, docks = self._window, self.docks
        for dock in docks.values():
            dock.setFloating(False)
            window.removeDockWidget(dock)
        left, right, bottom = (
            Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea, Qt.DockWidgetArea.BottomDockWidgetArea,
        )  # fmt: skip
        window.setCorner(Qt.Corner.BottomLeftCorner, left)
        window.setCorner(Qt.Corner.BottomRightCorner, right)
        window.addDockWidget(left, docks["workflow"])
        window.addDockWidget(right, docks["step"])
        window.addDockWidget(right, docks["scenario"])
        window.tabifyDockWidget(docks["step"], docks["scenario"])
        for name in ("plots", "table", "jobs", "log"):
            window.addDockWidget(bottom, docks[name])
            if name != "plots":
                window.tabifyDockWidget(docks["plots"], docks[name])
        for dock in docks.values():
            dock.show()
        docks["step"].raise_()
        docks["plots"].raise_()
        window.resizeDocks([docks["workflow"], docks["step"]], [248, 368], Qt.Orientation.Horizontal)
        # An empty window needs the room for the welcome; plots get theirs with the first result.
        self.give_plots(PLOTS_HEIGHT if self._in_use else PLOTS_HEIGHT // 2)

    def give_plots(self, height: int = PLOTS_HEIGHT) -> None:
        """Room for the bottom row of docks, in pixels."""
        self._window.resizeDocks([self.docks["plots"]], [height], Qt.Orientation.Vertical)

    def show_step(self) -> None:
        """Bring the panel of the chosen step to the front."""
        self.docks["step"].show()
        self.docks["step"].raise_()

    def fill(self, name: str) -> None:
        """Make "plots", "table" or "scenario"."""
        from nmcstudio.gui.views.plots import PlotsPanel
        from nmcstudio.gui.views.tables import TablePanel
        from nmcstudio.gui.widgets.scenario import ScenarioPanel

        kinds: dict[str, Callable[[Any], QWidget]] = {"plots": PlotsPanel, "table": TablePanel, "scenario": ScenarioPanel}
        placeholder = self.docks[name].widget()
        self.docks[name].setWidget(kinds[name](self._controller))
        placeholder.deleteLater()

    def come_into_use(self, *, resize: bool) -> None:
        """The first result is there: from now on plots get their room, at once where it may be resized."""
        self._in_use = True
        if resize:
            self.give_plots()


def _placeholder(text: str) -> QLabel:
    label = QLabel(text)
    label.setObjectName("muted")
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    return label
