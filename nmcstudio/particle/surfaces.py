"""The shell of a particle as a triangle mesh, straight from its harmonics."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.meshes import SurfaceMesh


def shell_surface(coefficients: NDArray[np.float64], levels: int = 5) -> SurfaceMesh:
    """The shell with coefficients ``((L + 1)^2,)`` in um on an icosahedron halved `levels` times (10,242 points by default)."""
    from nmcstudio.shell.directions import icosphere
    from nmcstudio.shell.harmonics import evaluate

    mesh = icosphere(levels)
    points = mesh.directions * evaluate(coefficients, mesh.directions)[:, None]
    return SurfaceMesh(points, mesh.triangles, np.tile(np.array([1, 0], np.int32), (len(mesh.triangles), 1)))
