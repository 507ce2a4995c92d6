"""Conditional likelihood of weights, matrices of GBPD, orientations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.grains import GrainModel, Law
from nmcstudio.core.monitor import Monitor
from nmcstudio.grains.marks import fit_marks
from nmcstudio.grains.matrix_law import draw_matrices, fit_matrix_law
from nmcstudio.grains.tawn import tawn_conditional_inverse
from nmcstudio.grains.textures import (
    draw_orientations,
    fit_radial_texture,
    radial_quaternions,
    resample_quaternions,
)
from nmcstudio.grains.weights import weight_moments, weight_quantile

WEIGHTS = Law("inverse-gamma", {"alpha": 16.8, "beta": 3.1175, "theta": -0.191})


def sample(count, rng, kappa=2.0, psi2=0.6):
    u2 = rng.random(count)
    return weight_quantile(tawn_conditional_inverse(rng.random(count), u2, kappa, 1.0, psi2), WEIGHTS), u2


def test_marks_are_recovered_in_any_unit():
    w, u2 = sample(1200, np.random.default_rng(1))
    fit = fit_marks(w, u2)
    moments = weight_moments(fit.weights)
    truth = weight_moments(WEIGHTS)
    assert moments.mean == pytest.approx(truth.mean, abs=4 * truth.sd / np.sqrt(1200))
    assert moments.sd == pytest.approx(truth.sd, rel=0.1)
    assert abs(fit.copula["kappa"] - 2.0) < 4 * fit.copula.errors["kappa"]
    assert abs(fit.copula["psi2"] - 0.6) < 4 * fit.copula.errors["psi2"]
    assert abs(np.log(fit.weights["alpha"] / 16.8)) < 4 * fit.weights.errors["alpha"] / 16.8
    assert fit.pit_p > 0.01
    scaled = fit_marks(w * 400, u2)
    assert scaled.weights["beta"] == pytest.approx(400 * fit.weights["beta"], rel=0.02)
    warm = fit_marks(w, u2, start=(fit.weights, fit.copula), errors=False)
    assert warm.log_likelihood == pytest.approx(fit.log_likelihood, abs=0.01)


def test_likelihood_is_not_below_that_of_the_truth():
    from nmcstudio.grains.copula import copula_log_density
    from nmcstudio.grains.weights import weight_cdf, weight_log_density

    for seed in range(2):
        w, u2 = sample(400, np.random.default_rng(seed), 1.3, 0.4)
        tawn = Law("tawn", {"kappa": 1.3, "psi1": 1.0, "psi2": 0.4})
        truth = weight_log_density(w, WEIGHTS).sum() + copula_log_density(weight_cdf(w, WEIGHTS), u2, tawn).sum()
        gain = 2 * (fit_marks(w, u2, errors=False).log_likelihood - truth)
        assert -1e-6 < gain < stats.chi2(5).isf(1e-5)


def test_weights_without_the_right_skew_end_at_the_normal_limit():
    rng = np.random.default_rng(2)
    w = -rng.gamma(4, 1, 400)
    fit = fit_marks(w, rng.random(400), copula="independence")
    assert {"alpha", "theta"} & set(fit.at_edge)
    assert weight_moments(fit.weights).mean == pytest.approx(w.mean(), abs=0.3)
    assert fit.copula.kind == "independence"


def test_marks_refuse_and_cancel():
    with pytest.raises(NmcError, match="too few"):
        fit_marks(np.arange(5.0), np.full(5, 0.5))
    with pytest.raises(NmcError, match="the same"):
        fit_marks(np.ones(30), np.full(30, 0.5))
    monitor = Monitor()
    monitor.cancel()
    with pytest.raises(Cancelled):
        fit_marks(*sample(100, np.random.default_rng(3)), monitor=monitor)


def test_matrices_are_recovered_and_isotropic():
    law = Law("gbpd-quadratic", {"trace_mean": 0.2, "trace_sd": 0.1, "deviator_sd": 0.3})
    matrices = draw_matrices(law, 4000, np.random.default_rng(4))
    fit = fit_matrix_law("gbpd-quadratic", matrices)
    for name, value in law.parameters.items():
        assert abs(fit[name] - value) < 4.5 * fit.errors[name]
    assert np.linalg.eigvalsh(matrices).min() > 0
    # The long axis has no preferred direction.
    axes = np.linalg.eigh(matrices)[1][:, :, 0]
    np.testing.assert_allclose(np.einsum("ni,nj->ij", axes, axes) / 4000, np.eye(3) / 3, atol=0.03)


@pytest.mark.parametrize("k", [-3.0, 0.0, 4.0])
def test_radial_texture_is_recovered(k):
    rng = np.random.default_rng(7)
    directions = rng.normal(size=(6000, 3)) * 5
    q = radial_quaternions(directions, k, rng)
    np.testing.assert_allclose(np.linalg.norm(q, axis=1), 1)
    law = fit_radial_texture(q, directions)
    assert abs(law["k"] - k) < 4 * law.errors["k"]
    # Free about the c-axis: the a-axis of grains is uniform around c.
    spin = np.arctan2(q[:, 3], q[:, 0])
    assert abs(np.mean(np.exp(4j * spin))) < 0.05


def test_radial_texture_at_the_centre_and_limits():
    assert np.all(np.isfinite(radial_quaternions(np.zeros((4, 3)), 2.0, np.random.default_rng(0))))
    with pytest.raises(NmcError, match="out of range"):
        radial_quaternions(np.ones((2, 3)), 1e4, np.random.default_rng(0))
    with pytest.raises(NmcError, match="fewer than ten"):
        fit_radial_texture(np.full((20, 4), np.nan), np.ones((20, 3)))


def test_resampling_follows_the_weights():
    rng = np.random.default_rng(8)
    source = np.array([[1.0, 0, 0, 0], [0, 1.0, 0, 0], [np.nan] * 4])
    drawn = resample_quaternions(source, np.array([3.0, 1.0, 5.0]), 4000, rng)
    first = np.abs(drawn[:, 0]) > 0.9
    assert first.mean() == pytest.approx(0.75, abs=0.04)
    assert not np.any(np.all(drawn == source[0], axis=1))
    model = GrainModel(WEIGHTS, WEIGHTS, WEIGHTS, texture=Law("resampled"))
    with pytest.raises(NmcError, match="no orientation"):
        draw_orientations(model, np.zeros((3, 3)), rng)
    held = replace(model, orientations=source, orientation_weights=np.array([1.0, 1.0, 1.0]))
    assert draw_orientations(held, np.zeros((3, 3)), rng).shape == (3, 4)
    with pytest.raises(NmcError, match="unknown texture"):
        draw_orientations(replace(model, texture=Law("cube")), np.zeros((3, 3)), rng)
