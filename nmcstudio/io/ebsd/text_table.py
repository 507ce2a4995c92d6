"""Header and rows of numbers of a text file, read in blocks, with the line named where one is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor

_HEAD_BYTES = 400_000
_BLOCK_BYTES = 1 << 21
_LONGEST_HEADER = 200_000_000
_EXPORT = "export the map again from the acquisition program"


@dataclass(frozen=True)
class TextRows:
    """Where the numbers of a text file are, and what parts them.

    Attributes
    ----------
    path
        The file.
    header
        The lines before the first row.
    start
        Place of the first row in the file, in bytes.
    columns
        Count of values in the first row; 0 if there is none.
    delimiter, decimal
        Character codes; the delimiter is a blank where white space parts the values.
    line_end
        "\\r" for files of old Macintosh programs, else "\\n".
    head
        The beginning of the rows, whole lines.
    words
        Words among the rows and the numbers that stand for them.
    """

    path: Path
    header: tuple[str, ...]
    start: int
    columns: int
    delimiter: int
    decimal: int
    line_end: bytes
    head: bytes
    words: tuple[tuple[bytes, bytes], ...] = ()


def to_float(text: str, default: float = 0.0) -> float:
    """A number of a header, with a point or a comma; `default` where there is none that is finite."""
    words = text.replace(",", ".").split()
    try:
        value = float(words[0]) if words else default
    except ValueError:
        return default
    return value if math.isfinite(value) else default


def to_int(text: str) -> int:
    """A count of a header; 0 where there is none, or none that can be one."""
    value = to_float(text)
    return int(value) if 0 <= value < 1e9 else 0


def find_rows(path: Path, is_header: Callable[[list[str], str], bool], delimiters: str = "") -> TextRows:
    """Split a text file into header and rows.

    Parameters
    ----------
    path
        The file, UTF-8 or Latin-1, with any kind of line ends.
    is_header
        Whether a line belongs to the header, told by the lines before it and the line.
    delimiters
        What may part the values besides white space; the first that occurs in the first row does.

    Raises
    ------
    NmcError
        If the file is missing, empty, unreadable, not text, or nothing but header.
    """
    size = _HEAD_BYTES
    while True:
        data, whole = _first_bytes(path, size)
        line_end = b"\r" if b"\r" in data and b"\n" not in data else b"\n"
        header: list[str] = []
        start = len(_mark(data))
        while start < len(data):
            stop = data.find(line_end, start)
            if stop < 0 and not whole:
                break
            stop = len(data) if stop < 0 else stop + 1
            line = _decode(data[start:stop]).rstrip("\r\n")
            if line.strip() and not is_header(header, line):
                return _rows(path, header, start, line, line_end, data[start:], whole, delimiters)
            header.append(line)
            start = stop
        if whole:
            return TextRows(path, tuple(header), start, 0, 32, 46, line_end, b"")
        size *= 4
        if size > _LONGEST_HEADER:
            raise NmcError(f"{path.name} has no rows of numbers in its first {size // 4} bytes", _EXPORT, "files")


def _rows(
    path: Path, header: list[str], start: int, first: str, line_end: bytes, head: bytes, whole: bool, delimiters: str
) -> TextRows:
    words = first.replace(";", " ").split()
    if len(words) > 4 and not any(word.endswith(",") for word in words):
        delimiters = delimiters.replace(",", "")  # blanks part the values, and commas are decimal ones
    delimiter = next((mark for mark in delimiters if mark in first), " ")
    comma = delimiter != "," and "," in first and "." not in first
    columns = len(first.replace(delimiter, " ").split())
    head = head + line_end if whole else head[: head.rfind(line_end) + 1]
    return TextRows(path, tuple(header), start, columns, ord(delimiter), ord("," if comma else "."), line_end, head)


def _first_bytes(path: Path, size: int) -> tuple[bytes, bool]:
    try:
        with path.open("rb") as file:
            data = file.read(size)
            whole = not file.read(1)
    except OSError as error:
        raise NmcError(
            f"{path} cannot be read ({error.strerror or error})", "check the path and the permissions", "files"
        ) from error
    if not data.strip():
        raise NmcError(f"{path.name} is empty", "choose another file, or " + _EXPORT, "files")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise NmcError(f"{path.name} is text in UTF-16", "save it as UTF-8 (or plain text), from a text editor say", "files")
    if b"\0" in data[:4096]:
        raise NmcError(
            f"{path.name} is not a text file", "choose the text export (.ang or .ctf), or the HDF5 file by its ending", "files"
        )
    return data, whole


def _mark(data: bytes) -> bytes:
    mark = b"\xef\xbb\xbf"
    return mark if data.startswith(mark) else b""


def _decode(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def last_row(rows: TextRows) -> list[float]:
    """Numbers of the last line of the file; empty if it is no row of numbers."""
    with rows.path.open("rb") as file:
        file.seek(max(0, rows.path.stat().st_size - 4000))
        lines = file.read().replace(b"\r", b"\n").decode("latin-1").split("\n")
    line = next((line for line in reversed(lines) if line.strip()), "")
    for word, figure in rows.words:
        line = line.replace(word.decode("latin-1"), figure.decode())
    try:
        return [float(value) for value in _words(line, rows)]
    except ValueError:
        return []


def first_rows(rows: TextRows, wanted: Mapping[str, tuple[int, DTypeLike]], least: int) -> dict[str, NDArray[np.float64]]:
    """As `read_columns`, of the beginning of the file only."""
    return _read(rows, [rows.head], wanted, least, Monitor())


def read_columns(
    rows: TextRows, wanted: Mapping[str, tuple[int, DTypeLike]], least: int, monitor: Monitor
) -> dict[str, NDArray[np.float64]]:
    """Columns of numbers.

    Parameters
    ----------
    rows
        Where they are.
    wanted
        Index and dtype of each column to keep, by name.
    least
        Least number of columns in the file.
    monitor
        Reported to about every 20 ms.

    Returns
    -------
    Arrays ``(n,)``, n at least 1.

    Raises
    ------
    NmcError
        Naming the first line that has another number of values, or something that is no number.
    """
    size = max(1, rows.path.stat().st_size - rows.start)

    def blocks() -> Iterator[bytes]:
        done = 0
        rest = b""
        with rows.path.open("rb") as file:
            file.seek(rows.start)
            while block := file.read(_BLOCK_BYTES):
                monitor.report(done / size)
                done += len(block)
                block = rest + block
                cut = block.rfind(rows.line_end) + 1
                rest = block[cut:]
                if cut:
                    yield block[:cut]
        if rest.strip():
            yield rest + rows.line_end

    return _read(rows, blocks(), wanted, least, monitor)


def _read(
    rows: TextRows, blocks: Iterable[bytes], wanted: Mapping[str, tuple[int, DTypeLike]], least: int, monitor: Monitor
) -> dict[str, NDArray[np.float64]]:
    from nmcstudio.io.ebsd.number_kernel import numbers_of

    if not rows.columns:
        raise NmcError(f"{rows.path.name} has a header but no data", _EXPORT, "files")
    if rows.columns < least:
        _blame(rows, len(rows.header) + 1, _decode(rows.head.split(rows.line_end)[0]), least)
    parts: dict[str, list[NDArray[np.float64]]] = {name: [] for name in wanted}
    lines = len(rows.header)
    for block in blocks:
        block = block.replace(b"\r", b"\n") if rows.line_end == b"\r" else block
        for word, number in rows.words:
            block = block.replace(word, number)
        numbers, bad = numbers_of(block, rows.columns, rows.delimiter, rows.decimal)
        if bad >= 0:
            _blame(rows, lines + bad + 1, _decode(block.split(b"\n")[bad]), least)
        lines += block.count(b"\n")
        for name, (index, dtype) in wanted.items():
            parts[name].append(numbers[:, index].astype(dtype))
        monitor.check()
    out = {}
    for name in wanted:
        # One column at a time: the pieces of a column go as soon as it is whole.
        out[name] = np.concatenate(parts.pop(name))
    return out


def _words(line: str, rows: TextRows) -> list[str]:
    return line.replace(chr(rows.delimiter), " ").replace(chr(rows.decimal), ".").split()


def _blame(rows: TextRows, number: int, line: str, least: int) -> None:
    """Raise the error for a line that is wrong."""
    where = f"{rows.path.name}, line {number}"
    values = _words(line, rows)
    for value in values:
        try:
            float(value)
        except ValueError:
            hint = f"the file is damaged there or not of this format: {_EXPORT}"
            raise NmcError(f"{where}: {value[:40]!r} is not a number", hint, "files") from None
    if rows.columns >= least and len(values) != rows.columns:
        hint = f"the file is cut off or damaged there: {_EXPORT}"
        raise NmcError(f"{where}: {len(values)} values where the rows before have {rows.columns}", hint, "files")
    if len(values) < least:
        hint = f"the file is cut off there, or has not all columns: {_EXPORT}"
        raise NmcError(f"{where}: {len(values)} values where at least {least} are needed", hint, "files")
    raise NmcError(f"{where} cannot be read as numbers: {line[:60]!r}", _EXPORT, "files")
