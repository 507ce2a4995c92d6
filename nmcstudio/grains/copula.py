"""Copulas of u1 = F_W(weight) and u2 = F_D0(nearest-neighbour distance) (models.md 9.2, 9.3).

Every function takes a `Law` of a kind in ``core.laws.LAWS["copula"]``. The Tawn copula of the published model is computed in
`tawn`, the others by pyvinecopulib; Clayton and Gumbel may be rotated by 90, 180 or 270 degrees, of which 90 and 270 make the
dependence negative. `copula_vector` tells a copula by numbers that move freely.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import Law
from nmcstudio.core.laws import check_law
from nmcstudio.grains.tawn import (
    PICKANDS_AT,
    flat_pair,
    tawn_conditional,
    tawn_conditional_inverse,
    tawn_kendall_tau,
    tawn_log_density,
    tawn_of_pickands,
    tawn_pickands,
)

Array = NDArray[np.float64]
_TAU = (1e-3, 0.95)  # of what a copula of one sign takes


@dataclass(frozen=True)
class CopulaFamily:
    """How the parameters of a family move in a fit.

    Attributes
    ----------
    free
        Law to numbers ``(k,)`` that move freely.
    law_of
        Numbers and rotation in degrees to the law.
    bounds
        Of these numbers.
    of_parameter
        Names of the parameters, in the order of the numbers.
    rotations
        Of which the likelihood may choose, (for positive, for negative dependence).
    """

    free: Callable[[Law], list[float]]
    law_of: Callable[[Any, float], Law]
    bounds: tuple[tuple[float, float], ...]
    of_parameter: tuple[str, ...]
    rotations: tuple[tuple[int, ...], tuple[int, ...]] = ((0,), (0,))


def _logistic(x: float) -> float:
    return float(1.0 / (1.0 + np.exp(-x)))


def _tawn_free(law: Law) -> list[float]:
    psi2 = min(max(law["psi2"], 2.5e-3), 1.0 - 2.5e-3)
    return [float(np.log(psi2 / (1.0 - psi2))), float(np.log(max(law["kappa"] - 1.0, 2.5e-3)))]


_TURNED = ((0, 180), (90, 270))
FAMILIES: dict[str, CopulaFamily] = {
    "tawn": CopulaFamily(
        _tawn_free,
        lambda x, turn: Law("tawn", {"kappa": float(1.0 + np.exp(x[1])), "psi1": 1.0, "psi2": _logistic(x[0])}),
        ((-6.0, 6.0), (-6.0, float(np.log(9.0)))), ("psi2", "kappa"),
    ),
    "gaussian": CopulaFamily(
        lambda law: [float(np.arctanh(law["rho"]))], lambda x, turn: Law("gaussian", {"rho": float(np.tanh(x[0]))}),
        ((-2.6, 2.6),), ("rho",),
    ),
    "clayton": CopulaFamily(
        lambda law: [float(np.log(law["theta"]))],
        lambda x, turn: Law("clayton", {"theta": float(np.exp(x[0])), "rotation": float(turn)}),
        ((-7.0, 3.0),), ("theta",), _TURNED,
    ),
    "gumbel": CopulaFamily(
        lambda law: [float(np.log(max(law["theta"] - 1.0, 1e-3)))],
        lambda x, turn: Law("gumbel", {"theta": float(1.0 + np.exp(x[0])), "rotation": float(turn)}),
        ((-7.0, 3.0),), ("theta",), _TURNED,
    ),
    "frank": CopulaFamily(
        lambda law: [law["theta"]], lambda x, turn: Law("frank", {"theta": float(x[0])}), ((-30.0, 30.0),), ("theta",),
    ),
    "independence": CopulaFamily(lambda law: [], lambda x, turn: Law("independence"), (), ()),
}  # fmt: skip
COPULA_KINDS = tuple(FAMILIES)


def check_copula(law: Law) -> None:
    """Refuse parameters outside the family.

    Raises
    ------
    NmcError
        Naming the parameter.
    """
    check_law("copula", law)
    if law.parameters.get("rotation", 0.0) not in (0.0, 90.0, 180.0, 270.0):
        raise NmcError(f"rotation = {law['rotation']:g} of the {law.kind} copula", "use 0, 90, 180 or 270 degrees", "copula")


def _bicop(law: Law) -> Any:
    """pyvinecopulib's copula of a law; its first column is u1."""
    import pyvinecopulib as pv

    name = "rho" if law.kind == "gaussian" else "theta"
    turn = int(law.parameters.get("rotation", 0.0))
    return pv.Bicop(family=getattr(pv.BicopFamily, law.kind), rotation=turn, parameters=np.array([[law[name]]]))


