"""Progress on stderr: one line that is written over, or plain lines where stderr is a file."""

from __future__ import annotations

import sys
from typing import TextIO

from nmcstudio.core.monitor import Progress

_SIGN_OF_LIFE_S = 10.0


def duration(seconds: float) -> str:
    """ "45 s", "3 min 20 s", "1 h 05 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class ConsoleProgress:
    """Listener of a `Monitor` for people at a terminal."""

    def __init__(self, title: str, stream: TextIO | None = None) -> None:
        self._title = title
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._last_tenth = -2
        self._last_s = 0.0
        self._width = 0

    def __call__(self, progress: Progress) -> None:
        share = "" if progress.fraction is None else f" {100 * progress.fraction:3.0f} %"
        left = "" if progress.left_s is None else f", about {duration(progress.left_s)} left"
        text = f"{self._title}:{share} {progress.message}{left}"
        if self._terminal:
            self._stream.write("\r" + text[:160].ljust(self._width))
            self._width = min(len(text), 160)
        else:
            # A log wants a line for each tenth of the work, and a sign of life in between.
            tenth = -1 if progress.fraction is None else int(10 * progress.fraction)
            if tenth <= self._last_tenth and progress.elapsed_s - self._last_s < _SIGN_OF_LIFE_S:
                return
            self._last_tenth, self._last_s = tenth, progress.elapsed_s
            self._stream.write(text + "\n")
        self._stream.flush()

    def end(self) -> None:
        """Leave the line."""
        if self._terminal and self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
