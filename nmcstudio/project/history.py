"""Undo and redo without Qt: commands without limit in count; beyond a limit in bytes the oldest values lie in files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from nmcstudio.project.project import Project
from nmcstudio.project.record import Held, Record
from nmcstudio.project.recovery import recovery_folder
from nmcstudio.project.shelf import Shelf


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

    def spill(self, folder: Path) -> None:
        """Put what the command keeps into files below a folder; it still can be undone and done again."""
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

    def spill(self, folder: Path) -> None:
        """Parameters stay where they are."""


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

    def spill(self, folder: Path) -> None:
        """The value before lies in a `Shelf` (`History.remember` puts it there) if it is in memory at all."""
        if self.before is not None and isinstance(self.before.load, Shelf):
            self.before.load.spill(folder)


class History:
    """The stack. When all commands together hold more than `limit_bytes`, the oldest go into files of the recovery folder."""

    def __init__(self, project: Project, limit_bytes: int = 2_000_000_000, folder: Path | None = None) -> None:
        self._project = project
        self._limit = limit_bytes
        self._folder = folder
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
        self._bound()
        self._tell()

    def _bound(self) -> None:
        held = sum(each.nbytes for each in self._done)
        for index in range(len(self._done) - 1):
            if held <= self._limit:
                return
            command = self._done[index]
            held -= command.nbytes
            if isinstance(command, Committed):
                if command.before is not None and isinstance(command.before.load, Held):
                    self.swap(command.before, command.before.with_load(Shelf(command.before.load())))
                self._done[index] = replace(self._done[index], nbytes=0)  # type: ignore[type-var]
            self._done[index].spill(self._folder or recovery_folder())

    def swap(self, old: Record, new: Record) -> None:
        """Put a record with the same value in the place of another, wherever a result came or went."""
        for stack in (self._done, self._undone):
            for index, command in enumerate(stack):
                if isinstance(command, Committed) and (command.before is old or command.after is old):
                    before = new if command.before is old else command.before
                    after = new if command.after is old else command.after
                    stack[index] = replace(command, before=before, after=after)

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
