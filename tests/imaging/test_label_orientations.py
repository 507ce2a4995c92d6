"""Grains edited by hand: means follow the voxels, and orientations say where to cut."""

from __future__ import annotations

import numpy as np
import pytest

from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.core.errors import NmcError
from nmcstudio.crystal.quaternions import from_axis_angle, multiply, normalise, random_orientations
from nmcstudio.crystal.symmetry import disorientation_angles, operators
from nmcstudio.imaging.grain_settings import GrainSettings
from nmcstudio.imaging.grains import segment_grains
from nmcstudio.imaging.label_acts import Delete, Merge, Paint
from nmcstudio.imaging.label_edits import LabelEditor
from nmcstudio.imaging.label_orientations import SplitByOrientation
from nmcstudio.imaging.label_split import SplitAtSeeds
from nmcstudio.pipeline.direct import run

SHAPE = (8, 12, 30)


def two_in_one(group: str = "-3m", degrees: float = 3.0, blunders: float = 0.02) -> tuple[EbsdStack, np.ndarray, np.ndarray]:
    """Three blocks along x, the first two `degrees` apart; noise, random settings, and points that are indexed wrongly."""
    rng = np.random.default_rng(8)
    truth = np.broadcast_to(np.repeat([0, 1, 2], 10), SHAPE)
    base = random_orientations(2, rng)
    turned = multiply(from_axis_angle((1, 2, 3), np.deg2rad(degrees)), base[0])
    orientations = np.array([base[0], turned, base[1]])
    blur = normalise(np.concatenate([np.ones((*SHAPE, 1)), rng.normal(0, 0.001, (*SHAPE, 3))], axis=-1))
    q = multiply(blur, orientations[truth])
    q = multiply(operators(group)[rng.integers(len(operators(group)), size=SHAPE)], q)
    wrong = rng.uniform(size=SHAPE) < blunders
    q[wrong] = random_orientations(int(wrong.sum()), rng)
    nan = np.full(SHAPE, np.nan)
    stack = EbsdStack(
        quaternions=q, phase=np.ones(SHAPE, np.uint8), phases=(Phase("NMC", group),), quality=nan, confidence=nan,
        observed=np.ones(SHAPE, bool), spacing_um=(0.5, 0.5, 0.5),
    )  # fmt: skip
    return stack, truth, orientations


@pytest.mark.parametrize("group", ["-3m", "m-3m"])
def test_a_grain_is_split_by_orientation_and_each_part_has_its_mean(group: str) -> None:
    stack, _, orientations = two_in_one(group)
    grains = segment_grains(stack, GrainSettings(min_voxels=50))
    assert len(np.unique(grains.labels)) == 2  # 3 degrees are no boundary at 5
    editor = LabelEditor.of(grains, stack=stack)
    before = editor.quaternions
    delta = editor.do(SplitByOrientation(1, 2))
    labels, means = editor.labels, editor.quaternions
    assert set(np.unique(labels)) == {1, 2, 3}
    first = labels[4, 6, 2]
    second = labels[4, 6, 17]
    assert np.mean(labels[:, :, :10] == first) > 0.99
    assert np.mean(labels[:, :, 10:20] == second) > 0.99
    for label, of in ((first, 0), (second, 1)):
        assert disorientation_angles(means[label], orientations[of], group) < np.deg2rad(0.05)
    np.testing.assert_array_equal(means[2], before[2])
    editor.revert(delta)
    np.testing.assert_array_equal(editor.labels, grains.labels)
    np.testing.assert_array_equal(editor.quaternions, grains.quaternions)


def test_means_follow_every_act() -> None:
    stack, truth, orientations = two_in_one(blunders=0.0)
    exact = np.asarray(truth + 1, np.uint16)
    grains = segment_grains(stack, GrainSettings(angle=float(np.deg2rad(1.5)), min_voxels=50))
    np.testing.assert_array_equal(grains.labels, exact)
    editor = LabelEditor.of(grains, stack=stack)
    np.testing.assert_array_equal(editor.quaternions, grains.quaternions)
    editor.do(Merge((1, 2)))
    merged = segment_grains(stack, GrainSettings(min_voxels=50))
    np.testing.assert_allclose(editor.quaternions[1], merged.quaternions[1], atol=1e-12)
    assert np.isnan(editor.quaternions[2]).all()
    assert 1.2 < np.rad2deg(disorientation_angles(editor.quaternions[1], orientations[0], "-3m")) < 1.8
    editor.do(SplitAtSeeds(1, ((1.0, 3.0, 2.0), (8.0, 3.0, 2.0))))
    assert np.rad2deg(disorientation_angles(editor.quaternions[4], orientations[1], "-3m")) < 0.2
    # voxels of another orientation that are painted to a grain do not pull its mean
    editor.do(Paint(3, 1.5, ((9.0, 3.0, 2.0),)))
    assert editor.index.sizes[3] > 1000
    assert np.rad2deg(disorientation_angles(editor.quaternions[3], orientations[2], "-3m")) < 0.1
    passing = LabelEditor.of(grains, stack=stack)
    passing.do(Paint(3, 1.0, ((6.0, 3.0, 2.0),)), passing=True)
    np.testing.assert_array_equal(passing.quaternions, grains.quaternions)
    editor.do(Delete((3,)))
    assert np.isnan(editor.quaternions[3]).all()


def test_without_the_map_nothing_is_measured_and_a_cut_by_orientation_is_refused() -> None:
    stack, _, _ = two_in_one()
    grains = segment_grains(stack, GrainSettings(min_voxels=50))
    for other in (None, two_in_one("m-3m")[0]):
        editor = LabelEditor.of(grains, stack=other)
        with pytest.raises(NmcError, match="not at hand") as caught:
            editor.do(SplitByOrientation(1, 2))
        assert caught.value.field == "split_orientation"
        editor.do(Merge((1, 2)))
        np.testing.assert_array_equal(editor.quaternions[1], grains.quaternions[1])
    alone, _, _ = two_in_one(degrees=0.0)
    grains = segment_grains(alone, GrainSettings(min_voxels=50))
    with pytest.raises(NmcError, match="no 9 different orientations"):
        LabelEditor.of(grains, stack=alone).do(SplitByOrientation(2, 9))


def test_the_step_takes_the_map_where_it_is() -> None:
    stack, _, _ = two_in_one()
    grains = segment_grains(stack, GrainSettings(min_voxels=50))
    split = run("edit-labels", {"grains": grains, "ebsd": stack}, on="grains", split_orientation=((1, 2),))
    assert len(np.unique(split.labels)) == 3
    assert not np.allclose(split.quaternions[1], split.quaternions[3])
    with pytest.raises(NmcError, match="only grains"):
        run("edit-labels", {"particles": grains}, on="particles", split_orientation=((1, 2),))
