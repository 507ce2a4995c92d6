"""Touching particles: watershed of the distance transform once, and a hierarchy of merges that a slider runs through."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Triple
from nmcstudio.imaging import kernels
from nmcstudio.imaging.components import forest_type, number_trees
from nmcstudio.imaging.denoise import smooth
from nmcstudio.imaging.distance import distance_inside
from nmcstudio.imaging.slabs import slabs


@dataclass(frozen=True)
class SplitHierarchy:
    """Basins of the distance transform and the order in which they grow together (models.md 2.4).

    Two neighbours belong to one particle if their neck is wider than a share `split` of the smaller one:
    ``neck / min(peak) > split``, where a peak is the largest distance to the surface inside a region and the neck the largest
    distance on the common face. Merging from the largest ratio down makes a sequence of ratios that never rises, so every
    `split` is a prefix of the same list of merges.

    Attributes
    ----------
    basins
        int32 or int64 ``[z, y, x]``, 0 is background.
    pairs
        int64 ``(m, 2)``, basins that become one, in the order of merging.
    ratios
        float64 ``(m,)``, neck over the smaller peak, falling; infinite where the two are told apart by less than the depth `h`.
    peaks
        float64 ``(n + 1,)``, largest distance to the surface of each basin, in voxels (geometric mean edge).
    sizes
        int64 ``(n + 1,)``, voxels of each basin.
    cut
        bool ``(n + 1,)``, basin touches the border of the volume or of the observed region.
    """

    basins: NDArray[Any]
    pairs: NDArray[np.int64]
    ratios: NDArray[np.float64]
    peaks: NDArray[np.float64]
    sizes: NDArray[np.int64]
    cut: NDArray[np.bool_]

    def groups(self, split: float) -> NDArray[np.int64]:
        """Particle of each basin: int64 ``(n + 1,)``, 0 for the background, else 1, 2, … in the order of the first basins."""
        parent = list(range(len(self.sizes)))
        for a, b in self.pairs[: int(np.searchsorted(-self.ratios, -split, side="left"))].tolist():
            a, b = _root(parent, a), _root(parent, b)
            parent[max(a, b)] = min(a, b)
        # Roots are the smallest members, so one pass upwards resolves all.
        for basin in range(len(parent)):
            parent[basin] = parent[parent[basin]]
        return np.unique(parent, return_inverse=True)[1].astype(np.int64)

    def count(self, split: float, minimum_voxels: int = 0, keep_cut: bool = True) -> int:
        """Number of particles for a value of `split`, after dropping small and cut ones; takes milliseconds."""
        groups = self.groups(split)
        sizes = np.bincount(groups, weights=self.sizes)
        kept = sizes >= max(minimum_voxels, 1)
        kept[0] = False
        if not keep_cut:
            kept[groups[self.cut]] = False
        return int(kept.sum())

    def labels(self, split: float, monitor: Monitor | None = None) -> NDArray[np.uint32]:
        """Particles as uint32 ``[z, y, x]``, numbered as by `groups`."""
        lookup = self.groups(split).astype(np.uint32)
        result = np.empty(self.basins.shape, np.uint32)
        for part in slabs(result.shape, monitor or Monitor(), "Joining the pieces of particles"):
            result[part] = lookup[self.basins[part]]
        return result


def split_hierarchy(
    mask: NDArray[np.bool_],
    spacing_um: Triple = (1.0, 1.0, 1.0),
    observed: NDArray[np.bool_] | None = None,
    depth_voxels: float = 0.5,
    smoothing_voxels: float = 1.0,
    monitor: Monitor | None = None,
) -> SplitHierarchy:
    """Basins of the distance transform of a mask and their hierarchy.

    Parameters
    ----------
    mask
        bool ``[z, y, x]``, the material.
    spacing_um
        Voxel edges (z, y, x); only their ratios matter.
    observed
        bool ``[z, y, x]`` or None; unobserved voxels count as outside of the material but leave no surface: distances are
        measured as if the material went on there.
    depth_voxels
        h: peaks that stand less than this above the neck to a higher one are noise (h-maxima).
    smoothing_voxels
        Gaussian smoothing of the distance transform, which removes the maxima that only the voxels' staircase makes.
    monitor
        Progress and cancel.

    Notes
    -----
    A reconstruction of the separation that [A] cites (Spettl et al. 2015), after models.md 2.4.
    """
    monitor = monitor or Monitor()
    mean_edge = float(np.cbrt(np.prod(spacing_um)))
    edges = tuple(s / mean_edge for s in spacing_um)
    solid = mask if observed is None else mask | ~observed
    distance = distance_inside(solid, monitor.sub(0.0, 0.3), edges)  # type: ignore[arg-type]
    if smoothing_voxels > 0:
        distance = smooth(distance, smoothing_voxels, None, monitor.sub(0.3, 0.42))
    inside = mask if observed is None else mask & observed
    for part in slabs(mask.shape, monitor.sub(0.42, 0.44), "Measuring distances to the surface"):
        np.maximum(distance[part], 1e-3, out=distance[part])
        distance[part][~inside[part]] = 0
    return field_hierarchy(distance, edges, observed, depth_voxels, monitor.sub(0.44, 1.0))


def field_hierarchy(
    field: NDArray[np.float32],
    edges: tuple[float, ...],
    observed: NDArray[np.bool_] | None,
    depth: float,
    monitor: Monitor,
) -> SplitHierarchy:
    """Basins of any positive field and their hierarchy: `split_hierarchy` with the field in place of the distance.

    Parameters
    ----------
    field
        float32 ``[z, y, x]``, 0 outside of the material, else positive; regions are its hills.
    edges
        Voxel edges (z, y, x); only their ratios matter.
    observed
        bool ``[z, y, x]`` or None, for what is cut.
    depth
        Hills that stand less than this above the saddle to a higher one are noise.
    monitor
        Progress and cancel.
    """
    basins = np.empty(field.shape, forest_type(field.size))
    message = "Finding the middles of particles"
    for part in slabs(field.shape, monitor.sub(0.0, 0.3), message):
        kernels.point_uphill(field, basins, edges, part.start, part.stop)
    count = number_trees(basins, monitor.sub(0.3, 0.45), message)
    sizes, cut = measure(basins, count, observed, monitor.sub(0.45, 0.55))
    peaks, pairs, necks = _neighbours(basins, field, count, monitor.sub(0.55, 0.8))
    merged, ratios = _merge_order(peaks, pairs, necks, depth, monitor.sub(0.8, 1.0))
    return SplitHierarchy(basins, merged, ratios, peaks, sizes, cut)


def measure(
    labels: NDArray[Any], count: int, observed: NDArray[np.bool_] | None, monitor: Monitor
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Voxels of each label and whether it touches the border or something unobserved: ``(count + 1,)`` each."""
    sizes, cut = np.zeros(count + 1, np.int64), np.zeros(count + 1, bool)
    known = np.ones((1, 1, 1), bool) if observed is None else observed
    for part in slabs(labels.shape, monitor, "Measuring particles"):
        kernels.measure(labels, known, observed is not None, sizes, cut, part.start, part.stop)
    return sizes, cut


