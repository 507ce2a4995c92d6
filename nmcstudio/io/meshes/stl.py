"""Binary STL: the outer skin. The format has no unit and no labels; the header says that one unit is one micrometre."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.meshes import SurfaceMesh, VolumeMesh
from nmcstudio.io.meshes.faces import skin

_RECORD = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def write_stl(path: Path, mesh: SurfaceMesh | VolumeMesh) -> None:
    """Write the triangles that have label 0 in front.

    Raises
    ------
    NmcError
        If the mesh has no outside.
    """
    points, triangles = skin(mesh)
    if len(triangles) == 0:
        raise NmcError("the mesh has no outer surface to write as STL", "write it as PLY or VTU")
    corners = points[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    records = np.zeros(len(triangles), _RECORD)
    records["normal"] = np.divide(normals, lengths, out=np.zeros_like(normals), where=lengths > 0)
    records["corners"] = corners
    with path.open("wb") as file:
        # must not start with "solid", which marks the text form
        file.write(b"nmcstudio outer surface, unit um".ljust(80, b" "))
        file.write(np.uint32(len(triangles)).tobytes())
        file.write(records.tobytes())
