"""Splitting one object: between seeds, or at its necks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Triple
from nmcstudio.imaging.label_acts import Point, voxel_of
from nmcstudio.imaging.label_edits import LabelEditor
from nmcstudio.imaging.label_index import Box
from nmcstudio.imaging.split import SplitHierarchy, split_hierarchy

_SNAP_VOXELS = 8  # a click in 3D lands on a smoothed, thinned surface, which may lie outside of the object


@dataclass(frozen=True)
class SplitAtSeeds:
    """An object becomes as many as there are seeds (x, y, z) in um; the first seed's piece keeps the label.

    The basins of the distance transform inside the object flood from the seeds, the widest necks first. Where several seeds
    stand in one basin (there is no neck between them) each voxel goes to the nearest.
    """

    label: int
    seeds_um: tuple[Point, ...]

    def change(self, editor: LabelEditor, monitor: Monitor) -> None:
        editor.require(self.label, "split")
        if len(self.seeds_um) < 2:
            raise NmcError(f"{editor.noun} {self.label} has fewer than two seeds", "give a point in each piece", "split")
        box, mask = surroundings(editor, self.label)
        seeds = [self._inside(editor, box, mask, point) for point in self.seeds_um]
        if len(set(seeds)) < len(seeds):
            raise NmcError("two seeds lie in one voxel", "put them further apart", "split")
        hierarchy = split_hierarchy(mask, editor.volume.spacing_um, monitor=monitor)
        write_pieces(editor, self.label, box, pieces_of_seeds(hierarchy, np.array(seeds), editor.volume.spacing_um))

    def _inside(self, editor: LabelEditor, box: Box, mask: NDArray[np.bool_], point: Point) -> tuple[int, ...]:
        at = np.array(voxel_of(editor, point, "split")) - [part.start for part in box]
        low = np.clip(at - _SNAP_VOXELS, 0, mask.shape)
        near = mask[tuple(slice(a, max(b, 0)) for a, b in zip(low, at + _SNAP_VOXELS + 1))]
        found = np.argwhere(near) + low
        if not len(found):
            words = ", ".join(f"{v:.4g}" for v in point)
            raise NmcError(f"the point ({words}) µm is not in {editor.noun} {self.label}", "put every seed inside it", "split")
        away = ((found - at) * np.array(editor.volume.spacing_um)) ** 2
        return tuple(int(v) for v in found[np.argmin(away.sum(axis=1))])


@dataclass(frozen=True)
class SplitAtNecks:
    """An object falls apart where a neck is narrower than a share of the smaller piece; the largest piece keeps the label.

    `ratio` is the same number as `split` of the segmentation (models.md 2.4): the higher, the more pieces.
    """

    label: int
    ratio: float

    def change(self, editor: LabelEditor, monitor: Monitor) -> None:
        editor.require(self.label, "split_necks")
        box, mask = surroundings(editor, self.label)
        pieces = pieces_at_necks(split_hierarchy(mask, editor.volume.spacing_um, monitor=monitor), self.ratio)
        if int(pieces.max(initial=0)) < 2:
            raise NmcError(
                f"{editor.noun} {self.label} has no neck below {self.ratio:g}",
                "raise the value, or split it between seeds",
                "split_necks",
            )
        write_pieces(editor, self.label, box, pieces)


def surroundings(editor: LabelEditor, label: int) -> tuple[Box, NDArray[np.bool_]]:
    """The bounding box of an object with a margin of one voxel, and the object in it."""
    box = editor.wider(editor.index.box(label))
    return box, editor.labels[box] == label


def write_pieces(editor: LabelEditor, label: int, box: Box, pieces: NDArray[np.integer[Any]]) -> None:
    """Give the second and later pieces (1, 2, …, 0 outside) new labels and the orientation of the whole."""
    values = np.arange(int(pieces.max()) + 1, dtype=np.int64) + editor.free - 2
    moved = pieces > 1
    editor.write(box, moved, values[pieces[moved]])
    for new in values[2:].tolist():
        editor.set_orientation(new, label)


def pieces_at_necks(hierarchy: SplitHierarchy, ratio: float) -> NDArray[np.int64]:
    """Pieces 1, 2, … by falling size as int64 ``[z, y, x]``, 0 outside."""
    groups = hierarchy.groups(ratio)
    sizes = np.bincount(groups, weights=hierarchy.sizes)
    sizes[0] = np.inf
    rank = np.empty(len(sizes), np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return rank[groups][hierarchy.basins]


def pieces_of_seeds(hierarchy: SplitHierarchy, seeds: NDArray[np.int64], spacing_um: Triple) -> NDArray[np.int64]:
    """Piece 1, 2, … of each seed ``(k, 3)`` (index z, y, x) as int64 ``[z, y, x]``, 0 outside."""
    parent = list(range(len(hierarchy.sizes)))

    def root(basin: int) -> int:
        while parent[basin] != basin:
            basin = parent[basin]
        return basin

    noise = np.isinf(hierarchy.ratios)
    for a, b in hierarchy.pairs[noise].tolist():
        parent[root(b)] = root(a)
    held: dict[int, list[int]] = {}
    for number, seed in enumerate(seeds):
        held.setdefault(root(int(hierarchy.basins[tuple(seed)])), []).append(number)
    # The list of merges is a spanning tree with falling necks: what it joins without meeting two seeds is the flood's piece.
    for a, b in hierarchy.pairs[~noise].tolist():
        one, two = root(a), root(b)
        if one != two and not (one in held and two in held):
            keep, join = (two, one) if two in held else (one, two)
            parent[join] = keep
    everything = list(range(len(seeds)))
    owner = np.zeros(len(parent), np.int64)
    shared: dict[int, list[int]] = {}
    for basin in range(1, len(parent)):
        numbers = held.get(root(basin), everything)
        owner[basin] = numbers[0] + 1 if len(numbers) == 1 else -root(basin)
        if len(numbers) > 1:
            shared[root(basin)] = numbers
    pieces = owner[hierarchy.basins]
    for group, numbers in shared.items():
        voxels = np.argwhere(pieces == -group)
        away = ((voxels[:, None] - seeds[numbers]) * np.array(spacing_um)) ** 2
        nearest = np.array(numbers)[np.argmin(away.sum(axis=2), axis=1)]
        pieces[tuple(voxels.T)] = nearest + 1
    return pieces
