"""Planes of a map that are worked out when they are looked at, in a worker, and kept while there is room."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.gui.views.contents import PlaneSource

_ROOM_BYTES = 96 << 20
_AT_ONCE_US = 30_000


class LazyPlanes(PlaneSource):
    """Values from a function of (axis, index), which takes about `point_us` microseconds a point.

    Attributes
    ----------
    ask
        Called with (source, axis, index) for a plane that is not there; it is to bring it by `put` and have the pictures drawn
        anew. None works it out on the spot, and so do planes that take no time to speak of.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        dtype: Any,
        work: Callable[[int, int], NDArray[Any]],
        point_us: float,
        room_bytes: int = _ROOM_BYTES,
    ) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self._point_us = point_us
        self.ask: Callable[[LazyPlanes, int, int], None] | None = None
        self._work, self._room = work, room_bytes
        self._planes: OrderedDict[tuple[int, int], NDArray[Any]] = OrderedDict()

    def work_out(self, axis: int, index: int) -> NDArray[Any]:
        """The values of a plane; touches nothing, and may run in any thread."""
        return self._work(axis, index)

    def put(self, axis: int, index: int, plane: NDArray[Any]) -> None:
        """Keep a plane; those looked at longest ago go where there is no room."""
        self._planes[axis, index] = plane
        self._planes.move_to_end((axis, index))
        while len(self._planes) > 3 and sum(held.nbytes for held in self._planes.values()) > self._room:
            self._planes.popitem(last=False)

    def make_middle(self) -> LazyPlanes:
        """Work out the three planes that are seen first."""
        for axis in range(3):
            self.put(axis, self.shape[axis] // 2, self.work_out(axis, self.shape[axis] // 2))
        return self

    def plane(self, axis: int, index: int) -> NDArray[Any] | None:
        held = self._planes.get((axis, index))
        if held is not None:
            self._planes.move_to_end((axis, index))
        elif self.ask is not None and self._takes_long(axis):
            self.ask(self, axis, index)
        else:
            held = self.work_out(axis, index)
            self.put(axis, index, held)
        return held

    def _takes_long(self, axis: int) -> bool:
        points = float(np.prod(self.shape)) / self.shape[axis]
        return points * self._point_us > _AT_ONCE_US

    def value(self, index_zyx: tuple[int, int, int]) -> Any:
        """One value out of the planes that are there: a mouse over a hidden layer makes none."""
        for axis in range(3):
            held = self._planes.get((axis, index_zyx[axis]))
            if held is not None:
                return held[tuple(i for other, i in enumerate(index_zyx) if other != axis)]
        return None
