"""Exact cells as files: read back by VTK, and walls whose enclosed volumes are those of the cells."""

from __future__ import annotations

import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import Tessellation
from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.cells import laguerre_cells
from nmcstudio.io.meshes.polyhedra import joined_corners, walls, write_cells
from nmcstudio.pipeline.exporting import endings, export_node

WINDOW = np.array([[0.0, 2.0], [-1.0, 1.0], [5.0, 8.0]])


@pytest.fixture
def tessellation() -> Tessellation:
    rng = np.random.default_rng(3)
    seeds = rng.uniform(WINDOW[:, 0], WINDOW[:, 1], (40, 3))
    weights = rng.normal(0, 0.1, 40)
    weights[5] = -3.0  # an empty cell
    return Tessellation("laguerre", np.arange(40) * 3 + 7, seeds, weights, WINDOW)


def test_walls_enclose_the_cells(tessellation):
    cells = laguerre_cells(tessellation.seeds_um, tessellation.weights, WINDOW)
    mesh = walls(cells, tessellation.labels)
    a, b, c = mesh.points_um[mesh.triangles].transpose(1, 0, 2)
    volumes = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6
    for label, exact in zip(tessellation.labels, cells.volumes_um3):
        found = volumes[mesh.sides[:, 0] == label].sum() - volumes[mesh.sides[:, 1] == label].sum()
        assert found == pytest.approx(exact, abs=1e-9)
    # Euler's formula for cells, walls, edges and corners of a filled box: each corner, edge and wall stands once.
    points, point_of = joined_corners(cells)
    edges = set()
    for first, last in zip(cells.starts[:-1], cells.starts[1:]):
        ring = point_of[first:last]
        edges |= {tuple(sorted(pair)) for pair in zip(ring.tolist(), np.roll(ring, -1).tolist())}
    inner = cells.faces[:, 1] >= 0
    faces = np.count_nonzero(inner) // 2 + np.count_nonzero(~inner)
    assert len(points) - len(edges) + faces - np.count_nonzero(cells.volumes_um3) == 1


def test_vtk_reads_the_polyhedra(tessellation, tmp_path):
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkFiltersVerdict import vtkCellSizeFilter
    from vtkmodules.vtkIOXML import vtkXMLUnstructuredGridReader

    path = tmp_path / "Größe µm.vtu"
    export_node("tessellation", tessellation, path, Monitor())
    reader = vtkXMLUnstructuredGridReader()
    reader.SetFileName(str(path))
    sizes = vtkCellSizeFilter()
    sizes.SetInputConnection(reader.GetOutputPort())
    sizes.Update()
    data = sizes.GetOutput().GetCellData()
    read = {data.GetArrayName(k): vtk_to_numpy(data.GetArray(k)) for k in range(data.GetNumberOfArrays())}
    assert 22 not in read["label"]
    exact = laguerre_cells(tessellation.seeds_um, tessellation.weights, WINDOW)
    np.testing.assert_array_equal(read["label"], tessellation.labels[exact.volumes_um3 > 0])
    np.testing.assert_allclose(read["Volume"], read["volume_um3"], rtol=1e-6)
    assert read["volume_um3"].sum() == pytest.approx(12.0)
    assert read["neighbours"].min() > 0


def test_polyhedra_as_every_vtk_knows_them(tessellation, tmp_path):
    """Version 2.3 of the format, which VTK 9.4 writes, holds them otherwise: older ParaViews show no cells."""
    export_node("tessellation", tessellation, tmp_path / "cells.vtu", Monitor())
    text = (tmp_path / "cells.vtu").read_text("ascii")
    assert 'version="1.0"' in text
    assert 'Name="faces"' in text
    assert 'Name="faceoffsets"' in text


def test_ply_and_what_is_refused(tessellation, tmp_path):
    export_node("tessellation", tessellation, tmp_path / "walls.ply", Monitor())
    assert (tmp_path / "walls.ply").read_bytes().startswith(b"ply")
    assert endings("tessellation") == (".csv", ".vtu", ".ply")
    bent = Tessellation(
        "gbpd-sqrt", tessellation.labels, tessellation.seeds_um, tessellation.weights, WINDOW, np.tile(np.eye(3), (40, 1, 1))
    )
    with pytest.raises(NmcError, match="curved"):
        export_node("tessellation", bent, tmp_path / "bent.vtu", Monitor())
    with pytest.raises(NmcError, match="cannot be written"):
        write_cells(
            tmp_path / "cells.stl", laguerre_cells(tessellation.seeds_um, tessellation.weights, WINDOW), tessellation.labels
        )
