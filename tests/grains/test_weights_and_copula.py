"""Laws of weights and copulas: against scipy, pyvinecopulib and each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import Law
from nmcstudio.core.laws import LAWS, scaled_law
from nmcstudio.grains.copula import (
    COPULA_KINDS,
    check_copula,
    copula_conditional,
    copula_log_density,
    copula_of_tau,
    copula_of_vector,
    copula_vector,
    draw_conditional,
    kendall_tau,
)
from nmcstudio.grains.tawn import (
    PICKANDS_AT,
    tawn_cdf,
    tawn_conditional,
    tawn_conditional_inverse,
    tawn_kendall_tau,
    tawn_log_density,
    tawn_of_pickands,
    tawn_pickands,
)
from nmcstudio.grains.weights import (
    WEIGHT_KINDS,
    check_weight_law,
    free_shape_of_skewness,
    weight_cdf,
    weight_density,
    weight_family,
    weight_moments,
    weight_of_vector,
    weight_quantile,
    weight_vector,
)

KAPPA, PSI1, PSI2 = 1.25, 1.0, 0.372
TAWN = Law("tawn", {"kappa": KAPPA, "psi1": PSI1, "psi2": PSI2})
COPULAS = [
    TAWN, Law("gaussian", {"rho": -0.4}), Law("frank", {"theta": 3.0}), Law("frank", {"theta": -2.0}), Law("independence"),
    *(Law("clayton", {"theta": 0.8, "rotation": turn}) for turn in (0.0, 90.0, 180.0)),
    *(Law("gumbel", {"theta": 1.4, "rotation": turn}) for turn in (0.0, 180.0, 270.0)),
]  # fmt: skip


def reference(law: Law):
    p = law.parameters
    return {
        "inverse-gamma": lambda: stats.invgamma(p["alpha"], p["theta"], p["beta"]),
        "normal": lambda: stats.norm(p["mean"], p["sd"]),
        "gamma": lambda: stats.gamma(p["shape"], p["theta"], p["scale"]),
        "log-normal": lambda: stats.lognorm(p["log_sd"], p["theta"], p["median"]),
    }[law.kind]()


def shaped(kind: str, share: float, mean: float, sd: float) -> Law:
    low, high = weight_family(kind).bounds
    return weight_of_vector(kind, np.array([mean, np.log(sd), low + share * (high - low)]))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(WEIGHT_KINDS), st.floats(0.05, 0.75), st.floats(-20, 20), st.floats(0.01, 50))
def test_weights_are_those_of_scipy(kind, share, mean, sd):
    law = shaped(kind, share, mean, sd)
    check_weight_law(law)
    same = reference(law)
    p = np.array([0.01, 0.3, 0.5, 0.9, 0.999])
    w = weight_quantile(p, law)
    np.testing.assert_allclose(w, same.ppf(p), rtol=1e-7, atol=1e-7 * sd)
    np.testing.assert_allclose(weight_cdf(w, law), p, rtol=1e-6)
    np.testing.assert_allclose(weight_density(w, law), same.pdf(w), rtol=1e-4)
    moments = weight_moments(law)
    np.testing.assert_allclose(moments[:2], (mean, sd), rtol=1e-6, atol=1e-7 * sd)
    np.testing.assert_allclose(moments[:2], (same.mean(), same.std()), rtol=1e-5, atol=1e-5 * sd)
    np.testing.assert_allclose(weight_of_vector(kind, weight_vector(law)).parameters["theta" if kind != "normal" else "mean"],
                               law.parameters["theta" if kind != "normal" else "mean"], rtol=1e-6, atol=1e-6 * sd)  # fmt: skip


@pytest.mark.parametrize("kind", WEIGHT_KINDS)
def test_densities_integrate_and_skewness_is_found_back(kind):
    law = shaped(kind, 0.5, 1.0, 2.0)
    p = np.linspace(1e-6, 1 - 1e-6, 20001)
    w = weight_quantile(p, law)
    assert np.trapezoid(weight_density(w, law), w) == pytest.approx(1.0, abs=2e-4)
    assert np.trapezoid(w * weight_density(w, law), w) == pytest.approx(1.0, abs=2e-2)
    shape = weight_family(kind).shape_of(free_shape_of_skewness(kind, weight_moments(law).skewness))
    assert shape == pytest.approx(law.parameters.get(weight_family(kind).shape, 1.0), rel=0.05)
    # In another unit of length it is the same law.
    scaled = scaled_law("weights", law, 10.0, 2)
    np.testing.assert_allclose(weight_quantile(p[1:-1:997], scaled), 100 * w[1:-1:997], rtol=1e-9, atol=1e-9)


def test_edges_of_weights():
    law = Law("inverse-gamma", {"alpha": 5.0, "beta": 1.0, "theta": 0.0})
    assert weight_density(-1.0, law) == 0
    assert weight_cdf(-1.0, law) == 0
    with pytest.raises(NmcError, match="variance"):
        check_weight_law(Law("inverse-gamma", {"alpha": 1.9, "beta": 1.0, "theta": 0.0}))
    with pytest.raises(NmcError, match="variance"):
        weight_quantile(0.5, Law("inverse-gamma", {"alpha": 2.0, "beta": 1.0, "theta": 0.0}))
    with pytest.raises(NmcError, match="unknown law"):
        check_weight_law(Law("cauchy", {}))
    with pytest.raises(NmcError, match="sd"):
        check_weight_law(Law("normal", {"mean": 1.0}))


@pytest.mark.parametrize("parameters", [(1.25, 1.0, 0.372), (3.0, 0.8, 0.5), (1.05, 1.0, 0.9)])
def test_tawn_is_that_of_pyvinecopulib(parameters):
    import pyvinecopulib as pv

    kappa, psi1, psi2 = parameters
    u = np.random.default_rng(1).uniform(0.01, 0.99, (500, 2))
    same = pv.Bicop(family=pv.BicopFamily.tawn, rotation=0, parameters=np.array([[psi2], [psi1], [kappa]]))
    np.testing.assert_allclose(tawn_cdf(u[:, 0], u[:, 1], kappa, psi1, psi2), same.cdf(u), rtol=1e-10)
    np.testing.assert_allclose(np.exp(tawn_log_density(u[:, 0], u[:, 1], kappa, psi1, psi2)), same.pdf(u), rtol=1e-9)
    np.testing.assert_allclose(tawn_conditional(u[:, 0], u[:, 1], kappa, psi1, psi2), same.hfunc2(u), rtol=1e-9)
    np.testing.assert_allclose(tawn_conditional_inverse(u[:, 0], u[:, 1], kappa, psi1, psi2), same.hinv2(u), rtol=1e-6, atol=1e-8)
    assert tawn_kendall_tau(kappa, psi1, psi2) == pytest.approx(same.tau, abs=1e-4)


@settings(max_examples=40, deadline=None)
@given(st.floats(1.0, 9.0), st.floats(0.0, 1.0), st.integers(0, 1000))
def test_conditional_tawn_inverts(kappa, psi2, seed):
    p, u2 = np.random.default_rng(seed).uniform(0.001, 0.999, (2, 50))
    u1 = tawn_conditional_inverse(p, u2, kappa, 1.0, psi2)
    np.testing.assert_allclose(tawn_conditional(u1, u2, kappa, 1.0, psi2), p, atol=1e-8)


@pytest.mark.parametrize("law", COPULAS, ids=lambda law: f"{law.kind}-{law.parameters.get('rotation', 0):g}")
def test_copulas_are_what_they_say(law):
    rng = np.random.default_rng(2)
    p, u2 = rng.random((2, 20000))
    u1 = draw_conditional(law, p, u2)
    np.testing.assert_allclose(copula_conditional(u1, u2, law), p, atol=1e-5)
    assert stats.kstest(u1, "uniform").pvalue > 1e-3
    assert stats.kendalltau(u1, u2)[0] == pytest.approx(kendall_tau(law), abs=0.02)
    # The conditional law is the integral of the density over u1.
    grid = (np.arange(4000) + 0.5) / 4000
    below = np.cumsum(np.exp(copula_log_density(grid, 0.3, law))) / 4000
    np.testing.assert_allclose(
        below[[999, 1999, 2999]], copula_conditional(grid[[999, 1999, 2999]] + 1 / 8000, 0.3, law), atol=2e-3
    )
    back = copula_of_vector(law, copula_vector(law))
    assert back.kind == law.kind
    np.testing.assert_allclose(list(back.parameters.values()), list(law.parameters.values()), rtol=1e-2, atol=1e-3)


def test_gaussian_copula_is_that_of_the_normal_law():
    rho, u = 0.55, np.random.default_rng(3).uniform(0.02, 0.98, (200, 2))
    z = stats.norm.ppf(u)
    joint = stats.multivariate_normal([0, 0], [[1, rho], [rho, 1]]).logpdf(z) - stats.norm.logpdf(z).sum(axis=1)
    np.testing.assert_allclose(copula_log_density(u[:, 0], u[:, 1], Law("gaussian", {"rho": rho})), joint, atol=1e-9)
    assert kendall_tau(Law("gaussian", {"rho": rho})) == pytest.approx(2 / np.pi * np.arcsin(rho))


def test_copulas_of_one_sign_stop_at_no_dependence():
    assert kendall_tau(copula_of_tau(Law("clayton", {"theta": 1.0, "rotation": 180.0}), -0.3)) == pytest.approx(1e-3)
    assert kendall_tau(copula_of_tau(Law("gumbel", {"theta": 2.0, "rotation": 90.0}), -0.3)) == pytest.approx(-0.3)
    with pytest.raises(NmcError, match="not told by"):
        copula_of_tau(TAWN, 0.2)


def test_pickands_function_tells_the_parameters():
    law = tawn_of_pickands(np.log(tawn_pickands(np.array(PICKANDS_AT), KAPPA, PSI1, PSI2)))
    assert law["kappa"] == pytest.approx(KAPPA, rel=1e-3)
    assert law["psi2"] == pytest.approx(PSI2, rel=1e-2)
    # psi2 beyond its limit: the nearest copula has it at 1.
    assert tawn_of_pickands(np.log([0.8, 0.95]))["psi2"] <= 1.0


def test_parameters_outside_the_family_are_refused():
    with pytest.raises(NmcError, match="out of range"):
        check_copula(Law("tawn", {"kappa": 0.9, "psi1": 1.0, "psi2": 0.5}))
    with pytest.raises(NmcError, match="unknown law"):
        check_copula(Law("gauss", {}))
    with pytest.raises(NmcError, match="90"):
        check_copula(Law("gumbel", {"theta": 2.0, "rotation": 45.0}))


def test_registries_know_the_same_kinds():
    assert set(WEIGHT_KINDS) == set(LAWS["weights"])
    assert set(COPULA_KINDS) == set(LAWS["copula"])
