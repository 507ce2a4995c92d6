"""Import of orientation maps, with the middle section in IPF colours."""

from __future__ import annotations

from typing import Any

import numpy as np

from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.panels.import_panel import ImportPanel


class ImportEbsdPanel(ImportPanel):
    words = "The middle section of the chosen files stands here, in IPF colours."
    spacing_field = "slice_spacing_um"

    def what_to_picture(self, values: dict[str, Any]) -> Any:
        return values.get("files"), values.get("point_group"), values.get("frame")

    @staticmethod
    def draw(values: dict[str, Any], monitor: Monitor) -> tuple[Any, float] | str:
        from nmcstudio.crystal.ipf import ipf_colours
        from nmcstudio.io.ebsd.registry import probe, read_ebsd

        info = probe(values["files"])
        one_of_many = len(info.files) > 1
        files = [info.files[len(info.files) // 2]] if one_of_many else values["files"]
        chosen = values.get("point_group")
        stack = read_ebsd(
            files,
            point_group=None if chosen in (None, "auto") else chosen,
            frame=values.get("frame") or "auto",
            spacing_um=values.get("spacing_um"),
            monitor=monitor,
        )
        if not any(phase.point_group for phase in stack.phases):
            return "The file does not say the crystal's symmetry. Choose the point group below."
        section = stack.shape[0] // 2
        step = max(1, max(stack.shape[1:]) // 500)
        quaternions = stack.quaternions[section, ::step, ::step]
        phase = stack.phase[section, ::step, ::step]
        pixels = np.zeros((*phase.shape, 3), np.uint8)
        for index, each in enumerate(stack.phases, 1):
            if each.point_group:
                there = phase == index
                pixels[there] = ipf_colours(quaternions[there], each.point_group, "z")[..., :3]
        return pixels, stack.spacing_um[1] / stack.spacing_um[2]
