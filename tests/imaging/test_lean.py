"""Drift told from leaning grains: exact areas, steps known to less than the boundaries lean, and what stays unknown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from unittest import mock

import numpy as np
import pytest
from numpy.polynomial.polynomial import polyfit, polyval

from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.core.monitor import Monitor
from nmcstudio.crystal.quaternions import multiply, normalise, random_orientations
from nmcstudio.crystal.symmetry import operators
from nmcstudio.imaging import drift as drift_module
from nmcstudio.imaging.boundary_steps import BoundarySteps, follow_boundaries
from nmcstudio.imaging.drift import Drift, measure_drift
from nmcstudio.imaging.lean import fit_drift
from nmcstudio.imaging.section_shift import Matching


def sections(drift: np.ndarray, grain: float = 24.0, *, size: int, spacing: float, seed: int = 1) -> EbsdStack:
    """Voronoi grains seen by sections off each other by a drift (y, x) in voxels of 0.1 um."""
    from scipy.spatial import cKDTree

    rng = np.random.default_rng(seed)
    margin = 2 * grain + np.abs(drift).max()
    room = np.array([len(drift) * spacing + 4 * grain, size + 2 * margin, size + 2 * margin])
    points = rng.uniform(size=(int(room.prod() / grain**3), 3)) * room - (2 * grain, margin, margin)
    tree, crystals = cKDTree(points), random_orientations(len(points), rng)
    y, x = (axis.ravel().astype(float) for axis in np.mgrid[:size, :size])
    q = np.empty((len(drift), size, size, 4), np.float32)
    for k, (down, right) in enumerate(drift):
        _, nearest = tree.query(np.stack([np.full(y.shape, k * spacing), y - down, x - right], axis=1))
        noise = normalise(np.concatenate([np.ones((len(y), 1)), rng.normal(0, 0.004, (len(y), 3))], axis=1))
        q[k] = multiply(noise, crystals[nearest]).reshape(size, size, 4)
    phase = (rng.uniform(size=q.shape[:3]) > 0.05).astype(np.uint8)
    q[phase == 0] = np.nan
    nothing = np.full(phase.shape, np.nan)
    return EbsdStack(
        quaternions=q, phase=phase, phases=(Phase("NMC", "-3m"),), quality=nothing, confidence=nothing,
        observed=np.ones(phase.shape, bool), spacing_um=(0.1 * spacing, 0.1, 0.1),
    )  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A stack, its drift in voxels, and what is measured of it: by agreeing points alone, and with all boundaries."""

    stack: EbsdStack
    drift: np.ndarray
    alone: np.ndarray
    found: Drift


@pytest.fixture(scope="module")
def few_grains() -> list[Case]:
    """Stacks of fourteen sections with some twenty grains each."""
    cases = []
    refined = drift_module._refined
    for seed in (1, 2, 3):
        drift = np.cumsum(np.random.default_rng(6 + seed).uniform(-2, 2, (14, 2)), axis=0)
        drift -= drift[0]
        stack = sections(drift, grain=18.0, size=72, spacing=2.0, seed=seed)
        before: list[np.ndarray] = []

        def kept(
            stack: EbsdStack, numbers: list[int], position: np.ndarray, *others: Any, before: list[np.ndarray] = before
        ) -> Any:
            before.append(position)
            return refined(stack, numbers, position, *others)

        with mock.patch.object(drift_module, "_refined", kept):
            found = measure_drift(stack)
        cases.append(Case(stack, drift, before[0] - before[0][0], found))
    return cases


def test_steps_are_known_to_less_than_boundaries_lean(few_grains: list[Case]) -> None:
    """Errors of steps as they are, their mean among them: by agreeing points alone the same bounds are missed by far."""

    def errors(ways: list[np.ndarray]) -> tuple[float, float]:
        off = np.array([way - case.drift for way, case in zip(ways, few_grains)])
        number = np.arange(off.shape[1])
        bent = [each - polyval(number, polyfit(number, each, 1)).T for each in off]
        return float(np.sqrt(np.mean(np.diff(off, axis=1) ** 2))), float(np.sqrt(np.mean(np.square(bent))))

    step, bent = errors([case.found.drift_um / 0.1 for case in few_grains])
    assert step < 0.13
    assert bent < 0.2
    step, bent = errors([case.alone for case in few_grains])
    assert step > 0.18
    assert bent > 0.3


