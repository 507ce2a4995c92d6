"""The window: docks, toolbar, menus and the wires between them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDockWidget,
    QFileDialog,
    QLabel,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.actions import Actions
from nmcstudio.gui.announcements import Announcements
from nmcstudio.gui.controller import Controller
from nmcstudio.gui.documents import Documents
from nmcstudio.gui.drops import Guess, guess
from nmcstudio.gui.help_window import HelpWindow
from nmcstudio.gui.icons import app_icon
from nmcstudio.gui.jobs_panel import JobsPanel
from nmcstudio.gui.log_panel import LogPanel
from nmcstudio.gui.menus import Menus
from nmcstudio.gui.panels.stack import PanelStack
from nmcstudio.gui.preferences import PreferencesWindow
from nmcstudio.gui.settings import last_folder, remember_folder, settings
from nmcstudio.gui.status import StatusBar
from nmcstudio.gui.welcome import WelcomePage
from nmcstudio.gui.widgets.bars import Bar, BarStack
from nmcstudio.gui.window_view import WindowView
from nmcstudio.gui.workflow import WorkflowPanel
from nmcstudio.project.nodes import NODES

PLOTS_HEIGHT = 240


def _load_libraries(monitor: Monitor) -> tuple[str, ...]:
    names = ("pyqtgraph", "pyvista", "scipy.ndimage")
    for name in names:
        monitor.check()
        import_module(name)
    return names


class MainWindow(QMainWindow):
    """One project in one window."""

    def __init__(self, controller: Controller | None = None) -> None:
        super().__init__()
        self.controller = controller or Controller()
        self.controller.setParent(self)
        self.setWindowIcon(app_icon())
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(True)
        self.resize(1600, 1000)
        self.actions_ = Actions(self)
        self.views: Any = None
        self.label_tools: Any = None
        self._heavy: dict[str, QWidget] = {}
        self._may_close = self._torn_down = False
        self._build_centre()
        self._build_docks()
        self.documents = Documents(self.controller, self.bars, self)
        self.announcements = Announcements(self.controller, self.bars, self)
        self.view = WindowView(self)
        self.menus = Menus(self)
        self.status = StatusBar(self.controller)
        self.setStatusBar(self.status)
        self._connect()
        self._arrange()
        self._paint()
        self._show_title()

    # Building

    def _build_centre(self) -> None:
        self.bars = BarStack()
        self.welcome = WelcomePage(self.controller)
        self.centre = QStackedWidget()
        self.centre.addWidget(self.welcome)
        # Pages that would like more room than a small screen has must not make the window larger than it.
        self.centre.setMinimumWidth(480)
        middle = QWidget()
        self._middle = QVBoxLayout(middle)
        self._middle.setContentsMargins(0, 0, 0, 0)
        self._middle.setSpacing(0)
        self._middle.addWidget(self.bars)
        self._middle.addWidget(self.centre, 1)
        self.setCentralWidget(middle)

    def _build_docks(self) -> None:
        controller = self.controller
        self.workflow = WorkflowPanel(controller)
        self.panels = PanelStack(controller)
        self.jobs_panel = JobsPanel(controller)
        self.log = LogPanel(controller)
        self.docks: dict[str, QDockWidget] = {}
        for name, title, content in (
            ("workflow", "Workflow", self.workflow),
            ("step", "Step", self.panels),
            ("scenario", "Scenario", self._placeholder("Sliders for the fitted models stand here.")),
            ("plots", "Plots", self._placeholder("Curves of the chosen result stand here.")),
            ("table", "Table", self._placeholder("One row for each object of the chosen result stands here.")),
            ("jobs", "Jobs", self.jobs_panel),
            ("log", "Log", self.log),
        ):
            dock = QDockWidget(title, self)
            dock.setObjectName(name)
            dock.setWidget(content)
            self.docks[name] = dock

    @staticmethod
    def _placeholder(text: str) -> QLabel:
        label = QLabel(text)
        label.setObjectName("muted")
        label.setWordWrap(True)
        label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        return label

    def _arrange(self) -> None:
        """The docks of a new window."""
        for dock in self.docks.values():
            dock.setFloating(False)
            self.removeDockWidget(dock)
        left, right, bottom = (
            Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea, Qt.DockWidgetArea.BottomDockWidgetArea,
        )  # fmt: skip
        self.setCorner(Qt.Corner.BottomLeftCorner, left)
        self.setCorner(Qt.Corner.BottomRightCorner, right)
        self.addDockWidget(left, self.docks["workflow"])
        self.addDockWidget(right, self.docks["step"])
        self.addDockWidget(right, self.docks["scenario"])
        self.tabifyDockWidget(self.docks["step"], self.docks["scenario"])
        for name in ("plots", "table", "jobs", "log"):
            self.addDockWidget(bottom, self.docks[name])
            if name != "plots":
                self.tabifyDockWidget(self.docks["plots"], self.docks[name])
        for dock in self.docks.values():
            dock.show()
        self.docks["step"].raise_()
        self.docks["plots"].raise_()
        self.resizeDocks([self.docks["workflow"], self.docks["step"]], [248, 368], Qt.Orientation.Horizontal)
        # An empty window needs the room for the welcome; plots get theirs with the first result.
        height = PLOTS_HEIGHT if self.views is not None else PLOTS_HEIGHT // 2
        self.resizeDocks([self.docks["plots"]], [height], Qt.Orientation.Vertical)

    def _connect(self) -> None:
        controller, actions, documents = self.controller, self.actions_, self.documents
        for name, act in (
            ("new", documents.new), ("open", documents.ask_open), ("save", documents.save), ("save_as", documents.save_as),
            ("sample", documents.open_sample), ("quit", self.close), ("undo", controller.undo), ("redo", controller.redo),
            ("preferences", self.show_preferences), ("run", self.run), ("finish", self.finish_now), ("cancel", self.cancel),
            ("screenshot", self.view.ask_screenshot), ("reset_docks", self._arrange), ("manual", self.show_manual),
            ("keys", self.show_keys), ("about", self.show_about), ("recovery", documents.offer_recovery),
        ):  # fmt: skip
            actions[name].triggered.connect(lambda checked=False, act=act: act())
        actions.layouts.triggered.connect(self._layout_chosen)
        self.node_keys = {}
        for index, key in enumerate(list(NODES)[:9]):
            self.node_keys[key] = QShortcut(QKeySequence(str(index + 1)), self)
            self.node_keys[key].activated.connect(lambda key=key: self.workflow.choose(key))
        QShortcut(QKeySequence(Qt.Key.Key_Space), self).activated.connect(self._space)
        QShortcut(QKeySequence(Qt.Key.Key_F), self).activated.connect(self._fit_view)
        documents.about_to_save.connect(self.view.store)
        documents.opened.connect(self.view.restore)
        documents.opened.connect(self._show_title)
        documents.saved.connect(self.view.store_thumbnail)
        documents.may_close.connect(self._close_now)
        self.welcome.chosen.connect(self._card_chosen)
        self.welcome.project_chosen.connect(documents.open)
        controller.current_node_changed.connect(self._node_chosen)
        controller.current_step_changed.connect(self._step_chosen)
        controller.node_changed.connect(self._node_changed)
        controller.partial.connect(self._show_partial)
        controller.preview.connect(self._show_preview)
        controller.project_replaced.connect(self._replaced)
        controller.state_changed.connect(self._show_title)
        controller.theme_changed.connect(self._paint)
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(self._scheme_changed)

    # What takes longer to build comes after the first picture

    def warm_up(self) -> None:
        """Load the views' libraries in a worker, so that the first result is on view sooner."""
        self.controller.loader.ask("warm-up", _load_libraries, self._warm)

    def _warm(self, loaded: tuple[str, ...]) -> None:
        self.controller.message.emit("Ready")

    def ensure_views(self) -> Any:
        """Make the slices and the 3D view, once."""
        if self.views is None:
            from nmcstudio.gui.views.area import ViewArea
            from nmcstudio.gui.widgets.label_tools import LabelToolRow

            self.views = ViewArea(self.controller)
            self.label_tools = LabelToolRow(self.controller)
            page = QWidget()
            column = QVBoxLayout(page)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(0)
            column.addWidget(self.label_tools)
            column.addWidget(self.views, 1)
            self.centre.addWidget(page)
            layout = self.controller.project.view.get("layout", "both")
            self.actions_[layout].setChecked(True)
            self.views.set_layout(layout)
            if not self.controller.project.view.get("window"):
                self.resizeDocks([self.docks["plots"]], [PLOTS_HEIGHT], Qt.Orientation.Vertical)
        self.centre.setCurrentIndex(1)
        self.ensure_docks()
        self._show_label_tools()
        return self.views

    def ensure_docks(self) -> None:
        """Make plots, table and scenario, once."""
        if self._heavy:
            return
        from nmcstudio.gui.views.plots import PlotsPanel
        from nmcstudio.gui.views.tables import TablePanel
        from nmcstudio.gui.widgets.scenario import ScenarioPanel

        for name, kind in (("plots", PlotsPanel), ("table", TablePanel), ("scenario", ScenarioPanel)):
            self._heavy[name] = kind(self.controller)
            old = self.docks[name].widget()
            self.docks[name].setWidget(self._heavy[name])
            old.deleteLater()

    def _show_label_tools(self) -> None:
        if self.label_tools is not None:
            self.label_tools.setVisible(self.controller.node in ("particles", "grains"))

    # Choosing

    @Slot(str)
    def _node_chosen(self, key: str) -> None:
        if key:
            self.ensure_views().show_node(key)
        self._show_label_tools()

    @Slot(str)
    def _step_chosen(self, key: str) -> None:
        self.docks["step"].show()
        self.docks["step"].raise_()

    @Slot(str)
    def _node_changed(self, key: str) -> None:
        if key == self.controller.node and key in self.controller.project.keys:
            self.ensure_views().show_node(key)

    @Slot(str, object)
    def _show_partial(self, step: str, partial: Any) -> None:
        self.ensure_views().show_partial(step, partial)

    @Slot(str, object)
    def _show_preview(self, step: str, value: Any) -> None:
        if self.controller.project.keys:
            self.ensure_views().show_preview(step, value)

    def _layout_chosen(self, action: Any) -> None:
        self.controller.project.view["layout"] = action.objectName()
        if self.controller.project.keys:
            self.ensure_views().set_layout(action.objectName())

    @Slot()
    def _space(self) -> None:
        focus = QApplication.focusWidget()
        if isinstance(focus, QAbstractButton):
            # Space presses the button that has the keyboard, as everywhere.
            focus.click()
        elif self.views is not None:
            self.views.toggle_overlays()

    @Slot()
    def _fit_view(self) -> None:
        if self.views is not None:
            self.views.fit_view()

    # Running

    def run(self) -> None:
        """Run the step whose panel is open."""
        panel = self.panels.current_panel()
        if panel is not None and panel.foot.run_button.isEnabled():
            panel.run()
        elif panel is None:
            self.controller.message.emit("Choose a step first")

    def finish_now(self) -> None:
        self.controller.jobs.finish_now()

    def cancel(self) -> None:
        self.controller.jobs.cancel()

    # Opening and dropping

    def _card_chosen(self, card: str) -> None:
        if card == "sample":
            self.documents.open_sample()
            return
        title = "Open CT data" if card == "ct" else "Open EBSD data"
        names, _ = QFileDialog.getOpenFileNames(self, title, last_folder())
        if names:
            remember_folder(names[0])
            self.controller.edit_params(f"import-{card}", {"files": names})
        self.controller.show_step(f"import-{card}")

    def take_files(self, paths: list[str]) -> None:
        """Find out what files are, and open them or start their import."""
        self.controller.message.emit(f"Looking at {paths[0]}")
        self.controller.loader.ask("drop", lambda monitor: guess(paths), self._guessed, self._not_guessed)

    def _guessed(self, found: Guess) -> None:
        if found.what == "open":
            self.documents.open(found.values["path"])
            return
        self.controller.edit_params(found.what, found.values)
        self.controller.show_step(found.what)

    def _not_guessed(self, error: Exception) -> None:
        if not isinstance(error, NmcError):
            raise error
        self.bars.show_bar("drop", Bar(self.controller.theme, "error", error.message, hint=error.hint))

    def dragEnterEvent(self, event) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self.welcome.show_drag(True)

    def dragLeaveEvent(self, event) -> None:
        self.welcome.show_drag(False)

    def dropEvent(self, event) -> None:
        self.welcome.show_drag(False)
        event.acceptProposedAction()
        self.take_files([url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()])

    @Slot()
    def _replaced(self) -> None:
        for key in list(self.bars.bars()):
            if key.startswith(("apart", "announce", "drop", "document")):
                self.bars.drop(key)
        if not self.controller.project.keys:
            self.welcome.refresh()
            self.centre.setCurrentIndex(0)

    # Help, preferences, menus

    def show_manual(self) -> None:
        self._help().show_page(self.controller.step or "index")

    def show_keys(self) -> None:
        self._help().show_page("keys")

    def show_about(self) -> None:
        self._help().show_page("about")

    def _help(self) -> HelpWindow:
        if not hasattr(self, "_help_window"):
            self._help_window = HelpWindow(self)
        return self._help_window

    def show_preferences(self) -> None:
        if not hasattr(self, "_preferences"):
            self._preferences = PreferencesWindow(self.controller, self.documents, self)
        self._preferences.show()
        self._preferences.raise_()

    # State of the window

    @Slot()
    def _show_title(self) -> None:
        path = self.controller.project.path
        self.setWindowTitle(f"{path.name if path else 'Untitled'}[*] – nmcstudio")
        self.setWindowModified(self.controller.project.changed)
        history, jobs = self.controller.history, self.controller.jobs
        self.actions_["undo"].setEnabled(bool(history.undo_title))
        self.actions_["redo"].setEnabled(bool(history.redo_title))
        self.actions_["undo"].setText(f"Undo {history.undo_title}".strip())
        self.actions_["redo"].setText(f"Redo {history.redo_title}".strip())
        self.actions_["finish"].setEnabled(jobs.busy)
        self.actions_["cancel"].setEnabled(jobs.busy)
        for name in ("slices", "3d", "both", "compare"):
            self.actions_[name].setEnabled(bool(self.controller.project.keys))

    @Slot()
    def _paint(self) -> None:
        self.actions_.paint(self.controller.theme)

    @Slot()
    def _scheme_changed(self) -> None:
        if self.controller.theme_choice == "system":
            self.controller.set_theme("system")

    # The end

    def closeEvent(self, event) -> None:
        if not self._may_close:
            # Asks in a bar if there is something to lose; if not, `may_close` has come before this returns.
            self.documents.close()
        if not self._may_close:
            event.ignore()
            return
        if not self._torn_down:
            self._torn_down = True
            self._tear_down()
        event.accept()

    @Slot()
    def _close_now(self) -> None:
        self._may_close = True
        QTimer.singleShot(0, self.close)

    def _tear_down(self) -> None:
        from nmcstudio.project.recovery import forget

        settings().setValue("geometry", self.saveGeometry())
        self.documents.stop()
        self.status.stop()
        self.controller.close()
        if self.views is not None:
            self.views.close_views()
        self.log.close_log()
        forget()
