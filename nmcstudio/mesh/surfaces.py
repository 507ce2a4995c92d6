"""Conforming surface between all labels of a volume: surface nets with constrained smoothing.

Every cell of the dual grid that touches two labels or more gets one point, every pair of voxels with different labels one
quadrilateral: neighbouring grains share their points, so the surface has no gaps (S. Frisken, SurfaceNets for multi-label
segmentations, J. Comput. Graph. Tech. 11, 2022).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.meshes import SurfaceMesh
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume

# a step in and a longer one out keep the volume, which one alone would shrink (G. Taubin, SIGGRAPH 1995)
_TAUBIN = (0.5, -0.52)


def mesh_surface(
    volume: LabelVolume, *, iterations: int = 12, reach: float = 0.87, monitor: Monitor | None = None
) -> SurfaceMesh:
    """Triangles between every two labels that touch, smoothed.

    Parameters
    ----------
    volume
        Labels; the volume is treated as if 0 stood all around it.
    iterations
        Smoothing sweeps; 0 leaves the corners of the voxels' dual grid. Points on lines where three labels meet are
        averaged along the line only.
    reach
        How far a point may move from the middle of its cell, in voxel edges.

    Returns
    -------
    SurfaceMesh
        Triangles with the labels on both sides; 0 is always in front, else the larger label.

    Raises
    ------
    NmcError
        If the volume has no label above 0.
    """
    monitor = monitor or Monitor()
    monitor.report(0.0, "finding the faces between labels")
    labels = np.pad(volume.labels, 1)
    cells = _active_cells(labels)
    count = int(cells.max()) + 1
    if count == 0:
        raise NmcError("there is nothing to mesh: the label volume is empty", "compose or import a particle first")
    centres, stencils = _stencils(labels, cells, count)
    monitor.report(0.2, "smoothing the surface")
    positions = centres.copy()
    for sweep in range(iterations):
        for factor in _TAUBIN:
            positions = _relax(positions, centres, stencils, factor, reach)
        monitor.report(0.2 + 0.5 * (sweep + 1) / iterations, "smoothing the surface")
    points = (positions[:, ::-1] - 1.0) * np.asarray(volume.spacing_um[::-1]) + np.asarray(volume.origin_um[::-1])
    monitor.report(0.7, "writing the triangles")
    quads, sides = _quadrilaterals(labels, cells)
    triangles = _triangulate(points, quads)
    monitor.report(1.0)
    return SurfaceMesh(points, triangles, np.repeat(sides, 2, axis=0))


def outer_surface(mesh: SurfaceMesh) -> SurfaceMesh:
    """The part of a surface that has label 0 in front: the particle's skin, with the points that it uses."""
    return _subset(mesh, mesh.sides[:, 1] == 0)


def grain_surface(mesh: SurfaceMesh, label: int) -> SurfaceMesh:
    """The closed surface of one grain, turned outwards (the grain is behind every triangle)."""
    behind, ahead = mesh.sides[:, 0] == label, mesh.sides[:, 1] == label
    triangles = np.concatenate([mesh.triangles[behind], mesh.triangles[ahead][:, ::-1]])
    sides = np.concatenate([mesh.sides[behind], mesh.sides[ahead][:, ::-1]])
    return _subset(SurfaceMesh(mesh.points_um, triangles, sides), np.ones(len(triangles), bool))


def _subset(mesh: SurfaceMesh, keep: NDArray[np.bool_]) -> SurfaceMesh:
    used, triangles = np.unique(mesh.triangles[keep], return_inverse=True)
    return SurfaceMesh(mesh.points_um[used], triangles.reshape(-1, 3), mesh.sides[keep])


@njit(nogil=True, cache=True)
def _active_cells(labels):  # type: ignore[no-untyped-def]
    """Number of the point of each dual cell (8 voxels), -1 where all eight labels agree."""
    nz, ny, nx = labels.shape
    cells = np.full((nz - 1, ny - 1, nx - 1), -1, np.int32)
    count = 0
    for k in range(nz - 1):
        for j in range(ny - 1):
            for i in range(nx - 1):
                first = labels[k, j, i]
                same = True
                for corner in range(1, 8):
                    if labels[k + (corner >> 2), j + ((corner >> 1) & 1), i + (corner & 1)] != first:
                        same = False
                        break
                if not same:
                    cells[k, j, i] = count
                    count += 1
    return cells


@njit(nogil=True, cache=True)
def _distinct(a, b, c, d):  # type: ignore[no-untyped-def]
    count = 1
    if b != a:
        count += 1
    if c != a and c != b:
        count += 1
    if d != a and d != b and d != c:
        count += 1
    return count


