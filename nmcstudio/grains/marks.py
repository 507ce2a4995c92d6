"""Conditional maximum likelihood of weights given nearest-neighbour distances (models.md 9.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import Law
from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.copula import tawn_conditional, tawn_kendall_tau, tawn_log_density
from nmcstudio.grains.weights import alpha_of_skewness, weight_cdf, weight_log_density

Array = NDArray[np.float64]

LEAST = 20  # weights; fewer say nothing of five parameters
_U = 1e-12
# log(alpha - 2), (mean - sample mean) / sd, log((w_min - theta) / sd), logit psi2, log(kappa - 1): models.md 9.1. The third one's
# lower end keeps theta 0.05 sd below the smallest weight, where the likelihood would be unbounded.
_BOUNDS = ((-3.0, 7.0), (-2.0, 2.0), (np.log(0.05), 5.0), (-6.0, 6.0), (-6.0, np.log(9.0)))


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
        Of the fitted copula: psi2 and kappa trade off, it does not.
    pit_p
        Kolmogorov-Smirnov p of the conditional probability transforms: small where the model does not fit.
    at_edge
        Names of parameters that ended at a limit.
    """

    weights: Law
    copula: Law
    log_likelihood: float
    kendall_tau: float
    pit_p: float
    at_edge: tuple[str, ...]


@dataclass(frozen=True)
class _Scale:
    mean: float
    sd: float
    least: float


def _parameters(x: Array, scale: _Scale) -> tuple[float, float, float, float, float]:
    """alpha, beta, theta, psi2, kappa of the robust parametrisation."""
    alpha = 2.0 + np.exp(x[0])
    theta = scale.least - scale.sd * np.exp(x[2])
    beta = (scale.mean + scale.sd * x[1] - theta) * (alpha - 1.0)
    return alpha, beta, theta, 1.0 / (1.0 + np.exp(-x[3])), 1.0 + np.exp(x[4])


def fit_marks(
    weights: Array,
    u2: Array,
    *,
    copula: str = "tawn",
    start: tuple[Law, Law] | None = None,
    errors: bool = True,
    monitor: Monitor | None = None,
) -> MarksFit:
    """Maximise sum log f_W(w) + log c(F_W(w), u2) over the shifted inverse gamma and the Tawn copula with psi1 = 1.

    Parameters
    ----------
    weights
        float64 ``(n,)``, um^2 (um for the weights of "gbpd-sqrt").
    u2
        float64 ``(n,)``, F_D0 of each nearest-neighbour distance, in (0, 1).
    copula
        "tawn" or "independence".
    start
        Weights and copula of a similar sample: one quick ascent from there.
    errors
        Compute standard errors.
    monitor
        Cancelling; the likelihood has no other progress to report.

    Raises
    ------
    NmcError
        If there are fewer than 20 weights or they are all alike.
    """
    from scipy import optimize, stats

    monitor = monitor or Monitor()
    w = np.asarray(weights, dtype=float)
    u2 = np.clip(np.asarray(u2, dtype=float), _U, 1.0 - _U)
    if len(w) < LEAST:
        raise NmcError(f"{len(w)} weights are too few for their law", f"fit a volume with at least {LEAST} whole grains")
    scale = _Scale(float(w.mean()), float(w.std()), float(w.min()))
    if not scale.sd > 0:
        raise NmcError("all weights are the same", "fit a Laguerre tessellation with free weights")
    dependent = copula == "tawn"
    free = 5 if dependent else 3

    def loss(x: Array) -> float:
        monitor.check()
        alpha, beta, theta, psi2, kappa = _parameters(np.concatenate([x, [-6.0, -6.0][: 5 - len(x)]]), scale)
        if beta <= 0:
            return 1e10
        value = float(np.sum(weight_log_density(w, alpha, beta, theta)))
        if dependent:
            u1 = np.clip(weight_cdf(w, alpha, beta, theta), _U, 1.0 - _U)
            value += float(np.sum(tawn_log_density(u1, u2, kappa, 1.0, psi2)))
        return -value / len(w) if np.isfinite(value) else 1e10

    bounds = _BOUNDS[:free]

    def ascend(x: Array) -> tuple[Array, float]:
        result = optimize.minimize(loss, x, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-12, "gtol": 1e-7})
        return result.x, float(result.fun)

    if start is not None:
        best, value = ascend(np.clip(_internal(*start, scale)[:free], *np.array(bounds).T))
    else:
        candidates = [ascend(x[:free]) for x in _starts(w, scale)]
        best, value = min(candidates, key=lambda c: c[1])
        # The ridge between alpha, beta and theta stops a quasi-Newton ascent early; a simplex walks along it.
        walked = optimize.minimize(
            loss, best, method="Nelder-Mead", bounds=bounds,
            options={"maxfev": 1500, "xatol": 1e-4, "fatol": 1e-9, "adaptive": True},
        )  # fmt: skip
        if walked.fun < value:
            best, value = ascend(walked.x)
    full = np.concatenate([best, [-6.0, -6.0][: 5 - free]])
    alpha, beta, theta, psi2, kappa = _parameters(full, scale)
    spread = _standard_errors(loss, best, bounds, len(w), scale) if errors else {}
    law = Law("inverse-gamma", {"alpha": float(alpha), "beta": float(beta), "theta": float(theta)},
              {k: v for k, v in spread.items() if k in ("alpha", "beta", "theta")})  # fmt: skip
    u1 = np.clip(weight_cdf(w, alpha, beta, theta), _U, 1.0 - _U)
    if dependent:
        joint = Law("tawn", {"kappa": float(kappa), "psi1": 1.0, "psi2": float(psi2)},
                    {k: v for k, v in spread.items() if k in ("psi2", "kappa")})  # fmt: skip
        transforms, tau = tawn_conditional(u1, u2, kappa, 1.0, psi2), tawn_kendall_tau(kappa, 1.0, psi2)
    else:
        joint, transforms, tau = Law("independence"), u1, 0.0
    names = ("alpha", "mean", "theta", "psi2", "kappa")
    edge = tuple(n for n, x, (low, high) in zip(names, best, bounds) if min(x - low, high - x) < 1e-3)
    pit = float(stats.kstest(transforms, "uniform").pvalue)
    return MarksFit(law, joint, -value * len(w), tau, pit, edge)


