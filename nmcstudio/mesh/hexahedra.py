"""Hexahedra: one cube a voxel, or a voxel of a coarser or finer grid."""

from __future__ import annotations

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.meshes import VolumeMesh
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, index_to_um, um_to_index

# VTK's order of the corners of a hexahedron, as steps along (z, y, x)
_CORNERS = ((0, 0, 0), (0, 0, 1), (0, 1, 1), (0, 1, 0), (1, 0, 0), (1, 0, 1), (1, 1, 1), (1, 1, 0))


def mesh_hexahedra(volume: LabelVolume, *, edge_um: float | None = None, monitor: Monitor | None = None) -> VolumeMesh:
    """One hexahedron for every voxel with a label.

    Parameters
    ----------
    volume
        Labels, 0 is outside.
    edge_um
        Edge of the hexahedra; None keeps the volume's voxels, any other value takes the label at the centre of each cube.

    Raises
    ------
    NmcError
        If nothing has a label.
    """
    monitor = monitor or Monitor()
    monitor.report(0.0, "making hexahedra")
    if edge_um is not None:
        volume = resample_labels(volume, edge_um)
    labels, spacing = volume.labels, np.asarray(volume.spacing_um)
    z, y, x = np.nonzero(labels)
    if len(z) == 0:
        raise NmcError("there is nothing to mesh: the label volume is empty", "compose or import a particle first")
    monitor.report(0.3)
    shape = tuple(n + 1 for n in labels.shape)
    first = (z * shape[1] + y) * shape[2] + x
    shifts = [(dz * shape[1] + dy) * shape[2] + dx for dz, dy, dx in _CORNERS]
    used = np.zeros(int(np.prod(shape)), bool)
    for shift in monitor.sub(0.3, 0.6).track(shifts):
        used[first + shift] = True
    number = np.cumsum(used) - 1
    cells = np.empty((len(first), 8), np.int64)
    for corner, shift in enumerate(monitor.sub(0.6, 0.9).track(shifts)):
        cells[:, corner] = number[first + shift]
    index = np.stack(np.unravel_index(np.flatnonzero(used), shape), axis=1)
    origin = np.asarray(volume.origin_um) - 0.5 * spacing
    points = index_to_um(index, volume.spacing_um, tuple(origin))
    monitor.report(1.0)
    return VolumeMesh(points, cells, labels[z, y, x].astype(np.int32), volume.quaternions)


def resample_labels(volume: LabelVolume, edge_um: float) -> LabelVolume:
    """Labels on cubes of another edge: the nearest voxel's label at the centre of each cube."""
    extent = np.asarray(volume.shape) * np.asarray(volume.spacing_um)
    shape = np.maximum(1, np.ceil(extent / edge_um - 1e-9)).astype(int)
    lower = np.asarray(volume.origin_um) - 0.5 * np.asarray(volume.spacing_um)
    origin = lower + 0.5 * edge_um - 0.5 * (shape * edge_um - extent)
    picks, inside = [], []
    for axis in range(3):
        place = np.zeros((int(shape[axis]), 3))
        place[:, 2 - axis] = origin[axis] + edge_um * np.arange(shape[axis])
        index = np.rint(um_to_index(place, volume.spacing_um, volume.origin_um)[:, axis]).astype(int)
        inside.append((index >= 0) & (index < volume.shape[axis]))
        picks.append(np.clip(index, 0, volume.shape[axis] - 1))
    known = inside[0][:, None, None] & inside[1][None, :, None] & inside[2][None, None, :]
    labels = np.where(known, volume.labels[np.ix_(*picks)], 0).astype(volume.labels.dtype)
    return LabelVolume(labels, (edge_um,) * 3, tuple(origin), kind=volume.kind, quaternions=volume.quaternions, name=volume.name)
