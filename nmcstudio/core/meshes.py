"""Surface and volume meshes, and cells bounded by planes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.arrays import frozen
from nmcstudio.core.show import Shown


@dataclass(frozen=True, repr=False)
class SurfaceMesh(Shown):
    """Triangles that may separate two labels each.

    Attributes
    ----------
    points_um
        float64 ``(points, 3)``, (x, y, z) in um.
    triangles
        int64 ``(triangles, 3)``, indices of points; counter-clockwise seen from the side of ``sides[:, 1]``.
    sides
        int32 ``(triangles, 2)``, label behind and in front of each triangle, 0 is outside.
    """

    points_um: NDArray[np.float64]
    triangles: NDArray[np.int64]
    sides: NDArray[np.int32]

    def __post_init__(self) -> None:
        object.__setattr__(self, "points_um", frozen(self.points_um, np.float64, (None, 3), "points_um"))
        object.__setattr__(self, "triangles", frozen(self.triangles, np.int64, (None, 3), "triangles"))
        object.__setattr__(self, "sides", frozen(self.sides, np.int32, (len(self.triangles), 2), "sides"))

    def in_words(self) -> str:
        return f"{len(self.triangles):,} triangles, {len(self.points_um):,} points"


@dataclass(frozen=True, repr=False)
class VolumeMesh(Shown):
    """Tetrahedra or hexahedra with a grain label each.

    Attributes
    ----------
    points_um
        float64 ``(points, 3)``, (x, y, z) in um.
    cells
        int64 ``(cells, 4)`` or ``(cells, 8)``, indices of points in VTK's order.
    labels
        int32 ``(cells,)``, grain of each cell.
    quaternions
        float64 ``(max label + 1, 4)``, orientation of each grain, or None.
    """

    points_um: NDArray[np.float64]
    cells: NDArray[np.int64]
    labels: NDArray[np.int32]
    quaternions: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "points_um", frozen(self.points_um, np.float64, (None, 3), "points_um"))
        object.__setattr__(self, "cells", frozen(self.cells, np.int64, (None, None), "cells"))
        if self.cells.shape[1] not in (4, 8):
            raise ValueError(f"cells have {self.cells.shape[1]} corners, expected 4 or 8")
        object.__setattr__(self, "labels", frozen(self.labels, np.int32, (len(self.cells),), "labels"))
        if self.quaternions is not None:
            object.__setattr__(self, "quaternions", frozen(self.quaternions, np.float64, (None, 4), "quaternions"))

    @property
    def kind(self) -> str:
        return "tetrahedra" if self.cells.shape[1] == 4 else "hexahedra"

    def in_words(self) -> str:
        return f"{len(self.cells):,} {self.kind}, {len(self.points_um):,} points"


@dataclass(frozen=True, repr=False)
class PolyhedralCells(Shown):
    """Cells of n generators and their m faces (each inner face stands twice, once for either cell).

    Attributes
    ----------
    volumes_um3
        float64 ``(n,)``, 0 for empty cells.
    centroids_um
        float64 ``(n, 3)``, NaN for empty cells.
    surfaces_um2
        float64 ``(n,)``, cuts by the window included.
    faces
        int64 ``(m, 2)``: generator, and the generator behind the face or -1 to -6 for the sides x0, x1, y0, y1, z0, z1 of the
        window.
    face_areas_um2
        float64 ``(m,)``.
    starts
        int64 ``(m + 1,)``, first corner of each face.
    corners_um
        float64 ``(k, 3)``, counter-clockwise seen from outside the cell.
    """

    volumes_um3: NDArray[np.float64]
    centroids_um: NDArray[np.float64]
    surfaces_um2: NDArray[np.float64]
    faces: NDArray[np.int64]
    face_areas_um2: NDArray[np.float64]
    starts: NDArray[np.int64]
    corners_um: NDArray[np.float64]

    def __post_init__(self) -> None:
        for name, value in list(vars(self).items()):
            object.__setattr__(self, name, frozen(value))

    def __len__(self) -> int:
        return len(self.volumes_um3)

    @property
    def neighbours(self) -> NDArray[np.int64]:
        """Number of cells that share a face with each cell, int64 ``(n,)``."""
        return np.bincount(self.faces[self.faces[:, 1] >= 0, 0], minlength=len(self)).astype(np.int64)

    @property
    def touches_window(self) -> NDArray[np.bool_]:
        """Whether a cell is cut by the window, bool ``(n,)``."""
        touched = np.zeros(len(self), bool)
        touched[self.faces[self.faces[:, 1] < 0, 0]] = True
        return touched
