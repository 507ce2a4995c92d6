"""Conditional maximum likelihood of weights given nearest-neighbour distances (models.md 9.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.blas import one_blas_thread
from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import Law
from nmcstudio.core.laws import family_of
from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.copula import FAMILIES, copula_conditional, copula_log_density, copula_of_tau, kendall_tau
from nmcstudio.grains.weights import WeightFamily, free_shape_of_skewness, weight_cdf, weight_family, weight_log_density

Array = NDArray[np.float64]

LEAST = 20  # weights; fewer say nothing of five parameters
_U = 1e-12
# A law moves by (mean - sample mean) / sample sd, log(sd / sample sd) and log((w_min - theta) / sample sd), which are all but
# independent where shape, scale and shift lie on a ridge (models.md 9.1). The lower end of the third keeps theta 0.05 sd below
# the smallest weight, where the likelihood would be unbounded.
_MEAN_BOUNDS, _SD_BOUNDS, _GAP_BOUNDS = (-2.0, 2.0), (-2.0, 2.0), (float(np.log(0.05)), 5.0)
_MARGINS = {1.0: (-0.5, -1.4), 3.0: (0.5, -2.0)}  # starts of the Tawn copula, by how far the skewness is lowered
_FAR = 1e10
_MANY = 20_000  # weights, from which on half of that many tell where the highest likelihood is
# Where an ascent ends, per weight: the likelihoods of a comparison need two digits behind the point.
_EXACT, _QUICK = {"ftol": 1e-12, "gtol": 1e-7}, {"ftol": 1e-8, "gtol": 1e-4}


@dataclass(frozen=True)
class MarksFit:
    """Fitted law of the weights given the distances.

    Attributes
    ----------
    weights, copula
        The laws, with standard errors from the observed information.
    log_likelihood
        At the maximum.
    kendall_tau
        Of the fitted copula: where psi2 and kappa trade off, it does not.
    pit_p
        Kolmogorov-Smirnov p of the conditional probability transforms: small where the model does not fit.
    at_edge
        Names of parameters that ended at a limit.
    free
        Number of fitted parameters.
    """

    weights: Law
    copula: Law
    log_likelihood: float
    kendall_tau: float
    pit_p: float
    at_edge: tuple[str, ...]
    free: int

    @property
    def aic(self) -> float:
        """Akaike's criterion 2 k - 2 log L: the smaller, the better."""
        return 2.0 * self.free - 2.0 * self.log_likelihood


@dataclass(frozen=True)
class _Problem:
    """The likelihood of one pair of families as a function of numbers that move freely."""

    w: Array
    u2: Array
    kind: str
    copula: str
    rotation: float
    mean: float
    sd: float
    least: float

    @property
    def family(self) -> WeightFamily:
        return weight_family(self.kind)

    @property
    def names(self) -> tuple[str, ...]:
        """What ends at a limit when a number does."""
        of_weights = ("mean", "sd", self.family.shift) if self.family.shape else ("mean", "sd")
        return (*of_weights, *FAMILIES[self.copula].of_parameter)

    @property
    def bounds(self) -> tuple[tuple[float, float], ...]:
        of_weights = (_MEAN_BOUNDS, _SD_BOUNDS, _GAP_BOUNDS)[: self.of_weights]
        return (*of_weights, *FAMILIES[self.copula].bounds)

    @property
    def of_weights(self) -> int:
        """How many numbers belong to the weights."""
        return 3 if self.family.shape else 2

    def laws(self, x: Array) -> tuple[Law, Law] | None:
        """Weights and copula; None where the mean lies below the shift."""
        family = self.family
        k = self.of_weights
        mean, sd = self.mean + self.sd * x[0], self.sd * np.exp(x[1])
        if family.shape:
            shift = self.least - self.sd * np.exp(x[2])
            if not mean > shift:
                return None
            low, high = sorted(family.shape_of(end) for end in family.bounds)
            a = min(max(family.shape_of_ratio(sd / (mean - shift)), low), high)
            scale = (mean - shift) / family.mean(a)
        else:
            a, shift, scale = 1.0, mean, sd
        return family.law(self.kind, shift, scale, a), FAMILIES[self.copula].law_of(x[k:], self.rotation)

    def numbers(self, weights: Law, copula: Law) -> Array:
        """Inverse of `laws`, inside the bounds."""
        family = self.family
        shift, scale, a = family.numbers(weights)
        gap = [np.log(max(self.least - shift, 0.05 * self.sd) / self.sd)] if family.shape else []
        mean, sd = (shift + scale * family.mean(a) - self.mean) / self.sd, np.log(scale * family.sd(a) / self.sd)
        return np.clip([mean, sd, *gap, *FAMILIES[self.copula].free(copula)], *np.array(self.bounds).T)

    def log_likelihood(self, x: Array) -> float:
        found = self.laws(x)
        if found is None:
            return -np.inf
        value = float(np.sum(weight_log_density(self.w, found[0])))
        if self.copula != "independence":
            u1 = np.clip(weight_cdf(self.w, found[0]), _U, 1.0 - _U)
            value += float(np.sum(copula_log_density(u1, self.u2, found[1])))
        return value


