"""Which pages and samples of a TIFF file are slices, channels and times."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tifffile
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError

_WORDS = {"C": "channels", "T": "times"}


@dataclass(frozen=True)
class TiffAxes:
    """Axes of the one series of a TIFF file.

    Attributes
    ----------
    names, lengths
        "z", "y", "x", "c" (channel), "t" (time) and "1" (of length one), slowest first, and their lengths.
    page_ndim
        How many of the last axes stand in one page.
    warnings
        What a user should know.
    """

    names: str
    lengths: tuple[int, ...]
    page_ndim: int
    warnings: tuple[str, ...] = ()

    def _length(self, name: str) -> int:
        return self.lengths[self.names.index(name)] if name in self.names else 1

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels (z, y, x)."""
        return self._length("z"), self._length("y"), self._length("x")

    @property
    def channels(self) -> int:
        return self._length("c")

    @property
    def times(self) -> int:
        return self._length("t")

    @property
    def in_page(self) -> str:
        """Names of the axes in one page."""
        return self.names[len(self.names) - self.page_ndim :]

    def layout(self, item: int, channel: int, time: int) -> tuple[int, tuple[int, int, int]]:
        """Bytes before the first voxel of a channel and time, and strides (z, y, x), of packed values."""
        steps = [item * math.prod(self.lengths[k + 1 :]) for k in range(len(self.lengths))]
        stride = {name: step for name, step in zip(self.names, steps) if name != "1"}
        plane = self.shape[1] * self.shape[2] * item
        before = channel * stride.get("c", 0) + time * stride.get("t", 0)
        return before, (stride.get("z", plane), stride["y"], stride["x"])

    def page(self, z: int, channel: int, time: int) -> int:
        """Number of the page in which a slice stands."""
        index = 0
        wanted = {"z": z, "c": channel, "t": time, "1": 0}
        for name, length in zip(self.names[: len(self.names) - self.page_ndim], self.lengths):
            index = index * length + wanted[name]
        return index

    def in_plane(self, page: NDArray[Any], channel: int) -> NDArray[Any]:
        """The slice ``[y, x]`` in a page of this file."""
        return page[self._index(self.in_page, channel, 0, 0)]

    def take(self, volume: NDArray[Any], channel: int, time: int, z: int) -> NDArray[Any]:
        """The slice ``[y, x]`` of the whole series."""
        return volume[self._index(self.names, channel, time, z)]

    def _index(self, names: str, channel: int, time: int, z: int) -> tuple[Any, ...]:
        wanted: dict[str, Any] = {"z": z, "c": channel, "t": time, "1": 0, "y": slice(None), "x": slice(None)}
        return tuple(wanted[name] for name in names)


def axes_of(path: Path, tif: tifffile.TiffFile) -> TiffAxes:
    """Axes of a file of one series.

    Raises
    ------
    NmcError
        If the pages are of different sizes, or have more axes than slices, channels and times.
    """
    series = tif.series
    if len(series) != 1:
        shapes = sorted({"×".join(map(str, one.shape)) for one in series})
        raise NmcError(
            f"the pages of {path.name} have different sizes ({', '.join(shapes[:4])})",
            "a volume needs slices of one size: export the stack without thumbnails or other images",
        )
    one: Any = series[0]
    letters, lengths = one.axes, one.shape
    names = [""] * len(letters)
    # The last Y and X; a sample axis may stand before or behind them.
    names[letters.rindex("Y")], names[letters.rindex("X")] = "y", "x"
    open_axes = [k for k, name in enumerate(names) if not name and lengths[k] > 1]
    for k, name in enumerate(names):
        if not name and lengths[k] == 1:
            names[k] = "1"
    warnings = []
    for k in [k for k in open_axes if letters[k] == "S"]:
        names[k] = "c"
        open_axes.remove(k)
    slices = [k for k in open_axes if letters[k] not in "CT"]
    if not slices and len(open_axes) == 1:
        # Many programs write the slices of a stack as channels or times.
        slices = open_axes
        warnings.append(f"its {lengths[slices[0]]} {_WORDS[letters[slices[0]]]} are read as slices")
    for k in slices:
        names[k] = "z"
        open_axes.remove(k)
    for k in open_axes:
        names[k] = {"C": "c", "T": "t"}[letters[k]]
    if any(names.count(name) > 1 for name in "zct"):
        raise NmcError(
            f"{path.name} has {len(lengths)} dimensions ({letters}, {'×'.join(map(str, lengths))})",
            "save one channel and one time as a stack of slices",
        )
    page: Any = one.pages[0]
    return TiffAxes("".join(names), tuple(int(n) for n in lengths), len(page.shape), tuple(warnings))
