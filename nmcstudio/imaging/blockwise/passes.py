"""What is done with one block: every function reads what it needs around it and gives what the whole volume would give there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Triple
from nmcstudio.imaging import basin_kernels, gauss_kernels, kernels
from nmcstudio.imaging.blockwise.grid import Block, Corner, Grid, OnDisk
from nmcstudio.imaging.blockwise.kernels import survey_block
from nmcstudio.imaging.denoise import EVERYTHING, each_smoothed_plane
from nmcstudio.imaging.distance import squared_distance_inside
from nmcstudio.imaging.faces import Faces
from nmcstudio.imaging.field_of_view import Observed
from nmcstudio.imaging.heights import STEP
from nmcstudio.imaging.segment_settings import SegmentSettings
from nmcstudio.imaging.smoothed import Ground, smooth_codes
from nmcstudio.imaging.threshold import count_codes

SMOOTHING = 1.0  # of the distances, in voxels, as in `split_hierarchy`


@dataclass(frozen=True)
class Job:
    """What every block needs to know.

    Attributes
    ----------
    values
        Grey values or phases.
    grid
        The blocks.
    edges
        Voxel edges (z, y, x), of mean 1.
    settings, ground
        As for `smooth_volume`; the ground without its mask.
    observed
        What was imaged.
    folder
        Arrays between the passes: codes, mask, heights, basins.
    below
        Codes up to this one are not material.
    step
        Height of one code of the heights.
    count
        Number of basins of the whole volume.
    faces
        bool: where material goes on beyond the volume's faces.
    """

    values: OnDisk
    grid: Grid
    edges: Triple
    settings: SegmentSettings
    ground: Ground
    observed: Observed
    folder: Path
    below: int = 0
    step: float = STEP
    count: int = 0
    faces: Faces = ()

    def array(self, name: str) -> Any:
        """One of the arrays between the passes."""
        import zarr

        return zarr.open_array(self.folder / name, mode="r+")

    def create(self, name: str, dtype: Any) -> None:
        """Make one of the arrays; its chunks tile the blocks."""
        import zarr

        chunks = tuple(_chunk(min(e, n)) for e, n in zip(self.grid.edges, self.grid.shape))
        zarr.create_array(self.folder / name, shape=self.grid.shape, chunks=chunks, dtype=dtype, fill_value=0)


def _chunk(edge: int) -> int:
    """The largest divisor of an edge up to 64 voxels, or the edge if it has none: so blocks can be written beside each other."""
    best = max(d for d in range(1, min(edge, 64) + 1) if edge % d == 0)
    return best if best >= 16 else edge


def smooth_box(job: Job, starts: Corner, stops: Corner) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Codes of a box that is filtered as if nothing were around it, and what of it was observed."""
    fitted = job.ground.fitted
    if fitted is None or fitted.changes_nothing:
        values = job.values[tuple(slice(a, b) for a, b in zip(starts, stops))]
    else:
        values = fitted.correct_block(job.values, list(starts), list(stops))  # type: ignore[arg-type]
    known = job.observed.block(starts, stops)
    return smooth_codes(values, job.settings, job.ground, known, Monitor())[0], known


def smooth_block(job: Job, block: Block) -> NDArray[np.int64]:
    """Write the codes of a block; how often each of them occurs among the observed voxels."""
    wide = block.widened(job.ground.reach, job.grid.shape)
    codes, known = smooth_box(job, wide.starts, wide.stops)
    mine = block.inside(wide)
    job.array("codes")[block.box] = codes[mine]
    return count_codes(codes[mine], None if known is None else known[mine])


@dataclass(frozen=True)
class PoreFaces:
    """Background regions of one block.

    Attributes
    ----------
    outside
        bool ``(n + 1,)``: reaches the border of the volume or something unobserved.
    sizes
        int64 ``(n + 1,)``, voxels.
    first, last
        For each axis, numbers on the first and the last plane of the block across it, int32.
    """

    outside: NDArray[np.bool_]
    sizes: NDArray[np.int64]
    first: tuple[NDArray[np.int32], ...]
    last: tuple[NDArray[np.int32], ...]


def find_pores(job: Job, block: Block) -> PoreFaces:
    """Background regions of a block, connected through faces."""
    known = job.observed.block(block.starts, block.stops)
    regions, count = _background(job, block, known)
    outside = np.zeros(count + 1, bool)
    for axis, (n, a, b) in enumerate(zip(job.grid.shape, block.starts, block.stops)):
        planes = np.moveaxis(regions, axis, 0)
        if n > 1 and a == 0:
            outside[planes[0].ravel()] = True
        if n > 1 and b == n:
            outside[planes[-1].ravel()] = True
    if known is not None:
        outside[regions[~known]] = True
    faces = [np.moveaxis(regions, axis, 0) for axis in range(3)]
    return PoreFaces(
        outside,
        np.bincount(regions.ravel(), minlength=count + 1),
        tuple(face[0].copy() for face in faces),
        tuple(face[-1].copy() for face in faces),
    )


