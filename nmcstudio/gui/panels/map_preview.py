"""Sections of orientation maps that are not imported yet, read in a worker and coloured under any reference frame."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.monitor import Monitor

# Sample directions of the pictures. The last one is between the axes: only there every two frames differ.
DIRECTIONS: dict[str, tuple[float, float, float]] = {
    "IPF z": (0.0, 0.0, 1.0),
    "IPF x": (1.0, 0.0, 0.0),
    "IPF y": (0.0, 1.0, 0.0),
    "Between the axes": (1.0, 2.0, 3.0),
}
_LARGE, _SMALL = 700, 110  # points of the longer side
_KEPT = 4


@dataclass(frozen=True)
class MapSection:
    """One section in the vendor's own frame, thinned: arrays ``[y, x]``, its point groups, and height over width of a point."""

    quaternions: NDArray[np.float32]
    phase: NDArray[np.uint8]
    quality: NDArray[np.float32]
    groups: tuple[str, ...]
    stretch: float


class MapSections:
    """Reads sections of the chosen files; keeps the last ones. For one worker."""

    def __init__(self) -> None:
        self._held: OrderedDict[Any, EbsdStack] = OrderedDict()

    def read(self, info: Any, values: dict[str, Any], index: int, monitor: Monitor) -> MapSection:
        """Section `index` of the files that `probe` has told of, read with the form's values but for the frame.

        Raises
        ------
        NmcError
            If it cannot be read, or the point group is not known.
        """
        from nmcstudio.io.ebsd.registry import read_ebsd

        many = len(info.files) > 1
        files = [str(info.files[index])] if many else [str(path) for path in info.files]
        group = values.get("point_group")
        group = None if group in (None, "auto") else group
        scan = values.get("scan") or None
        key = (tuple(files), tuple(_state(files)), group, scan, str(values.get("gaps")))
        if key not in self._held:
            step = info.step_um[0] or values.get("slice_spacing_um") or min(info.step_um[1:])
            self._held[key] = read_ebsd(
                files, point_group=group, frame="none", scan=scan, gaps=values.get("gaps") or "blank",
                slice_spacing_um=None if many or info.slices == 1 else step, monitor=monitor,
            )  # fmt: skip
            while len(self._held) > _KEPT:
                self._held.popitem(last=False)
        self._held.move_to_end(key)
        stack = self._held[key]
        z = 0 if many else min(index, stack.shape[0] - 1)
        thin = max(1, -(-max(stack.shape[1:]) // _LARGE))
        part = (z, slice(None, None, thin), slice(None, None, thin))
        spacing = values.get("spacing_um") or stack.spacing_um
        stretch = float(spacing[1] / spacing[2]) if len(spacing) == 3 else 1.0
        groups = tuple(phase.point_group for phase in stack.phases)
        return MapSection(stack.quaternions[part], stack.phase[part], stack.quality[part], groups, stretch)


def _state(files: Iterable[str]) -> Iterable[tuple[int, int]]:
    for file in files:
        status = Path(file).stat()
        yield status.st_mtime_ns, status.st_size


def picture_of(section: MapSection, frame: str, direction: str, small: bool = False) -> NDArray[np.uint8]:
    """IPF colours of a section under a frame, uint8 ``[y, x, 3]``; black where not indexed."""
    from nmcstudio.crystal.frames import turn_to_map
    from nmcstudio.crystal.ipf import direction_colours
    from nmcstudio.crystal.quaternions import rotate

    thin = max(1, -(-max(section.phase.shape) // _SMALL)) if small else 1
    q, phase = section.quaternions[::thin, ::thin], section.phase[::thin, ::thin]
    turned, _ = turn_to_map(q.astype(np.float64), frame, section.groups, phase)
    along = np.asarray(DIRECTIONS[direction])
    pixels = np.zeros((*phase.shape, 3), np.uint8)
    for index, group in enumerate(section.groups, 1):
        here = phase == index
        if here.any():
            pixels[here] = direction_colours(rotate(turned[here], along / np.linalg.norm(along)), group)
    return pixels


def alike(pictures: dict[str, NDArray[np.uint8]]) -> dict[str, str]:
    """For each frame whose picture equals that of an earlier one (but for rounding), the earlier one."""
    found: dict[str, str] = {}
    keys = list(pictures)
    for number, key in enumerate(keys):
        for before in keys[:number]:
            if before not in found and np.abs(pictures[key].astype(np.int16) - pictures[before]).max(initial=0) <= 2:
                found[key] = before
                break
    return found


def facts_of(info: Any) -> list[tuple[str, str]]:
    """What the header says, as rows of words."""
    z, y, x = info.step_um
    steps = f"{x:.4g} × {y:.4g} µm" + (f", sections {z:.4g} µm apart" if z is not None and info.slices > 1 else "")
    sections = f"{info.slices} sections of " if info.slices > 1 else ""
    phases = "; ".join(f"{phase.name or 'unnamed'} ({phase.point_group or 'point group not said'})" for phase in info.phases)
    rows = [
        ("Format", info.title),
        ("Grid", f"{sections}{info.grid[2]} × {info.grid[1]} points"),
        ("Step", steps),
        ("Phases", phases),
        ("Columns", ", ".join(info.columns)),
    ]
    if info.scans and len(info.scans) > 1:
        rows.append(("Scans", f"{len(info.scans)}: {', '.join(info.scans[:4])}{' …' if len(info.scans) > 4 else ''}"))
    return rows + ([("Note", "simulated data")] if info.simulated else [])
