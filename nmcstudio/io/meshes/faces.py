"""The surface inside a volume mesh: faces of cells between two labels, as triangles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.meshes import SurfaceMesh, VolumeMesh

# faces of VTK's cells, counter-clockwise seen from outside
_TETRAHEDRON = np.array([[1, 2, 3], [0, 3, 2], [0, 1, 3], [0, 2, 1]])
_HEXAHEDRON = np.array([[0, 3, 2, 1], [4, 5, 6, 7], [0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7]])


def boundary_surface(mesh: VolumeMesh) -> SurfaceMesh:
    """Triangles between cells of different labels and on the outside, with the labels on both sides (0 is outside)."""
    table = _TETRAHEDRON if mesh.kind == "tetrahedra" else _HEXAHEDRON
    faces = mesh.cells[:, table].reshape(-1, table.shape[1])
    owner = np.repeat(mesh.labels, len(table))
    ordered = np.sort(faces, axis=1)
    order = np.lexsort(ordered.T)
    same = np.zeros(len(order), bool)
    same[1:] = (ordered[order[1:]] == ordered[order[:-1]]).all(axis=1)
    other = np.zeros(len(order), np.int32)
    second = np.flatnonzero(same)
    other[order[second]] = owner[order[second - 1]]
    other[order[second - 1]] = owner[order[second]]
    # a face between two grains is met twice; the one with the smaller label behind is kept
    keep = (other != owner) & ((other == 0) | (owner < other))
    kept = faces[keep]
    sides = np.stack([owner[keep], other[keep]], axis=1)
    if table.shape[1] == 4:
        kept = kept[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
        sides = np.repeat(sides, 2, axis=0)
    used, triangles = np.unique(kept, return_inverse=True)
    return SurfaceMesh(mesh.points_um[used], triangles.reshape(-1, 3), sides)


def as_surface(mesh: SurfaceMesh | VolumeMesh) -> SurfaceMesh:
    """A surface as it is; of a volume mesh the faces between labels."""
    return mesh if isinstance(mesh, SurfaceMesh) else boundary_surface(mesh)


def skin(mesh: SurfaceMesh | VolumeMesh) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Points and triangles of the outside (label 0 in front), turned outwards."""
    surface = as_surface(mesh)
    used, triangles = np.unique(surface.triangles[surface.sides[:, 1] == 0], return_inverse=True)
    return surface.points_um[used], triangles.reshape(-1, 3)