@njit(nogil=True, cache=True)
def _stencils(labels, cells, count):  # type: ignore[no-untyped-def]
    """Centres of the active cells (z, y, x in padded voxels) and the neighbours each is averaged with, -1 for none."""
    centres = np.empty((count, 3))
    stencils = np.full((count, 6), -1, np.int32)
    found = np.empty(6, np.int32)
    junction = np.empty(6, np.bool_)
    nz, ny, nx = cells.shape
    for k in range(nz):
        for j in range(ny):
            for i in range(nx):
                point = cells[k, j, i]
                if point < 0:
                    continue
                centres[point, 0] = k + 0.5
                centres[point, 1] = j + 0.5
                centres[point, 2] = i + 0.5
                n = 0
                lines = 0
                for side in range(6):
                    axis = side >> 1
                    up = side & 1
                    step = 2 * up - 1
                    kk = k + (step if axis == 0 else 0)
                    jj = j + (step if axis == 1 else 0)
                    ii = i + (step if axis == 2 else 0)
                    if kk < 0 or jj < 0 or ii < 0 or kk >= nz or jj >= ny or ii >= nx:
                        continue
                    if axis == 0:
                        z = k + up
                        kinds = _distinct(labels[z, j, i], labels[z, j + 1, i], labels[z, j, i + 1], labels[z, j + 1, i + 1])
                    elif axis == 1:
                        y = j + up
                        kinds = _distinct(labels[k, y, i], labels[k + 1, y, i], labels[k, y, i + 1], labels[k + 1, y, i + 1])
                    else:
                        x = i + up
                        kinds = _distinct(labels[k, j, x], labels[k + 1, j, x], labels[k, j + 1, x], labels[k + 1, j + 1, x])
                    if kinds > 1:
                        found[n] = cells[kk, jj, ii]
                        junction[n] = kinds > 2
                        lines += kinds > 2
                        n += 1
                m = 0
                for index in range(n):
                    if lines < 2 or junction[index]:
                        stencils[point, m] = found[index]
                        m += 1
    return centres, stencils


@njit(nogil=True, cache=True)
def _relax(positions, centres, stencils, factor, reach):  # type: ignore[no-untyped-def]
    """One sweep: the share `factor` of the way to the mean of the stencil, held within `reach` of the cell's centre."""
    moved = np.empty_like(positions)
    for p in range(len(positions)):
        n = 0
        z = y = x = 0.0
        for index in range(6):
            q = stencils[p, index]
            if q < 0:
                break
            z += positions[q, 0]
            y += positions[q, 1]
            x += positions[q, 2]
            n += 1
        if n == 0:
            moved[p] = positions[p]
            continue
        dz = (1.0 - factor) * positions[p, 0] + factor * z / n - centres[p, 0]
        dy = (1.0 - factor) * positions[p, 1] + factor * y / n - centres[p, 1]
        dx = (1.0 - factor) * positions[p, 2] + factor * x / n - centres[p, 2]
        length = np.sqrt(dz * dz + dy * dy + dx * dx)
        scale = reach / length if length > reach else 1.0
        moved[p, 0] = centres[p, 0] + scale * dz
        moved[p, 1] = centres[p, 1] + scale * dy
        moved[p, 2] = centres[p, 2] + scale * dx
    return moved


@njit(nogil=True, cache=True)
def _quadrilaterals(labels, cells):  # type: ignore[no-untyped-def]
    """One quadrilateral for each pair of different voxels, with (behind, front) labels."""
    nz, ny, nx = labels.shape
    total = 0
    for k in range(1, nz):
        for j in range(1, ny):
            for i in range(1, nx):
                a = labels[k - 1, j - 1, i - 1]
                total += (a != labels[k, j - 1, i - 1]) + (a != labels[k - 1, j, i - 1]) + (a != labels[k - 1, j - 1, i])
    quads = np.empty((total, 4), np.int64)
    sides = np.empty((total, 2), np.int32)
    n = 0
    for k in range(nz - 1):
        for j in range(ny - 1):
            for i in range(nx - 1):
                a = labels[k, j, i]
                for axis in range(3):
                    if axis == 0:
                        b = labels[k + 1, j, i]
                    elif axis == 1:
                        b = labels[k, j + 1, i]
                    else:
                        b = labels[k, j, i + 1]
                    if a == b:
                        continue
                    if axis == 0:
                        q0, q1, q2, q3 = cells[k, j - 1, i - 1], cells[k, j - 1, i], cells[k, j, i], cells[k, j, i - 1]
                    elif axis == 1:
                        q0, q1, q2, q3 = cells[k - 1, j, i - 1], cells[k, j, i - 1], cells[k, j, i], cells[k - 1, j, i]
                    else:
                        q0, q1, q2, q3 = cells[k - 1, j - 1, i], cells[k - 1, j, i], cells[k, j, i], cells[k, j - 1, i]
                    if b == 0 or (a != 0 and a < b):
                        sides[n, 0] = a
                        sides[n, 1] = b
                        quads[n, 0], quads[n, 1], quads[n, 2], quads[n, 3] = q0, q1, q2, q3
                    else:
                        sides[n, 0] = b
                        sides[n, 1] = a
                        quads[n, 0], quads[n, 1], quads[n, 2], quads[n, 3] = q0, q3, q2, q1
                    n += 1
    return quads[:n], sides[:n]


def _triangulate(points: NDArray[np.float64], quads: NDArray[np.int64]) -> NDArray[np.int64]:
    """Two triangles a quadrilateral, cut along the shorter diagonal."""
    first = np.linalg.norm(points[quads[:, 0]] - points[quads[:, 2]], axis=1)
    second = np.linalg.norm(points[quads[:, 1]] - points[quads[:, 3]], axis=1)
    turned = np.where((first <= second)[:, None], quads, np.roll(quads, -1, axis=1))
    return turned[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
