"""States of nodes as shape, colour and word."""

from __future__ import annotations

import re

from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from nmcstudio.gui.controller import Controller
from nmcstudio.gui.icons import scaled_pixmap
from nmcstudio.gui.jobs import QUEUED, RUNNING
from nmcstudio.gui.widgets.number_box import as_sentence
from nmcstudio.pipeline.registry import step as step_of

WORDS = {
    "ready": "ready", "stale": "stale", "empty": "empty", "running": "running", "queued": "waiting", "failed": "failed",
    "files": "", "unused": "not run",
}  # fmt: skip
SHAPES = {"queued": "empty", "unused": "empty"}


def state_of(controller: Controller, node: str | None, steps: tuple[str, ...]) -> str:
    """State of a node with what runs and what failed: "ready", "stale", "empty", "running", "queued" or "failed".

    Steps that write no node are "files" while they do not run.
    """
    for job in controller.jobs.jobs:
        if job.is_open and job.step in steps and (node is None or job.writes == node):
            return {RUNNING: "running", QUEUED: "queued"}[job.state]
    for key in steps:
        if key in controller.errors and (node is None or controller.errors[key].writes == node):
            return "failed"
    return "files" if node is None else controller.project.state(node)


def colour_of(controller: Controller, state: str) -> str:
    theme = controller.theme
    return {"ready": theme.ready, "stale": theme.stale, "running": theme.running, "failed": theme.failed}.get(state, theme.muted)


def why_stale(controller: Controller, node: str) -> str:
    """Why a node is stale, a sentence without its stop; empty if it is not."""
    because = controller.project.stale_because(node)
    # The project knows steps by their keys and titles without their number.
    because = re.sub(r"\bparameters of ([a-z-]+)", lambda found: f"parameters of “{step_of(found[1]).title}”", because)
    for one, many in (("is", "are"), ("was", "were")):
        because = re.sub(rf"^(the [a-z ]*?[^s ]s)( it was made from)? {one}\b", rf"\1\2 {many}", because)
    because = re.sub(r"\bthe (ct|ebsd)\b", lambda found: f"the {found[1].upper()}", because)
    return as_sentence(because)


class StateMark(QWidget):
    """Shape and word of a state."""

    def __init__(self, size: int = 14, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._size = size
        self._shown: tuple[object, ...] = ()
        self._shape = QLabel()
        self._shape.setFixedSize(size, size)
        self._word = QLabel()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._shape)
        layout.addWidget(self._word)

    def show_state(self, controller: Controller, state: str) -> None:
        colour = colour_of(controller, state)
        if (state, colour) == self._shown:
            return
        self._shown = (state, colour)
        name = f"state-{SHAPES.get(state, state)}"
        self._shape.setPixmap(scaled_pixmap(name, colour, self._size, self.devicePixelRatioF()))
        self._word.setText(WORDS[state])
        self._word.setStyleSheet(f"color: {colour}")
        self.setAccessibleName(WORDS[state])
