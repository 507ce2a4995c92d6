"""Splitting of touching particles, and the hierarchy that a slider runs through."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from nmcstudio.core.errors import Cancelled
from nmcstudio.core.monitor import Monitor
from nmcstudio.imaging.merging import merge_order
from nmcstudio.imaging.split import SplitHierarchy, split_hierarchy


@pytest.fixture(scope="module")
def rough() -> np.ndarray:
    """A random two-phase structure with necks of all widths."""
    field = ndimage.gaussian_filter(np.random.default_rng(9).normal(size=(70, 75, 80)), 4)
    return field > 0


def _chain(count: int, seed: int) -> SplitHierarchy:
    """Basins in a row, merged in a random order."""
    rng = np.random.default_rng(seed)
    peaks = np.r_[0.0, rng.uniform(5, 20, count)]
    pairs = np.stack([np.arange(1, count), np.arange(2, count + 1)], axis=1)
    necks = np.minimum(peaks[1:-1], peaks[2:]) * rng.uniform(0.2, 1, count - 1)
    merged, ratios = merge_order(peaks, pairs, necks, 0.5, Monitor())
    return SplitHierarchy(
        np.zeros((1, 1, 1), np.int32), merged, ratios, peaks, np.r_[0, rng.integers(1, 900, count)], np.zeros(count + 1, bool)
    )


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

    mask = rough[:40, :40, :40]
    distance = np.where(mask, np.maximum(smooth(ndimage.distance_transform_edt(mask), 1.0), 1e-3), 0)
    hierarchy = split_hierarchy(mask)
    for split in (0.5, 0.7, 0.85):
        found, direct = hierarchy.labels(split), _directly(hierarchy, distance, split, 0.5)
        assert found.max() == len(np.unique(direct)) - 1
        assert adjusted_rand(found[mask], direct[mask]) == pytest.approx(1)


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 1), st.integers(1, 500), st.booleans())
def test_sorting_out_is_that_of_the_labels(hierarchy: SplitHierarchy, split: float, minimum: int, keep: bool) -> None:
    """Sizes and borders counted on the labels themselves, voxel by voxel."""
    everything = hierarchy.labels(split)
    sizes = np.bincount(everything.ravel())
    faces = [np.moveaxis(everything, axis, 0)[[0, -1]].ravel() for axis in range(3)]
    cut = set() if keep else set(np.concatenate(faces).tolist())
    expected = [k for k in range(1, len(sizes)) if k not in cut and sizes[k] >= minimum]
    found = hierarchy.sort_out(split, minimum, keep)
    assert found.sizes.tolist() == sizes[expected].tolist()
    assert found.removed.cut == len(cut - {0})
    assert found.removed.small == len(sizes) - 1 - len(cut - {0}) - len(expected)
    assert found.removed.small_voxels + found.removed.cut_voxels + found.sizes.sum() == sizes[1:].sum()
    labels = hierarchy.labels(split, minimum, keep)
    assert np.array_equal(found.lookup[hierarchy.basins], labels)
    assert np.array_equal(labels, np.where(np.isin(everything, expected), np.searchsorted(expected, everything) + 1, 0))
    assert hierarchy.count(split, minimum, keep) == labels.max()
    assert np.allclose(hierarchy.diameters(split, minimum, keep) ** 3 * np.pi / 6, found.sizes)


def test_a_slider_step_takes_milliseconds(hierarchy: SplitHierarchy) -> None:
    start = time.perf_counter()
    for split in np.linspace(0.5, 1, 20):
        hierarchy.count(split)
    assert (time.perf_counter() - start) / 20 < 0.02


def test_many_basins_are_sorted_out_at_once() -> None:
    _chain(1000, 1).sort_out(0.7, 100)
    start = time.process_time()
    many = _chain(200_000, 1)
    assert time.process_time() - start < 10
    assert np.all(np.diff(many.ratios[np.isfinite(many.ratios)]) <= 1e-12)
    took = []
    for split in (0.5, 0.7, 0.9):
        start = time.process_time()
        many.sort_out(split, 100)
        took.append(time.process_time() - start)
    assert min(took) < 0.02


def test_splitting_stops_when_asked(rough: np.ndarray) -> None:
    monitor = Monitor()
    monitor.cancel()
    with pytest.raises(Cancelled):
        split_hierarchy(rough, monitor=monitor)


def test_an_empty_mask_has_no_particles() -> None:
    hierarchy = split_hierarchy(np.zeros((5, 6, 7), bool))
    assert hierarchy.count(0.8) == 0
    assert not hierarchy.labels(0.8).any()


@pytest.mark.parametrize("height", [1.0, 2.0])
def test_markers_are_scikit_images_watershed(ellipsoids: np.ndarray, height: float, adjusted_rand) -> None:
    """h-maxima of the same heights, flooded voxel by voxel there and basin by basin here."""
    from skimage.morphology import h_maxima
    from skimage.segmentation import watershed

    from nmcstudio.imaging.heights import heights_of

    mask = ellipsoids > 0
    heights = heights_of(mask, (1.0, 1.0, 1.0), None, 1.0, Monitor())
    depth = heights.codes.astype(np.float64) * heights.step
    markers, count = ndimage.label(h_maxima(depth, height), np.ones((3, 3, 3)))
    expected = watershed(-depth, markers, mask=mask)
    found = split_hierarchy(mask, depth_voxels=height, method="markers")
    labels = found.labels(0.8)
    assert found.count(0.1) == found.count(1.0) == count
    assert adjusted_rand(expected[mask], labels[mask]) > 0.99
