"""Otsu's threshold and its sensitivity against direct computation; the field of view."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from skimage.filters import threshold_otsu

from nmcstudio.core.errors import ComputationError, NmcError
from nmcstudio.imaging.field_of_view import Cylinder, field_of_view, find_cylinder
from nmcstudio.imaging.threshold import Histogram, count_codes, histogram_of_counts, otsu, share_above, volume_slope


@pytest.fixture(scope="module")
def two_phases() -> np.ndarray:
    rng = np.random.default_rng(5)
    solid = rng.random((40, 50, 60)) < 0.3
    return np.where(solid, rng.normal(150, 15, solid.shape), rng.normal(70, 15, solid.shape)).clip(0, 255)


def histogram(values: np.ndarray, observed: np.ndarray | None = None) -> Histogram:
    """As the segmentation makes it: of codes."""
    if values.dtype == np.uint8:
        return histogram_of_counts(count_codes(values, observed), 0.0, 1.0)
    codes = np.rint(values.clip(0, 255) * 257).astype(np.uint16)
    return histogram_of_counts(count_codes(codes, observed), 0.0, 1 / 257)


def test_otsu_is_scikit_images(two_phases: np.ndarray) -> None:
    whole = two_phases.astype(np.uint8)
    # scikit-image gives the last grey value below, this one the edge between the two.
    assert otsu(histogram(whole)) == threshold_otsu(whole) + 0.5
    fine = histogram(two_phases)
    assert otsu(fine) == pytest.approx(threshold_otsu(two_phases, nbins=1024), abs=2 * (fine.edges[1] - fine.edges[0]))


def test_otsu_of_two_values_lies_in_the_middle() -> None:
    assert otsu(histogram(np.array([[[0, 0, 200, 200, 200]]], np.uint8))) == pytest.approx(100)


def test_histogram_leaves_out_the_unobserved(two_phases: np.ndarray) -> None:
    observed = np.zeros(two_phases.shape, bool)
    observed[10:30] = True
    spoiled = np.where(observed, two_phases, 1e6)
    assert histogram(spoiled, observed).counts.sum() == observed.sum()
    assert otsu(histogram(spoiled, observed)) == otsu(histogram(two_phases[10:30]))


def test_volume_slope_is_that_of_the_normal_laws(two_phases: np.ndarray) -> None:
    level = 110.0
    density = 0.3 * norm.pdf(level, 150, 15) + 0.7 * norm.pdf(level, 70, 15)
    volume = 0.3 * norm.sf(level, 150, 15) + 0.7 * norm.sf(level, 70, 15)
    found = histogram(two_phases)
    assert share_above(found, level) == pytest.approx(volume, rel=0.02)
    assert volume_slope(found, level) == pytest.approx(-density / volume, rel=0.15)


def test_one_grey_value_is_an_error() -> None:
    with pytest.raises(ComputationError, match="same grey value"):
        histogram(np.full((3, 4, 5), 9, np.uint8))


def test_the_empty_corners_of_a_cylindrical_scan_are_found() -> None:
    values = np.random.default_rng(6).integers(20, 200, (30, 81, 81)).astype(np.uint8)
    mask = Cylinder((40.0, 40.0), 38.0).mask(values.shape)
    found = find_cylinder(np.where(mask, values, 0).astype(np.uint8))
    assert found is not None
    assert found.centre == pytest.approx((40, 40), abs=0.5)
    assert found.radius == pytest.approx(38, abs=0.5)
    assert find_cylinder(values) is None


def test_a_cylinder_wider_than_the_volume_is_found_too() -> None:
    values = np.random.default_rng(7).integers(20, 200, (20, 80, 80)).astype(np.uint8)
    mask = Cylinder((39.5, 39.5), 46.0).mask(values.shape)
    found = find_cylinder(np.where(mask, values, 0).astype(np.uint8))
    assert found is not None
    assert found.radius == pytest.approx(46, abs=0.6)


def test_a_single_particle_is_no_field_of_view() -> None:
    z, y, x = np.ogrid[-40:41, -40:41, -40:41]
    assert find_cylinder((z * z + y * y + x * x < 39**2).astype(np.uint8)) is None


def test_field_of_view_says_what_is_wrong() -> None:
    values = np.random.default_rng(8).integers(1, 200, (20, 30, 40)).astype(np.uint8)
    with pytest.raises(NmcError, match="no cylindrical"):
        field_of_view(values, kind="cylinder")
    with pytest.raises(NmcError, match="no constant padding"):
        field_of_view(values, kind="box")
    with pytest.raises(NmcError, match="outside the volume"):
        field_of_view(values, kind="box", box=(25, 30, 0, 5, 0, 5))
    mask, _ = field_of_view(values, kind="box", box=(2, 10, 0, 30, 5, 99))
    assert mask is not None
    assert mask.sum() == 8 * 30 * 35
