"""Matrices jointly with weights: vectors and back, and simulate, fit, recover for both laws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import logm
from scipy.stats import spearmanr

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import GrainModel, Law, MatrixJoint
from nmcstudio.grains.matrix_joint import (
    draw_joint,
    fit_matrix_joint,
    in_radial_frames,
    log_vectors,
    matrices_of,
    out_of_radial_frames,
)
from nmcstudio.grains.simulate import simulate_matrices
from nmcstudio.grains.weights import weight_quantile

WEIGHTS = Law("gamma", {"shape": 4.0, "scale": 0.02, "theta": -0.1})


def truth():
    mix = np.eye(7) + 0.35 * np.random.default_rng(1).normal(size=(7, 7))
    covariance = mix @ mix.T
    scale = np.sqrt(np.diag(covariance))
    means, sds = np.array([0.3, -0.1, 0.0, 0.05, 0.0, -0.2]), np.array([0.3, 0.2, 0.25, 0.1, 0.15, 0.2])
    return MatrixJoint("gaussian", means, sds, covariance / np.outer(scale, scale))


def test_vectors_are_logarithms_with_the_frobenius_norm():
    matrices = matrices_of(np.random.default_rng(2).normal(0, 0.5, (20, 6)))
    assert np.all(np.linalg.eigvalsh(matrices) > 0)
    vectors = log_vectors(matrices)
    np.testing.assert_allclose(matrices_of(vectors), matrices, rtol=1e-10)
    for matrix, vector in zip(matrices, vectors, strict=True):
        log = logm(matrix).real
        assert np.linalg.norm(vector) == pytest.approx(np.linalg.norm(log), rel=1e-9)
        np.testing.assert_allclose(vector, [*np.diag(log), *(np.sqrt(2) * log[[1, 0, 0], [2, 2, 1]])], atol=1e-9)


@pytest.mark.parametrize("kind", ["gaussian", "vine"])
def test_joint_laws_are_recovered(kind):
    rng = np.random.default_rng(3)
    w = weight_quantile(rng.random(3000), WEIGHTS)
    matrices = draw_joint(truth(), w, WEIGHTS, rng)
    fit = fit_matrix_joint(kind, matrices, w, WEIGHTS)
    np.testing.assert_allclose(fit.means, truth().means, atol=5 * 0.3 / np.sqrt(3000))
    np.testing.assert_allclose(fit.sds, truth().sds, rtol=0.07)
    np.testing.assert_allclose(fit.correlation, truth().correlation, atol=0.08)
    # Simulated again given other weights: the same dependence among the numbers and on the weight.
    other = weight_quantile(rng.random(3000), WEIGHTS)
    drawn = log_vectors(draw_joint(fit, other, WEIGHTS, rng))
    np.testing.assert_allclose(drawn.std(axis=0), truth().sds, rtol=0.08)
    seen = spearmanr(np.column_stack([drawn, other])).statistic
    theory = 6 / np.pi * np.arcsin(truth().correlation / 2)
    np.testing.assert_allclose(seen, theory, atol=0.1)


def radial_truth():
    """Grains twice as long along the radius as across, the longer the heavier."""
    covariance = np.zeros((7, 7))
    covariance[0, 0], covariance[6, 6], covariance[0, 6] = 0.09, 1.0, 0.12
    covariance[[1, 2], [1, 2]] = 0.03
    covariance[1, 2] = 0.01
    covariance[3, 3], covariance[[4, 5], [4, 5]] = 0.02, 0.01
    covariance = np.triu(covariance) + np.triu(covariance, 1).T
    sds = np.sqrt(np.diag(covariance))
    means = np.array([-0.92, 0.46, 0.46, 0.0, 0.0, 0.0])
    return MatrixJoint("radial", means, sds[:6], covariance / np.outer(sds, sds))


def test_a_radial_law_is_recovered_and_does_not_know_its_tangents():
    rng = np.random.default_rng(6)
    outward = rng.normal(size=(4000, 3))
    w = weight_quantile(rng.random(4000), WEIGHTS)
    isotropic = Law("gbpd-quadratic", {"trace_mean": 0.0, "trace_sd": 0.1, "deviator_sd": 0.1})
    model = GrainModel(
        Law("poisson", {"intensity": 1.0}), WEIGHTS, Law("independence"), matrices=isotropic, matrix_joint=radial_truth()
    )
    matrices = simulate_matrices(model, w, rng, outward)
    # The smallest eigenvalue, the long axis of the cell, points outwards.
    long = np.linalg.eigh(matrices)[1][:, :, 0]
    assert np.mean(np.abs(np.sum(long * outward, axis=1)) / np.linalg.norm(outward, axis=1)) > 0.97
    np.testing.assert_allclose(out_of_radial_frames(in_radial_frames(matrices, outward), outward), matrices, atol=1e-12)
    fit = fit_matrix_joint("radial", matrices, w, WEIGHTS, outward)
    truth = radial_truth()
    np.testing.assert_allclose(fit.means, truth.means, atol=5 * 0.3 / np.sqrt(4000))
    np.testing.assert_allclose(fit.sds, truth.sds, rtol=0.05)
    np.testing.assert_allclose(fit.correlation, truth.correlation, atol=0.06)
    # The whole sample turned by any rotation: the same law.
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    again = fit_matrix_joint("radial", turn @ matrices @ turn.T, w, WEIGHTS, outward @ turn.T)
    np.testing.assert_allclose(again.means, fit.means, atol=1e-9)
    np.testing.assert_allclose(again.correlation, fit.correlation, atol=1e-9)
    # Without the directions nothing of it is left: the mean shape is round.
    assert np.ptp(fit_matrix_joint("gaussian", matrices, w, WEIGHTS).means[:3]) < 0.1


def test_a_model_draws_from_the_joint_law_where_it_has_one():
    rng = np.random.default_rng(4)
    isotropic = Law("gbpd-quadratic", {"trace_mean": 0.0, "trace_sd": 0.1, "deviator_sd": 0.1})
    model = GrainModel(Law("poisson", {"intensity": 1.0}), WEIGHTS, Law("independence"), matrices=isotropic)
    w = weight_quantile(rng.random(400), WEIGHTS)
    assert log_vectors(simulate_matrices(model, w, rng))[:, 0].mean() == pytest.approx(0.0, abs=0.05)
    joint = replace(model, matrix_joint=truth())
    assert log_vectors(simulate_matrices(joint, w, rng))[:, 0].mean() == pytest.approx(0.3, abs=0.08)
    assert simulate_matrices(replace(model, matrices=None), w, rng) is None


def test_refusals():
    with pytest.raises(NmcError, match="too few"):
        fit_matrix_joint("vine", np.tile(np.eye(3), (5, 1, 1)), np.zeros(5), WEIGHTS)
    with pytest.raises(NmcError, match="unknown joint law"):
        fit_matrix_joint("wishart", np.tile(np.eye(3), (50, 1, 1)), np.zeros(50), WEIGHTS)
