"""Every law of the weights with every copula: recovery, and the choice by Akaike's criterion."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from nmcstudio.core.grains import Law
from nmcstudio.grains.copula import COPULA_KINDS, copula_of_tau, draw_conditional, kendall_tau
from nmcstudio.grains.mark_choice import choose_marks
from nmcstudio.grains.marks import fit_marks, quick_marks
from nmcstudio.grains.weights import WEIGHT_KINDS, weight_moments, weight_of_vector, weight_quantile

SHAPES = {"inverse-gamma": np.log(10.0), "gamma": np.log(4.0), "log-normal": np.log(0.35), "normal": 0.0}


def sample(weights, copula, count, seed):
    rng = np.random.default_rng(seed)
    u2 = rng.random(count)
    return weight_quantile(draw_conditional(copula, rng.random(count), u2), weights), u2


def copula_of(kind, tau):
    like = {"clayton": {"theta": 1.0, "rotation": 180.0}, "gumbel": {"theta": 2.0, "rotation": 0.0}}.get(kind, {})
    if kind == "tawn":
        return Law("tawn", {"kappa": 1.8, "psi1": 1.0, "psi2": 0.6})
    return Law("independence") if kind == "independence" else copula_of_tau(Law(kind, like), tau)


@pytest.mark.parametrize("kind", WEIGHT_KINDS)
@pytest.mark.parametrize("copula", COPULA_KINDS)
def test_every_pair_is_recovered(kind, copula):
    weights, joint = weight_of_vector(kind, np.array([0.01, np.log(0.05), SHAPES[kind]])), copula_of(copula, 0.25)
    w, u2 = sample(weights, joint, 900, 3)
    margin = fit_marks(w, u2, law=kind, copula="independence", errors=False)
    fit = quick_marks(w, u2, margin.weights, copula)
    moments, truth = weight_moments(fit.weights), weight_moments(weights)
    assert moments.mean == pytest.approx(truth.mean, abs=4 * truth.sd / np.sqrt(900))
    assert moments.sd == pytest.approx(truth.sd, rel=0.12)
    assert fit.kendall_tau == pytest.approx(kendall_tau(joint), abs=4 * 2 / 3 / np.sqrt(900))
    assert fit.copula.parameters.get("rotation", 0.0) == joint.parameters.get("rotation", 0.0)
    assert fit.pit_p > 1e-3
    assert fit.free == (2 if kind == "normal" else 3) + {"independence": 0, "tawn": 2}.get(copula, 1)


def test_margins_are_the_maxima_of_scipy():
    w, u2 = sample(weight_of_vector("normal", np.array([1.0, 0.0])), Law("independence"), 300, 4)
    fit = fit_marks(w, u2, law="normal", copula="independence")
    assert fit.weights["mean"] == pytest.approx(w.mean(), abs=1e-4)
    assert fit.weights["sd"] == pytest.approx(w.std(), rel=1e-4)
    assert fit.weights.errors["mean"] == pytest.approx(w.std() / np.sqrt(300), rel=0.01)
    assert fit.weights.errors["sd"] == pytest.approx(w.std() / np.sqrt(600), rel=0.02)
    assert fit.log_likelihood == pytest.approx(stats.norm(w.mean(), w.std()).logpdf(w).sum(), abs=1e-5)
    w, u2 = sample(Law("gamma", {"shape": 4.0, "scale": 0.1, "theta": 0.0}), Law("independence"), 500, 5)
    fit = fit_marks(w, u2, law="gamma", copula="independence", errors=False)
    best = stats.gamma.fit(w, fit.weights["shape"], loc=fit.weights["theta"], scale=fit.weights["scale"])
    assert fit.log_likelihood == pytest.approx(stats.gamma.logpdf(w, *best).sum(), abs=0.01)


def test_negative_dependence_turns_the_copula():
    joint = Law("clayton", {"theta": 0.8, "rotation": 90.0})
    w, u2 = sample(weight_of_vector("normal", np.array([0.0, 0.0])), joint, 800, 6)
    fit = fit_marks(w, u2, law="normal", copula="clayton")
    assert fit.copula["rotation"] == 90.0
    assert fit.copula["theta"] == pytest.approx(0.8, abs=4 * fit.copula.errors["theta"])
    assert "rotation" not in fit.copula.errors


def test_the_best_is_suggested_and_auto_takes_it():
    weights, joint = weight_of_vector("log-normal", np.array([0.0, 0.0, np.log(0.5)])), copula_of("clayton", 0.35)
    w, u2 = sample(weights, joint, 400, 7)
    fit, choices, note = choose_marks(w, u2, "normal", "tawn")
    assert (fit.weights.kind, fit.copula.kind) == ("normal", "tawn")
    assert len(choices) == len(WEIGHT_KINDS) * len(COPULA_KINDS)
    aics = [c.aic for c in choices]
    assert aics == sorted(aics)
    assert choices[0].copula.kind == "clayton"
    assert "--copula clayton" in note
    assert "--weights" in note
    # Gumbel is Tawn with both shares at 1, and the normal law the limit of every other one.
    found = {(c.weights.kind, c.copula.kind): c.log_likelihood for c in choices}
    for kind in WEIGHT_KINDS:
        upright = quick_marks(w, u2, next(c.weights for c in choices if c.weights.kind == kind), "gumbel")
        if upright.copula["rotation"] == 0.0:
            assert found[kind, "tawn"] >= upright.log_likelihood - 0.2
        assert found[kind, "independence"] >= found["normal", "independence"] - 0.5
    taken, again, _ = choose_marks(w[:150], u2[:150], "auto", "clayton", compare=False)
    assert taken.copula.kind == "clayton"
    assert taken.aic == pytest.approx(min(c.aic for c in again if c.copula.kind == "clayton"), abs=0.01)
    only, none, quiet = choose_marks(w, u2, "normal", "frank", compare=False)
    assert (only.copula.kind, none, quiet) == ("frank", (), "")
