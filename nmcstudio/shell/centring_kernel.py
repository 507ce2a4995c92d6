"""One shell seen from another point: the harmonics summed at any direction, inside the iteration that needs them."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def _radius(x, y, z, coefficients, degree, lift, back):  # type: ignore[no-untyped-def]
    """The harmonics' sum at a unit vector, by the recursions of `nmcstudio.shell.harmonics.compute_harmonics`."""
    total = 0.0
    ring_cos, ring_sin = 1.0, 0.0
    diagonal = np.sqrt(1 / (4 * np.pi))
    for m in range(degree + 1):
        if m:
            ring_cos, ring_sin = ring_cos * x - ring_sin * y, ring_cos * y + ring_sin * x
            diagonal *= np.sqrt((2 * m + 1) / (2 * m))
        before, current = 0.0, diagonal
        cosine, sine = 0.0, 0.0
        for l in range(m, degree + 1):  # noqa: E741
            if l > m:
                before, current = current, lift[l, m] * (z * current - back[l, m] * before)
            cosine += current * coefficients[l * l + l + m]
            if m:
                sine += current * coefficients[l * l + l - m]
        part = ring_cos * cosine + ring_sin * sine
        total += part * np.sqrt(2.0) if m else part
    return total


@njit(nogil=True, cache=True)
def see_from(shift, directions, coefficients, degree, lift, back, tolerance, radii):  # type: ignore[no-untyped-def]
    """Radii of a shell from the point `shift`; False if the iteration does not settle in some direction.

    Parameters
    ----------
    shift
        float64 ``(3,)``, um.
    directions
        float64 ``(m, 3)``.
    coefficients
        float64 ``((degree + 1)^2,)``, um.
    lift, back
        float64 ``(degree + 1, degree + 1)``, factors of the recursion by degree and order.
    tolerance
        Last step, um.
    radii
        float64 ``(m,)``: the radii from the origin, replaced by those from `shift`.
    """
    for row in range(len(directions)):
        u = directions[row]
        t = radii[row] - (shift[0] * u[0] + shift[1] * u[1] + shift[2] * u[2])
        settled = False
        for _ in range(60):
            x, y, z = shift[0] + t * u[0], shift[1] + t * u[1], shift[2] + t * u[2]
            length = np.sqrt(x * x + y * y + z * z)
            step = _radius(x / length, y / length, z / length, coefficients, degree, lift, back) - length
            t += step
            if abs(step) < tolerance:
                settled = True
                break
        if not settled:
            return False
        radii[row] = t
    return True
