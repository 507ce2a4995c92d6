"""What the validation of grains looks at: image, fitted tessellation and simulated windows, all on the same voxels."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.grains import GrainModel, Tessellation
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, Triple
from nmcstudio.grains.labelling import label_grid
from nmcstudio.grains.observed import observed_region
from nmcstudio.grains.processes import intensity_of
from nmcstudio.grains.simulate import simulate_grains, simulate_matrices
from nmcstudio.shell.edge_weights import edge_weights
from nmcstudio.stats.descriptors import describe_labels
from nmcstudio.stats.point_patterns import empty_space, nearest_neighbour_sample, pair_bandwidth_um, pair_correlation
from nmcstudio.stats.regions import BoxRegion, MaskRegion, Region

Array = NDArray[np.float64]
_CELL_VOXELS = 15  # voxels across a mean cell where there is no image to say
_LEAST_VOXELS = 20  # of a grain; a Crofton area of fewer means little, and [A] leaves such grains out as well
_SOLID = 0.98  # share of grains from which on an image shows no surface of the particle
_POINTS = 80  # of each curve
_PROBES = 20_000  # of the empty space
_DEEP = 0.1  # share of the region that must lie deeper than a distance for gaps of this size to be looked at


@dataclass
class GrainSample:
    """Diameter, area, sphericity and neighbours of whole grains ``(n, 4)`` and their weights ``(n,)``, a pair for each window.

    In a single section the diameter is that of the circle of the same area, the area that in the section, and there is no
    sphericity (NaN).
    """

    windows: list[tuple[Array, Array]] = field(default_factory=list)

    def add(self, volume: LabelVolume, monitor: Monitor) -> None:
        """Describe the grains of one window."""
        described = describe_labels(volume, monitor=monitor)
        whole = ~described.touches_border & (described.voxels >= _LEAST_VOXELS)
        if not whole.any():
            return
        if described.is_section:
            shapes = (described.areas_um2, np.full(len(described), np.nan))
        else:
            shapes = (described.surfaces_um2, described.sphericities)
        columns = (described.diameters_um, *shapes, described.neighbours)
        table = np.stack([np.asarray(column, dtype=float)[whole] for column in columns], axis=1)
        # The voxel estimate of the area can put small grains slightly above the bound.
        table[:, 2] = np.minimum(table[:, 2], 1.0)
        extents = (described.boxes[:, 1] - described.boxes[:, 0])[whole]
        self.windows.append((table, edge_weights(extents, volume.shape, volume.observed)))

    @property
    def table(self) -> Array:
        return np.concatenate([table for table, _ in self.windows]) if self.windows else np.empty((0, 4))

    @property
    def mass(self) -> Array:
        return np.concatenate([mass for _, mass in self.windows]) if self.windows else np.empty(0)


@dataclass(frozen=True)
class PatternScale:
    """Distances at which patterns are looked at, and the half width of the kernel of g, all in um."""

    radii_um: Array
    gaps_um: Array
    bandwidth_um: float

    @classmethod
    def of(cls, intensity: float, region: Region) -> PatternScale:
        unit = intensity ** (-1 / 3)
        gaps = np.linspace(0.0, 1.6, _POINTS + 1)[1:] * unit
        deep = region.eroded_volume_um3(gaps) >= _DEEP * region.volume_um3
        return cls(
            np.linspace(0.0, 2.0, _POINTS + 1)[1:] * unit,
            gaps[: max(int(np.count_nonzero(deep)), 5)],
            pair_bandwidth_um(intensity),
        )


@dataclass
class SeedPattern:
    """Seeds of visible cells in one or more windows: g, empty space, distances to the nearest seed with weights, marks."""

    scale: PatternScale
    pair_curves: list[Array] = field(default_factory=list)
    gap_curves: list[Array] = field(default_factory=list)
    distances: list[tuple[Array, Array]] = field(default_factory=list)
    weights: list[Array] = field(default_factory=list)
    pairs: list[Array] = field(default_factory=list)

    def add(self, seeds_um: Array, weights: Array, region: Region, rng: np.random.Generator) -> None:
        """Look at the seeds of one window; too few are left out."""
        if np.count_nonzero(region.contains(seeds_um)) < 3:
            return
        self.pair_curves.append(pair_correlation(seeds_um, region, self.scale.radii_um, self.scale.bandwidth_um))
        self.gap_curves.append(empty_space(seeds_um, region, self.scale.gaps_um, rng, _PROBES))
        near = nearest_neighbour_sample(seeds_um, region)
        self.distances.append((near.distances_um[near.known], near.weights[near.known]))
        self.weights.append(weights[near.index])
        self.pairs.append(np.stack([weights[near.index[near.known]], near.distances_um[near.known]], axis=1))


@dataclass(frozen=True)
class Frame:
    """Voxels on which image, fitted tessellation and model are looked at; `grains` is the image, where there is one."""

    shape: tuple[int, int, int]
    spacing_um: Triple
    origin_um: Triple
    grains: LabelVolume | None = None

    @property
    def window_um(self) -> Array:
        low = np.array(self.origin_um) - 0.5 * np.array(self.spacing_um)
        high = low + np.array(self.shape) * np.array(self.spacing_um)
        return np.stack([low[::-1], high[::-1]], axis=1)

    @property
    def observed(self) -> NDArray[np.bool_] | None:
        return None if self.grains is None else self.grains.observed

    @cached_property
    def solid(self) -> NDArray[np.bool_] | None:
        """Where the image has grains, if it shows the particle's surface; None for a section out of the bulk."""
        if self.grains is None:
            return None
        solid = np.asarray(self.grains.labels) > 0
        seen = solid.size if self.observed is None else int(self.observed.sum())
        return solid if solid.sum() < _SOLID * seen else None

    def volume(self, labels: NDArray[np.int32]) -> LabelVolume:
        """Labels seen as the image was."""
        return LabelVolume(labels, self.spacing_um, self.origin_um, self.observed, kind="grains")


