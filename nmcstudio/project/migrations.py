"""Older project files made into today's: one function for each change of the schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SCHEMA = 1

_STEPS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


def migrate(head: dict[str, Any], schema: int) -> dict[str, Any]:
    """The head of a project file of version `schema`, in the form of version `SCHEMA`."""
    for version in range(schema, SCHEMA):
        head = _STEPS[version](head)
    return head
