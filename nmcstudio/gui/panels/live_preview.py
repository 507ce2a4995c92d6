"""A step tried out while its parameters are edited: what is visible at once, the whole of its input beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psutil
from PySide6.QtCore import QObject, QTimer, Signal, Slot

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor, Progress
from nmcstudio.gui.controller import Controller
from nmcstudio.gui.panels.plane_store import PlaneWishes
from nmcstudio.gui.views.contents import Layer


class LivePreview(QObject):
    """Follows input, parameters and the chosen view; says what the slices show and what stands in words.

    A derived class holds the stages of one step: `_begin` forgets them, `_follow` and `_mode_chosen` ask for what is missing,
    at once or by `_rest` when the hand has come to rest; `_ask` then hands what takes long to `_work_beside`, whose answer
    comes to `_take`. Planes are wished for at `planes`. What follows from all that in milliseconds stands in `_work_out`.

    ``changed`` says that layers, words or figures are other than before; ``working`` carries the `Progress` of the work on the
    whole input, None when there is none.

    Attributes
    ----------
    key
        The step.
    modes
        What the slices can show; the first is nothing of the preview.
    mode
        One of them.
    trouble
        What went wrong, in words.
    """

    key = ""
    modes: tuple[str, ...] = ("off",)
    # A hand that turns a knob is waited for before the whole input is worked on.
    rest_ms = 300

    changed = Signal()
    working = Signal(object)

    def __init__(self, controller: Controller, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self._ask)
        self.planes = PlaneWishes(controller.previews, f"{self.key}-plane", self)
        self.planes.arrived.connect(self.changed)
        self.planes.failed.connect(self._failed)
        self.mode = self.modes[0]
        self._asked: Any = None
        self.begin(None)

    # What is asked for

    def begin(self, value: Any) -> None:
        """Take another input, or none."""
        self.stop()
        self.planes.serve(None)
        self.has_input = value is not None
        self.trouble = ""
        self._begin(value)

    def follow(self, params: Any) -> None:
        """Follow the form: what can be shown at once is, the rest is asked for."""
        if not self.has_input:
            return
        self.trouble = ""
        try:
            self._follow(params)
        except NmcError as error:
            self._failed(error)
        else:
            self._show()

    def set_mode(self, mode: str) -> None:
        """Choose what the slices show."""
        if mode not in self.modes:
            raise ValueError(f"there is no view {mode!r}")
        if mode != self.mode:
            self.mode = mode
            self._mode_chosen()
            self._show()

    def resume(self) -> None:
        """Go on with the whole input where that was stopped."""
        self._rest()

    def stop(self) -> None:
        """Cancel the work on the whole input."""
        self._soon.stop()
        self._controller.trials.drop(self._topic)
        self._asked = None
        self.working.emit(None)

    def release(self) -> None:
        """Give back the memory of stages that can be computed anew; nothing where it is little."""

    # What is there

    def layers(self) -> tuple[Layer, ...]:
        """What lies over the slices now."""
        raise NotImplementedError

    def words(self) -> str:
        """The figures in a sentence, or what went wrong."""
        raise NotImplementedError

    # What derived classes fill in

    def _begin(self, value: Any) -> None:
        raise NotImplementedError

    def _follow(self, params: Any) -> None:
        raise NotImplementedError

    def _mode_chosen(self) -> None:
        """Ask for what the view in use needs."""

    @Slot()
    def _ask(self) -> None:
        """Ask for what is missing of the whole input, if anything."""
        raise NotImplementedError

    def _take(self, answer: Any) -> None:
        """What the work on the whole input has given."""
        raise NotImplementedError

    def _take_part(self, progress: Progress) -> None:
        """What it has given so far."""

    def _work_out(self) -> None:
        """What follows from what is there."""

    # The work on the whole input

    @property
    def _topic(self) -> str:
        return f"{self.key}-whole"

    @property
    def is_working(self) -> bool:
        """True while work on the whole input goes on, or is about to begin."""
        return self._asked is not None or self._soon.isActive()

    def _rest(self) -> None:
        self._soon.start(self.rest_ms)

    def _work_beside(self, asked: Any, work: Callable[[Monitor], Any], words: str) -> None:
        """Begin with `work` in the place of what runs; `asked` says what it is for while it lasts."""
        self._asked = asked
        self._controller.trials.ask(self._topic, work, self._ended, self._broke, self._reported)
        self.working.emit(Progress(None, words, None, 0.0, None))

    def _reported(self, progress: Progress) -> None:
        self._take_part(progress)
        self.working.emit(progress)

    def _ended(self, answer: Any) -> None:
        self._asked = None
        self.working.emit(None)
        self._take(answer)

    def _broke(self, error: Exception) -> None:
        self._asked = None
        self.working.emit(None)
        self._failed(error)

    @Slot(object)
    def _failed(self, error: Exception) -> None:
        if not isinstance(error, NmcError):
            raise error
        self.trouble = str(error)
        self.changed.emit()

    def _show(self) -> None:
        """Work out what follows, and say so."""
        try:
            self._work_out()
        except NmcError as error:
            self.trouble = str(error)
        self.changed.emit()

    def _lacks_memory(self, needed_bytes: float, who: str, instead: str) -> bool:
        """True where the work would not fit into what is free. That is then the trouble, in words: ``who`` needs so much,
        and what there is ``instead``."""
        free = psutil.virtual_memory().available
        if needed_bytes < 0.9 * free:
            return False
        self.trouble = (
            f"{who} about {needed_bytes / 2**30:.1f} GB and {free / 2**30:.1f} GB are free: {instead}. Close other programs, or "
            "cut it when it is imported."
        )
        self.changed.emit()
        return True
