"""Alignment of sections: known drifts come back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.quaternions import from_axis_angle, multiply, normalise, random_orientations
from nmcstudio.imaging.align import align_slices, apply_shifts
from nmcstudio.imaging.drift import measure_drift
from nmcstudio.io.ebsd.registry import read_ebsd


def particle(seed: int = 1, depth: int = 16, size: int = 48, quality: bool = True) -> EbsdStack:
    """A ball of grains in an empty field."""
    from scipy.spatial import cKDTree

    rng = np.random.default_rng(seed)
    shape = (depth, size, size)
    where = np.moveaxis(np.indices(shape), 0, -1).reshape(-1, 3).astype(float)
    points = rng.uniform(size=(160, 3)) * shape
    distance, nearest = cKDTree(points).query(where, k=2)
    labels = nearest[:, 0].reshape(shape) + 1
    inside = (((where - (depth / 2, size / 2, size / 2)) / (depth, size * 0.4, size * 0.4)) ** 2).sum(1).reshape(shape) < 1
    labels = np.where(inside, labels, 0)
    blur = normalise(np.concatenate([np.ones((*shape, 1)), rng.normal(0, 0.003, (*shape, 3))], axis=-1))
    q = multiply(blur, random_orientations(161, rng)[labels])
    q[labels == 0] = np.nan
    bright = np.minimum(distance[:, 1] - distance[:, 0], 3).reshape(shape) * 30 + rng.normal(0, 10, shape)
    return EbsdStack(
        quaternions=q,
        phase=(labels > 0).astype(np.uint8),
        phases=(Phase("NMC", "-3m"),),
        quality=np.where(inside, bright, 5.0) if quality else np.full(shape, np.nan),
        confidence=np.full(shape, np.nan),
        observed=np.ones(shape, bool),
        spacing_um=(0.2, 0.1, 0.1),
    )


def drifted(stack: EbsdStack, seed: int = 2, largest: int = 4) -> tuple[EbsdStack, np.ndarray]:
    moves = np.random.default_rng(seed).integers(-largest, largest + 1, (stack.shape[0], 2))
    return apply_shifts(stack, moves * 0.1), moves


@pytest.mark.parametrize("quality", [True, False])
def test_a_known_drift_is_undone(quality: bool) -> None:
    stack = particle(quality=quality)
    moved, moves = drifted(stack)
    aligned, drift = align_slices(moved)
    left = np.rint(drift.applied_um / 0.1) + moves
    left -= np.median(left, axis=0)
    assert np.abs(left).max() <= 1
    assert np.mean(left != 0) < 0.1
    np.testing.assert_allclose(aligned.shifts_um, moves * 0.1 + drift.applied_um)
    assert np.nanmin(drift.agreement) > 0.3
    measured = drift.drift_um / 0.1 - moves
    assert np.abs(measured - measured.mean(axis=0)).max() < 1.0


def test_nothing_is_lost_and_origin_follows() -> None:
    stack = particle(depth=5)
    moved = apply_shifts(stack, np.array([[0.3, -0.2], [0, 0], [-0.1, 0.4], [0, 0], [0.2, 0.2]]))
    assert moved.shape == (5, 48 + 4, 48 + 6)
    np.testing.assert_array_equal((moved.phase > 0).sum(axis=(1, 2)), (stack.phase > 0).sum(axis=(1, 2)))
    np.testing.assert_array_equal(moved.observed.sum(axis=(1, 2)), 48 * 48)
    assert moved.origin_um == pytest.approx((0, -0.1, -0.2))
    # section 1 did not move: at the same place in um as before
    np.testing.assert_array_equal(moved.phase[1, 1:49, 2:50], stack.phase[1])
    np.testing.assert_array_equal(moved.phase[0, 4:52, 0:48], stack.phase[0])
    same = apply_shifts(stack, np.array([[0.3, -0.2]] * 5), keep_size=True)
    assert same.shape == stack.shape
    np.testing.assert_array_equal(same.phase[:, 3:, :-2], stack.phase[:, :-3, 2:])
    assert not same.observed[:, :3].any()
    far = apply_shifts(stack, np.array([[99.0, 0]] * 5), keep_size=True)
    assert not far.observed.any()


def test_a_bad_section_harms_no_other() -> None:
    stack = particle(depth=14)
    moved, moves = drifted(stack, seed=3, largest=2)
    q, phase = moved.quaternions.copy(), moved.phase.copy()
    q[7] = random_orientations(q[7].size // 4, np.random.default_rng(0)).reshape(q[7].shape)
    phase[7] = 1
    bad = EbsdStack(
        quaternions=q, phase=phase, phases=moved.phases, quality=np.full(phase.shape, np.nan), confidence=moved.confidence,
        observed=moved.observed, spacing_um=moved.spacing_um,
    )  # fmt: skip
    monitor = Monitor()
    _, drift = align_slices(bad, monitor=monitor)
    left = np.rint(drift.applied_um / 0.1) + moves
    left = np.delete(left, 7, axis=0)
    assert np.abs(left - np.median(left, axis=0)).max() <= 1
    assert drift.outliers == (7,), "the sound one after it is not blamed"
    assert "agrees with its neighbours at" in drift.reasons[0]
    assert any("look at these sections (counted from 1): 8 agrees" in words for words in monitor.warnings)


def test_missing_sections_are_bridged() -> None:
    stack = particle(depth=9)
    moved, moves = drifted(stack, seed=5, largest=2)
    q, phase, observed = moved.quaternions.copy(), moved.phase.copy(), moved.observed.copy()
    q[4], phase[4], observed[4] = np.nan, 0, False
    holed = EbsdStack(
        quaternions=q, phase=phase, phases=moved.phases, quality=moved.quality, confidence=moved.confidence, observed=observed,
        spacing_um=moved.spacing_um,
    )  # fmt: skip
    left = np.delete(np.rint(measure_drift(holed).applied_um / 0.1) + moves, 4, axis=0)
    assert np.abs(left - np.median(left, axis=0)).max() <= 1


@pytest.fixture(scope="module")
def ball() -> EbsdStack:
    return particle(depth=10)


def test_a_section_off_the_line_is_told_from_a_jump(ball: EbsdStack) -> None:
    moves = np.zeros((10, 2))
    moves[5] = (7, -6)
    single = measure_drift(apply_shifts(ball, moves * 0.1))
    assert single.outliers == (5,)
    assert single.reasons[0].startswith("lies 0.9")
    moves[5:] = (7, -6)
    jump = measure_drift(apply_shifts(ball, moves * 0.1))
    assert jump.outliers == (5,)
    assert jump.reasons[0].startswith("jumps by 0.9")
    for drift, last in ((single, 0.0), (jump, 0.7)):
        assert drift.drift_um[-1, 0] == pytest.approx(last, abs=0.05), "sub-voxel"


def test_a_turned_section_is_named_and_harms_no_other(ball: EbsdStack) -> None:
    moved, moves = drifted(ball, seed=4, largest=3)
    angle = np.deg2rad(8.0)
    ny, nx = moved.shape[1:]
    y, x = np.mgrid[:ny, :nx] - np.array([ny / 2, nx / 2])[:, None, None]
    rows = np.rint(np.cos(angle) * y + np.sin(angle) * x + ny / 2).astype(int).clip(0, ny - 1)
    columns = np.rint(-np.sin(angle) * y + np.cos(angle) * x + nx / 2).astype(int).clip(0, nx - 1)
    q, phase, quality = moved.quaternions.copy(), moved.phase.copy(), moved.quality.copy()
    q[6] = multiply(q[6][rows, columns], from_axis_angle((0, 0, 1), angle))
    phase[6], quality[6] = phase[6][rows, columns], quality[6][rows, columns]
    drift = measure_drift(replace(moved, quaternions=q, phase=phase, quality=quality))
    assert drift.outliers == (6,)
    left = np.delete(np.rint(drift.applied_um / 0.1) + moves, 6, axis=0)
    assert np.abs(left - np.median(left, axis=0)).max() <= 1


def test_shifts_are_those_of_another_registration(ball: EbsdStack) -> None:
    """scikit-image's phase correlation of the quality alone, section after section."""
    registration = pytest.importorskip("skimage.registration")
    moved, _ = drifted(ball, seed=6, largest=3)
    drift = measure_drift(moved)
    images = np.nan_to_num(moved.quality)
    for k in range(3, 8):
        shift, _, _ = registration.phase_cross_correlation(
            images[k - 1], images[k], reference_mask=moved.observed[k - 1], moving_mask=moved.observed[k]
        )
        ours = (drift.drift_um[k] - drift.drift_um[k - 1]) / 0.1
        np.testing.assert_allclose(ours, -shift, atol=1.0)


