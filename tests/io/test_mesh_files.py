"""Mesh files read back by other programs' readers."""

from __future__ import annotations

from pathlib import Path

import meshio
import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.core.meshes import SurfaceMesh, VolumeMesh
from nmcstudio.io.meshes import write_mesh

# two tetrahedra that share a face, of two grains; orientations: identity, and Bunge (30, 40, 50) degrees
POINTS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]], float) * 0.1
QUATERNIONS = np.array([[np.nan] * 4, [1, 0, 0, 0], [0.71984631, -0.33682409, 0.05939117, -0.60402277]])
TETRAHEDRA = VolumeMesh(POINTS, np.array([[0, 1, 2, 3], [1, 2, 3, 4]])[:, [0, 1, 2, 3]], np.array([1, 2]), QUATERNIONS)
SURFACE = SurfaceMesh(
    POINTS[:4], np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]]), np.array([[1, 0], [1, 0], [1, 2], [1, 0]])
)


def test_vtu_holds_cells_and_orientations(tmp_path: Path) -> None:
    file = tmp_path / "Größe µm.vtu"
    write_mesh(TETRAHEDRA, file)
    back = meshio.read(file)
    assert np.array_equal(back.points, POINTS)
    assert np.array_equal(back.cells_dict["tetra"], TETRAHEDRA.cells)
    assert np.array_equal(back.cell_data["grain_id"][0], [1, 2])
    expected = [[0, 0, 1], [0.3213938, -0.5566704, 0.7660444]]
    assert np.allclose(back.cell_data["c_axis"][0], expected)
    assert np.allclose(back.cell_data["quaternion"][0], QUATERNIONS[1:])
    assert [p.name for p in tmp_path.iterdir()] == [file.name]


def test_vtu_is_read_by_vtk_with_its_unit(tmp_path: Path) -> None:
    import pyvista as pv

    write_mesh(TETRAHEDRA, tmp_path / "mesh.vtu")
    back = pv.read(tmp_path / "mesh.vtu")
    assert list(back.field_data["metres_per_length_unit"]) == [1e-6]
    assert list(back.celltypes) == [10, 10]


def test_hexahedra_and_surfaces_as_vtu(tmp_path: Path) -> None:
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]], float)
    write_mesh(VolumeMesh(corners, np.arange(8)[None], np.array([3])), tmp_path / "cube.vtu")
    back = meshio.read(tmp_path / "cube.vtu")
    assert list(back.cells_dict) == ["hexahedron"]
    assert list(back.cell_data) == ["grain_id"]
    write_mesh(SURFACE, tmp_path / "surface.vtu")
    back = meshio.read(tmp_path / "surface.vtu")
    assert np.array_equal(back.cells_dict["triangle"], SURFACE.triangles)
    assert np.array_equal(back.cell_data["label_front"][0], [0, 0, 2, 0])


@pytest.mark.parametrize("mesh", [SURFACE, TETRAHEDRA])
def test_stl_is_the_outer_skin(tmp_path: Path, mesh: SurfaceMesh | VolumeMesh) -> None:
    write_mesh(mesh, tmp_path / "skin.stl")
    back = meshio.read(tmp_path / "skin.stl")
    assert len(back.cells_dict["triangle"]) == (3 if mesh is SURFACE else 6)
    assert np.abs(back.points).max() == pytest.approx(0.1)


def test_stl_normals_point_outwards(tmp_path: Path) -> None:
    import pyvista as pv

    write_mesh(TETRAHEDRA, tmp_path / "skin.stl")
    skin = pv.read(tmp_path / "skin.stl")
    assert skin.is_manifold
    assert skin.volume == pytest.approx(0.5e-3)
    header = (tmp_path / "skin.stl").read_bytes()[:80]
    assert b"unit um" in header
    assert not header.startswith(b"solid")


def test_ply_keeps_both_labels(tmp_path: Path) -> None:
    import pyvista as pv

    write_mesh(SURFACE, tmp_path / "surface.ply")
    back = pv.read(tmp_path / "surface.ply")
    assert np.array_equal(back.points, POINTS[:4].astype(np.float32))
    assert np.array_equal(back.faces.reshape(-1, 4)[:, 1:], SURFACE.triangles)
    data = (tmp_path / "surface.ply").read_bytes()
    kind = np.dtype([("n", "u1"), ("corners", "<i4", 3), ("sides", "<i4", 2)])
    faces = np.frombuffer(data[-4 * kind.itemsize :], kind)
    assert np.array_equal(faces["sides"], SURFACE.sides)


def test_unknown_extension_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(NmcError, match=r"\.stl, \.ply, \.vtu"):
        write_mesh(SURFACE, tmp_path / "mesh.obj")


def test_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(NmcError, match="no folder"):
        write_mesh(SURFACE, tmp_path / "none" / "mesh.stl")
