"""Acts of correction by hand on label volumes: what they do, and that undo and redo restore every byte."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from nmcstudio.core.errors import NmcError
from nmcstudio.core.volume import LabelVolume
from nmcstudio.imaging.label_acts import Delete, Fill, Flood, Merge, Paint
from nmcstudio.imaging.label_edits import LabelEditor
from nmcstudio.imaging.label_index import LabelIndex
from nmcstudio.imaging.label_split import SplitAtNecks, SplitAtSeeds

SPACING = (0.5, 0.25, 0.2)


def blobs(seed: int = 1, count: int = 7, kind: str = "grains") -> LabelVolume:
    """A few boxes over each other, with orientations."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((9, 12, 14), np.uint16)
    for label in range(1, count + 1):
        z, y, x = (int(rng.integers(0, n - 3)) for n in labels.shape)
        labels[z : z + 3, y : y + 4, x : x + 4] = label
    labels.reshape(-1)[: count + 1] = np.arange(count + 1)
    return LabelVolume(
        labels, SPACING, (1.0, 2.0, 3.0), kind=kind, quaternions=rng.normal(size=(count + 1, 4)), point_group="-3m"
    )


def dumbbell(radius: float = 6.0, apart: float = 9.0) -> LabelVolume:
    """Two balls that overlap, as one object, in cubic voxels."""
    z, y, x = np.mgrid[:17, :17, :40]
    balls = [(z - 8) ** 2 + (y - 8) ** 2 + (x - at) ** 2 <= radius**2 for at in (20 - apart / 2, 20 + apart / 2)]
    return LabelVolume(np.where(balls[0] | balls[1], 4, 0).astype(np.uint16), (1.0, 1.0, 1.0))


def same_index(editor: LabelEditor) -> bool:
    fresh = LabelIndex(editor.labels)
    n = min(len(fresh.sizes), len(editor.index.sizes))
    used = np.flatnonzero(fresh.sizes[1:n]) + 1
    boxes = np.array_equal(fresh.boxes[used], editor.index.boxes[used])
    return boxes and np.array_equal(fresh.sizes[:n], editor.index.sizes[:n]) and not editor.index.sizes[n:].any()


points = st.tuples(st.floats(2.5, 6.0), st.floats(1.5, 5.0), st.floats(0.5, 5.5))
acts = st.one_of(
    st.builds(Merge, st.lists(st.integers(1, 8), min_size=2, max_size=3, unique=True).map(tuple)),
    st.builds(Delete, st.lists(st.integers(1, 8), min_size=1, max_size=2).map(tuple)),
    st.builds(Fill, st.integers(1, 8)),
    st.builds(Flood, st.integers(1, 8), st.sampled_from(["xy", "xz", "yz"]), points),
    st.builds(
        Paint, st.integers(0, 9), st.floats(0.2, 1.5), st.lists(points, min_size=1, max_size=3).map(tuple),
        st.sampled_from(["all", "xy", "xz", "yz"]), st.sampled_from([None, 0, 1, 2]),
    ),
    st.builds(SplitAtNecks, st.integers(1, 8), st.floats(0.3, 1.0)),
    st.builds(SplitAtSeeds, st.integers(1, 8), st.lists(points, min_size=2, max_size=3).map(tuple)),
)  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 50), st.lists(acts, max_size=8))
def test_undo_and_redo_of_any_acts_restore_every_byte(seed: int, wanted: list[Any]) -> None:
    volume = blobs(seed)
    editor = LabelEditor.of(volume)
    states = [(editor.labels.copy(), editor.quaternions)]
    deltas = []
    for act in wanted:
        try:
            deltas.append(editor.do(act))
        except NmcError:
            assert np.array_equal(editor.labels, states[-1][0])
            continue
        states.append((editor.labels.copy(), editor.quaternions))
        changed = np.unique(np.r_[states[-1][0][states[-1][0] != states[-2][0]], states[-2][0][states[-1][0] != states[-2][0]]])
        assert set(changed) - {0} == set(deltas[-1].touched)
    assert same_index(editor)
    for delta, (labels, quaternions) in zip(reversed(deltas), reversed(states[:-1])):
        editor.revert(delta)
        assert np.array_equal(editor.labels, labels)
        assert np.array_equal(editor.quaternions, quaternions, equal_nan=True)
    assert same_index(editor)
    for delta in deltas:
        editor.apply(delta)
    assert np.array_equal(editor.labels, states[-1][0])
    assert editor.result().labels.dtype == volume.labels.dtype


