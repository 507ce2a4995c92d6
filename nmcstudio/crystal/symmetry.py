"""Proper rotations of the point groups, names of point groups, and the angle between two orientations of a crystal.

EBSD sees the Laue class only, so that a point group stands for the proper rotations of its class. The operators are generated
here and not taken from orix, whose first import compiles for half a minute (decisions.md); the tests compare with orix.
"""

from __future__ import annotations

import re
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.crystal.quaternions import conjugate, from_axis_angle, multiply

_X, _Y, _Z, _D = (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)
# Generators of the proper group of each Laue class: axis and order.
_GENERATORS: dict[str, tuple[tuple[tuple[int, int, int], int], ...]] = {
    "-1": (),
    "2/m": ((_Y, 2),),
    "112/m": ((_Z, 2),),
    "2/m11": ((_X, 2),),
    "mmm": ((_Z, 2), (_X, 2)),
    "4/m": ((_Z, 4),),
    "4/mmm": ((_Z, 4), (_X, 2)),
    "-3": ((_Z, 3),),
    "-3m": ((_Z, 3), (_X, 2)),
    "-31m": ((_Z, 3), (_Y, 2)),
    "6/m": ((_Z, 6),),
    "6/mmm": ((_Z, 6), (_X, 2)),
    "m-3": ((_Z, 2), (_D, 3)),
    "m-3m": ((_Z, 4), (_D, 3)),
}
LAUE_CLASSES = tuple(_GENERATORS)
_MEMBERS = {
    "-1": "1 -1",
    "2/m": "2 m 2/m 121 1m1 12/m1",
    "112/m": "112 11m 112/m",
    "2/m11": "211 m11 2/m11",
    "mmm": "222 mm2 mmm",
    "4/m": "4 -4 4/m",
    "4/mmm": "422 4mm -42m -4m2 4/mmm",
    "-3": "3 -3",
    "-3m": "32 321 3m 3m1 -3m -3m1",
    "-31m": "312 31m -31m",
    "6/m": "6 -6 6/m",
    "6/mmm": "622 6mm -6m2 -62m 6/mmm",
    "m-3": "23 m3 m-3",
    "m-3m": "432 -43m m3m m-3m",
}
_LAUE_OF = {member: laue for laue, members in _MEMBERS.items() for member in members.split()}
# Numbers in the headers of EDAX files (proper group without its bars and ones) and of Oxford's (Laue class 1 to 11).
_EDAX = {"1": "-1", "2": "112/m", "20": "2/m", "21": "2/m11", "22": "mmm", "4": "4/m", "42": "4/mmm", "3": "-3",
         "32": "-3m", "6": "6/m", "62": "6/mmm", "23": "m-3", "43": "m-3m"}  # fmt: skip
# Oxford's and DREAM.3D's numbers do not tell the settings of D3 and of monoclinic crystals apart, EDAX's not those of D3.
_WITHOUT_SETTING = {"-31m": "-3m", "112/m": "2/m", "2/m11": "2/m"}
_OXFORD = ("-1", "2/m", "mmm", "4/m", "4/mmm", "-3", "-3m", "6/m", "6/mmm", "m-3", "m-3m")
_LAST_SPACE_GROUP = {2: "-1", 15: "2/m", 74: "mmm", 88: "4/m", 142: "4/mmm", 148: "-3", 167: "-3m", 176: "6/m", 194: "6/mmm",
                     206: "m-3", 230: "m-3m"}  # fmt: skip
# Trigonal space groups whose two-fold axes (or mirror normals) are at 30 degrees to a.
_TURNED_SPACE_GROUPS = {149, 151, 153, 157, 159, 162, 163}


def laue_class(point_group: str) -> str:
    """Laue class of a point group's Hermann-Mauguin name ("32" -> "-3m").

    "-3m" has its two-fold axes along a (x of the crystal frame), "-31m" along y: the two settings of D3, 30 degrees apart. The
    two-fold axis of a monoclinic crystal is b (y) in the usual setting "2/m", c (z) in "112/m" and a (x) in "2/m11".

    Raises
    ------
    NmcError
        If the name is unknown.
    """
    name = re.sub(r"\s", "", point_group).replace("−", "-")
    if name not in _LAUE_OF:
        raise NmcError(
            f"unknown point group {point_group!r}",
            f"give a name such as -3m for R-3m, 6/mmm, m-3m; known are {', '.join(sorted(_LAUE_OF))}",
            "point_group",
        )
    return _LAUE_OF[name]


def point_group_from_edax(symmetry: str) -> str | None:
    """Point group of the "Symmetry" entry of an EDAX header ("43" -> "m-3m"); None if it says nothing usable."""
    name = symmetry.strip()
    return _EDAX.get(name) or _LAUE_OF.get(name)


