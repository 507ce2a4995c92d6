"""Touching particles: watershed of the distance transform once, and a hierarchy of merges that a slider runs through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Triple
from nmcstudio.core.workers import in_threads, planes_of
from nmcstudio.imaging import basin_kernels, merge_kernels
from nmcstudio.imaging.basins import find_basins, survey_basins
from nmcstudio.imaging.faces import Faces
from nmcstudio.imaging.heights import Heights, heights_of
from nmcstudio.imaging.merging import flood_from_markers, merge_order


@dataclass(frozen=True)
class Removed:
    """What cleaning took away; a particle that is both cut and small counts as cut.

    Attributes
    ----------
    cut, small
        Number of particles that touched the border of the volume or of the observed region, and of those under the smallest size.
    cut_voxels, small_voxels
        Their voxels.
    """

    cut: int
    small: int
    cut_voxels: int
    small_voxels: int

    def words(self, minimum: int) -> str:
        """For the notes of the particles that are left."""
        return (
            f"dropped: {self.cut} particles at the border ({self.cut_voxels} voxels), "
            f"{self.small} smaller than {minimum} voxels ({self.small_voxels} voxels)"
        )


@dataclass(frozen=True)
class Particles:
    """Particles for one value of `split`, after dropping.

    Attributes
    ----------
    lookup
        uint32 ``(n + 1,)``, number of each basin's particle: 1, 2, … in the order of their first basins, 0 if dropped.
    sizes
        int64, voxels of particles 1, 2, ….
    removed
        What was dropped.
    """

    lookup: NDArray[np.uint32]
    sizes: NDArray[np.int64]
    removed: Removed


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
        int64 ``(m, 2)``, basins that become one, in the order of merging; the larger one is numbered no more.
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
        groups = np.empty(len(self.sizes), np.int64)
        prefix = int(np.searchsorted(-self.ratios, -split, side="left"))
        merge_kernels.group(self.pairs, prefix, groups)
        return groups

    def sort_out(self, split: float, minimum_voxels: int = 0, keep_cut: bool = True) -> Particles:
        """Particles for a value of `split`, without the small and the cut ones; takes milliseconds for a million basins."""
        groups = self.groups(split)
        count = int(groups.max(initial=0)) + 1
        sizes, touching = np.zeros(count, np.int64), np.zeros(count, bool)
        merge_kernels.total(groups, self.sizes, self.cut, sizes, touching)
        cut = touching & (not keep_cut)
        small = ~cut & (sizes < max(minimum_voxels, 1))
        small[0] = cut[0] = False
        kept = ~cut & ~small
        kept[0] = False
        numbers = np.where(kept, np.cumsum(kept), 0).astype(np.uint32)
        removed = Removed(int(cut.sum()), int(small.sum()), int(sizes[cut].sum()), int(sizes[small].sum()))
        return Particles(numbers[groups], sizes[kept], removed)

    def lookup(self, split: float, minimum_voxels: int = 0, keep_cut: bool = True) -> NDArray[np.uint32]:
        """Final number of each basin's particle, 0 for what is dropped: ``lookup(...)[basins]`` are the labels."""
        return self.sort_out(split, minimum_voxels, keep_cut).lookup

    def diameters(self, split: float, minimum_voxels: int = 0, keep_cut: bool = True) -> NDArray[np.float64]:
        """Volume-equivalent diameters of the particles 1, 2, … of `lookup`, in voxels (geometric mean edge)."""
        return np.cbrt(6 / np.pi * self.sort_out(split, minimum_voxels, keep_cut).sizes)

    def count(self, split: float, minimum_voxels: int = 0, keep_cut: bool = True) -> int:
        """Number of particles, after dropping small and cut ones."""
        return len(self.sort_out(split, minimum_voxels, keep_cut).sizes)

    def labels(
        self, split: float, minimum_voxels: int = 0, keep_cut: bool = True, monitor: Monitor | None = None
    ) -> NDArray[Any]:
        """Particles as ``[z, y, x]``, numbered as by `lookup`: uint16, or uint32 above 65535 particles."""
        lookup = self.lookup(split, minimum_voxels, keep_cut)
        lookup = lookup.astype(np.uint16 if lookup.max(initial=0) < 65536 else np.uint32)
        result = np.empty(self.basins.shape, lookup.dtype)
        in_threads(
            lambda part: basin_kernels.paint(self.basins[part], lookup, result[part]),
            planes_of(result.shape, 4_000_000),
            monitor or Monitor(),
            "Joining the pieces of particles",
        )
        return result


def split_hierarchy(
    mask: NDArray[np.bool_],
    spacing_um: Triple = (1.0, 1.0, 1.0),
    observed: NDArray[np.bool_] | None = None,
    depth_voxels: float = 0.5,
    smoothing_voxels: float = 1.0,
    method: str = "hierarchy",
    monitor: Monitor | None = None,
    faces: Faces = (),
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
    method
        "hierarchy": merges by the width of necks, for every `split`. "markers": the watershed from the h-maxima of the distance
        with h = `depth_voxels`, as published; `split` has no say.
    monitor
        Progress and cancel.
    faces
        bool: where material goes on beyond the volume's faces; what touches them elsewhere is whole. Empty: everywhere.

    Notes
    -----
    A reconstruction of the separation that [A] cites (Spettl et al. 2015), after models.md 2.4.
    """
    monitor = monitor or Monitor()
    mean_edge = float(np.cbrt(np.prod(spacing_um)))
    edges = (spacing_um[0] / mean_edge, spacing_um[1] / mean_edge, spacing_um[2] / mean_edge)
    heights = heights_of(mask, edges, observed, smoothing_voxels, monitor.sub(0.0, 0.5))
    return field_hierarchy(heights, edges, observed, depth_voxels, monitor.sub(0.5, 1.0), method, faces)


def field_hierarchy(
    heights: Heights,
    edges: Triple,
    observed: NDArray[np.bool_] | None,
    depth: float,
    monitor: Monitor,
    method: str = "hierarchy",
    faces: Faces = (),
) -> SplitHierarchy:
    """Basins of any positive field and their hierarchy: `split_hierarchy` with the field in place of the distance.

    Parameters
    ----------
    heights
        The field, 0 outside of the material; regions are its hills.
    edges
        Voxel edges (z, y, x); only their ratios matter.
    observed
        bool ``[z, y, x]`` or None, for what is cut.
    depth
        Hills that stand less than this above the saddle to a higher one are noise.
    monitor
        Progress and cancel.
    method, faces
        As in `split_hierarchy`.
    """
    basins, tops = find_basins(heights.codes, edges, monitor.sub(0.0, 0.6))
    peaks = heights.step * np.concatenate(([0.0], heights.codes.reshape(-1)[tops].astype(np.float64)))
    sizes, cut, pairs, necks = survey_basins(basins, heights.codes, len(tops), observed, monitor.sub(0.6, 0.9), faces or None)
    if method == "markers":
        merged, ratios = flood_from_markers(peaks, pairs, heights.step * necks, depth)
    else:
        merged, ratios = merge_order(peaks, pairs, heights.step * necks, depth, monitor.sub(0.9, 1.0))
    return SplitHierarchy(basins, merged, ratios, peaks, sizes, cut)
