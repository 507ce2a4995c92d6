"""Size of a particle of which EBSD shows a part: a sphere through its visible surface ([A] Eqs 45, 46; models.md 12.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, index_to_um

Array = NDArray[np.float64]

_LEAST_POINTS = 50
_MOST_POINTS = 20_000
_PATCHES = 24
_REPLICATES = 200


@dataclass(frozen=True)
class SphereFit:
    """A sphere through the visible surface.

    Attributes
    ----------
    centre_um
        float64 ``(3,)``, (x, y, z).
    diameter_um
        Diameter of the particle.
    interval_um
        95 % interval of the diameter: surface patches drawn with replacement, because the particle's shape and not the
        voxels decides about the error.
    points
        Number of surface voxels.
    """

    centre_um: Array
    diameter_um: float
    interval_um: tuple[float, float]
    points: int


def fit_sphere(points_um: Array) -> tuple[Array, float]:
    """Centre ``(3,)`` and radius of the sphere with the least squared distances to points ``(n, 3)``.

    The algebraic fit is the start; it is biased for caps. Gauss-Newton on the distances follows.

    Raises
    ------
    NmcError
        If the points determine no sphere: fewer than four, or all in a plane.
    """
    scale = float(np.ptp(points_um, axis=0).max()) if len(points_um) else 0.0
    middle = points_um.mean(axis=0) if len(points_um) else np.zeros(3)
    x = (points_um - middle) / (scale or 1.0)
    if len(x) < 4 or np.linalg.matrix_rank(np.c_[2 * x, np.ones(len(x))], tol=1e-6) < 4:
        raise NmcError("the surface points determine no sphere", "the visible surface is too small or flat: give the diameter")
    solution = np.linalg.lstsq(np.c_[2 * x, np.ones(len(x))], (x**2).sum(axis=1), rcond=None)[0]
    centre, radius = solution[:3], float(np.sqrt(max(solution[3] + solution[:3] @ solution[:3], 1e-12)))
    for _ in range(100):
        towards = x - centre
        lengths = np.maximum(np.linalg.norm(towards, axis=1), 1e-12)
        jacobian = np.c_[-towards / lengths[:, None], -np.ones(len(x))]
        step = np.linalg.lstsq(jacobian, radius - lengths, rcond=None)[0]
        centre, radius = centre + step[:3], radius + float(step[3])
        if np.abs(step).max() < 1e-10:
            break
    return middle + scale * centre, scale * radius


def surface_points(grains: LabelVolume, monitor: Monitor | None = None) -> Array:
    """Centres ``(n, 3)``, um, of exterior background voxels that touch a grain (erratum E13).

    Exterior is the largest connected part of the observed background, so that gaps between grains do not count; voxels on
    the faces of the window and beside unobserved voxels do not count either: there the particle was cut.
    """
    from nmcstudio.imaging.components import connected_components

    monitor = monitor or Monitor()
    solid = np.asarray(grains.labels) > 0
    observed = np.ones(solid.shape, bool) if grains.observed is None else np.asarray(grains.observed)
    regions, count = connected_components(observed & ~solid, monitor, "looking for the outside")
    if count == 0:
        return np.empty((0, 3))
    outside = regions == np.bincount(regions.ravel())[1:].argmax() + 1
    monitor.report(0.6, "looking for the visible surface")
    touching = outside & _beside(solid) & ~_beside(~observed)
    for axis, n in enumerate(solid.shape):
        if n > 1:
            for end in (0, -1):
                np.moveaxis(touching, axis, 0)[end] = False
    return index_to_um(np.argwhere(touching), grains.spacing_um, grains.origin_um)


def _beside(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Voxels with a neighbour through a face in the mask."""
    found = np.zeros_like(mask)
    for axis in range(3):
        there, here = np.moveaxis(mask, axis, 0), np.moveaxis(found, axis, 0)
        here[1:] |= there[:-1]
        here[:-1] |= there[1:]
    return found


def fit_visible_shell(grains: LabelVolume, rng: np.random.Generator, monitor: Monitor | None = None) -> SphereFit:
    """Diameter of a particle from the part of its surface that an EBSD stack shows.

    Parameters
    ----------
    grains
        Grain labels; 0 is the background.
    rng
        Draws surface points where there are very many, and patches for the interval.

    Raises
    ------
    NmcError
        If hardly any of the particle's surface is visible.
    """
    monitor = monitor or Monitor()
    points = surface_points(grains, monitor)
    if len(points) < _LEAST_POINTS:
        raise NmcError(
            f"only {len(points)} surface points of the particle are visible",
            "the map is a section out of a larger body: give the diameter instead",
            "measured_size",
        )
    used = points if len(points) <= _MOST_POINTS else points[rng.choice(len(points), _MOST_POINTS, replace=False)]
    centre, radius = fit_sphere(used)
    # The centres of background voxels lie half a voxel outside the grains, on both sides of the diameter.
    voxel_um = float(np.cbrt(np.prod(grains.spacing_um)))
    towards = used - centre
    heads = rng.standard_normal((_PATCHES, 3))
    patch = np.argmax(towards @ (heads / np.linalg.norm(heads, axis=1, keepdims=True)).T, axis=1)
    there = np.unique(patch)
    diameters = []
    for _ in monitor.track(range(_REPLICATES), "bootstrap of surface patches"):
        drawn = rng.choice(there, len(there))
        sample = np.concatenate([used[patch == k][:400] for k in drawn])
        if len(np.unique(drawn)) > 2:
            diameters.append(2 * fit_sphere(sample)[1] - voxel_um)
    low, high = np.quantile(diameters, [0.025, 0.975])
    return SphereFit(centre, 2 * radius - voxel_um, (float(low), float(high)), len(points))
