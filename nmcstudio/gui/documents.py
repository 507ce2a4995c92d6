"""Files of the window: new, open, save, recent, unsaved changes, autosave and recovery. Asks in bars, never in dialogs."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget

from nmcstudio.core.errors import NmcError
from nmcstudio.core.resources import resource
from nmcstudio.gui.controller import Controller
from nmcstudio.gui.settings import last_folder, remember_folder, remember_project, settings
from nmcstudio.gui.widgets.bars import Bar, BarStack
from nmcstudio.pipeline.recipe import read_recipe, step_values
from nmcstudio.pipeline.registry import step as step_of
from nmcstudio.project import recovery
from nmcstudio.project.project import Project

FILTER = "nmcstudio project (*.nmc)"


def snapshot(project: Project) -> Project:
    """A second project with the same records, to be written by a worker while the first one goes on."""
    copy = Project(project.seed)
    copy.path = project.path
    copy.revision = project.revision
    copy.view = dict(project.view)
    copy.scenarios = dict(project.scenarios)
    copy.outputs = dict(project.outputs)
    for step in project.steps_with_params:
        copy.set_params(step, project.params(step))
    for key in project.keys:
        copy.put(key, project.record(key))
    return copy


class Documents(QObject):
    """Opens and saves for one window.

    `about_to_save` is the moment to write the view into the project; `opened` the moment to take it from there;
    `may_close` says that nothing stands in the way of closing the window.
    """

    about_to_save = Signal()
    opened = Signal()
    saved = Signal()
    may_close = Signal()

    def __init__(self, controller: Controller, bars: BarStack, window: QWidget) -> None:
        super().__init__(window)
        self.controller = controller
        self.bars = bars
        self.window = window
        self._dirty = False
        self._recovered: recovery.Recovered | None = None
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._autosave)
        self.set_autosave(int(settings().value("autosave_seconds", 60)))
        controller.state_changed.connect(self._changed)

    # New, open, save

    def new(self) -> None:
        self._after_unsaved(self._new_now)

    def _new_now(self) -> None:
        self.controller.new()
        self.opened.emit()

    def ask_open(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self.window, "Open a project", last_folder(), FILTER)
        if name:
            self.open(name)

    def open(self, path: Path | str) -> None:
        """Open a project, after asking about unsaved changes."""
        self._after_unsaved(lambda: self._open_now(Path(path)))

    def _open_now(self, path: Path) -> None:
        try:
            self.controller.open(path)
        except NmcError as error:
            self._show_error(error)
            return
        remember_folder(path)
        remember_project(path)
        self._dirty = False
        self.opened.emit()

    def save(self) -> bool:
        """Save, asking for a name if the project has none; True if it is saved."""
        if self.controller.project.path is None:
            return self.save_as()
        return self._save_to(None)

    def save_as(self) -> bool:
        """Save under a name that the user gives; True if it is saved."""
        start = self.controller.project.path or Path(last_folder()) / "project.nmc"
        name, _ = QFileDialog.getSaveFileName(self.window, "Save the project", str(start), FILTER)
        if not name:
            return False
        return self._save_to(Path(name if name.endswith(".nmc") else name + ".nmc"))

    def _save_to(self, path: Path | None) -> bool:
        self.about_to_save.emit()
        QApplication.setOverrideCursor(Qt.CursorShape.WaitCursor)
        try:
            written = self.controller.save(path)
        except NmcError as error:
            self._show_error(error)
            return False
        finally:
            QApplication.restoreOverrideCursor()
        remember_folder(written)
        remember_project(written)
        self._dirty = False
        recovery.forget()
        self.bars.drop("unsaved")
        self.saved.emit()
        return True

    def _show_error(self, error: NmcError) -> None:
        self.bars.show_bar("document", Bar(self.controller.theme, "error", error.message, hint=error.hint))

    # Unsaved changes

    def close(self) -> None:
        """Ask about unsaved changes and running work; `may_close` follows when nothing stands in the way."""
        self._after_unsaved(self.may_close.emit)

    def _after_unsaved(self, act: Callable[[], None]) -> None:
        running = self.controller.jobs.busy
        unsaved = self.controller.project.changed and bool(
            self.controller.project.keys or self.controller.project.steps_with_params
        )
        if not (running or unsaved):
            act()
            return
        what = []
        if unsaved:
            path = self.controller.project.path
            what.append(f"The project {path.name if path else ''} has changes that are not saved".replace("  ", " "))
        if running:
            title = self.controller.jobs.current.title
            what.append(f"“{title}” is still running and would be cancelled")
        choices = [("Stay", lambda: None)]
        if unsaved:
            choices = [("Save", lambda: act() if self.save() else None), ("Do not save", act), *choices]
        else:
            choices = [("Cancel it and go on", act), *choices]
        bar = Bar(self.controller.theme, "warning", ", and ".join(what), choices=choices, closable=False)
        self.bars.show_bar("unsaved", bar)

    # The sample

    def open_sample(self) -> None:
        """Start a new project and run the bundled sample's recipe in it, step by step."""
        self._after_unsaved(self._sample_now)

    def _sample_now(self) -> None:
        try:
            recipe = read_recipe(resource("recipes/sample.yaml"))
        except (NmcError, FileNotFoundError) as error:
            self._show_error(error if isinstance(error, NmcError) else NmcError(str(error), "install the program again"))
            return
        self._new_now()
        if recipe.seed is not None:
            self.controller.project.set_seed(recipe.seed)
        self.controller.follow = True
        for key, values in recipe.steps:
            if step_of(key).writes is not None:
                self.controller.run_step(key, step_values(recipe, key, values, Path.cwd()))

    # Autosave and recovery

    def set_autosave(self, seconds: int) -> None:
        """Time between two autosaves; 0 for none."""
        settings().setValue("autosave_seconds", seconds)
        self._timer.stop()
        if seconds > 0:
            self._timer.start(1000 * seconds)

    @Slot()
    def _changed(self) -> None:
        self._dirty = self._dirty or self.controller.project.changed

    @Slot()
    def _autosave(self) -> None:
        project = self.controller.project
        if not (self._dirty and project.changed and project.keys):
            return
        self._dirty = False
        self.about_to_save.emit()
        copy = snapshot(project)
        self.controller.loader.ask("autosave", lambda monitor: recovery.autosave(copy), self._autosaved, self._autosave_failed)

    def _autosaved(self, file: Path) -> None:
        if self._recovered is not None:
            # What was recovered is now in this session's own autosave.
            recovery.discard(self._recovered)
            self._recovered = None

    def _autosave_failed(self, error: Exception) -> None:
        if not isinstance(error, (NmcError, OSError)):
            raise error
        self._dirty = True
        self.controller.message.emit(f"The autosave could not be written: {error}")

    def offer_recovery(self) -> None:
        """Ask about sessions that ended without a save."""
        found = recovery.left_behind()
        if not found:
            return
        newest = found[0]
        name = newest.original.name if newest.original else "a project without a name"
        when = datetime.datetime.fromtimestamp(newest.saved_at).strftime("%Y-%m-%d %H:%M")
        choices = [
            ("Open the autosave", lambda: self._after_unsaved(lambda: self._recover(newest))),
            ("Throw it away", lambda: recovery.discard(newest)),
            ("Later", lambda: None),
        ]
        text = f"A session with {name} ended without a save; an autosave of {when} is there"
        self.bars.show_bar("recovery", Bar(self.controller.theme, "note", text, choices=choices, closable=False))

    def _recover(self, found: recovery.Recovered) -> None:
        self.controller.loader.ask(
            "recover", lambda monitor: (found, recovery.recover(found)), self._adopt_recovered, self._recover_failed
        )

    def _adopt_recovered(self, both: tuple[recovery.Recovered, Project]) -> None:
        self._recovered, project = both
        self.controller.adopt(project)
        self._dirty = True
        self.opened.emit()
        self._autosave()

    def _recover_failed(self, error: Exception) -> None:
        if not isinstance(error, NmcError):
            raise error
        self._show_error(error)

    def stop(self) -> None:
        """No more autosaves."""
        self._timer.stop()
