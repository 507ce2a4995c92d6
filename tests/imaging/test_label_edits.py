"""Merge and delete as values, and their differences for undo."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmcstudio.core.errors import NmcError
from nmcstudio.core.volume import LabelVolume
from nmcstudio.imaging.label_edits import delete_labels, merge_labels


def _volume(seed: int = 1, count: int = 9) -> LabelVolume:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, count + 1, (6, 7, 8)).astype(np.uint16)
    labels[0, 0, : count + 1] = np.arange(count + 1)[:8]
    labels[0, 1, 0] = count
    return LabelVolume(labels, (0.1, 0.2, 0.3), kind="grains", quaternions=rng.normal(size=(count + 1, 4)), point_group="-3m")


def test_merging_keeps_the_first_label_and_its_orientation() -> None:
    before = _volume()
    after, delta = merge_labels(before, [(5, 2, 7)])
    assert np.array_equal(after.labels == 5, np.isin(before.labels, (5, 2, 7)))
    assert np.array_equal(after.labels[~np.isin(before.labels, (2, 7))], before.labels[~np.isin(before.labels, (2, 7))])
    assert after.quaternions is not None
    assert before.quaternions is not None
    assert np.array_equal(after.quaternions[5], before.quaternions[5])
    assert np.isnan(after.quaternions[[2, 7]]).all()
    assert delta.mask.sum() == np.isin(before.labels, (2, 7)).sum()
    assert (after.point_group, after.kind, after.spacing_um) == (before.point_group, before.kind, before.spacing_um)


@given(st.integers(0, 100), st.permutations(range(1, 10)), st.integers(2, 4))
def test_undo_and_redo(seed: int, order: list[int], length: int) -> None:
    before = _volume(seed)
    merged, one = merge_labels(before, [tuple(order[:length]), tuple(order[length : length + 2])])
    deleted, two = delete_labels(merged, order[length + 2 :])
    for start, delta, end in ((before, one, merged), (merged, two, deleted)):
        assert np.array_equal(delta.apply(start).labels, end.labels)
        assert np.array_equal(delta.revert(end).labels, start.labels)
        assert np.array_equal(delta.revert(end).quaternions, start.quaternions, equal_nan=True)
        assert delta.nbytes > 0
    assert set(np.unique(deleted.labels)) <= {0, order[0], order[length]}


def test_the_box_of_a_difference_is_tight() -> None:
    labels = np.zeros((20, 30, 40), np.uint16)
    labels[5:7, 10:12, 20:23] = 4
    after, delta = delete_labels(LabelVolume(labels, (1.0,) * 3), [4])
    assert not after.labels.any()
    assert delta.box == (slice(5, 7), slice(10, 12), slice(20, 23))


@pytest.mark.parametrize("groups", [[(1, 99)], [(1,)], [(1, 0)], [(1, 2), (2, 3)], [(4, 4)]])
def test_wrong_groups_say_so(groups: list[tuple[int, ...]]) -> None:
    with pytest.raises(NmcError) as raised:
        merge_labels(_volume(), groups)
    assert raised.value.field == "merge"


def test_a_label_cannot_be_deleted_twice() -> None:
    once, _ = delete_labels(_volume(), [3])
    with pytest.raises(NmcError, match="there is no label 3"):
        delete_labels(once, [3])
