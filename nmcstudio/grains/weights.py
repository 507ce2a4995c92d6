"""Laws of the additive weights: shifted inverse gamma ([A] Eq. 43 for w > theta, erratum E11; models.md 9.1) and three others.

Every function takes a `Law` of a kind in ``core.laws.LAWS["weights"]``. A law is a shift, a scale and (but for the normal one) a
shape. The same law is told by its `weight_vector`: mean, log standard deviation and the shape as a number that moves freely. Fits
of marks and the correction for empty cells work with any kind through it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.grains import Law
from nmcstudio.core.laws import check_law, family_of

Array = NDArray[np.float64]
_TINY = 1e-300


class WeightMoments(NamedTuple):
    """Mean, standard deviation and skewness (NaN where it does not exist) in the unit of the weights."""

    mean: float
    sd: float
    skewness: float


@dataclass(frozen=True)
class WeightFamily:
    """The law of ``(w - shift) / scale`` for a shape ``a``.

    Attributes
    ----------
    shift, scale, shape
        Names of the parameters; no shape for the normal law.
    positive
        The standard variable is above 0, so that the shift lies below all weights.
    log_density, cdf, quantile
        Of the standard variable, as functions of an array and ``a``.
    mean, sd, skewness
        Of the standard variable, as functions of ``a``.
    free, shape_of
        ``a`` as a number that moves freely, and back.
    bounds
        Range of that number in fits.
    shape_of_ratio
        ``a`` whose standard deviation over mean is given.
    """

    shift: str
    scale: str
    shape: str
    positive: bool
    log_density: Callable[[Array, float], Array]
    cdf: Callable[[Array, float], Array]
    quantile: Callable[[Array, float], Array]
    mean: Callable[[float], float]
    sd: Callable[[float], float]
    skewness: Callable[[float], float]
    free: Callable[[float], float]
    shape_of: Callable[[float], float]
    bounds: tuple[float, float]
    shape_of_ratio: Callable[[float], float]

    def law(self, kind: str, shift: float, scale: float, a: float) -> Law:
        """The law of these three numbers."""
        values = {self.shift: float(shift), self.scale: float(scale), self.shape: float(a)}
        return Law(kind, {name: values[name] for name in family_of("weights", kind).names})

    def numbers(self, law: Law) -> tuple[float, float, float]:
        """Shift, scale and shape of a law."""
        return law[self.shift], law[self.scale], law[self.shape] if self.shape else 1.0


def _inverse_gamma() -> WeightFamily:
    from scipy.special import gammaincc, gammainccinv, gammaln

    return WeightFamily(
        "theta", "beta", "alpha", True,
        lambda y, a: -gammaln(a) - (a + 1.0) * np.log(y) - 1.0 / y,
        lambda y, a: gammaincc(a, 1.0 / y),
        lambda p, a: 1.0 / gammainccinv(a, p),
        lambda a: 1.0 / (a - 1.0),
        lambda a: 1.0 / ((a - 1.0) * np.sqrt(a - 2.0)),
        lambda a: 4.0 * np.sqrt(a - 2.0) / (a - 3.0) if a > 3.0 else np.nan,
        lambda a: np.log(a - 2.0), lambda x: 2.0 + np.exp(x), (-3.0, 7.0), lambda ratio: 2.0 + ratio**-2,
    )  # fmt: skip


def _normal() -> WeightFamily:
    from scipy.special import ndtr, ndtri

    return WeightFamily(
        "mean", "sd", "", False,
        lambda y, a: -0.5 * y * y - 0.5 * np.log(2.0 * np.pi), lambda y, a: ndtr(y), lambda p, a: ndtri(p),
        lambda a: 0.0, lambda a: 1.0, lambda a: 0.0,
        lambda a: 0.0, lambda x: 1.0, (0.0, 0.0), lambda ratio: 1.0,
    )  # fmt: skip


def _gamma() -> WeightFamily:
    from scipy.special import gammainc, gammaincinv, gammaln

    # Below a = 1 the density has a pole at the shift, and the likelihood no maximum.
    return WeightFamily(
        "theta", "scale", "shape", True,
        lambda y, a: (a - 1.0) * np.log(y) - y - gammaln(a),
        lambda y, a: gammainc(a, y),
        lambda p, a: gammaincinv(a, p),
        lambda a: a, lambda a: np.sqrt(a), lambda a: 2.0 / np.sqrt(a),
        lambda a: np.log(a), lambda x: np.exp(x), (0.0, 9.0), lambda ratio: ratio**-2,
    )  # fmt: skip


def _log_normal() -> WeightFamily:
    from scipy.special import ndtr, ndtri

    return WeightFamily(
        "theta", "median", "log_sd", True,
        lambda y, a: -0.5 * (np.log(y) / a) ** 2 - np.log(y * a * np.sqrt(2.0 * np.pi)),
        lambda y, a: ndtr(np.log(y) / a),
        lambda p, a: np.exp(a * ndtri(p)),
        lambda a: np.exp(0.5 * a * a), lambda a: np.exp(0.5 * a * a) * np.sqrt(np.expm1(a * a)),
        lambda a: (np.exp(a * a) + 2.0) * np.sqrt(np.expm1(a * a)),
        lambda a: np.log(a), lambda x: np.exp(x), (-4.5, 0.5), lambda ratio: np.sqrt(np.log1p(ratio * ratio)),
    )  # fmt: skip


_FAMILIES: dict[str, Callable[[], WeightFamily]] = {
    "inverse-gamma": _inverse_gamma, "normal": _normal, "gamma": _gamma, "log-normal": _log_normal,
}  # fmt: skip
WEIGHT_KINDS = tuple(_FAMILIES)


@cache
def weight_family(kind: str) -> WeightFamily:
    """The family of a kind.

    Raises
    ------
    NmcError
        If the kind is not known.
    """
    family_of("weights", kind)
    return _FAMILIES[kind]()


def check_weight_law(law: Law) -> None:
    """Refuse parameters out of range, among them those without a finite variance.

    Raises
    ------
    NmcError
        Naming the parameter.
    """
    check_law("weights", law)


def weight_log_density(w: Any, law: Law) -> Array:
    """log f(w) of weights; -inf outside the support."""
    family = weight_family(law.kind)
    shift, scale, a = family.numbers(law)
    y = (np.asarray(w, dtype=float) - shift) / scale
    if not family.positive:
        return np.asarray(family.log_density(y, a) - np.log(scale))
    result = family.log_density(np.where(y > 0, np.maximum(y, _TINY), 1.0), a) - np.log(scale)
    return np.where(y > 0, result, -np.inf)


def weight_density(w: Any, law: Law) -> Array:
    """f(w) of weights."""
    return np.exp(weight_log_density(w, law))


def weight_cdf(w: Any, law: Law) -> Array:
    """F(w) of weights."""
    family = weight_family(law.kind)
    shift, scale, a = family.numbers(law)
    y = (np.asarray(w, dtype=float) - shift) / scale
    if not family.positive:
        return np.asarray(family.cdf(y, a))
    return np.where(y > 0, family.cdf(np.where(y > 0, np.maximum(y, _TINY), 1.0), a), 0.0)


def weight_quantile(p: Any, law: Law) -> Array:
    """F^-1(p) of weights.

    Raises
    ------
    NmcError
        If the law has parameters out of range.
    """
    check_weight_law(law)
    family = weight_family(law.kind)
    shift, scale, a = family.numbers(law)
    return np.asarray(shift + scale * family.quantile(np.asarray(p, dtype=float), a))


def weight_moments(law: Law) -> WeightMoments:
    """Mean, standard deviation and skewness of a law of weights."""
    family = weight_family(law.kind)
    shift, scale, a = family.numbers(law)
    return WeightMoments(shift + scale * float(family.mean(a)), scale * float(family.sd(a)), float(family.skewness(a)))


def weight_vector(law: Law) -> Array:
    """A law as mean, log standard deviation and, if its family has one, the free shape: float64 ``(2,)`` or ``(3,)``.

    The free shape is log(alpha - 2), log of the gamma's shape, or log of the log-normal's standard deviation. `weight_of_vector`
    is the inverse; `weight_family` has the bounds of the shape.
    """
    family = weight_family(law.kind)
    mean, sd, _ = weight_moments(law)
    tail = [float(family.free(law[family.shape]))] if family.shape else []
    return np.array([mean, np.log(sd), *tail])


def weight_of_vector(kind: str, vector: Array) -> Law:
    """The law of a kind with this `weight_vector`; a shape beyond its bounds ends there."""
    family = weight_family(kind)
    a = float(family.shape_of(np.clip(vector[2], *family.bounds))) if family.shape else 1.0
    scale = np.exp(vector[1]) / family.sd(a)
    return family.law(kind, vector[0] - scale * family.mean(a), scale, a)


def free_shape_of_skewness(kind: str, skewness: float) -> float:
    """The free shape whose skewness is nearest, for the start of a fit; 0 for the normal law."""
    family = weight_family(kind)
    if not family.shape:
        return 0.0
    x = np.linspace(*family.bounds, 400)
    gap = np.abs(np.array([family.skewness(family.shape_of(v)) for v in x]) - max(float(skewness), 0.0))
    return float(x[np.nanargmin(gap)])
