"""The window: docks, toolbar, menus and the wires between them."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDialog,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from nmcstudio.gui.actions import Actions
from nmcstudio.gui.announcements import Announcements
from nmcstudio.gui.background import Background
from nmcstudio.gui.controller import Controller
from nmcstudio.gui.docks import DockLayout
from nmcstudio.gui.documents import Documents
from nmcstudio.gui.help_window import HelpWindow
from nmcstudio.gui.icons import app_icon
from nmcstudio.gui.intake import Intake, local_files
from nmcstudio.gui.menus import Menus
from nmcstudio.gui.middle import Middle
from nmcstudio.gui.preferences import PreferencesWindow
from nmcstudio.gui.settings import settings
from nmcstudio.gui.status import StatusBar
from nmcstudio.gui.theme import style_sheet
from nmcstudio.gui.welcome import WelcomePage
from nmcstudio.gui.widgets.bars import BarStack
from nmcstudio.gui.window_view import WindowView
from nmcstudio.project.nodes import NODES


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
        self._may_close = self._torn_down = False
        self._build_centre()
        self._build_docks()
        self.middle = Middle(self)
        self.intake = Intake(self)
        self.documents = Documents(self.controller, self.bars, self)
        self.announcements = Announcements(self.controller, self.bars, self)
        self.view = WindowView(self)
        self.menus = Menus(self)
        self.status = StatusBar(self.controller)
        self.setStatusBar(self.status)
        self._connect()
        self.dock_layout.arrange()
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
        self.dock_layout = DockLayout(self, self.controller)
        self.docks = self.dock_layout.docks
        self.workflow, self.panels = self.dock_layout.workflow, self.dock_layout.panels

    def _connect(self) -> None:
        controller, actions, documents = self.controller, self.actions_, self.documents
        for name, act in (
            ("new", documents.new), ("open", documents.ask_open), ("save", documents.save), ("save_as", documents.save_as),
            ("sample", documents.open_sample), ("quit", self.close), ("undo", controller.undo), ("redo", controller.redo),
            ("preferences", self.show_preferences), ("run", self.run), ("finish", self.finish_now), ("cancel", self.cancel),
            ("screenshot", self.view.ask_screenshot), ("reset_docks", self.dock_layout.arrange), ("manual", self.show_manual),
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
        self.welcome.chosen.connect(self.intake.choose)
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

    @property
    def views(self) -> Any:
        """Slices and 3D, None until they are made."""
        return self.middle.views

    def warm_up(self) -> None:
        """Make the views while nobody waits for them, so that the first result is on view sooner."""
        self.middle.warm_up()

    # Choosing

    @Slot(str)
    def _node_chosen(self, key: str) -> None:
        if key:
            self.middle.ask("node", lambda views: views.show_node(key))

    @Slot(str)
    def _step_chosen(self, key: str) -> None:
        self.dock_layout.show_step()
        if key == "edit-labels":
            self.middle.edit_labels()

    @Slot(str)
    def _node_changed(self, key: str) -> None:
        if key == self.controller.node and key in self.controller.project.keys:
            self.middle.ask("node", lambda views: views.show_node(key))

    @Slot(str, object)
    def _show_partial(self, step: str, partial: Any) -> None:
        self.middle.ask("partial", lambda views: views.show_partial(step, partial))

    @Slot(str, object)
    def _show_preview(self, step: str, value: Any) -> None:
        if self.controller.project.keys:
            self.middle.ask("preview", lambda views: views.show_preview(step, value))

    def _layout_chosen(self, action: Any) -> None:
        self.controller.project.view["layout"] = action.objectName()
        if self.controller.project.keys:
            self.middle.ask("layout", lambda views: views.set_layout(action.objectName()))

    @Slot(str)
    def layout_shown(self, name: str) -> None:
        """A view has arranged itself otherwise: the toolbar says so too."""
        self.controller.project.view["layout"] = name
        self.actions_[name].setChecked(True)

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

    # Dropping

    def dragEnterEvent(self, event) -> None:
        if local_files(event.mimeData()):
            event.acceptProposedAction()
            self.welcome.show_drag(True)

    def dragLeaveEvent(self, event) -> None:
        self.welcome.show_drag(False)

    def dropEvent(self, event) -> None:
        self.welcome.show_drag(False)
        event.acceptProposedAction()
        self.intake.take(local_files(event.mimeData()))

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
        self.actions_["finish"].setEnabled(jobs.current is not None and jobs.current.can_finish)
        self.actions_["cancel"].setEnabled(jobs.busy)
        for name in ("slices", "3d", "both", "compare"):
            self.actions_[name].setEnabled(bool(self.controller.project.keys))

    @Slot()
    def _paint(self) -> None:
        self.setStyleSheet(style_sheet(self.controller.theme))
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
        for dialog in self.findChildren(QDialog):
            dialog.close()
        self.documents.stop()
        self.status.stop()
        self.middle.stop()
        self.controller.close()
        if self.views is not None:
            self.views.close_views()
        for worker in self.controller.findChildren(Background):
            worker.close()  # of panels that worked without the views
        self.dock_layout.log.close_log()
        forget()
