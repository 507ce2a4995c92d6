"""Stages that are kept give what the whole way gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Volume
from nmcstudio.imaging import segmenter as module
from nmcstudio.imaging.corrections import Corrections
from nmcstudio.imaging.segment_ct import segment_ct
from nmcstudio.imaging.segment_settings import SegmentSettings
from nmcstudio.imaging.segmenter import Segmenter, live_segmenter
from nmcstudio.imaging.split import SplitHierarchy


@pytest.fixture
def volume(balls: np.ndarray) -> Volume:
    grey = ndimage.gaussian_filter(np.where(balls > 0, 160.0, 60.0), 1.0) + np.random.default_rng(1).normal(0, 10, balls.shape)
    return Volume(grey.clip(0, 255).astype(np.uint8), (0.128,) * 3)


@pytest.mark.parametrize(
    "settings",
    [
        SegmentSettings(sigma=1.5, keep_cut=True),
        SegmentSettings(sigma=2.0, corrections=Corrections(median_radius=1), field_of_view_kind="box", box=(4, 80, 8, 90, 3, 96)),
    ],
)
def test_run_is_the_same_with_and_without_a_segmenter(volume: Volume, settings: SegmentSettings) -> None:
    without = segment_ct(volume, settings)
    held = Segmenter(volume)
    with_it = segment_ct(volume, settings)
    assert held.has("hierarchy", settings)
    assert np.array_equal(without.labels, with_it.labels)
    assert without.labels.dtype == with_it.labels.dtype
    assert without.notes == with_it.notes
    assert without.surface == with_it.surface


def test_only_what_depends_on_a_setting_is_done_again(volume: Volume, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def counted(name: str):
        original = getattr(module, name)

        def wrapped(*arguments, **named):
            done.append(name)
            return original(*arguments, **named)

        monkeypatch.setattr(module, name, wrapped)

    for name in ("smooth_volume", "cut_at_threshold", "split_hierarchy"):
        counted(name)
    held, settings = Segmenter(volume), SegmentSettings(sigma=1.0)
    held.labels(settings)
    assert done == ["smooth_volume", "cut_at_threshold", "split_hierarchy"]
    done.clear()
    held.labels(replace(settings, split=0.6, keep_cut=True, minimum_diameter_um=0.5))
    assert done == []
    held.labels(replace(settings, depth_voxels=1.0))
    assert done == ["split_hierarchy"]
    done.clear()
    held.labels(replace(settings, threshold=100.0))
    assert done == ["cut_at_threshold", "split_hierarchy"]
    done.clear()
    held.labels(replace(settings, sigma=2.0))
    assert done == ["smooth_volume", "cut_at_threshold", "split_hierarchy"]
    held.forget()
    assert not held.has("smoothed", replace(settings, sigma=2.0))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_plane_alone_is_that_of_the_whole(volume: Volume, dtype: type) -> None:
    given = Volume(volume.values.astype(dtype) * 7 if dtype != np.uint8 else volume.values, volume.spacing_um)
    held, settings = Segmenter(given), SegmentSettings(sigma=2.0, field_of_view_kind="box", box=(4, 80, 8, 90, 3, 96))
    cases = [(axis, index) for axis in range(3) for index in (0, 5, 50, 95)]
    alone = [held.smoothed_slice(axis, index, settings) for axis, index in cases]
    assert not held.has("smoothed", settings)
    whole = held.smoothed(settings)
    for (axis, index), (codes, scale) in zip(cases, alone):
        assert np.array_equal(codes, whole.codes.take(index, axis=axis))
        assert scale == whole.scale
        assert np.array_equal(codes, held.smoothed_slice(axis, index, settings)[0])


def test_a_view_paints_through_the_lookup(volume: Volume) -> None:
    held, settings = Segmenter(volume), SegmentSettings(sigma=1.0, keep_cut=True)
    hierarchy: SplitHierarchy = held.hierarchy(settings)
    lookup = hierarchy.lookup(0.8, held.minimum_voxels(settings), True)
    assert np.array_equal(lookup[hierarchy.basins[40]], held.labels(settings).labels[40])


def test_nothing_is_kept_when_nobody_holds_it(volume: Volume) -> None:
    held = Segmenter(volume)
    assert live_segmenter(volume) is held
    assert live_segmenter(Volume(volume.values, volume.spacing_um)) is held
    assert live_segmenter(Volume(volume.values.copy(), volume.spacing_um)) is None
    assert live_segmenter(Volume(volume.values, (1.0,) * 3)) is None
    del held
    assert live_segmenter(volume) is None


def test_quantised_values_are_half_a_code_away_at_most(volume: Volume) -> None:
    found = Segmenter(volume).smoothed(SegmentSettings(sigma=2.0), Monitor())
    exact = ndimage.gaussian_filter(volume.values.astype(np.float64), 2.0)
    assert np.abs(found.scale.offset + found.scale.scale * found.codes - exact).max() < 0.51 * found.scale.scale + 1e-4
