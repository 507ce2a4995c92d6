"""Shifted inverse gamma and Tawn copula: against scipy, pyvinecopulib and each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import Law
from nmcstudio.grains.copula import (
    PICKANDS_AT,
    check_copula,
    draw_conditional,
    tawn_cdf,
    tawn_conditional,
    tawn_conditional_inverse,
    tawn_kendall_tau,
    tawn_log_density,
    tawn_of_pickands,
    tawn_pickands,
)
from nmcstudio.grains.weights import (
    alpha_of_skewness,
    check_weight_law,
    law_of_moments,
    weight_cdf,
    weight_density,
    weight_moments,
    weight_quantile,
)

KAPPA, PSI1, PSI2 = 1.25, 1.0, 0.372


@settings(max_examples=30, deadline=None)
@given(st.floats(2.1, 200), st.floats(0.01, 50), st.floats(-20, 20))
def test_inverse_gamma_is_that_of_scipy(alpha, beta, theta):
    reference = stats.invgamma(alpha, loc=theta, scale=beta)
    p = np.array([0.01, 0.3, 0.5, 0.9, 0.999])
    w = weight_quantile(p, alpha, beta, theta)
    np.testing.assert_allclose(w, reference.ppf(p), rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(weight_cdf(w, alpha, beta, theta), p, rtol=1e-8)
    np.testing.assert_allclose(weight_density(w, alpha, beta, theta), reference.pdf(w), rtol=1e-6)
    moments = weight_moments(alpha, beta, theta)
    np.testing.assert_allclose(moments[:2], (reference.mean(), reference.std()), rtol=1e-6, atol=1e-9)
    back = law_of_moments(moments.mean, moments.sd, alpha)
    np.testing.assert_allclose([back["beta"], back["theta"]], [beta, theta], rtol=1e-6, atol=1e-6)


def test_inverse_gamma_edges():
    assert weight_density(-1.0, 5, 1, 0) == 0
    assert weight_cdf(-1.0, 5, 1, 0) == 0
    assert alpha_of_skewness(weight_moments(16.8, 1247, -76.4).skewness) == pytest.approx(16.8)
    with pytest.raises(NmcError, match="variance"):
        check_weight_law(Law("inverse-gamma", {"alpha": 1.9, "beta": 1.0, "theta": 0.0}))
    with pytest.raises(NmcError, match="unknown law"):
        check_weight_law(Law("normal", {}))


@pytest.mark.parametrize("parameters", [(1.25, 1.0, 0.372), (3.0, 0.8, 0.5), (1.05, 1.0, 0.9)])
def test_tawn_is_that_of_pyvinecopulib(parameters):
    import pyvinecopulib as pv

    kappa, psi1, psi2 = parameters
    u = np.random.default_rng(1).uniform(0.01, 0.99, (500, 2))
    reference = pv.Bicop(family=pv.BicopFamily.tawn, rotation=0, parameters=np.array([[psi2], [psi1], [kappa]]))
    np.testing.assert_allclose(tawn_cdf(u[:, 0], u[:, 1], kappa, psi1, psi2), reference.cdf(u), rtol=1e-10)
    np.testing.assert_allclose(np.exp(tawn_log_density(u[:, 0], u[:, 1], kappa, psi1, psi2)), reference.pdf(u), rtol=1e-9)
    np.testing.assert_allclose(tawn_conditional(u[:, 0], u[:, 1], kappa, psi1, psi2), reference.hfunc2(u), rtol=1e-9)
    np.testing.assert_allclose(
        tawn_conditional_inverse(u[:, 0], u[:, 1], kappa, psi1, psi2), reference.hinv2(u), rtol=1e-6, atol=1e-8
    )


@settings(max_examples=40, deadline=None)
@given(st.floats(1.0, 9.0), st.floats(0.0, 1.0), st.integers(0, 1000))
def test_conditional_law_inverts(kappa, psi2, seed):
    p, u2 = np.random.default_rng(seed).uniform(0.001, 0.999, (2, 50))
    u1 = tawn_conditional_inverse(p, u2, kappa, 1.0, psi2)
    np.testing.assert_allclose(tawn_conditional(u1, u2, kappa, 1.0, psi2), p, atol=1e-8)


def test_sampling_gives_uniform_margins_and_the_tau():
    rng = np.random.default_rng(2)
    p, u2 = rng.random((2, 20000))
    u1 = draw_conditional(Law("tawn", {"kappa": KAPPA, "psi1": PSI1, "psi2": PSI2}), p, u2)
    assert stats.kstest(u1, "uniform").pvalue > 1e-3
    assert stats.kendalltau(u1, u2)[0] == pytest.approx(tawn_kendall_tau(KAPPA, PSI1, PSI2), abs=0.02)
    np.testing.assert_array_equal(draw_conditional(Law("independence"), p, u2), p)


def test_pickands_function_tells_the_parameters():
    law = tawn_of_pickands(np.log(tawn_pickands(np.array(PICKANDS_AT), KAPPA, PSI1, PSI2)))
    assert law["kappa"] == pytest.approx(KAPPA, rel=1e-3)
    assert law["psi2"] == pytest.approx(PSI2, rel=1e-2)
    # psi2 beyond its limit: the nearest copula has it at 1.
    assert tawn_of_pickands(np.log([0.8, 0.95]))["psi2"] <= 1.0


def test_parameters_outside_the_family_are_refused():
    with pytest.raises(NmcError, match="out of range"):
        check_copula(Law("tawn", {"kappa": 0.9, "psi1": 1.0, "psi2": 0.5}))
    with pytest.raises(NmcError, match="unknown copula"):
        check_copula(Law("gauss", {}))
