"""Phases in the HDF5 files of EDAX, whose names differ in blanks and capitals from program to program."""

from __future__ import annotations

import re
from typing import Any

from nmcstudio.core.ebsd import Phase
from nmcstudio.core.errors import NmcError
from nmcstudio.crystal.symmetry import laue_class, point_group_from_edax
from nmcstudio.io.ebsd.hdf5 import number, text
from nmcstudio.io.ebsd.raw import make_phase, unknown_phase

_LATTICE = ("a", "b", "c", "alpha", "beta", "gamma")


def edax_phases(group: Any) -> tuple[tuple[Phase, ...], tuple[int, ...], tuple[str, ...]]:
    """Phases below ``Header/Phase`` (lengths in Angstrom, angles in degrees), their numbers, and warnings."""
    phases: list[Phase] = []
    numbers: list[int] = []
    warnings: list[str] = []
    for key in sorted(group, key=lambda name: int(name) if name.isdigit() else 0):
        entry = {re.sub(r"\s", "", name).lower(): name for name in group[key]}
        lattice = tuple(number(group[key], entry.get(f"latticeconstant{name}", "")) for name in _LATTICE)
        name = text(group[key], entry.get("materialname", "")) or text(group[key], entry.get("formula", ""))
        phase, said = make_phase(name, _point_group(group[key], entry), lattice)
        phases.append(phase)
        numbers.append(int(key) if key.isdigit() else len(numbers) + 1)
        warnings += said
    if not phases:
        phase, said = unknown_phase()
        phases, numbers, warnings = [phase], [1], [*said]
    return tuple(phases), tuple(numbers), tuple(warnings)


def _point_group(group: Any, entry: dict[str, str]) -> str | None:
    """From EDAX's number (43), else from what stands in brackets in "Hexagonal (D6h) [6/mmm]"."""
    found = point_group_from_edax(f"{number(group, entry.get('symmetry', '')):g}")
    for name in ("pointgroup", "lauegroup"):
        words = re.search(r"\[([^\]]+)\]", text(group, entry.get(name, "")))
        if found or not words:
            continue
        try:
            found = laue_class(words[1])
        except NmcError:
            found = None
    return found


def edax_frame(setting: int) -> tuple[str, tuple[str, ...]]:
    """Frame of EDAX's setting 1 to 4, and a warning where the file names none."""
    if setting in (1, 2, 3, 4):
        return f"edax-{setting}", ()
    return "edax-2", ("the file does not say which of EDAX's reference frames it uses; setting 2 is taken",)
