"""Disorientations of touching grains: of the data, of the same orientations placed at random, of random ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.comparison import Comparison, Curve
from nmcstudio.core.grains import GrainModel
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child
from nmcstudio.core.volume import LabelVolume
from nmcstudio.crystal.disorientations import LOW_ANGLE, random_angles, random_density
from nmcstudio.crystal.pole_figures import texture_index
from nmcstudio.crystal.symmetry import disorientation_angles
from nmcstudio.grains.labelling import label_grid
from nmcstudio.grains.placement import Contacts, Placement, judge_placement, neighbour_quantiles
from nmcstudio.grains.simulate import simulate_grains, simulate_matrices
from nmcstudio.grains.textures import contacts_of, draw_orientations
from nmcstudio.report.compare import compare_curves
from nmcstudio.stats.contacts import count_contacts, count_voxels

Array = NDArray[np.float64]

KEY = "disorientations"
_BIN_DEG = 2.5
_LEAST_PAIRS = 10
_STREAM = 14


@dataclass(frozen=True)
class Neighbours:
    """Touching grains with orientations.

    Attributes
    ----------
    angles
        ``(k,)``, disorientation of each pair, radians.
    areas
        ``(k,)``, shared voxel faces.
    quaternions
        ``(n, 4)``, of all grains with an orientation.
    volumes
        ``(n,)``, their voxels.
    contacts
        Rows of `quaternions`.
    point_group
        Of the crystal.
    """

    angles: Array
    areas: Array
    quaternions: Array
    volumes: Array
    contacts: Contacts
    point_group: str

    @property
    def low_angle_share(self) -> float:
        """Share of the shared area below 15 degrees."""
        return float(self.areas[self.angles < LOW_ANGLE].sum() / self.areas.sum())

    @property
    def mean_deg(self) -> float:
        """Mean disorientation by area, degrees."""
        return float(np.degrees(np.average(self.angles, weights=self.areas)))

    def histogram(self) -> tuple[Array, Array, Array]:
        """Edges in degrees ``(m + 1,)``, density of the neighbours and of random orientations per degree ``(m,)``."""
        top = np.degrees(max(random_angles(self.point_group)[-1], self.angles.max()))
        edges = np.arange(0.0, top + _BIN_DEG, _BIN_DEG)
        counts, _ = np.histogram(np.degrees(self.angles), edges, weights=self.areas)
        random = random_density(np.radians(edges), self.point_group) * np.pi / 180
        return edges, counts / (self.areas.sum() * _BIN_DEG), random

    def shuffled(self, rng: np.random.Generator) -> Array:
        """Density per degree of the same orientations placed at random, in the bins of `histogram`."""
        edges = self.histogram()[0]
        first, second = (rng.integers(len(self.quaternions), size=40_000) for _ in range(2))
        keep = first != second
        angles = disorientation_angles(self.quaternions[first[keep]], self.quaternions[second[keep]], self.point_group)
        found: Array = np.histogram(np.degrees(angles), edges, density=True)[0]
        return found

    def judge(self, monitor: Monitor) -> Placement:
        """Whether the orientations are placed at random; the same shuffles for the same grains."""
        return judge_placement(self.quaternions, self.contacts, self.point_group, np.random.default_rng(_STREAM), monitor)

    def words(self, monitor: Monitor) -> str:
        """Mean, share of low angles, test and texture index as a sentence."""
        found = self.judge(monitor)
        placed = "as if placed at random" if found.p > 0.05 else "not placed at random"
        index = texture_index(self.quaternions, self.point_group, self.volumes)
        return (
            f"{len(self.angles)} pairs by shared boundary: mean {self.mean_deg:.1f}°, {100 * self.low_angle_share:.0f} % below "
            f"15°; random {np.degrees(random_angles(self.point_group).mean()):.1f}°. Orientations are {placed} "
            f"(p = {found.p:.2g}, 199 shuffles). Texture index {index:.2f} (1 is random)."
        )


def find_neighbours(grains: LabelVolume, monitor: Monitor | None = None) -> Neighbours | None:
    """Touching grains with orientations; None if there are fewer than ten pairs."""
    if grains.quaternions is None or not grains.point_group:
        return None
    pairs, faces = count_contacts(grains.labels, monitor)
    quaternions = np.full((int(grains.labels.max(initial=0)) + 1, 4), np.nan)
    rows = min(len(quaternions), len(grains.quaternions))
    quaternions[:rows] = grains.quaternions[:rows]
    volumes = count_voxels(grains.labels).astype(float)
    known = np.isfinite(quaternions).all(axis=1) & (volumes > 0)
    known[0] = False
    both = known[pairs].all(axis=1)
    if np.count_nonzero(both) < _LEAST_PAIRS:
        return None
    row_of = np.cumsum(known) - 1
    contacts = Contacts(row_of[pairs[both]], faces[both].astype(float))
    q = quaternions[known]
    angles = disorientation_angles(q[contacts.pairs[:, 0]], q[contacts.pairs[:, 1]], grains.point_group)
    return Neighbours(angles, contacts.areas, q, volumes[known], contacts, grains.point_group)


def compare_disorientations(
    grains: LabelVolume | None, model: GrainModel | None, *, windows: int, monitor: Monitor, rng: np.random.Generator
) -> list[Comparison]:
    """Disorientation of touching grains in the image, in simulated windows of the model, and of random orientations.

    Parameters
    ----------
    grains, model
        Whatever there is; nothing is compared where neither has orientations.
    windows
        Number of simulated windows, each of the image's size.
    """
    seen = find_neighbours(grains, monitor.sub(0.0, 0.1)) if grains is not None else None
    if seen is None or grains is None:
        return []
    edges, density, random = seen.histogram()
    middle = (edges[1:] + edges[:-1]) / 2
    curves = [Curve("data", "data", middle, density, seen.mean_deg)]
    distances = {}
    if model is not None:
        angles, areas = _simulated(grains, model, windows, monitor.sub(0.2, 1.0), rng)
        found, _ = np.histogram(np.degrees(angles), edges, weights=areas)
        mean = float(np.degrees(np.average(angles, weights=areas)))
        curves.append(Curve("model", f"model, {model.texture.kind}", middle, found / (areas.sum() * _BIN_DEG), mean))
        shift = neighbour_quantiles(angles, areas) - neighbour_quantiles(seen.angles, seen.areas)
        distances["wasserstein"] = float(np.degrees(np.abs(shift).mean()))
    mean = float(np.degrees(random_angles(seen.point_group).mean()))
    curves.append(Curve("theory", f"random orientations, {seen.point_group}", middle, random, mean))
    made = compare_curves(
        KEY, "Disorientation of touching grains", "grains", ("disorientation angle [°]", "density [1/°]"), tuple(curves),
        note=seen.words(monitor.sub(0.1, 0.2)),
    )  # fmt: skip
    return [replace(made, distances=made.distances | distances, distance_unit="°")]


def _simulated(
    grains: LabelVolume, model: GrainModel, windows: int, monitor: Monitor, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Disorientations and shared areas of touching grains in simulated windows of the image's size and voxels."""
    low = np.array(grains.origin_um) - 0.5 * np.array(grains.spacing_um)
    high = low + np.array(grains.shape) * np.array(grains.spacing_um)
    window = np.stack([low[::-1], high[::-1]], axis=1)
    angles, areas = [], []
    for index in range(windows):
        if index and monitor.finish_requested:
            break
        part, own = monitor.sub(index / windows, (index + 1) / windows), child(rng, index)
        seeds, weights, _ = simulate_grains(model, window, child(own, 0), part.sub(0.0, 0.2))
        matrices = simulate_matrices(model, weights, child(own, 1), seeds - window.mean(axis=1))
        cells = label_grid(
            model.kind, seeds, weights, matrices, grains.shape, grains.spacing_um, grains.origin_um, part.sub(0.2, 0.7)
        )  # fmt: skip
        used, labels = np.unique(cells, return_inverse=True)
        contacts = contacts_of(labels.reshape(cells.shape) + 1)
        q = draw_orientations(
            model, seeds[used], child(own, 2), contacts=contacts, centre_um=window.mean(axis=1), monitor=part.sub(0.8, 1.0)
        )  # fmt: skip
        angles.append(disorientation_angles(q[contacts.pairs[:, 0]], q[contacts.pairs[:, 1]], model.point_group))
        areas.append(contacts.areas)
    return np.concatenate(angles), np.concatenate(areas)
