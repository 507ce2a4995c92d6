"""Decimal numbers in a block of text, in machine code: a map of five million points is half a gigabyte of digits."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

# Powers of ten that a float64 holds exactly: a number of up to 15 digits times or over one of them is rounded once.
_POWERS: NDArray[np.float64] = np.power(10.0, np.arange(23))
_SPACE, _DOT = 32, 46


@numba.njit(nogil=True, cache=True)
def read_numbers(
    text: NDArray[np.uint8], delimiter: int, decimal: int, powers: NDArray[np.float64], out: NDArray[np.float64]
) -> tuple[int, int]:  # pragma: no cover - machine code
    """Rows of numbers; white space and `delimiter` part them, and a line without any number is passed over.

    Parameters
    ----------
    text
        Whole lines, the last one ended as well: every loop stops at that.
    delimiter, decimal
        Character codes; the delimiter is a blank where white space alone parts the numbers.
    powers
        1, 10, …, 1e22.
    out
        ``(rows, columns)``, filled from the top; NaN for what C libraries write for no number: nan, -nan(ind), 1.#QNAN, inf.

    Returns
    -------
    Number of rows, and -1, or the number of the line that has another count of values or something that is no number.
    """
    columns = out.shape[1]
    row, column, line = 0, 0, 0
    at, end = np.uint64(0), np.uint64(text.size)
    one = np.uint64(1)
    while at < end:
        code = text[at]
        if code <= 32 or code == delimiter:
            at += one
            if code == 10:
                if column == columns:
                    row += 1
                elif column > 0:
                    return row, line
                column = 0
                line += 1
            continue
        if column == columns or row == out.shape[0]:
            return row, line
        negative = code == 45
        if negative or code == 43:
            at += one
        letter = text[at] | 32
        if (letter == 110 or letter == 105) and at + np.uint64(2) < end:
            # "nan" or "inf"; what follows up to the end of the word ("(ind)", "inity") says no more.
            second, third = text[at + one] | 32, text[at + np.uint64(2)] | 32
            if second != (97 if letter == 110 else 110) or third != (110 if letter == 110 else 102):
                return row, line
            value = np.nan
            while text[at] > 32 and text[at] != delimiter:
                at += one
        else:
            mantissa, digits, shift = np.int64(0), 0, 0
            for part in range(2):
                while True:
                    digit = np.int64(text[at]) - 48
                    if digit < 0 or digit > 9:
                        break
                    digits += 1
                    if mantissa < 99_999_999_999_999_999:
                        mantissa = mantissa * 10 + digit
                        shift += part
                    else:
                        shift += part - 1
                    at += one
                if part == 1 or text[at] != decimal:
                    break
                at += one
            if digits == 0:
                return row, line
            nothing = text[at] == 35  # "1.#QNAN"
            while nothing and text[at] > 32 and text[at] != delimiter:
                at += one
            if (text[at] | 32) == 101:
                at += one
                below = text[at] == 45
                if below or text[at] == 43:
                    at += one
                exponent, digits = 0, 0
                while 48 <= text[at] <= 57:
                    if exponent < 1000:
                        exponent = 10 * exponent + int(text[at]) - 48
                    digits += 1
                    at += one
                if digits == 0:
                    return row, line
                shift += exponent if below else -exponent
            value = np.float64(mantissa)
            while shift != 0 and value != 0.0 and value != np.inf:
                step = min(abs(shift), 22)
                value = value / powers[step] if shift > 0 else value * powers[step]
                shift -= step if shift > 0 else -step
            if negative:
                value = -value
            if nothing:
                value = np.nan
        code = text[at]
        if code > 32 and code != delimiter:
            return row, line
        out[row, column] = value
        column += 1
    return row, -1


def numbers_of(block: bytes, columns: int, delimiter: int = _SPACE, decimal: int = _DOT) -> tuple[NDArray[Any], int]:
    """Rows ``(n, columns)`` of numbers in whole lines, and -1 or the first line that is wrong; see `read_numbers`."""
    out = np.empty((block.count(b"\n"), columns))
    rows, bad = read_numbers(np.frombuffer(block, np.uint8), delimiter, decimal, _POWERS, out)
    return out[:rows], bad
