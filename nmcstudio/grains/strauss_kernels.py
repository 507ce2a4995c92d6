"""Birth-death-move sampler of the Strauss process on a grid of cells (models.md 7)."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]


@njit(nogil=True, cache=True)
def _cell(point: Array, lower: Array, size: Array, shape: NDArray[np.int64]) -> int:
    i = min(int((point[0] - lower[0]) / size[0]), shape[0] - 1)
    j = min(int((point[1] - lower[1]) / size[1]), shape[1] - 1)
    k = min(int((point[2] - lower[2]) / size[2]), shape[2] - 1)
    return (i * shape[1] + j) * shape[2] + k


@njit(nogil=True, cache=True)
def _close(
    point: Array, skip: int, points: Array, head: NDArray[np.int64], link: NDArray[np.int64],
    lower: Array, size: Array, shape: NDArray[np.int64], radius: float,
) -> int:  # fmt: skip
    """Number of points other than `skip` within the radius."""
    cell = _cell(point, lower, size, shape)
    k0 = cell % shape[2]
    j0 = (cell // shape[2]) % shape[1]
    i0 = cell // (shape[2] * shape[1])
    count = 0
    for i in range(max(i0 - 1, 0), min(i0 + 2, shape[0])):
        for j in range(max(j0 - 1, 0), min(j0 + 2, shape[1])):
            for k in range(max(k0 - 1, 0), min(k0 + 2, shape[2])):
                other = head[(i * shape[1] + j) * shape[2] + k]
                while other >= 0:
                    if other != skip:
                        dx = points[other, 0] - point[0]
                        dy = points[other, 1] - point[1]
                        dz = points[other, 2] - point[2]
                        if dx * dx + dy * dy + dz * dz <= radius * radius:
                            count += 1
                    other = link[other]
    return count


@njit(nogil=True, cache=True)
def _unlink(index: int, cell: int, head: NDArray[np.int64], link: NDArray[np.int64]) -> None:
    if head[cell] == index:
        head[cell] = link[index]
        return
    at = head[cell]
    while link[at] != index:
        at = link[at]
    link[at] = link[index]


@njit(nogil=True, cache=True)
def birth_death_move(
    points: Array, count: int, head: NDArray[np.int64], link: NDArray[np.int64],
    lower: Array, edges: Array, size: Array, shape: NDArray[np.int64],
    beta: float, gamma: float, radius: float, numbers: Array,
) -> int:  # fmt: skip
    """Metropolis-Hastings proposals in place; returns the new number of points.

    Parameters
    ----------
    points
        float64 ``(capacity, 3)``, the first `count` are alive.
    head, link
        First point of each cell and next point in the same cell, -1 at the end.
    lower, edges, size, shape
        The box, its edges, edges of a cell (radius or more) and cells an axis.
    beta, gamma, radius
        Papangelou intensity beta gamma^t, t neighbours within the radius.
    numbers
        float64 ``(proposals, 6)``, uniform on [0, 1).
    """
    volume = edges[0] * edges[1] * edges[2]
    point = np.empty(3)
    for row in range(numbers.shape[0]):
        kind, choice, accept = numbers[row, 0], numbers[row, 1], numbers[row, 5]
        for a in range(3):
            point[a] = lower[a] + edges[a] * numbers[row, 2 + a]
        if kind < 1.0 / 3.0:
            if count >= points.shape[0]:
                continue
            t = _close(point, -1, points, head, link, lower, size, shape, radius)
            if accept * (count + 1) < beta * gamma**t * volume:
                points[count] = point
                cell = _cell(point, lower, size, shape)
                link[count] = head[cell]
                head[cell] = count
                count += 1
            continue
        if count == 0:
            continue
        index = min(int(choice * count), count - 1)
        t_old = _close(points[index], index, points, head, link, lower, size, shape, radius)
        cell = _cell(points[index], lower, size, shape)
        if kind < 2.0 / 3.0:
            if accept * beta * gamma**t_old * volume < count:
                _unlink(index, cell, head, link)
                last = count - 1
                if index != last:
                    last_cell = _cell(points[last], lower, size, shape)
                    _unlink(last, last_cell, head, link)
                    points[index] = points[last]
                    link[index] = head[last_cell]
                    head[last_cell] = index
                count = last
        else:
            t_new = _close(point, index, points, head, link, lower, size, shape, radius)
            if accept * gamma**t_old < gamma**t_new:
                _unlink(index, cell, head, link)
                points[index] = point
                cell = _cell(point, lower, size, shape)
                link[index] = head[cell]
                head[cell] = index
    return count
