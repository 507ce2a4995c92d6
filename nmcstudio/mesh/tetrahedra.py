"""Conforming tetrahedra of all grains: a labelled lattice whose nodes are moved onto the interfaces under a quality guard.

The lattice is conforming before a node moves and stays so, because no move may turn a cell over: there is no input for which this
fails, which cannot be said of meshers that start from an intersecting surface.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.meshes import VolumeMesh
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.mesh import lattice as bcc
from nmcstudio.mesh import smoothing
from nmcstudio.mesh.splitting import split_bridges

_CHUNK = 2000
_IMPROVING_TURNS = 3


def mesh_tetrahedra(
    volume: LabelVolume,
    *,
    edge_um: float,
    sweeps: int = 12,
    floor_quality: float = 0.15,
    wanted_quality: float = 0.3,
    monitor: Monitor | None = None,
) -> VolumeMesh:
    """Tetrahedra with one label each; neighbouring grains share nodes and faces.

    Parameters
    ----------
    volume
        Labels, 0 is outside.
    edge_um
        Mean edge of the tetrahedra before smoothing, um.
    sweeps
        Smoothing sweeps; 0 leaves the lattice as it is.
    floor_quality
        No move takes a cell's quality (1 for the regular tetrahedron) below this value.
    wanted_quality
        Nodes around cells below this value slide along their interfaces to raise it.

    Returns
    -------
    VolumeMesh
        Every label of the volume has at least one cell.

    Raises
    ------
    NmcError
        If nothing has a label.
    """
    monitor = monitor or Monitor()
    monitor.report(0.0, "filling the particle with tetrahedra")
    if not volume.labels.any():
        raise NmcError("there is nothing to mesh: the label volume is empty", "compose or import a particle first")
    grid, votes = _labelled_lattice(volume, edge_um / bcc.MEAN_EDGE, monitor.sub(0.0, 0.15))
    points, cells, labels = _selected_cells(grid, votes)
    monitor.report(0.2, "moving nodes onto the interfaces")
    if sweeps:
        cuts = 1
        while cuts:
            monitor.report(0.2)
            _, _, label_starts, label_ids = smoothing.node_tables(cells, labels, len(points))
            monitor.report(0.2)
            points, cells, labels, cuts = split_bridges(points, cells, labels, label_starts, label_ids, monitor)
        points = _smooth(volume, points, cells, labels, edge_um, sweeps, floor_quality, wanted_quality, monitor.sub(0.2, 0.95))
    inside = labels > 0
    used, renumbered = _renumber(cells[inside], len(points))
    monitor.report(1.0)
    return VolumeMesh(points[used], renumbered, labels[inside].astype(np.int32), volume.quaternions)


def _renumber(cells: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of the points that cells use, ascending, and the cells in terms of these."""
    used = np.zeros(count, bool)
    used[cells] = True
    return np.flatnonzero(used), (np.cumsum(used) - 1)[cells]


