"""The grain model of a fitted tessellation: point process, weights given distances, matrices, texture (models.md 8 to 10, 14)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import GrainModel, Law, Tessellation
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child
from nmcstudio.core.volume import LabelVolume
from nmcstudio.grains.correction import correct_empty_cells
from nmcstudio.grains.distance_laws import distance_law, empirical_cdf
from nmcstudio.grains.fit_seeds import fit_seeds
from nmcstudio.grains.fit_texture import fit_texture
from nmcstudio.grains.marks import LEAST, MarksFit, fit_marks
from nmcstudio.grains.matrix_law import fit_matrix_law
from nmcstudio.stats.point_patterns import NeighbourSample, nearest_neighbour_sample
from nmcstudio.stats.regions import BoxRegion, MaskRegion, Region

Array = NDArray[np.float64]

# Below this p the theoretical distance law does not describe the data, and the copula's second argument is not uniform.
DISTANCE_P = 0.01
_TEXTURE = 14  # stream of the test of the texture, far from those of the fits
_LEAST_KNOWN = 100  # distances; with fewer, also those count whose nearest neighbour may lie outside


def observed_region(tessellation: Tessellation, grains: LabelVolume | None = None) -> Region:
    """Where the seeds were observed (erratum E18).

    Parameters
    ----------
    tessellation
        Gives the window, and the observed volume where it is known.
    grains
        The label volume behind it: its grain voxels are the region then, with edge corrections of their own.
    """
    if grains is not None:
        mask = np.asarray(grains.labels) > 0
        if mask.mean() < 0.995:
            return MaskRegion(mask, grains.spacing_um, grains.origin_um)
    window = tessellation.window_um
    volume = float(np.prod(window[:, 1] - window[:, 0]))
    known = np.isfinite(tessellation.observed_volume_um3) and tessellation.observed_volume_um3 > 0
    return BoxRegion(window, min(tessellation.observed_volume_um3 / volume, 1.0) if known else 1.0)


def fit_grains(
    tessellation: Tessellation,
    *,
    rng: np.random.Generator,
    seeds: str = "matern",
    contrast: str = "palm",
    copula: str = "tawn",
    correct_empty_cells: bool = True,
    windows: int = 16,
    steps: int = 6,
    minimum_cell_voxels: int = 1,
    texture: str = "automatic",
    grains: LabelVolume | None = None,
    monitor: Monitor | None = None,
) -> GrainModel:
    """Fit the random grain model to a tessellation.

    Parameters
    ----------
    tessellation
        With its gauge fixed; generators of cells without a voxel are left out.
    rng
        Bootstrap, pseudo-likelihood and simulated windows.
    seeds
        "matern", "poisson" or "strauss".
    contrast
        How the Matérn process is fitted (`fit_matern.CONTRASTS`).
    copula
        "tawn" or "independence".
    correct_empty_cells
        Correct for seeds whose cells are empty (models.md 8.5); the values before stay in ``as_published``.
    windows, steps, minimum_cell_voxels
        Of the correction.
    texture
        One of `fit_texture.TEXTURES`.
    grains
        Label volume behind the tessellation, for the shape of the observed region; None takes the window.
    monitor
        Progress, warnings, cancelling, finish now in the correction.

    Raises
    ------
    NmcError
        If there are too few seeds or weights, or the texture needs orientations that are not there.
    """
    monitor = monitor or Monitor()
    region = observed_region(tessellation, grains)
    if isinstance(region, BoxRegion) and region.fill < 0.9:
        monitor.warn(
            f"Grains fill {100 * region.fill:.0f} % of the window and their shape is not known: edge corrections take the "
            "window. Fit from a grain map for the true shape."
        )
    points, weights, used = _visible_generators(tessellation)
    textured = fit_texture(tessellation, used, texture, grains, child(rng, _TEXTURE), monitor.sub(0.0, 0.02))
    process = fit_seeds(points, region, seeds, child(rng, 0), contrast=contrast, monitor=monitor.sub(0.0, 0.15))
    for note in process.notes:
        monitor.warn(note)
    notes = [*process.notes, *textured.notes]
    monitor.report(0.15, "Fitting the weights")
    sample = nearest_neighbour_sample(points, region)
    law_kind, distances, marks = _fit_marks(weights, sample, process.law, copula, notes, monitor)
    model = GrainModel(
        seeds=process.law,
        weights=marks.weights,
        copula=marks.copula,
        texture=textured.law,
        gauge=tessellation.gauge,
        distance_law=law_kind,
        distances_um=distances,
        orientations=textured.orientations,
        orientation_weights=textured.volumes_um3,
        neighbour_angles=textured.neighbour_angles,
        point_group=tessellation.point_group or "-3m",
        minimum_cell_voxels=minimum_cell_voxels,
        sample_size=len(sample.index),
        matrices=None if tessellation.matrices is None else fit_matrix_law(tessellation.kind, tessellation.matrices[used]),
    )
    if correct_empty_cells:
        model = _corrected(
            model,
            rng,
            process.clustered,
            process.r_max_um,
            windows,
            steps,
            minimum_cell_voxels,
            notes,
            monitor.sub(0.2, 1.0),
        )
    monitor.report(1.0)
    return replace(model, notes=tuple(notes))


def _visible_generators(tessellation: Tessellation) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Seeds and weights of generators that own a voxel: an image shows no others, and the correction assumes so."""
    used = np.all(np.isfinite(tessellation.seeds_um), axis=1) & np.isfinite(tessellation.weights)
    if tessellation.volume_errors is not None:
        used &= ~(tessellation.volume_errors <= -1.0 + 1e-9)
    return tessellation.seeds_um[used], tessellation.weights[used], used


