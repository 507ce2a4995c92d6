"""The grain model of a fitted tessellation: point process, weights given distances, matrices, texture (models.md 8 to 10, 14)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.grains import Envelope, GrainModel, Law, MatrixJoint, Tessellation
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child
from nmcstudio.core.volume import LabelVolume
from nmcstudio.grains.bootstrap import bootstrap_errors
from nmcstudio.grains.correction import correct_empty_cells as correct
from nmcstudio.grains.fit_error import measure_fit_error
from nmcstudio.grains.fit_seeds import fit_seeds
from nmcstudio.grains.fit_texture import fit_texture
from nmcstudio.grains.fit_weights import fit_weights
from nmcstudio.grains.goodness import judge_process
from nmcstudio.grains.matrix_joint import fit_matrix_joint
from nmcstudio.grains.matrix_law import fit_matrix_law
from nmcstudio.grains.observed import observe, of_simulation, visible_generators
from nmcstudio.grains.study import Study
from nmcstudio.grains.windows import VisiblePattern
from nmcstudio.stats.point_patterns import nearest_neighbour_sample
from nmcstudio.stats.regions import BoxRegion, Region

Array = NDArray[np.float64]

_TEXTURE = 14  # stream of the test of the texture, far from those of the fits
_GOODNESS = 15  # and of the envelopes
_BOOTSTRAP = 16
_FIT_ERROR = 17


def fit_grains(
    tessellation: Tessellation,
    *,
    rng: np.random.Generator,
    seeds: str = "matern",
    contrast: str = "palm",
    weights: str = "inverse-gamma",
    copula: str = "tawn",
    compare_laws: bool = True,
    envelopes: int = 99,
    correct_empty_cells: bool = True,
    windows: int = 8,
    steps: int = 6,
    minimum_cell_voxels: int = 20,
    fit_error: bool = False,
    bootstrap: int = 0,
    texture: str = "automatic",
    matrices: str = "isotropic",
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
    weights, copula
        Kinds of the laws (`weights.WEIGHT_KINDS`, `copula.COPULA_KINDS`), or "auto" for the best by Akaike's criterion.
    compare_laws
        Fit the other laws and copulas too, and say which suits the data best.
    envelopes
        Simulated patterns behind the global envelopes of the seeds, 0 for none.
    correct_empty_cells
        Correct for seeds whose cells are empty (models.md 8.5); the values before stay in ``as_published``.
    windows, steps
        Of the correction.
    minimum_cell_voxels
        Grains of fewer voxels are left out, in the data and in simulated windows: so few hardly determine a generator.
    fit_error
        Fit the tessellation of one simulated window, and give simulated generators the error found.
    bootstrap
        Replicates of the parametric bootstrap behind standard errors and intervals; 0 for those of the fit.
    texture
        One of `fit_texture.TEXTURES`.
    matrices
        Law of the matrices of a GBPD: "isotropic", or jointly with the weights "gaussian" or "vine".
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
    # Without the grains' volumes there is no telling which of them are small.
    minimum = minimum_cell_voxels if tessellation.volumes_um3 is not None else 1
    observation = observe(tessellation, grains, minimum)
    region = observation.region
    used = visible_generators(tessellation, minimum, float(np.prod(observation.raster.spacing_um)))
    points, marks_of_points = tessellation.seeds_um[used], tessellation.weights[used]
    if isinstance(region, BoxRegion) and region.fill < 0.9:
        monitor.warn(
            f"Grains fill {100 * region.fill:.0f} % of the window and their shape is not known: edge corrections take the "
            "window. Fit from a grain map for the true shape."
        )
    textured = fit_texture(tessellation, used, texture, grains, child(rng, _TEXTURE), monitor.sub(0.0, 0.02))
    process = fit_seeds(points, region, seeds, child(rng, 0), contrast=contrast, monitor=monitor.sub(0.02, 0.1))
    for note in process.notes:
        monitor.warn(note)
    notes = [*process.notes, *textured.notes]
    curves, goodness = _judged(points, region, process.law, child(rng, _GOODNESS), envelopes, notes, monitor.sub(0.1, 0.2))
    sample = nearest_neighbour_sample(points, region)
    fit = fit_weights(marks_of_points, sample, process.law, weights, copula, compare_laws, monitor.sub(0.2, 0.3))
    for note in fit.warnings:
        monitor.warn(note)
    notes += fit.notes
    model = GrainModel(
        seeds=process.law,
        weights=fit.marks.weights,
        copula=fit.marks.copula,
        texture=textured.law,
        gauge=tessellation.gauge,
        distance_law=fit.distance_law,
        distances_um=fit.distances_um,
        orientations=textured.orientations,
        orientation_weights=textured.volumes_um3,
        neighbour_angles=textured.neighbour_angles,
        point_group=tessellation.point_group or "-3m",
        minimum_cell_voxels=minimum,
        sample_size=len(sample.index),
        matrices=None if tessellation.matrices is None else fit_matrix_law(tessellation.kind, tessellation.matrices[used]),
        matrix_joint=_joint(tessellation, used, fit.marks.weights, matrices),
        choices=fit.choices,
        envelopes=curves,
        goodness=goodness,
    )
    if correct_empty_cells or bootstrap:
        looked = [VisiblePattern(points, marks_of_points)]
        error = (0.0, 0.0)
        if fit_error:
            monitor.report(0.3, "Fitting a tessellation to a simulated window")
            missed = measure_fit_error(model, of_simulation(observation), child(rng, _FIT_ERROR), monitor.sub(0.3, 0.4))
            error = (missed.seeds_um, missed.weights)
            notes.append(missed.words(tessellation.agreement))
        study = Study.plan(
            model, looked, observation, windows, clustered=process.clustered, r_max_um=process.r_max_um, error=error
        )  # fmt: skip
        share = (0.5 if bootstrap else 1.0) if correct_empty_cells else 0.3
        sensitivity = None
        if correct_empty_cells:
            found = correct(model, study, child(rng, 1), steps=steps, monitor=monitor.sub(0.4, share))
            model, sensitivity = found.model, found.sensitivity
            notes.extend(found.notes)
            if not found.converged:
                for note in found.notes:
                    monitor.warn(note)
        if bootstrap and not monitor.finish_requested:
            errors = bootstrap_errors(model, study, sensitivity, bootstrap, child(rng, _BOOTSTRAP), monitor.sub(share, 1.0))
            model = errors.model
            notes.extend(errors.notes)
    monitor.report(1.0)
    return replace(model, notes=tuple(notes))


def _joint(tessellation: Tessellation, used: NDArray[np.bool_], law: Law, kind: str) -> MatrixJoint | None:
    if kind == "isotropic" or tessellation.matrices is None:
        return None
    return fit_matrix_joint(kind, tessellation.matrices[used], tessellation.weights[used], law)


def _judged(
    points: Array, region: Region, seeds: Law, rng: np.random.Generator, envelopes: int, notes: list[str], monitor: Monitor
) -> tuple[tuple[Envelope, ...], dict[str, float]]:
    """Global envelopes of the seeds; says so where they do not follow the process."""
    if not envelopes:
        return (), {}
    curves, goodness, note = judge_process(points, region, seeds, rng, envelopes, monitor)
    if note:
        monitor.warn(note)
        notes.append(note)
    return curves, goodness
