"""Declared parameters: one pydantic class a step gives the form, the command's options, the recipe entry and the help."""

from __future__ import annotations

import types
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo


class Params(BaseModel):
    """Base of every step's parameters: frozen, unknown names refused, defaults validated."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, ser_json_inf_nan="constants")

    @model_validator(mode="before")
    @classmethod
    def _one_is_a_tuple_of_one(cls, values: Any) -> Any:
        """``spacing_um: 0.4`` and ``files: scan.tif`` mean one value; people write them so in recipes and notebooks."""
        if not isinstance(values, dict):
            return values
        single = {name: value for name, value in values.items() if isinstance(value, str | int | float)}
        fields = cls.model_fields
        return values | {
            name: (value,) for name, value in single.items() if name in fields and holds_tuple(fields[name].annotation)
        }


def holds_tuple(annotation: Any) -> bool:
    """True for ``tuple[...]`` and for unions with one."""
    if get_origin(annotation) in (Union, types.UnionType):
        return any(holds_tuple(member) for member in get_args(annotation))
    return annotation is tuple or get_origin(annotation) is tuple


def param(
    default: Any,
    title: str,
    *,
    unit: str = "",
    symbol: str = "",
    help: str = "",
    advanced: bool = False,
    group: str = "",
    widget: str = "",
    step: float | None = None,
    decimals: int | None = None,
    optional_text: str = "",
    **limits: Any,
) -> Any:
    """A parameter of a step.

    Parameters
    ----------
    default
        Default value; ``...`` for none.
    title
        Plain words for the form's label.
    unit
        Unit of the value, shown inside the field ("um", "voxel", "deg"); lengths are um and the name ends in ``_um``.
    symbol
        The paper's symbol, shown in the tooltip.
    help
        One or two sentences: what it does and when to change it.
    advanced
        Stands under a fold.
    group
        Title of the fold of what is advanced; empty for the common one.
    widget
        A special control: "files", "folder", "slider", "seed"; empty for the one that the type suggests.
    step, decimals
        Step and decimals of a spin box.
    optional_text
        What the field shows while the value is None ("automatic").
    limits
        pydantic's limits (``ge``, ``gt``, ``le``, ``lt``, ``min_length``, …).
    """
    extra: dict[str, Any] = {
        "unit": unit,
        "symbol": symbol,
        "advanced": advanced,
        "group": group,
        "widget": widget,
        "step": step,
        "decimals": decimals,
        "optional_text": optional_text,
    }
    return Field(default, title=title, description=help, json_schema_extra=extra, **limits)


def option_name(field: str) -> str:
    """What a field is called on the command line: ``as_`` is ``--as``, ``spacing_um`` is ``--spacing-um``."""
    return "--" + field.rstrip("_").replace("_", "-")


def extra_of(field: FieldInfo) -> dict[str, Any]:
    """The entries of `param` that are ours (unit, symbol, advanced, group, widget, step, decimals, optional_text)."""
    extra = field.json_schema_extra
    return dict(extra) if isinstance(extra, dict) else {}
