"""The filter line of the table: words, or conditions on columns."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.gui.views.contents import Table

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
_OR, _AND = re.compile(r"\s+or\s+", re.IGNORECASE), re.compile(r",|\s+and\s+", re.IGNORECASE)
_CONDITION = re.compile(r"^\s*(?P<name>[^<>=!]+?)\s*(?P<sign>>=|<=|!=|>|<|=)\s*(?P<value>.+?)\s*$")


def parse_filter(text: str, table: Table) -> NDArray[np.bool_] | None:
    """Rows that a filter keeps; None if it is empty and keeps all.

    Conditions are joined by ``and`` (or a comma) and ``or``, and turned round by ``not``; ``and`` binds closer:
    ``diameter > 5 and flagged or touches border``. A column of yes and no stands alone; ``flagged`` are rows with a flag.
    Anything else is looked for in the id and in the columns of words.

    Raises
    ------
    NmcError
        If a condition names no column or compares with something unusable.
    """
    if not text.strip():
        return None
    keep = np.zeros(len(table.ids), bool)
    for choice in _OR.split(text):
        rows = np.ones(len(table.ids), bool)
        for part in _AND.split(choice):
            if part.strip():
                rows &= _term(part.strip(), table)
        keep |= rows
    return keep


def _term(part: str, table: Table) -> NDArray[np.bool_]:
    if part.lower().startswith("not "):
        return ~_term(part[4:].strip(), table)
    if found := _CONDITION.match(part):
        return _condition(found["name"], found["sign"], found["value"], table)
    lowered = part.lower()
    for column in table.columns:
        title = column.title.lower()
        if column.values.dtype == bool and title.startswith(lowered):
            return np.asarray(column.values)
        if lowered == "flagged" and title == "flag":
            return np.array([bool(each) for each in column.values], dtype=bool)
    return _words(part, table)


def _condition(name: str, sign: str, value: str, table: Table) -> NDArray[np.bool_]:
    wanted = name.strip().lower()
    columns = {"id": table.ids} | {column.title.lower(): column.values for column in table.columns}
    matches = [title for title in columns if title == wanted] or [title for title in columns if title.startswith(wanted)]
    if not matches:
        raise NmcError(f"there is no column {name.strip()!r}", f"the columns are {', '.join(columns)}")
    values = columns[matches[0]]
    if values.dtype == object:
        return np.array([_OPERATORS[sign](str(each).lower(), value.lower()) for each in values], dtype=bool)
    if values.dtype == bool:
        truth = value.lower() in ("yes", "true", "1")
        return np.asarray(values == truth if sign == "=" else values != truth)
    try:
        number = float(value)
    except ValueError:
        raise NmcError(f"{value!r} is not a number", f"compare {matches[0]} with a number") from None
    return np.asarray(_OPERATORS[sign](values, number))


def _words(text: str, table: Table) -> NDArray[np.bool_]:
    lowered = text.lower()
    found = np.array([str(label) == lowered for label in table.ids], dtype=bool)
    for column in table.columns:
        if column.values.dtype == object:
            found |= np.array([lowered in str(each).lower() for each in column.values], dtype=bool)
    return found
