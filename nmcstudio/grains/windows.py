"""Simulated windows of a grain model, looked at as an image looks at the data (models.md 8.5).

The windows lie side by side in one box whose opposite faces meet: no seed is drawn for a frame. With the same random numbers
the windows of neighbouring parameters share nearly all of their seeds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.grains import GrainModel, Law
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child
from nmcstudio.core.volume import Triple
from nmcstudio.core.workers import in_threads
from nmcstudio.grains.copula import draw_conditional
from nmcstudio.grains.distance_laws import distance_law, empirical_cdf
from nmcstudio.grains.processes import intensity_of, simulate_strauss, uniform_in_ball
from nmcstudio.grains.simulate import simulate_matrices, turn_outward
from nmcstudio.grains.visibility import Raster, count_visible_voxels
from nmcstudio.grains.weights import weight_quantile
from nmcstudio.stats.regions import Region

Array = NDArray[np.float64]

# Intensities are thinned from this multiple of the starting ones, so that raising them keeps the points that are there.
HEADROOM = 3.0
_LEAST_EDGE = 8.0  # of the box, in intensity^(-1/3): far more than a cell reaches
_PROBES = 4000  # places at which the emptiest one is looked for
_SLACK = 0.4  # intensity^(-1/3) around a probe


@dataclass(frozen=True)
class Observation:
    """How the data was looked at.

    Attributes
    ----------
    region
        Where seeds count.
    raster
        Voxels of the image.
    minimum_voxels
        Smallest cell that shows.
    centre_um
        (x, y, z), from which directions are radial.
    """

    region: Region
    raster: Raster
    minimum_voxels: int = 1
    centre_um: Triple = (0.0, 0.0, 0.0)

    @cached_property
    def window_um(self) -> Array:
        """``(3, 2)``, the box of the raster."""
        spacing = np.array(self.raster.spacing_um[::-1])
        low = np.array(self.raster.origin_um[::-1]) - 0.5 * spacing
        return np.stack([low, low + spacing * np.array(self.raster.shape[::-1])], axis=1)


@dataclass(frozen=True)
class VisiblePattern:
    """What an image shows of one window: the seeds of cells with enough voxels.

    Attributes
    ----------
    seeds_um
        float64 ``(n, 3)``, in the frame of the data; some lie outside the region.
    weights
        float64 ``(n,)``.
    hidden_share
        Share of the region's seeds whose cell is empty or too small; NaN for data.
    """

    seeds_um: Array
    weights: Array
    hidden_share: float = float("nan")


@dataclass(frozen=True)
class SimulatedWindows:
    """Geometry of the simulated windows, fixed while the parameters move.

    Attributes
    ----------
    start
        The model at which the windows were planned.
    observation
        Of each window.
    counts
        Windows along x, y and z.
    error
        Standard deviations that the fit of a tessellation adds to the visible generators: to seeds along each axis (um), to
        weights.
    """

    start: GrainModel
    observation: Observation
    counts: tuple[int, int, int]
    error: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def plan(
        cls, start: GrainModel, observation: Observation, windows: int, error: tuple[float, float] = (0.0, 0.0)
    ) -> SimulatedWindows:
        """At least this many windows in a box that is nearly a cube."""
        counts = np.ones(3, dtype=int)
        edges = np.ptp(observation.window_um, axis=1)
        while np.prod(counts) < windows:
            counts[np.argmin(counts * edges)] *= 2
        return cls(start, observation, (int(counts[0]), int(counts[1]), int(counts[2])), error)

    @property
    def windows(self) -> int:
        return int(np.prod(self.counts))

    @cached_property
    def pitch_um(self) -> Array:
        """``(3,)``, from one window to the next: side by side, unless the box would be too small for its cells."""
        unit = intensity_of(self.start.seeds) ** (-1 / 3)
        counts = np.array(self.counts)
        return np.maximum(np.ptp(self.observation.window_um, axis=1), _LEAST_EDGE * unit / counts)

    @property
    def box_um(self) -> Array:
        """``(3,)``, edges of the box."""
        return self.pitch_um * np.array(self.counts)

    def draw(
        self, model: GrainModel, rng: np.random.Generator, monitor: Monitor, message: str = "", first: int | None = None
    ) -> list[VisiblePattern]:
        """The visible patterns of all or the first windows; the same `rng` at other parameters gives the coupled ones."""
        cells = self._cells(model, rng, monitor)

        def look(index: int) -> VisiblePattern:
            seeds, weights, matrices = self._near(cells, index)
            pattern = self._visible(model.kind, seeds, weights, matrices, Monitor())
            if not any(self.error):
                return pattern
            numbers = child(child(rng, 3), index).normal(size=(len(pattern.weights), 4))
            moved = pattern.seeds_um + self.error[0] * numbers[:, :3]
            return replace(pattern, seeds_um=moved, weights=pattern.weights + self.error[1] * numbers[:, 3])

        return in_threads(look, range(self.windows)[:first], monitor, message)

    def generators(self, model: GrainModel, rng: np.random.Generator, monitor: Monitor) -> tuple[Array, Array]:
        """Seeds and weights of all generators, visible or not, that may own a voxel of the first window."""
        seeds, weights, _ = self._near(self._cells(model, rng, monitor), 0)
        return seeds, weights

    def _near(self, cells: tuple[Array, Array, Array | None, Array], index: int) -> tuple[Array, Array, Array | None]:
        """Generators that may own a voxel of one window, in the frame of the data."""
        seeds, weights, matrices, reach = cells
        low, high = self.observation.window_um.T
        shifted = seeds + (low - np.array(np.unravel_index(index, self.counts)) * self.pitch_um)
        outside = np.maximum(np.maximum(low - shifted, shifted - high), 0.0)
        near = (outside * outside).sum(axis=1) <= reach * reach
        if matrices is None:
            return shifted[near], weights[near], None
        # The radial direction is that of each window by itself.
        return (
            shifted[near],
            weights[near],
            turn_outward(self.start, matrices[near], shifted[near] - np.array(self.observation.centre_um)),
        )

    def _visible(self, kind: str, seeds: Array, weights: Array, matrices: Array | None, monitor: Monitor) -> VisiblePattern:
        least = self.observation.minimum_voxels
        sizes = count_visible_voxels(kind, seeds, weights, matrices, self.observation.raster, least, monitor)
        shown = sizes >= least
        inside = self.observation.region.contains(seeds)
        hidden = float(np.mean(~shown[inside])) if inside.any() else 0.0
        return VisiblePattern(seeds[shown], weights[shown], hidden)

    def _cells(self, model: GrainModel, rng: np.random.Generator, monitor: Monitor) -> tuple[Array, Array, Array | None, Array]:
        """Generators in the box and their images around it, and how far from a window each may still own a voxel of it."""
        from scipy.spatial import cKDTree

        unit = intensity_of(model.seeds) ** (-1 / 3)
        box = self.box_um
        meets = model.seeds.kind != "strauss"
        seeds, numbers = self._seeds(model.seeds, rng, monitor)
        tree = cKDTree(seeds, boxsize=box if meets else None)
        distances = tree.query(seeds, k=2)[0][:, 1]
        # A Strauss process has no closed distance law; its own ranks are as good as another simulation's.
        ranked = model.distance_law == "empirical" or not meets
        u2 = empirical_cdf(distances) if ranked else distance_law(model.seeds, monitor).cdf(distances)
        monitor.check()
        weights = weight_quantile(draw_conditional(model.copula, numbers, u2), model.weights)
        matrices = simulate_matrices(model, weights, child(rng, 1))
        probes = child(rng, 2).random((_PROBES, 3)) * box
        far, which = tree.query(probes, k=min(4, len(seeds)))
        least, most = _stretch(matrices, len(seeds))
        far = far + _SLACK * unit
        if model.kind == "gbpd-sqrt":
            worst = np.max(np.min(most[which] * far - weights[which], axis=1))
            reach = np.maximum(worst + weights, 0.0) / least
        else:
            worst = np.max(np.min((most[which] * far) ** 2 - weights[which], axis=1))
            reach = np.sqrt(np.maximum(worst + weights, 0.0)) / least
        if not meets:
            return seeds, weights, matrices, reach
        index, shifts = _images(seeds, reach, box)
        return seeds[index] + shifts, weights[index], None if matrices is None else matrices[index], reach[index]

    def _seeds(self, law: Law, rng: np.random.Generator, monitor: Monitor) -> tuple[Array, Array]:
        """Seeds and one uniform number for the weight of each."""
        first, box = self.start.seeds, self.box_um
        if law.kind == "strauss":
            # A chain at other parameters runs apart: only the weights' numbers are common.
            margin = 3.5 * intensity_of(first) ** (-1 / 3)
            wide = np.stack([np.full(3, -margin), box + margin], axis=1)
            seeds = simulate_strauss(law["beta"], law["gamma"], law["interaction_radius"], wide, rng, monitor, sweeps=16)
            return seeds, child(rng, 0).random(len(seeds))
        if law.kind == "poisson":
            most = HEADROOM * intensity_of(first)
            points, heights, numbers = _marked_points(most, box, rng)
            keep = heights * most < law["intensity"]
            return points[keep], numbers[keep]
        most = HEADROOM * first["parent_intensity"]
        points, heights, numbers = _marked_points(most, box, rng)
        # Every offspring that a parent could have at any parameters is drawn, in an order that does not depend on them.
        possible = _poisson_quantile(numbers, HEADROOM * first["mean_offspring"])
        parent = np.repeat(np.arange(len(points)), possible)
        rank = np.arange(len(parent)) - np.repeat(np.cumsum(possible) - possible, possible)
        offsets, marks = uniform_in_ball(len(parent), rng), rng.random(len(parent))
        counts = np.where(heights * most < law["parent_intensity"], _poisson_quantile(numbers, law["mean_offspring"]), 0)
        born = rank < counts[parent]
        seeds = points[parent[born]] + law["cluster_radius"] * offsets[born]
        return seeds % box, marks[born]


def _marked_points(intensity: float, box: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Poisson points ``(n, 3)``, a height in [0, 1) for thinning and a uniform mark for each."""
    count = int(rng.poisson(intensity * np.prod(box)))
    return rng.random((count, 3)) * box, rng.random(count), rng.random(count)


