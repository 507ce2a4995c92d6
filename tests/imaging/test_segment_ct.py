"""The whole way from grey values to particles."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from scipy import ndimage

from nmcstudio.core.errors import Cancelled, ComputationError, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import Volume
from nmcstudio.imaging.field_of_view import Cylinder
from nmcstudio.imaging.foreground import find_foreground
from nmcstudio.imaging.pores import fill_pores
from nmcstudio.imaging.segment_ct import segment_ct
from nmcstudio.imaging.segment_settings import SegmentSettings


def _grey(labels: np.ndarray, noise: float = 12.0) -> np.ndarray:
    rng = np.random.default_rng(10)
    blurred = ndimage.gaussian_filter(np.where(labels > 0, 160.0, 60.0), 1.0)
    return (blurred + rng.normal(0, noise, labels.shape)).clip(0, 255).astype(np.uint8)


def test_noisy_touching_particles_come_back(balls: np.ndarray, adjusted_rand) -> None:
    volume = Volume(_grey(balls), (0.128,) * 3, (1.0, 2.0, 3.0), name="scene", simulated=True)
    found = segment_ct(volume, SegmentSettings(sigma=1.0, keep_cut=True))
    assert found.labels.max() == balls.max()
    inside = (balls > 0) & (found.labels > 0)
    assert adjusted_rand(balls[inside], found.labels[inside]) > 0.99
    assert inside.sum() > 0.97 * (balls > 0).sum()
    assert (found.spacing_um, found.origin_um, found.kind) == (volume.spacing_um, volume.origin_um, "particles")
    assert found.simulated
    assert found.name == "scene"
    assert found.surface is not None
    assert found.surface.sigma_voxels == 1.0
    assert 100 < found.surface.threshold < 120
    assert any("dV/dthreshold" in note for note in found.notes)


def test_noise_does_not_decide(balls: np.ndarray) -> None:
    """The surface level is one of the smoothed grey values: thresholding it again gives the labels' outline."""
    volume = Volume(_grey(balls), (0.128,) * 3)
    found = segment_ct(volume, SegmentSettings(sigma=1.5, keep_cut=True, minimum_diameter_um=0.0, fill_closed_pores=False))
    assert found.surface is not None
    again = ndimage.gaussian_filter(volume.values.astype(np.float32), 1.5, mode="reflect") > found.surface.threshold
    assert np.mean(again != (found.labels > 0)) < 1e-5


@pytest.mark.parametrize(("radius", "shift"), [(20, -0.80), (29, -0.552)])
def test_smoothing_moves_a_ball_inwards_by_sigma_squared_over_radius(radius: int, shift: float) -> None:
    n = radius + 20
    z, y, x = np.ogrid[-n : n + 1, -n : n + 1, -n : n + 1]
    ball = (z * z + y * y + x * x <= radius * radius).astype(np.uint8)
    found = segment_ct(Volume(ball, (1.0,) * 3), SegmentSettings(sigma=4.0, threshold=0.5))
    moved = np.cbrt(np.count_nonzero(found.labels) * 3 / 4 / np.pi) - np.cbrt(ball.sum() * 3 / 4 / np.pi)
    assert moved == pytest.approx(shift, abs=0.05)


def test_particles_at_the_border_are_dropped_and_counted(balls: np.ndarray) -> None:
    faces = np.zeros(balls.shape, bool)
    for axis in range(3):
        np.moveaxis(faces, axis, 0)[[0, -1]] = True
    cut = set(np.unique(balls[faces])) - {0}
    assert cut
    phases = Volume((balls > 0).astype(np.uint8), (0.5,) * 3)
    dropped = segment_ct(phases, SegmentSettings(phase_value=1))
    kept = segment_ct(phases, SegmentSettings(phase_value=1, keep_cut=True))
    assert kept.labels.max() == balls.max()
    assert dropped.labels.max() == balls.max() - len(cut)
    assert any(f"dropped: {len(cut)} particles at the border" in note for note in dropped.notes)


def test_particles_at_the_field_of_view_are_dropped(balls: np.ndarray) -> None:
    disc = Cylinder((47.5, 47.5), 40.0).mask(balls.shape)
    volume = Volume(np.where(disc, _grey(balls, 5.0) + 1, 0).astype(np.uint8), (0.5,) * 3)
    found = segment_ct(volume, SegmentSettings(sigma=1.0))
    assert found.observed is not None
    assert np.mean(found.observed == disc) > 0.995
    near = ndimage.binary_dilation(~found.observed, iterations=1)
    assert not found.labels[near].any()
    assert 0 < found.labels.max() < segment_ct(volume, SegmentSettings(sigma=1.0, keep_cut=True)).labels.max()


