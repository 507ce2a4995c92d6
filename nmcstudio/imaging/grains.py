"""Grains of an orientation map: by disorientation, by the labels of the file, by a map of boundaries, and their clean-up."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.errors import ComputationError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, Volume
from nmcstudio.core.workers import beside
from nmcstudio.imaging.grain_cleaning import (
    ids_of_pieces,
    parents_of,
    relabel,
    smooth_boundaries,
    twin_partners,
    twin_rotation,
)
from nmcstudio.imaging.grain_fill import fill_from_nearest
from nmcstudio.imaging.grain_hierarchy import grain_hierarchy
from nmcstudio.imaging.grain_pieces import border_points, find_contacts, grain_orientations, label_components
from nmcstudio.imaging.grain_points import Points, find_points
from nmcstudio.imaging.grain_settings import GrainSettings


def segment_grains(
    stack: EbsdStack,
    settings: GrainSettings | None = None,
    *,
    boundary: Volume | None = None,
    monitor: Monitor | None = None,
) -> LabelVolume:
    """Label the grains of a map or stack (models.md 5).

    Parameters
    ----------
    stack
        Orientations, aligned.
    settings
        What to do; None takes the defaults.
    boundary
        The map of boundaries, on the grid of the stack, where the settings want a volume.
    monitor
        Progress, warnings and cancelling.

    Returns
    -------
    Labels 1, 2, … in the order of their first voxel (for "file": the file's own), 0 outside; mean orientations per label; the
    notes say what each part of the clean-up changed.

    Raises
    ------
    NmcError
        For a method, phase or map that is not usable.
    ComputationError
        If no grain is found.
    """
    settings, monitor = settings or GrainSettings(), monitor or Monitor()
    points = find_points(stack, settings, monitor.sub(0.0, 0.1))
    by_file = settings.by_file(stack)
    if not beside(points.ids.any, monitor):
        raise ComputationError(_why_empty(stack, points, settings), "look at the map: are these the right files and settings?")
    parts, cosine = points.ids, -1.0
    if settings.uses_map:
        hierarchy = grain_hierarchy(stack, points, settings, settings.angle, boundary, monitor.sub(0.1, 0.3))
        groups = hierarchy.groups(settings.angle, settings.split, monitor.sub(0.3, 0.35)).astype(np.uint32)
        parts = beside(partial(np.take, groups, hierarchy.pieces), monitor)
    elif settings.by_orientation(stack):
        cosine = float(np.cos(settings.angle / 2))
    labels, enclosed = label_components(
        parts,
        points.quaternions,
        points.group,
        cosine,
        settings.min_voxels,
        monitor.sub(0.35, 0.6),
        beside(partial(border_points, points.observed), monitor) if settings.spare_border else None,
    )
    if not beside(labels.any, monitor):
        raise ComputationError(
            f"no grain has {settings.min_voxels} voxels or more",
            "lower the smallest size, or raise the angle for noisy orientations",
        )
    notes = points.notes
    if by_file:
        lookup, others = beside(partial(ids_of_pieces, labels, points.ids, settings.pieces), monitor)
        relabel(labels, lookup, monitor.sub(0.6, 0.62))
        done = {"keep": "keep the label", "split": "are grains of their own", "largest": "are dropped"}[settings.pieces]
        notes += (f"{others} pieces that do not hang together with their grain {done}",) if others else ()
    filled = _fill(stack, points, labels, enclosed, settings, monitor.sub(0.62, 0.8))
    notes += (f"{filled / labels.size:.1%} of the voxels filled from the nearest grain",)
    if settings.smooth_passes:
        smoothed = smooth_boundaries(labels, settings.smooth_passes, monitor.sub(0.8, 0.85))
        notes += (f"{smoothed} voxels at boundaries smoothed",)
    counted = beside(partial(_observed_ids, points), monitor)
    means = grain_orientations(labels, points.quaternions, counted, points.group, monitor.sub(0.85, 0.95))
    if settings.twin_angle is not None:
        merged = _merge_twins(stack, points, labels, means, settings, monitor.sub(0.95, 1.0))
        sizes = beside(lambda: np.bincount(labels.ravel(), minlength=len(means)), monitor)
        means = np.where(sizes[:, None] > 0, means, np.nan)
        notes += (f"{merged} twins joined their parents",)
    final, count = beside(partial(_small_labels, labels), monitor)
    monitor.report(1.0, "grains labelled")
    return LabelVolume(
        labels=final,
        spacing_um=stack.spacing_um,
        origin_um=stack.origin_um,
        observed=None if points.observed.all() else points.observed,
        kind="grains",
        quaternions=means,
        point_group=stack.phases[points.phase - 1].point_group,
        name=stack.name,
        simulated=stack.simulated,
        notes=(f"{count} {'grain' if count == 1 else 'grains'} by {in_words(settings, by_file)}", *notes),
    )


def _why_empty(stack: EbsdStack, points: Points, settings: GrainSettings) -> str:
    """Why no point can be used, in words."""
    if not np.any(stack.phase):
        return "no point of the map is indexed"
    name = stack.phases[points.phase - 1].name
    if not np.any(stack.phase == points.phase):
        return f"no point of the map is of phase {points.phase}, {name}"
    if not np.any((stack.phase == points.phase) & points.observed):
        return f"no point of {name} lies in the observed region"
    if settings.by_file(stack):
        return f"the file has no labels where the map is of {name}"
    return f"no point of {name} reaches the confidence {settings.min_confidence}"


def _observed_ids(points: Points) -> NDArray[np.uint32]:
    if points.observed.all():
        return points.ids
    return np.where(points.observed, points.ids, 0).astype(np.uint32, copy=False)


def _small_labels(labels: NDArray[np.uint32]) -> tuple[NDArray[np.uint16] | NDArray[np.uint32], int]:
    """Labels in the smallest type that holds them, and how many there are."""
    count = int(np.count_nonzero(np.bincount(labels.ravel())[1:]))
    return labels.astype(np.uint16) if int(labels.max()) < 65536 else labels, count


def in_words(settings: GrainSettings, by_file: bool) -> str:
    """What the grains were found by."""
    angle = f"disorientation up to {np.rad2deg(settings.angle):.3g}°"
    what = {"quality": "quality", "confidence": "confidence", "volume": "boundary map"}[settings.boundary_map]
    seams = f"seams of the {what}, split {settings.split:g}"
    if by_file:
        return "labels of the file"
    return {"map": seams, "both": f"{angle} and {seams}"}.get(settings.method, angle)


def _fill(
    stack: EbsdStack,
    points: Points,
    labels: NDArray[np.uint32],
    enclosed: NDArray[np.bool_],
    settings: GrainSettings,
    monitor: Monitor,
) -> int:
    reach = 2 * float(np.prod(stack.spacing_um)) ** (1 / 3) if settings.fill_um is None else settings.fill_um
    fillable = beside(lambda: points.observed & ((stack.phase == 0) | (stack.phase == points.phase)), monitor)
    return fill_from_nearest(labels, fillable, reach, stack.spacing_um, monitor, enclosed)


def _merge_twins(
    stack: EbsdStack,
    points: Points,
    labels: NDArray[np.uint32],
    means: NDArray[np.float64],
    settings: GrainSettings,
    monitor: Monitor,
) -> int:
    """Give twins the label of their parent, in place; returns how many labels went."""
    assert settings.twin_angle is not None
    contacts = find_contacts(labels, points.quaternions, points.group, monitor.sub(0.0, 0.6))
    twin = twin_rotation(settings.twin_angle, settings.twin_axis, stack.phases[points.phase - 1])
    partners = twin_partners(contacts, means, points.group, twin, settings.twin_tolerance)
    sizes = beside(lambda: np.bincount(labels.ravel(), minlength=len(means)), monitor)
    lookup = parents_of(contacts.pairs[partners], sizes)
    relabel(labels, lookup, monitor.sub(0.6, 1.0))
    return int(np.count_nonzero(lookup != np.arange(len(lookup))))
