"""Parameters from outside (form, command line, recipe, notebook) made into a step's Params, with errors in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from nmcstudio.core.errors import NmcError
from nmcstudio.core.params import Params
from nmcstudio.pipeline.step import Step


def params_of(step: Step, values: Mapping[str, Any]) -> Params:
    """Checked parameters of a step.

    Raises
    ------
    NmcError
        For the first value that is unknown, missing or out of its limits; `field` names it.
    """
    try:
        return step.params(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        known = step.params.model_fields
        if first["type"] == "extra_forbidden":
            raise NmcError(f"{step.key} has no parameter {name!r}", f"it has {', '.join(known)}", name) from None
        title = (known[name].title or name) if name in known else name
        if first["type"] == "missing":
            raise NmcError(f"{title} is missing", f"give --{name.replace('_', '-')}", name) from None
        message = first["msg"].removeprefix("Value error, ")
        raise NmcError(f"{title} = {first['input']!r} is not usable", message[:1].lower() + message[1:], name) from None


def defaults_of(step: Step) -> dict[str, Any]:
    """Default values of all parameters that have one."""
    fields = step.params.model_fields
    return {name: field.get_default(call_default_factory=True) for name, field in fields.items() if not field.is_required()}
