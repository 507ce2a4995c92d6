"""Vendors' frames: where the axes of the map go, and what happens to hexagonal crystals."""

from __future__ import annotations

import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.crystal.frames import FRAMES, turn_from_map, turn_to_map
from nmcstudio.crystal.quaternions import c_axis, random_orientations, rotate
from nmcstudio.crystal.symmetry import disorientation_angles

# What the axes x, y and z of the map are called in the vendor's frame.
AXES = {
    "none": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "edax-1": ((0, 1, 0), (1, 0, 0), (0, 0, -1)),
    "edax-2": ((0, -1, 0), (-1, 0, 0), (0, 0, -1)),
    "edax-3": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
    "edax-4": ((-1, 0, 0), (0, 1, 0), (0, 0, -1)),
    "oxford": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
    "oxford-y": ((-1, 0, 0), (0, 1, 0), (0, 0, -1)),
    "bruker": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
    "bruker-y": ((-1, 0, 0), (0, 1, 0), (0, 0, -1)),
}


@pytest.mark.parametrize("frame", FRAMES)
def test_axes_of_the_map(frame: str) -> None:
    q = random_orientations(20, np.random.default_rng(1))
    turned, words = turn_to_map(q, frame, ("m-3m",), np.ones(20, np.uint8))
    assert words == FRAMES[frame].words
    for ours, theirs in zip(np.eye(3), AXES[frame]):
        np.testing.assert_allclose(rotate(turned, ours), rotate(q, np.array(theirs, float)), atol=1e-12)


@pytest.mark.parametrize("frame", FRAMES)
def test_there_and_back(frame: str) -> None:
    q = random_orientations(10, np.random.default_rng(2))
    groups, phase = ("-3m", "m-3m"), np.array([1, 2] * 5, np.uint8)
    back, _ = turn_to_map(turn_from_map(q, frame, groups, phase), frame, groups, phase)
    np.testing.assert_allclose(back, q, atol=1e-12)


def test_a_star_becomes_a() -> None:
    """The c-axis stays, the two-fold axis moves by 30 degrees, other phases are left alone."""
    q = random_orientations(10, np.random.default_rng(2))
    phase = np.array([1, 2] * 5, np.uint8)
    turned, words = turn_to_map(q, "oxford", ("-3m", "m-3m"), phase)
    plain, _ = turn_to_map(q, "edax-3", ("-3m", "m-3m"), phase)
    assert "30°" in words
    np.testing.assert_allclose(c_axis(turned), c_axis(plain), atol=1e-12)
    np.testing.assert_allclose(turned[phase == 2], plain[phase == 2])
    angles = np.rad2deg(disorientation_angles(turned, plain, "-3m"))
    np.testing.assert_allclose(angles[phase == 1], 30, atol=1e-9)


def test_unknown_frame() -> None:
    with pytest.raises(NmcError) as caught:
        turn_to_map(np.ones((1, 4)), "upside down", (), np.ones(1, np.uint8))
    assert caught.value.field == "frame"
