"""Exact cells of a tessellation as files: polyhedra with their numbers (VTU), or their walls as triangles (PLY)."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.meshes import PolyhedralCells, SurfaceMesh
from nmcstudio.io.files import replacing

_CLOSE = 1e-9  # of the size of everything: corners of neighbouring cells that are one point
_POLYHEDRON = 42  # VTK_POLYHEDRON
_TYPES = {"float64": "Float64", "int64": "Int64", "uint8": "UInt8"}
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
    """The XML format of version 1.0, with the faces of each polyhedron in one stream.

    VTK 9.4 and later write version 2.3, whose polyhedra older ParaViews do not know; all of them read this one.
    """
    points, point_of = joined_corners(cells)
    full = np.flatnonzero(cells.volumes_um3 > 0)
    rank = np.searchsorted(full, cells.faces[:, 0])
    sizes = np.diff(cells.starts)
    # Each cell is its count of faces, each face its count of corners and these: so many numbers stand before a face.
    before = rank + 1 + np.arange(len(rank)) + cells.starts[:-1]
    counts = np.bincount(rank, minlength=len(full))
    stream = np.empty(len(full) + len(rank) + len(point_of), np.int64)
    stream[before[np.cumsum(counts) - counts] - 1] = counts
    stream[before] = sizes
    stream[np.repeat(before - cells.starts[:-1], sizes) + 1 + np.arange(len(point_of))] = point_of
    corners = np.unique(np.repeat(rank, sizes) * len(points) + point_of)
    arrays: dict[str, dict[str, NDArray[Any]]] = {
        "Points": {"Points": points},
        "Cells": {
            "connectivity": corners % len(points),
            "offsets": np.cumsum(np.bincount(corners // len(points), minlength=len(full))),
            "types": np.full(len(full), _POLYHEDRON, np.uint8),
            "faces": stream,
            "faceoffsets": np.cumsum(counts + np.bincount(rank, sizes, len(full)).astype(np.int64) + 1),
        },
        "CellData": {
            "label": labels[full], "volume_um3": cells.volumes_um3[full], "surface_um2": cells.surfaces_um2[full],
            "neighbours": cells.neighbours[full], "touches_window": cells.touches_window[full].astype(np.uint8),
        },
    }  # fmt: skip
    with path.open("w", encoding="ascii") as file:
        file.write('<?xml version="1.0"?>\n<VTKFile type="UnstructuredGrid" version="1.0" byte_order="LittleEndian" ')
        file.write('header_type="UInt64" compressor="vtkZLibDataCompressor">\n<UnstructuredGrid>\n<FieldData>\n')
        file.write(_array("metres_per_length_unit", np.array([1e-6]), 'NumberOfTuples="1" '))
        file.write(f'</FieldData>\n<Piece NumberOfPoints="{len(points)}" NumberOfCells="{len(full)}">\n')
        for place, named in arrays.items():
            file.write(f'<{place} Scalars="label">\n' if place == "CellData" else f"<{place}>\n")
            file.writelines(_array(name, values) for name, values in named.items())
            file.write(f"</{place}>\n")
        file.write("</Piece>\n</UnstructuredGrid>\n</VTKFile>\n")


def _array(name: str, values: NDArray[Any], more: str = "") -> str:
    """One array as text: a block of zlib, whose header is the number of blocks, the size of one, 0, and its packed size."""
    plain = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()
    packed = zlib.compress(plain, 4)
    header = np.array([1, len(plain), 0, len(packed)], "<u8").tobytes()
    components = f'NumberOfComponents="{values.shape[1]}" ' if values.ndim == 2 else ""
    text = base64.b64encode(header).decode() + base64.b64encode(packed).decode()
    return f'<DataArray type="{_TYPES[values.dtype.name]}" Name="{name}" {components}{more}format="binary">{text}</DataArray>\n'
