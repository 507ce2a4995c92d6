"""Alignment of sections: known drifts come back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.quaternions import multiply, normalise, random_orientations
from nmcstudio.imaging.align import align_slices, apply_shifts, measure_drift
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
    assert {7, 8} & set(drift.outliers)
    assert any("look at these sections" in words for words in monitor.warnings)


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


def test_trend_can_be_taken_away() -> None:
    stack = particle(depth=12)
    slope = np.outer(np.arange(12), (0.1, -0.1))
    drift = measure_drift(apply_shifts(stack, slope), remove_trend=True)
    assert np.abs(drift.drift_um).max() < 0.15


def test_errors_and_cancel() -> None:
    stack = particle(depth=1)
    with pytest.raises(NmcError, match="single section"):
        align_slices(stack)
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
