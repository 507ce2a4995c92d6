"""Orientations against orix and against the definition by matrices."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nmcstudio.crystal import quaternions as qu
from nmcstudio.crystal.symmetry import operators

ANGLES = st.tuples(st.floats(0, 6.28), st.floats(0, 3.14159), st.floats(0, 6.28))


def passive(axis: int, angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) if axis == 2 else np.array([[1, 0, 0], [0, c, s], [0, -s, c]])


@given(ANGLES)
def test_matrix_is_bunge_zxz(angles: tuple[float, float, float]) -> None:
    phi1, phi, phi2 = angles
    expected = passive(2, phi2) @ passive(0, phi) @ passive(2, phi1)
    np.testing.assert_allclose(qu.to_matrix(qu.from_bunge(angles)), expected, atol=1e-12)


@given(ANGLES)
def test_c_axis_as_in_the_paper(angles: tuple[float, float, float]) -> None:
    phi1, phi, _ = angles
    expected = (np.sin(phi1) * np.sin(phi), -np.cos(phi1) * np.sin(phi), np.cos(phi))
    np.testing.assert_allclose(qu.c_axis(qu.from_bunge(angles)), expected, atol=1e-12)


@given(ANGLES)
@settings(max_examples=200)
def test_bunge_round_trip(angles: tuple[float, float, float]) -> None:
    q = qu.from_bunge(angles)
    back = qu.to_bunge(q)
    assert np.all(back >= 0)
    assert back[0] < 2 * np.pi
    assert back[2] < 2 * np.pi
    assert abs(np.dot(qu.from_bunge(back), q)) > 1 - 1e-12


def test_orix_has_the_same_convention() -> None:
    from orix.quaternion import Orientation, Rotation
    from orix.vector import Vector3d

    rng = np.random.default_rng(3)
    angles = rng.uniform(size=(50, 3)) * (2 * np.pi, np.pi, 2 * np.pi)
    ours = qu.from_bunge(angles)
    theirs = Rotation.from_euler(angles).data
    np.testing.assert_allclose(np.abs(np.sum(ours * theirs, axis=1)), 1, atol=1e-12)
    vector = rng.normal(size=3)
    np.testing.assert_allclose(qu.rotate(ours, vector), (Orientation(ours) * Vector3d(vector)).data, atol=1e-12)
    left, right = ours[:25], ours[25:]
    np.testing.assert_allclose(qu.multiply(left, right), (Rotation(left) * Rotation(right)).data, atol=1e-12)


def test_rodrigues_and_axis_angle_agree() -> None:
    axis = np.array([1.0, 2.0, -2.0]) / 3
    np.testing.assert_allclose(qu.from_rodrigues(axis * np.tan(0.4)), qu.from_axis_angle(axis, 0.8), atol=1e-14)


def test_normalise_leaves_nothing_finite_undefined() -> None:
    out = qu.normalise([[0, 0, 0, 0], [2, 0, 0, 0], [np.nan, 0, 0, 1]])
    assert np.isnan(out[0]).all()
    assert np.isnan(out[2]).all()
    np.testing.assert_array_equal(out[1], [1, 0, 0, 0])


def test_mean_orientation_ignores_the_choice_of_equivalents() -> None:
    rng = np.random.default_rng(5)
    group = operators("-3m")
    truth = qu.random_orientations(1, rng)[0]
    spread = qu.normalise(np.c_[np.ones(4000), rng.normal(0, 0.02, (4000, 3))])
    disguised = qu.multiply(group[rng.integers(len(group), size=4000)], qu.multiply(spread, truth)) * rng.choice(
        [-1, 1], (4000, 1)
    )
    mean = qu.mean_orientation(disguised, group)
    cosine = np.abs(qu.multiply(mean, qu.conjugate(truth)) @ group.T).max()
    assert 2 * np.arccos(min(cosine, 1)) < 0.003  # the standard error of the mean is 0.04 / sqrt(4000) = 0.0006
    assert np.isnan(qu.mean_orientation(np.full((3, 4), np.nan), group)).all()


def test_matrices_there_and_back() -> None:
    q = np.concatenate([qu.random_orientations(500, np.random.default_rng(1)), np.eye(4), -np.eye(4)])
    back = qu.from_matrix(qu.to_matrix(q))
    np.testing.assert_allclose(np.abs(np.sum(back * q, axis=1)), 1, atol=1e-14)
    assert (back[:, 0] >= 0).all()
    assert np.isnan(qu.from_matrix([np.zeros((3, 3)), np.full((3, 3), np.nan), -np.eye(3)])).all()
