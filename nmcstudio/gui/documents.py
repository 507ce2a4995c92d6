"""Files of the window: new, open, save, recent, unsaved changes, autosave and recovery. Asks in bars, never in dialogs."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from nmcstudio.core.errors import NmcError
from nmcstudio.core.resources import resource
from nmcstudio.gui.controller import Controller
from nmcstudio.gui.settings import last_folder, remember_folder, remember_project, settings
from nmcstudio.gui.widgets.bars import Bar, BarStack
from nmcstudio.pipeline.recipe import read_recipe, step_values
from nmcstudio.pipeline.registry import step as step_of
from nmcstudio.project import recovery
from nmcstudio.project.project import Project
from nmcstudio.project.snapshots import snapshot

FILTER = "nmcstudio project (*.nmc)"


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
        self._after_save: dict[str, Callable[[], None]] = {}
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
        # What was said last was said of the project before.
        self.controller.message.emit("New project")
        self.opened.emit()

    def ask_open(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self.window, "Open a project", last_folder(), FILTER)
        if name:
            self.open(name)

    def open(self, path: Path | str) -> None:
        """Open a project, after asking about unsaved changes."""
        self._after_unsaved(lambda: self._open_now(Path(path)))

    def _open_now(self, path: Path) -> None:
        given_up = self.controller.project, self.controller.project.changed

        def opened(project: Project) -> None:
            # Who went on working while the file was read is asked about that.
            if (self.controller.project, self.controller.project.changed) == given_up and not self.controller.files.saving:
                self._opened(project)
            else:
                self._after_unsaved(lambda: self._opened(project))

        self.controller.files.open(path, opened, self._show_error)

    def _opened(self, project: Project) -> None:
        path = project.path
        assert path is not None
        remember_folder(path)
        remember_project(path)
        self._dirty = False
        self.controller.adopt(project)
        self.controller.file_message.emit(f"Opened {path.name}", str(path))
        self.opened.emit()

    def save(self, then: Callable[[], None] | None = None) -> None:
        """Save in a worker, asking for a name if the project has none; call `then` when it is written."""
        path = self.controller.project.path
        if path is None:
            self.save_as(then)
        else:
            self._save_to(path, then)

    def save_as(self, then: Callable[[], None] | None = None) -> None:
        """Save under a name that the user gives."""
        start = self.controller.project.path or Path(last_folder()) / "project.nmc"
        name, _ = QFileDialog.getSaveFileName(self.window, "Save the project", str(start), FILTER)
        if name:
            self._save_to(Path(name if name.endswith(".nmc") else name + ".nmc"), then)

    def _save_to(self, path: Path, then: Callable[[], None] | None) -> None:
        if self.controller.files.saving:
            # What was asked meanwhile is written after that.
            self._after_save["save"] = lambda: self._save_to(path, then)
            return
        self.about_to_save.emit()
        controller = self.controller
        older = controller.records_of_history()
        controller.files.save(controller.project, path, older, lambda written: self._written(written, then), self._not_written)
        controller.state_changed.emit()

    def _written(self, path: Path, then: Callable[[], None] | None) -> None:
        remember_folder(path)
        remember_project(path)
        self._dirty = self.controller.project.changed
        recovery.forget()
        self.bars.drop("unsaved")
        self.bars.drop("document")
        self.controller.file_message.emit(f"Saved {path.name}", str(path))
        self.saved.emit()
        self.controller.state_changed.emit()
        waiting, self._after_save = self._after_save, {}
        for act in (waiting.get("save"), waiting.get("go on") or then):
            if act is not None:
                act()

    def _not_written(self, error: NmcError) -> None:
        self._after_save.clear()
        self.bars.drop("unsaved")
        self.controller.state_changed.emit()
        self._show_error(error)

    def _show_error(self, error: NmcError) -> None:
        self.bars.show_bar("document", Bar(self.controller.theme, "error", error.message, hint=error.hint))

    # Unsaved changes

    def close(self) -> None:
        """Ask about unsaved changes and running work; `may_close` follows when nothing stands in the way."""
        self._after_unsaved(self.may_close.emit)

    def _after_unsaved(self, act: Callable[[], None], *, cancel: bool = False) -> None:
        """Carry out `act` when nothing is lost by it; `cancel` where the user has agreed to end what runs."""
        saving = self.controller.files.saving
        if saving is not None:
            self._after_save["go on"] = lambda: self._after_unsaved(act, cancel=cancel)
            stay = ("Stay", lambda: self._after_save.pop("go on", None))
            text = f"{saving.name} is being saved; this goes on when it is written"
            bar = Bar(self.controller.theme, "note", text, choices=[stay], closable=False)
            self.bars.show_bar("unsaved", bar)
            return
        running = self.controller.jobs.busy and not cancel
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
            choices = [("Save", lambda: self.save(lambda: self._after_unsaved(act, cancel=True))), ("Do not save", act), *choices]
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
        if not (self._dirty and project.changed and project.keys) or self.controller.files.saving:
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
