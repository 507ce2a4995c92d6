"""Digests of large arrays in bricks, so that an edit costs what it changed and several cores share the first one."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LARGE = 1 << 22  # bytes above which a volume is digested in bricks
_BRICK = (16, 64, 128)
_FEW = 32  # bricks that are not worth a second thread


def is_large(array: NDArray[Any]) -> bool:
    """True for volumes whose digest is made of those of bricks."""
    return array.ndim == 3 and array.nbytes > _LARGE


class ArrayDigest:
    """SHA-256 of a large volume, kept up while it changes.

    Attributes
    ----------
    array
        ``[z, y, x]``, any dtype.
    """

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = array
        self._counts = tuple(-(-n // b) for n, b in zip(array.shape, _BRICK))
        self._bricks = np.empty((*self._counts, 32), np.uint8)
        self._feed([range(n) for n in self._counts])

    def update(self, box: tuple[slice, slice, slice]) -> None:
        """Follow a change inside a box."""
        self._feed([range(part.start // b, -(-part.stop // b)) for part, b in zip(box, _BRICK)])

    def value(self) -> bytes:
        """The digest of the whole array."""
        return hashlib.sha256(self._bricks.tobytes()).digest()

    def _feed(self, ranges: list[range]) -> None:
        columns = list(product(ranges[0], ranges[1]))
        if len(columns) * len(ranges[2]) <= _FEW:
            for k, j in columns:
                self._feed_row(k, j, ranges[2])
            return
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            for _ in pool.map(lambda place: self._feed_row(place[0], place[1], ranges[2]), columns):
                pass

    def _feed_row(self, k: int, j: int, row: range) -> None:
        z, y = (slice(i * b, (i + 1) * b) for i, b in ((k, _BRICK[0]), (j, _BRICK[1])))
        for i in row:
            brick = np.ascontiguousarray(self.array[z, y, i * _BRICK[2] : (i + 1) * _BRICK[2]])
            self._bricks[k, j, i] = np.frombuffer(hashlib.sha256(brick.data.cast("B")).digest(), np.uint8)
