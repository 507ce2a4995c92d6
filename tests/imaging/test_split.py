"""Splitting of touching particles, and the hierarchy that a slider runs through."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from nmcstudio.core.errors import Cancelled
from nmcstudio.core.monitor import Monitor
from nmcstudio.imaging.split import SplitHierarchy, split_hierarchy


@pytest.fixture(scope="module")
def rough() -> np.ndarray:
    """A random two-phase structure with necks of all widths."""
    field = ndimage.gaussian_filter(np.random.default_rng(9).normal(size=(70, 75, 80)), 4)
    return field > 0


@pytest.fixture(scope="module")
def hierarchy(rough: np.ndarray) -> SplitHierarchy:
    return split_hierarchy(rough)


@pytest.mark.parametrize("scene", ["balls", "ellipsoids"])
@pytest.mark.parametrize("split", [0.7, 0.8, 0.9])
def test_touching_particles_are_told_apart(scene: str, split: float, request, adjusted_rand) -> None:
    truth = request.getfixturevalue(scene)
    found = split_hierarchy(truth > 0).labels(split)
    inside = truth > 0
    assert np.array_equal(found > 0, inside)
    assert adjusted_rand(truth[inside], found[inside]) > 0.99


def test_flat_voxels_do_not_matter(ellipsoids: np.ndarray, adjusted_rand) -> None:
    flat = ellipsoids[::2]
    inside = flat > 0
    found = split_hierarchy(inside, (0.4, 0.2, 0.2)).labels(0.8)
    assert adjusted_rand(flat[inside], found[inside]) > 0.98


def test_flips_change_nothing(ellipsoids: np.ndarray, adjusted_rand) -> None:
    mask = ellipsoids > 0
    straight = split_hierarchy(mask).labels(0.8)
    flipped = split_hierarchy(np.ascontiguousarray(mask[::-1, :, ::-1])).labels(0.8)[::-1, :, ::-1]
    assert adjusted_rand(straight[mask], flipped[mask]) > 0.999
    turned = split_hierarchy(np.ascontiguousarray(mask.transpose(2, 0, 1))).labels(0.8).transpose(1, 2, 0)
    assert adjusted_rand(straight[mask], turned[mask]) > 0.999


def test_the_count_grows_with_split(hierarchy: SplitHierarchy, rough: np.ndarray) -> None:
    counts = [hierarchy.count(split) for split in np.linspace(0, 1, 41)]
    assert counts == sorted(counts)
    assert len(set(counts)) > 10
    # Merging everything that touches leaves what is connected.
    assert counts[0] == ndimage.label(rough)[1]


def test_merge_ratios_fall(hierarchy: SplitHierarchy) -> None:
    assert np.all(np.diff(hierarchy.ratios[np.isfinite(hierarchy.ratios)]) <= 1e-12)


def _directly(hierarchy: SplitHierarchy, distance: np.ndarray, split: float, depth: float) -> np.ndarray:
    """The rule applied to the basins one merge at a time, recomputing all necks and peaks: slow and independent."""
    basins = hierarchy.basins.copy()

    def best(score) -> tuple[float, int, int]:
        necks: dict[tuple[int, int], float] = {}
        for axis in range(3):
            one, two = np.moveaxis(basins, axis, 0)[:-1], np.moveaxis(basins, axis, 0)[1:]
            low, high = np.moveaxis(distance, axis, 0)[:-1], np.moveaxis(distance, axis, 0)[1:]
            touching = (one != two) & (one > 0) & (two > 0)
            for a, b, neck in zip(one[touching], two[touching], np.minimum(low, high)[touching]):
                pair = (min(a, b), max(a, b))
                necks[pair] = max(necks.get(pair, 0.0), neck)
        tops = ndimage.maximum(distance, basins, range(basins.max() + 1))
        return max(((score(neck, min(tops[a], tops[b])), a, b) for (a, b), neck in necks.items()), default=(-np.inf, 0, 0))

    for score, limit in ((lambda neck, peak: neck - peak, -depth), (lambda neck, peak: neck / peak, split)):
        while (found := best(score))[0] > limit:
            basins[basins == found[2]] = found[1]
    return basins


def test_remerging_is_the_direct_computation(rough: np.ndarray, adjusted_rand) -> None:
    from nmcstudio.imaging.denoise import smooth
    from nmcstudio.imaging.distance import distance_inside

    mask = rough[:40, :40, :40]
    distance = np.where(mask, np.maximum(smooth(distance_inside(mask), 1.0), 1e-3), 0)
    hierarchy = split_hierarchy(mask)
    for split in (0.5, 0.7, 0.85):
        found, direct = hierarchy.labels(split), _directly(hierarchy, distance, split, 0.5)
        assert found.max() == len(np.unique(direct)) - 1
        assert adjusted_rand(found[mask], direct[mask]) == pytest.approx(1)


@given(st.floats(0, 1), st.integers(1, 500), st.booleans())
def test_count_is_that_of_the_cleaned_labels(hierarchy: SplitHierarchy, split: float, minimum: int, keep: bool) -> None:
    from nmcstudio.imaging.clean import clean

    labels, _ = clean(hierarchy.labels(split), minimum, keep)
    assert hierarchy.count(split, minimum, keep) == labels.max()


def test_a_slider_step_takes_milliseconds(hierarchy: SplitHierarchy) -> None:
    start = time.perf_counter()
    for split in np.linspace(0.5, 1, 20):
        hierarchy.count(split)
    assert (time.perf_counter() - start) / 20 < 0.02


def test_splitting_stops_when_asked(rough: np.ndarray) -> None:
    monitor = Monitor()
    monitor.cancel()
    with pytest.raises(Cancelled):
        split_hierarchy(rough, monitor=monitor)


def test_an_empty_mask_has_no_particles() -> None:
    hierarchy = split_hierarchy(np.zeros((5, 6, 7), bool))
    assert hierarchy.count(0.8) == 0
    assert not hierarchy.labels(0.8).any()
