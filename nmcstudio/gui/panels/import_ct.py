"""Import of a CT volume, with its middle slice."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.panels.import_panel import ImportPanel


class ImportCtPanel(ImportPanel):
    words = "The middle slice of the chosen files stands here."

    def what_to_picture(self, values: dict[str, Any]) -> Any:
        return {name: value for name, value in values.items() if name not in ("crop", "spacing_um")}

    @staticmethod
    def draw(values: dict[str, Any], monitor: Monitor) -> tuple[Any, float] | str:
        from nmcstudio.io.volumes.options import ReadOptions
        from nmcstudio.io.volumes.registry import probe, read_plane

        files = values["files"]
        names = {field.name for field in fields(ReadOptions)} & values.keys()
        options = ReadOptions(**{name: _hashable(values[name]) for name in names})
        info = probe(files, options)
        lost = [one for one in info.missing if one.field not in ("spacing_um", "channel", "time")]
        if lost:
            return f"{lost[0].message[:1].upper()}{lost[0].message[1:]}. Say it below."
        middle = read_plane(files, "z", info.full_shape[0] // 2, options, monitor)
        middle = middle[:: max(1, middle.shape[0] // 700), :: max(1, middle.shape[1] // 700)].astype(np.float32)
        low, high = np.nanpercentile(middle, (0.5, 99.5))
        scaled = np.clip((middle - low) / max(high - low, 1e-12), 0, 1)
        spacing = np.broadcast_to(values.get("spacing_um") or info.spacing_um or 1.0, 3)
        return np.nan_to_num(255 * scaled).astype(np.uint8), float(spacing[1] / spacing[2])


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
