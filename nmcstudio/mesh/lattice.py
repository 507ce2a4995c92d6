"""Body-centred cubic lattice of tetrahedra, addressed without being stored.

Two body centres whose cubes share a face make, with each edge of that face, one tetrahedron: 12 a cube, all alike, with dihedral
angles of 60 and 90 degrees only. A tetrahedron is known by its kind (0 to 11: 4 times the axis of the shared face plus the
number of the edge) and the cube (z, y, x) below the face.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

# mean edge of a tetrahedron, in edges of the cube: two of length 1 and four of length sqrt(3)/2
MEAN_EDGE = (2.0 + 4.0 * np.sqrt(0.75)) / 6.0


@dataclass(frozen=True)
class Lattice:
    """A box of cubes: `shape` (z, y, x) of them with edge `cube_um`, the lower corner `lower_um` as (x, y, z)."""

    lower_um: NDArray[np.float64]
    cube_um: float
    shape: tuple[int, int, int]

    def corners(self, kinds: NDArray[np.int64], cubes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Point numbers ``(n, 4)`` of tetrahedra of ``kinds (n,)`` at ``cubes (n, 3)``, positively oriented."""
        steps, body = _corner_table()
        corner_shape = tuple(n + 1 for n in self.shape)
        bodies = int(np.prod(corner_shape))
        at = cubes[:, None, :] + steps[kinds]
        number = np.empty((len(kinds), 4), np.int64)
        for column in range(4):
            z, y, x = at[:, column].T
            if body[column]:
                number[:, column] = bodies + (z * self.shape[1] + y) * self.shape[2] + x
            else:
                number[:, column] = (z * corner_shape[1] + y) * corner_shape[2] + x
        return number

    def point_positions(self, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
        """Positions ``(n, 3)`` as (x, y, z) in um of points by number."""
        corner_shape = tuple(n + 1 for n in self.shape)
        bodies = int(np.prod(corner_shape))
        is_body = numbers >= bodies
        index = np.empty((len(numbers), 3))
        index[~is_body] = np.stack(np.unravel_index(numbers[~is_body], corner_shape), axis=1)
        index[is_body] = np.stack(np.unravel_index(numbers[is_body] - bodies, self.shape), axis=1) + 0.5
        return index[:, ::-1] * self.cube_um + self.lower_um


@cache
def _corner_table() -> tuple[NDArray[np.int64], tuple[bool, ...]]:
    """Steps ``(12, 4, 3)`` (z, y, x) from the cube to the four corners of each kind; the first two are body centres."""
    steps = np.zeros((12, 4, 3), np.int64)
    for axis in range(3):
        across = [a for a in range(3) if a != axis]
        ring = []
        for u, v in ((0, 0), (1, 0), (1, 1), (0, 1)):
            corner = np.zeros(3, np.int64)
            corner[axis], corner[across[0]], corner[across[1]] = 1, u, v
            ring.append(corner)
        for edge in range(4):
            upper = np.zeros(3, np.int64)
            upper[axis] = 1
            four = np.stack([np.zeros(3, np.int64), upper, ring[edge], ring[(edge + 1) % 4]])
            place = four.astype(float)
            place[:2] += 0.5
            place = place[:, ::-1]
            if np.linalg.det(place[1:] - place[0]) < 0:
                four[[2, 3]] = four[[3, 2]]
            steps[4 * axis + edge] = four
    return steps, (True, True, False, False)


@cache
def neighbour_table() -> NDArray[np.int64]:
    """For each kind the four neighbours across its faces, ``(12, 4, 4)``: kind and step (z, y, x) of the cube."""
    steps, _ = _corner_table()
    offsets = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    faces: dict[frozenset[tuple[int, ...]], list[tuple[int, tuple[int, ...]]]] = {}
    for kind in range(12):
        for offset in offsets:
            corners = [(int(c < 2), *(steps[kind, c] + offset)) for c in range(4)]
            for skip in range(4):
                face = frozenset(tuple(int(v) for v in corners[c]) for c in range(4) if c != skip)
                faces.setdefault(face, []).append((kind, tuple(int(v) for v in offset)))
    table = np.zeros((12, 4, 4), np.int64)
    for kind in range(12):
        corners = [(int(c < 2), *(int(v) for v in steps[kind, c])) for c in range(4)]
        for skip in range(4):
            face = frozenset(corners[c] for c in range(4) if c != skip)
            other = next(entry for entry in faces[face] if entry != (kind, (0, 0, 0)))
            table[kind, skip] = (other[0], *other[1])
    return table


def corner_positions() -> NDArray[np.float64]:
    """Corners ``(12, 4, 3)`` (x, y, z) of each kind relative to its cube's lower corner, in cube edges."""
    steps, body = _corner_table()
    return (steps + 0.5 * np.asarray(body)[None, :, None])[:, :, ::-1].astype(np.float64)


def sample_points() -> NDArray[np.float64]:
    """Barycentric coordinates ``(11, 4)`` of the points inside a tetrahedron that vote for its label."""
    points = [np.full(4, 0.25)]
    for first in range(4):
        points.append(np.where(np.arange(4) == first, 0.61, 0.13))
        for second in range(first):
            points.append(np.where((np.arange(4) == first) | (np.arange(4) == second), 0.38, 0.12))
    return np.asarray(points)


@njit(nogil=True, cache=True)
def vote_labels(labels, spacing, start, samples, cube_um, votes, first, last):  # type: ignore[no-untyped-def]
    """Label of each tetrahedron of cubes ``first <= z < last``: the commonest of its sample points, the middle one on ties.

    `samples` are positions ``(12, s, 3)`` (x, y, z) in um from the cube's lower corner, `start` is the position (z, y, x) of the
    lattice's lower corner from the lower corner of the label volume, `votes` the labels ``[12, z, y, x]`` that are filled.
    """
    _, nz, ny, nx = votes.shape
    lz, ly, lx = labels.shape
    s = samples.shape[1]
    seen = np.empty(s, np.int64)
    for kind in range(12):
        axis = kind // 4
        for z in range(first, min(last, nz - (axis == 0))):
            for y in range(ny - (axis == 1)):
                for x in range(nx - (axis == 2)):
                    for p in range(s):
                        k = int(np.floor((start[0] + z * cube_um + samples[kind, p, 2]) / spacing[0]))
                        j = int(np.floor((start[1] + y * cube_um + samples[kind, p, 1]) / spacing[1]))
                        i = int(np.floor((start[2] + x * cube_um + samples[kind, p, 0]) / spacing[2]))
                        inside = 0 <= k < lz and 0 <= j < ly and 0 <= i < lx
                        seen[p] = labels[k, j, i] if inside else 0
                    best = seen[0]
                    most = 0
                    for p in range(s):
                        n = 0
                        for q in range(s):
                            n += seen[q] == seen[p]
                        if n > most:
                            most = n
                            best = seen[p]
                    votes[kind, z, y, x] = best


@njit(nogil=True, cache=True)
def clean_labels(votes, table, first, last):  # type: ignore[no-untyped-def]
    """Give each tetrahedron that shares three faces or four with one other label that label; returns the number of changes."""
    _, nz, ny, nx = votes.shape
    changes = 0
    near = np.empty(4, np.int64)
    for z in range(max(first, 1), min(last, nz - 1)):
        for y in range(1, ny - 1):
            for x in range(1, nx - 1):
                for kind in range(12):
                    own = votes[kind, z, y, x]
                    for f in range(4):
                        t = table[kind, f]
                        near[f] = votes[t[0], z + t[1], y + t[2], x + t[3]]
                    for f in range(2):
                        if near[f] != own:
                            n = 0
                            for g in range(4):
                                n += near[g] == near[f]
                            if n >= 3:
                                votes[kind, z, y, x] = near[f]
                                changes += 1
                                break
    return changes