def test_merging_keeps_the_first_label_and_its_orientation() -> None:
    before = blobs()
    editor = LabelEditor.of(before)
    delta = editor.do(Merge((5, 2, 7)))
    after = editor.result()
    assert np.array_equal(after.labels == 5, np.isin(before.labels, (5, 2, 7)))
    assert np.array_equal(after.labels[~np.isin(before.labels, (2, 7))], before.labels[~np.isin(before.labels, (2, 7))])
    assert np.array_equal(after.quaternions[5], before.quaternions[5])
    assert np.isnan(after.quaternions[[2, 7]]).all()
    assert delta.touched == (2, 5, 7)
    assert (after.point_group, after.kind, after.spacing_um) == (before.point_group, before.kind, before.spacing_um)


@settings(max_examples=15, deadline=None)
@given(st.floats(5.0, 12.0), st.floats(0.55, 1.0))
def test_a_split_conserves_voxels_and_merging_its_pieces_gives_the_original(apart: float, ratio: float) -> None:
    volume = dumbbell(apart=apart)
    editor = LabelEditor.of(volume)
    for act in (SplitAtSeeds(4, ((20 - apart / 2, 8, 8), (20 + apart / 2, 8, 8))), SplitAtNecks(4, ratio)):
        try:
            delta = editor.do(act)
        except NmcError:
            assert isinstance(act, SplitAtNecks)
            continue
        assert np.array_equal(editor.labels > 0, volume.labels > 0)
        assert len(delta.touched) >= 2
        editor.do(Merge((4, *(label for label in delta.touched if label != 4))))
        assert np.array_equal(editor.labels, volume.labels)


def test_a_split_between_seeds_cuts_the_neck_in_the_middle() -> None:
    editor = LabelEditor.of(dumbbell(6.0, 9.0))
    editor.do(SplitAtSeeds(4, ((14.0, 8.0, 8.0), (26.0, 8.0, 8.0))))
    x = np.arange(40)
    # The label stays with the first seed; by symmetry the cut is at x = 20 up to the voxel in the middle.
    assert (x[(editor.labels == 4).any(axis=(0, 1))].max(), x[(editor.labels == 5).any(axis=(0, 1))].min()) in (
        (20, 21),
        (19, 20),
    )
    assert all(ndimage.label(editor.labels == label)[1] == 1 for label in (4, 5))


def test_seeds_without_a_neck_between_them_cut_half_way() -> None:
    z, y, x = np.mgrid[:15, :15, :15]
    ball = ((z - 7) ** 2 + (y - 7) ** 2 + (x - 7) ** 2 <= 36).astype(np.uint16)
    editor = LabelEditor.of(LabelVolume(ball, (1.0, 1.0, 1.0)))
    editor.do(SplitAtSeeds(1, ((5.0, 7.0, 7.0), (10.0, 7.0, 7.0))))
    assert np.array_equal(editor.labels == 2, (ball > 0) & (x >= 8))


def test_three_seeds_make_three_pieces_and_orientations_are_inherited() -> None:
    volume = blobs()
    editor = LabelEditor.of(LabelVolume(np.ones((4, 4, 12), np.uint16), (1.0,) * 3, kind="grains",
                                        quaternions=volume.quaternions[:2], point_group="-3m"))  # fmt: skip
    editor.do(SplitAtSeeds(1, ((1.0, 1.0, 1.0), (5.0, 1.0, 1.0), (10.0, 1.0, 1.0))))
    assert list(np.bincount(editor.labels.ravel())) == [0, 64, 64, 64]
    assert np.array_equal(editor.quaternions[1:], volume.quaternions[[1, 1, 1]])


def test_a_stroke_is_the_balls_along_its_line() -> None:
    volume = blobs()
    editor = LabelEditor.of(volume)
    p, q, radius = np.array([4.0, 3.0, 2.0]), np.array([4.9, 4.0, 4.0]), 0.62
    editor.do(Paint(9 - 1, radius, (tuple(p), tuple(q))))
    index = np.indices(volume.shape).reshape(3, -1).T
    centres = (index * SPACING + np.array(volume.origin_um))[:, ::-1]
    t = np.clip(((centres - p) @ (q - p)) / ((q - p) @ (q - p)), 0, 1)
    near = np.linalg.norm(centres - p - t[:, None] * (q - p), axis=1) <= radius
    assert np.array_equal(editor.labels.ravel(), np.where(near, 8, volume.labels.ravel()))
    assert near.sum() > 20


def test_a_disc_stays_in_its_slice_and_a_brush_over_background_spares_objects() -> None:
    volume = blobs()
    editor = LabelEditor.of(volume)
    editor.do(Paint(8, 1.0, ((4.5, 3.5, 3.05),), "xy", 0))
    changed = editor.labels != volume.labels
    assert set(np.nonzero(changed)[0]) == {4}
    assert not volume.labels[changed].any()
    # As many voxels as a disc of this radius has centres of voxels, less those of objects.
    y, x = (np.arange(n) * s + o for n, s, o in zip(volume.shape[1:], SPACING[1:], (2.0, 3.0)))
    disc = (y[:, None] - 3.5) ** 2 + (x - 4.5) ** 2 <= 1.0
    assert np.array_equal(changed[4], disc & (volume.labels[4] == 0))


