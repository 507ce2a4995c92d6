"""Import of a CT volume, with its middle slice."""

from __future__ import annotations

from typing import Any

import numpy as np

from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.panels.import_panel import ImportPanel

# Larger volumes are not read for a picture alone.
PICTURE_BYTES = 600_000_000


class ImportCtPanel(ImportPanel):
    words = "The middle slice of the chosen files stands here."

    @staticmethod
    def draw(values: dict[str, Any], monitor: Monitor) -> tuple[Any, float] | str:
        from nmcstudio.io.volumes.registry import probe, read_volume

        files, dataset = values["files"], values.get("dataset")
        info = probe(files, dataset)
        if info.datasets and not info.dataset:
            return "The file holds several volumes. Choose one below."
        if info.nbytes > PICTURE_BYTES:
            return f"{info.nbytes / 1e9:.1f} GB: too large for a picture before it is imported."
        spacing = values.get("spacing_um") or info.spacing_um or (1.0, 1.0, 1.0)
        volume = read_volume(files, spacing, dataset, monitor)
        middle = volume.values[volume.shape[0] // 2]
        middle = middle[:: max(1, middle.shape[0] // 700), :: max(1, middle.shape[1] // 700)].astype(np.float32)
        low, high = np.nanpercentile(middle, (0.5, 99.5))
        scaled = np.clip((middle - low) / max(high - low, 1e-12), 0, 1)
        return np.nan_to_num(255 * scaled).astype(np.uint8), volume.spacing_um[1] / volume.spacing_um[2]
