"""``tessellation.csv``: generators of a Laguerre tessellation or a GBPD (interface.md, Open files)."""

from __future__ import annotations

import csv
import os
from itertools import takewhile
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import KINDS, Tessellation
from nmcstudio.io.files import replacing

_POSITION = ("label", "x_um", "y_um", "z_um")
_MATRIX = ("m_xx", "m_xy", "m_xz", "m_yy", "m_yz", "m_zz")
_PLACES = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
_WINDOW_HELP = "add a line such as '# window_um 0 10 0 10 0 10' (x0 x1 y0 y1 z0 z1 in um)"


def columns_of(kind: str) -> tuple[str, ...]:
    """The header of a kind of tessellation."""
    weight = "weight_um" if kind == "gbpd-sqrt" else "weight_um2"
    return (*_POSITION, weight, *(() if kind == "laguerre" else _MATRIX))


def write_tessellation(path: str | os.PathLike[str], tessellation: Tessellation) -> None:
    """Write generators so that `read_tessellation` gives back the same numbers.

    Raises
    ------
    NmcError
        If the file cannot be written.
    """
    t = tessellation
    columns: list[NDArray[np.float64]] = [*t.seeds_um.T, t.weights]
    if t.matrices is not None:
        columns += [t.matrices[:, i, j] for i, j in _PLACES]
    numbers = np.column_stack(columns)
    with replacing(Path(path)) as part, part.open("w", newline="", encoding="utf-8") as file:
        file.write(f"# {t.kind}\n# window_um {' '.join(repr(float(v)) for v in t.window_um.ravel())}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns_of(t.kind))
        for label, row in zip(t.labels, numbers):
            writer.writerow([int(label), *(repr(float(v)) for v in row)])


def read_tessellation(path: str | os.PathLike[str]) -> Tessellation:
    """Read generators; rows come back in ascending order of their labels.

    Raises
    ------
    NmcError
        If the file cannot be read, or its kind, window or a column is missing, or a value is not usable.
    """
    name = Path(path).name
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise NmcError(f"{path} cannot be read ({error.strerror})", "choose a tessellation.csv") from error
    except UnicodeDecodeError as error:
        raise NmcError(f"{name} is not a text file", "choose a tessellation.csv") from error
    kind, window, start = _head(name, lines)
    rows = list(csv.reader(lines[start:]))
    if not rows:
        raise NmcError(f"{name} has no table", f"give a header line: {','.join(columns_of(kind))}")
    header = [column.strip() for column in rows[0]]
    missing = [column for column in columns_of(kind) if column not in header]
    if missing:
        raise NmcError(
            f"{name} has no column {missing[0]!r}, which a {kind} tessellation needs",
            f"its header is {','.join(columns_of(kind))}",
        )
    places = [header.index(column) for column in columns_of(kind)]
    values = np.array([_numbers(name, start + k + 1, row, places, header) for k, row in enumerate(rows) if k and row])
    if len(values) == 0:
        raise NmcError(f"{name} has no generators", "give at least one row")
    labels = values[:, 0]
    if np.any(labels != np.round(labels)) or np.any(labels < 0) or len(np.unique(labels)) < len(labels):
        raise NmcError(f"the labels in {name} are not usable", "give each generator its own whole number from 0 on")
    values = values[np.argsort(labels, kind="stable")]
    return Tessellation(
        kind=kind,
        labels=values[:, 0].astype(np.int64),
        seeds_um=values[:, 1:4],
        weights=values[:, 4],
        window_um=window,
        matrices=None if kind == "laguerre" else _matrices(name, values),
        gauge="as read",
    )


def _head(name: str, lines: list[str]) -> tuple[str, NDArray[np.float64], int]:
    """Kind, window and index of the first line after the comments."""
    kind, window = "", None
    head = list(takewhile(lambda line: not line.strip() or line.lstrip().startswith("#"), lines))
    for line in head:
        words = line.strip().lstrip("#").split()
        if words and words[0] == "window_um":
            window = _window(name, words[1:])
        elif len(words) == 1 and not kind:
            kind = words[0]
    if kind not in KINDS:
        said = f"names the kind {kind!r}" if kind else "does not say its kind"
        raise NmcError(f"{name} {said}", f"let its first line be one of {', '.join('# ' + k for k in KINDS)}")
    if window is None:
        raise NmcError(f"{name} has no window", _WINDOW_HELP)
    return kind, window, len(head)


def _window(name: str, words: list[str]) -> NDArray[np.float64]:
    try:
        values = np.array([float(word) for word in words])
    except ValueError:
        values = np.empty(0)
    if len(values) != 6 or not np.all(np.isfinite(values)) or not np.all(values[1::2] > values[::2]):
        raise NmcError(f"the window of {name} is not usable", _WINDOW_HELP)
    return values.reshape(3, 2)


def _numbers(name: str, line: int, row: list[str], places: list[int], header: list[str]) -> list[float]:
    numbers = []
    for place in places:
        if place >= len(row):
            _refuse(name, line, header[place], "is missing")
        try:
            number = float(row[place])
        except ValueError:
            _refuse(name, line, header[place], f"is {row[place]!r}")
        if not np.isfinite(number):
            _refuse(name, line, header[place], f"is {row[place].strip()}")
        numbers.append(number)
    return numbers


def _refuse(name: str, line: int, column: str, what: str) -> NoReturn:
    raise NmcError(f"{name}, line {line}: {column} {what}", "every value must be a finite number")


def _matrices(name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    matrices = np.empty((len(values), 3, 3))
    for k, (i, j) in enumerate(_PLACES):
        matrices[:, i, j] = matrices[:, j, i] = values[:, 5 + k]
    bad = np.flatnonzero(np.linalg.eigvalsh(matrices)[:, 0] <= 0)
    if len(bad):
        label = int(values[bad[0], 0])
        raise NmcError(f"the matrix of label {label} in {name} is not positive definite", "all its eigenvalues must be above 0")
    return matrices
