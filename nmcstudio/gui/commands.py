"""What a run does to a project, as one entry of the undo history."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from nmcstudio.project.record import Held, Record


def size_of(record: Record | None) -> int:
    """Bytes that a record's value holds in memory; 0 for one that is still in its file."""
    return _array_bytes(record.load()) if record is not None and isinstance(record.load, Held) else 0


def _array_bytes(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return int(value.nbytes)
    if isinstance(value, (tuple, list)):
        return sum(_array_bytes(each) for each in value)
    if isinstance(value, dict):
        return sum(_array_bytes(each) for each in value.values())
    if is_dataclass(value):
        return sum(_array_bytes(getattr(value, each.name)) for each in fields(value))
    return 0