def _columns(u1: Any, u2: Any) -> tuple[Array, tuple[int, ...]]:
    a, b, shape = flat_pair(u1, u2)
    return np.column_stack([a, b]), shape


def _of_tawn(law: Law) -> tuple[float, float, float]:
    return law["kappa"], law.parameters.get("psi1", 1.0), law["psi2"]


def copula_log_density(u1: Any, u2: Any, law: Law) -> Array:
    """log c(u1, u2), arguments in (0, 1) that broadcast."""
    if law.kind == "tawn":
        return tawn_log_density(u1, u2, *_of_tawn(law))
    columns, shape = _columns(u1, u2)
    if law.kind == "independence":
        return np.zeros(shape)
    return np.log(np.maximum(_bicop(law).pdf(columns), 1e-300)).reshape(shape)


def copula_conditional(u1: Any, u2: Any, law: Law) -> Array:
    """h(u1 | u2) = P(U1 <= u1 | U2 = u2), arguments in (0, 1) that broadcast."""
    if law.kind == "tawn":
        return tawn_conditional(u1, u2, *_of_tawn(law))
    columns, shape = _columns(u1, u2)
    return (columns[:, 0] if law.kind == "independence" else _bicop(law).hfunc2(columns)).reshape(shape)


def draw_conditional(law: Law, p: Any, u2: Any) -> Array:
    """u1 with h(u1 | u2) = p: draws of u1 given u2 from uniform numbers p ``(n,)``.

    Raises
    ------
    NmcError
        If the law has parameters out of range.
    """
    check_copula(law)
    if law.kind == "tawn":
        return tawn_conditional_inverse(p, u2, *_of_tawn(law))
    columns, shape = _columns(p, u2)
    return (columns[:, 0] if law.kind == "independence" else _bicop(law).hinv2(columns)).reshape(shape)


def kendall_tau(law: Law) -> float:
    """Kendall's tau of a copula, in -1 to 1."""
    if law.kind == "independence":
        return 0.0
    return tawn_kendall_tau(*_of_tawn(law)) if law.kind == "tawn" else float(_bicop(law).tau)


def copula_of_tau(like: Law, tau: float) -> Law:
    """The copula of one parameter with a given tau, of the kind and rotation of `like`.

    A copula of one sign (Clayton, Gumbel) stays at its least dependence where tau has the other one.
    """
    if like.kind in ("independence", "tawn"):
        raise NmcError(f"a {like.kind} copula is not told by Kendall's tau", "use copula_of_vector", "copula")
    turn = like.parameters.get("rotation", 0.0)
    if like.kind in ("clayton", "gumbel"):
        sign = -1.0 if turn in (90.0, 270.0) else 1.0
        tau = sign * float(np.clip(sign * tau, *_TAU))
    tau = float(np.clip(tau, -_TAU[1], _TAU[1]))
    if like.kind == "gaussian":
        return Law("gaussian", {"rho": float(np.sin(0.5 * np.pi * tau))})
    if like.kind == "clayton":
        return Law("clayton", {"theta": 2.0 * abs(tau) / (1.0 - abs(tau)), "rotation": turn})
    if like.kind == "gumbel":
        return Law("gumbel", {"theta": 1.0 / (1.0 - abs(tau)), "rotation": turn})
    if abs(tau) < 1e-6:
        return Law("frank", {"theta": 9.0 * tau})
    import pyvinecopulib as pv

    size = float(pv.Bicop(family=pv.BicopFamily.frank).tau_to_parameters(abs(tau))[0, 0])
    return Law("frank", {"theta": float(np.sign(tau)) * size})


def copula_vector(law: Law) -> Array:
    """A copula as numbers that move freely: float64 ``(k,)``.

    Tawn: log of its Pickands function at 0.3 and 0.65, since psi2 and kappa themselves trade off. Independence: none. Others:
    Fisher's atanh of Kendall's tau. `copula_of_vector` is the inverse.
    """
    if law.kind == "tawn":
        return np.log(tawn_pickands(np.array(PICKANDS_AT), *_of_tawn(law)))
    return np.array([] if law.kind == "independence" else [np.arctanh(kendall_tau(law))])


def copula_of_vector(like: Law, vector: Array) -> Law:
    """The copula with this `copula_vector`, or the nearest to it, of the kind and rotation of `like`."""
    if like.kind == "tawn":
        return tawn_of_pickands(np.asarray(vector, dtype=float))
    return Law("independence") if like.kind == "independence" else copula_of_tau(like, float(np.tanh(vector[0])))
