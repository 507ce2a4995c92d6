"""Files that are written whole or not at all, and names sorted the way people count."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from nmcstudio.core.errors import NmcError


def check_place(path: Path) -> None:
    """See that a file can be written at `path`, before the work that is to end up there.

    Raises
    ------
    NmcError
        If its folder does not exist or nothing can be written there, or if a folder has the file's name.
    """
    if not path.parent.is_dir():
        raise NmcError(f"there is no folder {path.parent}", "create it first or choose another place")
    if path.is_dir():
        raise NmcError(f"{path} is a folder", "give the name of a file")
    if not os.access(path.parent, os.W_OK):
        raise NmcError(f"the folder {path.parent} is read-only", "choose another place, or ask for the right to write there")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; renamed to `path` at the end, removed if anything was raised (Cancelled too).

    Raises
    ------
    NmcError
        If the folder does not exist or nothing can be written there.
    """
    path = Path(path)
    check_place(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        raise NmcError(
            f"{path} could not be written ({error.strerror or error})", "check free space and permissions there"
        ) from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def replacing_hdf5(path: Path) -> Iterator[Any]:
    """As `replacing`, with an h5py.File to write into.

    HDF5 cannot close a file that it cannot write to: on a full disk it fills the terminal with complaints, and the process
    ends in a crash. So it writes through a file of ours, which after the first failure takes everything and keeps nothing.
    """
    import h5py

    with replacing(path) as part, _Forgiving(part) as forgiving:
        try:
            with h5py.File(forgiving, "w") as file:
                yield file
        except (OSError, RuntimeError):
            if forgiving.failure is None:
                raise
        if forgiving.failure is not None:
            raise forgiving.failure
        forgiving.flush()
        os.fsync(forgiving.fileno())


class _Forgiving(io.FileIO):
    """A file whose first failure to write is kept in `failure`; from then on nothing is written, and nothing raised."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w+b")
        self.failure: OSError | None = None

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        done = 0
        while self.failure is None and done < len(view):
            try:
                done += super().write(view[done:])
            except OSError as error:
                self.failure = error
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        try:
            return super().truncate(size) if self.failure is None else size or 0
        except OSError as error:
            self.failure = error
            return size or 0


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts ``slice2`` before ``slice10``."""
    return tuple((0, int(part), part) if part.isdigit() else (1, 0, part.lower()) for part in re.split(r"(\d+)", name) if part)


def numbering_gaps(names: list[str]) -> list[str]:
    """Numbers that are missing from a naturally sorted list of numbered names, in words.

    The running number is the group of digits that differs most often between neighbours; the regular step is the most
    frequent difference (a series of every second slice has no gaps).

    Returns
    -------
    list of str
        For example ``["between slice_0007.tif and slice_0010.tif"]``; empty if nothing is missing.
    """
    groups = [[int(digits) for digits in re.findall(r"\d+", name)] for name in names]
    if len(names) < 3 or len({len(group) for group in groups}) != 1 or not groups[0]:
        return []
    changing = [sum(a[k] != b[k] for a, b in pairwise(groups)) for k in range(len(groups[0]))]
    column = changing.index(max(changing))
    steps = [b[column] - a[column] for a, b in pairwise(groups)]
    usual = max(set(steps), key=lambda step: (steps.count(step), -step))
    return [f"between {a} and {b}" for a, b, step in zip(names, names[1:], steps) if step != usual and step > usual > 0]
