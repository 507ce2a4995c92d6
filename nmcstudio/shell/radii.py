"""Radius functions of labelled particles ([A] "Outer shell"; models.md 3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.shells import RadiusFunctions
from nmcstudio.core.volume import LabelVolume, Volume, index_to_um
from nmcstudio.core.workers import in_threads
from nmcstudio.shell.blur import inward_shift_um
from nmcstudio.shell.descriptors import is_published_mesh
from nmcstudio.shell.directions import check_directions, grid_for_degree, mesh_of, octasphere, quadrature_of, solid_angles
from nmcstudio.shell.edge_weights import edge_weights
from nmcstudio.shell.particle_field import Surface, SurfaceSource, choose_source, field_around
from nmcstudio.shell.scan import Found, find_particles
from nmcstudio.shell.star_shape import explain, looks_like_two

#: Share of the directions in which the smooth field may miss the particle before it is called too thin for it.
_THIN = 0.01
#: A radius below this share of the mean may be the neck of two particles that both are seen whole from it.
_WAIST = 0.5


@dataclass(frozen=True)
class _Rays:
    """Directions ``(m, 3)``, of which the first `measured` are the caller's; their weights; voxel steps (z, y, x) a um."""

    directions: NDArray[np.float64]
    weights: NDArray[np.float64]
    steps_zyx: NDArray[np.float64]
    measured: int


@dataclass(frozen=True)
class _Seen:
    radii_um: NDArray[np.float64]
    centre_zyx: NDArray[np.float64]
    star_error: float
    flag: str


def extract_radii(
    particles: LabelVolume,
    ct: Volume | None = None,
    *,
    directions: NDArray[np.float64] | None = None,
    surface: Surface = "automatic",
    mask_sigma_voxels: float = 0.7,
    mask_level: float = 0.5,
    star_tolerance: float = 0.02,
    minimum_voxels: int = 100,
    edge_correction: bool = True,
    correct_blur: bool = False,
    monitor: Monitor | None = None,
) -> RadiusFunctions:
    """Distance from each particle's star point to its outermost surface point in every direction.

    The radii on the published mesh of 258 directions are measured beside those that are asked for: the published descriptors
    are taken from them, of the data as of the model.

    Parameters
    ----------
    particles
        Labelled particles; those that touch the border or something not observed are left out.
    ct
        The grey volume that they were made from, for the grey surface.
    directions
        float64 ``(m, 3)``, unit vectors (x, y, z); None for the Gauss-Legendre grid of degree 15 (2,048 directions).
    surface
        "grey": the filtered grey volume at the level of the segmentation, between the voxels; "mask": the filtered binary
        particle at `mask_level`; "voxel": the nearest voxel, as published (error about half a voxel); "automatic": grey
        where there is a CT volume and a level, else mask.
    mask_sigma_voxels, mask_level
        Of the surface "mask".
    star_tolerance
        A particle is flagged if its star hull is larger than itself by more than this share of its volume; gaps are
        looked for along the rays, from voxel to voxel.
    minimum_voxels
        Smaller particles are left out.
    edge_correction
        Weigh by the inverse probability to lie wholly in the field of view (models.md 2.6).
    correct_blur
        Move the surface outwards by what the Gaussian filter moved it inwards, sigma^2 times the local mean curvature
        (models.md 2.2). How much that is, is said in the notes either way.
    monitor
        Progress and cancel.

    Raises
    ------
    NmcError
        If no particle is left, or the CT volume does not fit.
    """
    monitor = monitor or Monitor()
    rays = _rays(grid_for_degree(15).directions if directions is None else directions, particles.spacing_um)
    source = choose_source(particles, ct, surface, mask_sigma_voxels, mask_level, monitor)
    found = _whole_particles(particles, minimum_voxels, monitor.sub(0.0, 0.2))
    seen = _look_at_all(particles, found, rays, source, star_tolerance, monitor.sub(0.2, 0.95))

    radii_um = np.stack([one.radii_um for one in seen])
    smoothing_um = _smoothing_um(particles, source)
    radii_um, notes = _treat_blur(radii_um, rays, smoothing_um, correct_blur)
    weights = (
        edge_weights(np.diff(found.boxes, axis=2)[:, :, 0], particles.shape, particles.observed)
        if edge_correction
        else np.ones(len(seen))
    )
    flagged = sum(bool(one.flag) for one in seen)
    if flagged:
        monitor.warn(f"{flagged} of {len(seen)} particles are flagged as not star-shaped or otherwise odd; the table says why")
    for note in notes:
        monitor.warn(note)
    monitor.report(1.0, f"{len(seen)} radius functions")
    centres = np.stack([one.centre_zyx for one in seen])
    return RadiusFunctions(
        ids=found.ids,
        directions=rays.directions[: rays.measured],
        radii_um=radii_um[:, : rays.measured],
        centres_um=index_to_um(centres, particles.spacing_um, particles.origin_um),
        weights=weights,
        star_errors=np.array([one.star_error for one in seen]),
        flags=tuple(one.flag for one in seen),
        volumes_um3=found.counts.astype(np.float64) * float(np.prod(particles.spacing_um)),
        voxel_um=float(np.cbrt(np.prod(particles.spacing_um))),
        smoothing_um=smoothing_um,
        simulated=particles.simulated or (ct is not None and ct.simulated),
        published_radii_um=radii_um[:, rays.measured :] if rays.measured < len(rays.directions) else None,
        notes=notes,
    )


