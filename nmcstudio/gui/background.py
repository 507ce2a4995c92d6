"""Small work beside the window: values read from the file, previews. Late answers are dropped."""

from __future__ import annotations

import queue
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import shiboken6
from PySide6.QtCore import QObject, QThread, Signal, Slot

from nmcstudio.core.errors import Cancelled
from nmcstudio.core.monitor import Monitor, Progress

Work = Callable[[Monitor], Any]
Answer = Callable[[Any], None]


@dataclass
class _Request:
    number: int
    topic: str
    work: Work
    answer: Answer
    failed: Answer | None
    reported: Answer | None = None
    monitor: Monitor = field(default_factory=Monitor)


class _Lane(QThread):
    """Takes requests from a queue, one after the other, until it reads None."""

    done = Signal(int, object, object)
    reported = Signal(int, object)

    def __init__(self, requests: queue.Queue[_Request | None]) -> None:
        super().__init__()
        self._requests = requests

    def tell(self, number: int, progress: Progress) -> None:
        """Called by the work, in the thread."""
        self.reported.emit(number, progress)

    def run(self) -> None:
        while (request := self._requests.get()) is not None:
            if request.monitor.cancel_requested:
                self.done.emit(request.number, None, Cancelled())
                continue
            try:
                self.done.emit(request.number, request.work(request.monitor), None)
            except Exception as error:  # handed to the asker, who shows it
                self.done.emit(request.number, None, error)
            request = None


def _end(requests: queue.Queue[_Request | None], lane: _Lane, pending: dict[int, _Request]) -> None:
    for request in pending.values():
        request.monitor.cancel()
    pending.clear()
    if shiboken6.isValid(lane) and lane.isRunning():
        requests.put(None)
        lane.wait()


def is_alive(answer: Answer) -> bool:
    """False for a method of a widget that Qt has destroyed meanwhile."""
    owner = getattr(answer, "__self__", None)
    return not isinstance(owner, QObject) or shiboken6.isValid(owner)


class Background(QObject):
    """One thread beside the window. Everything but the work itself happens in the GUI thread.

    Work gets a `Monitor` and must touch no widget, no VTK scene and no project: pass it values.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._queue: queue.Queue[_Request | None] = queue.Queue()
        self._open: dict[int, _Request] = {}
        self._number = 0
        self._lane = _Lane(self._queue)
        self._lane.done.connect(self._done)
        self._lane.reported.connect(self._reported)
        self._lane.start()
        # A thread that outlives its object, or the program, would end the program by force.
        weakref.finalize(self, _end, self._queue, self._lane, self._open)

    def ask(self, topic: str, work: Work, answer: Answer, failed: Answer | None = None, reported: Answer | None = None) -> None:
        """Run ``work(monitor)`` in the thread and call ``answer(result)`` in the GUI thread.

        Parameters
        ----------
        topic
            A later request of the same topic replaces this one: it is cancelled and its answer dropped. Empty: none does.
        failed
            Called with the exception; without it the exception goes to `sys.excepthook` as a bug.
        reported
            Called with each `Progress` of the work.
        """
        if topic:
            self.drop(topic)
        self._number += 1
        request = _Request(self._number, topic, work, answer, failed, reported)
        if reported is not None:
            request.monitor = Monitor(partial(self._lane.tell, self._number))
        self._open[request.number] = request
        self._queue.put(request)

    def drop(self, topic: str) -> None:
        """Forget the requests of a topic."""
        for number in [n for n, request in self._open.items() if request.topic == topic]:
            self._open.pop(number).monitor.cancel()

    @property
    def busy(self) -> bool:
        return bool(self._open)

    @Slot(int, object, object)
    def _done(self, number: int, result: Any, error: Exception | None) -> None:
        request = self._open.pop(number, None)
        if request is None or isinstance(error, Cancelled):
            return
        target = request.answer if error is None else request.failed
        if target is None:
            raise error if error is not None else RuntimeError("no answer")
        if is_alive(target):
            target(result if error is None else error)

    @Slot(int, object)
    def _reported(self, number: int, progress: Progress) -> None:
        request = self._open.get(number)
        if request is not None and request.reported is not None and is_alive(request.reported):
            request.reported(progress)

    def close(self) -> None:
        """Cancel what is open and join the thread."""
        _end(self._queue, self._lane, self._open)
