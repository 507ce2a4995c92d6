"""Colours of inverse pole figures: corners, symmetry, and the look of orix's key."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nmcstudio.crystal.ipf import direction_colours, ipf_colours, ipf_key, sector_corners
from nmcstudio.crystal.quaternions import conjugate, from_bunge, multiply, random_orientations, rotate
from nmcstudio.crystal.symmetry import LAUE_CLASSES, operators

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def test_corners_of_the_cubic_key() -> None:
    corners = np.array([[0, 0, 1], [0, -1, 0], [1, 0, -1] / np.sqrt(2), [-1, 1, 1] / np.sqrt(3)])
    np.testing.assert_array_equal(direction_colours(corners, "m-3m"), [RED, RED, GREEN, BLUE])


def test_corners_of_the_trigonal_key() -> None:
    c, s = np.cos(np.pi / 6), np.sin(np.pi / 6)
    np.testing.assert_array_equal(direction_colours([[0, 0, -1], [c, -s, 0], [c, s, 0]], "-3m"), [RED, GREEN, BLUE])


@pytest.mark.parametrize("group", LAUE_CLASSES)
def test_equivalent_directions_have_one_colour(group: str) -> None:
    rng = np.random.default_rng(2)
    directions = rotate(random_orientations(300, rng), (0.0, 0.0, 1.0))
    colours = direction_colours(directions, group).astype(int)
    for operator in operators(group):
        moved = rotate(operator, directions)
        # one unit of rounding; a point on the sector's border may take the colour of the other side
        assert np.mean(np.abs(direction_colours(moved, group).astype(int) - colours).max(axis=1) <= 1) > 0.99
        assert np.mean(np.abs(direction_colours(-moved, group).astype(int) - colours).max(axis=1) <= 1) > 0.99


@pytest.mark.parametrize("group", ["m-3m", "6/mmm", "-3m"])
def test_looks_as_orix(group: str) -> None:
    from orix.plot import IPFColorKeyTSL
    from orix.quaternion import Orientation
    from orix.quaternion.symmetry import D3d, D6h, Oh
    from orix.vector import Vector3d

    symmetry = {"m-3m": Oh, "6/mmm": D6h, "-3m": D3d}[group]
    q = random_orientations(2000, np.random.default_rng(4))
    for name, direction in (("x", Vector3d.xvector()), ("z", Vector3d.zvector())):
        theirs = IPFColorKeyTSL(symmetry, direction).orientation2color(Orientation(q, symmetry=symmetry))
        assert np.corrcoef(ipf_colours(q, group, name).ravel(), theirs.ravel())[0, 1] > 0.9


def test_shape_and_missing() -> None:
    q = np.tile(from_bunge((0.3, 0.2, 0.1)), (2, 3, 5, 1))
    q[0, 0, 0] = np.nan
    out = ipf_colours(q, "-3m")
    assert out.shape == (2, 3, 5, 3)
    assert out.dtype == np.uint8
    np.testing.assert_array_equal(out[0, 0, 0], 0)
    assert out[0, 0, 1].max() == 255


def test_colour_of_c_along_the_direction_is_red() -> None:
    # the crystal that maps sample y onto its c-axis
    q = conjugate(from_bunge((0, -np.pi / 2, 0)))
    np.testing.assert_array_equal(ipf_colours(multiply(q, (1.0, 0, 0, 0))[None], "-3m", "y"), [RED])


@pytest.mark.parametrize("group", LAUE_CLASSES)
def test_key_picture(group: str) -> None:
    image, labels = ipf_key(group, 120)
    assert max(image.shape[:2]) == 120
    inside = image[..., 3] > 0
    assert 0.2 < inside.mean() <= 1
    assert len(labels) == (2 if group == "-1" else 3)
    if group in ("m-3m", "6/mmm", "-3m"):
        for (_, x, y), colour in zip(labels, (RED, GREEN, BLUE)):
            pixel = image[min(round(y), image.shape[0] - 1), min(round(x), image.shape[1] - 1)]
            assert np.abs(pixel[:3].astype(int) - colour).max() < 90


@pytest.mark.parametrize("group", LAUE_CLASSES)
def test_corners_are_named_as_the_directions_that_they_are(group: str) -> None:
    """Miller indices worked out with an ideal lattice of the class against the place of the label."""
    hexagonal = group in ("-3", "-3m", "-31m", "6/m", "6/mmm")
    for name, x, y in sector_corners(group):
        if name.strip("−") in ("x", "y", "z"):
            continue
        digits = [int(d) for d in re.findall(r"-?\d", name)]
        if hexagonal:
            a1, a2 = np.array([1, 0]), np.array([-0.5, np.sqrt(0.75)])
            a3 = -(a1 + a2)
            planar = digits[0] * a1 + digits[1] * a2 + digits[2] * a3
            expected = np.array([*planar, digits[3]])
        else:
            expected = np.array(digits, float)
        norm = 1 + x**2 + y**2
        place = np.array([2 * x, 2 * y, 2 - norm]) / norm
        start = {"-3m": -np.pi / 6}.get(group, 0.0)
        turn = np.array([[np.cos(start), -np.sin(start), 0], [np.sin(start), np.cos(start), 0], [0, 0, 1]])
        np.testing.assert_allclose(turn @ place, expected / np.linalg.norm(expected), atol=1e-12)