def test_a_phase_needs_no_threshold(balls: np.ndarray, adjusted_rand) -> None:
    phases = np.where(balls > 0, 1, 0).astype(np.uint8)
    phases[(phases == 0) & (np.random.default_rng(11).random(phases.shape) < 0.3)] = 2
    found = segment_ct(Volume(phases, (0.4,) * 3), SegmentSettings(phase_value=1, keep_cut=True, fill_closed_pores=False))
    assert found.surface is None
    inside = balls > 0
    assert np.array_equal(found.labels > 0, inside)
    assert adjusted_rand(balls[inside], found.labels[inside]) > 0.99
    with pytest.raises(NmcError, match="no voxel has the value 7") as raised:
        segment_ct(Volume(phases, (0.4,) * 3), SegmentSettings(phase_value=7))
    assert raised.value.field == "phase_value"


@pytest.mark.parametrize(("edge", "sigma"), [(0.128, 4.0), (0.256, 2.0), (0.05, 4.0), (10.0, 1.0)])
def test_smoothing_left_alone_is_the_published_length(balls: np.ndarray, edge: float, sigma: float) -> None:
    found = find_foreground(Volume(_grey(balls[:20]), (edge,) * 3))
    assert found.surface is not None
    assert found.surface.sigma_voxels == pytest.approx(sigma)


def test_closed_pores_are_filled_and_open_ones_are_not() -> None:
    mask = np.zeros((20, 20, 20), bool)
    mask[3:17, 3:17, 3:17] = True
    mask[6:9, 6:9, 6:9] = False
    mask[12, 12, :10] = False
    assert fill_pores(mask) == (1, 27)
    assert mask[7, 7, 7]
    assert not mask[12, 12, 5]


def test_wrong_thresholds_and_empty_results_say_so(balls: np.ndarray) -> None:
    volume = Volume(_grey(balls), (0.5,) * 3)
    with pytest.raises(NmcError, match="outside the grey values") as raised:
        segment_ct(volume, SegmentSettings(threshold=1000.0))
    assert raised.value.field == "threshold"
    with pytest.raises(ComputationError, match="no particle is left"):
        segment_ct(volume, SegmentSettings(sigma=1.0, minimum_diameter_um=500.0))


def test_one_section_can_be_segmented(balls: np.ndarray) -> None:
    found = segment_ct(
        Volume((balls[48:49] > 0).astype(np.uint8), (0.5,) * 3), SegmentSettings(phase_value=1, minimum_diameter_um=0.0)
    )
    assert found.labels.shape[0] == 1
    assert found.labels.max() > 1


@pytest.mark.parametrize("after", [0.02, 0.15, 0.3])
def test_cancelling_takes_less_than_a_second(balls: np.ndarray, after: float) -> None:
    volume = Volume(np.tile(_grey(balls), (1, 2, 2)), (0.5,) * 3)
    find_foreground(volume, SegmentSettings(sigma=1.0))  # machine code is there
    monitor, asked = Monitor(), [0.0]

    def ask() -> None:
        asked[0] = time.perf_counter()
        monitor.cancel()

    timer = threading.Timer(after, ask)
    timer.start()
    with pytest.raises(Cancelled):
        segment_ct(volume, SegmentSettings(sigma=4.0), monitor=monitor)
    assert time.perf_counter() - asked[0] < 1
    timer.join()


def test_real_snow(shared_data) -> None:
    """A real CT volume: grains and their share of the volume as its source describes it."""
    from nmcstudio.io.volumes.registry import read_volume

    volume = read_volume(shared_data / "ct_snow" / "snow.tif", 5.0)
    material = find_foreground(volume, SegmentSettings(sigma=1.0, fill_closed_pores=False))
    assert material.surface is not None
    assert material.surface.threshold == pytest.approx(23394, rel=0.005)
    assert material.mask.mean() == pytest.approx(0.575, abs=0.005)
    found = segment_ct(volume, SegmentSettings(sigma=1.0, keep_cut=True))
    assert 250 < found.labels.max() < 320


@pytest.mark.parametrize(
    ("dtype", "low", "high"), [(np.int16, -32768, 32767), (np.int32, 0, 65535), (np.float32, 0, 65535), (np.float32, 7, 7.5)]
)
def test_a_range_of_65536_values_needs_no_smoothing(dtype: type, low: float, high: float) -> None:
    z, y, x = np.ogrid[:24, :24, :24]
    ball = (z - 12) ** 2 + (y - 12) ** 2 + (x - 12) ** 2 < 64
    volume = Volume(np.where(ball, high, low).astype(dtype), (1.0, 1.0, 1.0))
    assert np.array_equal(segment_ct(volume, SegmentSettings("all", sigma=0.0)).labels == 1, ball)


def test_one_float_value_without_smoothing_says_so() -> None:
    with pytest.raises(ComputationError, match="same grey value"):
        segment_ct(Volume(np.full((4, 5, 6), 7.5, np.float32), (1.0, 1.0, 1.0)), SegmentSettings(sigma=0.0))
