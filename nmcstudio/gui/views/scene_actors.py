"""From plain surfaces to what VTK draws: visible walls, their colours, the cap of a cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.meshes import SurfaceMesh
from nmcstudio.gui.views.colours import SELECTED, label_table, map_table
from nmcstudio.gui.views.contents import Layer, Surfaces


@dataclass(frozen=True)
class Skin:
    """Triangles that are seen and the label each belongs to; `rows` are their numbers in the whole mesh."""

    triangles: NDArray[np.int64]
    labels: NDArray[np.int64]
    rows: NDArray[np.int64]


@dataclass(frozen=True)
class Drawn:
    """What a view needs of a mesh, made in a worker: only the points that its skin uses.

    Attributes
    ----------
    mesh, hidden
        What it was made of, and the labels that are not shown.
    skin
        The visible triangles of `mesh`, with their labels.
    points, triangles
        float32 ``(n, 3)`` in um, and the same triangles counted in them.
    normals
        float32 ``(n, 3)`` for smooth shading, or None.
    """

    mesh: SurfaceMesh
    hidden: frozenset[int]
    skin: Skin
    points: NDArray[np.float32]
    triangles: NDArray[np.int64]
    normals: NDArray[np.float32] | None


def draw_ready(mesh: SurfaceMesh, hidden: frozenset[int], smooth: bool) -> Drawn:
    """Prepare a mesh for a view, without the walls of what is hidden; `smooth` shades across its edges."""
    skin = skin_of(mesh, hidden)
    used = np.zeros(len(mesh.points_um), bool)
    used[skin.triangles] = True
    points = mesh.points_um[used]
    triangles = (np.cumsum(used) - 1)[skin.triangles].reshape(-1, 3)
    normals = vertex_normals(points, triangles) if smooth and len(triangles) else None
    return Drawn(mesh, hidden, skin, points.astype(np.float32), triangles, normals)


def labels_of(mesh: SurfaceMesh) -> NDArray[np.int64]:
    """All labels of a mesh, ascending, without 0."""
    found = np.unique(mesh.sides)
    return found[found > 0].astype(np.int64)


def skin_of(mesh: SurfaceMesh, hidden: frozenset[int], inner: bool = False) -> Skin:
    """The walls between what is shown and what is not: the outer skin, and the faces that hidden grains lay bare.

    With `inner` the walls between two shown grains are there as well.
    """
    if len(mesh.triangles) == 0:
        empty = np.zeros(0, np.int64)
        return Skin(mesh.triangles, empty, empty)
    shown = np.ones(int(mesh.sides.max()) + 1, bool)
    shown[0] = False
    shown[[label for label in hidden if 0 < label < len(shown)]] = False
    behind, front = shown[mesh.sides[:, 0]], shown[mesh.sides[:, 1]]
    keep = (behind | front) if inner else (behind != front)
    rows = np.flatnonzero(keep)
    labels = np.where(behind[rows], mesh.sides[rows, 0], mesh.sides[rows, 1]).astype(np.int64)
    return Skin(mesh.triangles[rows], labels, rows)


def colour_table(surfaces: Surfaces, name: str, largest: int) -> NDArray[np.uint8]:
    """RGB ``(largest + 1, 3)`` of the labels under a colouring; labels that it does not know are grey."""
    known = surfaces.colours.get(name)
    if known is None:
        return label_table(largest)[: largest + 1, :3]
    table = np.full((largest + 1, 3), 160, np.uint8)
    count = min(len(known), largest + 1)
    table[:count] = known[:count]
    return table


def face_colours(surfaces: Surfaces, skin: Skin, name: str, selected: tuple[int, ...]) -> NDArray[np.uint8]:
    """RGB of each triangle of a skin: by label, or by a value of the triangles; what is selected stands out."""
    largest = int(skin.labels.max(initial=0))
    chosen = np.zeros(largest + 1, bool)
    chosen[[label for label in selected if label <= largest]] = True
    if name in surfaces.scalars:
        values = surfaces.scalars[name][skin.rows]
        colours = map_table("viridis")[np.clip(255 * values, 0, 255).astype(np.uint8)]
        return _set_off(colours, chosen[skin.labels]) if selected else colours
    table = colour_table(surfaces, name, largest)
    # Labels are few, triangles many.
    coloured: NDArray[np.uint8] = np.take(_set_off(table, chosen) if selected else table, skin.labels, axis=0)
    return coloured


def _set_off(colours: NDArray[np.uint8], chosen: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """What is chosen in the colour of a selection, the rest paler."""
    out = np.empty_like(colours)
    out[~chosen] = (0.55 * colours[~chosen] + 0.45 * 128).astype(np.uint8)
    out[chosen] = (0.25 * colours[chosen] + 0.75 * np.array(SELECTED)).astype(np.uint8)
    return out


def cap_of(layer: Layer, axis: int, position_um: float, hidden: frozenset[int]) -> tuple[NDArray, NDArray, NDArray] | None:
    """The labels on a cut: points ``(n, 3)`` (x, y, z), quadrilaterals ``(k, 4)`` and their labels; None outside.

    `axis` counts z, y, x.
    """
    index = int(np.floor((position_um - layer.origin_um[axis]) / layer.spacing_um[axis] + 0.5))
    if not 0 <= index < layer.values.shape[axis]:
        return None
    labels = layer.values[(slice(None),) * axis + (index,)]
    keep = labels > 0
    if hidden:
        keep &= ~np.isin(labels, list(hidden))
    rows, columns = np.nonzero(keep)
    if len(rows) == 0:
        return None
    first, second = (other for other in range(3) if other != axis)
    width = labels.shape[1] + 1
    corner = rows * width + columns
    quads = np.stack([corner, corner + 1, corner + width + 1, corner + width], axis=1)
    used, local = np.unique(quads, return_inverse=True)
    points = np.empty((len(used), 3))
    points[:, 2 - axis] = position_um
    points[:, 2 - first] = layer.origin_um[first] + (used // width - 0.5) * layer.spacing_um[first]
    points[:, 2 - second] = layer.origin_um[second] + (used % width - 0.5) * layer.spacing_um[second]
    return points, local.reshape(-1, 4), labels[rows, columns].astype(np.int64)


def vertex_normals(points: NDArray[np.float64], triangles: NDArray[np.int64]) -> NDArray[np.float32]:
    """Mean of the faces' normals at each point, weighted by area: smooth shading without VTK's filter."""
    a, b, c = points[triangles[:, 0]], points[triangles[:, 1]], points[triangles[:, 2]]
    normals = np.cross(b - a, c - a)
    total = np.empty((len(points), 3))
    for axis in range(3):
        weights = np.repeat(normals[:, axis], 3)
        total[:, axis] = np.bincount(triangles.ravel(), weights, len(points))
    lengths = np.linalg.norm(total, axis=1, keepdims=True)
    return (total / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
