"""Grains for every angle and every share of the seams at once: small pieces, and what it takes for neighbours to join."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Triple, Volume
from nmcstudio.core.workers import beside
from nmcstudio.imaging import merge_kernels
from nmcstudio.imaging.basins import find_basins, survey_basins
from nmcstudio.imaging.boundary_map import map_heights
from nmcstudio.imaging.grain_pieces import Contacts, border_points, find_contacts, label_components
from nmcstudio.imaging.grain_points import Points
from nmcstudio.imaging.grain_settings import GrainSettings
from nmcstudio.imaging.heights import Heights
from nmcstudio.imaging.merging import merge_order
from nmcstudio.imaging.slabs import slabs

_Merges = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


@dataclass(frozen=True)
class Found:
    """Grains for one choice of angle and split.

    Attributes
    ----------
    numbers
        uint32 ``(pieces + 1,)``, number of each piece's grain, 0 if it is too small: ``numbers[pieces]`` are the labels of
        `segment_grains` before gaps are filled.
    sizes
        int64, voxels of grains 1, 2, ….
    """

    numbers: NDArray[np.uint32]
    sizes: NDArray[np.int64]


@dataclass(frozen=True)
class Seams:
    """What a map of boundaries says of the pieces.

    Attributes
    ----------
    hill_of
        int64 ``(n + 1,)``, hill of the map that each piece lies on.
    peaks
        float64 ``(n + 1,)``, height of the brightest voxel of each piece.
    pairs
        int64 ``(m, 2)``, pieces that share faces.
    necks
        float64 ``(m,)``, height of the brightest place between them.
    """

    hill_of: NDArray[np.int64]
    peaks: NDArray[np.float64]
    pairs: NDArray[np.int64]
    necks: NDArray[np.float64]


@dataclass(frozen=True)
class GrainHierarchy:
    """Pieces that no setting takes apart, and the grains that an angle and a share of the seams make of them.

    First, pieces whose contacts have a disorientation up to the angle belong together. Inside of such a grain, seams of the map
    part pieces as necks part particles (models.md 2.4): two hills stay apart if the saddle between them is lower than a share
    `split` of the lower one. A seam along a boundary that the orientations show leaves no slivers, because a piece on the
    shoulder of a hill has no peak of its own.

    Attributes
    ----------
    pieces
        uint32 ``[z, y, x]``, 0 where there is no usable point.
    sizes
        int64 ``(n + 1,)``, voxels of each piece; 0 for the background.
    at_border
        bool ``(n + 1,)``, piece touches the border of the volume or of what was observed.
    contacts
        Which pieces share faces, and their smallest disorientation there.
    least_angle
        Pieces are joined within by disorientations up to this, radians: the smallest angle that can be asked for.
    seams
        None where no map has a say.
    """

    pieces: NDArray[np.uint32]
    sizes: NDArray[np.int64]
    at_border: NDArray[np.bool_]
    contacts: Contacts
    least_angle: float
    seams: Seams | None
    _merges: dict[float, _Merges] = field(default_factory=dict, repr=False)

    def groups(self, angle: float, split: float, monitor: Monitor | None = None) -> NDArray[np.int64]:
        """Grain of each piece, int64 ``(n + 1,)``: 0 for none, else 1, 2, … in the order of the first pieces."""
        monitor = monitor or Monitor()
        joined = beside(partial(self._joined, angle), monitor)
        if self.seams is None:
            return joined
        if angle not in self._merges:
            # One is kept: a slider that moves is that of the angle or that of the seams.
            self._merges.clear()
            self._merges[angle] = self._merges_of(self.seams, joined, angle, monitor)
        hill, merged, ratios = self._merges[angle]
        groups = np.empty(int(hill.max(initial=0)) + 1, np.int64)
        merge_kernels.group(merged, int(np.searchsorted(-ratios, -split, side="left")), groups)
        found: NDArray[np.int64] = groups[hill]
        return found

    def _merges_of(self, seams: Seams, joined: NDArray[np.int64], angle: float, monitor: Monitor) -> _Merges:
        """What of each hill lies in one orientation grain, and the order in which these parts merge inside of the grain."""
        hill, peaks, pairs, necks = beside(partial(self._parts_of_hills, seams, joined, angle), monitor)
        return hill, *merge_order(peaks, pairs, necks, 0.0, monitor)

    def _parts_of_hills(
        self, seams: Seams, joined: NDArray[np.int64], angle: float
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
        """Part of a hill that each piece lies on, peaks of the parts, and pairs of parts of one grain with their necks."""
        hill = self._joined(angle, seams.hill_of)
        count = int(hill.max(initial=0)) + 1
        peaks = np.zeros(count)
        np.maximum.at(peaks, hill, seams.peaks)
        grain = np.zeros(count, np.int64)
        grain[hill] = joined
        pairs = np.sort(hill[seams.pairs], axis=1)
        kept = (pairs[:, 0] != pairs[:, 1]) & (grain[pairs[:, 0]] == grain[pairs[:, 1]])
        keys, place = np.unique(pairs[kept] @ np.array([count, 1]), return_inverse=True)
        necks = np.zeros(len(keys))
        np.maximum.at(necks, place, seams.necks[kept])
        return hill, peaks, np.stack([keys // count, keys % count], axis=1), necks

    def _joined(self, angle: float, same: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Pieces that hang together by contacts up to the angle, and have an equal entry in `same` where that is given."""
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import connected_components

        pairs = self.contacts.pairs[self.contacts.angles <= angle]
        if same is not None:
            pairs = pairs[same[pairs[:, 0]] == same[pairs[:, 1]]]
        count = len(self.sizes)
        graph = coo_matrix((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
        # The components are numbered in the order of their first member, and the background is the first alone.
        return connected_components(graph, directed=False)[1].astype(np.int64)

    def grains(self, angle: float, split: float, min_voxels: int, spare_border: bool) -> Found:
        """Grains for an angle (radians, not below `least_angle`) and a share of the seams; milliseconds for 100,000 pieces."""
        groups = self.groups(angle, split)
        sizes = np.bincount(groups, weights=self.sizes).astype(np.int64)
        kept = sizes >= min_voxels
        if spare_border:
            kept |= np.bincount(groups, weights=self.at_border) > 0
        kept[0] = False
        numbers = np.where(kept, np.cumsum(kept), 0).astype(np.uint32)
        return Found(numbers[groups], sizes[kept])


def grain_hierarchy(
    stack: EbsdStack,
    points: Points,
    settings: GrainSettings,
    least_angle: float,
    boundary: Volume | None,
    monitor: Monitor,
) -> GrainHierarchy:
    """Pieces of a map for all angles from `least_angle` on.

    Parameters
    ----------
    points
        Of the stack, by `find_points`.
    settings
        Angle, split, and what is done to grains once they are found have no say.
    boundary
        As in `segment_grains`.
    """
    by_orientation = settings.by_orientation(stack)
    parts: NDArray[Any] = points.ids
    heights: Heights | None = None
    if settings.uses_map:
        heights = map_heights(stack, points, settings, boundary, monitor.sub(0.0, 0.3))
        mean_edge = float(np.prod(stack.spacing_um)) ** (1 / 3)
        z, y, x = stack.spacing_um
        edges: Triple = (z / mean_edge, y / mean_edge, x / mean_edge)
        basins, _ = find_basins(heights.codes, edges, monitor.sub(0.3, 0.4))
        parts = basins.astype(np.uint32)
        if by_orientation:
            parts[points.ids == 0] = 0
    cosine = float(np.cos(least_angle / 2)) if by_orientation else -1.0
    pieces, _ = label_components(parts, points.quaternions, points.group, cosine, 1, monitor.sub(0.4, 0.6))
    sizes, at_border = beside(partial(_measured, pieces, points.observed), monitor)
    contacts = find_contacts(pieces, points.quaternions, points.group, monitor.sub(0.6, 0.8))
    if not by_orientation:
        # Nothing but the file's labels, or the seams, keeps neighbours apart.
        apart = np.full(len(contacts.pairs), 0.0 if settings.uses_map else np.inf)
        contacts = Contacts(contacts.pairs, apart, contacts.faces)
    seams = None if heights is None else _seams(pieces, parts, heights, contacts, len(sizes), monitor.sub(0.8, 1.0))
    return GrainHierarchy(pieces, sizes, at_border, contacts, least_angle, seams)


def _measured(pieces: NDArray[np.uint32], observed: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Voxels of each piece, and whether it is at the border."""
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    at_border = np.zeros(len(sizes), bool)
    at_border[pieces[border_points(observed)]] = True
    at_border[0] = False
    return sizes, at_border


def _seams(
    pieces: NDArray[np.uint32], hills: NDArray[Any], heights: Heights, contacts: Contacts, count: int, monitor: Monitor
) -> Seams:
    labels = beside(partial(pieces.astype, np.int32), monitor)
    _, _, pairs, necks = survey_basins(labels, heights.codes, count - 1, None, monitor.sub(0.0, 0.6))
    # Grains hang together by faces; what only touches at an edge does not join.
    shared = (contacts.pairs[:, 0] << 32) + contacts.pairs[:, 1]
    faces = beside(lambda: np.isin((pairs[:, 0] << 32) + pairs[:, 1], shared), monitor)
    hill_of = np.zeros(count, np.int64)
    peaks = np.zeros(count, np.uint16)
    for part in slabs(labels.shape, monitor.sub(0.6, 1.0), "Looking for peaks"):
        hill_of[labels[part].ravel()] = hills[part].ravel()
        np.maximum.at(peaks, labels[part].ravel(), heights.codes[part].ravel())
    hill_of[0] = peaks[0] = 0
    return Seams(hill_of, heights.step * peaks.astype(np.float64), pairs[faces], heights.step * necks[faces])