def with_volumes(radii: RadiusFunctions) -> RadiusFunctions:
    """The same radii; volumes that are not known are those of the star bodies, and centres the origin.

    Raises
    ------
    NmcError
        If the directions do not cover the sphere.
    """
    volumes, centres = radii.volumes_um3, radii.centres_um
    weights = _rays(radii.directions, (1.0, 1.0, 1.0)).weights
    if np.isnan(volumes).any():
        volumes = np.where(np.isnan(volumes), radii.radii_um**3 @ weights / 3, volumes)
    return replace(radii, volumes_um3=volumes, centres_um=np.where(np.isnan(centres), 0.0, centres))


def _rays(directions: NDArray[np.float64], spacing_um: tuple[float, float, float]) -> _Rays:
    directions = np.asarray(directions, dtype=np.float64)
    check_directions(directions)
    grid = quadrature_of(directions)
    weights = grid.weights if grid is not None else solid_angles(mesh_of(directions))
    every = directions if is_published_mesh(directions) else np.concatenate([directions, octasphere().directions])
    return _Rays(every, weights, every[:, ::-1] / np.asarray(spacing_um), len(directions))


def _whole_particles(particles: LabelVolume, minimum_voxels: int, monitor: Monitor) -> Found:
    """The particles that lie wholly in the field of view and are large enough; says how many others there are, and why."""
    labels, observed = particles.labels, particles.observed
    found = find_particles(labels, monitor)
    ends = np.array(labels.shape)
    inner = (found.boxes[:, :, 0] > 0) & (found.boxes[:, :, 1] < ends) | (ends == 1)
    whole = inner.all(axis=1)
    small = whole & (found.counts < minimum_voxels)
    unknown = np.zeros(len(whole), dtype=bool)
    if observed is not None:
        for number in np.flatnonzero(whole & ~small):
            monitor.report(None)
            unknown[number] = _touches_unknown(labels, int(found.ids[number]), found.boxes[number], observed)
    kept = whole & ~small & ~unknown
    if not whole.all():
        monitor.warn(f"{np.count_nonzero(~whole)} particles touch the border of the volume and are left out")
    if unknown.any():
        monitor.warn(f"{np.count_nonzero(unknown)} particles touch something that was not observed and are left out")
    if small.any():
        monitor.warn(f"{np.count_nonzero(small)} particles have fewer than {minimum_voxels} voxels and are left out")
    if not kept.any():
        total = len(kept)
        what = "there are no particles" if not total else f"none of the {total} particles lies wholly in the field of view"
        raise NmcError(what, "segment the CT volume so that whole particles remain, or lower the smallest size", "minimum_voxels")
    return Found(found.ids[kept], found.counts[kept], found.centroids[kept], found.boxes[kept])


def _touches_unknown(labels: NDArray[Any], label: int, box: NDArray[np.int64], observed: NDArray[np.bool_]) -> bool:
    """Whether a voxel of the particle is not observed, or shares a face with one that is not."""
    wide = tuple(slice(max(0, int(a) - 1), int(b) + 1) for a, b in box)
    unknown = ~observed[wide]
    if not unknown.any():
        return False
    mask = labels[wide] == label
    if (mask & unknown).any():
        return True
    for axis in range(3):
        one, other = [slice(None)] * 3, [slice(None)] * 3
        one[axis], other[axis] = slice(1, None), slice(None, -1)
        a, b = tuple(one), tuple(other)
        if (mask[a] & unknown[b]).any() or (mask[b] & unknown[a]).any():
            return True
    return False


def _look_at_all(
    particles: LabelVolume, found: Found, rays: _Rays, source: SurfaceSource, tolerance: float, monitor: Monitor
) -> list[_Seen]:
    """Each particle in a thread of its own, large ones first so that none is left over at the end."""
    order = np.argsort(-found.counts)
    seen = in_threads(
        lambda number: _look(particles, found, number, rays, source, tolerance, monitor),
        order.tolist(),
        monitor,
        f"radius functions of {len(order)} particles",
    )
    back = np.argsort(order)
    return [seen[place] for place in back]


