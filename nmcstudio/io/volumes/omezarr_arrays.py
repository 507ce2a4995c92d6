"""Arrays of a Zarr folder or zip file, read chunk by chunk."""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.io.volumes.sources import Box, Source, cut_short

MARKS = (".zgroup", ".zarray", "zarr.json")
_SLAB = 16 << 20  # bytes that are unpacked between two reports


@dataclass(frozen=True)
class Pyramid:
    """One image of a file: its arrays from the finest on, axis names, and per array scale and translation in the file's unit."""

    name: str
    arrays: tuple[Any, ...]
    axes: tuple[str, ...]
    units: tuple[str, ...]
    scales: tuple[tuple[float, ...], ...]
    shifts: tuple[tuple[float, ...], ...]

    @property
    def space(self) -> tuple[int, ...]:
        """Which axes of the array are space, in its order."""
        return tuple(k for k, name in enumerate(self.axes) if name in ("z", "y", "x"))

    def shape(self, level: int) -> tuple[int, int, int]:
        """Voxels (z, y, x); a plane has one slice."""
        lengths = dict(zip(self.axes, self.arrays[level].shape))
        return lengths.get("z", 1), lengths["y"], lengths["x"]

    def length(self, axis: str) -> int:
        return dict(zip(self.axes, self.arrays[0].shape)).get(axis, 1)


def zip_root(path: Path) -> str | None:
    """Folder inside a zip file that has Zarr's metadata, the one nearest to the top; None if there is none."""
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as file:
        places = [name.rpartition("/")[0] for name in file.namelist() if name.rpartition("/")[2] in MARKS]
    return min(places, key=lambda place: (len(place.split("/")) if place else 0, place), default=None)


@contextmanager
def opened_root(path: Path) -> Iterator[Any]:
    """The group, or a plain array, at the top."""
    import zarr

    inside = None if path.is_dir() else zip_root(path)
    store = zarr.storage.LocalStore(path, read_only=True) if inside is None else zarr.storage.ZipStore(path, mode="r")
    try:
        yield zarr.open(store, mode="r", path=inside or "")
    except NmcError:
        raise
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, FileNotFoundError, zipfile.BadZipFile) as error:
        raise NmcError(f"the metadata of {path.name} are damaged ({error})", "copy or export it again") from error
    finally:
        store.close()


class InZarr(Source):
    """One channel and time of one level, with its axes of space in the array's order; opened only while it is read."""

    def __init__(self, path: Path, pyramid: Pyramid, level: int, channel: int, time: int) -> None:
        array = pyramid.arrays[level]
        self.path, self.place = path, array.path
        self.space = pyramid.space
        self.flat = len(self.space) == 2
        self.shape = tuple([1] * self.flat + [array.shape[k] for k in self.space])  # type: ignore[assignment]
        if array.dtype.kind not in "uifb":
            raise NmcError(f"{path.name} holds values of type {array.dtype}", "export it as grey values or labels")
        self.dtype = np.dtype(np.uint8) if array.dtype.kind == "b" else array.dtype.newbyteorder("=")
        self.fixed = {k: {"c": channel, "t": time}.get(name, 0) for k, name in enumerate(pyramid.axes) if k not in self.space}
        self.chunks = array.chunks

    def read_into(self, out: NDArray[Any], box: Box, monitor: Monitor) -> None:
        ranges = box[1:] if self.flat else box
        view = out[0] if self.flat else out
        thick = [self.chunks[k] for k in self.space]
        # Blocks of whole chunks: a long slab of a large plane is cut along the second axis as well.
        others = int(np.prod([b - a for a, b in ranges[2:]], dtype=np.int64)) * self.dtype.itemsize
        first, second = ranges[0], ranges[1]
        rows = max(1, _SLAB // max(1, others * min(thick[0], first[1] - first[0])) // thick[1]) * thick[1]
        blocks = [
            (a, b)
            for a in _cuts(first, max(1, _SLAB // max(1, others * (second[1] - second[0])) // thick[0]) * thick[0])
            for b in _cuts(second, rows)
        ]
        with opened_root(self.path) as root:
            inside = self.place.removeprefix(root.path).strip("/")
            array = root[inside] if inside else root
            blosc = self.path.is_dir() and _has_blosc(array)
            for (a0, a1), (b0, b1) in monitor.track(blocks, f"Reading {self.path.name}"):
                index: list[Any] = [self.fixed.get(k, slice(None)) for k in range(array.ndim)]
                index[self.space[0]], index[self.space[1]] = slice(a0, a1), slice(b0, b1)
                for k, (low, high) in zip(self.space[2:], ranges[2:]):
                    index[k] = slice(low, high)
                part = (slice(a0 - first[0], a1 - first[0]), slice(b0 - second[0], b1 - second[0]))
                if blosc:
                    self._check_chunks(array, inside, tuple(index), monitor)
                view[part] = self._chunk(array, tuple(index))

    def _check_chunks(self, array: Any, inside: str, index: tuple[Any, ...], monitor: Monitor) -> None:
        """Blosc unpacks a chunk that was cut off without a word, with whatever stands in memory behind it."""
        spans = []
        for one, length, chunk in zip(index, array.shape, array.chunks):
            ends = (one, one + 1) if isinstance(one, int) else one.indices(length)[:2]
            spans.append(range(ends[0] // chunk, -(-ends[1] // chunk)))
        for place in itertools.product(*spans):
            monitor.check()
            file = self.path / inside / array.metadata.encode_chunk_key(place)
            if file.is_file():  # chunks of nothing but the fill value need no file
                with file.open("rb") as stream:
                    head = stream.read(16)
                if len(head) < 16 or int.from_bytes(head[12:16], "little") > file.stat().st_size:
                    raise cut_short(f"{self.path.name}/{file.relative_to(self.path).as_posix()}")

    def _chunk(self, array: Any, index: tuple[Any, ...]) -> NDArray[Any]:
        try:
            return np.asarray(array[index])
        except (ValueError, RuntimeError, OSError, TypeError, zipfile.BadZipFile) as error:
            raise NmcError(f"a chunk of {self.path.name} cannot be read ({error})", "copy or export it again") from error


def _has_blosc(array: Any) -> bool:
    """True if each file of an array is one chunk that Blosc has packed."""
    metadata = array.metadata
    if metadata.zarr_format == 2:
        return getattr(metadata.compressor, "codec_id", "") == "blosc"
    return type(metadata.codecs[-1]).__name__ == "BloscCodec"


def _cuts(ends: tuple[int, int], step: int) -> list[tuple[int, int]]:
    """A range cut where multiples of `step` lie."""
    low, high = ends
    starts = [low, *range(low // step * step + step, high, step)]
    return list(zip(starts, [*starts[1:], high]))
