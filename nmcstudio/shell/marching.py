"""The inner loop of radius functions: rays marched inwards through a sampled field (models.md 3)."""

from __future__ import annotations

import numpy as np
from numba import njit

_OUTSIDE = -1.0
_BISECTIONS = 10


@njit(nogil=True, cache=True)
def _linear(field, z, y, x):  # type: ignore[no-untyped-def]
    """Trilinear value at a fractional index; outside of the array nothing belongs to the particle."""
    nz, ny, nx = field.shape
    if z < 0 or y < 0 or x < 0 or z >= nz - 1 or y >= ny - 1 or x >= nx - 1:
        return _OUTSIDE
    # Unsigned indices spare numba the test for negative ones at each of the eight values.
    k, j, i = np.uint64(z), np.uint64(y), np.uint64(x)
    one = np.uint64(1)
    c, b, a = z - k, y - j, x - i
    k1, j1, i1 = k + one, j + one, i + one
    low = (field[k, j, i] * (1 - a) + field[k, j, i1] * a) * (1 - b) + (field[k, j1, i] * (1 - a) + field[k, j1, i1] * a) * b
    high = (field[k1, j, i] * (1 - a) + field[k1, j, i1] * a) * (1 - b) + (field[k1, j1, i] * (1 - a) + field[k1, j1, i1] * a) * b
    return low * (1 - c) + high * c


@njit(nogil=True, cache=True)
def _nearest(field, z, y, x):  # type: ignore[no-untyped-def]
    """Value of the nearest voxel, halves rounded down as in the paper (models.md 1)."""
    nz, ny, nx = field.shape
    k, j, i = int(np.ceil(z - 0.5)), int(np.ceil(y - 0.5)), int(np.ceil(x - 0.5))
    if k < 0 or j < 0 or i < 0 or k >= nz or j >= ny or i >= nx:
        return _OUTSIDE
    return field[k, j, i]


@njit(nogil=True, cache=True)
def _inside(field, centre, step, t, linear):  # type: ignore[no-untyped-def]
    z, y, x = centre[0] + t * step[0], centre[1] + t * step[1], centre[2] + t * step[2]
    return (_linear(field, z, y, x) if linear else _nearest(field, z, y, x)) > 0


@njit(nogil=True, cache=True)
def _crossing(field, centre, step, inner, outer, is_inside, linear):  # type: ignore[no-untyped-def]
    """Bisect the change between `inner` and `outer`; `is_inside` tells the side at `inner`."""
    for _ in range(_BISECTIONS):
        middle = 0.5 * (inner + outer)
        if _inside(field, centre, step, middle, linear) == is_inside:
            inner = middle
        else:
            outer = middle
    return 0.5 * (inner + outer)


@njit(nogil=True, cache=True)
def march(field, centre, steps, reach, stride, linear, radii, volumes):  # type: ignore[no-untyped-def]
    """Outermost crossing of zero along each ray, and how much of the ray's cone lies inside.

    Parameters
    ----------
    field
        float32 ``[z, y, x]``, positive inside.
    centre
        float64 ``(3,)``, index (z, y, x) of the star point.
    steps
        float64 ``(m, 3)``, change of the index (z, y, x) for 1 um along each ray.
    reach, stride
        Start and step of the march, um; the step is twice as large inside.
    linear
        Trilinear interpolation, else the nearest voxel.
    radii, volumes
        float64 ``(m,)``, written: distance of the crossing, um (0 where the ray meets nothing), and the integral of t^2
        over the inside part of the ray, um^3.
    """
    for ray in range(len(steps)):
        step = steps[ray]
        radii[ray] = 0.0
        volumes[ray] = 0.0
        was_inside = False
        end = 0.0
        t, before = reach, reach + stride
        while True:
            now = _inside(field, centre, step, t, linear)
            if now != was_inside:
                edge = _crossing(field, centre, step, t, before, now, linear)
                if now:
                    end = edge
                    if radii[ray] == 0.0:
                        radii[ray] = edge
                else:
                    volumes[ray] += (end**3 - edge**3) / 3
                was_inside = now
            if t <= 0.0:
                break
            before = t
            # Within the particle only gaps are looked for, and those matter by their volume.
            t = max(0.0, t - (2 * stride if now else stride))
        if was_inside:
            volumes[ray] += end**3 / 3
