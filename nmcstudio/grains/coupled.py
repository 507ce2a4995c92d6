"""Simulated windows with common random numbers: the same window at neighbouring parameters (models.md 8.5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.grains import GrainModel, Law
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child
from nmcstudio.grains.copula import draw_conditional
from nmcstudio.grains.distance_laws import DistanceLaw, empirical_cdf
from nmcstudio.grains.labelling import label_grid
from nmcstudio.grains.matrix_law import draw_matrices
from nmcstudio.grains.processes import intensity_of, simulate_strauss, uniform_in_ball
from nmcstudio.grains.simulate import guard_um
from nmcstudio.grains.weights import weight_quantile

Array = NDArray[np.float64]

# Intensities are thinned from this multiple of the starting ones, so that raising them keeps the points that are there.
HEADROOM = 2.0


@dataclass(frozen=True)
class VisiblePattern:
    """What an image would show of one window: the seeds of cells with enough voxels.

    Attributes
    ----------
    seeds_um
        float64 ``(n, 3)``, in the window and in the margin around it.
    weights
        float64 ``(n,)``.
    inside
        bool ``(n,)``, in the window.
    hidden_share
        Share of the window's seeds whose cell is empty or too small.
    """

    seeds_um: Array
    weights: Array
    inside: NDArray[np.bool_]
    hidden_share: float


@dataclass(frozen=True)
class CoupledWindows:
    """Geometry of the simulated windows, fixed while the parameters move.

    Attributes
    ----------
    start
        The model at which the windows were planned.
    edge_um
        Edge of the cubic window.
    margin_um
        Frame around it that is labelled too, so that neighbours outside are known.
    voxel_um
        Raster.
    minimum_voxels
        Smallest visible cell.
    """

    start: GrainModel
    edge_um: float
    margin_um: float
    voxel_um: float
    minimum_voxels: int

    def draw(self, model: GrainModel, law: DistanceLaw, rng: np.random.Generator, monitor: Monitor) -> VisiblePattern:
        """The visible pattern of one window; the same `rng` state at other parameters gives the coupled window."""
        from scipy.spatial import cKDTree

        outer = self.margin_um + 1.25 * guard_um(self.start.seeds, self.start.weights, self.start.kind)
        box = np.array([[-outer, self.edge_um + outer]] * 3)
        seeds, numbers = self._seeds(model.seeds, box, rng, monitor)
        distances = cKDTree(seeds).query(seeds, k=2)[0][:, 1]
        u2 = empirical_cdf(distances) if model.distance_law == "empirical" else law.cdf(distances)
        monitor.check()
        weights = weight_quantile(draw_conditional(model.copula, numbers, u2), model.weights)
        matrices = None if model.matrices is None else draw_matrices(model.matrices, len(seeds), child(rng, 1))
        voxels = round((self.edge_um + 2 * self.margin_um) / self.voxel_um)
        origin = 0.5 * self.edge_um - 0.5 * (voxels - 1) * self.voxel_um
        labels = label_grid(model.kind, seeds, weights, matrices, (voxels,) * 3, (self.voxel_um,) * 3, (origin,) * 3, monitor)
        sizes = np.bincount(labels.ravel(), minlength=len(seeds))
        visible = sizes >= self.minimum_voxels
        inside = np.all((seeds >= 0) & (seeds < self.edge_um), axis=1)
        hidden = float(np.mean(~visible[inside])) if inside.any() else 0.0
        return VisiblePattern(seeds[visible], weights[visible], inside[visible], hidden)

    def _seeds(self, law: Law, box: Array, rng: np.random.Generator, monitor: Monitor) -> tuple[Array, Array]:
        """Seeds and one uniform number for the weight of each."""
        first = self.start.seeds
        if law.kind == "strauss":
            # A chain at other parameters runs apart: only the weights' numbers are common.
            seeds = simulate_strauss(law["beta"], law["gamma"], law["interaction_radius"], box, rng, monitor, sweeps=16)
            return seeds, child(rng, 0).random(len(seeds))
        if law.kind == "poisson":
            most = HEADROOM * intensity_of(first)
            points, heights, numbers = _marked_points(most, box, rng)
            keep = heights * most < law["intensity"]
            return points[keep], numbers[keep]
        from scipy import stats

        reach = 2.0 * first["cluster_radius"]
        wide = box + reach * np.array([-1.0, 1.0])
        most = HEADROOM * first["parent_intensity"]
        points, heights, numbers = _marked_points(most, wide, rng)
        # Every offspring that a parent could have at any parameters is drawn, in an order that does not depend on them.
        possible = stats.poisson.ppf(numbers, HEADROOM * first["mean_offspring"]).astype(np.int64)
        parent = np.repeat(np.arange(len(points)), possible)
        rank = np.arange(len(parent)) - np.repeat(np.cumsum(possible) - possible, possible)
        offsets, marks = uniform_in_ball(len(parent), rng), rng.random(len(parent))
        counts = np.where(heights * most < law["parent_intensity"], stats.poisson.ppf(numbers, law["mean_offspring"]), 0.0)
        born = rank < counts[parent]
        seeds = points[parent[born]] + min(law["cluster_radius"], reach) * offsets[born]
        within = np.all((seeds >= box[:, 0]) & (seeds < box[:, 1]), axis=1)
        return seeds[within], marks[born][within]


def _marked_points(intensity: float, box: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Poisson points ``(n, 3)``, a height in [0, 1) for thinning and a uniform mark for each."""
    count = int(rng.poisson(intensity * np.prod(box[:, 1] - box[:, 0])))
    return rng.uniform(box[:, 0], box[:, 1], (count, 3)), rng.random(count), rng.random(count)
