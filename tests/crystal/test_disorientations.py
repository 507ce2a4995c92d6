"""Disorientations: Mackenzie's closed form, orix, and local maps of a small stack."""

from __future__ import annotations

import numpy as np
import pytest

from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.crystal import disorientations as dis
from nmcstudio.crystal.quaternions import from_axis_angle, multiply, random_orientations, rotate
from nmcstudio.crystal.symmetry import LAUE_CLASSES, operators


def mackenzie(w: np.ndarray) -> np.ndarray:
    """Density of cubic disorientations up to 60 degrees, per radian (Mackenzie 1958)."""
    share = np.where(w <= np.deg2rad(45), 1.0, 1 - 3 * (1 - (np.sqrt(2) - 1) / np.tan(w / 2)))
    return (24 / np.pi) * (1 - np.cos(w)) * share


def test_random_cubic_disorientations_are_mackenzies() -> None:
    edges = np.deg2rad(np.linspace(0, 60, 13))
    fine = np.linspace(1e-9, np.deg2rad(60), 120_001)
    whole = np.r_[0, np.cumsum((mackenzie(fine[1:]) + mackenzie(fine[:-1])) / 2 * np.diff(fine))]
    expected = np.diff(np.interp(edges, fine, whole))
    got = dis.random_density(edges, "m-3m") * np.diff(edges)
    np.testing.assert_allclose(got, expected, atol=4 * np.sqrt(expected.max() / 400_000))


@pytest.mark.parametrize(
    ("group", "largest"), [("m-3m", 62.80), ("6/mmm", 93.84), ("-3m", 104.48), ("4/mmm", 98.42), ("mmm", 120.0), ("m-3", 90.0)]
)
def test_largest_angle(group: str, largest: float) -> None:
    angles = np.rad2deg(dis.random_angles(group))
    assert largest - 2 < angles[-1] <= largest + 0.01


def test_members_of_a_class_share_their_law() -> None:
    assert dis.random_angles("32") is dis.random_angles("-3m")


@pytest.mark.parametrize("group", ["-3m", "6/mmm"])
def test_axis_and_angle_as_orix(group: str) -> None:
    """Ours is one of the equivalents of the axis that orix reduces to the fundamental zone."""
    from orix.quaternion import Misorientation, Orientation, symmetry

    theirs_of = {"6/mmm": symmetry.D6h, "-3m": symmetry.D3d}[group]
    first, second = random_orientations(60, np.random.default_rng(1)), random_orientations(60, np.random.default_rng(2))
    between = Orientation(second, symmetry=theirs_of) - Orientation(first, symmetry=theirs_of)
    reduced = Misorientation(between.data, symmetry=(theirs_of, theirs_of)).reduce()
    theirs = reduced.axis.data
    ours = dis.disorientation_axes(first, second, group)
    equivalents = rotate(operators(group)[:, None], ours[None])
    cosine = np.abs(np.sum(equivalents * theirs, axis=-1)).max(axis=0)
    assert np.sort(cosine)[3:].min() > 1 - 1e-6  # near the border of the zone two axes are as good


def test_axis_of_a_known_rotation() -> None:
    q = random_orientations(1, np.random.default_rng(3))[0]
    turned = multiply(from_axis_angle((1, 1, 1), np.deg2rad(60)), q)
    np.testing.assert_allclose(np.abs(dis.disorientation_axes(q, turned, "m-3m")), 1 / np.sqrt(3), atol=1e-9)
    assert np.isnan(dis.disorientation_axes(q, q, "m-3m")).all()


def _bent(shape: tuple[int, int, int] = (3, 4, 5)) -> EbsdStack:
    """Orientation that turns by 1, 2 and 4 degrees a step along x, y and z about one axis."""
    z, y, x = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    q = from_axis_angle((0.3, -0.5, 0.8), np.deg2rad(1.0 * x + 2.0 * y + 4.0 * z))
    phase = np.ones(shape, np.uint8)
    nothing = np.full(shape, np.nan, np.float32)
    return EbsdStack(q, phase, (Phase("a", "m-3m"), Phase("b", "-3m")), nothing, nothing, phase > 0, (1.0, 1.0, 1.0))


def test_kernel_average_is_the_mean_of_the_steps_from_any_side() -> None:
    stack = _bent()
    for axis in range(3):
        for index in (0, 1):
            plane = np.rad2deg(dis.kernel_average(stack, axis, index, np.deg2rad(10)))
            for place, value in np.ndenumerate(plane):
                at = list(place)
                at.insert(axis, index)
                steps = [
                    size
                    for size, i, n in zip((4.0, 2.0, 1.0), at, stack.shape)
                    for neighbour in (i - 1, i + 1)
                    if 0 <= neighbour < n
                ]
                assert value == pytest.approx(np.mean(steps), abs=0.02)


def test_kernel_average_leaves_out_other_grains_and_phases() -> None:
    stack = _bent((1, 1, 3))
    phase = np.array([[[1, 1, 2]]], np.uint8)
    mixed = EbsdStack(
        stack.quaternions, phase, stack.phases, stack.quality, stack.confidence, phase > 0, (1.0, 1.0, 1.0)
    )  # fmt: skip
    np.testing.assert_allclose(np.rad2deg(dis.kernel_average(mixed, 0, 0, 0.1))[0], [1, 1, np.nan], atol=0.02)
    assert np.isnan(dis.kernel_average(stack, 0, 0, np.deg2rad(0.5))).all()
    down, right = dis.plane_steps(mixed, 0, 0)
    assert down.shape == (0, 3)
    np.testing.assert_allclose(right[0], [np.deg2rad(1), np.pi], atol=1e-3)


@pytest.mark.parametrize("group", LAUE_CLASSES)
def test_random_angles_have_the_density_of_small_rotations(group: str) -> None:
    """Up to a few degrees no symmetry matters but the number of equivalents: density m (1 - cos w) / pi."""
    edges = np.deg2rad([0.0, 20.0])
    expected = len(operators(group)) * (edges[1] - np.sin(edges[1])) / np.pi
    got = dis.random_density(edges, group)[0] * edges[1]
    assert got == pytest.approx(expected, abs=4 * np.sqrt(expected / 400_000))
