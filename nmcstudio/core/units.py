"""Lengths are um inside the program; this is the one place that converts units of length."""

from __future__ import annotations

_UM_PER_UNIT = {
    "um": 1.0, "µm": 1.0, "μm": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0, "micrometre": 1.0, "\\u00b5m": 1.0,
    "nm": 1e-3, "nanometer": 1e-3, "nanometre": 1e-3, "mm": 1e3, "millimeter": 1e3, "millimetre": 1e3,
    "cm": 1e4, "centimeter": 1e4, "m": 1e6, "meter": 1e6, "metre": 1e6, "inch": 25400.0,
}  # fmt: skip


def um_per(unit: str) -> float | None:
    """Micrometres in one `unit` ("nm", "µm", "mm", …), or None if the unit is not a length that is known here."""
    return _UM_PER_UNIT.get(unit.strip()) or _UM_PER_UNIT.get(unit.strip().lower())
