"""Grain structures: image, fitted tessellation and model, as the paper's Figs 6 and 9 ([A]; models.md 8, 9, 11, 13)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.comparison import Comparison, Curve, Sample, Surface
from nmcstudio.core.grains import GrainModel, Tessellation
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child
from nmcstudio.core.volume import LabelVolume, Triple
from nmcstudio.grains.copula import copula_log_density, kendall_tau
from nmcstudio.grains.labelling import label_grid
from nmcstudio.grains.matern import pair_correlation_theory
from nmcstudio.grains.observed import observed_region
from nmcstudio.grains.processes import intensity_of
from nmcstudio.grains.simulate import simulate_grains, simulate_matrices
from nmcstudio.grains.weights import weight_density, weight_moments
from nmcstudio.report.compare import compare_curves, compare_pairs, compare_samples
from nmcstudio.shell.edge_weights import edge_weights
from nmcstudio.stats.descriptors import describe_labels
from nmcstudio.stats.point_patterns import nearest_neighbour_sample, pair_bandwidth_um, pair_correlation
from nmcstudio.stats.regions import BoxRegion, Region

Array = NDArray[np.float64]
_SUBJECT = "grains"
_CELL_VOXELS = 15  # voxels across a mean cell where there is no image to say
_DESCRIPTORS = (
    ("grain-diameter", "Volume-equivalent diameter of grains", "diameter [µm]", "µm", None, False),
    ("grain-area", "Surface area of grains", "area [µm²]", "µm²", None, False),
    ("grain-sphericity", "Sphericity of grains", "sphericity", "", 1.0, False),
    ("grain-neighbours", "Neighbours of grains", "number of neighbours", "", None, True),
)


@dataclass
class _Seen:
    """Descriptor columns (diameter, area, sphericity, neighbours) of whole grains, and their weights; windows are appended."""

    values: list[Array] = field(default_factory=list)
    weights: list[Array] = field(default_factory=list)

    def add(self, volume: LabelVolume, monitor: Monitor) -> None:
        described = describe_labels(volume, monitor=monitor)
        whole = ~described.touches_border
        if not whole.any():
            return
        # A Crofton area of few voxels means little; [A] leaves such grains out as well.
        whole &= described.voxels >= 20
        columns = (described.diameters_um, described.surfaces_um2, described.sphericities, described.neighbours)
        self.values.append(np.stack([np.asarray(column, dtype=float)[whole] for column in columns], axis=1))
        extents = (described.boxes[:, 1] - described.boxes[:, 0])[whole]
        self.weights.append(edge_weights(extents, volume.shape, volume.observed) if len(extents) else np.empty(0))

    @property
    def table(self) -> Array:
        return np.concatenate(self.values) if self.values else np.empty((0, 4))

    @property
    def mass(self) -> Array:
        return np.concatenate(self.weights) if self.weights else np.empty(0)


@dataclass(frozen=True)
class _Frame:
    """Voxels on which image, fitted tessellation and model are looked at."""

    shape: tuple[int, int, int]
    spacing_um: Triple
    origin_um: Triple

    @property
    def window_um(self) -> Array:
        low = np.array(self.origin_um) - 0.5 * np.array(self.spacing_um)
        high = low + np.array(self.shape) * np.array(self.spacing_um)
        return np.stack([low[::-1], high[::-1]], axis=1)


def _frame(grains: LabelVolume | None, tessellation: Tessellation | None, model: GrainModel | None) -> _Frame | None:
    if grains is not None:
        return _Frame(grains.shape, grains.spacing_um, grains.origin_um)
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
    return _Frame(shape, (edge, edge, edge), origin)  # type: ignore[arg-type]


@dataclass
class _Pattern:
    """Seeds of visible cells in one or more windows: pair correlation, distances to the nearest, weights."""

    curves: list[Array] = field(default_factory=list)
    distances: list[Array] = field(default_factory=list)
    distance_weights: list[Array] = field(default_factory=list)
    weights: list[Array] = field(default_factory=list)
    pairs: list[Array] = field(default_factory=list)

    def add(self, seeds_um: Array, weights: Array, region: Region, radii_um: Array, bandwidth_um: float) -> None:
        if len(seeds_um) < 3:
            return
        self.curves.append(pair_correlation(seeds_um, region, radii_um, bandwidth_um))
        near = nearest_neighbour_sample(seeds_um, region)
        self.distances.append(near.distances_um[near.known])
        self.distance_weights.append(near.weights[near.known])
        self.weights.append(weights[near.index])
        known = near.index[near.known]
        self.pairs.append(np.stack([weights[known], near.distances_um[near.known]], axis=1))


def compare_grains(
    grains: LabelVolume | None,
    tessellation: Tessellation | None,
    model: GrainModel | None,
    *,
    windows: int,
    monitor: Monitor,
    rng: np.random.Generator,
) -> list[Comparison]:
    """Descriptors of grains and statistics of generators: image, fitted tessellation, model, theory.

    The model is simulated in windows of the image's size and voxels, and carved to the image's particle where that shows its
    surface: grains there have fewer neighbours. Only whole cells count, each weighted by the inverse of its probability to
    lie wholly in the window. Of the model's seeds only those with a cell are used, as an
    image shows no others.

    Parameters
    ----------
    grains, tessellation, model
        Whatever there is.
    windows
        Number of simulated windows; "finish now" ends after the one at work.
    """
    frame = _frame(grains, tessellation, model)
    if frame is None:
        return []
    seen = {role: _Seen() for role in ("data", "fitted", "model")}
    if grains is not None:
        monitor.report(0.0, "describing the image's grains")
        seen["data"].add(grains, monitor.sub(0.0, 0.1))
    if tessellation is not None and len(tessellation):
        monitor.report(0.1, "describing the fitted cells")
        seen["fitted"].add(_fitted_labels(tessellation, grains, frame, monitor), monitor.sub(0.15, 0.25))
    patterns = {"data": _Pattern(), "model": _Pattern()}
    solid = _solid(grains)
    radii = _radii(tessellation, model, frame)
    width = pair_bandwidth_um(_intensity(tessellation, model, frame))
    if tessellation is not None and len(tessellation) > 2:
        patterns["data"].add(tessellation.seeds_um, tessellation.weights, observed_region(tessellation, grains), radii, width)
    if model is not None:
        for index in range(windows):
            if index and monitor.finish_requested:
                break
            part = monitor.sub(0.25 + 0.6 * index / windows, 0.25 + 0.6 * (index + 1) / windows)
            part.report(0.0, f"simulating window {index + 1} of {windows}")
            _simulate(model, frame, child(rng, index), seen["model"], patterns["model"], radii, width, solid, part)
    monitor.report(0.87, "comparing grains")
    found = _compare_descriptors(seen, rng, monitor)
    found += _compare_generators(patterns, model, radii, width, rng, monitor)
    return found


def _fitted_labels(tessellation: Tessellation, grains: LabelVolume | None, frame: _Frame, monitor: Monitor) -> LabelVolume:
    index = label_grid(
        tessellation.kind, tessellation.seeds_um, tessellation.weights, tessellation.matrices,
        frame.shape, frame.spacing_um, frame.origin_um, monitor.sub(0.1, 0.15),
    )  # fmt: skip
    labels = index + 1
    if grains is not None:
        labels = np.where(grains.labels > 0, labels, 0)
    return LabelVolume(
        labels, frame.spacing_um, frame.origin_um, None if grains is None else grains.observed, kind="grains"
    )  # fmt: skip


def _intensity(tessellation: Tessellation | None, model: GrainModel | None, frame: _Frame) -> float:
    if tessellation is not None and len(tessellation) > 2:
        return len(tessellation) / float(np.prod(frame.window_um[:, 1] - frame.window_um[:, 0]))
    assert model is not None or tessellation is not None
    return intensity_of(model.seeds) if model is not None else 1.0


def _radii(tessellation: Tessellation | None, model: GrainModel | None, frame: _Frame) -> Array:
    reach = 2.0 * _intensity(tessellation, model, frame) ** (-1 / 3)
    return np.linspace(reach / 80, reach, 80)


def _simulate(
    model: GrainModel,
    frame: _Frame,
    rng: np.random.Generator,
    seen: _Seen,
    pattern: _Pattern,
    radii_um: Array,
    bandwidth_um: float,
    solid: NDArray[np.bool_] | None,
    monitor: Monitor,
) -> None:
    seeds, weights, _ = simulate_grains(model, frame.window_um, rng, monitor.sub(0.0, 0.2))
    matrices = simulate_matrices(model, len(seeds), rng)
    shape, spacing, origin = frame.shape, frame.spacing_um, frame.origin_um
    index = label_grid(model.kind, seeds, weights, matrices, shape, spacing, origin, monitor.sub(0.2, 0.6))
    labels = index + 1 if solid is None else _carved(index, solid)
    seen.add(LabelVolume(labels, frame.spacing_um, frame.origin_um, kind="grains"), monitor.sub(0.6, 1.0))
    visible = np.bincount(index.ravel(), minlength=len(seeds)) >= model.minimum_cell_voxels
    pattern.add(seeds[visible], weights[visible], BoxRegion(frame.window_um), radii_um, bandwidth_um)


def _solid(grains: LabelVolume | None) -> NDArray[np.bool_] | None:
    """Where the image has grains, if it shows the particle's surface; None for a section out of the bulk."""
    if grains is None:
        return None
    solid = np.asarray(grains.labels) > 0
    seen = solid.size if grains.observed is None else int(grains.observed.sum())
    return solid if solid.sum() < 0.98 * seen else None


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


