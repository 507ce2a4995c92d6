"""How running work talks to whoever waits for it: progress, partial results, warnings, cancel and finish now."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass
from typing import Any, TypeVar

from nmcstudio.core.errors import Cancelled

T = TypeVar("T")
_FIGURES = str.maketrans("", "", "0123456789.+-")


@dataclass(frozen=True)
class Progress:
    """One report of running work.

    Attributes
    ----------
    fraction
        Share of the work that is done, 0 to 1; None where it cannot be known.
    message
        What is being done, in words.
    partial
        A value that a view can draw live (its meaning is the step's own), or None.
    elapsed_s, left_s
        Seconds since the start; estimated seconds to the end, or None.
    """

    fraction: float | None
    message: str
    partial: Any
    elapsed_s: float
    left_s: float | None


class Monitor:
    """Handed to every computation. Code that reports is code that can be cancelled.

    `report` raises `Cancelled` once `cancel` was called (from any thread), and calls the listener at most every
    `interval_s` seconds, besides at the end and at words that are new; words that differ in their figures alone are not: a fit
    that counts its steps would bury the listener. A partial result that came too soon goes with the next call. Work that can
    end early with its best result so far looks at `finish_requested`.

    Parameters
    ----------
    listener
        Called with a `Progress`, in the thread of the work; None for silent work.
    interval_s
        Shortest time between two calls of the listener, in seconds.
    """

    def __init__(self, listener: Callable[[Progress], None] | None = None, interval_s: float = 0.1) -> None:
        self._listener = listener
        self._interval_s = interval_s
        self._cancel = threading.Event()
        self._finish = threading.Event()
        self._started = time.monotonic()
        self._last = -1.0
        self._message = ""
        self._seen: set[str] = set()
        self._fraction: float | None = None
        self._partial: Any = None
        self.warnings: list[str] = []

    def cancel(self) -> None:
        """Ask the work to stop and change nothing."""
        self._cancel.set()

    def finish(self) -> None:
        """Ask the work to end soon and keep its best result so far."""
        self._finish.set()

    @property
    def cancel_requested(self) -> bool:
        return self._cancel.is_set()

    @property
    def finish_requested(self) -> bool:
        """True once somebody asked to finish now; iterative work then returns its best result."""
        return self._finish.is_set()

    def check(self) -> None:
        """Raise `Cancelled` if asked to, without reporting anything."""
        if self._cancel.is_set():
            raise Cancelled

    def report(self, fraction: float | None, message: str = "", partial: Any = None) -> None:
        """Say how far the work is; raises `Cancelled` if somebody asked it to stop.

        An empty message keeps the last one, and a partial result alone the last fraction.
        """
        self.check()
        now = time.monotonic()
        changed = bool(message) and message != self._message
        if message:
            self._message = message
        if self._listener is None:
            return
        if partial is not None:
            self._partial = partial
        if fraction is None and not message and partial is not None:
            fraction = self._fraction
        self._fraction = fraction
        ended = fraction is not None and fraction >= 1.0
        if not ((changed and self._are_new(message)) or ended) and now - self._last < self._interval_s:
            return
        self._last = now
        partial, self._partial = self._partial, None
        elapsed = now - self._started
        left = None
        if fraction is not None and fraction > 0.01 and elapsed > 0.5:
            left = elapsed * (1.0 - min(fraction, 1.0)) / fraction
        self._listener(Progress(fraction, self._message, partial, elapsed, left))

    def _are_new(self, words: str) -> bool:
        kind = words.translate(_FIGURES)
        known = kind in self._seen
        self._seen.add(kind)
        return not known

    def warn(self, message: str) -> None:
        """Keep a warning: it is shown until read and stored with the result. The same words are kept once."""
        if message not in self.warnings:
            self.warnings.append(message)

    def track(self, items: Iterable[T], message: str = "", total: int | None = None) -> Iterator[T]:
        """Iterate over `items` and report before each."""
        if total is None and isinstance(items, Sized):
            total = len(items)
        for index, item in enumerate(items):
            self.report(index / total if total else None, message)
            yield item

    def sub(self, start: float, stop: float) -> Monitor:
        """A monitor for one part of the work, whose 0 to 1 is `start` to `stop` of this one."""
        return _Part(self, start, stop)


class _Part(Monitor):
    def __init__(self, parent: Monitor, start: float, stop: float) -> None:
        self._parent = parent
        self._start = start
        self._stop = stop

    def cancel(self) -> None:
        self._parent.cancel()

    def finish(self) -> None:
        self._parent.finish()

    @property
    def warnings(self) -> list[str]:  # type: ignore[override]
        return self._parent.warnings

    @property
    def cancel_requested(self) -> bool:
        return self._parent.cancel_requested

    @property
    def finish_requested(self) -> bool:
        return self._parent.finish_requested

    def check(self) -> None:
        self._parent.check()

    def report(self, fraction: float | None, message: str = "", partial: Any = None) -> None:
        if fraction is not None:
            fraction = self._start + (self._stop - self._start) * min(max(fraction, 0.0), 1.0)
        self._parent.report(fraction, message, partial)

    def warn(self, message: str) -> None:
        self._parent.warn(message)
