"""What orientation maps and segmented grains show."""

from __future__ import annotations

from typing import Any

import numpy as np

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, Volume
from nmcstudio.gui.views.content_images import (
    grey_block,
    grey_limits,
    histogram_plot,
    label_layers,
    label_surfaces,
    object_figures,
)
from nmcstudio.gui.views.contents import Content, Layer, SceneItem


def ebsd_content(values: dict[str, Any], monitor: Monitor) -> Content:
    from nmcstudio.crystal.ipf import ipf_colours

    stack: EbsdStack = values["ebsd"]
    grid = {"spacing_um": stack.spacing_um, "origin_um": stack.origin_um}
    group = stack.phases[0].point_group if stack.phases else "-3m"
    layers = []
    for number, name in enumerate(("z", "x", "y")):
        colours = np.empty((*stack.shape, 3), np.uint8)
        for z in monitor.sub(number / 3, (number + 1) / 3).track(range(stack.shape[0]), "IPF colours"):
            for index, phase in enumerate(stack.phases[:1] if len(stack.phases) < 2 else stack.phases, start=1):
                here = stack.phase[z] == index
                colours[z][here] = ipf_colours(stack.quaternions[z][here], phase.point_group, name)
            colours[z][stack.phase[z] == 0] = 0
        layers.append(Layer(f"ipf-{name}", f"IPF {name}", "rgb", colours, visible=name == "z", **grid))
    for key, title, data in (("quality", "Quality", stack.quality), ("confidence", "Confidence", stack.confidence)):
        if np.isfinite(data).any():
            layers.append(Layer(key, title, "grey", data, limits=grey_limits(data), visible=False, **grid))
    if len(stack.phases) > 1:
        layers.append(Layer("phase", "Phase", "labels", stack.phase, visible=False, **grid))
    plots = []
    indexed = stack.phase > 0
    if np.isfinite(stack.quality[indexed]).any():
        quality = stack.quality[indexed & np.isfinite(stack.quality)]
        plots.append(histogram_plot("quality", "Quality of the points", "quality (vendor's scale)", "points", quality))
    note = f"{100 * float(indexed.mean()):.1f} % indexed. {stack.frame}".strip()
    scene = ()
    if stack.shape[0] > 1 and np.isfinite(stack.quality).any():
        quality = Volume(np.nan_to_num(stack.quality), stack.spacing_um, stack.origin_um)
        scene = (SceneItem("grey", "Quality", lambda m: grey_block(quality)),)
    return Content(
        "ebsd", "EBSD map", "", tuple(layers), scene, plots=tuple(plots), ipf_key=group, simulated=stack.simulated, note=note
    )


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
    scene = (SceneItem("grains", "Grains", lambda m: label_surfaces(grains, "grains", m), subject="grains"),)
    group = grains.point_group if grains.quaternions is not None else ""
    rest, later = object_figures(grains, "grains", "data")
    return Content(
        "grains", "Grains", "grains", tuple(layers), scene, ipf_key=group, simulated=grains.simulated, rest=rest, later=later
    )
