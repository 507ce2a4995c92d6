"""Undo and redo without Qt: commands on a stack that is bounded in bytes, not in count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from nmcstudio.project.project import Project
from nmcstudio.project.record import Record


class Command(Protocol):
    """Something that was done and can be undone."""

    @property
    def title(self) -> str: ...

    @property
    def nbytes(self) -> int: ...

    def redo(self, project: Project) -> None: ...

    def undo(self, project: Project) -> None: ...

    def merged(self, later: Command) -> Command | None:
        """This and the `later` command as one, or None if they stay two (a drag becomes one command)."""
        ...


@dataclass(frozen=True)
class SetParams:
    """Parameters of a step were edited. `drag` names the gesture: edits of one gesture merge."""

    step: str
    before: dict[str, Any]
    after: dict[str, Any]
    drag: str = ""

    @property
    def title(self) -> str:
        changed = [name for name in self.after if self.after[name] != self.before.get(name)]
        return f"{', '.join(changed).replace('_', ' ') or 'parameters'} of {self.step}"

    @property
    def nbytes(self) -> int:
        return 1000

    def redo(self, project: Project) -> None:
        project.set_params(self.step, self.after)

    def undo(self, project: Project) -> None:
        project.set_params(self.step, self.before)

    def merged(self, later: Command) -> Command | None:
        if isinstance(later, SetParams) and later.step == self.step and self.drag and later.drag == self.drag:
            return SetParams(self.step, self.before, later.after, self.drag)
        return None


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


class History:
    """The stack. The oldest commands are forgotten when all together hold more than `limit_bytes`."""

    def __init__(self, project: Project, limit_bytes: int = 2_000_000_000) -> None:
        self._project = project
        self._limit = limit_bytes
        self._done: list[Command] = []
        self._undone: list[Command] = []
        self.listeners: list[Callable[[], None]] = []

    def do(self, command: Command) -> None:
        """Carry out a command and remember it."""
        command.redo(self._project)
        self.remember(command)

    def remember(self, command: Command) -> None:
        """Remember a command that was carried out already."""
        self._undone.clear()
        merged = self._done[-1].merged(command) if self._done else None
        if merged is not None:
            self._done[-1] = merged
        else:
            self._done.append(command)
        while len(self._done) > 1 and sum(each.nbytes for each in self._done) > self._limit:
            self._done.pop(0)
        self._tell()

    def undo(self) -> str:
        """Undo the last command and return its title; empty if there is none."""
        if not self._done:
            return ""
        command = self._done.pop()
        command.undo(self._project)
        self._undone.append(command)
        self._tell()
        return command.title

    def redo(self) -> str:
        """Carry out the last undone command again and return its title; empty if there is none."""
        if not self._undone:
            return ""
        command = self._undone.pop()
        command.redo(self._project)
        self._done.append(command)
        self._tell()
        return command.title

    @property
    def undo_title(self) -> str:
        return self._done[-1].title if self._done else ""

    @property
    def redo_title(self) -> str:
        return self._undone[-1].title if self._undone else ""

    @property
    def commands(self) -> tuple[Command, ...]:
        """All that can be undone and done again."""
        return (*self._done, *self._undone)

    def _tell(self) -> None:
        for listener in self.listeners:
            listener()
