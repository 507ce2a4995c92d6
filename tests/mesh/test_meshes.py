"""Meshes of a small ball of Voronoi grains: closed, conforming, positive, with the right volumes."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial import cKDTree

from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.io.meshes.faces import boundary_surface
from nmcstudio.mesh.hexahedra import mesh_hexahedra
from nmcstudio.mesh.lattice import corner_positions, neighbour_table
from nmcstudio.mesh.quality import (
    cell_volumes,
    dihedral_angles,
    grain_volumes,
    is_conforming,
    measure_quality,
    open_edges,
    volume_errors,
)
from nmcstudio.mesh.surfaces import grain_surface, mesh_surface, outer_surface
from nmcstudio.mesh.tetrahedra import mesh_tetrahedra


def ball_of_grains(size: int = 40, grains: int = 40, spacing: tuple[float, float, float] = (0.1, 0.1, 0.1)) -> LabelVolume:
    rng = np.random.default_rng(5)
    index = np.stack(np.meshgrid(*[np.arange(size)] * 3, indexing="ij"), axis=-1)
    _, labels = cKDTree(rng.uniform(0, size, (grains, 3))).query(index.reshape(-1, 3))
    labels = labels.reshape(size, size, size) + 1
    labels[((index - (size - 1) / 2) ** 2).sum(axis=-1) > (0.45 * size) ** 2] = 0
    _, labels = np.unique(labels, return_inverse=True)
    return LabelVolume(labels.reshape(size, size, size), spacing, (-2.0, -1.0, 3.0))


BALL = ball_of_grains()


def voxel_volumes(volume: LabelVolume) -> np.ndarray:
    return np.bincount(volume.labels.ravel())[1:] * np.prod(volume.spacing_um)


def weighted_error(errors: np.ndarray, volume: LabelVolume) -> float:
    volumes = voxel_volumes(volume)
    return float((np.abs(errors[1:]) * volumes).sum() / volumes.sum())


def test_surface_is_closed_for_every_label_and_keeps_volumes() -> None:
    mesh = mesh_surface(BALL)
    assert open_edges(mesh) == 0
    assert weighted_error(volume_errors(mesh, BALL), BALL) < 0.03
    assert set(np.unique(mesh.sides)) == set(range(BALL.labels.max() + 1))
    assert not np.any(mesh.sides[:, 0] == 0)
    # the skin is turned outwards and has nearly the area of the ball, which a staircase exceeds by half
    skin = outer_surface(mesh)
    corners = skin.points_um[skin.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 2
    centre = np.array([3.0, -1.0, -2.0]) + 0.1 * (40 - 1) / 2
    outwards = np.einsum("ij,ij->i", normals, corners.mean(axis=1) - centre) > 0
    assert outwards.mean() > 0.999
    assert np.linalg.norm(normals, axis=1).sum() == pytest.approx(4 * np.pi * 1.8**2, rel=0.06)


def test_unsmoothed_surface_has_the_voxels_volumes_nearly() -> None:
    smooth, rough = mesh_surface(BALL), mesh_surface(BALL, iterations=0)
    assert open_edges(rough) == 0
    assert grain_volumes(smooth)[1:].sum() == pytest.approx(voxel_volumes(BALL).sum(), rel=0.01)


def test_grain_surface_is_the_grain() -> None:
    mesh = mesh_surface(BALL)
    one = grain_surface(mesh, 7)
    corners = one.points_um[one.triangles]
    assert np.linalg.det(corners - corners.mean(axis=(0, 1))).sum() / 6 == pytest.approx(grain_volumes(mesh)[7])


@pytest.mark.parametrize("edge_um", [0.2, 0.6])
def test_tetrahedra_are_conforming_and_good(edge_um: float) -> None:
    mesh = mesh_tetrahedra(BALL, edge_um=edge_um)
    quality = measure_quality(mesh)
    assert is_conforming(mesh)
    assert quality.minimum > 0.1
    assert quality.low > 0.17
    assert quality.grains == BALL.labels.max()
    assert open_edges(boundary_surface(mesh)) == 0
    assert grain_volumes(mesh).sum() == pytest.approx(voxel_volumes(BALL).sum(), rel=0.03 if edge_um < 0.5 else 0.1)
    if edge_um < 0.3:
        assert weighted_error(volume_errors(mesh, BALL), BALL) < 0.05
    edges = mesh.points_um[mesh.cells[:, 0]] - mesh.points_um[mesh.cells[:, 1]]
    assert np.linalg.norm(edges, axis=1).mean() == pytest.approx(edge_um, rel=0.2)


def test_unsmoothed_lattice_has_the_angles_of_its_kind() -> None:
    mesh = mesh_tetrahedra(BALL, edge_um=0.3, sweeps=0)
    angles = np.degrees(dihedral_angles(mesh))
    assert np.allclose(np.minimum(np.abs(angles - 60), np.abs(angles - 90)), 0, atol=1e-6)
    assert np.allclose(cell_volumes(mesh), cell_volumes(mesh)[0])


def test_smoothing_brings_the_skin_to_the_ball() -> None:
    centre = np.array([3.0, -1.0, -2.0]) + 0.1 * (40 - 1) / 2

    def roughness(sweeps: int) -> float:
        surface = boundary_surface(mesh_tetrahedra(BALL, edge_um=0.25, sweeps=sweeps))
        points = surface.points_um[np.unique(surface.triangles[surface.sides[:, 1] == 0])]
        return float(np.std(np.linalg.norm(points - centre, axis=1)))

    assert roughness(12) < 0.04
    assert roughness(12) < 0.5 * roughness(0)


def test_lattice_neighbours_share_three_corners() -> None:
    corners, table = corner_positions(), neighbour_table()
    for kind in range(12):
        mine = {tuple(np.round(p, 6)) for p in corners[kind]}
        for other, dz, dy, dx in table[kind]:
            theirs = {tuple(np.round(p + np.array([dx, dy, dz]), 6)) for p in corners[other]}
            assert len(mine & theirs) == 3


@settings(max_examples=15, deadline=None)
@given(arrays(np.uint16, (5, 6, 7), elements=st.integers(0, 4)), st.sampled_from([0.5, 1.3, 3.0]))
def test_any_labels_can_be_meshed(labels: np.ndarray, edge_um: float) -> None:
    """Noise is the worst input there is: nothing turns over, no label is lost, no gap opens."""
    if not labels.any():
        return
    volume = LabelVolume(labels, (1.0, 0.8, 1.2))
    mesh = mesh_tetrahedra(volume, edge_um=edge_um, sweeps=3)
    assert is_conforming(mesh)
    if edge_um < 1:
        assert set(np.unique(mesh.labels)) == set(np.unique(labels)) - {0}
    assert open_edges(boundary_surface(mesh)) == 0
    assert open_edges(mesh_surface(volume)) == 0


def test_a_grain_smaller_than_a_tetrahedron_keeps_one() -> None:
    labels = np.ones((20, 20, 20), np.uint16)
    labels[10, 10, 10] = 2
    mesh = mesh_tetrahedra(LabelVolume(labels, (0.1, 0.1, 0.1)), edge_um=0.5)
    assert np.count_nonzero(mesh.labels == 2) == 1


def test_hexahedra_are_the_voxels() -> None:
    volume = ball_of_grains(20, 10, (0.2, 0.1, 0.3))
    mesh = mesh_hexahedra(volume)
    assert len(mesh.cells) == np.count_nonzero(volume.labels)
    assert is_conforming(mesh)
    assert np.allclose(volume_errors(mesh, volume)[1:], 0, atol=1e-12)
    first = np.argwhere(volume.labels)[0]
    centre = mesh.points_um[mesh.cells[0]].mean(axis=0)
    assert np.allclose(centre, (first * volume.spacing_um + volume.origin_um)[::-1])
    assert open_edges(boundary_surface(mesh)) == 0


def test_coarser_hexahedra_keep_the_place() -> None:
    mesh = mesh_hexahedra(BALL, edge_um=0.2)
    volumes = cell_volumes(mesh)
    assert np.allclose(volumes, 0.2**3)
    centre = np.array([3.0, -1.0, -2.0]) + 0.1 * (40 - 1) / 2
    middle = (mesh.points_um[mesh.cells].mean(axis=1) * volumes[:, None]).sum(axis=0) / volumes.sum()
    assert np.allclose(middle, centre, atol=0.06)
    assert volumes.sum() == pytest.approx(voxel_volumes(BALL).sum(), rel=0.06)


@pytest.mark.parametrize("mesher", [mesh_surface, mesh_hexahedra, lambda v: mesh_tetrahedra(v, edge_um=0.3)])
def test_nothing_to_mesh_is_said(mesher) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(NmcError, match="nothing to mesh"):
        mesher(LabelVolume(np.zeros((4, 4, 4), np.uint16), (1.0, 1.0, 1.0)))


def test_tetrahedra_are_the_same_every_time() -> None:
    first, second = (mesh_tetrahedra(BALL, edge_um=0.3) for _ in range(2))
    assert np.array_equal(first.points_um, second.points_um)
    assert np.array_equal(first.cells, second.cells)


def test_cancelling_tetrahedra_takes_less_than_a_second() -> None:
    volume = ball_of_grains(80, 300)
    monitor = Monitor()
    mesh_tetrahedra(ball_of_grains(10, 3), edge_um=0.2)
    ended: list[float] = []

    def work() -> None:
        with pytest.raises(Cancelled):
            mesh_tetrahedra(volume, edge_um=0.15, monitor=monitor)
        ended.append(time.monotonic())

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(1.0)
    asked = time.monotonic()
    monitor.cancel()
    thread.join()
    assert ended[0] - asked < 1.0
