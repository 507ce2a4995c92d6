"""Planes that the slices ask for while they are painted: made in a worker, kept, looked at in the GUI thread."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.background import Background

# Wheeling back and forth costs nothing.
_KEPT = 96


class PlaneStore:
    """What was made last of one volume or map.

    `wanted(axis, index)` is called for a plane that is not there. What counts as an axis is up to the derived class, which
    says in `work` how its planes are made.
    """

    def __init__(self, wanted: Callable[[int, int], None]) -> None:
        self._wanted = wanted
        self._held: OrderedDict[tuple[int, int], Any] = OrderedDict()

    def held(self, axis: int, index: int) -> Any:
        """What is kept of a plane, or None."""
        return self._held.get((axis, index))

    def put(self, axis: int, index: int, made: Any) -> None:
        """Keep what was made; what was made longest ago goes where there is no room."""
        self._held[axis, index] = made
        self._held.move_to_end((axis, index))
        while len(self._held) > _KEPT:
            self._held.popitem(last=False)

    def work(self, axis: int, index: int) -> Callable[[Monitor], Any] | None:
        """What makes a plane, with all that it needs as it stands now: it runs in a worker. None: it is not needed any more."""
        raise NotImplementedError


class PlaneWishes(QObject):
    """Has a worker make the planes that a store lacks, one after the other; of each axis only the one looked at last.

    ``arrived`` says that the store holds another plane, ``failed`` carries the exception that ended one.
    """

    arrived = Signal()
    failed = Signal(object)

    def __init__(self, background: Background, topic: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background, self._topic = background, topic
        self._wished: dict[int, int] = {}
        self._store: PlaneStore | None = None
        self.busy = False

    def serve(self, store: PlaneStore | None) -> None:
        """Work for another store, or for none."""
        self._background.drop(self._topic)
        self._wished.clear()
        self._store, self.busy = store, False

    def add(self, axis: int, index: int) -> None:
        """Wish for a plane. The answer never comes within the call: a picture that is being painted may ask."""
        self._wished.pop(axis, None)
        self._wished[axis] = index
        if not self.busy:
            self._fetch()

    def _fetch(self) -> None:
        self.busy = False
        while self._wished and self._store is not None and not self.busy:
            axis, index = self._wished.popitem()
            work = self._store.work(axis, index)
            if work is not None:
                self.busy = True
                self._ask(axis, index, work)

    def _ask(self, axis: int, index: int, work: Callable[[Monitor], Any]) -> None:
        self._background.ask(self._topic, lambda monitor: (axis, index, work(monitor)), self._made, self._broke)

    def _made(self, answer: tuple[int, int, Any]) -> None:
        if self._store is not None:
            self._store.put(*answer)
        self._fetch()
        self.arrived.emit()

    def _broke(self, error: Exception) -> None:
        self._wished.clear()
        self.busy = False
        self.failed.emit(error)