def _look(
    particles: LabelVolume,
    found: Found,
    number: int,
    rays: _Rays,
    source: SurfaceSource,
    tolerance: float,
    monitor: Monitor,
) -> _Seen:
    """One particle from its star point."""
    from nmcstudio.shell.marching import THIN

    label, box = int(found.ids[number]), found.boxes[number]
    centre, flags = _star_point(particles, label, box, found.centroids[number])
    radii, gaps, ends = _march(particles, label, box, centre, rays, source, monitor)
    measured = slice(0, rays.measured)
    gap = float(rays.weights @ gaps[measured])
    star_error = gap / max(float(rays.weights @ radii[measured] ** 3) / 3 - gap, 1e-300)
    waist = radii[measured].min() < _WAIST * radii[measured].mean()
    if star_error > tolerance or waist:
        mask = particles.labels[tuple(slice(int(a), int(b)) for a, b in box)] == label
        if star_error > tolerance:
            reason = explain(mask, particles.spacing_um)
            flags.append(f"not star-shaped: {reason}; its star hull is {100 * star_error:.1f} % larger")
        elif looks_like_two(np.pad(mask, 1), particles.spacing_um):
            flags.append("it looks like two particles, seen from the neck between them")
    thin = np.count_nonzero(ends[measured] == THIN)
    if thin > _THIN * rays.measured:
        flags.append(f"too thin for the smooth surface in {thin} directions")
    return _Seen(radii, centre, star_error, "; ".join(flags))


def _star_point(
    particles: LabelVolume, label: int, box: NDArray[np.int64], centroid: NDArray[np.float64]
) -> tuple[NDArray[np.float64], list[str]]:
    """Index (z, y, x) of the centroid, or of the deepest voxel where the centroid is not in the particle."""
    if particles.labels[tuple(np.ceil(centroid - 0.5).astype(int))] == label:
        return centroid, []
    from scipy.ndimage import distance_transform_edt

    mask = particles.labels[tuple(slice(int(a), int(b)) for a, b in box)] == label
    depth = distance_transform_edt(np.pad(mask, 1), sampling=particles.spacing_um)[1:-1, 1:-1, 1:-1]
    deepest = np.array(np.unravel_index(int(np.argmax(depth)), mask.shape), dtype=np.float64)
    return deepest + box[:, 0], ["its centroid lies outside, so it is seen from its deepest point"]


def _march(
    particles: LabelVolume,
    label: int,
    box: NDArray[np.int64],
    centre: NDArray[np.float64],
    rays: _Rays,
    source: SurfaceSource,
    monitor: Monitor,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.uint8]]:
    from nmcstudio.shell.marching import march

    field = field_around(particles.labels, label, box, source, monitor)
    nothing = np.empty((0, 0, 0), np.float32)
    values, origin, stride = (nothing, np.zeros(3), 1) if field is None else (field.values, field.origin, field.stride)
    radii, gaps = np.empty((2, len(rays.directions)))
    ends = np.empty(len(radii), np.uint8)
    samples_a_ray = 6 * np.max(box[:, 1] - box[:, 0]) + 1000
    chunk = max(16, int(5e6 / samples_a_ray))
    for start in range(0, len(radii), chunk):
        monitor.check()
        part = slice(start, start + chunk)
        march(
            particles.labels, label, box, centre, rays.steps_zyx[part], values, origin, stride, source.level, source.room_voxels,
            radii[part], gaps[part], ends[part],
        )  # fmt: skip
    return radii, gaps, ends


def _smoothing_um(particles: LabelVolume, source: SurfaceSource) -> float:
    """Standard deviation, um, of all Gaussian filters between the object and the surface that was measured."""
    voxel_um = float(np.cbrt(np.prod(particles.spacing_um)))
    image = particles.surface.sigma_voxels if particles.surface is not None else 0.0
    return float(np.hypot(image, source.sigma_voxels if source.kind == "mask" else 0.0)) * voxel_um


def _treat_blur(
    radii_um: NDArray[np.float64], rays: _Rays, sigma_um: float, correct: bool
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Take back the filter's shift if asked to, and say in either case how large it is."""
    if sigma_um <= 0:
        return radii_um, ()
    if correct:
        shift = inward_shift_um(radii_um, rays.directions, sigma_um)
        share = 100 * float(np.mean(shift.mean(axis=1) / radii_um.mean(axis=1)))
        return radii_um + shift, (
            f"the Gaussian filter of {sigma_um:.3g} um had moved the surface inwards by {shift.mean():.3g} um on average; that "
            f"was taken back along the local curvature, and diameters grew by {share:.2f} %",
        )
    measured = radii_um.mean(axis=1)
    # The half level of a filtered ball lies sigma^2 / R too far in: R solves R - sigma^2 / R = measured.
    shift = (np.sqrt(measured**2 + 4 * sigma_um**2) - measured) / 2
    share = 100 * float(np.mean(shift / measured))
    return radii_um, (
        f"the Gaussian filter of {sigma_um:.3g} um moves the surface inwards by about {shift.mean():.3g} um, so that diameters "
        f"are {share:.2f} % too small on average; this is not corrected",
    )