def _labelled_lattice(volume: LabelVolume, cube_um: float, monitor: Monitor) -> tuple[bcc.Lattice, NDArray[np.uint32]]:
    spacing = np.asarray(volume.spacing_um)
    filled = [np.flatnonzero(volume.labels.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    corner = np.asarray(volume.origin_um) - 0.5 * spacing
    lower = corner + np.array([f[0] for f in filled]) * spacing
    upper = corner + np.array([f[-1] + 1 for f in filled]) * spacing
    shape = np.ceil((upper - lower) / cube_um).astype(int) + 4
    start = 0.5 * (lower + upper) - 0.5 * shape * cube_um
    grid = bcc.Lattice(start[::-1].copy(), cube_um, (int(shape[0]), int(shape[1]), int(shape[2])))
    samples = np.einsum("sc,kcd->ksd", bcc.sample_points(), bcc.corner_positions()) * cube_um
    votes = np.zeros((12, *grid.shape), np.uint32)
    slab = max(1, int(4000 / (shape[1] * shape[2])))
    for first in range(0, grid.shape[0], slab):
        monitor.report(0.8 * first / grid.shape[0])
        bcc.vote_labels(volume.labels, spacing, start - corner, samples, cube_um, votes, first, first + slab)
    table = bcc.neighbour_table()
    for _ in range(4):
        changes = 0
        for first in range(0, grid.shape[0], 4 * slab):
            monitor.report(0.9)
            changes += bcc.clean_labels(votes, table, first, first + 4 * slab)
        if changes == 0:
            break
    _restore_lost_labels(volume, grid, votes)
    return grid, votes


def _restore_lost_labels(volume: LabelVolume, grid: bcc.Lattice, votes: NDArray[np.uint32]) -> None:
    """Give the grains that are too small to win any cell the cell nearest to their middle."""
    counts = np.bincount(votes.ravel(), minlength=int(volume.labels.max()) + 1)
    present = np.flatnonzero(np.bincount(volume.labels.ravel()))
    middles = bcc.corner_positions().mean(axis=1)
    for label in present:
        if label == 0 or counts[label]:
            continue
        voxels = np.argwhere(volume.labels == label)
        centre = voxels.mean(axis=0)
        voxel = voxels[np.argmin(((voxels - centre) ** 2).sum(axis=1))]
        place = (voxel * np.asarray(volume.spacing_um) + np.asarray(volume.origin_um))[::-1]
        local = (place - grid.lower_um) / grid.cube_um
        cube = np.floor(local).astype(int)
        best: tuple[float, tuple[int, ...]] | None = None
        for offset in np.ndindex(3, 3, 3):
            at = cube + np.asarray(offset) - 1
            for kind in range(12):
                index = (kind, int(at[2]), int(at[1]), int(at[0]))
                owner = int(votes[index])
                distance = float(((middles[kind] + at - local) ** 2).sum())
                if (owner == 0 or counts[owner] > 1) and (best is None or distance < best[0]):
                    best = (distance, index)
        if best is not None:
            counts[votes[best[1]]] -= 1
            votes[best[1]] = label


def _selected_cells(
    grid: bcc.Lattice, votes: NDArray[np.uint32]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Points, cells and labels of the tetrahedra inside, and of those outside (label 0) that touch them."""
    index = np.argwhere(votes > 0)
    cells = grid.corners(index[:, 0], index[:, 1:])
    labels = votes[tuple(index.T)].astype(np.int64)
    near = np.zeros(votes.shape[1:], bool)
    near[tuple(index[:, 1:].T)] = True
    for axis in range(3):
        near |= np.roll(near, 1, axis) | np.roll(near, -1, axis)
    empty = np.argwhere((votes == 0) & near[None])
    limits = np.asarray(grid.shape) - 1
    empty = empty[np.all(empty[:, 1:] < limits, axis=1)]
    outside = grid.corners(empty[:, 0], empty[:, 1:])
    inner = np.zeros(int(max(cells.max(), outside.max())) + 1, bool)
    inner[cells] = True
    outside = outside[inner[outside].any(axis=1)]
    cells = np.concatenate([cells, outside])
    labels = np.concatenate([labels, np.zeros(len(outside), np.int64)])
    used, renumbered = _renumber(cells, int(cells.max()) + 1)
    return grid.point_positions(used), renumbered, labels


def _smooth(
    volume: LabelVolume,
    points: NDArray[np.float64],
    cells: NDArray[np.int64],
    labels: NDArray[np.int64],
    edge_um: float,
    sweeps: int,
    floor_quality: float,
    wanted_quality: float,
    monitor: Monitor,
) -> NDArray[np.float64]:
    count = len(points)
    spacing = np.asarray(volume.spacing_um)
    lower = np.asarray(volume.origin_um) - 0.5 * spacing
    voxel = float(np.prod(spacing) ** (1 / 3))
    tables = smoothing.node_tables(cells, labels, count)
    monitor.report(0.0)
    near = smoothing.node_neighbours(cells, labels, *tables, count)  # type: ignore[call-arg]
    wide, narrow = max(voxel, 0.5 * edge_um), max(voxel, 0.25 * edge_um)
    # every state between two moves is a sound mesh, so both loops can end early
    for sweep in range(sweeps):
        if monitor.finish_requested:
            break
        # far from the interface first: a wide kernel finds it, a narrow one then places the node
        sigma = wide if sweep < sweeps // 3 else narrow
        for first in range(0, count, _CHUNK):
            monitor.report(0.05 + 0.7 * (sweep + first / count) / sweeps)
            smoothing.move_nodes(  # type: ignore[call-arg]
                points, cells, labels, *tables, *near, volume.labels, spacing, lower, sigma, 0.5 * edge_um, floor_quality,
                first, min(first + _CHUNK, count),
            )  # fmt: skip
    state = np.uint64(1)
    for turn in range(_IMPROVING_TURNS):
        if monitor.finish_requested:
            break
        for first in range(0, count, _CHUNK):
            monitor.report(0.75 + 0.25 * (turn + first / count) / _IMPROVING_TURNS, "improving the worst cells")
            state = np.uint64(
                smoothing.improve_nodes(  # type: ignore[call-arg]
                    points, cells, labels, *tables, volume.labels, spacing, lower, narrow, edge_um, wanted_quality, state,
                    first, min(first + _CHUNK, count),
                )
            )  # fmt: skip
    return points
