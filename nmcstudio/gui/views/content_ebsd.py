"""What orientation maps and segmented grains show."""

from __future__ import annotations

from typing import Any

import numpy as np

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, Volume
from nmcstudio.gui.views.content_images import (
    Figures,
    grey_block,
    grey_limits,
    histogram_plot,
    label_layers,
    label_surfaces,
    object_figures,
)
from nmcstudio.gui.views.content_orientations import grain_plots, map_plots
from nmcstudio.gui.views.contents import Content, Layer, Plot, SceneItem, Table
from nmcstudio.gui.views.drift_plots import drift_plots
from nmcstudio.gui.views.orientation_layers import grain_layers, map_layers

_HISTOGRAM_POINTS = 3_000_000


def ebsd_content(values: dict[str, Any], monitor: Monitor) -> Content:
    stack: EbsdStack = values["ebsd"]
    grid = {"spacing_um": stack.spacing_um, "origin_um": stack.origin_um}
    layers = []
    for key, title, data in (("quality", "Quality", stack.quality), ("confidence", "Confidence", stack.confidence)):
        if np.isfinite(data).any():
            layers.append(Layer(key, title, "grey", data, limits=grey_limits(data), visible=False, **grid))
    layers += map_layers(stack)
    if len(stack.phases) > 1:
        layers.append(Layer("phase", "Phase", "labels", stack.phase, visible=False, **grid))
    plots = list(drift_plots(stack))
    step = max(1, round((stack.phase.size / _HISTOGRAM_POINTS) ** (1 / 3)))
    thin = (slice(None, None, step),) * 3
    quality = stack.quality[thin][stack.phase[thin] > 0]
    quality = quality[np.isfinite(quality)]
    if len(quality):
        plots.append(histogram_plot("quality", "Quality of the points", "quality (vendor's scale)", "points", quality))
    note = f"{100 * np.count_nonzero(stack.phase) / stack.phase.size:.1f} % indexed. {stack.frame}".strip()
    scene = ()
    if stack.shape[0] > 1 and np.isfinite(stack.quality).any():
        volume = Volume(stack.quality, stack.spacing_um, stack.origin_um)
        scene = (SceneItem("grey", "Quality", lambda m: grey_block(volume)),)

    def rest(monitor: Monitor) -> tuple[Table | None, tuple[Plot, ...]]:
        return None, (*plots, *map_plots(stack, monitor))

    return Content(
        "ebsd", "EBSD map", "", tuple(layers), scene, plots=tuple(plots), simulated=stack.simulated,
        note=note, rest=rest,
    )  # fmt: skip


def grains_content(values: dict[str, Any], monitor: Monitor) -> Content:
    grains: LabelVolume = values["grains"]
    stack: EbsdStack | None = values.get("ebsd")
    layers = []
    if stack is not None and np.isfinite(stack.quality).any():
        layers.append(
            Layer(
                "quality",
                "Quality",
                "grey",
                stack.quality,
                stack.spacing_um,
                stack.origin_um,
                limits=grey_limits(stack.quality),
                visible=False,
            )
        )
    layers += label_layers(grains, "grains", False)
    layers += grain_layers(grains, stack)
    scene = (SceneItem("grains", "Grains", lambda m: label_surfaces(grains, "grains", m), subject="grains"),)
    group = grains.point_group if grains.quaternions is not None else ""
    sizes, later = object_figures(grains, "grains", "data")
    oriented: list[tuple[Plot, ...]] = []

    def with_orientations(figures: Figures) -> Figures:
        def make(monitor: Monitor) -> tuple[Table | None, tuple[Plot, ...]]:
            table, plots = figures(monitor.sub(0.0, 0.7))
            if not oriented:
                oriented.append(grain_plots(grains, monitor.sub(0.7, 1.0)))
            return table, (*plots, *oriented[0])

        return make

    return Content(
        "grains", "Grains", "grains", tuple(layers), scene, ipf_key=group, simulated=grains.simulated,
        rest=with_orientations(sizes), later=None if later is None else with_orientations(later),
    )  # fmt: skip