def test_what_is_said_to_be_unknown_covers_what_is_off(few_grains: list[Case]) -> None:
    ends = [(case.found.drift_um[-1] / 0.1 - case.drift[-1]) / (case.found.lean_um / 0.1) for case in few_grains]
    assert 0.2 < np.sqrt(np.mean(np.square(ends))) < 1.5


def test_a_foreign_section_and_its_neighbours(few_grains: list[Case]) -> None:
    stack, plain = few_grains[0].stack, few_grains[0].found
    q = stack.quaternions.copy()
    q[6] = q[6, ::-1, ::-1]
    found = measure_drift(replace(stack, quaternions=q, phase=np.where(np.isnan(q[..., 0]), 0, 1)))
    assert found.outliers == (6,)
    others = np.delete(np.arange(14), 6)
    changed = (found.drift_um - plain.drift_um)[others] / 0.1
    assert np.abs(changed[:6]).max() < 0.3
    assert np.abs(changed - changed.mean(axis=0)).max() < 0.6
    without = measure_drift(stack, leave_out=(6,))
    np.testing.assert_allclose(without.drift_um[others], found.drift_um[others], atol=0.02)


def test_areas_between_sections_are_counted_without_a_bias() -> None:
    """Grains that stand upright: any drift comes back, whatever its fraction of a voxel."""
    whole = sections(np.zeros((2, 2)), size=120, spacing=1e-9)
    matching = Matching((20, 20), operators("-3m"), np.deg2rad(5))
    for shift in ((0.25, -0.4), (0.5, 0.5), (-0.1, 0.0)):
        drift = np.array([(0.0, 0.0), shift])
        stack = sections(drift, size=120, spacing=1e-9)
        rows = follow_boundaries(stack, [0, 1], np.zeros((1, 2), int), matching, Monitor())
        still = follow_boundaries(whole, [0, 1], np.zeros((1, 2), int), matching, Monitor())
        heavy = np.sqrt(rows.length_um)
        step, *_ = np.linalg.lstsq(rows.normal * heavy[:, None], rows.moved_um * heavy)
        np.testing.assert_allclose(step / 0.1, shift, atol=0.04)
        assert np.abs(still.moved_um).max() < 0.05


def test_where_no_boundary_is_seen_the_first_estimate_stands() -> None:
    empty = BoundarySteps(np.empty(0, int), np.empty((0, 2), int), np.empty((0, 2)), np.empty(0), np.empty(0), 0, 1.0)
    first = np.array([(0.02, -0.01), (0.0, 0.04)])
    fine = fit_drift(empty, first, np.array([0.3, 0.3]), 0.1, Monitor())
    np.testing.assert_allclose(fine.steps_um, first, atol=1e-9)


def test_a_common_lean_is_found_back_as_drift_and_said_to_be_unknown() -> None:
    """Independent boundaries with Student's slopes: the model's error of the common part is what comes out.

    The first estimate leans with them: it is off in common by as much, and by a third of a voxel for each step.
    """
    off, said = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        number, pairs = 60, 10
        angle, slope = rng.uniform(0, 2 * np.pi, number), rng.standard_t(3, number) / np.sqrt(3)
        normal = np.stack([np.sin(angle), np.cos(angle)], axis=1)
        pair = np.repeat(np.arange(pairs), number)
        grains = np.tile(np.stack([np.arange(number), np.arange(number) + number], axis=1), (pairs, 1))
        moved = np.tile(slope + normal @ (0.2, -0.1), pairs) * 0.3 + rng.normal(0, 0.005, pairs * number)
        rows = BoundarySteps(pair, grains, np.tile(normal, (pairs, 1)), moved, np.full(len(pair), 2.0), 2 * number, 100.0)
        first = np.array([(0.06, -0.03)]) + rng.normal(0, 0.03, (1, 2)) + rng.normal(0, 0.03, (pairs, 2))
        fine = fit_drift(rows, first, np.full(pairs, 0.3), 0.1, Monitor())
        off.append(fine.steps_um.mean(axis=0) / 0.3 - (0.2, -0.1))
        said.append(fine.lean)
    assert 0.5 < np.sqrt(np.mean(np.square(off))) / np.mean(said) < 1.5
