"""Fit of a grain model to the generators that show in an image (models.md 8 to 10, 14): what the correction starts from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.grains import Envelope, GrainModel, Law, MatrixJoint, Tessellation
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import child
from nmcstudio.core.volume import LabelVolume
from nmcstudio.grains.fit_seeds import fit_seeds
from nmcstudio.grains.fit_texture import fit_texture
from nmcstudio.grains.fit_weights import fit_weights
from nmcstudio.grains.goodness import judge_process
from nmcstudio.grains.matrix_joint import fit_matrix_joint
from nmcstudio.grains.matrix_law import fit_matrix_law
from nmcstudio.grains.observed import observe, visible_generators
from nmcstudio.grains.process_fit import ProcessFit
from nmcstudio.grains.windows import Observation, VisiblePattern
from nmcstudio.stats.point_patterns import nearest_neighbour_sample
from nmcstudio.stats.regions import BoxRegion, Region

Array = NDArray[np.float64]

_SEEDS, _TEXTURE, _GOODNESS = 0, 14, 15  # streams


@dataclass(frozen=True)
class VisibleFit:
    """A model of visible cells with what it was fitted to.

    Attributes
    ----------
    model
        Its notes are those of the fit.
    process
        Fit of the seeds.
    observation
        How the data was looked at.
    pattern
        The generators that count.
    """

    model: GrainModel
    process: ProcessFit
    observation: Observation
    pattern: VisiblePattern


def fit_visible(
    tessellation: Tessellation,
    *,
    rng: np.random.Generator,
    seeds: str,
    contrast: str,
    weights: str,
    copula: str,
    compare_laws: bool,
    envelopes: int,
    minimum_cell_voxels: int,
    texture: str,
    matrices: str,
    grains: LabelVolume | None,
    monitor: Monitor,
) -> VisibleFit:
    """Fit seeds, weights, matrices and texture; parameters and errors as in `model.fit_grains`."""
    # Without the grains' volumes there is no telling which of them are small.
    minimum = minimum_cell_voxels if tessellation.volumes_um3 is not None else 1
    observation = observe(tessellation, grains, minimum)
    region = observation.region
    _warn_of_gaps(region, monitor)
    used = visible_generators(tessellation, minimum, float(np.prod(observation.raster.spacing_um)))
    pattern = VisiblePattern(tessellation.seeds_um[used], tessellation.weights[used])
    textured = fit_texture(tessellation, used, texture, grains, child(rng, _TEXTURE), monitor.sub(0.0, 0.1))
    process = fit_seeds(pattern.seeds_um, region, seeds, child(rng, _SEEDS), contrast=contrast, monitor=monitor.sub(0.1, 0.4))
    for note in process.notes:
        monitor.warn(note)
    curves, goodness, doubts = _judged(pattern, region, process.law, child(rng, _GOODNESS), envelopes, monitor.sub(0.4, 0.7))
    sample = nearest_neighbour_sample(pattern.seeds_um, region)
    marks = fit_weights(pattern.weights, sample, process.law, weights, copula, compare_laws, monitor.sub(0.7, 1.0))
    for note in marks.warnings:
        monitor.warn(note)
    model = GrainModel(
        seeds=process.law,
        weights=marks.marks.weights,
        copula=marks.marks.copula,
        texture=textured.law,
        gauge=tessellation.gauge,
        distance_law=marks.distance_law,
        distances_um=marks.distances_um,
        orientations=textured.orientations,
        orientation_weights=textured.volumes_um3,
        neighbour_angles=textured.neighbour_angles,
        point_group=tessellation.point_group or "-3m",
        minimum_cell_voxels=minimum,
        sample_size=len(sample.index),
        matrices=None if tessellation.matrices is None else fit_matrix_law(tessellation.kind, tessellation.matrices[used]),
        matrix_joint=_joint(tessellation, used, marks.marks.weights, matrices, np.array(observation.centre_um)),
        choices=marks.choices,
        envelopes=curves,
        goodness=goodness,
        notes=(*process.notes, *textured.notes, *doubts, *marks.notes),
    )
    return VisibleFit(model, process, observation, pattern)


def _warn_of_gaps(region: Region, monitor: Monitor) -> None:
    if isinstance(region, BoxRegion) and region.fill < 0.9:
        monitor.warn(
            f"Grains fill {100 * region.fill:.0f} % of the window and their shape is not known: edge corrections take the "
            "window. Fit from a grain map for the true shape."
        )


def _judged(
    pattern: VisiblePattern, region: Region, seeds: Law, rng: np.random.Generator, envelopes: int, monitor: Monitor
) -> tuple[tuple[Envelope, ...], dict[str, float], tuple[str, ...]]:
    """Global envelopes of the seeds, p-values, and a note where the seeds do not follow the process."""
    if not envelopes:
        return (), {}, ()
    curves, goodness, note = judge_process(pattern.seeds_um, region, seeds, rng, envelopes, monitor)
    if note:
        monitor.warn(note)
    return curves, goodness, (note,) if note else ()


def _joint(tessellation: Tessellation, used: NDArray[np.bool_], law: Law, kind: str, centre: Array) -> MatrixJoint | None:
    if kind == "isotropic" or tessellation.matrices is None:
        return None
    outward = tessellation.seeds_um[used] - centre
    return fit_matrix_joint(kind, tessellation.matrices[used], tessellation.weights[used], law, outward)
