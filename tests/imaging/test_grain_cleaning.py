"""Clean-up of grains: single points, pieces of one label, boundaries, twins, and what was not imaged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.quaternions import from_axis_angle, multiply, normalise, random_orientations
from nmcstudio.crystal.symmetry import disorientation_angles, operators
from nmcstudio.imaging.grain_cleaning import smooth_boundaries, twin_rotation
from nmcstudio.imaging.grain_settings import GrainSettings
from nmcstudio.imaging.grains import segment_grains


def stack_of(
    labels: np.ndarray, orientations: np.ndarray, *, group: str = "m-3m", noise: float = 0.0, seed: int = 0
) -> EbsdStack:
    """Orientation of each label, with noise in radians; 0 is not indexed; quality 1 where indexed."""
    rng = np.random.default_rng(seed)
    blur = normalise(np.concatenate([np.ones((*labels.shape, 1)), rng.normal(0, noise / 2, (*labels.shape, 3))], axis=-1))
    q = multiply(blur, orientations[labels])
    q[labels == 0] = np.nan
    nan = np.full(labels.shape, np.nan)
    return EbsdStack(
        quaternions=q, phase=(labels > 0).astype(np.uint8), phases=(Phase("Ni", group),),
        quality=np.where(labels > 0, 1.0, 0.2), confidence=nan, observed=np.ones(labels.shape, bool), spacing_um=(1, 1, 1),
    )  # fmt: skip


def slabs(shape: tuple[int, int, int], count: int) -> np.ndarray:
    """Labels 1 to count in layers along x."""
    return np.broadcast_to(1 + np.arange(shape[2]) * count // shape[2], shape).copy()


def test_single_points_are_mended_where_neighbours_agree() -> None:
    rng = np.random.default_rng(1)
    truth = slabs((9, 10, 20), 2)
    truth[:, :, 16:] = 0  # a free surface of the second grain
    orientations = random_orientations(4, rng)
    stack = stack_of(truth, orientations, noise=0.003)
    q, phase = stack.quaternions.copy(), stack.phase.copy()
    inner = [(2, 3, 4), (5, 5, 5), (6, 2, 13)]
    for number, at in enumerate(inner):
        q[at] = orientations[3] if number else np.nan
        phase[at] = int(number > 0)
    noisy = replace(stack, quaternions=q, phase=phase)
    settings = GrainSettings(replace_passes=2, min_voxels=1, fill_um=0)
    grains = segment_grains(noisy, settings)
    assert "3 points took the orientation of their neighbours" in grains.notes
    np.testing.assert_array_equal(grains.labels, truth)
    without = segment_grains(noisy, replace(settings, replace_passes=0)).labels
    assert all(without[at] != truth[at] for at in inner)


def test_pieces_of_one_label() -> None:
    ids = slabs((6, 6, 30), 3)
    ids[ids == 3] = 1  # the first grain in two pieces, 360 voxels each
    ids[:, :, 9] = 2  # which makes its first piece the smaller one
    stack = replace(stack_of(ids, random_orientations(4, np.random.default_rng(2))), grain_ids=ids.astype(np.uint32))
    kept, apart, largest = (
        segment_grains(stack, GrainSettings(pieces=how, fill_um=0)).labels for how in ("keep", "split", "largest")
    )
    np.testing.assert_array_equal(kept, ids)
    np.testing.assert_array_equal(np.unique(apart), [1, 2, 3])
    assert (apart[:, :, :9] == 3).all()
    assert (apart[:, :, 20:] == 1).all()
    assert (largest[:, :, :9] == 0).all()
    assert (largest[:, :, 20:] == 1).all()


def test_spikes_go_and_no_grain_falls_apart() -> None:
    from scipy.ndimage import label

    rng = np.random.default_rng(3)
    labels = slabs((12, 12, 12), 2).astype(np.uint32)
    labels[5, 5, 6] = 1  # a spike of one voxel
    labels[8, 8, 6:10] = 1  # a needle of four
    labels[:, 0] = 0
    smoothed = labels.copy()
    assert smooth_boundaries(smoothed, 4, Monitor()) > 0
    np.testing.assert_array_equal(smoothed == 0, labels == 0)
    assert (smoothed[2:-2, 2:-2, 6:] != 1).all()
    # a flat boundary stays where it is
    assert (smoothed[2:-2, 3:-2, :6] == 1).all()
    noise = rng.integers(1, 5, (10, 11, 12)).astype(np.uint32)
    pieces = {k: label(noise == k)[1] for k in range(1, 5)}
    smooth_boundaries(noise, 3, Monitor())
    assert all(0 < label(noise == k)[1] <= pieces[k] for k in pieces)


def test_twins_become_their_parent() -> None:
    rng = np.random.default_rng(4)
    parent, other = random_orientations(2, rng)
    twin = twin_rotation(np.deg2rad(60), (1, 1, 1), Phase("Ni", "m-3m"))
    equivalent = multiply(operators("m-3m")[7], multiply(twin, multiply(operators("m-3m")[11], parent)))
    orientations = np.array([parent, parent, equivalent, other])
    truth = slabs((5, 6, 24), 3)
    truth[:, :, 8:11] = 1  # the parent is the larger of the two
    stack = stack_of(truth, orientations, noise=0.004)
    settings = GrainSettings(twin_angle=float(np.deg2rad(60)))
    grains = segment_grains(stack, settings)
    assert "1 twins joined their parents" in grains.notes
    np.testing.assert_array_equal(grains.labels, np.where(truth == 2, 1, truth))
    assert disorientation_angles(grains.quaternions[1], parent, "m-3m") < 0.002
    assert np.isnan(grains.quaternions[2]).all()
    turned = segment_grains(stack, replace(settings, twin_axis=(1, 1, 0)))
    assert len(np.unique(turned.labels)) == 3
    # the lattice says where a direction points: [0 1 0] of a hexagonal one is at 120 degrees from x
    at = twin_rotation(np.deg2rad(90), (0, 1, 0), Phase("Mg", "6/mmm", (3.2e-4, 3.2e-4, 5.2e-4, *np.deg2rad([90, 90, 120]))))
    np.testing.assert_allclose(at, from_axis_angle((-0.5, np.sqrt(0.75), 0), np.pi / 2), atol=1e-12)


def test_small_pieces_at_the_border_can_be_spared() -> None:
    truth = np.ones((12, 12, 12), int)
    truth[0, 0:2, 0:3] = 2  # cut by the border
    truth[5:7, 5:7, 5] = 3  # inside
    orientations = random_orientations(4, np.random.default_rng(5))
    stack = stack_of(truth, orientations)
    assert set(np.unique(segment_grains(stack, GrainSettings(min_voxels=20)).labels)) == {1}
    spared = segment_grains(stack, GrainSettings(min_voxels=20, spare_border=True)).labels
    np.testing.assert_array_equal(spared, np.where(truth == 2, 1, 2))


@pytest.mark.parametrize("blank", ["keep", "sections", "border"])
def test_what_was_milled_away_is_found(blank: str) -> None:
    truth = np.ones((8, 20, 20), int)
    orientations = random_orientations(2, np.random.default_rng(6))
    truth[5] = 0  # a section without any signal
    truth[:, :, 14:] = 0  # milled away
    truth[2, 6:9, 6:9] = 0  # a pore without any signal: it is inside
    stack = stack_of(truth, orientations)
    quality = stack.quality.copy()
    quality[truth == 0] = 0
    quality[:, :4] = 0.2  # resin gives a pattern without bands
    phase = stack.phase.copy()
    phase[:, :4] = 0
    monitor = Monitor()
    grains = segment_grains(replace(stack, quality=quality, phase=phase), GrainSettings(blank=blank), monitor=monitor)
    observed = np.ones(truth.shape, bool) if grains.observed is None else grains.observed
    expected = np.ones(truth.shape, bool)
    if blank != "keep":
        expected[5, 4:] = False
        expected[5] = not (quality[5] == 0).all()
    if blank == "border":
        expected[:, 4:, 14:] = False
        expected[5, 4:] = False
    np.testing.assert_array_equal(observed, expected)
    assert any("blank up to the border" in words for words in monitor.warnings) == (blank == "sections")
