"""Disorientations: angle and axis between neighbours, and the law of their angle for random orientations (Mackenzie's)."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.crystal.quaternions import conjugate, multiply, random_orientations
from nmcstudio.crystal.symmetry import disorientation_angles, laue_class, operators

Array = NDArray[np.float64]

# Boundaries below are called low-angle ones.
LOW_ANGLE = np.deg2rad(15.0)
_DRAWN = 400_000  # uniform orientations behind the law for random ones


def disorientation_axes(first: ArrayLike, second: ArrayLike, point_group: str) -> Array:
    """Axis of the smallest rotation between orientations ``(..., 4)``, in the crystal frame: unit vectors ``(..., 3)``.

    One of the equivalent axes; NaN where the orientations are equal or one is NaN.
    """
    between = multiply(second, conjugate(first))
    equivalents = multiply(operators(point_group), between[..., None, :])
    best = np.argmax(np.abs(equivalents[..., 0]), axis=-1)[..., None, None]
    axis = np.take_along_axis(equivalents, best, axis=-2)[..., 0, 1:]
    length = np.linalg.norm(axis, axis=-1, keepdims=True)
    return np.divide(axis, length, out=np.full_like(axis, np.nan), where=length > 1e-12)


@cache
def random_angles(point_group: str) -> Array:
    """Disorientation angles of uniform orientations under a Laue class: a large sorted sample in radians, read-only.

    The misorientation of two independent uniform orientations is uniform itself: one draw gives one angle. The sample is fixed.
    """
    laue = laue_class(point_group)
    if laue != point_group:
        return random_angles(laue)
    drawn = random_orientations(_DRAWN, np.random.default_rng(1958))
    angles = np.sort(disorientation_angles(np.array([1.0, 0.0, 0.0, 0.0]), drawn, laue))
    angles.flags.writeable = False
    return angles


def random_density(edges: ArrayLike, point_group: str) -> Array:
    """Density per radian of `random_angles` in bins ``(n + 1,)`` of angles in radians."""
    bins = np.asarray(edges, dtype=float)
    angles = random_angles(point_group)
    return np.diff(np.searchsorted(angles, bins)) / (len(angles) * np.diff(bins))


def pair_angles(
    first: ArrayLike, first_phase: NDArray[np.uint8], second: ArrayLike, second_phase: NDArray[np.uint8], groups: tuple[str, ...]
) -> NDArray[np.float32]:
    """Disorientation of neighbours, radians ``(...)``.

    Parameters
    ----------
    first, second
        Orientations ``(..., 4)``.
    first_phase, second_phase
        ``(...)``, 1-based phase, 0 where not indexed.
    groups
        Point group of each phase.

    Returns
    -------
    float32; NaN where one is not indexed, pi between different phases.
    """
    a, b = np.asarray(first), np.asarray(second)
    known = (first_phase > 0) & (second_phase > 0)
    found = np.where(known, np.float32(np.pi), np.float32(np.nan))
    for number, group in enumerate(groups, start=1):
        here = known & (first_phase == number) & (second_phase == number)
        if here.any():
            found[here] = disorientation_angles(a[here], b[here], group)
    return found


def plane_steps(stack: EbsdStack, axis: int, index: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Disorientation from each point of a plane to the next one, radians.

    Parameters
    ----------
    stack
        The map.
    axis, index
        The plane normal to this array axis.

    Returns
    -------
    ``[rows - 1, columns]`` and ``[rows, columns - 1]``; values as in `pair_angles`.
    """
    at = (slice(None),) * axis + (index,)
    q, phase = stack.quaternions[at], stack.phase[at]
    groups = tuple(each.point_group for each in stack.phases)
    return (
        pair_angles(q[:-1], phase[:-1], q[1:], phase[1:], groups),
        pair_angles(q[:, :-1], phase[:, :-1], q[:, 1:], phase[:, 1:], groups),
    )


def kernel_average(stack: EbsdStack, axis: int, index: int, limit: float) -> NDArray[np.float32]:
    """Kernel average misorientation on a plane: mean disorientation to the face neighbours, those out of the plane too.

    Parameters
    ----------
    stack, axis, index
        As in `plane_steps`.
    limit
        Radians; neighbours beyond belong to another grain and are left out.

    Returns
    -------
    float32 ``[rows, columns]``, radians; NaN where no neighbour counts.
    """
    down, right = plane_steps(stack, axis, index)
    total = np.zeros((down.shape[0] + 1, right.shape[1] + 1), np.float32)
    count = np.zeros(total.shape, np.int8)
    groups = tuple(each.point_group for each in stack.phases)

    def add(where: tuple[slice, ...], angles: NDArray[np.float32]) -> None:
        counts = angles <= limit
        total[where] += np.where(counts, angles, 0)
        count[where] += counts

    head, tail, full = slice(None, -1), slice(1, None), slice(None)
    for where, angles in (((head, full), down), ((tail, full), down), ((full, head), right), ((full, tail), right)):
        add(where, angles)
    here = (slice(None),) * axis + (index,)
    for other in (index - 1, index + 1):
        if 0 <= other < stack.shape[axis]:
            there = (slice(None),) * axis + (other,)
            angles = pair_angles(
                stack.quaternions[here], stack.phase[here], stack.quaternions[there], stack.phase[there], groups
            )  # fmt: skip
            add((full, full), angles)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
