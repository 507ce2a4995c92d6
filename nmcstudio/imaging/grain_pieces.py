"""Connected components of an orientation map, their mean orientations, and what lies between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.workers import beside
from nmcstudio.imaging.grain_kernels import contact_faces
from nmcstudio.imaging.orientation_kernels import (
    contact_rows,
    count_rows,
    enclosed_rows,
    forest,
    join_rows,
    number_rows,
    row_chunks,
    sum_rows,
)

# A point farther than this from the first mean of its grain is noise, or the other twin.
_STRAY = np.deg2rad(15.0)


def label_components(
    ids: NDArray[np.uint32],
    quaternions: NDArray[np.float32],
    group: NDArray[np.float64],
    cosine: float,
    min_voxels: int,
    monitor: Monitor,
    spared: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """Connected components (faces) of equal id and near orientation.

    Parameters
    ----------
    ids
        uint32 ``[z, y, x]``, 0 is none.
    quaternions
        float32 ``[z, y, x, 4]``.
    group
        Proper rotations of the crystal.
    cosine
        Of half the largest disorientation between neighbours; negative to join by id alone.
    min_voxels
        Smaller components get 0.
    spared
        bool ``[z, y, x]`` or None: components with a voxel here stay, however small.

    Returns
    -------
    Labels uint32 ``[z, y, x]`` in the order of the first voxel, and where the components lie that are too small but touch
    grains with half of their faces or more: noise inside the grains, as against noise in the background.
    """
    shape = ids.shape
    parent = beside(partial(forest, ids.size), monitor)
    for first, last in row_chunks(shape, monitor.sub(0.0, 0.7), "joining voxels to grains"):
        join_rows(parent, ids, quaternions, group, cosine, first, last)
    counts = np.zeros(ids.size, parent.dtype)
    for first, last in row_chunks(shape, monitor.sub(0.7, 0.8)):
        count_rows(parent, counts, ids, first, last)
    if spared is not None:
        roots = beside(lambda: np.unique(parent[np.flatnonzero(spared & (ids > 0))]), monitor)
        counts[roots] = np.maximum(counts[roots], min_voxels)
    labels = np.zeros(shape, np.uint32)
    numbers = np.zeros(ids.size, np.uint32)
    following = 1
    for first, last in row_chunks(shape, monitor.sub(0.8, 0.9)):
        following = number_rows(parent, counts, ids, labels, numbers, min_voxels, following, first, last)
    balance = np.zeros(ids.size, np.int32)
    for first, last in row_chunks(shape, monitor.sub(0.9, 0.96)):
        contact_rows(parent, counts, ids, labels, balance, min_voxels, first, last)
    enclosed = np.zeros(shape, bool)
    for first, last in row_chunks(shape, monitor.sub(0.96, 1.0)):
        enclosed_rows(parent, counts, ids, balance, enclosed, min_voxels, first, last)
    return labels, enclosed


def border_points(observed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Points at the border of the volume (not along axes with one voxel) or with a face against something not observed."""
    found = np.zeros(observed.shape, bool)
    for axis in range(3):
        if observed.shape[axis] == 1:
            continue
        one, two = [slice(None)] * 3, [slice(None)] * 3
        one[axis], two[axis] = slice(1, None), slice(None, -1)
        found[tuple(one)] |= ~observed[tuple(two)]
        found[tuple(two)] |= ~observed[tuple(one)]
        ends = [slice(None)] * 3
        for end in (0, -1):
            ends[axis] = end  # type: ignore[call-overload]
            found[tuple(ends)] = True
    return found


def grain_orientations(
    labels: NDArray[np.uint32],
    quaternions: NDArray[np.float32],
    indexed: NDArray[np.uint32],
    group: NDArray[np.float64],
    monitor: Monitor,
) -> NDArray[np.float64]:
    """Mean orientation of each label, over its indexed voxels and reduced by the crystal's symmetry (models.md 14).

    Voxels that differ by more than 15 degrees from a first mean are left out: noise that was filled, or the smaller twins.

    Parameters
    ----------
    labels
        uint32 ``[z, y, x]``.
    quaternions
        float32 ``[z, y, x, 4]``.
    indexed
        uint32 ``[z, y, x]``, 0 where an orientation does not count.
    group
        Proper rotations of the crystal.

    Returns
    -------
    float64 ``(max label + 1, 4)``, w not negative; NaN for row 0 and labels without an orientation.
    """
    reference = np.full((int(labels.max(initial=0)) + 1, 4), np.nan)
    for number, least in enumerate((0.0, 0.0, float(np.cos(_STRAY / 2)))):
        sums = np.zeros_like(reference)
        for first, last in row_chunks(labels.shape, monitor.sub(number / 3, (number + 1) / 3), "mean orientations"):
            sum_rows(labels, quaternions, indexed, group, reference, sums, least, first, last)
        length = np.linalg.norm(sums, axis=1, keepdims=True)
        # Where all voxels stray (two halves far apart), the mean of all stands.
        reference = np.divide(sums, length, out=reference.copy(), where=length > 0)
    return np.where(reference[:, :1] < 0, -reference, reference)


@dataclass(frozen=True)
class Contacts:
    """Pairs of labels that share faces.

    Attributes
    ----------
    pairs
        int64 ``(m, 2)``, smaller label first, ascending.
    angles
        float64 ``(m,)``, smallest disorientation across their faces, radians.
    faces
        int64 ``(m,)``, number of their faces.
    """

    pairs: NDArray[np.int64]
    angles: NDArray[np.float64]
    faces: NDArray[np.int64]


def find_contacts(
    labels: NDArray[np.uint32], quaternions: NDArray[np.float32], group: NDArray[np.float64], monitor: Monitor
) -> Contacts:
    """Which labels share faces, and how different the orientations across them are at least."""
    held = (np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.int64))
    new: list[_Faces] = []
    room: tuple[NDArray[Any], NDArray[Any]] | None = None
    for first, last in row_chunks(labels.shape, monitor, "looking at contacts"):
        if room is None:
            size = 3 * (last - first) * labels.shape[2]
            room = np.empty(size, np.int64), np.empty(size, np.float32)
        size = contact_faces(labels, quaternions, group, first, last, *room)
        new.append(_reduced((room[0][:size], room[1][:size], np.ones(size, np.int64))))
        if sum(len(each[0]) for each in new) > len(held[0]) + 500_000:
            held, new = beside(partial(_reduced, held, *new), monitor), []
    key, cosine, count = beside(partial(_reduced, held, *new), monitor)
    pairs = np.stack([key >> 32, key & 0xFFFFFFFF], axis=1)
    angles = 2 * np.arccos(np.minimum(cosine.astype(np.float64), 1.0))
    return Contacts(pairs, angles, count)


_Faces = tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]


def _reduced(*parts: _Faces) -> _Faces:
    """Each key once, with its largest cosine and the sum of its counts."""
    keys, cosines, counts = (np.concatenate(each) for each in zip(*parts))
    if not len(keys):
        return keys, cosines, counts
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    return ordered[starts], np.maximum.reduceat(cosines[order], starts), np.add.reduceat(counts[order], starts)
