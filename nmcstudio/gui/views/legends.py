"""Keys of the colours of orientations."""

from __future__ import annotations

from nmcstudio.gui.views.contents import Legend

_C_TIP = (
    "c-axis seen along z: white where it points at the viewer, dark where it lies in the plane; the hue tells where it leans. "
    "An axis and its opposite are one."
)


def has_c_axis(point_group: str) -> bool:
    """False for cubic crystals, whose third axis is like the others."""
    from nmcstudio.crystal.symmetry import laue_class

    return laue_class(point_group) not in ("m-3", "m-3m")


def ipf_legend(direction: str, point_group: str) -> Legend:
    """The key of an IPF layer."""
    return Legend(
        "ipf", f"IPF {direction}, {point_group}", point_group,
        tip=f"Which crystal direction lies along {direction} of the sample; corners are crystal directions",
    )  # fmt: skip


def c_legend() -> Legend:
    """The key of a c-axis layer."""
    return Legend("c-axis", "c-axis, seen along z", tip=_C_TIP)