def fit_marks(
    weights: Array,
    u2: Array,
    *,
    law: str = "inverse-gamma",
    copula: str = "tawn",
    start: tuple[Law, Law] | None = None,
    errors: bool = True,
    monitor: Monitor | None = None,
) -> MarksFit:
    """Maximise sum log f_W(w) + log c(F_W(w), u2) over a family of weights and one of copulas.

    Parameters
    ----------
    weights
        float64 ``(n,)``, um^2 (um for the weights of "gbpd-sqrt").
    u2
        float64 ``(n,)``, F_D0 of each nearest-neighbour distance, in (0, 1).
    law
        One of `weights.WEIGHT_KINDS`.
    copula
        One of `copula.COPULA_KINDS`; the Tawn copula with psi1 = 1, Clayton and Gumbel in the rotation that fits best.
    start
        Weights and copula of a similar sample: one quick ascent from there, in the rotation of that copula.
    errors
        Compute standard errors.
    monitor
        Cancelling; the likelihood has no other progress to report.

    Raises
    ------
    NmcError
        If there are fewer than 20 weights, they are all alike, or a family is not known.
    """
    monitor = monitor or Monitor()
    w, u2, turns = _sample(weights, u2, law, copula)
    if start is None and len(w) > _MANY:
        # Starts and the walk along the ridge on a part; from there all need one ascent only.
        part = np.random.default_rng(0).choice(len(w), _MANY // 2, replace=False)
        rough = fit_marks(w[part], u2[part], law=law, copula=copula, errors=False, monitor=monitor)
        start = rough.weights, rough.copula
    if start is not None:
        turns = (float(start[1].parameters.get("rotation", 0.0)),)
    found = []
    for turn in turns:
        problem = _Problem(w, u2, law, copula, turn, float(w.mean()), float(w.std()), float(w.min()))
        starts = [problem.numbers(*start)] if start is not None else _starts(problem)
        found.append((problem, *_maximum(problem, starts, start is None, monitor)))
    problem, best, value = max(found, key=lambda each: each[2])
    return _told(problem, best, value, errors)


def quick_marks(weights: Array, u2: Array, margin: Law, copula: str, monitor: Monitor | None = None) -> MarksFit:
    """The fit of one copula from a margin that was fitted without one: for comparing families; no standard errors.

    Parameters
    ----------
    weights, u2, copula
        As in `fit_marks`.
    margin
        Law of the weights by themselves.
    """
    monitor = monitor or Monitor()
    w, u2, turns = _sample(weights, u2, margin.kind, copula)
    starts = []
    for turn in turns:
        problem = _Problem(w, u2, margin.kind, copula, turn, float(w.mean()), float(w.std()), float(w.min()))
        starts += [(problem, problem.numbers(margin, each)) for each in _copula_starts(problem, margin)]
    # One ascent, from the start that is already the best, of two rotations or strengths.
    problem, x = max(starts, key=lambda each: each[0].log_likelihood(each[1]))
    return _told(problem, *_maximum(problem, [x], False, monitor, _QUICK), False)


def _sample(weights: Array, u2: Array, law: str, copula: str) -> tuple[Array, Array, tuple[float, ...]]:
    """The sample as numbers that a likelihood takes, and the rotations of the copula to try."""
    from scipy import stats

    family_of("weights", law), family_of("copula", copula)
    w = np.asarray(weights, dtype=float)
    u2 = np.clip(np.asarray(u2, dtype=float), _U, 1.0 - _U)
    if len(w) < LEAST:
        raise NmcError(f"{len(w)} weights are too few for their law", f"fit a volume with at least {LEAST} whole grains")
    if not w.std() > 0:
        raise NmcError("all weights are the same", "fit a Laguerre tessellation with free weights")
    rotations = FAMILIES[copula].rotations
    if rotations[0] == rotations[1]:
        return w, u2, (0.0,)
    return w, u2, tuple(float(turn) for turn in rotations[0 if stats.kendalltau(w, u2).statistic >= 0 else 1])


def _maximum(
    problem: _Problem, starts: list[Array], thorough: bool, monitor: Monitor, precision: dict[str, float] = _EXACT
) -> tuple[Array, float]:
    """Place and value of the highest likelihood."""
    from scipy import optimize

    bounds = problem.bounds

    def loss(x: Array) -> float:
        monitor.check()
        value = problem.log_likelihood(x)
        return -value / len(problem.w) if np.isfinite(value) else _FAR

    def ascend(x: Array) -> tuple[Array, float]:
        result = optimize.minimize(loss, x, method="L-BFGS-B", bounds=bounds, options=precision)
        return result.x, float(result.fun)

    with one_blas_thread():
        best, value = min((ascend(x) for x in starts), key=lambda each: each[1])
        if thorough:
            # The ridge between shape, scale and shift stops a quasi-Newton ascent early; a simplex walks along it.
            walked = optimize.minimize(
                loss, best, method="Nelder-Mead", bounds=bounds,
                options={"maxfev": 1500, "xatol": 1e-4, "fatol": 1e-9, "adaptive": True},
            )  # fmt: skip
            if walked.fun < value:
                best, value = ascend(walked.x)
    return best, -value * len(problem.w)


def _told(problem: _Problem, best: Array, value: float, errors: bool) -> MarksFit:
    from scipy import stats

    found = problem.laws(best)
    assert found is not None  # the maximum has a likelihood
    spread = _standard_errors(problem, best) if errors else ({}, {})
    weights, copula = (Law(law.kind, law.parameters, each) for law, each in zip(found, spread))
    u1 = np.clip(weight_cdf(problem.w, weights), _U, 1.0 - _U)
    pit = float(stats.kstest(copula_conditional(u1, problem.u2, copula), "uniform").pvalue)
    edge = tuple(n for n, x, (low, high) in zip(problem.names, best, problem.bounds) if min(x - low, high - x) < 1e-3)
    family = problem.family
    if family.shape:
        free, (low, high) = family.free(weights[family.shape]), family.bounds
        edge += (family.shape,) if min(free - low, high - free) < 1e-3 else ()
    return MarksFit(weights, copula, value, kendall_tau(copula), pit, edge, len(best))


def _starts(problem: _Problem) -> list[Array]:
    """Moments of the sample, and one heavier and one lighter tail; weak and medium dependence."""
    family = problem.family
    third = float(np.mean(((problem.w - problem.mean) / problem.sd) ** 3))
    starts = []
    for factor in _MARGINS:
        a = (
            family.shape_of(np.clip(free_shape_of_skewness(problem.kind, third / factor), *family.bounds))
            if family.shape
            else 1.0
        )
        scale = problem.sd / family.sd(a)
        margin = family.law(problem.kind, problem.mean - scale * family.mean(a), scale, a)
        starts += [problem.numbers(margin, copula) for copula in _copula_starts(problem, margin, factor)]
    return starts


def _copula_starts(problem: _Problem, margin: Law, factor: float | None = None) -> list[Law]:
    """One copula by the sample's tau; for Tawn those of `_MARGINS`."""
    from scipy import stats

    family = FAMILIES[problem.copula]
    if problem.copula == "independence":
        return [Law("independence")]
    if problem.copula == "tawn":
        return [family.law_of(x, 0.0) for key, x in _MARGINS.items() if factor in (None, key)]
    tau = float(stats.kendalltau(problem.w, problem.u2).statistic)
    like = family.law_of([0.5], problem.rotation)
    return [copula_of_tau(like, np.sign(tau) * np.clip(abs(tau), 0.02, 0.9))]


def _standard_errors(problem: _Problem, x: Array) -> tuple[dict[str, float], dict[str, float]]:
    """Delta method with the numerical Hessian; empty where the maximum lies at a limit or is flat."""
    step, size = 2e-3, len(x)
    if any(min(v - low, high - v) < 2 * step for v, (low, high) in zip(x, problem.bounds)):
        return {}, {}
    unit = np.eye(size) * step

    def curvature(i: int, j: int) -> float:
        terms = [s * t * problem.log_likelihood(x + s * unit[i] + t * unit[j]) for s in (1, -1) for t in (1, -1)]
        return -sum(terms) / (4 * step * step)

    def values(at: Array) -> Array:
        found = problem.laws(at)
        return np.array([np.nan if found is None else found[k][name] for k, name in names])

    found = problem.laws(x)
    assert found is not None
    names = [(k, name) for k, law in enumerate(found) for name in law.parameters]

    hessian = np.array([[curvature(min(i, j), max(i, j)) for j in range(size)] for i in range(size)])
    try:
        covariance = np.linalg.inv(hessian)
    except np.linalg.LinAlgError:
        return {}, {}
    jacobian = np.stack([(values(x + e) - values(x - e)) / (2 * step) for e in unit], axis=1)
    variances = np.einsum("ij,jk,ik->i", jacobian, covariance, jacobian)
    spread: tuple[dict[str, float], dict[str, float]] = ({}, {})
    for (k, name), v in zip(names, variances):
        if np.isfinite(v) and v > 0:
            spread[k][name] = float(np.sqrt(v))
    return spread
