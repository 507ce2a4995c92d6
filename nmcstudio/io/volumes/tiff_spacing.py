"""Voxel size out of the metadata of a TIFF file: OME, ImageJ, or resolution tags."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from nmcstudio.core.units import um_per
from nmcstudio.core.volume import Triple

# Resolutions that programs write when they know nothing: they speak of screens and printers, not of the sample.
_OFFICE_DPI = (1, 72, 90, 96, 100, 150, 200, 300, 400, 600, 1200, 2400)


@dataclass(frozen=True)
class FoundSpacing:
    """A voxel size (z, y, x) in um or None, where it comes from in words, and what to know about it."""

    spacing_um: Triple | None
    source: str
    warnings: tuple[str, ...] = ()


def spacing_of(tif: Any) -> FoundSpacing:
    """Voxel size of an open `tifffile.TiffFile`."""
    page = tif.pages[0]
    if tif.is_ome and tif.ome_metadata:
        return _from_ome(tif.ome_metadata)
    if tif.is_imagej:
        return _from_imagej(page, tif.imagej_metadata or {})
    return _from_tags(page)


def _from_ome(xml: str) -> FoundSpacing:
    pixels = next((element for element in ElementTree.fromstring(xml).iter() if element.tag.endswith("}Pixels")), None)
    sizes = []
    for axis in "ZYX":
        value = pixels.get(f"PhysicalSize{axis}") if pixels is not None else None
        unit = um_per(pixels.get(f"PhysicalSize{axis}Unit", "um")) if pixels is not None else None
        sizes.append(float(value) * unit if value and unit else None)
    return _complete(sizes, "OME metadata")


def _from_imagej(page: Any, metadata: dict[str, Any]) -> FoundSpacing:
    name = re.sub(r"\\(?:u00|x)[bB]5", "µ", str(metadata.get("unit", "")))  # ImageJ escapes what is not ASCII
    unit = um_per(name) if name else None
    if unit is None:
        return FoundSpacing(None, f"ImageJ metadata without a unit of length{f' (unit {name!r})' if name else ''}")
    y, x = (_pixel(page, tag, unit) for tag in ("YResolution", "XResolution"))
    z = float(metadata["spacing"]) * unit if float(metadata.get("spacing", 0) or 0) > 0 else None
    return _complete([z, y, x], f"ImageJ metadata, {name}")


def _from_tags(page: Any) -> FoundSpacing:
    unit_tag = page.tags.get("ResolutionUnit")
    unit = {2: 25400.0, 3: 1e4}.get(int(unit_tag.value)) if unit_tag is not None else None
    if unit is None:
        return FoundSpacing(None, "no voxel size in the file")
    y, x = (_pixel(page, tag, unit) for tag in ("YResolution", "XResolution"))
    if x is None or y is None:
        return FoundSpacing(None, "no voxel size in the file")
    if any(abs(25400.0 / x - dpi) < 0.01 for dpi in _OFFICE_DPI):
        return FoundSpacing(None, f"no voxel size in the file ({25400.0 / x:.0f} dots per inch is a screen's, not the sample's)")
    return _complete([None, y, x], "resolution tags")


def _pixel(page: Any, tag: str, unit_um: float) -> float | None:
    entry = page.tags.get(tag)
    if entry is None:
        return None
    numerator, denominator = entry.value
    return unit_um * denominator / numerator if numerator and denominator else None


def _complete(sizes: list[float | None], source: str) -> FoundSpacing:
    z, y, x = (size if size and size > 0 else None for size in sizes)
    if x is None or y is None:
        return FoundSpacing(None, f"{source} without the size of a voxel")
    if z is None:
        text = f"the file does not say the distance of the slices; taken equal to the pixel size, {x:.6g} um"
        return FoundSpacing((x, y, x), source, (text,))
    return FoundSpacing((z, y, x), source)
