"""One door to the kinds of mesh."""

from __future__ import annotations

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.meshes import SurfaceMesh, VolumeMesh
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume

KINDS = ("tetrahedra", "surface", "hexahedra")
_EDGES_A_GRAIN = 5.0


def make_mesh(
    volume: LabelVolume,
    kind: str,
    *,
    edge_um: float | None = None,
    sweeps: int = 12,
    floor_quality: float = 0.15,
    monitor: Monitor | None = None,
) -> SurfaceMesh | VolumeMesh:
    """Mesh of a label volume.

    Parameters
    ----------
    volume
        Labels, 0 is outside.
    kind
        "tetrahedra", "surface" or "hexahedra".
    edge_um
        Mean edge of tetrahedra, None for a fifth of a mean grain; edge of hexahedra, None for the voxels. Not for surfaces.
    sweeps, floor_quality
        See `mesh_tetrahedra`, `mesh_surface`.

    Raises
    ------
    NmcError
        If the kind is unknown or nothing has a label.
    """
    from nmcstudio.mesh.hexahedra import mesh_hexahedra
    from nmcstudio.mesh.surfaces import mesh_surface
    from nmcstudio.mesh.tetrahedra import mesh_tetrahedra

    monitor = monitor or Monitor()
    if kind == "surface":
        return mesh_surface(volume, iterations=sweeps, monitor=monitor)
    if kind == "hexahedra":
        return mesh_hexahedra(volume, edge_um=edge_um, monitor=monitor)
    if kind != "tetrahedra":
        raise NmcError(f"there is no kind of mesh {kind!r}", f"use one of {', '.join(KINDS)}", "kind")
    edge_um = edge_um or default_edge_um(volume)
    voxel_um = float(np.prod(volume.spacing_um) ** (1 / 3))
    if edge_um < voxel_um:
        monitor.warn(f"the edge of {edge_um:.3g} um is shorter than a voxel of {voxel_um:.3g} um: the mesh shows the voxels")
    return mesh_tetrahedra(volume, edge_um=edge_um, sweeps=sweeps, floor_quality=floor_quality, monitor=monitor)


def default_edge_um(volume: LabelVolume) -> float:
    """A fifth of the diameter of the mean grain, um."""
    counts = np.bincount(volume.labels.ravel())[1:]
    mean = counts.sum() / max(np.count_nonzero(counts), 1) * float(np.prod(volume.spacing_um))
    return float(np.cbrt(6.0 * max(mean, 1e-30) / np.pi)) / _EDGES_A_GRAIN
