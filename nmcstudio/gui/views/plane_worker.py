"""Works out planes of lazy layers beside the window."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.background import Background
from nmcstudio.gui.views.lazy_planes import LazyPlanes


class PlaneWorker(QObject):
    """Brings planes to their sources; ``made`` says that pictures are to be drawn anew."""

    made = Signal()

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = background
        self._asked: dict[str, int] = {}

    def ask(self, source: LazyPlanes, axis: int, index: int) -> None:
        """Have a plane worked out; of one source only the last one asked for along an axis counts."""
        topic = f"{id(source)} {axis}"

        def work(monitor: Monitor) -> Any:
            return source.work_out(axis, index)

        def answer(plane: Any) -> None:
            self._asked.pop(topic, None)
            source.put(axis, index, plane)
            self.made.emit()

        if self._asked.get(topic) != index:
            self._asked[topic] = index
            self._background.ask(topic, work, answer)
