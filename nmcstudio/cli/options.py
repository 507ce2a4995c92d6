"""Command-line options made from a step's parameters, and their values made back into parameters."""

from __future__ import annotations

import argparse
import os
import types
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from nmcstudio.core.errors import NmcError
from nmcstudio.core.params import Params, extra_of, option_name


def _members(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(part for member in get_args(annotation) for part in _members(member))
    return (annotation,)


def _holds(annotation: Any, kind: type) -> Any:
    """The member of an annotation that is a `kind[...]`, or None."""
    return next((member for member in _members(annotation) if member is kind or get_origin(member) is kind), None)


def _help(field: FieldInfo) -> str:
    extra = extra_of(field)
    unit = f" [{extra['unit']}]" if extra.get("unit") else ""
    default = field.get_default(call_default_factory=True)
    words = " ".join(map(str, default)) if isinstance(default, tuple) else default
    shown = "" if default is None or default == () or default == {} or field.is_required() else f" (default: {words})"
    if default is None and extra.get("optional_text"):
        shown = f" (default: {extra['optional_text']})"
    return f"{field.title}{unit}. {field.description or ''}{shown}".replace("%", "%%")


def add_options(parser: argparse.ArgumentParser, params: type[Params]) -> None:
    """One option for every field; the field with widget "files" becomes the positional FILES."""
    for name, field in params.model_fields.items():
        annotation = field.annotation
        flag = option_name(name)
        common: dict[str, Any] = {"dest": f"param_{name}", "default": argparse.SUPPRESS, "help": _help(field)}
        if extra_of(field).get("widget") == "files":
            parser.add_argument(f"param_{name}", nargs="*", metavar="FILES", default=argparse.SUPPRESS, help=_help(field))
        elif _holds(annotation, bool):
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, **common)
        elif _holds(annotation, tuple) or _holds(annotation, list) or _holds(annotation, dict):
            metavar = "NAME=VALUE" if _holds(annotation, dict) else "VALUE"
            parser.add_argument(flag, nargs="+", metavar=metavar, **common)
        else:
            words = [word for member in _members(annotation) if get_origin(member) is Literal for word in get_args(member)]
            only_words = words and all(get_origin(m) is Literal or m is type(None) for m in _members(annotation))
            if only_words and all(isinstance(word, str) for word in words):
                parser.add_argument(flag, choices=words, **common)
            else:
                parser.add_argument(flag, metavar="|".join(["VALUE", *map(str, words)]), **common)


def files_field(params: type[Params]) -> str | None:
    """Where the parsed arguments keep FILES, or None for a step that reads none."""
    names = [name for name, field in params.model_fields.items() if extra_of(field).get("widget") == "files"]
    return f"param_{names[0]}" if names else None


def values_of(arguments: argparse.Namespace, params: type[Params]) -> dict[str, Any]:
    """Values of the options that were given, ready for `params_of`.

    Raises
    ------
    NmcError
        For a NAME=VALUE without an equals sign.
    """
    values: dict[str, Any] = {}
    for name, field in params.model_fields.items():
        if not hasattr(arguments, f"param_{name}"):
            continue
        given = getattr(arguments, f"param_{name}")
        widget = extra_of(field).get("widget")
        if widget == "files":
            if given:
                values[name] = tuple(os.path.realpath(file) for file in given)
        elif isinstance(given, list):
            values[name] = _collection(field.annotation, given, option_name(name))
        elif isinstance(given, str) and given.lower() == "none" and type(None) in _members(field.annotation):
            values[name] = None
        elif isinstance(given, str) and widget in ("folder", "file"):
            values[name] = os.path.realpath(given)
        else:
            values[name] = given
    return values


def _collection(annotation: Any, given: list[str], flag: str) -> Any:
    if _holds(annotation, dict):
        pairs = [text.partition("=") for text in given]
        for key, equals, _ in pairs:
            if not equals:
                raise NmcError(f"{flag} {key} is not NAME=VALUE", f"write {flag} {key}=1.2", flag)
        return {key: value for key, _, value in pairs}
    kind = _holds(annotation, tuple) or _holds(annotation, list)
    inner = get_args(kind)
    if inner and _holds(inner[0], tuple):
        return tuple(tuple(text.split(",")) for text in given)
    # "0.4 0.4 0.12" and "0.4,0.4,0.12" are both what people type.
    return tuple(part for text in given for part in text.replace(",", " ").split())