def test_painting_then_erasing_gives_the_original_on_background() -> None:
    volume = dumbbell()
    editor = LabelEditor.of(volume)
    stroke = (2.3, ((3.0, 3.0, 3.0), (8.0, 5.0, 4.0)), "all")
    editor.do(Paint(5, *stroke, only_over=0))
    assert (editor.labels == 5).any()
    editor.do(Paint(0, *stroke, only_over=5))
    assert np.array_equal(editor.labels, volume.labels)


def test_filling_closes_holes_as_scipy_does_and_spares_what_lies_inside() -> None:
    labels = np.zeros((12, 12, 12), np.uint16)
    labels[1:11, 1:11, 1:11] = 3
    labels[4:7, 4:7, 4:7] = 0
    labels[5, 5, 5] = 8
    labels[1:4, 9, 9] = 0  # open to the outside
    editor = LabelEditor.of(LabelVolume(labels, (1.0,) * 3))
    editor.do(Fill(3))
    wanted = np.where(ndimage.binary_fill_holes(labels == 3) & (labels == 0), 3, labels)
    assert np.array_equal(editor.labels, wanted)
    assert editor.labels[2, 9, 9] == 0
    with pytest.raises(NmcError, match="has no holes"):
        editor.do(Fill(3))


def test_a_closed_contour_is_flooded_in_its_slice_only() -> None:
    labels = np.zeros((5, 12, 12), np.uint16)
    labels[2, 2:9, 2:9] = 4
    labels[2, 3:8, 3:8] = 0
    editor = LabelEditor.of(LabelVolume(labels, (1.0,) * 3))
    editor.do(Flood(4, "xy", (5.0, 5.0, 2.0)))
    assert (editor.labels[2, 2:9, 2:9] == 4).all()
    assert editor.labels.sum() == 4 * 49
    with pytest.raises(NmcError, match="not closed in"):
        editor.do(Flood(4, "xy", (5.0, 5.0, 3.0)))


def test_what_was_not_imaged_is_never_painted() -> None:
    observed = np.ones((6, 6, 6), bool)
    observed[:, :, 3:] = False
    editor = LabelEditor.of(LabelVolume(np.zeros((6, 6, 6), np.uint16), (1.0,) * 3, observed=observed))
    editor.do(Paint(1, 2.0, ((3.0, 3.0, 3.0),)))
    assert editor.labels[:, :, :3].any()
    assert not editor.labels[:, :, 3:].any()


def test_labels_outgrow_16_bits_and_undo_brings_them_back() -> None:
    labels = np.zeros((4, 4, 4), np.uint16)
    labels[0, 0, 0] = 65535
    editor = LabelEditor.of(LabelVolume(labels, (1.0,) * 3))
    delta = editor.do(Paint(65536, 0.5, ((2.0, 2.0, 2.0),)))
    assert editor.result().labels.dtype == np.uint32
    assert editor.labels[2, 2, 2] == 65536
    editor.revert(delta)
    assert editor.result().labels.dtype == np.uint16
    assert np.array_equal(editor.labels, labels)


@pytest.mark.parametrize(
    ("act", "field"),
    [
        (Merge((1, 99)), "merge"), (Merge((1,)), "merge"), (Merge((1, 0)), "merge"), (Merge((4, 4)), "merge"),
        (Delete((12,)), "delete"), (Fill(0), "fill"), (Paint(20, 1.0, ((4.0, 3.0, 2.0),)), "paint"),
        (Paint(1, 0.0, ((4.0, 3.0, 2.0),)), "paint"), (Flood(1, "all", (4.0, 3.0, 2.0)), "plane"),
        (Flood(1, "xy", (4.0, 3.0, 99.0)), "flood"), (SplitAtSeeds(1, ((4.0, 3.0, 2.0),)), "split"),
        (SplitAtSeeds(99, ((4.0, 3.0, 2.0), (4.0, 3.0, 2.1))), "split"), (SplitAtNecks(99, 0.5), "split_necks"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_says_so_and_changes_nothing(act: Any, field: str) -> None:
    volume = blobs()
    editor = LabelEditor.of(volume)
    with pytest.raises(NmcError) as raised:
        editor.do(act)
    assert raised.value.field == field
    assert raised.value.hint
    assert np.array_equal(editor.labels, volume.labels)


def test_a_label_cannot_be_deleted_twice() -> None:
    editor = LabelEditor.of(blobs())
    editor.do(Delete((3,)))
    with pytest.raises(NmcError, match="there is no label 3"):
        editor.do(Delete((3,)))
