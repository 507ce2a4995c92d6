"""Computations: one at a time in a thread, the others wait; results are committed in the GUI thread."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QObject, QThread, Signal, Slot

from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.monitor import Monitor, Progress
from nmcstudio.pipeline import runner
from nmcstudio.pipeline.registry import step as step_of
from nmcstudio.pipeline.runner import Outcome, Prepared
from nmcstudio.project.project import Project

# States of a job. "apart": finished, but its inputs have changed meanwhile, and the user has not decided yet.
QUEUED, RUNNING, DONE, CANCELLED, FAILED, APART = "queued", "running", "done", "cancelled", "failed", "apart"


class Job:
    """One run of a step; lives in the GUI thread.

    Attributes
    ----------
    step, title
        Key of the step; words for lists and bars.
    values
        Parameters as they stood when Run was pressed.
    state
        "queued", "running", "done", "cancelled", "failed" or "apart".
    progress
        The last report, or None.
    error, details
        What went wrong: the exception, and its traceback for the Details fold.
    outcome
        What the computation gave; once it is committed, without the value.
    asked_from
        Step and node that were on view when Run was pressed.
    params_at_start
        The step's parameters in the project at that moment.
    """

    def __init__(self, step: str, values: Mapping[str, Any], title: str) -> None:
        self.step = step
        self.values = dict(values)
        self.title = title
        self.state = QUEUED
        self.stopping = ""
        self.asked_from = ("", "")
        self.params_at_start: dict[str, Any] = {}
        self.progress: Progress | None = None
        self.outcome: Outcome | None = None
        self.error: Exception | None = None
        self.details = ""
        self.started = 0.0
        self.seconds = 0.0
        self.monitor: Monitor | None = None

    @property
    def is_open(self) -> bool:
        """True until the job has ended."""
        return self.state in (QUEUED, RUNNING)

    @property
    def can_finish(self) -> bool:
        """True if the step can end early and keep its best result."""
        return step_of(self.step).can_finish

    @property
    def writes(self) -> str | None:
        """Node that the job is going to write, if that can be told."""
        try:
            step = step_of(self.step)
            return step.writes_with(step.params(**self.values)) if callable(step.writes) else step.writes
        except ValueError:
            return None

    @property
    def reads(self) -> tuple[str, ...]:
        """Nodes that the job needs, if that can be told."""
        try:
            step = step_of(self.step)
            return step.reads_with(step.params(**self.values)) if callable(step.reads) else step.reads
        except ValueError:
            return ()


class _Thread(QThread):
    reported = Signal(object)
    ended = Signal(object, object, str)

    def __init__(self, prepared: Prepared) -> None:
        super().__init__()
        self._prepared = prepared
        self.monitor = Monitor(self.reported.emit)

    def run(self) -> None:
        try:
            outcome = runner.compute(self._prepared, self.monitor)
        except Exception as error:  # every end of a computation is told to the GUI thread, which shows it
            self.ended.emit(None, error, "".join(traceback.format_exception(error)))
        else:
            self.ended.emit(outcome, None, "")


class Jobs(QObject):
    """The queue of computations.

    Signals carry the `Job`. `finished` comes for every end; look at its state. The result is committed by whoever
    owns the project (`Controller`), in `finished`.
    """

    added = Signal(object)
    changed = Signal(object)
    progressed = Signal(object)
    finished = Signal(object)

    def __init__(self, project: Project, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.project = project
        self.jobs: list[Job] = []
        self.current: Job | None = None
        self._thread: _Thread | None = None
        self._closing = False

    @property
    def busy(self) -> bool:
        return self.current is not None

    def submit(self, job: Job) -> Job:
        """Queue a run; it starts at once if nothing else runs."""
        self.jobs.append(job)
        self.added.emit(job)
        if self.current is None:
            self._start_next()
        return job

    def cancel(self, job: Job | None = None) -> None:
        """Stop a job (the running one if none is given); the project stays as it was."""
        job = job or self.current
        if job is None:
            return
        if job.state == QUEUED:
            self._end(job, CANCELLED)
        elif job.state == RUNNING and job.monitor is not None:
            job.stopping = "Cancelling"
            job.monitor.cancel()
            self.changed.emit(job)

    def finish_now(self, job: Job | None = None) -> None:
        """Ask a job (the running one if none is given) to end soon with its best result so far."""
        job = job or self.current
        if job is not None and job.state == RUNNING and job.monitor is not None:
            job.stopping = "Finishing"
            job.monitor.finish()
            self.changed.emit(job)

    def cancel_all(self) -> None:
        """Stop everything that waits or runs."""
        for job in [job for job in self.jobs if job.state == QUEUED]:
            self.cancel(job)
        self.cancel()

    def forget_ended(self) -> None:
        """Empty the list of what has ended."""
        self.jobs = [job for job in self.jobs if job.is_open]

    def close(self) -> None:
        """Cancel everything and join the thread."""
        self._closing = True
        self.cancel_all()
        if self._thread is not None:
            self._thread.wait()
            self._thread = None
        self.current = None

    def _start_next(self) -> None:
        while self.current is None and not self._closing:
            job = next((job for job in self.jobs if job.state == QUEUED), None)
            if job is None:
                return
            self._start(job)

    def _start(self, job: Job) -> None:
        job.started = time.monotonic()
        try:
            prepared = runner.prepare(self.project, job.step, job.values)
        except NmcError as error:
            job.error, job.details = error, str(error)
            self._end(job, FAILED)
            return
        self._thread = _Thread(prepared)
        self._thread.reported.connect(self._reported)
        self._thread.ended.connect(self._ended)
        self.current = job
        job.monitor = self._thread.monitor
        job.state = RUNNING
        self.changed.emit(job)
        self._thread.start()

    @Slot(object)
    def _reported(self, progress: Progress) -> None:
        if self.current is not None and self.sender() is self._thread:
            self.current.progress = progress
            self.progressed.emit(self.current)

    @Slot(object, object, str)
    def _ended(self, outcome: Outcome | None, error: Exception | None, details: str) -> None:
        job = self.current
        if job is None or self.sender() is not self._thread or self._thread is None:
            return
        self._thread.wait()
        self._thread = None
        self.current = None
        if isinstance(error, Cancelled) or (job.monitor is not None and job.monitor.cancel_requested):
            # Somebody who cancelled wants nothing changed, also where the work was done before it noticed.
            self._end(job, CANCELLED)
        elif error is not None:
            job.error, job.details = error, details
            self._end(job, FAILED)
        else:
            job.outcome = outcome
            apart = outcome is not None and runner.is_outdated(self.project, outcome)
            self._end(job, APART if apart else DONE)
        self._start_next()

    def _end(self, job: Job, state: str) -> None:
        job.state = state
        job.seconds = time.monotonic() - job.started if job.started else 0.0
        job.monitor = None
        self.changed.emit(job)
        self.finished.emit(job)
        if state in (CANCELLED, FAILED) and job.writes is not None:
            # What waited for this result must not run on an older one.
            for other in [other for other in self.jobs if other.state == QUEUED and job.writes in other.reads]:
                self._end(other, CANCELLED)
