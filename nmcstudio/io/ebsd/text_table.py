"""Rows of numbers in a text file, with the line named where one is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor

_CHUNK = 20_000
_HEAD_BYTES = 400_000
_EXPORT = "export the map again from the acquisition program"


def read_lines(path: Path, head_only: bool = False) -> list[str]:
    """Lines of a text file (UTF-8 or Latin-1), without a trailing blank one.

    Parameters
    ----------
    path
        The file.
    head_only
        Read the first 400 kB only; a last line that may be cut is dropped.

    Raises
    ------
    NmcError
        If the file is missing, empty, unreadable or not text.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_HEAD_BYTES if head_only else -1)
    except OSError as error:
        raise NmcError(
            f"{path} cannot be read ({error.strerror or error})", "check the path and the permissions", "files"
        ) from error
    if not data.strip():
        raise NmcError(f"{path.name} is empty", "choose another file, or " + _EXPORT, "files")
    if b"\0" in data[:4096]:
        raise NmcError(
            f"{path.name} is not a text file", "choose the text export (.ang or .ctf), or the HDF5 file by its ending", "files"
        )
    try:
        text = data.decode("utf-8-sig", "strict" if not head_only else "ignore")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    lines = text.splitlines()
    if head_only and len(data) == _HEAD_BYTES:
        lines.pop()
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def last_row(path: Path) -> list[float]:
    """Numbers of the last line of a text file; empty if it is no row of numbers."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2000))
        lines = file.read().decode("latin-1").split("\n")
    try:
        return [float(value.replace(",", ".")) for value in next(line for line in reversed(lines) if line.strip()).split()]
    except (ValueError, StopIteration):
        return []


def parse_rows(lines: list[str], first: int, path: Path, least: int, monitor: Monitor) -> NDArray[np.float64]:
    """Numbers of ``lines[first:]``.

    Parameters
    ----------
    lines
        All lines of the file.
    first
        Index of the first data line.
    path
        For messages.
    least
        Least number of columns.
    monitor
        Reported to about every 20,000 lines.

    Returns
    -------
    float64 ``(rows, columns)``.

    Raises
    ------
    NmcError
        Naming the first line that has another number of values, or something that is no number.
    """
    if first >= len(lines):
        raise NmcError(f"{path.name} has a header but no data", _EXPORT, "files")
    commas = "," in lines[first] and "." not in lines[first]
    parts = []
    columns = 0
    for start in range(first, len(lines), _CHUNK):
        monitor.report((start - first) / (len(lines) - first))
        chunk = lines[start : start + _CHUNK]
        if commas:
            chunk = [line.replace(",", ".") for line in chunk]
        try:
            part = np.loadtxt(chunk, ndmin=2, comments=None)
        except ValueError:
            part = np.empty((0, 0))
        columns = columns or len(chunk[0].split())
        if part.shape[1] != columns or columns < least or len(part) != len(chunk):
            _blame(chunk, start, columns, least, path)
        parts.append(part)
    return np.concatenate(parts)


def _blame(chunk: list[str], start: int, columns: int, least: int, path: Path) -> None:
    """Raise the error for the first line of the chunk that is wrong."""
    for offset, line in enumerate(chunk):
        where = f"{path.name}, line {start + offset + 1}"
        values = line.split()
        for value in values:
            try:
                float(value)
            except ValueError:
                hint = f"the file is damaged there or not of this format: {_EXPORT}"
                raise NmcError(f"{where}: {value[:40]!r} is not a number", hint, "files") from None
        if len(values) != columns and columns >= least:
            raise NmcError(
                f"{where}: {len(values)} values where the rows before have {columns}",
                f"the file is cut off or damaged there: {_EXPORT}",
                "files",
            )
        if len(values) < least:
            hint = f"the file is cut off there, or has not all columns: {_EXPORT}"
            raise NmcError(f"{where}: {len(values)} values where at least {least} are needed", hint, "files")
    raise NmcError(f"{path.name}: the rows after line {start} cannot be read", _EXPORT, "files")
