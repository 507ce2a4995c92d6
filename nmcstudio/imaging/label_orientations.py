"""Orientations behind grains that are edited by hand: means after an act, and splitting by orientation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.crystal.quaternions import mean_orientation
from nmcstudio.crystal.symmetry import laue_class, operators
from nmcstudio.imaging.label_index import Box
from nmcstudio.imaging.slabs import slabs

if TYPE_CHECKING:
    from nmcstudio.imaging.label_edits import LabelEditor

# Points that the centres are looked for with; the others only join the nearest one.
_SAMPLE = 500
# A point whose surroundings with this share of the sample are this many times wider than usual is indexed wrongly.
_COMPANY, _LONELY = 0.05, 3.0
_ROUNDS = 30
# Centres nearer than this, or than so many standard deviations around them, are one orientation with noise: a cut through a
# normal cloud leaves halves about one apart, one through an even gradient more than three.
_LEAST_APART, _CLEARLY = float(np.deg2rad(0.1)), 2.0
_POINTS_A_PIECE = 100_000


@dataclass(frozen=True)
class _Cut:
    """What `Orientations.clusters` was asked last, and what it found."""

    box: Box
    mask: NDArray[np.bool_]
    count: int
    pieces: NDArray[np.int64]


@dataclass(frozen=True)
class Orientations:
    """The orientation map that grains came from.

    Attributes
    ----------
    quaternions
        float32 ``[z, y, x, 4]``.
    indexed
        bool ``[z, y, x]``, points of the grains' phase.
    group
        Proper rotations of its Laue class.
    """

    quaternions: NDArray[np.float32]
    indexed: NDArray[np.bool_]
    group: NDArray[np.float64]
    _last: list[_Cut] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def of(cls, stack: EbsdStack | None, grains: LabelVolume) -> Orientations | None:
        """The map of these grains; None if it is not theirs: other grid, or no phase of their point group."""
        if stack is None or stack.shape != grains.shape or not grains.point_group or grains.quaternions is None:
            return None
        near = [*zip(stack.origin_um, grains.origin_um), *zip(stack.spacing_um, grains.spacing_um)]
        if any(abs(a - b) > 1e-6 + 1e-4 * abs(b) for a, b in near):
            return None
        wanted = laue_class(grains.point_group)
        phases = [k for k, phase in enumerate(stack.phases, 1) if phase.point_group and laue_class(phase.point_group) == wanted]
        if not phases:
            return None
        return cls(stack.quaternions, np.isin(stack.phase, phases), operators(grains.point_group))

    def mean(self, box: Box, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Mean orientation ``(4,)`` of the voxels `mask` of a box, as the segmentation takes it; NaN without any."""
        from nmcstudio.imaging.grain_pieces import grain_orientations

        quaternions = np.ascontiguousarray(self.quaternions[box]).view()
        quaternions.flags.writeable = False
        indexed = self.indexed[box].astype(np.uint32)
        means = grain_orientations(mask.astype(np.uint32), quaternions, indexed, self.group, Monitor())
        found: NDArray[np.float64] = means[1] if len(means) > 1 else np.full(4, np.nan)
        return found

    def clusters(self, box: Box, mask: NDArray[np.bool_], count: int, monitor: Monitor) -> NDArray[np.int64]:
        """Voxels `mask` of a box by their orientation, k-means on disorientations: int64 ``[z, y, x]`` 1 to `count`, 0 outside.

        Voxels that are not indexed, and parts of a cluster that do not hang together with its largest one, go to the nearest
        cluster. Asked for the same again, it knows: a window lets a worker ask first.

        Raises
        ------
        NmcError
            If there are not so many different orientations.
        """
        for known in self._last:
            if known.box == box and known.count == count and np.array_equal(known.mask, mask):
                return known.pieces
        pieces = self._clusters(box, mask, count, monitor)
        self._last[:] = [_Cut(box, mask, count, pieces)]
        return pieces

    def _clusters(self, box: Box, mask: NDArray[np.bool_], count: int, monitor: Monitor) -> NDArray[np.int64]:
        from scipy.ndimage import distance_transform_edt, label

        usable = mask & self.indexed[box]
        points = self.quaternions[box][usable].astype(np.float64)
        centres = self._centres(points[:: max(1, len(points) // _SAMPLE)], count, monitor)
        nearest = np.empty(len(points), np.int64)
        for part in slabs((len(points),), monitor, "Sorting by orientation", voxels=_POINTS_A_PIECE):
            nearest[part] = np.argmax(self._closeness(points[part], centres), axis=1)
        pieces = np.zeros(mask.shape, np.int64)
        pieces[usable] = nearest + 1
        kept = np.zeros(mask.shape, np.int64)
        for number in range(1, count + 1):
            parts, found = label(pieces == number)
            if not found:
                raise NmcError(f"there are no {count} different orientations in it", "ask for fewer pieces", "split_orientation")
            kept[parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])] = number
        where = distance_transform_edt(kept == 0, return_distances=False, return_indices=True)
        return np.where(mask, kept[tuple(where)], 0)

    def _closeness(self, points: NDArray[np.float64], centres: NDArray[np.float64]) -> NDArray[np.float64]:
        """Cosine of half the disorientation of points ``(n, 4)`` from centres ``(k, 4)``: ``(n, k)``."""
        from nmcstudio.crystal.quaternions import multiply

        ways = multiply(self.group[:, None], centres[None])
        return np.max(np.abs(np.einsum("ni,gki->ngk", points, ways)), axis=1)

    def _centres(self, points: NDArray[np.float64], count: int, monitor: Monitor) -> NDArray[np.float64]:
        wrong = NmcError(f"there are no {count} different orientations in it", "ask for fewer pieces", "split_orientation")
        if len(points) < 2 * count:
            raise wrong
        away = np.arccos(np.minimum(np.concatenate([self._closeness(points, each) for each in np.array_split(points, 8)], 1), 1))
        width = np.sort(away, axis=1)[:, max(1, int(_COMPANY * len(points)))]
        points = points[width <= _LONELY * np.median(width)]
        # As far from the mean, and then from each other, as there is any.
        centres = np.array([mean_orientation(points, self.group)])
        for number in range(count):
            chosen = points[np.argmin(self._closeness(points, centres).max(axis=1))][None]
            centres = chosen if number == 0 else np.concatenate([centres, chosen])
        nearest = np.full(len(points), -1)
        for _ in monitor.track(range(_ROUNDS), "Looking for orientations"):
            before, nearest = nearest, np.argmax(self._closeness(points, centres), axis=1)
            if (before == nearest).all():
                break
            if len(np.unique(nearest)) < count:
                raise wrong
            centres = np.array([mean_orientation(points[nearest == k], self.group) for k in range(count)])
        within = np.sqrt(np.mean(_angle(self._closeness(points, centres).max(axis=1)) ** 2))
        apart = _angle(self._closeness(centres, centres)[np.triu_indices(count, 1)]).min()
        if apart < max(_LEAST_APART, _CLEARLY * within):
            raise wrong
        return centres


def _angle(closeness: NDArray[np.float64]) -> NDArray[np.float64]:
    angles: NDArray[np.float64] = 2 * np.arccos(np.minimum(closeness, 1.0))
    return angles


@dataclass(frozen=True)
class SplitByOrientation:
    """A grain falls into `pieces` parts of different orientation; the largest keeps the label."""

    label: int
    pieces: int

    def change(self, editor: LabelEditor, monitor: Monitor) -> None:
        from nmcstudio.imaging.label_split import surroundings, write_pieces

        editor.require(self.label, "split_orientation")
        if editor.orientations is None:
            raise NmcError(
                f"the orientation map of {editor.noun} {self.label} is not at hand",
                "import the map that the grains were made from, or split between seeds",
                "split_orientation",
            )
        box, mask = surroundings(editor, self.label)
        found: NDArray[Any] = editor.orientations.clusters(box, mask, self.pieces, monitor)
        sizes = np.bincount(found.ravel(), minlength=self.pieces + 1)
        sizes[0] = found.size + 1
        rank = np.empty(len(sizes), np.int64)
        rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
        write_pieces(editor, self.label, box, rank[found])
