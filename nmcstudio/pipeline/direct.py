"""Steps on plain values, for notebooks and scripts."""

from __future__ import annotations

from typing import Any

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import stream
from nmcstudio.pipeline.registry import KEYS, step
from nmcstudio.pipeline.validation import params_of
from nmcstudio.project.nodes import NODES


def steps() -> tuple[str, ...]:
    """Keys of all steps, in the order of the work."""
    return KEYS


def run(
    key: str, inputs: dict[str, Any] | None = None, /, *, seed: int = 1, monitor: Monitor | None = None, **params: Any
) -> Any:
    """Run one step and return its result.

    Parameters
    ----------
    key
        The step, for example ``"fit-shell"``.
    inputs
        Node key to value, for example ``{"radii": radii}``.
    seed
        Seed of the project; the step draws from its own stream below it, as it does in the window.
    monitor
        Progress, cancel, finish now; None for silent work.
    params
        The step's parameters by name; those left out have their defaults.

    Raises
    ------
    NmcError
        If an input is missing or of another type, or a parameter is not usable.
    """
    chosen = step(key)
    given = params_of(chosen, params)
    have = dict(inputs or {})
    for name in chosen.reads_with(given):
        if name not in have:
            raise NmcError(f"{key} needs {name!r}", f"pass it as run({key!r}, {{{name!r}: …}})")
    for name, value in have.items():
        if name in NODES and not isinstance(value, NODES[name].holds):
            types = " or ".join(f"{each.__module__}.{each.__name__}" for each in NODES[name].holds)
            raise NmcError(f"{name!r} is a {type(value).__name__}", f"make it a {types}")
    return chosen.run(have, given, monitor or Monitor(), stream(seed, key))