def cut_block(job: Job, item: tuple[Block, NDArray[np.bool_]]) -> int:
    """Write the material of a block, with the regions of background filled that are closed; its voxels."""
    block, closed = item
    known = job.observed.block(block.starts, block.stops)
    if closed.any():
        regions, _ = _background(job, block, known)
        mask = (regions == 0) | closed[regions]
    else:
        mask = _material(job, block, known)
    job.array("mask")[block.box] = mask
    return int(np.count_nonzero(mask))


def _material(job: Job, block: Block, known: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    mask = job.array("codes")[block.box] > job.below
    return mask if known is None else mask & known


def _background(job: Job, block: Block, known: NDArray[np.bool_] | None) -> tuple[NDArray[np.int32], int]:
    from scipy.ndimage import label

    regions = np.empty(block.shape, np.int32)
    return regions, int(label(~_material(job, block, known), output=regions))


def measure_heights(job: Job, block: Block) -> float:
    """Write how deep each voxel of a block lies, lightly smoothed; the largest depth, before smoothing.

    The halo is widened until no voxel whose depth is needed lies deeper than the halo's end: then nothing beyond it can be
    nearer.
    """
    shape = job.grid.shape
    reach = int(4 * SMOOTHING + 0.5)
    needed = block.widened(reach, shape)
    halo = 24
    while True:
        wide = block.widened(reach + halo, shape)
        mask = np.asarray(job.array("mask")[wide.box])
        mine = block.inside(wide)
        if not mask[mine].any():
            job.array("heights")[block.box] = np.zeros(block.shape, np.uint16)
            return 0.0
        known = job.observed.block(wide.starts, wide.stops)
        squared, unit = squared_distance_inside(mask, job.edges, known, Monitor())
        at = needed.inside(wide)
        # Outside of the material depths are 0, but in the unobserved: there only what the filter mixes into the material counts.
        counted = squared[at] if known is None else squared[at][_grown(mask[at], reach)]
        depth = float(np.sqrt(float(counted.max(initial=0)) * unit))
        whole = wide.starts == (0, 0, 0) and wide.stops == shape
        if whole or depth <= halo * min(job.edges):
            break
        halo *= 2
    inner = block.inside(needed)
    inside = mask[at]
    codes = np.empty(inside.shape, np.uint16)

    def root(piece: NDArray[Any]) -> NDArray[np.float32]:
        return np.sqrt(piece * np.float32(unit), dtype=np.float32)

    def keep(z: int, plane: NDArray[np.float32]) -> None:
        gauss_kernels.quantise_inside(plane, np.float32(1 / job.step), inside[z], codes[z])

    each_smoothed_plane(np.ascontiguousarray(squared[at]), SMOOTHING, None, keep, Monitor(), root)
    job.array("heights")[block.box] = codes[inner]
    return float(np.sqrt(float(squared[at][inside].max(initial=0)) * unit))


def _grown(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    from scipy.ndimage import maximum_filter

    return np.asarray(maximum_filter(mask.view(np.uint8), 2 * reach + 1, mode="constant").view(bool))


@dataclass(frozen=True)
class Goals:
    """Where the voxels of one block flow to.

    Attributes
    ----------
    voxels
        int64 ``(n,)``, flat index in the volume of the goal that the block's numbers 1, 2, … stand for: a top in the block, or
        a voxel of a neighbouring block where the way goes on.
    heights
        uint16 ``(n,)``, at the goals.
    """

    voxels: NDArray[np.int64]
    heights: NDArray[np.uint16]


def point_block(job: Job, block: Block) -> Goals:
    """Follow the voxels of a block uphill as far as they stay in it, and write the numbers of their goals."""
    wide = block.widened(1, job.grid.shape)
    codes = np.ascontiguousarray(job.array("heights")[wide.box])
    nx = codes.shape[2]
    z, y, x = block.inside(wide)
    weights, steps = ways_uphill(codes.shape, job.edges)
    parents = np.full(codes.shape, -1, np.int64)
    planes = np.zeros((3, y.stop - y.start + 2, nx + 2), np.float32)
    basin_kernels.point_uphill(codes, weights, steps, z.start, z.stop, y.start, y.stop, planes, parents)
    # Ways end where they leave the block.
    rim = np.ones(codes.shape, bool)
    rim[z, y, x] = False
    parents[rim] = np.where(codes[rim] > 0, np.flatnonzero(rim), -1)
    flat = parents.reshape(-1)
    kernels.follow(flat, 0, flat.size)
    mine = np.ascontiguousarray(parents[z, y, x]).reshape(-1)
    goals = _number(mine, flat.size)
    job.array("basins")[block.box] = mine.reshape(block.shape).astype(np.uint32)
    places = np.unravel_index(goals, codes.shape)
    there = np.ravel_multi_index(tuple(p + a for p, a in zip(places, wide.starts)), job.grid.shape)
    return Goals(np.asarray(there, np.int64), codes.reshape(-1)[goals])


def _number(values: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Replace values from 0 to below `size` by 1, 2, … in their order, and -1 by 0; the values that there are."""
    there = np.zeros(size + 1, bool)
    there[values] = True
    # -1 has marked the last place.
    found = np.flatnonzero(there[:-1])
    kernels.rank_roots(values, found, 0, values.size)
    return found


def ways_uphill(shape: tuple[int, ...], edges: Triple) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """One over the distance to the 27 voxels around, and their flat indices relative to the middle."""
    away = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 3, indexing="ij"), axis=-1).reshape(27, 3)
    lengths = np.sqrt(((away * np.asarray(edges)) ** 2).sum(axis=1))
    weights = np.divide(1, lengths, out=np.zeros(27), where=lengths > 0).astype(np.float32)
    return weights, (away @ np.array([shape[1] * shape[2], shape[2], 1])).astype(np.int64)


def look_up(job: Job, item: tuple[Block, NDArray[np.int64]]) -> NDArray[np.int64]:
    """The block's numbers at voxels of it, given by flat index in the volume."""
    block, voxels = item
    places = np.unravel_index(voxels, job.grid.shape)
    numbers = job.array("basins")[block.box]
    return np.asarray(numbers[tuple(p - a for p, a in zip(places, block.starts))], np.int64)


def number_block(job: Job, item: tuple[Block, NDArray[np.uint32]]) -> None:
    """Replace the block's own numbers by those of the basins."""
    block, lookup = item
    array = job.array("basins")
    array[block.box] = lookup[array[block.box]]


@dataclass(frozen=True)
class Survey:
    """A block's share of its basins.

    Attributes
    ----------
    basins
        int64 ``(n,)``, which basins it has a part of.
    sizes, sums, cut
        Voxels, sums of their places (z, y, x), and whether the border or something unobserved is touched, for each.
    pairs, necks
        int64 ``(m, 2)`` and uint16 ``(m,)``: basins that meet, and the largest height there.
    """

    basins: NDArray[np.int64]
    sizes: NDArray[np.int64]
    sums: NDArray[np.float64]
    cut: NDArray[np.bool_]
    pairs: NDArray[np.int64]
    necks: NDArray[np.uint16]


def survey_one(job: Job, block: Block) -> Survey:
    """Measure the basins of a block and where they meet each other or those of the blocks before it."""
    wide = block.widened(1, job.grid.shape)
    flat = job.array("basins")[wide.box].astype(np.int64).reshape(-1) - 1
    there = np.concatenate(([0], 1 + _number(flat, job.count)))
    numbers = flat.reshape(wide.shape).astype(np.int32)
    del flat
    known = job.observed.block(wide.starts, wide.stops)
    box = block.inside(wide)
    starts = np.array([[part.start for part in box], [part.stop for part in box]])
    n = len(there)
    length = 1 << 12
    while True:
        sizes, cut, sums = np.zeros(n, np.int64), np.zeros(n, bool), np.zeros((n, 3))
        keys, necks = np.full(length, -1, np.int64), np.zeros(length, np.uint16)
        full = survey_block(
            numbers,
            np.ascontiguousarray(job.array("heights")[wide.box]),
            EVERYTHING if known is None else np.ascontiguousarray(known),
            job.faces,
            starts,
            sizes,
            np.array(wide.starts),
            np.array(job.grid.shape),
            cut,
            sums,
            keys,
            necks,
        )
        if not full:
            break
        length *= 4
    mine = np.flatnonzero(sizes[1:]) + 1
    found = keys >= 0
    pairs = np.stack([there[keys[found] >> 32], there[keys[found] & 0xFFFFFFFF]], axis=1).astype(np.int64)
    return Survey(there[mine].astype(np.int64), sizes[mine], sums[mine], cut[mine], pairs, necks[found])