def test_hand_work_comes_on_top(ball: EbsdStack) -> None:
    moved, moves = drifted(ball, seed=7, largest=2)
    plain, drift = align_slices(moved)
    byhand, _ = align_slices(moved, nudges_um={4: (0.3, -0.2)}, leave_out=(6,))
    done = byhand.alignment
    assert done is not None
    assert (done.nudged, done.left_out, done.filled) == ((4,), (6,), ())
    np.testing.assert_allclose(done.applied_um[4] - plain.alignment.applied_um[4], (0.3, -0.2), atol=1e-12)  # type: ignore[union-attr]
    others = [k for k in range(10) if k not in (4, 6)]
    np.testing.assert_array_equal(done.applied_um[others], drift.applied_um[others])
    assert not byhand.phase[6].any()
    assert not byhand.observed[6].any()
    np.testing.assert_allclose(byhand.shifts_um, done.applied_um + moves * 0.1)
    assert byhand.phase[4].sum() == moved.phase[4].sum()
    only, none = align_slices(moved, measure=False, nudges_um={4: (0.3, -0.2)})
    assert np.isnan(none.agreement).all()
    np.testing.assert_array_equal(np.flatnonzero(only.alignment.applied_um.any(axis=1)), [4])  # type: ignore[union-attr]
    with pytest.raises(NmcError, match="no section 11"):
        align_slices(moved, leave_out=(10,))
    with pytest.raises(NmcError, match="fewer than two sections"):
        measure_drift(moved, leave_out=range(1, 10))


