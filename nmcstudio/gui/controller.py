"""Between the project and the widgets: what is open, chosen and running, and the signals that say so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from nmcstudio.core.errors import NmcError
from nmcstudio.gui import theme as themes
from nmcstudio.gui.background import Background, is_alive
from nmcstudio.gui.commands import size_of
from nmcstudio.gui.jobs import APART, DONE, FAILED, Job, Jobs
from nmcstudio.gui.project_files import ProjectFiles
from nmcstudio.pipeline import runner
from nmcstudio.pipeline.registry import step as step_of
from nmcstudio.pipeline.step import Preflight
from nmcstudio.project.history import Command, Committed, History, SetParams
from nmcstudio.project.project import Project


class Controller(QObject):
    """The window's middle: every panel and view talks to the project through this object, in the GUI thread.

    Attributes
    ----------
    project, history
        The open project and its undo history; both are replaced by `new` and `open`.
    jobs
        Computations (`nmcstudio.gui.jobs.Jobs`).
    files
        Opens and saves projects in a worker (`nmcstudio.gui.project_files.ProjectFiles`).
    loader, previews, trials
        Threads for reading values, for previews of what is visible, and for trying a step on the whole of a volume before it
        is run (`nmcstudio.gui.background.Background`).
    theme
        Colours in use (`nmcstudio.gui.theme.Theme`).
    step, node
        Keys of the chosen step and of the node on view; empty if there is none.
    errors
        Step key to the job that failed last, until it runs again.
    follow
        Panel and views go along with the jobs of a queue, until the user chooses something else.
    apart
        Jobs whose results wait for the user's decision because their inputs have changed meanwhile.

    ``message`` is a line for the user; ``file_message`` a line that names a file, with its full path.
    """

    project_replaced = Signal()
    node_changed = Signal(str)
    params_changed = Signal(str)
    scenarios_changed = Signal()
    state_changed = Signal()
    current_step_changed = Signal(str)
    current_node_changed = Signal(str)
    partial = Signal(str, object)
    preview = Signal(str, object)
    message = Signal(str)
    file_message = Signal(str, str)
    theme_changed = Signal()
    set_apart = Signal(object)
    committed = Signal(str, object)

    def __init__(self, project: Project | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.theme_choice = "system"
        self.theme = themes.theme_for("system")
        self.step = ""
        self.node = ""
        self.errors: dict[str, Job] = {}
        self.apart: list[Job] = []
        self.follow = False
        self.loader = Background(self)
        self.previews = Background(self)
        self.trials = Background(self)
        self.files = ProjectFiles(self.loader, self)
        self.jobs = Jobs(project or Project(), self)
        self.jobs.progressed.connect(self._progressed)
        self.jobs.changed.connect(self._job_changed)
        self.jobs.finished.connect(self._finished)
        self.project = self.jobs.project
        self._adopt(self.jobs.project)

    # The open project

    def new(self) -> None:
        """Start with an empty project."""
        self._replace(Project())

    def adopt(self, project: Project) -> None:
        """Show a project that was read from a file or recovered."""
        self._replace(project)

    def _replace(self, project: Project) -> None:
        self.jobs.cancel_all()
        self.errors.clear()
        self.apart.clear()
        self._adopt(project)
        self.project_replaced.emit()
        self.state_changed.emit()

    def _adopt(self, project: Project) -> None:
        self.project = project
        self.jobs.project = project
        self.history = History(project)
        self.history.listeners.append(self.state_changed.emit)
        self.node = self.node if self.node in project.keys else ""
        self._listening_to = project
        project.listen(lambda what: self._told(project, what))

    def _told(self, project: Project, what: str) -> None:
        # A project that was replaced may still be held by somebody; it has nothing to say here any more.
        if project is not self.project:
            return
        kind, _, key = what.partition(":")
        if kind == "node":
            self.node_changed.emit(key)
        elif kind == "params":
            self.params_changed.emit(key)
        elif kind == "scenarios":
            self.scenarios_changed.emit()
        self.state_changed.emit()

    def records_of_history(self) -> list[Any]:
        """Records that undo and redo may bring back and whose values still stand in the project's file."""
        found = []
        for command in self.history.commands:
            for record in (getattr(command, "before", None), getattr(command, "after", None)):
                if getattr(getattr(record, "load", None), "in_file", False):
                    found.append(record)
        return found

    # What is chosen

    def show_step(self, key: str) -> None:
        """Choose a step: its panel opens."""
        running = self.jobs.current
        self.follow = self.follow and running is not None and running.step == key
        if key != self.step:
            self.step = key
            self.current_step_changed.emit(key)

    def show_node(self, key: str) -> None:
        """Choose the node that the views show."""
        if key != self.node:
            self.node = key
            self.current_node_changed.emit(key)

    def set_theme(self, choice: str) -> None:
        """Choose "system", "light" or "dark"."""
        self.theme_choice = choice
        self.theme = themes.theme_for(choice)
        themes.apply(self.theme)
        self.theme_changed.emit()

    # Parameters and history

    def params(self, key: str) -> dict[str, Any]:
        """Parameters of a step as they stand, with the defaults of those that were never touched; JSON.

        Parameters without a default that nobody set are absent.
        """
        fields = step_of(key).params.model_fields
        defaults = {name: _plain(field.get_default(call_default_factory=True)) for name, field in fields.items()
                    if not field.is_required()}  # fmt: skip
        return defaults | self.project.params(key)

    def edit_params(self, key: str, values: Mapping[str, Any], drag: str = "") -> None:
        """Change parameters of a step, undoably. Edits with the same non-empty `drag` merge into one."""
        before = self.project.params(key)
        after = before | {name: _plain(value) for name, value in values.items()}
        if after != before:
            self.history.do(SetParams(key, before, after, drag))

    def preflight(self, key: str) -> Preflight:
        """What is known before a run with the parameters as they stand."""
        return runner.preflight(self.project, key, self.project.params(key))

    def do(self, command: Command) -> None:
        """Carry out a command undoably."""
        self.history.do(command)

    def undo(self) -> None:
        """Undo what was done last."""
        title = self.history.undo()
        self.message.emit(f"Undone: {title}" if title else "Nothing to undo")

    def redo(self) -> None:
        """Do again what was undone last."""
        title = self.history.redo()
        self.message.emit(f"Done again: {title}" if title else "Nothing to redo")

    # Runs

    def run_step(self, key: str, values: Mapping[str, Any] | None = None, *, title: str | None = None) -> Job:
        """Queue a run of a step with the parameters that stand, and `values` over them.

        The result is committed when it is there; errors stand in `errors` and in the step's panel.
        """
        standing = self.project.params(key)
        merged = standing | {name: _plain(value) for name, value in (values or {}).items()}
        self.errors.pop(key, None)
        job = Job(key, self._placed(key, merged), title or step_of(key).title)
        job.params_at_start = standing
        job.asked_from = (self.step, self.node)
        return self.jobs.submit(job)

    def _placed(self, key: str, values: dict[str, Any]) -> dict[str, Any]:
        """A name without a folder means beside the project: where a window was started from says nothing."""
        to = (self.params(key) | values).get("to")
        if not isinstance(to, str) or not to or PurePath(to).is_absolute():
            return values
        beside = self.project.path.parent if self.project.path is not None else Path.home()
        return values | {"to": str(beside.absolute() / to)}

    @Slot(object)
    def _job_changed(self, job: Job) -> None:
        if self.follow and job is self.jobs.current:
            self.show_step(job.step)
        self.state_changed.emit()

    @Slot(object)
    def _progressed(self, job: Job) -> None:
        if job.progress is not None and job.progress.partial is not None:
            self.partial.emit(job.step, job.progress.partial)

    @Slot(object)
    def _finished(self, job: Job) -> None:
        if not any(other.is_open for other in self.jobs.jobs):
            self.follow = False
        if job.state == DONE:
            self._commit(job)
        elif job.state == APART:
            self.apart.append(job)
            self.set_apart.emit(job)
            self.message.emit(f"{job.title}: finished, but its input has changed meanwhile")
        elif job.state == FAILED:
            self.errors[job.step] = job
            self.message.emit(f"{job.title}: {job.error}")
        else:
            self.message.emit(f"{job.title}: cancelled, nothing was changed")
        self.state_changed.emit()

    def keep_apart(self, job: Job) -> None:
        """Take a result whose inputs have changed; its node is then stale."""
        self.apart.remove(job)
        job.state = DONE
        self._commit(job)
        self.state_changed.emit()

    def drop_apart(self, job: Job) -> None:
        """Throw away a result whose inputs have changed."""
        self.apart.remove(job)
        job.outcome = None
        self.state_changed.emit()

    def _commit(self, job: Job) -> None:
        outcome = job.outcome
        if outcome is None:
            return
        if outcome.node is not None and outcome.record is not None:
            standing = self.project.params(outcome.record.step)
            before = runner.commit(self.project, outcome)
            used = self.project.params(outcome.record.step)
            if job.step == outcome.record.step and standing != job.params_at_start:
                # Edited while it ran: the edit stays in the form, and the result is stale.
                self.project.set_params(outcome.record.step, used | standing)
            self.history.remember(
                Committed(
                    step=outcome.record.step,
                    title=job.title,
                    node=outcome.node,
                    before=before,
                    after=outcome.record,
                    params_before=standing,
                    params_after=self.project.params(outcome.record.step),
                    nbytes=size_of(before),
                )
            )
        self.message.emit(f"{job.title}: {outcome.figures.get('headline', 'done')} ({job.seconds:.1f} s)")
        # The list of jobs remembers what was made, not the value itself: that belongs to project and history now.
        job.outcome = replace(outcome, record=None)
        self.committed.emit(job.step, outcome)
        # Who has gone elsewhere since pressing Run is not called back.
        stayed = (self.step, self.node) == job.asked_from or self.step == job.step or not self.node
        if outcome.node is not None and stayed:
            self.show_node(outcome.node)

    # Values

    def load_value_async(
        self, node_key: str, callback: Callable[[Any], None], failed: Callable[[Exception], None] | None = None
    ) -> None:
        """Read a node's value in a worker and call `callback(value)` in the GUI thread.

        Nothing is called if the node has changed or another project was opened meanwhile. Errors go to `failed`, or
        to the message line.
        """
        if node_key not in self.project.keys:
            return
        project, record = self.project, self.project.record(node_key)

        def answer(value: Any) -> None:
            if (
                is_alive(callback)
                and self.project is project
                and node_key in project.keys
                and project.record(node_key).digest == record.digest
            ):
                callback(value)

        self.loader.ask("", lambda monitor: record.load(), answer, failed or self._cannot_load)

    def _cannot_load(self, error: Exception) -> None:
        if not isinstance(error, NmcError):
            raise error
        self.message.emit(str(error))

    def close(self) -> None:
        """Stop all work and join all threads; call this before the widgets go."""
        self.jobs.close()
        self.loader.close()
        self.previews.close()
        self.trials.close()


def _plain(value: Any) -> Any:
    """A parameter as the project keeps it: JSON, so that what a form says and what a file says compare equal."""
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return value.item() if hasattr(value, "item") else value
