"""What a run does to a project, as one entry of the undo history."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from nmcstudio.project.history import Command
from nmcstudio.project.project import Project
from nmcstudio.project.record import Held, Record


@dataclass(frozen=True)
class Committed:
    """A result took its place: the node's value and the step's parameters change together."""

    step: str
    title: str
    node: str
    before: Record | None
    after: Record | None
    params_before: dict[str, Any]
    params_after: dict[str, Any]
    nbytes: int

    def redo(self, project: Project) -> None:
        project.set_params(self.step, self.params_after)
        project.put(self.node, self.after)

    def undo(self, project: Project) -> None:
        project.set_params(self.step, self.params_before)
        project.put(self.node, self.before)

    def merged(self, later: Command) -> Command | None:
        return None


def size_of(record: Record | None) -> int:
    """Bytes that a record's value holds in memory; 0 for one that is still in its file."""
    return _array_bytes(record.load()) if record is not None and isinstance(record.load, Held) else 0


def _array_bytes(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return int(value.nbytes)
    if isinstance(value, (tuple, list)):
        return sum(_array_bytes(each) for each in value)
    if isinstance(value, dict):
        return sum(_array_bytes(each) for each in value.values())
    if is_dataclass(value):
        return sum(_array_bytes(getattr(value, each.name)) for each in fields(value))
    return 0
