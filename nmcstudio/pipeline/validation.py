"""Parameters from outside (form, command line, recipe, notebook) made into a step's Params, with errors in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from nmcstudio.core.errors import NmcError
from nmcstudio.core.params import Params, extra_of, option_name
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
        if not name:
            raise NmcError(
                f"the parameters of {step.key} do not go together", first["msg"].removeprefix("Value error, ")
            ) from None
        given = values.get(name)
        if given is None:
            files = name in known and extra_of(known[name]).get("widget") == "files"
            raise NmcError(f"{title} is missing", "choose a file" if files else f"give {option_name(name)}", name) from None
        told = "there are too few values" if first["type"] == "missing" else first["msg"].removeprefix("Value error, ")
        # "a number or auto"
        words = [
            each["ctx"]["expected"] for each in error.errors()[1:] if each["type"] == "literal_error" and each["loc"][0] == name
        ]
        hint = " or ".join([told[:1].lower() + told[1:], *words])
        raise NmcError(f"{title} = {_shown(given)} is not usable", hint, name) from None


def _shown(given: Any) -> str:
    text = " ".join(map(str, given)) if isinstance(given, list | tuple) else str(given)
    return repr(text if len(text) <= 60 else text[:57] + "…")


def complete(step: Step, values: Mapping[str, Any]) -> dict[str, Any]:
    """All parameters of a step by name: what is not given has its default, whatever a project has in its form.

    Raises
    ------
    NmcError
        As `params_of`.
    """
    return params_of(step, values).model_dump()
