"""The inner loop of radius functions: rays marched inwards through labels, their ends found in a smooth field (models.md 3)."""

from __future__ import annotations

import numpy as np
from numba import njit

from nmcstudio.shell.lattice_kernels import interpolate

_BISECTIONS = 12
#: How a ray's end was found.
SMOOTH, CONTACT, THIN = 0, 1, 2
#: A gap shorter than this many voxels is the staircase of the voxels and no gap.
_SHORTEST_GAP = 1.5


@njit(nogil=True, cache=True)
def _label_at(labels, centre, step, t):  # type: ignore[no-untyped-def]
    """Label of the nearest voxel, halves rounded down as in the paper (models.md 1); 0 outside of the array."""
    nz, ny, nx = labels.shape
    k = int(np.ceil(centre[0] + t * step[0] - 0.5))
    j = int(np.ceil(centre[1] + t * step[1] - 0.5))
    i = int(np.ceil(centre[2] + t * step[2] - 0.5))
    if k < 0 or j < 0 or i < 0 or k >= nz or j >= ny or i >= nx:
        return np.int64(0)
    return np.int64(labels[k, j, i])


@njit(nogil=True, cache=True)
def _share_at(labels, label, centre, step, t):  # type: ignore[no-untyped-def]
    """Trilinear share of `label` among the eight voxels around, minus one half."""
    nz, ny, nx = labels.shape
    z, y, x = centre[0] + t * step[0], centre[1] + t * step[1], centre[2] + t * step[2]
    k, j, i = int(np.floor(z)), int(np.floor(y)), int(np.floor(x))
    total = -0.5
    for c in range(2):
        for b in range(2):
            for a in range(2):
                kk, jj, ii = k + c, j + b, i + a
                if kk < 0 or jj < 0 or ii < 0 or kk >= nz or jj >= ny or ii >= nx or labels[kk, jj, ii] != label:
                    continue
                total += (1 - abs(z - kk)) * (1 - abs(y - jj)) * (1 - abs(x - ii))
    return total


@njit(nogil=True, cache=True)
def _height(values, origin, stride, level, centre, step, t):  # type: ignore[no-untyped-def]
    z, y, x = centre[0] + t * step[0], centre[1] + t * step[1], centre[2] + t * step[2]
    return interpolate(values, origin, stride, z, y, x) - level


@njit(nogil=True, cache=True)
def _smooth_end(labels, label, values, origin, stride, level, room, centre, step, voxel, edge):  # type: ignore[no-untyped-def]
    """The crossing of the field nearest to the label's end `edge`, and how it was found."""
    t = edge
    inner, outer = -1.0, -1.0
    if _height(values, origin, stride, level, centre, step, t) > 0:
        while t < edge + room * voxel:
            following = t + 0.5 * voxel
            if _height(values, origin, stride, level, centre, step, following) <= 0:
                inner, outer = t, following
                break
            other = _label_at(labels, centre, step, following)
            if other != 0 and other != label:
                break
            t = following
        if inner < 0:
            # Another particle, or something that was taken away: the labels alone say where this one ends.
            inner, outer = max(edge - 1.2 * voxel, 0.0), edge + 1.2 * voxel
            if _share_at(labels, label, centre, step, inner) <= 0 or _share_at(labels, label, centre, step, outer) > 0:
                return edge, CONTACT
            for _ in range(_BISECTIONS):
                middle = 0.5 * (inner + outer)
                if _share_at(labels, label, centre, step, middle) > 0:
                    inner = middle
                else:
                    outer = middle
            return 0.5 * (inner + outer), CONTACT
    else:
        while t > max(edge - room * voxel, 0.0):
            following = max(t - 0.5 * voxel, 0.0)
            if _height(values, origin, stride, level, centre, step, following) > 0:
                inner, outer = following, t
                break
            t = following
        if inner < 0:
            return edge, THIN
    for _ in range(_BISECTIONS):
        middle = 0.5 * (inner + outer)
        if _height(values, origin, stride, level, centre, step, middle) > 0:
            inner = middle
        else:
            outer = middle
    return 0.5 * (inner + outer), SMOOTH


@njit(nogil=True, cache=True)
def march(labels, label, box, centre, steps, values, origin, stride, level, room, radii, gaps, ends):  # type: ignore[no-untyped-def]
    """Outermost surface point on each ray, and how much of the ray's cone inside of it is not the particle.

    Parameters
    ----------
    labels, label
        Unsigned ``[z, y, x]`` and the particle's label.
    box
        int64 ``(3, 2)``, first and one past the particle's last voxel (z, y, x): where a ray leaves it, the march begins.
    centre
        float64 ``(3,)``, index (z, y, x) of the star point.
    steps
        float64 ``(m, 3)``, change of the index (z, y, x) for 1 um along each ray.
    values, origin, stride, level
        The smooth field (`Lattice`) and its value at the surface. A field without nodes: the ends are those of the voxels.
    room
        Voxels around the label's end within which the field's crossing is looked for.
    radii, gaps
        float64 ``(m,)``, written: distance of the end, um (0 where the ray meets nothing), and the integral of t^2 over the
        gaps in front of it, um^3.
    ends
        uint8 ``(m,)``, written: SMOOTH, CONTACT (the labels decided) or THIN (the field never reaches its level here).
    """
    for ray in range(len(steps)):
        step = steps[ray]
        voxel = 1.0 / max(abs(step[0]), abs(step[1]), abs(step[2]))
        radii[ray], gaps[ray], ends[ray] = 0.0, 0.0, SMOOTH
        t = np.inf
        for axis in range(3):
            if step[axis] != 0:
                side = box[axis, 1] if step[axis] > 0 else box[axis, 0] - 1
                t = min(t, (side - centre[axis]) / step[axis])
        while t > 0 and _label_at(labels, centre, step, t) != label:
            t -= 0.25 * voxel
        if t <= 0:
            continue
        inner, outer = t, t + 0.25 * voxel
        for _ in range(8):
            middle = 0.5 * (inner + outer)
            if _label_at(labels, centre, step, middle) == label:
                inner = middle
            else:
                outer = middle
        edge = 0.5 * (inner + outer)
        if values.size:
            radii[ray], ends[ray] = _smooth_end(
                labels, label, values, origin, stride, level, room, centre, step, voxel, edge
            )  # fmt: skip
        else:
            radii[ray] = edge
        begun = -1.0
        while t > 0:
            t = max(t - 0.5 * voxel, 0.0)
            if _label_at(labels, centre, step, t) == label:
                if begun - t > _SHORTEST_GAP * voxel:
                    gaps[ray] += (begun**3 - t**3) / 3
                begun = -1.0
            elif begun < 0:
                begun = t
        if begun > 0:
            gaps[ray] += begun**3 / 3