def point_group_from_oxford(laue: str) -> str | None:
    """Point group of Oxford's Laue class, a number 1 to 11 or a name; else None."""
    number = int(laue) if re.fullmatch(r"\d{1,2}", laue.strip()) else 0
    return _OXFORD[number - 1] if 1 <= number <= 11 else _LAUE_OF.get(laue.strip()) if number == 0 else None


def edax_symmetry(point_group: str) -> str:
    """EDAX's number of a point group's Laue class ("m-3m" -> "43")."""
    laue = laue_class(point_group)
    wanted = laue if laue in _EDAX.values() else _WITHOUT_SETTING[laue]
    return next(number for number, known in _EDAX.items() if known == wanted)


def oxford_laue_number(point_group: str) -> int:
    """Oxford's number 1 to 11 of a point group's Laue class."""
    return _OXFORD.index(without_setting(point_group)) + 1


def without_setting(point_group: str) -> str:
    """One of the eleven Laue classes: the settings of -3m and of 2/m count as one."""
    laue = laue_class(point_group)
    return _WITHOUT_SETTING.get(laue, laue)


def monoclinic_setting(point_group: str, angles_deg: tuple[float, ...]) -> str:
    """The monoclinic setting whose axis stands on the one angle of a lattice that is not right; else `point_group` itself.

    Space groups and Laue classes do not tell the axis. A lattice with three right angles leaves the usual setting.
    """
    slanted = [abs(angle - 90) > 0.05 for angle in angles_deg]
    if laue_class(point_group) != "2/m" or sum(slanted) != 1:
        return point_group
    return ("2/m11", point_group, "112/m")[slanted.index(True)]


def point_group_of_space_group(number: int) -> str | None:
    """Laue class of a space group number 1 to 230 (166, R-3m -> "-3m"), else None."""
    if number in _TURNED_SPACE_GROUPS:
        return "-31m"
    return next((laue for last, laue in _LAST_SPACE_GROUP.items() if 1 <= number <= last), None)


def point_group_of_symbol(symbol: str) -> str | None:
    """Laue class of a space group's Hermann-Mauguin symbol ("F m#ovl3m", "R -3 m", "P 6_3/m m c"), else None.

    Screw axes lose their subscripts and glide planes become mirrors; what is left is the point group.
    """
    name = re.sub(r"#ovl|¯", "-", re.sub(r"(\d)bar", r"-\1", symbol.replace("−", "-")))
    name = re.sub(r":.*$", "", name).strip()
    if not name or name[0] not in "PABCFIRH":
        return None
    tokens = re.sub(r"_\d", "", name[1:]).split()
    if len(tokens) > 1:
        tokens = [re.sub(r"^([2346])[1-5]", r"\1", token) for token in tokens]
    parts = "".join(tokens)
    stripped = re.sub(r"([2346])[1-5](?=/|[a-en2m3]|$)", r"\1", parts)
    for candidate in (parts, stripped):
        mirrors = re.sub(r"[a-eng]", "m", candidate)
        for found in (mirrors, mirrors.replace("m3m", "m-3m"), re.sub("^m3$", "m-3", mirrors)):
            if found in _LAUE_OF:
                return _LAUE_OF[found]
    return "mmm" if re.fullmatch(r"21?21?21?", parts) else None


@cache
def operators(point_group: str) -> NDArray[np.float64]:
    """Proper rotations of the point group's Laue class, unit quaternions ``(m, 4)``, the identity first, read-only."""
    found = [np.array([1.0, 0.0, 0.0, 0.0])]
    generators = [from_axis_angle(axis, 2 * np.pi / order) for axis, order in _GENERATORS[laue_class(point_group)]]
    for element in found:  # grows while it is read, until the group is closed
        for generator in generators:
            product = multiply(generator, element)
            if all(abs(np.dot(product, known)) < 1 - 1e-9 for known in found):
                found.append(product)
    group = np.array(found)
    group.flags.writeable = False
    return group


def disorientation_angles(first: ArrayLike, second: ArrayLike, point_group: str) -> NDArray[np.float64]:
    """Smallest rotation angle between orientations of the same phase.

    Parameters
    ----------
    first, second
        Unit quaternions ``(..., 4)``, sample to crystal; shapes broadcast.
    point_group
        Hermann-Mauguin name.

    Returns
    -------
    Angles in radians ``(...)``; NaN where an orientation is NaN. Uniform orientations under D3 have mean 66.66 degrees
    (models.md 14).
    """
    misorientation = multiply(second, conjugate(first))
    cosine = np.max(np.abs(misorientation @ operators(point_group).T), axis=-1)
    return 2 * np.arccos(np.minimum(cosine, 1.0))
