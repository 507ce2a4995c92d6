"""How the program's objects show themselves in a notebook or a terminal: in a line, or as a small table."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

_FEW = 6  # numbers, or entries of a mapping, that are written out
_WORDS = 120  # characters of a text that are written out


class Shown:
    """For frozen dataclasses that hold arrays, declared with ``repr=False``: their own `repr` would print numbers without end."""

    def in_words(self) -> str:
        """What it is, in a line, with units; its fields where a class says nothing better."""
        return ", ".join(f"{name} {words}" for name, words in _fields(self))

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.in_words()}>"

    def _repr_html_(self) -> str:
        head = f"<b>{type(self).__name__}</b>: {html.escape(self.in_words())}"
        return head + table_html((), _fields(self))


def table_html(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of texts."""
    lines = ["".join(f"<th>{html.escape(title)}</th>" for title in titles)] if titles else []
    lines += ["".join(f'<td style="text-align: left">{html.escape(cell)}</td>' for cell in row) for row in rows]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def by(numbers: Iterable[float], unit: str = "") -> str:
    """Numbers as "3 × 4 × 5 unit"."""
    words = (f"{number:.4g}" if isinstance(number, float) else str(number) for number in numbers)
    return " × ".join(words) + (f" {unit}" if unit else "")


def edge(spacing_um: tuple[float, ...]) -> str:
    """The size of a voxel in words: one number where it is a cube."""
    return by(spacing_um[:1] if len(set(spacing_um)) == 1 else spacing_um, "µm")


def _fields(shown: Any) -> list[tuple[str, str]]:
    """Names and words of the fields that say something: not None, not empty, not their default."""
    found = []
    for field in dataclasses.fields(shown):
        value = getattr(shown, field.name)
        plain = not isinstance(value, np.ndarray) and field.default is not dataclasses.MISSING
        unknown = isinstance(value, float) and np.isnan(value)
        if (
            value is None
            or unknown
            or (plain and value == field.default)
            or (isinstance(value, (str, dict, tuple)) and not value)
        ):
            continue
        found.append((field.name, _words(value)))
    return found


def _words(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{by(value.shape)} {value.dtype}"
    if isinstance(value, (bool, int, np.integer)):
        return str(value)
    if isinstance(value, (float, np.floating)):
        return f"{value:.4g}"
    if isinstance(value, str):
        return value if len(value) <= _WORDS else value[: _WORDS - 1] + "…"
    if isinstance(value, Mapping):
        entries = [f"{name} {_words(each)}" for name, each in value.items()]
        return ", ".join(entries[:_FEW]) + (f", … ({len(entries)})" if len(entries) > _FEW else "")
    if isinstance(value, (tuple, list)):
        if len(value) <= _FEW and not any(dataclasses.is_dataclass(each) for each in value):
            return "(" + ", ".join(_words(each) for each in value) + ")"
        kinds = sorted({type(each).__name__ for each in value})
        return f"{len(value)} × {' or '.join(kinds)}"
    return repr(value)
