"""VTU (VTK XML, unstructured grid) through VTK: readable in ParaView, with grain ids and orientations on the cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.meshes import SurfaceMesh, VolumeMesh
from nmcstudio.crystal.quaternions import c_axis

_CELL_TYPES = {3: 5, 4: 10, 8: 12}  # VTK_TRIANGLE, VTK_TETRA, VTK_HEXAHEDRON by number of corners


def write_vtu(path: Path, mesh: SurfaceMesh | VolumeMesh) -> None:
    """Write a mesh with its cell data.

    Volume meshes: ``grain_id``, and where there are orientations ``quaternion`` (w, x, y, z; sample to crystal) and ``c_axis``
    (unit vector in the frame of the particle). Surfaces: ``label_behind``, ``label_front``. Field data
    ``metres_per_length_unit`` is 1e-6: lengths are um.
    """
    from vtkmodules.vtkIOXML import vtkXMLUnstructuredGridWriter

    writer = vtkXMLUnstructuredGridWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(unstructured_grid(mesh))
    writer.SetDataModeToBinary()
    if not writer.Write():
        raise OSError(None, "VTK could not write the file", str(path))


def unstructured_grid(mesh: SurfaceMesh | VolumeMesh) -> Any:
    """The mesh as a vtkUnstructuredGrid."""
    from vtkmodules.util.numpy_support import numpy_to_vtk
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkUnstructuredGrid

    cells = mesh.cells if isinstance(mesh, VolumeMesh) else mesh.triangles
    points = vtkPoints()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(mesh.points_um), deep=True))
    connectivity = vtkCellArray()
    offsets = np.arange(0, cells.size + 1, cells.shape[1], dtype=np.int64)
    connectivity.SetData(_ids(offsets), _ids(np.ascontiguousarray(cells.ravel())))
    grid = vtkUnstructuredGrid()
    grid.SetPoints(points)
    grid.SetCells(_CELL_TYPES[cells.shape[1]], connectivity)
    for name, values in _cell_data(mesh).items():
        array = numpy_to_vtk(np.ascontiguousarray(values), deep=True)
        array.SetName(name)
        grid.GetCellData().AddArray(array)
    grid.GetCellData().SetActiveScalars("grain_id" if isinstance(mesh, VolumeMesh) else "label_behind")
    # a number and not the text "um", which meshio cannot read
    unit = numpy_to_vtk(np.array([1e-6]), deep=True)
    unit.SetName("metres_per_length_unit")
    grid.GetFieldData().AddArray(unit)
    return grid


def _ids(values: NDArray[np.int64]) -> Any:
    from vtkmodules.util.numpy_support import numpy_to_vtkIdTypeArray

    return numpy_to_vtkIdTypeArray(values, deep=True)


def _cell_data(mesh: SurfaceMesh | VolumeMesh) -> dict[str, NDArray[Any]]:
    if isinstance(mesh, SurfaceMesh):
        return {"label_behind": mesh.sides[:, 0], "label_front": mesh.sides[:, 1]}
    data: dict[str, NDArray[Any]] = {"grain_id": mesh.labels}
    if mesh.quaternions is not None:
        quaternions = mesh.quaternions[mesh.labels]
        data["quaternion"] = quaternions
        data["c_axis"] = c_axis(quaternions)
    return data
