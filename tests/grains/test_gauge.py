"""Gauges of Laguerre generators: labels never change, and a known mis-gauge is found again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import Tessellation
from nmcstudio.grains.gauge import Gauge, centroid_gauge, fix_gauge, stationarity_gauge
from nmcstudio.grains.labelling import label_grid

SHAPE = (12, 14, 16)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.floats(0.2, 5.0),
    st.tuples(*[st.floats(-30, 30)] * 3),
    st.floats(-100, 100),
)
def test_labels_do_not_depend_on_the_gauge(seed, scale, shift, level):
    rng = np.random.default_rng(seed)
    seeds, weights = rng.uniform(-2, 18, (15, 3)), rng.normal(0, 10, 15)
    moved = Gauge(scale, np.array(shift), level).apply(seeds, weights)
    before = label_grid("laguerre", seeds, weights, None, SHAPE, (1, 1, 1))
    after = label_grid("laguerre", *moved, None, SHAPE, (1, 1, 1))
    assert np.mean(before == after) > 0.9995  # voxels on a face may fall to either side by rounding


def test_stationarity_gauge_undoes_a_change():
    rng = np.random.default_rng(1)
    seeds, weights = rng.uniform(100, 220, (800, 3)), rng.normal(0, 20, 800)
    wrong = Gauge(0.8, np.array([7.0, -3.0, 2.0])).apply(seeds, weights)
    straight = stationarity_gauge(seeds, weights).apply(seeds, weights)
    found = stationarity_gauge(*wrong).apply(*wrong)
    np.testing.assert_allclose(found[0], straight[0], atol=1e-6)
    np.testing.assert_allclose(found[1] - found[1].mean(), straight[1] - straight[1].mean(), atol=1e-5)


def test_centroid_gauge_undoes_a_change():
    rng = np.random.default_rng(2)
    centroids, volumes = rng.uniform(0, 50, (60, 3)), rng.uniform(1, 9, 60)
    gauge = centroid_gauge((centroids - [1.0, 2.0, 3.0]) / 1.7, centroids, volumes)
    assert gauge.scale == pytest.approx(1.7)
    np.testing.assert_allclose(gauge.shift_um, [1, 2, 3], atol=1e-9)


def tessellation(n, **more):
    rng = np.random.default_rng(n)
    seeds = rng.uniform(0, 40, (n, 3))
    more = {"centroids_um": seeds + rng.normal(0, 1, (n, 3)), "volumes_um3": rng.uniform(5, 9, n)} | more
    return Tessellation(
        "laguerre", np.arange(1, n + 1), seeds, rng.normal(3, 5, n), np.array([[0, 40.0]] * 3), complete=np.ones(n, bool), **more
    )


def test_choice_of_gauge():
    assert fix_gauge(tessellation(150)).gauge.startswith("stationarity (150 complete cells")
    few = fix_gauge(tessellation(60))
    assert few.gauge.startswith("centroid")
    assert "stationarity scale" in few.gauge
    assert few.weights.mean() == pytest.approx(0.0, abs=1e-9)
    assert fix_gauge(tessellation(60), "stationarity").gauge.startswith("stationarity")
    assert "as given" in fix_gauge(tessellation(1)).gauge
    with pytest.raises(NmcError, match="cannot be found"):
        fix_gauge(tessellation(60, centroids_um=None, volumes_um3=None), "centroid")
    with pytest.raises(NmcError, match="scale"):
        Gauge(-1.0, np.zeros(3)).apply(np.zeros((1, 3)), np.zeros(1))


@pytest.mark.parametrize("kind", ["gbpd-quadratic", "gbpd-sqrt"])
def test_gauge_of_diagrams_is_one_whatever_they_were_before(kind):
    rng = np.random.default_rng(3)
    n = 20
    a = rng.normal(size=(n, 3, 3))
    matrices = a @ np.swapaxes(a, 1, 2) / 3 + np.eye(3)
    given = Tessellation(
        kind, np.arange(1, n + 1), rng.uniform(0, 14, (n, 3)), rng.uniform(1, 3, n), np.array([[0, 14.0]] * 3),
        matrices=matrices, volumes_um3=rng.uniform(50, 90, n),
    )  # fmt: skip
    factor, level = 1.7, 0.4
    power = factor if kind == "gbpd-quadratic" else factor**2
    other = replace(given, matrices=power * matrices, weights=factor * given.weights + level)
    one, two = fix_gauge(given), fix_gauge(other)
    np.testing.assert_allclose(one.matrices, two.matrices, rtol=1e-12)
    np.testing.assert_allclose(one.weights, two.weights, atol=1e-12)
    assert np.linalg.slogdet(one.matrices)[1].mean() == pytest.approx(0.0, abs=1e-12)
    cells = [label_grid(kind, t.seeds_um, t.weights, t.matrices, SHAPE, (1, 1, 1)) for t in (given, other, one)]
    assert np.mean(cells[0] == cells[1]) > 0.9995
    assert np.mean(cells[0] == cells[2]) > 0.9995
    assert "of the generators before" in one.gauge
