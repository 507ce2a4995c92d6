"""Opening HDF5 files of the vendors, with errors in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.io.files import natural_key


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The h5py file, open for reading.

    Raises
    ------
    NmcError
        If it is missing, cut off, damaged, laid out in another way or no HDF5 at all, also where that shows only on reading a
        part of it: what h5py raises then says nothing to a user.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            yield file
    except FileNotFoundError as error:
        raise NmcError(f"there is no file {path}", "check the path", "files") from error
    except MemoryError as error:
        raise NmcError(
            f"{path.name} does not fit into memory", "check that it is whole; close other programs", "files"
        ) from error
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise NmcError(
            f"{path.name} cannot be read as HDF5 ({(str(error).splitlines() or [''])[0][:120]})",
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
    if name not in group or not hasattr(group[name], "shape"):
        raise NmcError(f"{path.name} has no {group.name}/{name}", "export the map with all columns", "files")
    return group[name]


def column(group: Any, name: str, path: Path, dtype: DTypeLike) -> NDArray[Any]:
    """The values of the dataset `name` below `group`, as one column ``(n,)``."""
    return np.asarray(dataset(group, name, path)[()]).astype(dtype).ravel()


def text(group: Any, name: str) -> str:
    """A text stored as bytes, as str or as an array of one; empty if it is not there."""
    return as_text(group[name][()]) if name in group else ""


def as_text(value: Any) -> str:
    """The first text of a value of a dataset or attribute."""
    values = np.asarray(value).ravel()
    if not values.size:
        return ""
    first = values[0]
    return (first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)).strip("\0 \t\r\n")


def number(group: Any, name: str, default: float = 0.0) -> float:
    """A number stored as a scalar or as an array of one."""
    if name not in group:
        return default
    value = np.asarray(group[name][()]).ravel()
    return float(value[0]) if value.size and np.isfinite(float(value[0])) else default


def count(group: Any, name: str) -> int:
    """A count stored as a scalar or as an array of one; 0 where there is none, or none that can be one."""
    value = number(group, name)
    return int(value) if 0 <= value < 1e9 else 0


def children(group: Any) -> list[Any]:
    """The groups below `group`, in natural order."""
    return [group[name] for name in sorted(group, key=natural_key) if hasattr(group.get(name), "keys")]


def scans(file: Any, inside: str = "EBSD/Data", depth: int = 1) -> dict[str, Any]:
    """Groups with a scan (``inside`` below them) down to `depth`, by their paths, in natural order."""
    found: dict[str, Any] = {}
    for group in children(file):
        if inside in group:
            found[group.name.strip("/")] = group
        elif depth > 1:
            found |= scans(group, inside, depth - 1)
    return found


def chosen_scan(found: dict[str, Any], scan: str, path: Path, program: str) -> Any:
    """The group of the scan with that name, the first one for "".

    Raises
    ------
    NmcError
        If there is none.
    """
    if not found:
        raise NmcError(f"{path.name} has no scan (a group with EBSD/Data)", f"choose a file that {program} has written", "files")
    if scan and scan not in found:
        raise NmcError(f"{path.name} has no scan {scan!r}", f"choose one of {', '.join(found)}", "scan")
    return found[scan] if scan else next(iter(found.values()))


def manufacturer(path: Path) -> str:
    """Lower-case name of the manufacturer that the file states, or empty."""
    with opened(path) as file:
        for name in file:
            if name.strip().lower() == "manufacturer":
                return text(file, name).lower()
    return ""
