"""What shells, tessellations and the fitted laws show."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.grains import GrainModel, Law, Tessellation
from nmcstudio.core.meshes import SurfaceMesh
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.shells import RadiusFunctions
from nmcstudio.core.volume import LabelVolume, Triple
from nmcstudio.gui.views.content_images import density_plot, grey_layer, label_layers, label_surfaces
from nmcstudio.gui.views.contents import Column, Content, Image, Layer, Plot, SceneItem, Series, Surfaces, Table

_SHELLS_3D = 300  # shells drawn at once


def shell_surfaces(directions: NDArray, radii: NDArray, centres: NDArray, ids: NDArray) -> Surfaces:
    """Radius functions ``(n, m)`` as one mesh, each a label."""
    from nmcstudio.shell.directions import mesh_of

    sphere = mesh_of(directions)
    points = (centres[:, None, :] + radii[:, :, None] * sphere.directions[None]).reshape(-1, 3)
    offsets = (np.arange(len(radii)) * len(directions))[:, None, None]
    triangles = (sphere.triangles[None] + offsets).reshape(-1, 3)
    sides = np.zeros((len(triangles), 2), np.int32)
    sides[:, 0] = np.repeat(ids, len(sphere.triangles))
    return Surfaces(SurfaceMesh(points, triangles, sides))


def radii_content(values: dict[str, Any], monitor: Monitor) -> Content:
    from nmcstudio.shell.descriptors import published_radii_um, size_and_shape

    radii: RadiusFunctions = values["radii"]
    diameters, sphericities = size_and_shape(published_radii_um(radii)).T
    flagged = np.array([bool(flag) for flag in radii.flags], dtype=bool)
    shown = np.argsort(-radii.volumes_um3)[:_SHELLS_3D]

    def build(m: Monitor) -> Surfaces:
        made = shell_surfaces(radii.directions, radii.radii_um[shown], radii.centres_um[shown], radii.ids[shown])
        flags = np.full((int(radii.ids.max(initial=0)) + 1, 3), 170, np.uint8)
        flags[radii.ids[flagged]] = (230, 120, 30)
        return Surfaces(made.mesh, {"flagged": flags})

    table = Table(
        "particles", "shells", radii.ids,
        (
            Column("Diameter", "µm", diameters),
            Column("Sphericity", "", sphericities),
            Column("Mean radius", "µm", radii.radii_um.mean(axis=1)),
            Column("Smallest radius", "µm", radii.radii_um.min(axis=1)),
            Column("Largest radius", "µm", radii.radii_um.max(axis=1)),
            Column("Volume", "µm³", radii.volumes_um3),
            Column("Star error", "%", 100 * radii.star_errors),
            Column("Weight", "", radii.weights),
            Column("Flag", "", np.array(radii.flags, dtype=object)),
        ),
    )  # fmt: skip
    layers = [grey_layer(values["ct"])] if "ct" in values else []
    if "particles" in values:
        layers += label_layers(values["particles"], "particles", "ct" in values)
    mean = radii.radii_um.mean(axis=1)
    plots = [
        density_plot("mean-radius", "Mean radius of the shells", "mean radius [µm]", mean, lower=0.0),
        density_plot("star-error", "Star hull over voxel volume", "star error [%]", 100 * radii.star_errors),
    ]
    note = f"{int(flagged.sum())} of {len(radii)} shells are flagged."
    note += "".join(f" {one[:1].upper()}{one[1:]}." for one in radii.notes)
    if len(radii) > _SHELLS_3D:
        note += f" 3D shows the {_SHELLS_3D} largest."
    scene = (SceneItem("shells", "Shells", build, subject="particles"),)
    return Content(
        "radii", "Radius functions", "particles", tuple(layers), scene, table, tuple(p for p in plots if p),
        simulated=radii.simulated, note=note,
    )  # fmt: skip


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
        ("Volume", "µm³", fitted.volumes_um3), ("Volume error", "%", _percent(fitted.volume_errors)),
        ("Centroid error", "µm", fitted.centroid_errors_um), ("Complete", "", fitted.complete),
    ):  # fmt: skip
        if data is not None:
            columns.append(Column(title, column_unit, data))
    plots = [density_plot("weights", "Weights", f"weight [{unit}]", fitted.weights, "fitted")]
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
    note = f"{100 * fitted.agreement:.1f} % of the grain voxels agree." if np.isfinite(fitted.agreement) else ""
    table = Table("grains", "cells", fitted.labels, tuple(columns))
    return Content(
        "tessellation", "Tessellation", "grains", tuple(layers), tuple(scene), table, tuple(p for p in plots if p),
        simulated=fitted.simulated, note=note,
    )  # fmt: skip


def _percent(values: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    return None if values is None else 100 * values


def grain_model_content(values: dict[str, Any], monitor: Monitor) -> Content:
    model: GrainModel = values["grain-model"]
    fitted: Tessellation | None = values.get("tessellation")
    plots = [_pair_correlation(model), _weights(model, fitted), _copula(model)]
    lines = []
    for part in ("seeds", "weights", "copula", "texture"):
        law: Law = getattr(model, part)
        before = model.as_published[part].parameters if part in model.as_published else {}
        for name, value in (law.parameters or {"—": np.nan}).items():
            lines.append((f"{part}: {law.kind}", name, value, law.errors.get(name, np.nan), before.get(name, np.nan)))
    table = Table(
        "", "parameters", np.arange(1, len(lines) + 1),
        (
            Column("Law", "", np.array([line[0] for line in lines], dtype=object)),
            Column("Parameter", "", np.array([line[1].replace("_", " ") for line in lines], dtype=object)),
            Column("Value", "", np.array([line[2] for line in lines])),
            Column("Standard error", "", np.array([line[3] for line in lines])),
            Column("As published", "", np.array([line[4] for line in lines])),
        ),
    )  # fmt: skip
    return Content("grain-model", "Grain model", "", table=table, plots=tuple(p for p in plots if p), note=" ".join(model.notes))


def _pair_correlation(model: GrainModel) -> Plot | None:
    if model.seeds.kind != "matern-cluster":
        return None
    from nmcstudio.grains.matern import pair_correlation_theory

    series = []
    for role, law in (("model", model.seeds), ("theory", model.as_published.get("seeds"))):
        if law is None or law.kind != "matern-cluster":
            continue
        radius = law["cluster_radius"]
        r = np.linspace(0.02 * radius, 3.5 * radius, 300)
        g = pair_correlation_theory(r, law["parent_intensity"], radius)
        series.append(
            Series(
                role,
                "model" if role == "model" else "before the correction for empty cells",
                r,
                g,
                style="line" if role == "model" else "dashed",
            )
        )
    return Plot("pair-correlation", "Pair correlation of the seeds", "distance [µm]", "g(r)", tuple(series))


def _weights(model: GrainModel, fitted: Tessellation | None) -> Plot | None:
    if model.weights.kind != "inverse-gamma":
        return None
    from nmcstudio.grains.weights import weight_density, weight_moments, weight_quantile

    p = model.weights.parameters
    law = (p["alpha"], p["beta"], p["theta"])
    low, high = (float(v) for v in weight_quantile(np.array([0.0005, 0.9995]), *law))
    x = np.linspace(low, high, 400)
    series = [Series("model", "shifted inverse gamma", x, weight_density(x, *law), float(weight_moments(*law)[0]))]
    if fitted is not None and fitted.kind == "laguerre":
        observed = density_plot("", "", "weight [µm²]", fitted.weights, "fitted")
        if observed is not None:
            series.insert(0, observed.series[0])
    return Plot("weight-density", "Weights of the cells", "weight [µm²]", "density [1/µm²]", tuple(series))


def _copula(model: GrainModel) -> Plot | None:
    if model.copula.kind != "tawn":
        return None
    from nmcstudio.grains.copula import tawn_log_density

    p = model.copula.parameters
    u = np.linspace(0.01, 0.99, 99)
    first, second = np.meshgrid(u, u)
    z = np.exp(tawn_log_density(first.ravel(), second.ravel(), p["kappa"], p.get("psi1", 1.0), p["psi2"])).reshape(first.shape)
    return Plot(
        "copula", "Copula of weight and distance", "rank of the weight", "rank of the distance",
        image=Image(u, u, z), caption="Density; 1 everywhere would be independence.",
    )  # fmt: skip
