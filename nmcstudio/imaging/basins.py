"""Basins of a field of heights: every voxel flows uphill to a top."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Triple
from nmcstudio.core.workers import beside, in_threads, planes_of, slices
from nmcstudio.imaging import basin_kernels, kernels
from nmcstudio.imaging.components import forest_type
from nmcstudio.imaging.denoise import EVERYTHING
from nmcstudio.imaging.faces import Faces, whole_faces

CHUNK = 1 << 21
ROWS = 64  # of y in one piece of work: a few planes of it stay in the processor's cache


def find_basins(
    codes: NDArray[np.uint16], edges: Triple, monitor: Monitor | None = None
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Basins of heights by the rule of `basin_kernels.point_uphill`.

    Returns
    -------
    basins
        int32 or int64 ``[z, y, x]``: 1, 2, … in the order of their tops, 0 in the background.
    tops
        int64 ``(n,)``, flat index of the top of basin 1, 2, ….
    """
    monitor = monitor or Monitor()
    message = "Finding the middles of particles"
    parents = np.empty(codes.shape, forest_type(codes.size))
    nz, ny, nx = codes.shape
    away = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 3, indexing="ij"), axis=-1).reshape(27, 3)
    lengths = np.sqrt(((away * np.asarray(edges)) ** 2).sum(axis=1))
    weights = np.divide(1, lengths, out=np.zeros(27), where=lengths > 0).astype(np.float32)
    steps = (away @ np.array([ny * nx, nx, 1])).astype(parents.dtype)

    def point(piece: tuple[slice, slice]) -> None:
        z, y = piece
        planes = np.zeros((3, y.stop - y.start + 2, nx + 2), np.float32)
        basin_kernels.point_uphill(codes, weights, steps, z.start, z.stop, y.start, y.stop, planes, parents)

    depth = max(1, CHUNK // (ROWS * nx))
    in_threads(point, [(z, y) for z in slices(nz, depth) for y in slices(ny, ROWS)], monitor.sub(0.0, 0.6), message)
    flat = parents.reshape(-1)
    chunks = slices(flat.size, CHUNK)
    # Threads may shorten paths of each other's voxels: whatever they read leads to the same top.
    in_threads(lambda part: kernels.follow(flat, part.start, part.stop), chunks, monitor.sub(0.6, 0.85), message)
    found = in_threads(lambda part: kernels.find_roots(flat, part.start, part.stop), chunks, monitor.sub(0.85, 0.9), message)
    tops = np.concatenate([np.empty(0, np.int64), *found])
    in_threads(lambda part: kernels.rank_roots(flat, tops, part.start, part.stop), chunks, monitor.sub(0.9, 1.0), message)
    return parents, tops


@dataclass
class _Found:
    """What one thread has found so far."""

    sizes: NDArray[np.int64]
    cut: NDArray[np.bool_]
    keys: NDArray[np.int64]
    necks: NDArray[np.uint16]
    used: int = 0


def survey_basins(
    basins: NDArray[Any],
    codes: NDArray[np.uint16],
    count: int,
    observed: NDArray[np.bool_] | None,
    monitor: Monitor,
    faces: Faces | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64], NDArray[np.float64]]:
    """Voxels of each basin, whether it is cut, pairs of neighbours (sorted) and their necks in codes.

    A slab with one plane before it gives its share: sizes add, necks of a pair take the larger. `faces` say where material
    goes on beyond the border; None: everywhere.
    """
    known = EVERYTHING if observed is None else observed
    faces = whole_faces(basins.shape) if faces is None else faces  # type: ignore[arg-type]
    ny, nx = basins.shape[1:]
    idle: list[_Found] = []

    def work(part: slice) -> None:
        try:
            found = idle.pop()
        except IndexError:
            found = _Found(
                np.zeros(count + 1, np.int64), np.zeros(count + 1, bool), *_table(max(1 << 12, 1 << (6 * nx).bit_length()))
            )
        row, stop = part.start * ny, part.stop * ny
        while row < stop:
            row, found.used = basin_kernels.survey(
                basins, codes, known, faces, row, stop, found.sizes, found.cut, found.keys, found.necks, found.used
            )
            if row < stop:
                found.keys, found.necks = _larger(found.keys, found.necks)
        idle.append(found)

    in_threads(work, planes_of(basins.shape, CHUNK), monitor, "Finding necks between particles")
    sizes, cut = np.zeros(count + 1, np.int64), np.zeros(count + 1, bool)
    for found in idle:
        sizes += found.sizes
        cut |= found.cut
    keys, necks = beside(partial(_gathered, idle), monitor)
    return sizes, cut, np.stack([keys >> 32, keys & 0xFFFFFFFF], axis=1), necks.astype(np.float64)


def _gathered(parts: list[_Found]) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """Pairs and necks of all threads."""
    keys = np.concatenate([np.empty(0, np.int64), *[found.keys[found.keys >= 0] for found in parts]])
    necks = np.concatenate([np.empty(0, np.uint16), *[found.necks[found.keys >= 0] for found in parts]])
    return _largest(keys, necks)


def _table(length: int) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    return np.full(length, -1, np.int64), np.zeros(length, np.uint16)


def _larger(keys: NDArray[np.int64], necks: NDArray[np.uint16]) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """The same table in twice the room."""
    new_keys, new_necks = _table(2 * len(keys))
    basin_kernels.move(keys, necks, new_keys, new_necks)
    return new_keys, new_necks


def _largest(keys: NDArray[np.int64], values: NDArray[np.uint16]) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """Each key once, in order, with its largest value."""
    if not keys.size:
        return keys, values
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], values[order]
    first = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    return keys[first], np.maximum.reduceat(values, first)