def _poisson_quantile(numbers: Array, mean: float) -> NDArray[np.int64]:
    """Poisson counts of uniform numbers; much faster than scipy's for many numbers of one mean."""
    from scipy import stats

    return np.searchsorted(stats.poisson.cdf(np.arange(int(mean + 12.0 * np.sqrt(mean) + 20.0)), mean), numbers)


def _stretch(matrices: Array | None, count: int) -> tuple[Array, Array]:
    """Least and largest length of a unit vector in the norm of each matrix."""
    if matrices is None:
        return np.ones(count), np.ones(count)
    values = np.sqrt(np.linalg.eigvalsh(matrices))
    return values[:, 0], values[:, -1]


def _images(seeds: Array, reach: Array, box: Array) -> tuple[NDArray[np.int64], Array]:
    """Index and shift of every seed and of its images that reach into the box."""
    index, shifts = np.arange(len(seeds)), np.zeros((len(seeds), 3))
    for axis in range(3):
        at = seeds[index, axis] + shifts[:, axis]
        below, above = at + reach[index] > box[axis], at - reach[index] < 0.0
        more = [index, index[below], index[above]]
        moved = [shifts, shifts[below].copy(), shifts[above].copy()]
        moved[1][:, axis] -= box[axis]
        moved[2][:, axis] += box[axis]
        index, shifts = np.concatenate(more), np.concatenate(moved)
    return index, shifts
