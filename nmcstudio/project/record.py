"""A node's value with its provenance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, repr=False)
class Record:
    """What stands at a node and how it came about.

    Attributes
    ----------
    digest
        SHA-256 of the value's content.
    step, params
        The step that made it, and its parameters as JSON.
    inputs
        Node key to digest of the values that went in.
    edits
        Edits by hand since then, as JSON, oldest first.
    seed, seconds, peak_rss_mib, version, created
        Seed of the project; cost; program version; UTC time in ISO 8601.
    summary
        Figures of the value (`nmcstudio.project.nodes.summarise`).
    warnings
        What the computation had to say.
    files
        Digest of the names, sizes and times of the files that were read; empty if there were none.
    load
        Gives the value; reads it from the file on the first call.
    """

    digest: str
    step: str
    params: dict[str, Any]
    inputs: dict[str, str]
    seed: int
    seconds: float
    peak_rss_mib: float
    version: str
    created: str
    summary: dict[str, Any]
    load: Callable[[], Any] = field(repr=False, compare=False)
    warnings: tuple[str, ...] = ()
    edits: tuple[dict[str, Any], ...] = ()
    files: str = ""

    def __repr__(self) -> str:
        return f"<Record: {self.summary.get('headline', '')}, by {self.step}, {self.created}>"

    def facts(self) -> dict[str, Any]:
        """All but the value, as JSON."""
        names = (
            "digest",
            "step",
            "params",
            "inputs",
            "files",
            "seed",
            "seconds",
            "peak_rss_mib",
            "version",
            "created",
            "summary",
        )
        return {name: getattr(self, name) for name in names} | {"warnings": list(self.warnings), "edits": list(self.edits)}

    def with_load(self, load: Callable[[], Any]) -> Record:
        return replace(self, load=load)


def from_facts(facts: dict[str, Any], load: Callable[[], Any]) -> Record:
    """The record that `Record.facts` describes."""
    known = dict(facts)
    known["warnings"] = tuple(known.get("warnings", ()))
    known["edits"] = tuple(known.get("edits", ()))
    return Record(load=load, **known)


class Held:
    """A value in memory, as a `Record.load`."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __call__(self) -> Any:
        return self._value
