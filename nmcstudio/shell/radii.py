"""Radius functions of labelled particles ([A] "Outer shell"; models.md 3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.shells import RadiusFunctions
from nmcstudio.core.volume import LabelVolume, Volume, index_to_um
from nmcstudio.shell.directions import SphereGrid, check_directions, grid_for_degree, mesh_of, quadrature_of, solid_angles
from nmcstudio.shell.edge_weights import edge_weights
from nmcstudio.shell.particle_field import Box, GreySource, grey_field, grey_source, grow, mask_field, voxel_field

Surface = Literal["automatic", "grey", "mask", "voxel"]
_MARGIN = 3
_SLAB = 4_000_000


@dataclass(frozen=True)
class _Rays:
    directions: NDArray[np.float64]
    weights: NDArray[np.float64]
    steps_zyx: NDArray[np.float64]
    stride_um: float


@dataclass(frozen=True)
class _Seen:
    radii_um: NDArray[np.float64]
    centre_um: NDArray[np.float64]
    star_error: float
    flag: str
    voxels: int


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
        A particle is flagged if its star hull is larger than itself by more than this share of its volume. Both are
        measured along the same rays through the same field, so that neither filter nor grid enters the ratio.
    minimum_voxels
        Smaller particles are left out.
    edge_correction
        Weigh by the inverse probability to lie wholly in the field of view (models.md 2.6).
    correct_blur
        Move the surface outwards by what the Gaussian filter moved it inwards, sigma^2 over the radius (models.md 2.2).
    monitor
        Progress and cancel.

    Raises
    ------
    NmcError
        If no particle is left, or the CT volume does not fit.
    """
    monitor = monitor or Monitor()
    rays = _rays(grid_for_degree(15).directions if directions is None else directions, particles.spacing_um)
    source = _choose_source(particles, ct, surface, monitor)
    kind = surface if surface != "automatic" else ("grey" if source is not None else "mask")
    kept, boxes = _complete_particles(particles, minimum_voxels, monitor)

    seen: list[_Seen] = []
    for number, label in enumerate(kept):
        monitor.report(number / len(kept), f"radius functions of {len(kept)} particles")
        seen.append(
            _look(
                particles, int(label), boxes[number], rays, kind, source, mask_sigma_voxels, mask_level, star_tolerance, monitor
            )
        )
    radii_um = np.stack([one.radii_um for one in seen])
    smoothing_um = _smoothing_um(particles, kind, mask_sigma_voxels)
    radii_um = _treat_blur(radii_um, rays.weights, smoothing_um, correct_blur, monitor)
    extents = np.array([[side.stop - side.start for side in box] for box in boxes])
    weights = edge_weights(extents, particles.shape, particles.observed) if edge_correction else np.ones(len(kept))
    flagged = sum(bool(one.flag) for one in seen)
    if flagged:
        monitor.warn(f"{flagged} of {len(seen)} particles are flagged: not star-shaped, or a centroid outside the particle")
    monitor.report(1.0, f"{len(seen)} radius functions")
    return RadiusFunctions(
        ids=kept,
        directions=rays.directions,
        radii_um=radii_um,
        centres_um=np.stack([one.centre_um for one in seen]),
        weights=weights,
        star_errors=np.array([one.star_error for one in seen]),
        flags=tuple(one.flag for one in seen),
        volumes_um3=np.array([one.voxels for one in seen]) * float(np.prod(particles.spacing_um)),
        voxel_um=float(np.cbrt(np.prod(particles.spacing_um))),
        smoothing_um=smoothing_um,
        simulated=particles.simulated or (ct is not None and ct.simulated),
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
    grid: SphereGrid | None = quadrature_of(directions)
    weights = grid.weights if grid is not None else solid_angles(mesh_of(directions))
    return _Rays(directions, weights, directions[:, ::-1] / np.asarray(spacing_um), 0.25 * min(spacing_um))


def _choose_source(particles: LabelVolume, ct: Volume | None, surface: Surface, monitor: Monitor) -> GreySource | None:
    if surface not in ("automatic", "grey", "mask", "voxel"):
        raise NmcError(f"there is no surface {surface!r}", "use automatic, grey, mask or voxel", "surface")
    if surface == "grey" and ct is None:
        raise NmcError("the grey surface needs the CT volume", "import it, or take the surface from the voxels", "surface")
    if ct is None or surface in ("mask", "voxel") or (surface == "automatic" and particles.surface is None):
        return None
    try:
        return grey_source(particles, ct)
    except NmcError as error:
        if surface == "grey":
            raise
        monitor.warn(f"{error.message}; the surface is taken from the voxels")
        return None


def _complete_particles(particles: LabelVolume, minimum_voxels: int, monitor: Monitor) -> tuple[NDArray[np.int64], list[Box]]:
    """Labels that lie wholly in the field of view, with their boxes."""
    from scipy.ndimage import binary_dilation

    labels = particles.labels
    monitor.report(0.0, "finding the particles")
    counts, found = _find(labels, monitor)
    kept: list[int] = []
    boxes: list[Box] = []
    cut = small = 0
    for label, box in found.items():
        monitor.check()
        if any(side.start == 0 or side.stop == size for side, size in zip(box, labels.shape) if size > 1):
            cut += 1
            continue
        if counts[label] < minimum_voxels:
            small += 1
            continue
        if particles.observed is not None:
            wide, _ = grow(box, 1, labels.shape)
            if not particles.observed[wide].all() and (binary_dilation(labels[wide] == label) & ~particles.observed[wide]).any():
                cut += 1
                continue
        kept.append(label)
        boxes.append(box)
    if cut:
        monitor.warn(f"{cut} particles touch the border of the field of view and are left out")
    if small:
        monitor.warn(f"{small} particles have fewer than {minimum_voxels} voxels and are left out")
    if not kept:
        total = cut + small
        what = "there are no particles" if not total else f"none of the {total} particles lies wholly in the field of view"
        raise NmcError(what, "segment the CT volume so that whole particles remain, or lower the smallest size", "minimum_voxels")
    return np.array(kept, dtype=np.int64), boxes


def _find(labels: NDArray[Any], monitor: Monitor) -> tuple[NDArray[np.int64], dict[int, Box]]:
    """Voxels of each label, and the bounding boxes in the order of the labels; slab by slab, to need little memory."""
    from scipy.ndimage import find_objects

    slab = max(1, _SLAB // max(1, labels[0].size))
    counts = np.zeros(1, dtype=np.int64)
    boxes: dict[int, Box] = {}
    for first in range(0, len(labels), slab):
        monitor.check()
        part = labels[first : first + slab]
        more = np.bincount(part.ravel())
        counts = np.pad(counts, (0, max(0, len(more) - len(counts))))
        counts[: len(more)] += more
        for index, box in enumerate(find_objects(part)):
            if box is None:
                continue
            moved = (slice(box[0].start + first, box[0].stop + first), box[1], box[2])
            known = boxes.get(index + 1, moved)
            z, y, x = (slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(known, moved))
            boxes[index + 1] = (z, y, x)
    return counts, dict(sorted(boxes.items()))


def _look(
    particles: LabelVolume,
    label: int,
    box: Box,
    rays: _Rays,
    kind: str,
    source: GreySource | None,
    sigma_voxels: float,
    level: float,
    tolerance: float,
    monitor: Monitor,
) -> _Seen:
    """One particle from its star point."""
    margin = _MARGIN + (int(np.ceil(4 * sigma_voxels)) if kind == "mask" else 0)
    wide, cut = grow(box, margin, particles.shape)
    mask = particles.labels[wide] == label
    centre, flags = _star_point(mask, particles.spacing_um)
    if kind == "grey" and source is not None:
        field = grey_field(mask, wide, source, monitor)
    elif kind == "mask":
        field = mask_field(np.pad(mask, cut), sigma_voxels, level, monitor)
        centre = centre + cut[:, 0]
    else:
        field = voxel_field(mask)
    reach_um = _reach(mask, centre - (cut[:, 0] if kind == "mask" else 0), particles.spacing_um)
    radii, volumes = _march(field, centre, rays, reach_um, kind != "voxel", monitor)
    missed = radii <= 0
    if missed.any():
        rough, _ = _march(voxel_field(mask), centre - (cut[:, 0] if kind == "mask" else 0), rays, reach_um, False, monitor)
        radii = np.where(missed, rough, radii)
        flags.append(f"too thin for the smooth surface in {int(missed.sum())} directions")
    star_error = float(rays.weights @ radii**3 / 3 / max(float(rays.weights @ volumes), 1e-300) - 1)
    if star_error > tolerance:
        flags.append(f"not star-shaped: its star hull is {100 * star_error:.1f} % larger")
    origin = np.array([s.start for s in wide]) - (cut[:, 0] if kind == "mask" else 0)
    centre_um = index_to_um(centre + origin, particles.spacing_um, particles.origin_um)
    return _Seen(radii, centre_um, star_error, "; ".join(flags), int(np.count_nonzero(mask)))


def _star_point(mask: NDArray[np.bool_], spacing_um: tuple[float, float, float]) -> tuple[NDArray[np.float64], list[str]]:
    """Index (z, y, x) of the centroid, or of the deepest voxel where the centroid is not in the particle."""
    count = np.count_nonzero(mask)
    sums = [mask.sum(axis=tuple(a for a in range(3) if a != axis)) @ np.arange(mask.shape[axis]) for axis in range(3)]
    centroid = np.array(sums) / count
    if mask[tuple(np.ceil(centroid - 0.5).astype(int))]:
        return centroid, []
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(np.pad(mask, 1), sampling=spacing_um)[1:-1, 1:-1, 1:-1]
    deepest = np.array(np.unravel_index(int(np.argmax(depth)), mask.shape), dtype=np.float64)
    return deepest, ["its centroid lies outside, so it is seen from its deepest point"]


def _reach(mask: NDArray[np.bool_], centre: NDArray[np.float64], spacing_um: tuple[float, float, float]) -> float:
    """Distance, um, beyond which nothing of the particle lies: its farthest voxel and that voxel's neighbour."""
    away = (np.argwhere(mask) - centre) * np.asarray(spacing_um)
    return float(np.sqrt((away**2).sum(axis=1).max()) + np.linalg.norm(spacing_um))


def _march(
    field: NDArray[np.float32], centre: NDArray[np.float64], rays: _Rays, reach_um: float, linear: bool, monitor: Monitor
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from nmcstudio.shell.marching import march

    radii, volumes = np.empty((2, len(rays.directions)))
    samples_per_ray = reach_um / rays.stride_um
    chunk = max(16, int(1.5e6 / samples_per_ray))
    for start in range(0, len(radii), chunk):
        monitor.check()
        part = slice(start, start + chunk)
        march(field, centre, rays.steps_zyx[part], reach_um, rays.stride_um, linear, radii[part], volumes[part])
    return radii, volumes


def _smoothing_um(particles: LabelVolume, kind: str, mask_sigma_voxels: float) -> float:
    """Standard deviation, um, of all Gaussian filters between the object and the surface that was measured."""
    voxel_um = float(np.cbrt(np.prod(particles.spacing_um)))
    image = particles.surface.sigma_voxels if particles.surface is not None else 0.0
    return float(np.hypot(image, mask_sigma_voxels if kind == "mask" else 0.0)) * voxel_um


def _treat_blur(
    radii_um: NDArray[np.float64], weights: NDArray[np.float64], sigma_um: float, correct: bool, monitor: Monitor
) -> NDArray[np.float64]:
    """Take back the filter's shift, or say how large it is.

    The half level of a filtered ball lies sigma^2 / R too far in, so R solves ``R - sigma^2 / R = measured``. The same
    shift is given to all directions of a particle: it restores the size to first order and leaves the shape filtered.
    """
    if sigma_um <= 0:
        return radii_um
    measured = np.cbrt(radii_um**3 @ weights / weights.sum())
    true = (measured + np.sqrt(measured**2 + 4 * sigma_um**2)) / 2
    share = 100 * float(np.mean(true / measured - 1))
    if correct:
        monitor.warn(f"radii were enlarged by {share:.2f} % on average, what a filter of {sigma_um:.3g} um takes away")
        return radii_um + (true - measured)[:, None]
    monitor.warn(f"the filter of {sigma_um:.3g} um makes the radii {share:.2f} % too small on average; this is not corrected")
    return radii_um
