"""Likely layouts of a RAW file, from its size, the numbers in its name, and how smooth neighbours are."""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.io.volumes.options import DTYPES
from nmcstudio.io.volumes.raw_layout import RawLayout

_BITS = {"8": "uint8", "16": "uint16", "32": "float32", "64": "float64"}
_EDGES = (
    64,
    100,
    128,
    200,
    256,
    300,
    400,
    500,
    512,
    600,
    700,
    750,
    800,
    900,
    1000,
    1024,
    1200,
    1500,
    1536,
    2000,
    2048,
    3072,
    4096,
)
_HEADERS = (0, 128, 256, 512, 1024, 2048, 4096)
_SAMPLE = 1 << 16  # voxels that are compared with their neighbours
_MOST = 8


def guess_layouts(path: Path) -> tuple[RawLayout, ...]:
    """Layouts that fit the size of a file, the most likely first; empty if nothing fits.

    Neighbours of a real image differ little along every axis. The guess that reads the file so that they do stands first;
    where the name says sizes or type ("499x508x1616", "uint16", "be"), only layouts that agree are tried.
    """
    size = path.stat().st_size
    dtypes, byte_orders = _named_types(path.name)
    found = []
    for dtype in dtypes or DTYPES:
        item = np.dtype(dtype).itemsize
        for shape, offset in _shapes(path.name, size, item):
            for order in byte_orders if item > 1 else ("little",):
                found.append(RawLayout(shape, dtype, order, offset))
    with path.open("rb") as file:
        rated = [(_roughness(file, layout, size), index) for index, layout in enumerate(found[:400])]
    return tuple(found[index] for _, index in sorted(rated)[:_MOST])


def _named_types(name: str) -> tuple[list[str], tuple[str, ...]]:
    """Types and byte orders that a name speaks of."""
    low = name.lower()
    words = re.split(r"[^a-z0-9]+", low)
    said = [dtype for dtype in DTYPES if re.search(rf"(?<![a-z]){dtype}(?!\d)", low)]
    if not said:
        for pattern in (r"(?<!\d)(8|16|32|64)[ _-]?bit", r"(?<![a-z])u(?:int)?(8|16)(?!\d)"):
            said = [_BITS[bits] for bits in re.findall(pattern, low)]
            if said:
                break
    if not said and "float" in words:
        said = ["float32"]
    if {"be", "msb", "bigendian"} & set(words):
        return said, ("big",)
    if {"le", "lsb", "littleendian"} & set(words):
        return said, ("little",)
    return said, ("little", "big")


def _shapes(name: str, size: int, item: int) -> list[tuple[tuple[int, int, int], int]]:
    """Shapes (z, y, x) and header lengths that fill a file."""
    numbers = [int(digits) for digits in re.findall(r"(?<!\d)\d{1,5}(?!\d)", re.sub(r"u?int\d+|float\d+|\d+[ _-]?bit", "", name))]
    named = []
    for first in range(len(numbers) - 2):
        three = numbers[first : first + 3]
        rest = size - math.prod(three) * item
        if min(three) > 0 and 0 <= rest <= max(_HEADERS):
            # People write x, y, z; programs with numpy's habit z, y, x. The other orders are rare.
            orders = [tuple(reversed(three)), tuple(three), *itertools.permutations(three)]
            named += [(shape, rest) for shape in dict.fromkeys(orders)]
    if named:
        return named  # type: ignore[return-value]
    shapes: list[tuple[tuple[int, int, int], int]] = []
    for header in _HEADERS:
        voxels, left = divmod(size - header, item)
        edge = round(voxels ** (1 / 3)) if voxels > 0 else 0
        if left == 0 and edge > 1 and edge**3 == voxels:
            shapes.append(((edge, edge, edge), header))
    if size % item == 0:
        voxels = size // item
        shapes += [((voxels // n**2, n, n), 0) for n in _EDGES if voxels % n**2 == 0 and 4 <= voxels // n**2 <= 20000]
    return list(dict.fromkeys(shapes))


def _roughness(file: Any, layout: RawLayout, size: int) -> float:
    """Mean difference of neighbours along x, y and z over that of voxels far apart; infinite for what cannot be numbers."""
    item = np.dtype(layout.dtype).itemsize
    steps = [1, layout.shape[2], layout.shape[1] * layout.shape[2]]
    count = math.prod(layout.shape)
    if count < 8:
        return math.inf
    start = count // 2 - min(count, _SAMPLE) // 2

    def values(first: int) -> NDArray[np.float64]:
        file.seek(layout.offset + first * item)
        block = file.read(min(_SAMPLE, count - first) * item)
        with np.errstate(invalid="ignore"):  # any bytes, read as floating-point numbers
            return np.frombuffer(block, layout.stored_dtype, len(block) // item).astype(np.float64)

    here = values(start)
    if layout.dtype.startswith("f") and (not np.isfinite(here).all() or np.abs(here).max(initial=0) > 1e12):
        return math.inf
    if layout.dtype.startswith("f") and np.any((here != 0) & (np.abs(here) < 1e-20)):
        return math.inf
    # Far neighbours: the middle of another slice would be alike, so the order is shuffled instead.
    shuffled = np.random.default_rng(0).permutation(here)
    spread = float(np.abs(here - shuffled).mean())
    if spread == 0:
        return 3.0
    rough = 0.0
    for step in steps:
        there = values(min(start + step, count - 1))
        n = min(len(here), len(there))
        rough += float(np.abs(here[:n] - there[:n]).mean()) / spread
    # A signed type of the same bits is no smoother where no value is negative; the plain one is then the likely one.
    penalty = 0.01 * (layout.dtype.startswith("int") + layout.byte_order.startswith("big")) + 0.002 * item
    return rough + penalty
