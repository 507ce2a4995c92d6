"""Exact polyhedra of a Laguerre tessellation inside its window."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import ComputationError, NmcError
from nmcstudio.core.meshes import PolyhedralCells
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.workers import in_threads, slices
from nmcstudio.grains.labelling import packed

Array = NDArray[np.float64]
_CELLS = 200  # of one piece of work
_SLACK = 1e-11  # of the size of the window: distances below count as zero
_FEW = 40  # generators; up to so many everybody is everybody's possible neighbour


def laguerre_cells(seeds_um: Array, weights_um2: Array, window_um: Array, monitor: Monitor | None = None) -> PolyhedralCells:
    """Cells ``{x in the window: |x - s_i|^2 - w_i <= |x - s_j|^2 - w_j for all j}`` as polyhedra.

    The window is clipped by the radical plane of each possible neighbour. These are read from the lower convex hull of the
    points (s, |s|^2 - w), whose edges are dual to the faces (Aurenhammer 1987).

    Parameters
    ----------
    seeds_um, weights_um2
        ``(n, 3)``, ``(n,)``.
    window_um
        ``(3, 2)``, ``[[x0, x1], [y0, y1], [z0, z1]]``.
    monitor
        Progress and cancel.

    Raises
    ------
    NmcError
        If a value is missing or the window is empty.
    ComputationError
        If a cell has more faces than there is room for.
    """
    from nmcstudio.grains.cell_kernels import cut_cells

    monitor = monitor or Monitor()
    s, w, _ = packed("laguerre", seeds_um, weights_um2, None)
    window = np.array(window_um, dtype=np.float64).reshape(3, 2)
    if not np.all(window[:, 1] > window[:, 0]):
        raise NmcError("the window has no volume", "give lower and upper corners in um")
    monitor.report(0.0, "Finding neighbours of cells")
    # the centre of the window is the origin: squares of far coordinates would cost digits
    middle = window.mean(axis=1)
    s = s - middle
    size = float((window[:, 1] - window[:, 0]).max())
    pointers, neighbours = _possible_neighbours(s, w)
    clipped = window - middle[:, None]

    def cut(piece: slice) -> list[NDArray[Any]]:
        *found, failed = cut_cells(piece.start, piece.stop, s, w, pointers, neighbours, clipped, _SLACK * size)
        if failed >= 0:
            raise ComputationError(f"the cell of generator {failed} has too many faces", "check the weights for outliers")
        return found

    found = in_threads(cut, slices(len(w), _CELLS), monitor, "Cutting cells")
    faces, lengths, corners = (np.concatenate([piece[k] for piece in found]) for k in range(3))
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return _measured(len(w), faces, starts, corners, middle, size)


def _measured(
    n: int, faces: NDArray[np.int64], starts: NDArray[np.int64], corners: Array, middle: Array, size: float
) -> PolyhedralCells:
    """Areas, volumes and centroids by fans of triangles about the first corner of each face."""
    if len(faces) == 0:
        empty = np.zeros(n)
        return PolyhedralCells(empty, np.full((n, 3), np.nan), empty, faces, np.zeros(0), starts, corners)
    lengths = np.diff(starts)
    face_of = np.repeat(np.arange(len(faces)), lengths)
    inner = np.ones(len(corners), bool)
    inner[starts[:-1]] = inner[starts[1:] - 1] = False
    b = np.flatnonzero(inner)
    owner = face_of[b]
    p, q, r = corners[starts[owner]], corners[b], corners[b + 1]
    cross = np.cross(q - p, r - p)
    vectors = np.stack([np.bincount(owner, cross[:, k], len(faces)) for k in range(3)], axis=1) / 2.0
    areas = np.linalg.norm(vectors, axis=1)
    cell = faces[owner, 0]
    # tetrahedra from a point of the cell (its first corner), so that small cells keep their digits
    first = np.full(n, -1)
    first[faces[::-1, 0]] = starts[:-1][::-1]
    origin = corners[first[cell]]
    volumes = np.einsum("ij,ij->i", p - origin, cross) / 6.0
    total = np.bincount(cell, volumes, n)
    moments = volumes[:, None] * (p + q + r - 3.0 * origin) / 4.0
    sums = np.stack([np.bincount(cell, moments[:, k], n) for k in range(3)], axis=1)
    solid = total > 1e-14 * size**3
    centroids = np.full((n, 3), np.nan)
    centroids[solid] = sums[solid] / total[solid, None] + corners[first[solid]] + middle
    kept = solid[faces[:, 0]] & (areas > 1e-14 * size**2)
    used = kept[face_of]
    return PolyhedralCells(
        volumes_um3=np.where(solid, total, 0.0),
        centroids_um=centroids,
        surfaces_um2=np.asarray(np.bincount(faces[kept, 0], areas[kept], n), dtype=np.float64),
        faces=faces[kept],
        face_areas_um2=areas[kept],
        starts=np.concatenate([[0], np.cumsum(lengths[kept])]).astype(np.int64),
        corners_um=corners[used] + middle,
    )


def _possible_neighbours(s: Array, w: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs whose cells may share a face, as offsets ``(n + 1,)`` and indices, the nearest plane first."""
    n = len(w)
    pairs = None if n <= _FEW else _hull_pairs(s, w)
    if pairs is None:
        i, j = np.divmod(np.arange(n * n), n)
        keep = i != j
        pairs = np.stack([i[keep], j[keep]], axis=1)
    d = np.linalg.norm(s[pairs[:, 1]] - s[pairs[:, 0]], axis=1)
    reach = (d**2 - w[pairs[:, 1]] + w[pairs[:, 0]]) / np.maximum(d, 1e-300)
    order = np.lexsort((pairs[:, 1], reach, pairs[:, 0]))
    pointers = np.concatenate([[0], np.cumsum(np.bincount(pairs[:, 0], minlength=n))]).astype(np.int64)
    return pointers, pairs[order, 1].astype(np.int64)


def _hull_pairs(s: Array, w: Array) -> NDArray[np.int64] | None:
    """Both orders of each edge of the lower hull of the lifted seeds; None where the hull does not exist (flat sets of seeds)."""
    from scipy.spatial import ConvexHull, QhullError

    middle = s.mean(axis=0)
    scale = max(float(np.abs(s - middle).max()), 1e-300)
    flat = (s - middle) / scale
    # of equal generators the lowest index stays
    kept = np.sort(np.unique(np.column_stack([flat, w]), axis=0, return_index=True)[1])
    lifted = np.column_stack([flat[kept], (flat[kept] ** 2).sum(axis=1) - w[kept] / scale**2])
    try:
        hull = ConvexHull(lifted)
    except QhullError:
        return None
    simplices = kept[hull.simplices[hull.equations[:, 3] < 0]]
    if len(simplices) == 0:
        return None
    i, j = np.triu_indices(simplices.shape[1], 1)
    edges = np.stack([simplices[:, i].ravel(), simplices[:, j].ravel()], axis=1)
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    return np.concatenate([edges, edges[:, ::-1]])
