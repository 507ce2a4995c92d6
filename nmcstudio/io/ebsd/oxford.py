"""What the files of Oxford Instruments have in common."""

from __future__ import annotations

from nmcstudio.core.ebsd import Phase
from nmcstudio.crystal.symmetry import point_group_from_oxford, point_group_of_space_group
from nmcstudio.io.ebsd.raw import make_phase


def oxford_phase(name: str, laue: str, space_group: int, lattice: tuple[float, ...]) -> tuple[Phase, tuple[str, ...]]:
    """A phase of a header (lengths in Angstrom, angles in degrees); the space group says more than the Laue class."""
    group = point_group_of_space_group(space_group) or point_group_from_oxford(laue)
    return make_phase(name, group, lattice)


def acquisition_warning(angles_deg: tuple[float, ...], entry: str) -> tuple[str, ...]:
    """A word on the orientation of the acquisition surface, which tells CS1 from CS0 and is not part of the map's frame."""
    if not any(angles_deg):
        return ()
    turned = ", ".join(f"{angle:g}°" for angle in angles_deg)
    return (f"the header turns the sample by {turned} ({entry}); the Euler angles are taken as they are, in CS0",)
