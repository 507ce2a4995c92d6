"""The six faces of a volume, and where material goes on beyond them.

A filter with reflecting ends makes particles near a face touch it although they are whole. What a face itself shows, filtered
within its plane only, tells them from those that it cuts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: First and last plane across z, y and x; bool, or grey values.
Faces = tuple[NDArray[Any], ...]
Corner = tuple[int, int, int]


def whole_faces(shape: tuple[int, int, int]) -> Faces:
    """Faces at which everything that touches them is cut."""
    return take_faces(shape, lambda starts, stops: np.ones([b - a for a, b in zip(starts, stops)], bool))


def take_faces(shape: tuple[int, int, int], block: Callable[[Corner, Corner], NDArray[Any]]) -> Faces:
    """The faces of a volume of which ``block(starts, stops)`` gives any box, with an axis of length one across the face."""
    planes = []
    for axis, length in enumerate(shape):
        for index in (0, length - 1):
            low, high = [0, 0, 0], list(shape)
            low[axis], high[axis] = index, index + 1
            found = block((low[0], low[1], low[2]), (high[0], high[1], high[2]))
            planes.append(np.ascontiguousarray(found.reshape([n for k, n in enumerate(shape) if k != axis])))
    return tuple(planes)
