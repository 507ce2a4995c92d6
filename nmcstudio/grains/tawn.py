"""Tawn copula of u1 = F_W(weight) and u2 = F_D0(nearest-neighbour distance) ([A] Eqs 41, 42; models.md 9.2).

With x = -log u1 and y = -log u2 the copula is C = exp(-ell(x, y)),
ell = (1 - psi2) x + (1 - psi1) y + ((psi2 x)^kappa + (psi1 y)^kappa)^(1 / kappa).
psi2 belongs to the weight, psi1 to the distance; kappa >= 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from nmcstudio.core.grains import Law

Array = NDArray[np.float64]
_REACH = 40.0  # of the logit of u1: 4e-18
_STEPS = 80  # at most; bisection alone would need 60


@njit(nogil=True, cache=True)
def _parts(x: float, y: float, kappa: float, psi1: float, psi2: float) -> tuple[float, float, float, float]:
    """ell and its derivatives by x, y and both; the powers are of ratios, so that nothing overflows."""
    a = psi2 * x
    b = psi1 * y
    top = max(a, b)
    if top <= 0.0:
        return (1 - psi2) * x + (1 - psi1) * y, 1 - psi2, 1 - psi1, 0.0
    q = top * ((a / top) ** kappa + (b / top) ** kappa) ** (1.0 / kappa)
    ra = (a / q) ** (kappa - 1.0)
    rb = (b / q) ** (kappa - 1.0)
    ell = (1 - psi2) * x + (1 - psi1) * y + q
    return ell, 1 - psi2 + psi2 * ra, 1 - psi1 + psi1 * rb, -(kappa - 1.0) * psi1 * psi2 * ra * rb / q


@njit(nogil=True, cache=True)
def _cdf(u1: Array, u2: Array, kappa: float, psi1: float, psi2: float) -> Array:
    out = np.empty(u1.size)
    for i in range(u1.size):
        out[i] = np.exp(-_parts(-np.log(u1[i]), -np.log(u2[i]), kappa, psi1, psi2)[0])
    return out


@njit(nogil=True, cache=True)
def _log_density(u1: Array, u2: Array, kappa: float, psi1: float, psi2: float) -> Array:
    out = np.empty(u1.size)
    for i in range(u1.size):
        x = -np.log(u1[i])
        y = -np.log(u2[i])
        ell, by_x, by_y, by_xy = _parts(x, y, kappa, psi1, psi2)
        out[i] = -ell + x + y + np.log(by_x * by_y - by_xy)
    return out


@njit(nogil=True, cache=True)
def _conditional(u1: Array, u2: Array, kappa: float, psi1: float, psi2: float) -> Array:
    out = np.empty(u1.size)
    for i in range(u1.size):
        y = -np.log(u2[i])
        ell, _, by_y, _ = _parts(-np.log(u1[i]), y, kappa, psi1, psi2)
        out[i] = np.exp(y - ell) * by_y
    return out


@njit(nogil=True, cache=True)
def _conditional_inverse(p: Array, u2: Array, kappa: float, psi1: float, psi2: float) -> Array:
    """Newton steps in the logit z of u1, with bisection wherever a step leaves the bracket."""
    out = np.empty(p.size)
    for i in range(p.size):
        y = -np.log(u2[i])
        low = -_REACH
        high = _REACH
        z = min(max(np.log(p[i]) - np.log1p(-p[i]), low), high) if 0.0 < p[i] < 1.0 else 0.0
        for _ in range(_STEPS):
            x = np.log1p(np.exp(-z)) if z > 0 else -z + np.log1p(np.exp(z))
            ell, by_x, by_y, by_xy = _parts(x, y, kappa, psi1, psi2)
            value = np.exp(y - ell) * by_y
            if value < p[i]:
                low = z
            else:
                high = z
            slope = (value * by_x - np.exp(y - ell) * by_xy) / (1.0 + np.exp(z))
            moved = z - (value - p[i]) / slope if slope > 0.0 else low - 1.0
            # Before the bracket is asked: a converged step is zero, and z is one of its ends.
            if abs(moved - z) <= 1e-13 * (1.0 + abs(z)) or high - low <= 1e-14:
                break
            z = moved if low < moved < high else 0.5 * (low + high)
        out[i] = min(max(1.0 / (1.0 + np.exp(-z)), 1e-300), 1.0 - 1.2e-16)
    return out


def flat_pair(a: Any, b: Any) -> tuple[Array, Array, tuple[int, ...]]:
    """Two arrays that broadcast, flat, and their common shape."""
    first, second = np.broadcast_arrays(np.asarray(a, dtype=float), np.asarray(b, dtype=float))
    return np.ascontiguousarray(first).ravel(), np.ascontiguousarray(second).ravel(), first.shape


def tawn_cdf(u1: Any, u2: Any, kappa: float, psi1: float, psi2: float) -> Array:
    """C(u1, u2), arguments in (0, 1)."""
    a, b, shape = flat_pair(u1, u2)
    return _cdf(a, b, kappa, psi1, psi2).reshape(shape)


def tawn_log_density(u1: Any, u2: Any, kappa: float, psi1: float, psi2: float) -> Array:
    """log c(u1, u2), arguments in (0, 1)."""
    a, b, shape = flat_pair(u1, u2)
    return _log_density(a, b, kappa, psi1, psi2).reshape(shape)


def tawn_conditional(u1: Any, u2: Any, kappa: float, psi1: float, psi2: float) -> Array:
    """h(u1 | u2) = P(U1 <= u1 | U2 = u2)."""
    a, b, shape = flat_pair(u1, u2)
    return _conditional(a, b, kappa, psi1, psi2).reshape(shape)


def tawn_conditional_inverse(p: Any, u2: Any, kappa: float, psi1: float, psi2: float) -> Array:
    """u1 with h(u1 | u2) = p."""
    a, b, shape = flat_pair(p, u2)
    return _conditional_inverse(a, b, kappa, psi1, psi2).reshape(shape)


def tawn_kendall_tau(kappa: float, psi1: float, psi2: float) -> float:
    """Kendall's tau: int t (1 - t) / A(t) dA'(t) of the Pickands function A."""
    t = np.linspace(1e-6, 1.0 - 1e-6, 20001)
    values = tawn_pickands(t, kappa, psi1, psi2)
    slope = np.gradient(values, t)
    return float(np.trapezoid(t * (1.0 - t) / values * np.gradient(slope, t), t))


# Where the Pickands function is looked at: on either side of its minimum, which tells asymmetry from strength.
PICKANDS_AT = (0.3, 0.65)
_MET = 1e-12  # half the squared distance of the logarithms at which they count as met


def tawn_pickands(t: Any, kappa: float, psi1: float, psi2: float) -> Array:
    """Pickands function A(t), t = log u2 / log(u1 u2)."""
    t = np.asarray(t, dtype=float)
    return (1 - psi2) * (1 - t) + (1 - psi1) * t + ((psi2 * (1 - t)) ** kappa + (psi1 * t) ** kappa) ** (1 / kappa)


def tawn_of_pickands(log_values: Array) -> Law:
    """The Tawn copula with psi1 = 1 whose log A at `PICKANDS_AT` is nearest to given values ``(2,)``."""
    from scipy import optimize

    t = np.array(PICKANDS_AT)

    def gap(x: Array) -> Array:
        return np.log(tawn_pickands(t, 1.0 + np.exp(x[0]), 1.0, x[1])) - log_values

    low, high = np.array([np.log(0.005), 0.02]), np.array([np.log(9.0), 1.0])
    found = []
    for start in ((-1.5, 0.4), (-2.0, 0.9), (0.0, 0.2)):
        found.append(optimize.least_squares(gap, start, bounds=(low, high)))
        if found[-1].cost < _MET:
            break  # two numbers for two values: met exactly, no other start can be nearer
    best = min(found, key=lambda one: one.cost).x
    return Law("tawn", {"kappa": float(1.0 + np.exp(best[0])), "psi1": 1.0, "psi2": float(best[1])})
