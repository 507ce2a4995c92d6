"""What a step is: one declaration gives the form, the command, the recipe entry, the record and the help page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params


@dataclass(frozen=True)
class Problem:
    """Why a step cannot run: shown at `field`, or at the panel's foot if that is empty."""

    field: str
    message: str
    hint: str


@dataclass(frozen=True)
class Preflight:
    """What is known before anybody presses Run.

    Attributes
    ----------
    seconds, memory_mib
        Estimates, None where there is none.
    problems
        Errors: the step cannot run.
    notes
        What a user should know, not errors.
    """

    seconds: float | None = None
    memory_mib: float | None = None
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


def no_preflight(facts: Mapping[str, Mapping[str, Any]], params: Any) -> Preflight:
    """For steps that take no time and little memory."""
    return Preflight()


@dataclass(frozen=True)
class Step:
    """One thing that a user can start.

    Attributes
    ----------
    key
        Name of the command, the panel, the manual page, the recipe entry (interface.md).
    title
        Plain words for menus and the panel's head.
    lane
        "particles", "grains" or "virtual".
    params
        Its parameters.
    run
        ``run(inputs, params, monitor, rng) -> value``: `inputs` maps node keys to values (only those that exist of the
        optional ones). Pure: it changes nothing. The value belongs to the node that the step writes; a step that writes
        files returns a mapping of figures instead.
    reads
        Node keys that must be there; a callable of the parameters where they depend on them.
    optional
        Node keys that are used where they exist; a callable of the parameters where they depend on them.
    writes
        Node key, a callable of the parameters, or None for steps that write files.
    in_place
        True for edits of a node that stay part of it (`edit-labels`).
    can_finish
        True if `run` looks at `Monitor.finish_requested` and then ends soon with what it has: offers Finish now.
    provenance
        True if `run` wants ``inputs["provenance"]``: node key to its facts (title, headline, step, params, warnings, state,
        simulated), for files that say where things came from.
    preflight
        ``preflight(facts, params) -> Preflight`` with `facts` the summaries of the input nodes; takes milliseconds.
    about
        One or two sentences for the panel's head, the command's help and the manual.
    """

    key: str
    title: str
    lane: str
    params: type[Params]
    run: Callable[[Mapping[str, Any], Any, Monitor, np.random.Generator], Any]
    reads: tuple[str, ...] | Callable[[Any], tuple[str, ...]] = ()
    optional: tuple[str, ...] | Callable[[Any], tuple[str, ...]] = ()
    writes: str | Callable[[Any], str | None] | None = None
    in_place: bool = False
    can_finish: bool = False
    provenance: bool = False
    preflight: Callable[[Mapping[str, Mapping[str, Any]], Any], Preflight] = field(default=no_preflight)
    about: str = ""

    def reads_with(self, params: Params) -> tuple[str, ...]:
        """Node keys that a run with these parameters needs."""
        return self.reads(params) if callable(self.reads) else self.reads

    def optional_with(self, params: Params) -> tuple[str, ...]:
        """Node keys that a run with these parameters uses where they exist."""
        return self.optional(params) if callable(self.optional) else self.optional

    def writes_with(self, params: Params) -> str | None:
        """Node key that a run with these parameters writes, or None."""
        return self.writes(params) if callable(self.writes) else self.writes