def _fit_marks(
    weights: Array, sample: NeighbourSample, seeds: Law, copula: str, notes: list[str], monitor: Monitor
) -> tuple[str, Array | None, MarksFit]:
    """Weights given distances, with the theoretical law of the distances where the data agrees with it."""
    use = sample.known if np.count_nonzero(sample.known) >= _LEAST_KNOWN else np.ones(len(sample.index), dtype=bool)
    if np.count_nonzero(use) < LEAST:
        raise NmcError(
            f"{np.count_nonzero(use)} weights are too few for their law",
            f"fit a volume with at least {LEAST} grains, or type a published model in with import-grain-model",
        )
    d = sample.distances_um[use]
    mass = sample.weights[use] if np.all(sample.weights[use] > 0) else np.ones(len(d))
    u2 = distance_law(seeds, monitor).cdf(d)
    p = _uniformity(u2, d, mass)
    kind, kept = "theory", None
    if p < DISTANCE_P:
        kind, kept = "empirical", np.sort(d)
        u2 = empirical_cdf(d)
        notes.append(
            f"The nearest-neighbour distances do not follow the fitted seed process (p = {p:.1g}); the copula uses their ranks."
        )
    marks = fit_marks(weights[sample.index][use], u2, copula=copula, monitor=monitor)
    if "alpha" in marks.at_edge or "theta" in marks.at_edge:
        message = (
            "The weights are not skewed to the right as the shifted inverse gamma law is: it ends at its normal limit, and "
            "alpha, beta and theta mean little by themselves."
        )
        monitor.warn(message)
        notes.append(message)
    if marks.pit_p < 0.01:
        message = f"The law of the weights describes them poorly (p = {marks.pit_p:.1g})."
        monitor.warn(message)
        notes.append(message)
    if copula == "tawn":
        notes.append(f"Kendall's tau of weights and distances {marks.kendall_tau:.3f}.")
    return kind, kept, marks


def _uniformity(u2: Array, distances: Array, weights: Array) -> float:
    """Kolmogorov-Smirnov p of weighted u2 against the uniform law; two seeds that are each other's nearest count once."""
    from scipy import stats

    order = np.argsort(u2)
    mass = weights[order] / weights.sum()
    above = np.cumsum(mass)
    statistic = float(max(np.max(above - u2[order]), np.max(u2[order] - above + mass)))
    _, group = np.unique(np.round(distances, 12), return_inverse=True)
    shares = np.bincount(group, weights=weights) / weights.sum()
    return float(stats.kstwo.sf(statistic, max(int(1.0 / np.sum(shares**2)), 1)))


def _corrected(
    model: GrainModel,
    rng: np.random.Generator,
    clustered: bool,
    r_max_um: float,
    windows: int,
    steps: int,
    minimum_voxels: int,
    notes: list[str],
    monitor: Monitor,
) -> GrainModel:
    result = correct_empty_cells(
        model,
        child(rng, 1),
        clustered=clustered,
        r_max_um=r_max_um,
        windows=windows,
        steps=steps,
        minimum_voxels=minimum_voxels,
        monitor=monitor,
    )
    if not result.converged:
        for note in result.notes:
            monitor.warn(note)
    notes.extend(result.notes)
    return result.model
