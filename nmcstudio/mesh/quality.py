"""How good a mesh is: shapes of the cells, volumes of the grains, gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.meshes import SurfaceMesh, VolumeMesh
from nmcstudio.core.volume import LabelVolume

# six tetrahedra that fill a hexahedron in VTK's order of corners
_SPLIT = np.array([[0, 1, 2, 6], [0, 2, 3, 6], [0, 3, 7, 6], [0, 7, 4, 6], [0, 4, 5, 6], [0, 5, 1, 6]])


@dataclass(frozen=True)
class MeshQuality:
    """Figures of a volume mesh.

    Attributes
    ----------
    cells, points, grains
        Counts.
    minimum, low, mean
        Scaled quality (1 for the regular tetrahedron or the cube): minimum, 1 % quantile, mean.
    smallest_angle_deg, largest_angle_deg
        Of the dihedral angles, degrees.
    volume_um3
        Of all cells.
    """

    cells: int
    points: int
    grains: int
    minimum: float
    low: float
    mean: float
    smallest_angle_deg: float
    largest_angle_deg: float
    volume_um3: float


def measure_quality(mesh: VolumeMesh) -> MeshQuality:
    """Shapes and counts of a volume mesh."""
    if mesh.kind == "tetrahedra":
        quality, angles = tetrahedron_qualities(mesh), dihedral_angles(mesh)
        smallest, largest = float(np.degrees(angles.min())), float(np.degrees(angles.max()))
    else:
        corners = mesh.points_um[mesh.cells]
        edges = corners[:, [1, 3, 4]] - corners[:, [0]]
        lengths = np.linalg.norm(edges, axis=2)
        quality = np.abs(np.linalg.det(edges)) / (lengths**2).mean(axis=1) ** 1.5
        smallest = largest = 90.0
    return MeshQuality(
        cells=len(mesh.cells),
        points=len(mesh.points_um),
        grains=len(np.unique(mesh.labels)),
        minimum=float(quality.min()),
        low=float(np.quantile(quality, 0.01)),
        mean=float(quality.mean()),
        smallest_angle_deg=smallest,
        largest_angle_deg=largest,
        volume_um3=float(cell_volumes(mesh).sum()),
    )


def tetrahedron_qualities(mesh: VolumeMesh) -> NDArray[np.float64]:
    """Volume over the cubed root mean square edge of each tetrahedron, scaled to 1 for the regular one; ``(cells,)``."""
    from nmcstudio.mesh.smoothing import cell_qualities

    values: NDArray[np.float64] = cell_qualities(np.ascontiguousarray(mesh.points_um), np.ascontiguousarray(mesh.cells))
    return values


def dihedral_angles(mesh: VolumeMesh) -> NDArray[np.float64]:
    """Six angles between the faces of each tetrahedron, radians, ``(cells, 6)``."""
    corners = mesh.points_um[mesh.cells]
    result = np.empty((len(corners), 6))
    for column, (a, b, c, d) in enumerate(((0, 1, 2, 3), (0, 2, 1, 3), (0, 3, 1, 2), (1, 2, 0, 3), (1, 3, 0, 2), (2, 3, 0, 1))):
        axis = corners[:, b] - corners[:, a]
        axis /= np.linalg.norm(axis, axis=1, keepdims=True)
        u, v = corners[:, c] - corners[:, a], corners[:, d] - corners[:, a]
        u = u - (u * axis).sum(axis=1, keepdims=True) * axis
        v = v - (v * axis).sum(axis=1, keepdims=True) * axis
        cosine = (u * v).sum(axis=1) / (np.linalg.norm(u, axis=1) * np.linalg.norm(v, axis=1))
        result[:, column] = np.arccos(np.clip(cosine, -1.0, 1.0))
    return result


def cell_volumes(mesh: VolumeMesh) -> NDArray[np.float64]:
    """Signed volumes of the cells, um^3, ``(cells,)``."""
    corners = mesh.points_um[mesh.cells]
    if mesh.kind == "tetrahedra":
        return _signed(corners)
    return np.sum([_signed(corners[:, four]) for four in _SPLIT], axis=0)


def _signed(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    values: NDArray[np.float64] = np.linalg.det(corners[:, 1:] - corners[:, :1]) / 6.0
    return values


def grain_volumes(mesh: VolumeMesh | SurfaceMesh) -> NDArray[np.float64]:
    """Volume of each label, um^3, ``(max label + 1,)``; of a surface by the divergence theorem. Entry 0 is 0."""
    if isinstance(mesh, VolumeMesh):
        return np.bincount(mesh.labels, cell_volumes(mesh)).astype(np.float64)
    corners = mesh.points_um[mesh.triangles] - mesh.points_um.mean(axis=0)
    part = np.linalg.det(corners) / 6.0
    top = int(mesh.sides.max()) + 1
    volumes = (np.bincount(mesh.sides[:, 0], part, top) - np.bincount(mesh.sides[:, 1], part, top)).astype(np.float64)
    volumes[0] = 0.0
    return volumes


def volume_errors(mesh: VolumeMesh | SurfaceMesh, volume: LabelVolume) -> NDArray[np.float64]:
    """Volume of each label in the mesh over that of its voxels, minus 1; NaN for labels without voxels and entry 0."""
    voxels = np.bincount(volume.labels.ravel()).astype(float) * float(np.prod(volume.spacing_um))
    meshed = np.zeros(len(voxels))
    found = grain_volumes(mesh)
    meshed[: len(found)] = found
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = np.where(voxels > 0, meshed / voxels - 1.0, np.nan)
    errors[0] = np.nan
    return errors


def open_edges(mesh: SurfaceMesh) -> int:
    """Number of edges at which some label's surface does not close; 0 for a watertight surface.

    Around a closed surface every directed edge is met by its opposite; this is counted for each label on its own.
    """
    behind = np.concatenate([mesh.triangles, mesh.triangles[:, ::-1]])
    label = np.concatenate([mesh.sides[:, 0], mesh.sides[:, 1]]).astype(np.int64)
    first = behind[:, [0, 1, 2]].ravel()
    second = behind[:, [1, 2, 0]].ravel()
    key = (np.repeat(label, 3) * len(mesh.points_um) + np.minimum(first, second)) * len(mesh.points_um) + np.maximum(
        first, second
    )
    _, where = np.unique(key, return_inverse=True)
    return int(np.count_nonzero(np.bincount(where, np.where(first < second, 1.0, -1.0))))


def is_conforming(mesh: VolumeMesh) -> bool:
    """Whether no face belongs to more than two cells and every inner face is shared by exactly two that touch nowhere else."""
    faces = (
        [[1, 2, 3], [0, 3, 2], [0, 1, 3], [0, 2, 1]]
        if mesh.kind == "tetrahedra"
        else [[0, 3, 2, 1], [4, 5, 6, 7], [0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7]]
    )
    corners = np.concatenate([mesh.cells[:, face] for face in faces])
    _, counts = np.unique(np.sort(corners, axis=1), axis=0, return_counts=True)
    return bool(counts.max() <= 2 and cell_volumes(mesh).min() > 0)