def _compare_descriptors(seen: dict[str, _Seen], rng: np.random.Generator, monitor: Monitor) -> list[Comparison]:
    note = "Whole grains of 20 voxels or more, weighted by the inverse probability to lie wholly in the window."
    found = []
    for column, (key, title, label, unit, upper, whole) in enumerate(_DESCRIPTORS):
        samples = []
        for role, each in seen.items():
            if each.values:
                values = each.table[:, column]
                # The voxel estimate of the area can put small grains slightly above the bound.
                samples.append(Sample(role, np.minimum(values, upper) if upper else values, each.mass))
        monitor.check()
        found.append(
            compare_samples(key, title, _SUBJECT, label, tuple(samples), rng, unit=unit, upper=upper, whole=whole, note=note)
        )
    return [each for each in found if each is not None]


def _compare_generators(
    patterns: dict[str, _Pattern],
    model: GrainModel | None,
    radii_um: Array,
    bandwidth_um: float,
    rng: np.random.Generator,
    monitor: Monitor,
) -> list[Comparison]:
    found: list[Comparison | None] = []
    words = {"data": "data", "model": "model, visible seeds"}
    curves = [Curve(role, words[role], radii_um, np.mean(p.curves, axis=0)) for role, p in patterns.items() if p.curves]
    if model is not None and model.seeds.kind == "matern-cluster":
        theory = _smoothed_theory(model, radii_um, bandwidth_um)
        curves.append(Curve("theory", "theory, all seeds", radii_um, theory))
    if curves:
        labels = ("distance [µm]", "pair correlation g")
        note = f"Translation-corrected, Epanechnikov kernel of {bandwidth_um:.2g} µm; the theory is smoothed by the same kernel."
        found.append(
            compare_curves("pair-correlation", "Pair correlation of the seeds", _SUBJECT, labels, tuple(curves), note=note)
        )  # fmt: skip
    pooled = {role: p for role, p in patterns.items() if p.distances}
    samples = tuple(
        Sample(role, np.concatenate(p.distances), np.concatenate(p.distance_weights)) for role, p in pooled.items()
    )  # fmt: skip
    title = "Distance of a seed to its nearest neighbour"
    found.append(compare_samples("seed-distances", title, _SUBJECT, "distance [µm]", samples, rng, unit="µm"))
    monitor.check()
    samples = tuple(Sample(role, np.concatenate(p.weights)) for role, p in pooled.items())
    unit = "µm" if model is not None and model.kind == "gbpd-sqrt" else "µm²"
    weights = compare_samples(
        "weights", "Weights of the cells", _SUBJECT, f"weight [{unit}]", samples, rng, unit=unit, lower=None
    )
    if weights is not None and model is not None:
        weights = _with_weight_law(weights, model)
    found.append(weights)
    pairs = {role: np.concatenate(p.pairs) for role, p in pooled.items()}
    labels = (f"weight [{unit}]", "distance to the nearest seed [µm]")
    found.append(compare_pairs("weights-distances", "Weight and distance", _SUBJECT, labels, pairs, {}, rng))
    found.append(_compare_copulas(pairs, model, rng))
    return [each for each in found if each is not None]


