"""Distance transform, smoothing and components against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from nmcstudio.core.errors import Cancelled
from nmcstudio.core.monitor import Monitor
from nmcstudio.imaging.components import connected_components
from nmcstudio.imaging.denoise import smooth
from nmcstudio.imaging.distance import squared_distance_inside


def distance_inside(
    mask: np.ndarray, monitor: Monitor | None = None, edges: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> np.ndarray:
    squared, unit = squared_distance_inside(mask, edges, None, monitor)
    return np.sqrt(squared * unit)


@pytest.fixture(scope="module")
def speckle() -> np.ndarray:
    rng = np.random.default_rng(1)
    return ndimage.gaussian_filter(rng.normal(size=(31, 40, 53)), 2) > 0


@pytest.mark.parametrize("edges", [(1.0, 1.0, 1.0), (2.0, 1.0, 0.5)])
def test_distance_is_scipys(speckle: np.ndarray, edges: tuple[float, float, float]) -> None:
    expected = ndimage.distance_transform_edt(speckle, sampling=edges)
    assert np.allclose(distance_inside(speckle, edges=edges), expected, rtol=1e-5)


def test_distance_of_a_mask_without_outside_is_finite() -> None:
    found = distance_inside(np.ones((4, 5, 6), bool))
    assert np.isfinite(found).all()
    assert found.min() > 6


@pytest.mark.parametrize("sigma", [0.0, 1.0, 4.0])
def test_smoothing_is_scipys(sigma: float) -> None:
    values = np.random.default_rng(2).integers(0, 65535, (37, 41, 29)).astype(np.uint16)
    expected = ndimage.gaussian_filter(values.astype(np.float64), sigma, mode="reflect") if sigma else values
    assert np.allclose(smooth(values, sigma), expected, rtol=1e-5)


def test_smoothing_leaves_a_constant_inside_a_field_of_view_alone() -> None:
    values = np.full((20, 30, 30), 7, np.uint8)
    observed = np.zeros(values.shape, bool)
    observed[:, 8:22, 8:22] = True
    values[~observed] = 0
    assert np.allclose(smooth(values, 2.0, observed)[observed], 7, atol=1e-4)


def test_one_slice_is_smoothed_in_its_plane() -> None:
    values = np.random.default_rng(3).random((1, 30, 40))
    assert np.allclose(smooth(values, 2.0)[0], ndimage.gaussian_filter(values[0], 2.0), rtol=1e-5)


@pytest.mark.parametrize("dtype", [">u2", ">f4", "<i2", "f2", "f8"])
def test_smoothing_takes_every_type_and_layout(dtype: str) -> None:
    values = np.random.default_rng(5).integers(0, 900, (20, 22, 24)).astype(dtype)
    expected = ndimage.gaussian_filter(values.astype(np.float64), 1.5)
    assert np.allclose(smooth(values, 1.5), expected, rtol=1e-5)
    assert np.allclose(smooth(np.asfortranarray(values), 1.5), expected, rtol=1e-5)


def test_a_field_of_view_that_repeats_one_plane_is_that_of_a_full_mask() -> None:
    values = np.random.default_rng(6).integers(0, 255, (15, 30, 31)).astype(np.uint8)
    disc = (np.arange(30)[:, None] - 14) ** 2 + (np.arange(31) - 15) ** 2 <= 13**2
    repeated = np.broadcast_to(disc, values.shape)
    whole = smooth(values, 2.0, np.ascontiguousarray(repeated))
    weights = ndimage.gaussian_filter(repeated.astype(np.float64), 2.0)
    expected = ndimage.gaussian_filter(np.where(repeated, values, 0.0), 2.0)
    assert np.allclose(smooth(values, 2.0, repeated)[repeated], (expected / weights)[repeated], rtol=1e-4)
    assert np.allclose(whole[repeated], (expected / weights)[repeated], rtol=1e-4)


def test_components_are_scipys(speckle: np.ndarray) -> None:
    labels, count = connected_components(speckle, Monitor(), "")
    expected, number = ndimage.label(speckle)
    assert count == number
    assert np.array_equal(labels, expected)


def test_all_of_them_stop_when_asked(speckle: np.ndarray) -> None:
    monitor = Monitor()
    monitor.cancel()
    for work in (
        lambda: distance_inside(speckle, monitor),
        lambda: smooth(speckle, 1.0, None, monitor),
        lambda: connected_components(speckle, monitor, ""),
    ):
        with pytest.raises(Cancelled):
            work()
