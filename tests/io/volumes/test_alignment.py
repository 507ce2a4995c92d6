"""Axes of headers: every voxel keeps its place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmcstudio.core.errors import NmcError
from nmcstudio.io.volumes.alignment import align
from nmcstudio.io.volumes.sources import InMemory, oriented


@settings(max_examples=40, deadline=None)
@given(st.permutations([0, 1, 2]), st.tuples(*[st.sampled_from([-1, 1])] * 3), st.tuples(*[st.floats(0.01, 100)] * 3))
def test_alignment_is_where_the_header_says(order: list[int], signs: tuple[int, ...], lengths: tuple[float, ...]) -> None:
    """Every voxel keeps its place: index and direction in the file against index and spacing after turning."""
    steps = np.zeros((3, 3))
    for k in range(3):
        steps[k, order[k]] = signs[k] * lengths[k]
    lying = align(steps, "x")
    stored = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    turned = oriented(InMemory(stored), lying.axes, lying.flips).read()
    origin = np.array(lying.origin([5.0, 6.0, 7.0], (2, 3, 4)))
    for index in np.ndindex(turned.shape):
        where = (origin + np.array(index) * lying.spacing)[::-1]
        z, y, x = np.argwhere(stored == turned[index])[0]
        assert where == pytest.approx(np.array([5.0, 6.0, 7.0]) + np.array([x, y, z]) @ steps)


@pytest.mark.parametrize(
    "steps", [np.ones((3, 3)), np.eye(3)[[0, 0, 1]], np.zeros((3, 3)), np.eye(3) + 0.01, np.full((3, 3), np.nan)]
)
def test_what_is_not_along_the_axes_is_refused(steps: np.ndarray) -> None:
    with pytest.raises(NmcError, match="axes of x"):
        align(steps, "x")
