"""A volume in blocks, and values on disk that are read like an array."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.io.volumes.sources import Source

Corner = tuple[int, int, int]


@dataclass(frozen=True)
class Block:
    """A box of voxels.

    Attributes
    ----------
    number
        Place in the order of the grid.
    starts, stops
        First voxel and the one behind the last, (z, y, x).
    """

    number: int
    starts: Corner
    stops: Corner

    @property
    def box(self) -> tuple[slice, slice, slice]:
        """The block as an index of the volume."""
        return _slices(self.starts, self.stops)

    @property
    def shape(self) -> Corner:
        return _triple(b - a for a, b in zip(self.starts, self.stops))

    def widened(self, halo: int, shape: tuple[int, ...]) -> Block:
        """The block with `halo` voxels more on every side, as far as there are any."""
        starts = _triple(max(0, a - halo) for a in self.starts)
        return Block(self.number, starts, _triple(min(n, b + halo) for b, n in zip(self.stops, shape)))

    def inside(self, larger: Block) -> tuple[slice, slice, slice]:
        """Where this block lies in a larger one."""
        return _slices(
            _triple(a - o for a, o in zip(self.starts, larger.starts)), _triple(b - o for b, o in zip(self.stops, larger.starts))
        )


@dataclass(frozen=True)
class Grid:
    """Blocks that tile a volume, in the order of z, y, x.

    Attributes
    ----------
    shape
        Voxels of the volume.
    edges
        Voxels of a block; the last ones may be smaller.
    """

    shape: Corner
    edges: Corner

    @property
    def counts(self) -> Corner:
        """Blocks along each axis."""
        return _triple(-(-n // e) for n, e in zip(self.shape, self.edges))

    def blocks(self) -> list[Block]:
        """All blocks."""
        return [self.block(*at) for at in itertools.product(*map(range, self.counts))]

    def block(self, *at: int) -> Block:
        """The block at a place of the grid."""
        starts = _triple(i * e for i, e in zip(at, self.edges))
        return Block(self.number(*at), starts, _triple(min(a + e, n) for a, e, n in zip(starts, self.edges, self.shape)))

    def number(self, *at: int) -> int:
        """Number of the block at a place of the grid."""
        return int(np.ravel_multi_index(at, self.counts))

    def owners(self, voxels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers of the blocks that hold voxels, given by flat index."""
        places = np.unravel_index(voxels, self.shape)
        return np.ravel_multi_index(tuple(p // e for p, e in zip(places, self.edges)), self.counts).astype(np.int64)

    def neighbours(self) -> Iterator[tuple[int, int, int]]:
        """Axis, block, and the next block along that axis, for all pairs with a common face."""
        for at in itertools.product(*map(range, self.counts)):
            for axis in range(3):
                after = list(at)
                after[axis] += 1
                if after[axis] < self.counts[axis]:
                    yield axis, self.number(*at), self.number(*after)


class OnDisk:
    """Values ``[z, y, x]`` of a source, read when they are indexed; a band of slices is kept for those who go through them.

    Parameters
    ----------
    source
        Where the values are read.
    band
        Slices that are read together when slices are asked for, so that no chunk is unpacked for each of its slices.
    """

    ndim = 3

    def __init__(self, source: Source, band: int = 1) -> None:
        self.source = source
        self.shape = source.shape
        self.dtype = source.dtype
        self.size = int(np.prod(source.shape))
        self._band = max(1, band)
        self._lock = threading.Lock()
        self._kept: tuple[int, NDArray[Any]] | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def __getstate__(self) -> dict[str, Any]:
        # What is kept, and the lock, stay in this process.
        return {"source": self.source, "band": self._band}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["source"], state["band"])  # type: ignore[misc]

    def __getitem__(self, index: Any) -> NDArray[Any]:
        parts = (index if isinstance(index, tuple) else (index,)) + (slice(None),) * 3
        ranges = []
        for part, n in zip(parts[:3], self.shape):
            at = part if isinstance(part, slice) else slice(int(part) % n, int(part) % n + 1)
            ranges.append(range(*at.indices(n)))
        if not all(ranges):
            found = np.empty([len(r) for r in ranges], self.dtype)
        elif all(r == range(n) for r, n in zip(ranges[1:], self.shape[1:])) and len(ranges[0]) <= self._band:
            found = np.stack([self._slice(z) for z in ranges[0]])
        else:
            box = tuple((r[0], r[-1] + 1) for r in ranges)
            found = self.source.read(box)[tuple(slice(None, None, r.step) for r in ranges)]  # type: ignore[arg-type]
        return found[tuple(slice(None) if isinstance(part, slice) else 0 for part in parts[:3])]

    def _slice(self, z: int) -> NDArray[Any]:
        with self._lock:
            start = z // self._band * self._band
            if self._kept is None or self._kept[0] != start:
                self._kept = None
                stop = min(start + self._band, self.shape[0])
                self._kept = (start, self.source.read(((start, stop), (0, self.shape[1]), (0, self.shape[2]))))
            return self._kept[1][z - start]


def _triple(values: Any) -> Corner:
    a, b, c = values
    return int(a), int(b), int(c)


def _slices(starts: Corner, stops: Corner) -> tuple[slice, slice, slice]:
    return slice(starts[0], stops[0]), slice(starts[1], stops[1]), slice(starts[2], stops[2])
