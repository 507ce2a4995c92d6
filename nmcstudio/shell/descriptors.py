"""Diameter and sphericity on the published mesh of 258 directions: the same for measured and for drawn shells (models.md 13.1).

The polyhedron on 258 points is 0.8 % smaller than the body it stands for; data and model lose the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.shells import RadiusFunctions
from nmcstudio.shell.directions import SphereMesh, octasphere
from nmcstudio.shell.harmonics import equivalent_diameter, evaluate, harmonics, mesh_area, mesh_volume, sphericity

#: Shells whose triangles are measured at once.
_BLOCK = 512


def published_radii_um(radii: RadiusFunctions) -> NDArray[np.float64]:
    """Radii in the 258 directions of `octasphere`, float64 ``(n, 258)``, um.

    Measured ones where `extract_radii` left them or the directions are those 258; else, for radii that were measured elsewhere,
    the least-squares harmonics of the highest degree that their directions determine well.
    """
    if radii.published_radii_um is not None:
        return radii.published_radii_um
    mesh = octasphere()
    if is_published_mesh(radii.directions):
        return radii.radii_um
    degree = int(np.clip(np.sqrt(len(radii.directions) / 1.5) - 1, 1, 25))
    found = np.linalg.lstsq(harmonics(radii.directions, degree), radii.radii_um.T, rcond=1e-5)[0]
    return evaluate(np.asarray(found.T, dtype=np.float64), mesh.directions)


def is_published_mesh(directions: NDArray[np.float64]) -> bool:
    """Whether directions ``(m, 3)`` are the 258 of the published mesh, in its order."""
    mesh = octasphere()
    return directions.shape == mesh.directions.shape and bool(np.allclose(directions, mesh.directions, atol=1e-6))


def size_and_shape(radii_um: NDArray[np.float64], mesh: SphereMesh | None = None) -> NDArray[np.float64]:
    """Volume-equivalent diameter, um, and sphericity of the polyhedra with radii ``(n, m)`` on `mesh`: float64 ``(n, 2)``.

    `mesh` is the published one of 258 points where none is given.
    """
    mesh = octasphere() if mesh is None else mesh
    parts = [_measure(radii_um[start : start + _BLOCK], mesh) for start in range(0, len(radii_um), _BLOCK)]
    return np.concatenate(parts) if parts else np.empty((0, 2))


def _measure(radii_um: NDArray[np.float64], mesh: SphereMesh) -> NDArray[np.float64]:
    volumes = mesh_volume(radii_um, mesh)
    return np.stack([equivalent_diameter(volumes), sphericity(volumes, mesh_area(radii_um, mesh))], axis=1)
