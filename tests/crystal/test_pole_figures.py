"""Pole figures: directions against orix, projections, densities whose truth is known, and the colours of the c-axis."""

from __future__ import annotations

import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.crystal import pole_figures as pf
from nmcstudio.crystal.c_axis_colours import axis_colours, c_axis_colours, c_axis_key
from nmcstudio.crystal.quaternions import from_axis_angle, multiply, random_orientations
from nmcstudio.crystal.symmetry import LAUE_CLASSES, operators


@pytest.mark.parametrize(
    ("group", "name", "lattice", "indices", "count"),
    [
        ("m-3m", "{111}", (1, 1, 1, 90, 90, 90), {"hkl": (1, 1, 1)}, 4),
        ("m-3m", "{110}", (1, 1, 1, 90, 90, 90), {"hkl": (1, 1, 0)}, 6),
        ("-3m", "{0001}", (1, 1, 5, 90, 90, 120), {"hkil": (0, 0, 0, 1)}, 1),
        ("6/mmm", "{10-10}", (1, 1, 1.6, 90, 90, 120), {"hkil": (1, 0, -1, 0)}, 3),
        ("-3m", "{2-1-10}", (1, 1, 5, 90, 90, 120), {"hkil": (2, -1, -1, 0)}, 3),
        ("4/mmm", "{110}", (1, 1, 2, 90, 90, 90), {"hkl": (1, 1, 0)}, 2),
    ],
)
def test_poles_as_orix(group, name, lattice, indices, count) -> None:
    from diffpy.structure import Lattice, Structure
    from orix.crystal_map import Phase
    from orix.quaternion import Orientation
    from orix.vector import Miller

    phase = Phase(point_group=group, structure=Structure(lattice=Lattice(*lattice)))
    family = Miller(**{key: [value] for key, value in indices.items()}, phase=phase).symmetrise(unique=True).unit
    q = random_orientations(5, np.random.default_rng(1))
    ours = pf.sample_poles(q, pf.pole_families(group)[name], group)
    assert ours.shape == (5, count, 3)
    for orientation, poles in zip(q, ours):
        theirs = (~Orientation(orientation) * family).data
        nearest = np.abs(poles @ theirs.T)
        assert nearest.max(axis=1).min() > 1 - 1e-9
        assert nearest.max(axis=0).min() > 1 - 1e-9


def test_projection_and_back() -> None:
    axes = random_orientations(200, np.random.default_rng(2))[:, :3]
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    places = pf.project(axes)
    assert np.all(np.linalg.norm(places, axis=1) <= 1 + 1e-12)
    np.testing.assert_allclose(np.abs(np.sum(pf.unproject(places) * axes, axis=1)), 1)
    np.testing.assert_allclose(pf.project([[1, 0, 0], [0, -1, 0], [0, 0, 1]]), [[1, 0], [0, -1], [0, 0]], atol=1e-12)
    assert np.isnan(pf.unproject([[0.9, 0.9]])).all()


def test_equal_area_is_that() -> None:
    axes = random_orientations(40_000, np.random.default_rng(3))[:, :3]
    places = pf.project(axes / np.linalg.norm(axes, axis=1, keepdims=True))
    # The share inside a circle is that of its area.
    assert np.mean(np.linalg.norm(places, axis=1) < 0.5) == pytest.approx(0.25, abs=0.01)


def test_density_of_one_orientation_is_its_kernel() -> None:
    half = np.arccos(0.5 ** (1 / 32))
    q = from_axis_angle((1, 0, 0), np.pi / 3)[None]
    pole = pf.sample_poles(q, (0, 0, 1), "-3m")[0, 0]
    around = from_axis_angle(np.cross(pole, (1.0, 0, 0)), half)
    from nmcstudio.crystal.quaternions import rotate

    at = np.array([pole, rotate(around, pole), [np.nan] * 3])
    found = pf.axis_density(pole[None, None], np.ones(1), at, 5)
    assert found[1] == pytest.approx(found[0] / 2, rel=1e-3)
    assert np.isnan(found[2])
    # The kernel has mean 1 over the sphere.
    drawn = random_orientations(20_000, np.random.default_rng(4))[:, :3]
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    assert pf.axis_density(pole[None, None], np.ones(1), drawn, 3).mean() == pytest.approx(1, abs=0.04)


