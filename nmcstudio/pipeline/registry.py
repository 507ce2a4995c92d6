"""All steps in the order of the work. A step is imported when somebody asks for it."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from nmcstudio.core.errors import NmcError
from nmcstudio.pipeline.step import Step

KEYS = (
    "import-ct",
    "segment-ct",
    "extract-radii",
    "fit-shell",
    "import-ebsd",
    "align-ebsd",
    "segment-ebsd",
    "edit-labels",
    "fit-tessellation",
    "fit-grains",
    "compose",
    "validate",
    "mesh",
    "generate",
    "sample-shells",
    "export",
    "report",
    "import-labels",
    "import-radii",
    "import-shell-model",
    "import-tessellation",
    "import-grain-model",
)


@cache
def step(key: str) -> Step:
    """The step of this key.

    Raises
    ------
    NmcError
        If there is none.
    """
    if key not in KEYS:
        raise NmcError(f"there is no step {key!r}", f"the steps are {', '.join(KEYS)}")
    found: Step = import_module(f"nmcstudio.pipeline.steps.{key.replace('-', '_')}").STEP
    return found


def all_steps() -> list[Step]:
    """Every step, in the order of the work."""
    return [step(key) for key in KEYS]