def _compare_copulas(pairs: dict[str, Array], model: GrainModel | None, rng: np.random.Generator) -> Comparison | None:
    """Dependence alone: ranks of weight and distance, beside the fitted copula (models.md 9.2)."""
    from scipy.stats import kendalltau, rankdata

    ranks = {role: (rankdata(values, axis=0) - 0.5) / len(values) for role, values in pairs.items() if len(values) > 1}
    labels = ("rank of the weight", "rank of the distance")
    title = "Copula of weight and distance"
    found = compare_pairs("copula", title, _SUBJECT, labels, ranks, {}, rng, ranks=True)
    if found is None:
        return None
    distances = {f"kendall_{role}": float(kendalltau(*values.T).statistic) for role, values in ranks.items()}
    surfaces = found.surfaces
    if model is not None and model.copula.kind != "independence":
        x, y = surfaces[0].x, surfaces[0].y
        # The density has a pole in the upper corner: the outermost half cell of the grid is left out.
        u, v = (np.clip(axis, 0.5 * (axis[1] - axis[0]), 1 - 0.5 * (axis[1] - axis[0])) for axis in (x, y))
        density = np.exp(copula_log_density(u[None, :], v[:, None], model.copula))
        surfaces = (*surfaces, Surface("theory", x, y, np.minimum(density, 1.5 * max(s.z.max() for s in surfaces))))
        distances["kendall_theory"] = kendall_tau(model.copula)
    return replace(found, surfaces=surfaces, distances=found.distances | distances)


def _smoothed_theory(model: GrainModel, radii_um: Array, bandwidth_um: float) -> Array:
    """g of the process seen through the estimator's kernel: the raw curve differs visibly near its kink (models.md 8.3)."""
    t, mass = np.polynomial.legendre.leggauss(24)
    kernel = 0.75 * (1 - t**2) * mass
    # The estimator has no pairs at negative distances: there its kernel is cut, and so it is here.
    at = radii_um[:, None] + bandwidth_um * t
    raw = pair_correlation_theory(np.maximum(at, 0.0), model.seeds["parent_intensity"], model.seeds["cluster_radius"])
    return np.where(at > 0, raw, 0.0) @ kernel


def _with_weight_law(comparison: Comparison, model: GrainModel) -> Comparison:
    x = np.linspace(min(c.x[0] for c in comparison.curves), max(c.x[-1] for c in comparison.curves), 256)
    law = Curve("theory", "fitted law, all seeds", x, weight_density(x, model.weights), weight_moments(model.weights).mean)
    return replace(comparison, curves=(*comparison.curves, law))
