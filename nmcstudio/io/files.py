"""Files that are written whole or not at all, and names sorted the way people count."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from nmcstudio.core.errors import NmcError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; renamed to `path` at the end, removed if anything was raised (Cancelled too).

    Raises
    ------
    NmcError
        If the folder does not exist or nothing can be written there.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise NmcError(f"there is no folder {path.parent}", "create it first or choose another place")
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
