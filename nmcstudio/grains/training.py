"""Training points of the tessellation fit: all kinds of voxels near faces, a few inside the grains, sorted into blocks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.arrays import frozen
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor

_REACH = 2  # voxels from a face
_INTERIOR = 0.05  # share of interior voxels relative to those near faces; they weigh as much more
_EDGES = (64, 16, 8)  # voxels of a region, a group and a block
_SLAB_VOXELS = 2_000_000


@dataclass(frozen=True)
class TrainingSet:
    """Points in blocks.

    Attributes
    ----------
    points
        float64 ``(m, 3)``, (x, y, z) in the fit's own unit of length.
    truth
        int32 ``(m,)``, row of the grain.
    masses
        float64 ``(m,)``, sum 1: the share of the grain voxels that a point stands for.
    voxels
        int64 ``(m, 3)``, voxel index (z, y, x).
    starts
        int64 ``(b + 1,)``, first point of each block.
    groups
        int64 ``(g + 1,)``, first block of each group of neighbouring blocks.
    regions
        int64 ``(r + 1,)``, first group of each region.
    """

    points: NDArray[np.float64]
    truth: NDArray[np.int32]
    masses: NDArray[np.float64]
    voxels: NDArray[np.int64]
    starts: NDArray[np.int64]
    groups: NDArray[np.int64]
    regions: NDArray[np.int64]

    def __post_init__(self) -> None:
        for name, value in list(vars(self).items()):
            object.__setattr__(self, name, frozen(value))

    def __len__(self) -> int:
        return len(self.points)

    def boxes(self, starts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Centres and half edges ``(2, b, 3)`` of the boxes around the points between successive `starts`."""
        low = np.minimum.reduceat(self.points, starts[:-1])
        high = np.maximum.reduceat(self.points, starts[:-1])
        return np.stack([(low + high) / 2, (high - low) / 2])

    def subset(self, chosen: NDArray[np.int64]) -> TrainingSet:
        """Some of the points, as a training set of its own; `chosen` rises. Their order and their blocks stay."""
        masses = self.masses[chosen]
        moved = np.searchsorted(chosen, self.starts)
        levels = [np.unique(moved[index]) for index in (self.groups[self.regions], self.groups, slice(None))]
        return _nested(self.points[chosen], self.truth[chosen], masses / masses.sum(), self.voxels[chosen], levels)


def sample_training_set(
    rows: NDArray[np.int32],
    points_of: NDArray[np.float64],
    wanted: int,
    rng: np.random.Generator,
    monitor: Monitor,
) -> TrainingSet:
    """Draw about `wanted` voxels near faces between grains and, thinner, from inside the grains (models.md 6.5).

    Parameters
    ----------
    rows
        int32 ``[z, y, x]``, row of each voxel's grain, -1 where there is none.
    points_of
        float64 ``(3, 2)``: offset and step that turn a voxel index (x, y, z) into the fit's unit of length.
    wanted
        Number of points near faces; all of them if there are fewer.

    Raises
    ------
    NmcError
        If no voxel has a grain.
    """
    from nmcstudio.grains.objective_kernels import near_faces

    nz, ny, nx = rows.shape
    step = max(1, _SLAB_VOXELS // (ny * nx))
    starts = range(0, nz, step)
    near = np.zeros(rows.shape, np.uint8)
    for start in monitor.sub(0.0, 0.5).track(starts, "Finding faces between grains"):
        near_faces(rows, _REACH, start, min(start + step, nz), near)
    counts = np.bincount(near.ravel(), minlength=3) if near.size < 2**26 else _counts(near)
    if counts[1] + counts[2] == 0:
        raise NmcError("no voxel belongs to a grain", "segment the grains first")
    near_share = min(1.0, wanted / max(counts[2], 1))
    inner_share = min(1.0, near_share * _INTERIOR) if counts[2] else min(1.0, wanted / counts[1])
    shares = np.array([0.0, inner_share, near_share], np.float32)
    found = []
    for start in monitor.sub(0.5, 1.0).track(starts, "Choosing training voxels"):
        piece = near[start : start + step]
        chosen = np.argwhere(rng.random(piece.shape, dtype=np.float32) < shares[piece])
        chosen[:, 0] += start
        found.append(chosen)
    voxels = np.concatenate(found)
    index = tuple(voxels.T)
    marks = near[index]
    masses = np.where(marks == 2, 1.0 / near_share, 1.0 / inner_share)
    points = points_of[:, 0] + voxels[:, ::-1] * points_of[:, 1]
    return in_blocks(points, rows[index], masses / masses.sum(), voxels)


def in_blocks(
    points: NDArray[np.float64], truth: NDArray[np.int32], masses: NDArray[np.float64], voxels: NDArray[np.int64]
) -> TrainingSet:
    """Sort points into blocks of voxels."""
    size = voxels.max(axis=0) // _EDGES[0] + 1
    keys = [np.ravel_multi_index(tuple((voxels // _EDGES[0]).T), tuple(size))]
    for wide, edge in pairwise(_EDGES):
        parts = wide // edge
        inner = voxels // edge % parts
        keys.append(keys[-1] * parts**3 + np.ravel_multi_index(tuple(inner.T), (parts,) * 3))
    # numpy sorts short integers several times faster
    short = int(keys[-1].max()) < 2**16
    order = np.argsort(keys[-1].astype(np.uint16) if short else keys[-1], kind="stable")
    starts = []
    for key in keys:
        changed = np.diff(key[order]) != 0
        starts.append(np.concatenate([[0], np.flatnonzero(changed) + 1, [len(order)]]))
    return _nested(points[order], truth[order], masses[order], voxels[order], starts)


def _nested(
    points: NDArray[np.float64],
    truth: NDArray[np.int32],
    masses: NDArray[np.float64],
    voxels: NDArray[np.int64],
    levels: list[NDArray[np.int64]],
) -> TrainingSet:
    """A training set whose regions, groups and blocks begin at the points given in `levels`, in this order."""
    regions, groups, blocks = levels
    return TrainingSet(points, truth, masses, voxels, blocks, np.searchsorted(blocks, groups), np.searchsorted(groups, regions))


def _counts(near: NDArray[np.uint8]) -> NDArray[np.int64]:
    return np.sum([np.bincount(plane.ravel(), minlength=3) for plane in near], axis=0)
