"""Clean-up of grains after they were found: pieces of one label, spikes at boundaries, twins."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import Phase
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.workers import beside
from nmcstudio.crystal.quaternions import conjugate, from_axis_angle, multiply
from nmcstudio.crystal.symmetry import laue_class
from nmcstudio.imaging.grain_kernels import smooth_rows
from nmcstudio.imaging.grain_pieces import Contacts
from nmcstudio.imaging.orientation_kernels import row_chunks
from nmcstudio.imaging.slabs import slabs


def relabel(labels: NDArray[np.uint32], lookup: NDArray[np.uint32], monitor: Monitor) -> None:
    """Replace each label by its entry of `lookup` ``(max label + 1,)``, in place."""
    for part in slabs(labels.shape, monitor, "", voxels=1 << 22):
        labels[part] = lookup[labels[part]]


def ids_of_pieces(labels: NDArray[np.uint32], ids: NDArray[np.uint32], pieces: str) -> tuple[NDArray[np.uint32], int]:
    """What each connected piece is called when the grains have labels of their own.

    Parameters
    ----------
    labels
        uint32 ``[z, y, x]``, connected pieces 1, 2, ….
    ids
        uint32 ``[z, y, x]``, the grains' own labels, one in each piece.
    pieces
        As in `GrainSettings`.

    Returns
    -------
    Lookup uint32 ``(pieces + 1,)``, and the number of pieces that are not the largest of their grain.
    """
    sizes = np.bincount(labels.ravel())
    own = np.zeros(len(sizes), np.uint32)
    own[labels.ravel()] = ids.ravel()
    own[0] = 0
    order = np.lexsort((np.arange(len(sizes)), -sizes, own))
    order = order[own[order] > 0]
    smaller = order[1:][own[order[1:]] == own[order[:-1]]]
    lookup = own.copy()
    if pieces == "largest":
        lookup[smaller] = 0
    elif pieces == "split":
        lookup[np.sort(smaller)] = int(own.max(initial=0)) + 1 + np.arange(len(smaller))
    return lookup, len(smaller)


def smooth_boundaries(labels: NDArray[np.uint32], passes: int, monitor: Monitor) -> int:
    """Take away spikes and steps at boundaries, in place: as `GrainSettings.smooth_passes`. Returns the changes of all passes.

    No grain falls apart or goes; background neither grows nor shrinks.
    """
    total = 0
    for number in range(passes):
        changed = 0
        part = monitor.sub(number / passes, (number + 1) / passes)
        before = beside(labels.copy, monitor)
        for first, last in row_chunks(labels.shape, part, "smoothing boundaries"):
            changed += smooth_rows(before, labels, first, last)
        total += changed
        if not changed:
            break
    return total


def twin_partners(
    contacts: Contacts,
    orientations: NDArray[np.float64],
    group: NDArray[np.float64],
    twin: NDArray[np.float64],
    tolerance: float,
) -> NDArray[np.bool_]:
    """Which of the contacts are between grains whose orientations differ by a given rotation.

    Parameters
    ----------
    orientations
        ``(labels, 4)``, means.
    group
        Proper rotations of the crystal.
    twin
        The rotation in the crystal's frame, unit quaternion ``(4,)``.
    tolerance
        Largest deviation, radians.
    """
    # Every way to write the relation: it may be seen from either crystal, each of which has many settings.
    both = np.stack([twin, conjugate(twin)])
    ways = multiply(multiply(group[:, None, None], both[None, :, None]), group[None, None]).reshape(-1, 4)
    ways = np.unique(np.round(ways * np.where(ways[:, :1] < 0, -1, 1), 9), axis=0)
    found = np.zeros(len(contacts.pairs), bool)
    step = max(1, 4_000_000 // len(ways))
    for start in range(0, len(found), step):
        pairs = contacts.pairs[start : start + step]
        turn = multiply(orientations[pairs[:, 1]], conjugate(orientations[pairs[:, 0]]))
        nearest = np.max(np.abs(turn @ ways.T), axis=1)
        found[start : start + step] = nearest >= np.cos(tolerance / 2)
    return found


def twin_rotation(angle: float, axis: tuple[float, float, float], phase: Phase) -> NDArray[np.float64]:
    """Unit quaternion ``(4,)`` of a rotation about a direction [u v w] of the lattice, in the crystal's frame (x along a).

    Without lattice constants the axes are taken as equally long, at the angles of the Laue class.
    """
    constants = phase.lattice
    if len(constants) != 6:
        hexagonal = laue_class(phase.point_group)[:2] in ("-3", "6/")
        constants = (1.0, 1.0, 1.0, np.pi / 2, np.pi / 2, 2 * np.pi / 3 if hexagonal else np.pi / 2)
    a, b, c, alpha, beta, gamma = constants
    cx = np.cos(beta)
    cy = (np.cos(alpha) - np.cos(beta) * np.cos(gamma)) / np.sin(gamma)
    columns = np.array(
        [
            [a, b * np.cos(gamma), c * cx],
            [0.0, b * np.sin(gamma), c * cy],
            [0.0, 0.0, c * np.sqrt(max(0.0, 1 - cx**2 - cy**2))],
        ]
    )
    rotation: NDArray[np.float64] = from_axis_angle(columns @ np.asarray(axis, float), angle)
    return rotation


def parents_of(pairs: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Label of the parent of each label ``(n,)``: the largest grain that hangs together with it by `pairs` ``(m, 2)``."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    count = len(sizes)
    graph = coo_matrix((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    _, family = connected_components(graph, directed=False)
    order = np.argsort(sizes, kind="stable")
    largest = np.zeros(int(family.max(initial=0)) + 1, np.uint32)
    # Written from the smallest to the largest grain: the last one to write stays.
    largest[family[order]] = order
    return largest[family]