def _neighbours(
    basins: NDArray[Any], distance: NDArray[np.float32], count: int, monitor: Monitor
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Peak of each basin, and for each pair of basins with a common face the largest distance on it (the neck)."""
    peaks = np.zeros(count + 1, np.float32)
    keys: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    necks: list[NDArray[np.float32]] = [np.empty(0, np.float32)]
    for part in slabs(basins.shape, monitor, "Finding necks between particles", voxels=1 << 19):
        labels, heights = basins[part.start : part.stop + 1], distance[part.start : part.stop + 1]
        np.maximum.at(peaks, labels.ravel(), heights.ravel())
        found_keys, found_necks = [], []
        for axis in range(3):
            one, two = _shifted(labels, axis)
            low, high = _shifted(heights, axis)
            touching = (one != two) & (one > 0) & (two > 0)
            a, b = one[touching].astype(np.int64), two[touching].astype(np.int64)
            found_keys.append(np.minimum(a, b) * (count + 1) + np.maximum(a, b))
            found_necks.append(np.minimum(low[touching], high[touching]))
        key, neck = _largest(np.concatenate(found_keys), np.concatenate(found_necks))
        keys.append(key)
        necks.append(neck)
    key, neck = _largest(np.concatenate(keys), np.concatenate(necks))
    return peaks.astype(np.float64), np.stack(np.divmod(key, count + 1), axis=1), neck.astype(np.float64)


def _shifted(array: NDArray[Any], axis: int) -> tuple[NDArray[Any], NDArray[Any]]:
    before, after = [slice(None)] * 3, [slice(None)] * 3
    before[axis], after[axis] = slice(None, -1), slice(1, None)
    return array[tuple(before)], array[tuple(after)]


def _largest(keys: NDArray[np.int64], values: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Each key once, with its largest value."""
    if not keys.size:
        return keys, values
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], values[order]
    first = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    return keys[first], np.maximum.reduceat(values, first)


def _merge_order(
    peaks: NDArray[np.float64], pairs: NDArray[np.int64], necks: NDArray[np.float64], depth: float, monitor: Monitor
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Merges in their order: first what stands out by less than `depth`, then by falling neck over smaller peak.

    As regions grow, their peaks rise, so an entry's score can only fall: an outdated entry is put back with its new score.
    """
    parent = list(range(len(peaks)))
    top = peaks.tolist()
    edges = list(zip(pairs[:, 0].tolist(), pairs[:, 1].tolist(), necks.tolist()))
    merged: list[tuple[int, int]] = []
    ratios: list[float] = []

    def run(score: Callable[[float, float], float], above: float, part: Monitor) -> None:
        heap = [(-score(neck, min(top[_root(parent, a)], top[_root(parent, b)])), k) for k, (a, b, neck) in enumerate(edges)]
        heapq.heapify(heap)
        total, steps = max(1, len(heap)), 0
        while heap and -heap[0][0] > above:
            steps += 1
            if steps % 2000 == 0:
                part.report(1 - len(heap) / total, "Ordering the merges")
            value, k = heapq.heappop(heap)
            a, b, neck = edges[k]
            a, b = _root(parent, a), _root(parent, b)
            if a == b:
                continue
            now = -score(neck, min(top[a], top[b]))
            if now > value:
                heapq.heappush(heap, (now, k))
                continue
            parent[max(a, b)] = min(a, b)
            top[min(a, b)] = max(top[a], top[b])
            merged.append((a, b))
            ratios.append(-value if score is _ratio else np.inf)

    run(_shallowness, -depth, monitor.sub(0.0, 0.5))
    run(_ratio, 0.0, monitor.sub(0.5, 1.0))
    return np.array(merged, np.int64).reshape(-1, 2), np.array(ratios, np.float64)


def _shallowness(neck: float, peak: float) -> float:
    return neck - peak


def _ratio(neck: float, peak: float) -> float:
    return neck / peak


def _root(parent: list[int], member: int) -> int:
    while parent[member] != member:
        parent[member] = parent[parent[member]]
        member = parent[member]
    return member