def test_trend_can_be_taken_away() -> None:
    stack = particle(depth=12)
    slope = np.outer(np.arange(12), (0.1, -0.1))
    drift = measure_drift(apply_shifts(stack, slope), remove_trend=True)
    assert np.abs(drift.drift_um).max() < 0.15


def test_errors_and_cancel() -> None:
    stack = particle(depth=1)
    with pytest.raises(NmcError, match="single section"):
        align_slices(stack)
    empty = particle(depth=3)
    with pytest.raises(NmcError, match="no section has indexed points"):
        measure_drift(replace(empty, phase=np.zeros_like(empty.phase)))
    monitor = Monitor()
    monitor.cancel()
    with pytest.raises(Cancelled):
        align_slices(particle(depth=3), monitor=monitor)


def test_iron_sections_are_aligned_already(shared_data: Path) -> None:
    """SOURCE.md of the data: shifts by image quality have median 0 and at most one point."""
    stack = read_ebsd(shared_data / "ebsd3d_iron_mtex" / "ang", slice_spacing_um=0.12)
    drift = measure_drift(stack)
    steps = np.diff(np.rint(drift.applied_um / 0.4), axis=0)
    assert np.abs(steps).max() <= 1
    np.testing.assert_array_equal(np.median(steps, axis=0), 0)
    assert drift.outliers == ()
