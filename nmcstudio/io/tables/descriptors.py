"""``descriptors.csv``: one row an object."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.io.files import replacing


def write_descriptors(path: str | os.PathLike[str], columns: Mapping[str, NDArray[np.generic]]) -> None:
    """Write columns of equal length, their names in the first line; truth values as 0 and 1, numbers so that they read back,
    words as they are.

    Parameters
    ----------
    path
        The file to write.
    columns
        Name with unit to values ``(n,)``, for example ``Descriptors.columns()``.

    Raises
    ------
    NmcError
        If the columns differ in length or the file cannot be written.
    """
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise NmcError("the columns of a table differ in length", "give one value an object in each column")
    texts = [[_text(value) for value in values] for values in columns.values()]
    with replacing(Path(path)) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns.keys())
        writer.writerows(zip(*texts, strict=True))


def _text(value: np.generic | str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_, int, np.integer)):
        return str(int(value))
    return repr(float(value))  # type: ignore[arg-type]
