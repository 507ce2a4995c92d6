"""Keys of the colours of orientations."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nmcstudio.gui.views.contents import Legend

# Heights in pixels of the pictures of keys: in the list of layers, and in a corner of 3D.
KEY_SIZE = 112
SMALL_KEY_SIZE = 72

_C_TIP = (
    "c-axis seen along z: white where it points at the viewer, dark where it lies in the plane; the hue tells where it leans. "
    "An axis and its opposite are one."
)


def has_c_axis(point_group: str) -> bool:
    """False for cubic crystals, whose third axis is like the others."""
    from nmcstudio.crystal.symmetry import laue_class

    return laue_class(point_group) not in ("m-3", "m-3m")


def ipf_legend(direction: str, point_group: str) -> Legend:
    """The key of an IPF layer; its pictures are made here, in the worker that makes the layer."""
    for size in (KEY_SIZE, SMALL_KEY_SIZE):
        key_pixels("ipf", point_group, size)
    return Legend(
        "ipf", f"IPF {direction}, {point_group}", point_group,
        tip=f"Which crystal direction lies along {direction} of the sample; corners are crystal directions",
    )  # fmt: skip


def c_legend() -> Legend:
    """The key of a c-axis layer, with its picture."""
    key_pixels("c-axis", "", KEY_SIZE)
    return Legend("c-axis", "c-axis, seen along z", tip=_C_TIP)


@lru_cache(maxsize=24)
def key_pixels(kind: str, point_group: str, size: int) -> tuple[NDArray[np.uint8], tuple[tuple[str, float, float], ...]]:
    """RGBA ``[rows, columns, 4]`` of the key of a kind ("ipf", "c-axis"), and the words at its points with x and y."""
    if kind == "ipf":
        from nmcstudio.crystal.ipf import ipf_key

        pixels, marks = ipf_key(point_group, size)
    else:
        from nmcstudio.crystal.c_axis_colours import c_axis_key

        pixels, marks = c_axis_key(size), (("X", float(size), size / 2), ("Y", size / 2, float(size)))
    return np.ascontiguousarray(pixels), marks
