"""What a fitted tessellation shows beside the grains."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.grains import Tessellation
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume, Triple
from nmcstudio.gui.views.content_images import density_plot, label_layers, label_surfaces
from nmcstudio.gui.views.contents import Column, Content, Layer, Plot, SceneItem, Series, Table


def cells_on(tessellation: Tessellation, grid: LabelVolume, monitor: Monitor) -> NDArray[np.uint32]:
    """The tessellation's cells on the voxels of a label volume, by the data's labels; 0 outside the grains."""
    from nmcstudio.grains.labelling import label_grid

    t = tessellation
    cells = label_grid(t.kind, t.seeds_um, t.weights, t.matrices, grid.shape, grid.spacing_um, grid.origin_um, monitor)
    out = np.asarray(t.labels, dtype=np.uint32)[cells]
    return np.where(grid.labels > 0, out, np.uint32(0))


def window_grid(window_um: NDArray[np.float64], voxels: int = 2_000_000) -> tuple[tuple[int, int, int], Triple, Triple]:
    """Shape, spacing and origin (z, y, x) of a grid over a window ``[[x0, x1], [y0, y1], [z0, z1]]``."""
    size = window_um[::-1, 1] - window_um[::-1, 0]
    h = float((np.prod(size) / voxels) ** (1 / 3))
    shape = np.maximum(np.round(size / h), 1).astype(int)
    spacing = size / shape
    origin = window_um[::-1, 0] + spacing / 2
    return tuple(int(n) for n in shape), tuple(spacing.tolist()), tuple(origin.tolist())


def tessellation_content(values: dict[str, Any], monitor: Monitor) -> Content:
    fitted: Tessellation = values["tessellation"]
    grains: LabelVolume | None = values.get("grains")
    layers: list[Layer] = []
    if grains is None:
        shape, spacing, origin = window_grid(fitted.window_um)
        everything = LabelVolume(np.ones(shape, np.uint16), spacing, origin, kind="grains")
        cells = LabelVolume(cells_on(fitted, everything, monitor), spacing, origin, kind="grains")
        layers += label_layers(cells, "grains", False)
    else:
        cells = LabelVolume(cells_on(fitted, grains, monitor), grains.spacing_um, grains.origin_um, kind="grains",
                            quaternions=grains.quaternions, point_group=grains.point_group)  # fmt: skip
        grid = {"spacing_um": grains.spacing_um, "origin_um": grains.origin_um}
        layers.append(Layer("labels", "Grains", "labels", grains.labels, subject="grains", **grid))
        layers.append(Layer("cells", "Cells", "labels", cells.labels, visible=False, subject="grains", **grid))
        differ = (cells.labels != grains.labels) & (grains.labels > 0)
        layers.append(
            Layer("disagreement", "Where they differ", "mask", differ, visible=False, opacity=0.7, colour=(230, 30, 60), **grid)
        )
        layers.append(Layer("outline", "Cell outlines", "outline", cells.labels, colour=(0, 0, 0), **grid))
    columns = [Column(name, "µm", fitted.seeds_um[:, i]) for i, name in enumerate("xyz")]
    unit = "µm" if fitted.kind == "gbpd-sqrt" else "µm²"
    columns.append(Column("Weight", unit, fitted.weights))
    for title, column_unit, data in (
        ("Agreement", "%", _percent(fitted.agreements)),
        ("Volume", "µm³", fitted.volumes_um3), ("Volume error", "%", _percent(fitted.volume_errors)),
        ("Centroid error", "µm", fitted.centroid_errors_um), ("Complete", "", fitted.complete),
    ):  # fmt: skip
        if data is not None:
            columns.append(Column(title, column_unit, data))
    plots = [agreement_plot(fitted), density_plot("weights", "Weights", f"weight [{unit}]", fitted.weights, "fitted")]
    if fitted.volume_errors is not None:
        plots.append(
            density_plot(
                "volume-error", "Volume of a cell against its grain", "volume error [%]", 100 * fitted.volume_errors, "fitted"
            )
        )
    if fitted.centroid_errors_um is not None:
        plots.append(
            density_plot(
                "centroid-error",
                "Centroid of a cell against its grain",
                "centroid error [µm]",
                fitted.centroid_errors_um,
                lower=0.0,
            )
        )
    scene = [SceneItem("cells", "Cells", lambda m: label_surfaces(cells, "grains", m), subject="grains")]
    if grains is not None:
        scene.append(
            SceneItem("grains", "Grains", lambda m: label_surfaces(grains, "grains", m), visible=False, subject="grains")
        )
    note = quality_words(fitted)
    table = Table("grains", "cells", fitted.labels, tuple(columns))
    return Content(
        "tessellation", "Tessellation", "grains", tuple(layers), tuple(scene), table, tuple(p for p in plots if p),
        simulated=fitted.simulated, note=note, ipf_key=cells.point_group if cells.quaternions is not None else "",
    )  # fmt: skip


def _percent(values: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    return None if values is None else 100 * values


def quality_words(fitted: Tessellation) -> str:
    """One sentence each on agreement, neighbours, empty cells and the gauge, as far as they are known."""
    words = []
    if np.isfinite(fitted.agreement):
        words.append(f"{100 * fitted.agreement:.1f} % of the grain voxels agree.")
    if np.isfinite(fitted.neighbour_precision) and np.isfinite(fitted.neighbour_recall):
        precision, recall = 100 * fitted.neighbour_precision, 100 * fitted.neighbour_recall
        words.append(
            f"Of the pairs of neighbours {precision:.0f} % are pairs in the data, {recall:.0f} % of those there are found."
        )
    if fitted.empty_cells:
        words.append(f"{fitted.empty_cells} of {len(fitted)} cells are empty.")
    if fitted.gauge:
        words.append(f"Gauge: {fitted.gauge}.")
    return " ".join(words)


def agreement_plot(fitted: Tessellation) -> Plot | None:
    """Agreement of each grain against its size: small grains are where a fit fails first."""
    if fitted.agreements is None or fitted.volumes_um3 is None:
        return None
    order = np.argsort(fitted.volumes_um3)
    diameters = np.cbrt(6.0 * fitted.volumes_um3[order] / np.pi)
    return Plot(
        "cell-agreement", "Agreement of each cell with its grain", "diameter of the grain [µm]", "agreement [%]",
        (Series("fitted", "", diameters, 100 * fitted.agreements[order], style="points"),),
    )  # fmt: skip


def live_fit_plots(partial: Any) -> tuple[Plot, ...]:
    """Agreement and loss of a running fit over time."""
    if partial is None or not hasattr(partial, "trained"):
        return ()
    trained, whole, loss = partial.trained, partial.whole, partial.losses
    curves = [Series("fitted", "voxels of the fit", trained[:, 0], trained[:, 1])] if len(trained) else []
    if len(whole):
        curves.append(Series("data", "all voxels", whole[:, 0], whole[:, 1], style="points"))
    caption = f"now {100 * partial.agreement:.2f} %" if len(trained) else ""
    plots = [Plot("live-agreement", "Agreement of voxels", "time [s]", "share of voxels", tuple(curves), caption=caption)]
    if np.isfinite(loss[:, 1]).any():
        plots.append(Plot("live-loss", "Loss", "time [s]", "loss a voxel", (Series("model", "", loss[:, 0], loss[:, 1]),)))
    return tuple(plots)
