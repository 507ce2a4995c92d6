"""Exact cells of a tessellation as files: polyhedra with their numbers (VTU), or their walls as triangles (PLY)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.meshes import PolyhedralCells, SurfaceMesh
from nmcstudio.io.files import replacing

_CLOSE = 1e-9  # of the size of everything: corners of neighbouring cells that are one point
_POLYHEDRON = 42  # VTK_POLYHEDRON
EXTENSIONS = (".vtu", ".ply")


def write_cells(path: Path, cells: PolyhedralCells, labels: NDArray[np.int64]) -> None:
    """Write the cells that are not empty; the ending of the name chooses the format.

    VTU: one polyhedron a cell with ``label``, ``volume_um3``, ``surface_um2``, ``neighbours`` and ``touches_window``. PLY: the
    walls as triangles with the labels of both sides, 0 beyond the window. Lengths are um.

    Parameters
    ----------
    labels
        int64 ``(n,)``, name of each cell.

    Raises
    ------
    NmcError
        If the ending is another one.
    """
    if path.suffix.lower() not in EXTENSIONS:
        raise NmcError(f"cells cannot be written as {path.suffix or path.name!r}", f"use one of {', '.join(EXTENSIONS)}", "to")
    with replacing(path) as part:
        if path.suffix.lower() == ".ply":
            from nmcstudio.io.meshes.ply import write_ply

            write_ply(part, walls(cells, labels))
        else:
            _write_vtu(part, cells, labels)


def joined_corners(cells: PolyhedralCells) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Points ``(p, 3)`` and for each corner its point: corners of several cells at one place become one point."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    tolerance = _CLOSE * float(np.ptp(cells.corners_um, axis=0).max())
    # Most are equal when rounded; the tree finds those on both sides of a rounding.
    rounded = np.rint((cells.corners_um - cells.corners_um.min(axis=0)) / tolerance)
    _, first, rank = np.unique(rounded, axis=0, return_index=True, return_inverse=True)
    corners = cells.corners_um[first]
    close = cKDTree(corners).query_pairs(2.0 * tolerance, output_type="ndarray")
    links = coo_array((np.ones(len(close), bool), (close[:, 0], close[:, 1])), shape=(len(corners),) * 2)
    count, group = connected_components(links, directed=False)
    points = np.empty((count, 3))
    points[group] = corners
    return points, group[rank.ravel()].astype(np.int64)


def walls(cells: PolyhedralCells, labels: NDArray[np.int64]) -> SurfaceMesh:
    """Faces as fans of triangles, those between two cells once, with the labels behind and in front."""
    points, point_of = joined_corners(cells)
    owner, beyond = cells.faces.T
    once = np.flatnonzero((beyond < 0) | (owner < beyond))
    sizes = np.diff(cells.starts)[once] - 2
    face = np.repeat(once, sizes)
    step = np.arange(len(face)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    first = cells.starts[face]
    triangles = point_of[np.stack([first, first + step + 1, first + step + 2], axis=1)]
    front = np.where(beyond[face] < 0, 0, labels[np.maximum(beyond[face], 0)])
    real = (triangles != np.roll(triangles, 1, axis=1)).all(axis=1)
    return SurfaceMesh(points, triangles[real], np.stack([labels[owner[face]], front], axis=1)[real])


def _write_vtu(path: Path, cells: PolyhedralCells, labels: NDArray[np.int64]) -> None:
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonCore import vtkIdList, vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkUnstructuredGrid
    from vtkmodules.vtkIOXML import vtkXMLUnstructuredGridWriter

    corners, point_of = joined_corners(cells)
    points = vtkPoints()
    points.SetData(numpy_to_vtk(corners, deep=True))
    grid = vtkUnstructuredGrid()
    grid.SetPoints(points)
    owner = cells.faces[:, 0]
    full = np.flatnonzero(cells.volumes_um3 > 0)
    bounds = np.searchsorted(owner, [full, full + 1])
    for first, last in bounds.T:
        stream = vtkIdList()
        stream.InsertNextId(int(last - first))
        for face in range(first, last):
            ids = point_of[cells.starts[face] : cells.starts[face + 1]]
            stream.InsertNextId(len(ids))
            for one in ids.tolist():
                stream.InsertNextId(one)
        grid.InsertNextCell(_POLYHEDRON, stream)
    data = {
        "label": labels[full], "volume_um3": cells.volumes_um3[full], "surface_um2": cells.surfaces_um2[full],
        "neighbours": cells.neighbours[full], "touches_window": cells.touches_window[full].astype(np.uint8),
    }  # fmt: skip
    for name, values in data.items():
        array = numpy_to_vtk(np.ascontiguousarray(values), deep=True)
        array.SetName(name)
        grid.GetCellData().AddArray(array)
    grid.GetCellData().SetActiveScalars("label")
    unit = numpy_to_vtk(np.array([1e-6]), deep=True)
    unit.SetName("metres_per_length_unit")
    grid.GetFieldData().AddArray(unit)
    writer = vtkXMLUnstructuredGridWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(grid)
    writer.SetDataModeToBinary()
    if not writer.Write():
        raise OSError(None, "VTK could not write the file", str(path))