def _internal(weights: Law, copula: Law, scale: _Scale) -> Array:
    """The robust parametrisation of given laws; inverse of `_parameters`."""
    alpha, theta = weights["alpha"], weights["theta"]
    mean = weights["beta"] / (alpha - 1.0) + theta
    psi2, kappa = (copula["psi2"], copula["kappa"]) if copula.kind == "tawn" else (0.0, 1.0)
    psi2 = min(max(psi2, 1e-3), 1.0 - 1e-3)
    return np.array([
        np.log(alpha - 2.0), (mean - scale.mean) / scale.sd, np.log(max(scale.least - theta, 0.05 * scale.sd) / scale.sd),
        np.log(psi2 / (1.0 - psi2)), np.log(max(kappa - 1.0, 1e-3)),
    ])  # fmt: skip


def _starts(w: Array, scale: _Scale) -> list[Array]:
    """Moments of the sample, and one heavier and one lighter tail; weak and medium dependence."""
    third = float(np.mean(((w - scale.mean) / scale.sd) ** 3))
    starts = []
    for factor, dependence in ((1.0, (-0.5, -1.4)), (3.0, (0.5, -2.0))):
        alpha = alpha_of_skewness(third / factor)
        theta = scale.mean - scale.sd * np.sqrt(alpha - 2.0)
        gap = max((scale.least - theta) / scale.sd, 0.06)
        starts.append(np.array([np.clip(np.log(alpha - 2.0), -2.9, 6.9), 0.0, np.clip(np.log(gap), -2.9, 4.9), *dependence]))
    return starts


def _standard_errors(
    loss: Callable[[Array], float], x: Array, bounds: tuple[tuple[float, float], ...], count: int, scale: _Scale
) -> dict[str, float]:
    """Delta method with the numerical Hessian; empty where the maximum lies at a limit or is flat."""
    step = 2e-3
    size = len(x)
    if any(min(v - low, high - v) < 2 * step for v, (low, high) in zip(x, bounds)):
        return {}
    hessian = np.empty((size, size))
    unit = np.eye(size) * step
    for i in range(size):
        for j in range(i, size):
            terms = [
                s * t * loss(x + s * unit[i] + t * unit[j])
                for s in (1, -1) for t in (1, -1)
            ]  # fmt: skip
            hessian[i, j] = hessian[j, i] = sum(terms) / (4 * step * step)
    try:
        covariance = np.linalg.inv(hessian * count)
    except np.linalg.LinAlgError:
        return {}
    pad = np.array([-6.0, -6.0])[: 5 - size]

    def values(at: Array) -> Array:
        return np.array(_parameters(np.concatenate([at, pad]), scale))

    jacobian = np.stack([(values(x + e) - values(x - e)) / (2 * step) for e in unit], axis=1)
    variances = np.einsum("ij,jk,ik->i", jacobian, covariance, jacobian)
    names = ("alpha", "beta", "theta", "psi2", "kappa")[:size]
    return {name: float(np.sqrt(v)) for name, v in zip(names, variances) if np.isfinite(v) and v > 0}
