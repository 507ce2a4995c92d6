"""Values of a volume that are read by boxes, so that a crop, a plane or a block costs what it holds and no more."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor

Shape = tuple[int, int, int]
Box = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
BLOCK = 16 << 20  # bytes between two reports


def whole(shape: Shape) -> Box:
    """The box of everything."""
    return ((0, shape[0]), (0, shape[1]), (0, shape[2]))


def slices_of(box: Box) -> tuple[slice, slice, slice]:
    """A box as an index."""
    (a, b), (c, d), (e, f) = box
    return slice(a, b), slice(c, d), slice(e, f)


def cut_short(name: str) -> NmcError:
    """The error for a file whose data end before its header says."""
    return NmcError(f"{name} is incomplete: the data end too early", "copy or export it again; the original may be whole")


class Source(ABC):
    """A volume ``[z, y, x]`` that is not in memory.

    Attributes
    ----------
    shape
        Voxels (z, y, x).
    dtype
        Of the values, in the machine's byte order.
    """

    shape: Shape
    dtype: np.dtype[Any]

    @abstractmethod
    def read_into(self, out: NDArray[Any], box: Box, monitor: Monitor) -> None:
        """Fill `out`, of the box's shape and any strides, by assigning blocks of the values in `box` to parts of it.

        Raises
        ------
        NmcError
            If the data end too early or cannot be unpacked.
        """

    def read(self, box: Box | None = None, monitor: Monitor | None = None) -> NDArray[Any]:
        """Values in `box` (None: all) as a new array."""
        box = box or whole(self.shape)
        out = np.empty([b - a for a, b in box], self.dtype)
        self.read_into(out, box, monitor or Monitor())
        return out


class Mapped(Source):
    """Plain values in a file at any byte offset and with any strides (padding, channels between, axes in any order).

    Parameters
    ----------
    path, offset
        File, and byte of voxel (0, 0, 0).
    dtype
        As stored, with its byte order; bool is read as uint8.
    shape, strides
        Voxels and bytes from one to the next, (z, y, x); None for packed values, z slowest.
    """

    def __init__(
        self, path: Path, dtype: np.dtype[Any], shape: Shape, offset: int = 0, strides: tuple[int, int, int] | None = None
    ) -> None:
        item = dtype.itemsize
        self.path, self.shape, self.offset = path, shape, offset
        self.stored = dtype
        self.dtype = dtype.newbyteorder("=")
        self.strides = strides or (shape[1] * shape[2] * item, shape[2] * item, item)
        end = offset + sum((n - 1) * s for n, s in zip(shape, self.strides)) + item
        if end > path.stat().st_size:
            raise cut_short(path.name)

    @property
    def is_packed(self) -> bool:
        """True for values in memory's own order and byte order: they can stay in the file and be mapped."""
        _, y, x = self.shape
        item = self.stored.itemsize
        return self.stored.isnative and self.strides == (y * x * item, x * item, item)

    def mapped(self, box: Box) -> NDArray[Any]:
        """The values of a box as a view of the file."""
        start = self.offset + sum(a * s for (a, _), s in zip(box, self.strides))
        lengths = tuple(b - a for a, b in box)
        span = sum((n - 1) * s for n, s in zip(lengths, self.strides)) + self.stored.itemsize
        if start + span > self.path.stat().st_size:  # it became shorter since it was opened
            raise cut_short(self.path.name)
        raw = np.memmap(self.path, np.uint8, "r", start, (span,))
        return np.ndarray(lengths, self.stored, raw, strides=self.strides)  # type: ignore[call-overload,no-any-return]

    def read_into(self, out: NDArray[Any], box: Box, monitor: Monitor) -> None:
        # A map of the whole file would stay in the process's memory beside the copy; maps of blocks go again.
        axis = int(np.argmax(self.strides))
        low, high = box[axis]
        others = math.prod(b - a for index, (a, b) in enumerate(box) if index != axis)
        step = max(1, min(BLOCK // self.strides[axis], BLOCK // max(1, others * self.stored.itemsize)))
        for start in monitor.track(range(low, high, step), f"Reading {self.path.name}"):
            part = [*box]
            part[axis] = (start, min(start + step, high))
            index = [slice(None)] * 3
            index[axis] = slice(start - low, start - low + step)
            out[tuple(index)] = self.mapped((part[0], part[1], part[2]))


class InMemory(Source):
    """Small things that had to be parsed whole: numbers written as text."""

    def __init__(self, values: NDArray[Any]) -> None:
        self.values = values
        self.shape = values.shape  # type: ignore[assignment]
        self.dtype = values.dtype

    def read_into(self, out: NDArray[Any], box: Box, monitor: Monitor) -> None:
        monitor.check()
        out[...] = self.values[slices_of(box)]


class Planes(Source):
    """A volume of which one whole slice at a time can be read.

    Parameters
    ----------
    read_planes
        ``read_planes(indices)`` yields the slices ``[y, x]`` with these numbers, in this order.
    """

    def __init__(
        self, shape: Shape, dtype: np.dtype[Any], name: str, read_planes: Callable[[Sequence[int]], Generator[NDArray[Any]]]
    ) -> None:
        self.shape, self.dtype, self.name, self.read_planes = shape, dtype, name, read_planes

    def read_into(self, out: NDArray[Any], box: Box, monitor: Monitor) -> None:
        (low, high), *plane = box
        inside = tuple(slice(a, b) for a, b in plane)
        numbers = range(low, high)
        with closing(self.read_planes(numbers)) as planes:
            for index, values in enumerate(monitor.track(planes, f"Reading {self.name}", len(numbers))):
                out[index] = values[inside]


class Stream(Protocol):
    """Bytes that are unpacked on the way; `skip` goes forward."""

    def read(self, size: int) -> bytes: ...

    def skip(self, size: int, monitor: Monitor) -> None: ...

    def close(self) -> None: ...


class Streamed(Source):
    """Packed values, z slowest, that can only be unpacked from the front.

    Parameters
    ----------
    dtype
        As stored, with its byte order.
    open_stream
        Gives the bytes from the front of the data on.
    first
        Bytes before voxel (0, 0, 0): another channel or time.
    interleaved, channel
        Values a voxel, and which of them to take.
    """

    def __init__(
        self,
        shape: Shape,
        dtype: np.dtype[Any],
        name: str,
        open_stream: Callable[[], Stream],
        first: int = 0,
        interleaved: int = 1,
        channel: int = 0,
    ) -> None:
        self.shape, self.name, self.open_stream = shape, name, open_stream
        self.first, self.interleaved, self.channel = first, interleaved, channel
        self.stored = dtype
        self.dtype = dtype.newbyteorder("=")

    def read_into(self, out: NDArray[Any], box: Box, monitor: Monitor) -> None:
        (z0, z1), (y0, y1), (x0, x1) = box
        row = self.shape[2] * self.stored.itemsize * self.interleaved
        plane = self.shape[1] * row
        stream = self.open_stream()
        position = 0
        try:
            for z in monitor.track(range(z0, z1), f"Reading {self.name}"):
                wanted = self.first + z * plane + y0 * row
                if wanted > position:
                    stream.skip(wanted - position, monitor)
                block = stream.read((y1 - y0) * row)
                if len(block) < (y1 - y0) * row:
                    raise cut_short(self.name)
                values = np.frombuffer(block, self.stored).reshape(y1 - y0, -1)[:, self.channel :: self.interleaved]
                out[z - z0] = values[:, x0:x1]
                position = wanted + len(block)
        finally:
            stream.close()


class Oriented(Source):
    """Another source with its axes in another order and some of them turned round.

    Parameters
    ----------
    axes
        Which axis of `source` becomes z, y and x.
    flips
        Which of z, y, x (after reordering) run against the file.
    """

    def __init__(self, source: Source, axes: tuple[int, int, int], flips: tuple[bool, bool, bool]) -> None:
        self.source, self.axes, self.flips = source, axes, flips
        self.shape = (source.shape[axes[0]], source.shape[axes[1]], source.shape[axes[2]])
        self.dtype = source.dtype

    def read_into(self, out: NDArray[Any], box: Box, monitor: Monitor) -> None:
        turned = [(n - b, n - a) if flip else (a, b) for (a, b), n, flip in zip(box, self.shape, self.flips)]
        inverse = tuple(self.axes.index(k) for k in range(3))
        view = out[tuple(slice(None, None, -1) if flip else slice(None) for flip in self.flips)].transpose(inverse)
        self.source.read_into(view, (turned[inverse[0]], turned[inverse[1]], turned[inverse[2]]), monitor)


def oriented(source: Source, axes: tuple[int, int, int], flips: tuple[bool, bool, bool]) -> Source:
    """`source` itself if nothing is to be turned, else an `Oriented` one."""
    return source if axes == (0, 1, 2) and not any(flips) else Oriented(source, axes, flips)
