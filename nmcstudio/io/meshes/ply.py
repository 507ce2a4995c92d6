"""Binary PLY: all triangles with the labels behind and in front of each."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nmcstudio.core.meshes import SurfaceMesh, VolumeMesh
from nmcstudio.io.meshes.faces import as_surface

_FACE = np.dtype([("count", "u1"), ("corners", "<i4", 3), ("behind", "<i4"), ("front", "<i4")])


def write_ply(path: Path, mesh: SurfaceMesh | VolumeMesh) -> None:
    """Write points in um (double) and triangles with the face properties ``label_behind`` and ``label_front``."""
    surface = as_surface(mesh)
    faces = np.zeros(len(surface.triangles), _FACE)
    faces["count"] = 3
    faces["corners"] = surface.triangles
    faces["behind"], faces["front"] = surface.sides.T
    header = (
        "ply\nformat binary_little_endian 1.0\ncomment nmcstudio, unit um, label 0 is outside\n"
        f"element vertex {len(surface.points_um)}\n"
        "property double x\nproperty double y\nproperty double z\n"
        f"element face {len(faces)}\n"
        "property list uchar int vertex_indices\nproperty int label_behind\nproperty int label_front\nend_header\n"
    )
    with path.open("wb") as file:
        file.write(header.encode("ascii"))
        file.write(surface.points_um.astype("<f8").tobytes())
        file.write(faces.tobytes())