def frame_of(grains: LabelVolume | None, tessellation: Tessellation | None, model: GrainModel | None) -> Frame | None:
    """The image's voxels; without an image a window of the tessellation's or of the model's scale; None without anything."""
    if grains is not None:
        return Frame(grains.shape, grains.spacing_um, grains.origin_um, grains)
    if tessellation is not None and len(tessellation):
        window = np.asarray(tessellation.window_um)
        volume = float(np.prod(window[:, 1] - window[:, 0]))
        edge = float(np.cbrt(6 / np.pi * volume / len(tessellation))) / _CELL_VOXELS
    elif model is not None:
        size = intensity_of(model.seeds) ** (-1 / 3)
        window, edge = np.array([[0.0, 8 * size]] * 3), size / _CELL_VOXELS
    else:
        return None
    shape = tuple(int(n) for n in np.maximum(np.rint((window[:, 1] - window[:, 0]) / edge), 1)[::-1])
    origin = tuple(float(v) for v in (window[:, 0] + 0.5 * edge)[::-1])
    return Frame(shape, (edge, edge, edge), origin)  # type: ignore[arg-type]


def seed_regions(frame: Frame, tessellation: Tessellation | None) -> tuple[Region, Region]:
    """Where seeds count: in the data, and in a simulated window, which is full unless the image has the shape of a particle."""
    box = BoxRegion(frame.window_um)
    if tessellation is None:
        return box, box
    data = observed_region(tessellation, frame.grains)
    return data, data if isinstance(data, MaskRegion) else box


def fitted_labels(tessellation: Tessellation, frame: Frame, monitor: Monitor) -> LabelVolume:
    """The tessellation on the frame's voxels, where the image has grains."""
    index = label_grid(
        tessellation.kind, tessellation.seeds_um, tessellation.weights, tessellation.matrices,
        frame.shape, frame.spacing_um, frame.origin_um, monitor,
    )  # fmt: skip
    labels = index + 1
    if frame.grains is not None:
        labels = np.where(frame.grains.labels > 0, labels, 0)
    return frame.volume(labels)


def simulate_window(
    model: GrainModel,
    frame: Frame,
    region: Region,
    rng: np.random.Generator,
    seen: GrainSample,
    visible: SeedPattern,
    every: SeedPattern,
    monitor: Monitor,
) -> None:
    """Draw one window of the model and add its grains, the seeds of its visible cells, and all its seeds."""
    seeds, weights, _ = simulate_grains(model, frame.window_um, rng, monitor.sub(0.0, 0.2))
    matrices = simulate_matrices(model, weights, rng, seeds - frame.window_um.mean(axis=1))
    index = label_grid(
        model.kind, seeds, weights, matrices, frame.shape, frame.spacing_um, frame.origin_um, monitor.sub(0.2, 0.6)
    )  # fmt: skip
    labels = index + 1 if frame.solid is None else _carved(index, frame.solid)
    seen.add(frame.volume(labels), monitor.sub(0.6, 0.9))
    shown = np.bincount(labels.ravel(), minlength=len(seeds) + 1)[1:] >= model.minimum_cell_voxels
    visible.add(seeds[shown], weights[shown], region, rng)
    every.add(seeds, weights, region, rng)


def _carved(index: NDArray[np.int32], solid: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Labels of the cells whose centroid lies in the particle, 0 elsewhere: the rule of composition (models.md 12.2)."""
    flat = index.ravel()
    sizes = np.maximum(np.bincount(flat), 1)
    at = []
    for axis, n in enumerate(index.shape):
        along = np.broadcast_to(np.arange(n).reshape([-1 if a == axis else 1 for a in range(3)]), index.shape)
        at.append(np.rint(np.bincount(flat, weights=along.ravel()) / sizes).astype(np.int64))
    inside = solid[tuple(at)]
    return np.where(inside[index], index + 1, 0)
