"""The project: seed, parameters, nodes and their states, in memory."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nmcstudio.core.errors import NmcError
from nmcstudio.core.show import table_html
from nmcstudio.project.nodes import NODES
from nmcstudio.project.record import Record


class Project:
    """One user's work. Holds values and their provenance; computes nothing.

    Attributes
    ----------
    path
        The file, or None before the first save.
    seed
        Every random stream of the project is below it.
    view
        What the window wants to find again: layout, camera, chosen step. JSON.
    scenarios
        Name to slider values (`nmcstudio.particle.scenario`).
    outputs
        Files that were written: step and parameters to what went in and when. JSON.
    changed
        True when something is not in the file.
    revision
        Name of the save that this project was read from or last written by; empty before the first one.
    """

    def __init__(self, seed: int = 1) -> None:
        self.path: Path | None = None
        self.seed = seed
        self.view: dict[str, Any] = {}
        self.scenarios: dict[str, dict[str, float]] = {}
        self.changed = False
        self.revision = ""
        self.outputs: dict[str, dict[str, Any]] = {}
        self._records: dict[str, Record] = {}
        self._params: dict[str, dict[str, Any]] = {}
        self._listeners: list[Callable[[str], None]] = []

    def __repr__(self) -> str:
        nodes = ", ".join(f"{key} ({self.state(key)})" for key in self.keys)
        return f"<Project: {self.path or 'without a file'}, seed {self.seed}; {nodes or 'empty'}>"

    def _repr_html_(self) -> str:
        rows = [(key, self.state(key), str(self.record(key).summary.get("headline", ""))) for key in self.keys]
        name = html.escape(str(self.path or "without a file"))
        return f"<b>Project</b>: {name}, seed {self.seed}" + table_html(("Node", "State", "What it holds"), rows)

    def listen(self, listener: Callable[[str], None]) -> None:
        """Call `listener` with "params:<step>", "node:<key>", "scenarios" or "seed" after each change."""
        self._listeners.append(listener)

    def _tell(self, what: str) -> None:
        self.changed = True
        for listener in self._listeners:
            listener(what)

    # Nodes

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the nodes that hold something, in the order of the work."""
        return tuple(key for key in NODES if key in self._records)

    def record(self, key: str) -> Record:
        """The record of a node.

        Raises
        ------
        NmcError
            If there is no such node or it is empty.
        """
        if key not in NODES:
            raise NmcError(f"there is no node {key!r}", f"the nodes are {', '.join(NODES)}")
        if key not in self._records:
            first = NODES[key].steps[0]
            raise NmcError(f"the project has no {NODES[key].title.lower()} yet", f"run {first} first")
        return self._records[key]

    def value(self, key: str) -> Any:
        """The value at a node; read from the file on first use."""
        return self.record(key).load()

    def put(self, key: str, record: Record | None) -> Record | None:
        """Put a record at a node (None empties it) and return what stood there."""
        before = self._records.get(key)
        if record is None:
            self._records.pop(key, None)
        else:
            self._records[key] = record
        self._tell(f"node:{key}")
        return before

    def state(self, key: str) -> str:
        """ "empty", "ready", or "stale": something that the value was made from has changed since."""
        return "empty" if key not in self._records else ("stale" if self.stale_because(key) else "ready")

    def stale_because(self, key: str) -> str:
        """Why a node is stale, in words; empty if it is not."""
        return self._stale_because(key, frozenset())

    def _is_of_another(self, params: dict[str, Any], record: Record) -> bool:
        """Whether another node was made by the same step with these: `import-labels` writes particles or grains."""
        others = (other for other in self._records.values() if other is not record and other.step == record.step)
        return any(_same_params(params, other.params) for other in others)

    def _stale_because(self, key: str, seen: frozenset[str]) -> str:
        record = self._records.get(key)
        if record is None or key in seen:
            return ""
        edited = self._params.get(record.step)
        if edited is not None and not _same_params(edited, record.params) and not self._is_of_another(edited, record):
            return f"parameters of {record.step} were changed"
        if record.inputs and record.seed != self.seed:
            return "the project's seed was changed"
        for name, digest in record.inputs.items():
            if name == key:
                continue
            above = self._records.get(name)
            title = NODES[name].title.lower()
            if above is None:
                return f"the {title} it was made from is gone"
            if above.digest != digest:
                return f"the {title} was made anew"
            if self._stale_because(name, seen | {key}):
                return f"the {title} is stale"
        return ""

    def note_output(self, what: str, facts: dict[str, Any]) -> None:
        """Remember that files were written, from what, and when."""
        self.outputs[what] = facts
        self.changed = True

    # Parameters

    def params(self, step: str) -> dict[str, Any]:
        """Parameters of a step as they stand in the form, as JSON; only those that were ever set."""
        return dict(self._params.get(step, {}))

    def set_params(self, step: str, values: dict[str, Any]) -> None:
        """Replace the parameters of a step."""
        if self._params.get(step) != values:
            self._params[step] = dict(values)
            self._tell(f"params:{step}")

    @property
    def steps_with_params(self) -> tuple[str, ...]:
        return tuple(self._params)

    def set_seed(self, seed: int) -> None:
        if seed != self.seed:
            self.seed = seed
            self._tell("seed")

    def set_scenario(self, name: str, values: dict[str, float] | None) -> None:
        """Keep a scenario under a name; None forgets it."""
        if values is None:
            self.scenarios.pop(name, None)
        else:
            self.scenarios[name] = dict(values)
        self._tell("scenarios")


def _same_params(edited: dict[str, Any], recorded: dict[str, Any]) -> bool:
    # Parameters that were never touched are absent from the form's values; then the recorded ones hold.
    return all(recorded.get(name) == value for name, value in edited.items())
