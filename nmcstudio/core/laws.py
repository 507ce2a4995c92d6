"""Every parametric law that a grain model may hold: names, plain words, units and ranges of its parameters."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import Law

_INF = float("inf")


class LawParameter(NamedTuple):
    """One parameter of a law.

    Attributes
    ----------
    name
        Key in `Law.parameters`.
    label
        In plain words.
    power
        Power of the length in its unit; None for a weight, um^2 or (gbpd-sqrt) um.
    low, high
        Range.
    open_low
        The lower end itself is not allowed.
    words
        What is allowed, for a message.
    default
        Taken where a file leaves it out; NaN where it must not.
    """

    name: str
    label: str
    power: int | None = 0
    low: float = -_INF
    high: float = _INF
    open_low: bool = False
    words: str = "a finite number"
    default: float = float("nan")


class LawFamily(NamedTuple):
    """A kind of law in plain words, with its parameters."""

    label: str
    parameters: tuple[LawParameter, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Keys of the parameters."""
        return tuple(p.name for p in self.parameters)


def _positive(name: str, label: str, power: int | None = 0) -> LawParameter:
    return LawParameter(name, label, power, 0.0, open_low=True, words="above 0")


_ROTATION = LawParameter("rotation", "rotation in degrees", low=0.0, high=270.0, words="0, 90, 180 or 270", default=0.0)
_SHIFT = LawParameter("theta", "shift", None)
_BETWEEN = "between 0 (hard core) and 1 (Poisson)"
_MATRICES = LawFamily(
    "log-normal matrices",
    (
        LawParameter("trace_mean", "mean log size"),
        LawParameter("trace_sd", "spread of the log size", low=0.0, words="0 or more"),
        LawParameter("deviator_sd", "spread of the log shape", low=0.0, words="0 or more"),
    ),
)

# Part of the model -> kind -> family.
LAWS: dict[str, dict[str, LawFamily]] = {
    "seeds": {
        "matern-cluster": LawFamily(
            "Matérn cluster",
            (
                _positive("parent_intensity", "clusters per volume", -3),
                _positive("mean_offspring", "mean seeds in a cluster"),
                _positive("cluster_radius", "cluster radius", 1),
            ),
        ),
        "poisson": LawFamily("Poisson, at random", (_positive("intensity", "seeds per volume", -3),)),
        "strauss": LawFamily(
            "Strauss, keeping apart",
            (
                _positive("beta", "activity", -3),
                LawParameter("gamma", "repulsion (0 hard core, 1 none)", 0, 0.0, 1.0, words=_BETWEEN),
                _positive("interaction_radius", "range of the repulsion", 1),
            ),
        ),
    },
    "weights": {
        "inverse-gamma": LawFamily(
            "shifted inverse gamma",
            (
                LawParameter("alpha", "shape", 0, 2.0, open_low=True, words="above 2, else the weights have no variance"),
                _positive("beta", "scale", None),
                _SHIFT,
            ),
        ),
        "normal": LawFamily("normal", (LawParameter("mean", "mean", None), _positive("sd", "standard deviation", None))),
        "gamma": LawFamily("shifted gamma", (_positive("shape", "shape"), _positive("scale", "scale", None), _SHIFT)),
        "log-normal": LawFamily(
            "shifted log-normal",
            (_positive("median", "median above the shift", None), _positive("log_sd", "log standard deviation"), _SHIFT),
        ),
    },
    "copula": {
        "independence": LawFamily("independence"),
        "tawn": LawFamily(
            "Tawn",
            (
                LawParameter("kappa", "strength", low=1.0, words="1 or more"),
                LawParameter("psi1", "share of the distance", 0, 0.0, 1.0, words="between 0 and 1", default=1.0),
                LawParameter("psi2", "share of the weight", 0, 0.0, 1.0, words="between 0 and 1"),
            ),
        ),
        "gaussian": LawFamily("Gaussian", (LawParameter("rho", "correlation", 0, -1.0, 1.0, words="between -1 and 1"),)),
        "clayton": LawFamily("Clayton", (_positive("theta", "strength"), _ROTATION)),
        "gumbel": LawFamily("Gumbel", (LawParameter("theta", "strength", low=1.0, words="1 or more"), _ROTATION)),
        "frank": LawFamily("Frank", (LawParameter("theta", "strength"),)),
    },
    "texture": {
        "uniform": LawFamily("uniform"),
        "resampled": LawFamily("resampled from the data"),
        "correlated": LawFamily("resampled, neighbours disoriented as in the data"),
        "radial": LawFamily("radial", (LawParameter("k", "concentration"),)),
    },
    "matrices": {"gbpd-quadratic": _MATRICES, "gbpd-sqrt": _MATRICES},
}


def family_of(part: str, kind: str) -> LawFamily:
    """The family of a law of one part ("seeds", "weights", "copula", "texture" or "matrices").

    Raises
    ------
    NmcError
        If there is no such kind; `field` is the part.
    """
    if kind not in LAWS[part]:
        raise NmcError(f"unknown law of {part} {kind!r}", f"use one of {', '.join(LAWS[part])}", part)
    return LAWS[part][kind]


def check_law(part: str, law: Law) -> None:
    """Refuse a law with an unknown kind, or a parameter that is missing or out of its range.

    Raises
    ------
    NmcError
        Naming the parameter; `field` is the part.
    """
    for parameter in family_of(part, law.kind).parameters:
        value = law.parameters.get(parameter.name, parameter.default)
        inside = parameter.low <= value <= parameter.high and not (parameter.open_low and value == parameter.low)
        if not (np.isfinite(value) and inside):
            raise NmcError(
                f"{parameter.name} = {value:g} of the {law.kind} law of {part} is out of range",
                f"it must be {parameter.words}",
                part,
            )


def length_factors(family: LawFamily, length: float, weight_power: int) -> dict[str, float]:
    """What each parameter is multiplied by when all lengths are multiplied by `length`; weights go with its `weight_power`."""
    return {p.name: length ** (weight_power if p.power is None else p.power) for p in family.parameters}


def scaled_law(part: str, law: Law, length: float, weight_power: int) -> Law:
    """The law after all lengths were multiplied by `length`; weights go with its power 2 (1 for "gbpd-sqrt")."""
    factors = length_factors(family_of(part, law.kind), length, weight_power)
    return Law(
        law.kind,
        {name: value * factors.get(name, 1.0) for name, value in law.parameters.items()},
        {name: value * factors.get(name, 1.0) for name, value in law.errors.items()},
    )
