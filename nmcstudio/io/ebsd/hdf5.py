"""Opening HDF5 files of the vendors, with errors in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.io.files import natural_key


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The h5py file, open for reading.

    Raises
    ------
    NmcError
        If it is missing, cut off, damaged or no HDF5 at all, also where that shows only on reading a part of it.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            yield file
    except FileNotFoundError as error:
        raise NmcError(f"there is no file {path}", "check the path", "files") from error
    except (OSError, RuntimeError) as error:
        raise NmcError(
            f"{path.name} cannot be read as HDF5 ({str(error).splitlines()[0][:120]})",
            "the file is cut off, damaged or of another kind: copy it again from its source",
            "files",
        ) from error


def dataset(group: Any, name: str, path: Path) -> Any:
    """The dataset `name` below `group`.

    Raises
    ------
    NmcError
        If it is not there.
    """
    if name not in group:
        raise NmcError(f"{path.name} has no {group.name}/{name}", "export the map with all columns", "files")
    return group[name]


def text(group: Any, name: str) -> str:
    """A text stored as bytes, as str or as an array of one; empty if it is not there."""
    if name not in group:
        return ""
    value = np.asarray(group[name][()]).ravel()
    if not value.size:
        return ""
    first = value[0]
    return (first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)).strip()


def number(group: Any, name: str, default: float = 0.0) -> float:
    """A number stored as a scalar or as an array of one."""
    if name not in group:
        return default
    value = np.asarray(group[name][()]).ravel()
    return float(value[0]) if value.size else default


def scans(file: Any) -> list[Any]:
    """Groups that hold a scan (``…/EBSD/Data``), in natural order."""
    found = []
    for name in sorted(file, key=natural_key):
        if isinstance(file.get(name), type(file["/"])) and "EBSD/Data" in file[name]:
            found.append(file[name])
    return found


def manufacturer(path: Path) -> str:
    """Lower-case name of the manufacturer that the file states, or empty."""
    with opened(path) as file:
        for name in file:
            if name.strip().lower() == "manufacturer":
                return text(file, name).lower()
    return ""
