"""Point groups against orix, and the published angles of D3."""

from __future__ import annotations

import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.crystal import symmetry
from nmcstudio.crystal.quaternions import c_axis, from_axis_angle, multiply, random_orientations

ORDERS = {
    "-1": 1,
    "2/m": 2,
    "112/m": 2,
    "2/m11": 2,
    "mmm": 4,
    "4/m": 4,
    "4/mmm": 8,
    "-3": 3,
    "-3m": 6,
    "-31m": 6,
    "6/m": 6,
    "6/mmm": 12,
    "m-3": 12,
    "m-3m": 24,
}


@pytest.mark.parametrize(("name", "order"), ORDERS.items())
def test_order_and_closure(name: str, order: int) -> None:
    group = symmetry.operators(name)
    assert len(group) == order
    products = multiply(group[:, None], group[None]).reshape(-1, 4)
    assert np.all(np.abs(products @ group.T).max(axis=1) > 1 - 1e-12)


# orix calls the monoclinic class with its axis along z 2/m.
IN_ORIX = {name: {"112/m": "2/m"}.get(name, name) for name in ORDERS if name not in ("-31m", "2/m", "2/m11")}


@pytest.mark.parametrize("name", IN_ORIX)
def test_same_rotations_as_orix(name: str) -> None:
    from orix.quaternion import symmetry as orix_symmetry

    theirs = next(group for group in orix_symmetry._groups if group.name == IN_ORIX[name]).laue_proper_subgroup.data
    ours = symmetry.operators(name)
    assert len(theirs) == len(ours)
    assert np.all(np.abs(theirs @ ours.T).max(axis=1) > 1 - 1e-9)


def test_second_setting_of_d3_is_orix_312() -> None:
    from orix.quaternion.symmetry import D3y

    assert np.all(np.abs(D3y.data @ symmetry.operators("-31m").T).max(axis=1) > 1 - 1e-9)
    between = from_axis_angle((0, 0, 1), np.pi / 6)
    turned = multiply(multiply(between, symmetry.operators("-3m")), between * [1, -1, -1, -1])
    assert np.all(np.abs(turned @ symmetry.operators("-31m").T).max(axis=1) > 1 - 1e-9)


@pytest.mark.parametrize(("name", "axis"), [("2/m", "C2y"), ("112/m", "C2z"), ("2/m11", "C2x")])
def test_axis_of_monoclinic_settings(name: str, axis: str) -> None:
    """The usual setting has it along b, which is y of the crystal frames of Oxford, EDAX (20) and DREAM.3D."""
    from orix.quaternion import symmetry as orix_symmetry

    theirs = getattr(orix_symmetry, axis).data
    assert np.all(np.abs(theirs @ symmetry.operators(name).T).max(axis=1) > 1 - 1e-9)


def test_monoclinic_setting_of_a_lattice() -> None:
    assert symmetry.monoclinic_setting("2/m", (90, 103.67, 90)) == "2/m"
    assert symmetry.monoclinic_setting("2/m", (90, 90, 98)) == "112/m"
    assert symmetry.monoclinic_setting("2/m", (98, 90, 90)) == "2/m11"
    assert symmetry.monoclinic_setting("2/m", (90, 90, 90)) == "2/m"
    assert symmetry.monoclinic_setting("-3m", (90, 90, 120)) == "-3m"
    assert [symmetry.edax_symmetry(name) for name in ("2/m", "112/m", "2/m11", "-31m")] == ["20", "2", "21", "32"]
    assert [symmetry.point_group_from_edax(number) for number in ("20", "2", "21")] == ["2/m", "112/m", "2/m11"]
    assert {symmetry.oxford_laue_number(name) for name in ("2/m", "112/m", "2/m11")} == {2}


@pytest.mark.parametrize("name", IN_ORIX)
def test_disorientations_as_orix(name: str) -> None:
    """All eleven Laue groups; each orientation in a random one of its settings."""
    from orix.quaternion import Orientation
    from orix.quaternion import symmetry as orix_symmetry

    theirs_of = next(group for group in orix_symmetry._groups if group.name == IN_ORIX[name])
    rng = np.random.default_rng(1)
    first, second = random_orientations(200, rng), random_orientations(200, rng)
    theirs = Orientation(first, symmetry=theirs_of).angle_with(Orientation(second, symmetry=theirs_of))
    group = symmetry.operators(name)
    other = multiply(group[rng.integers(len(group), size=200)], second)
    np.testing.assert_allclose(symmetry.disorientation_angles(first, other, name), theirs, atol=1e-6)


def test_uniform_orientations_under_d3() -> None:
    """models.md 14: mean 66.66 +- 0.04, median 68.9, below 104.5 degrees; c-axis to any direction 57.30 degrees."""
    rng = np.random.default_rng(10)
    first, second = random_orientations(200_000, rng), random_orientations(200_000, rng)
    angles = np.rad2deg(symmetry.disorientation_angles(first, second, "-3m"))
    assert abs(angles.mean() - 66.66) < 0.2
    assert abs(np.median(angles) - 68.9) < 0.3
    assert angles.max() < 104.5
    to_axis = np.rad2deg(np.arccos(np.minimum(np.abs(c_axis(first)[:, 2]), 1)))
    assert abs(to_axis.mean() - 57.296) < 0.15


def test_names() -> None:
    assert symmetry.laue_class("m3m") == "m-3m"
    assert symmetry.laue_class("32") == "-3m"
    assert symmetry.point_group_from_edax("43") == "m-3m"
    assert symmetry.point_group_from_edax("m-3m") == "m-3m"
    assert symmetry.point_group_from_edax("banana") is None
    assert symmetry.point_group_from_oxford("9") == "6/mmm"
    assert symmetry.point_group_from_oxford("0") is None
    assert symmetry.point_group_of_space_group(166) == "-3m"
    assert symmetry.point_group_of_space_group(162) == "-31m"
    assert symmetry.point_group_of_space_group(225) == "m-3m"
    assert symmetry.point_group_of_space_group(0) is None


@pytest.mark.parametrize(
    ("symbol", "group"),
    [
        ("R -3 m", "-3m"), ("R-3m", "-3m"), ("F m#ovl3m", "m-3m"), ("Fm3m", "m-3m"), ("P 63/m m c", "6/mmm"),
        ("P 6_3/m m c", "6/mmm"), ("P63/mmc", "6/mmm"),
        ("P 21 21 21", "mmm"), ("P n m a", "mmm"), ("P 3 1 m", "-31m"), ("R32", "-3m"), ("C 2/c", "2/m"),
        ("I a -3 d", "m-3m"), ("P213", "m-3"), ("I 41/a m d", "4/mmm"), ("garbage", None), ("", None),
    ],
)  # fmt: skip
def test_point_group_of_symbol(symbol: str, group: str | None) -> None:
    assert symmetry.point_group_of_symbol(symbol) == group
    with pytest.raises(NmcError, match="unknown point group") as caught:
        symmetry.laue_class("5m")
    assert caught.value.field == "point_group"


@pytest.mark.parametrize("number", [1, 15, 16, 75, 89, 146, 147, 152, 166, 169, 194, 200, 229])
def test_space_groups_as_orix(number: int) -> None:
    from orix.quaternion.symmetry import get_point_group

    assert symmetry.laue_class(get_point_group(number).name) == symmetry.point_group_of_space_group(number)
