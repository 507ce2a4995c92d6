"""Global envelopes of g, F and D0: what passes, what is rejected, and what is suggested then."""

from __future__ import annotations

import numpy as np
import pytest

from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.grains import Law
from nmcstudio.core.monitor import Monitor
from nmcstudio.grains import goodness
from nmcstudio.grains.fit_seeds import fit_seeds
from nmcstudio.grains.goodness import LEVEL, envelope_test, judge_process
from nmcstudio.grains.processes import simulate_matern, simulate_poisson, simulate_strauss
from nmcstudio.stats.regions import BoxRegion, MaskRegion

BOX = BoxRegion(np.array([[0.0, 5.0]] * 3))
MATERN = Law("matern-cluster", {"parent_intensity": 0.8, "mean_offspring": 3.0, "cluster_radius": 0.4})


def patterns(seed=1):
    rng = np.random.default_rng(seed)
    return {
        "matern-cluster": simulate_matern(*MATERN.parameters.values(), BOX.bounds_um, rng),
        "poisson": simulate_poisson(2.4, BOX.bounds_um, rng),
        "strauss": simulate_strauss(6.0, 0.1, 0.5, np.array([[-1.0, 6.0]] * 3), rng),
    }


def test_random_seeds_pass_and_the_band_tells_the_verdict():
    rng = np.random.default_rng(2)
    points = patterns()["poisson"]
    curves, goodness, note = judge_process(points, BOX, fit_seeds(points, BOX, "poisson", rng).law, rng, 39)
    assert list(goodness) == ["poisson"]
    assert goodness["poisson"] > LEVEL
    assert note == ""
    assert [c.function for c in curves] == ["g", "F", "D0"]
    for c in curves:
        assert c.simulations == 39
        assert np.all((c.low <= c.middle + 1e-9) & (c.middle <= c.high + 1e-9))
        assert np.all((c.low <= c.data) & (c.data <= c.high))
        assert np.all(np.diff(c.radii_um) > 0)
    unit = 2.4 ** (-1 / 3)
    assert curves[0].middle[len(curves[0].middle) // 2 :].mean() == pytest.approx(1.0, abs=0.05)
    d = curves[2].radii_um
    # Both laws of a Poisson process are those of the nearest point.
    theory = -np.expm1(-len(points) / 125 * 4 / 3 * np.pi * d**3)
    np.testing.assert_allclose(curves[1].middle, theory, atol=0.05)
    np.testing.assert_allclose(curves[2].middle, theory, atol=0.05)
    assert d[-1] == pytest.approx(1.6 * unit, rel=0.1)


@pytest.mark.parametrize(
    ("kind", "option", "words"), [("matern-cluster", "matern", "nearer"), ("strauss", "strauss", "further away")]
)
def test_wrong_processes_are_rejected_and_the_right_one_is_suggested(kind, option, words):
    rng = np.random.default_rng(3)
    points = patterns()[kind]
    curves, goodness, note = judge_process(points, BOX, fit_seeds(points, BOX, "poisson", rng).law, rng, 19)
    assert goodness["poisson"] <= LEVEL < goodness[kind]
    assert f"--seeds {option}" in note
    assert words in note
    assert any(np.any((c.data < c.low) | (c.data > c.high)) for c in curves[:3])
    assert {c.process for c in curves[3:]} == {kind}


def test_same_stream_same_envelope():
    points = patterns()["poisson"]
    law = Law("poisson", {"intensity": 2.4})
    one, other = (envelope_test(points, BOX, law, np.random.default_rng(4), 19) for _ in range(2))
    assert one[1] == other[1]
    for a, b in zip(one[0], other[0], strict=True):
        np.testing.assert_array_equal(a.low, b.low)
        np.testing.assert_array_equal(a.data, b.data)


def test_a_mask_is_simulated_as_it_was_observed():
    z, y, x = np.indices((25, 25, 25))
    ball = MaskRegion((x - 12) ** 2 + (y - 12) ** 2 + (z - 12) ** 2 <= 144, (0.2,) * 3)
    rng = np.random.default_rng(5)
    points = simulate_poisson(3.0, np.array([[-0.1, 4.9]] * 3), rng)
    inside = points[ball.contains(points)]
    law = Law("poisson", {"intensity": len(inside) / ball.volume_um3})
    # Points outside the region are not compared: simulated ones are not either.
    curves, p = envelope_test(points, ball, law, rng, 19)
    assert p == envelope_test(inside, ball, law, rng, 19)[1]
    assert p > LEVEL
    assert curves[0].middle[10:].mean() == pytest.approx(1.0, abs=0.08)


def test_refusal_and_cancelling():
    points, law = patterns()["poisson"], Law("poisson", {"intensity": 2.4})
    with pytest.raises(NmcError, match="too few"):
        envelope_test(points, BOX, law, np.random.default_rng(0), 10)
    monitor = Monitor()
    monitor.cancel()
    with pytest.raises(Cancelled):
        judge_process(points, BOX, law, np.random.default_rng(0), 19, monitor)


@pytest.mark.slow
@pytest.mark.parametrize("law", [MATERN, Law("poisson", {"intensity": 2.4})], ids=lambda law: law.kind)
def test_the_level_is_kept(law):
    # A pattern of the very process leaves the band in 5 % of cases: of 100 at most 12 (binomial, 0.4 %).
    rng = np.random.default_rng(6)
    small = BoxRegion(np.array([[0.0, 4.0]] * 3))
    rejected = 0
    for k in range(100):
        if law.kind == "poisson":
            points = simulate_poisson(law["intensity"], small.bounds_um, rng)
        else:
            points = simulate_matern(*law.parameters.values(), small.bounds_um, rng)
        rejected += envelope_test(points, small, law, np.random.default_rng([7, k]), 19)[1] <= LEVEL
    assert rejected <= 12


def test_of_very_many_seeds_those_in_the_middle_are_tested(monkeypatch):
    monkeypatch.setattr(goodness, "_MOST_SEEDS", 150)
    points = patterns()["poisson"]
    z, y, x = np.indices((25, 25, 25)) - 12
    ball = MaskRegion(z * z + y * y + x * x <= 150, (0.2,) * 3, (0.1,) * 3)
    for region in (BOX, ball):
        tested = goodness._tested(points, region)
        whole, part = region.contains(points), tested.contains(points)
        assert whole.sum() > 150
        assert 100 < part.sum() < 200
        assert not (part & ~whole).any()
    monkeypatch.setattr(goodness, "_MOST_SEEDS", len(points))
    assert goodness._tested(points, BOX) is BOX
