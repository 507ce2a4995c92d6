"""What the blocks found put together: closed pores across their faces, ways uphill from one to the next, necks and sizes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from nmcstudio.imaging.blockwise.grid import Grid
from nmcstudio.imaging.blockwise.passes import Goals, PoreFaces, Survey


def join_pores(grid: Grid, found: Iterable[PoreFaces]) -> tuple[list[NDArray[np.bool_]], int, int]:
    """Which background regions of each block are closed: bool ``(n + 1,)`` each; number of closed pores and their voxels.

    Faces are forgotten as soon as both sides of them were seen: at most one layer of blocks is kept.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    before: dict[int, list[tuple[int, int]]] = {}
    for axis, one, two in grid.neighbours():
        before.setdefault(two, []).append((axis, one))
    offsets, outside, sizes = [0], [], []
    links: list[NDArray[np.int64]] = [np.empty((0, 2), np.int64)]
    last: dict[tuple[int, int], NDArray[np.int32]] = {}
    for number, faces in enumerate(found):
        for axis, one in before.get(number, ()):
            a, b = last.pop((axis, one)), faces.first[axis]
            both = (a > 0) & (b > 0)
            pairs = np.stack([offsets[one] + a[both].astype(np.int64), offsets[-1] + b[both].astype(np.int64)], axis=1)
            links.append(np.unique(pairs, axis=0))
        for axis in range(3):
            last[axis, number] = faces.last[axis]
        offsets.append(offsets[-1] + len(faces.sizes))
        outside.append(faces.outside)
        sizes.append(faces.sizes)
    pairs = np.concatenate(links)
    count = offsets[-1]
    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    joined, group = connected_components(graph, directed=False)
    reaches, voxels = np.zeros(joined, bool), np.zeros(joined, np.int64)
    np.logical_or.at(reaches, group, np.concatenate(outside))
    all_sizes = np.concatenate(sizes)
    # Number 0 of each block is its material.
    all_sizes[offsets[:-1]] = 0
    np.add.at(voxels, group, all_sizes)
    closed = ~reaches & (voxels > 0)
    of_region = closed[group]
    of_region[offsets[:-1]] = False
    blocks = [of_region[a:b] for a, b in itertools.pairwise(offsets)]
    return blocks, int(closed.sum()), int(voxels[closed].sum())


class Ways:
    """Goals of all blocks, and where the ways that leave a block end.

    Parameters
    ----------
    grid
        The blocks.
    found
        Goals of each block, in their order.
    """

    def __init__(self, grid: Grid, found: Iterable[Goals]) -> None:
        goals = list(found)
        self.offsets = np.concatenate(([0], np.cumsum([len(one.voxels) for one in goals])))
        self.voxels = np.concatenate([np.empty(0, np.int64), *[one.voxels for one in goals]])
        self.heights = np.concatenate([np.empty(0, np.uint16), *[one.heights for one in goals]])
        home = np.repeat(np.arange(len(goals)), np.diff(self.offsets))
        self.owners = grid.owners(self.voxels)
        self.leaving = np.flatnonzero(self.owners != home)

    def questions(self) -> list[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
        """Blocks, the goals that lie in them and belong to others, and their voxels."""
        order = self.leaving[np.argsort(self.owners[self.leaving], kind="stable")]
        blocks, first = np.unique(self.owners[order], return_index=True)
        return [(int(b), goals, self.voxels[goals]) for b, goals in zip(blocks, np.split(order, first[1:])) if len(goals)]

    def resolve(self, answers: Iterable[tuple[int, NDArray[np.int64], NDArray[np.int64]]]) -> None:
        """Follow all ways to their tops and number these in the order of the voxels.

        Parameters
        ----------
        answers
            Blocks, goals as asked for, and the numbers that their voxels have in those blocks.
        """
        goal = np.arange(len(self.voxels))
        for block, asked, numbers in answers:
            goal[asked] = self.offsets[block] + numbers - 1
        while True:
            further = goal[goal]
            if np.array_equal(further, goal):
                break
            goal = further
        tops = np.unique(goal)
        tops = tops[np.argsort(self.voxels[tops])]
        self.tops = self.voxels[tops]
        self.peaks = self.heights[tops]
        number = np.zeros(len(goal), np.uint32)
        number[tops] = 1 + np.arange(len(tops), dtype=np.uint32)
        self.basins = number[goal]

    def lookup(self, block: int) -> NDArray[np.uint32]:
        """Basin of each number of a block."""
        return np.concatenate(([np.uint32(0)], self.basins[self.offsets[block] : self.offsets[block + 1]]))


def join_surveys(
    count: int, found: Iterable[Survey]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64], NDArray[np.float64]]:
    """Voxels, sums of places, cut of each basin ``(count + 1, …)``, pairs that meet, in order, and the largest neck of each."""
    sizes, sums, cut = np.zeros(count + 1, np.int64), np.zeros((count + 1, 3)), np.zeros(count + 1, bool)
    keys: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    necks: list[NDArray[np.uint16]] = [np.empty(0, np.uint16)]
    for one in found:
        sizes[one.basins] += one.sizes
        sums[one.basins] += one.sums
        cut[one.basins] |= one.cut
        keys.append((one.pairs.min(axis=1) << 32) | one.pairs.max(axis=1))
        necks.append(one.necks)
    all_keys, all_necks = np.concatenate(keys), np.concatenate(necks)
    order = np.argsort(all_keys, kind="stable")
    all_keys, all_necks = all_keys[order], all_necks[order]
    first = np.flatnonzero(np.concatenate(([True], all_keys[1:] != all_keys[:-1]))) if len(all_keys) else order
    largest = np.maximum.reduceat(all_necks, first) if len(first) else all_necks
    unique = all_keys[first]
    return sizes, sums, cut, np.stack([unique >> 32, unique & 0xFFFFFFFF], axis=1), largest.astype(np.float64)