@pytest.mark.parametrize("group", LAUE_CLASSES)
def test_uniform_orientations_have_density_one(group: str) -> None:
    q = random_orientations(4000, np.random.default_rng(5))
    name, pole = next(iter(pf.pole_families(group).items()))
    found = pf.pole_density(q, pole, group, size=15, doublings=4)
    assert np.nanmean(found.values) == pytest.approx(1, abs=0.05), name
    assert np.nanmax(np.abs(found.values - 1)) < 0.35
    inverse = pf.inverse_pole_density(q, "y", group, size=15, doublings=4)
    assert np.nanmax(np.abs(inverse.values - 1)) < 0.35


def test_inverse_density_of_a_fibre() -> None:
    """c along z: the sector's corner of c has all, and weights count."""
    spin = np.random.default_rng(6).uniform(0, 2 * np.pi, 200)
    fibre = from_axis_angle((0, 0, 1), spin)
    across = multiply(from_axis_angle((1, 0, 0), np.pi / 2), fibre)
    both = np.concatenate([fibre, across])
    found = pf.inverse_pole_density(both, "z", "-3m", weights=np.r_[np.ones(200), np.zeros(200)])
    row = np.argmin(np.abs(found.y))
    assert np.nanargmax(found.values[row]) == np.argmin(np.abs(found.x))
    with pytest.raises(NmcError, match="no orientation"):
        pf.inverse_pole_density(np.full((3, 4), np.nan), "z", "-3m")


def test_texture_index() -> None:
    q = random_orientations(700, np.random.default_rng(7))
    assert pf.texture_index(q, "m-3m") == pytest.approx(1, abs=0.1)
    rng = np.random.default_rng(8)
    disguised = multiply(operators("-3m")[rng.integers(6, size=100)], np.tile(q[0], (100, 1)))
    single = pf.texture_index(disguised, "-3m")
    assert single == pytest.approx(pf.texture_index(disguised[:2], "-3m"), rel=1e-6)
    # Two equal shares of orientations far apart have half of the index of one.
    far = multiply(from_axis_angle((0, 0, 1), np.pi / 3), q[0])
    halves = np.concatenate([np.tile(q[0], (400, 1)), np.tile(far, (400, 1))])
    assert pf.texture_index(halves, "-3m") == pytest.approx(single / 2, rel=0.01)


def test_c_axis_colours_know_no_sign_and_do_not_jump() -> None:
    axes = random_orientations(500, np.random.default_rng(9))[:, :3]
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    np.testing.assert_array_equal(axis_colours(axes), axis_colours(-axes))
    around = np.linspace(0, 2 * np.pi, 721)
    above = np.stack([np.cos(around), np.sin(around), np.full(721, 0.001)], axis=1)
    below = above * [1, 1, -1]
    step = np.abs(axis_colours(above).astype(int) - axis_colours(below).astype(int)).max()
    assert step <= 8  # a hue that follows the azimuth jumps by 150 there
    assert np.abs(np.diff(axis_colours(above).astype(int), axis=0)).max() <= 16
    # Leaning left and right at half tilt are different colours.
    half = np.array([[1, 0, -1], [-1, 0, -1]]) / np.sqrt(2)
    assert np.abs(np.diff(axis_colours(half).astype(int), axis=0)).max() > 60
    np.testing.assert_array_equal(axis_colours([0, 0, 1]), 255)


def test_c_axis_key_shows_the_colours() -> None:
    q = random_orientations(50, np.random.default_rng(10))
    key = c_axis_key(201)
    assert not key[0, 0, 3]
    places = pf.project(pf.sample_poles(q, (0, 0, 1), "-3m")[:, 0])
    columns, rows = np.rint((places + 1) * 100).astype(int).T
    inside = np.linalg.norm(places, axis=1) < 0.97
    difference = np.abs(key[rows, columns, :3].astype(int) - c_axis_colours(q).astype(int)).max(axis=1)
    assert difference[inside].max() < 20
    missing = c_axis_colours(np.full((1, 4), np.nan))
    np.testing.assert_array_equal(missing, 0)
