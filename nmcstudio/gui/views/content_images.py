"""What image nodes show: CT volume, labelled particles or grains, orientation maps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.meshes import SurfaceMesh
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.shells import RadiusFunctions
from nmcstudio.core.volume import LabelVolume, Volume
from nmcstudio.gui.views.contents import Content, GreyBlock, Layer, Plot, SceneItem, Series, Surfaces, Table
from nmcstudio.gui.views.legends import c_legend, has_c_axis, ipf_legend
from nmcstudio.gui.views.object_table import is_large, label_table, size_table, values_of

_GREY_3D = 4_000_000  # voxels of the grey block in 3D
_LABELS_3D = 6_000_000  # voxels of labels that surfaces are made of
_TRIANGLES_3D = 700_000  # triangles of the skin that 3D gets at most, roughly
_QUICK_3D = 300_000  # voxels above which a coarser mesh is made as well, for the time that the camera moves
_SCALE_STEPS = 100_000  # steps that a scale of equal steps has at most; a finer one is as good as none


def grey_limits(values: NDArray[Any], observed: NDArray[np.bool_] | None = None) -> tuple[float, float]:
    """The half and the 99.5 percent quantile of a thinned volume, as limits of the grey scale."""
    step = max(1, round((values.size / 500_000) ** (1 / 3)))
    thin = values[::step, ::step, ::step]
    chosen = thin[observed[::step, ::step, ::step]] if observed is not None else thin.ravel()
    chosen = chosen[np.isfinite(chosen)] if chosen.dtype.kind == "f" else chosen
    if chosen.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(chosen, [0.5, 99.5])
    return (float(low), float(high)) if high > low else (float(low), float(low) + 1.0)


def grey_layer(volume: Volume, **changes: Any) -> Layer:
    limits = grey_limits(volume.values, volume.observed)
    given = {"key": "grey", "title": "Grey value", "kind": "grey", "limits": limits} | changes
    return Layer(values=volume.values, spacing_um=volume.spacing_um, origin_um=volume.origin_um, **given)


def grey_block(volume: Volume) -> GreyBlock:
    """The volume thinned to a few million voxels of one byte."""
    step = _thinning(volume.shape, _GREY_3D)
    low, high = grey_limits(volume.values, volume.observed)
    thin = volume.values[::step, ::step, ::step].astype(np.float32)
    scaled = np.nan_to_num(np.clip((thin - low) * (255 / (high - low)), 0, 255)).astype(np.uint8)
    return GreyBlock(scaled, tuple(step * s for s in volume.spacing_um), volume.origin_um)


def label_layers(volume: LabelVolume, subject: str, over_grey: bool) -> list[Layer]:
    """Colours and boundaries of labels, and IPF and c-axis colours where there are orientations."""
    grid = {"spacing_um": volume.spacing_um, "origin_um": volume.origin_um, "values": volume.labels}
    noun = "Particles" if subject == "particles" else "Grains"
    layers = [Layer("labels", noun, "labels", opacity=0.45 if over_grey else 1.0, subject=subject, **grid)]
    tables = ipf_tables(volume.quaternions, volume.point_group)
    for name, table in tables.items():
        legend = ipf_legend(name, volume.point_group)
        layers.append(
            Layer(f"ipf-{name}", f"IPF {name}", "labels", visible=False, table=table, subject=subject, legend=legend, **grid)
        )
    if tables and has_c_axis(volume.point_group):
        from nmcstudio.crystal.c_axis_colours import c_axis_colours

        table = c_axis_colours(volume.quaternions)
        layers.append(Layer("c-axis", "c-axis", "labels", visible=False, table=table, subject=subject, legend=c_legend(), **grid))
    layers.append(Layer("boundaries", "Boundaries", "outline", colour=(20, 20, 20), opacity=0.8, visible=not over_grey, **grid))
    return layers


def ipf_tables(quaternions: NDArray[np.float64] | None, point_group: str) -> dict[str, NDArray[np.uint8]]:
    """IPF colours of each label for the sample directions z, x, y; empty without orientations."""
    if quaternions is None or not point_group or not np.isfinite(quaternions).any():
        return {}
    from nmcstudio.crystal.ipf import ipf_colours

    return {name: ipf_colours(quaternions, point_group, name) for name in ("z", "x", "y")}


def label_surfaces(volume: LabelVolume, subject: str, monitor: Monitor, iterations: int = 16) -> Surfaces:
    """Walls between all labels, thinned to what 3D can turn quickly."""
    from nmcstudio.mesh.surfaces import mesh_surface

    thin = thin_labels(volume, thinning_of(volume))
    labels = thin.labels
    if not labels.any():
        return Surfaces(SurfaceMesh(np.zeros((0, 3)), np.zeros((0, 3), np.int64), np.zeros((0, 2), np.int32)))
    mesh = mesh_surface(thin, iterations=iterations, monitor=monitor)
    colours = {f"IPF {name}": table for name, table in ipf_tables(volume.quaternions, volume.point_group).items()}
    quick = None
    if labels.size > _QUICK_3D:
        half = LabelVolume(np.ascontiguousarray(labels[::2, ::2, ::2]), tuple(2 * s for s in thin.spacing_um), thin.origin_um)
        quick = mesh_surface(half, iterations=4, monitor=monitor) if half.labels.any() else None
    cap = Layer("labels", "Labels", "labels", labels, thin.spacing_um, thin.origin_um, subject=subject)
    return Surfaces(mesh, colours, labels=cap, quick=quick)


def thinning_of(volume: LabelVolume) -> int:
    """Every how many voxels 3D looks at a volume."""
    step = _thinning(volume.shape, _LABELS_3D)
    finer = 2 * _skin_faces(volume.labels[::step, ::step, ::step]) / _TRIANGLES_3D
    return step * int(np.ceil(np.sqrt(finer))) if finer > 1 else step


def thin_labels(volume: LabelVolume, step: int) -> LabelVolume:
    """A copy with every `step`-th voxel."""
    labels = np.array(volume.labels[::step, ::step, ::step], order="C")
    spacing_um = tuple(step * s for s in volume.spacing_um)
    return replace(volume, labels=labels, spacing_um=spacing_um, observed=None)


def _skin_faces(labels: NDArray[Any]) -> int:
    """Voxel faces between objects and the background, without those at the border."""
    inside = labels > 0
    return sum(int(np.count_nonzero(np.diff(inside, axis=axis))) for axis in range(3))


def _thinning(shape: tuple[int, ...], limit: int) -> int:
    return max(1, int(np.ceil((np.prod([float(n) for n in shape]) / limit) ** (1 / 3))))


def density_plot(
    key: str,
    title: str,
    x_label: str,
    values: NDArray[np.float64],
    role: str = "data",
    weights: NDArray[np.float64] | None = None,
    **bounds: Any,
) -> Plot | None:
    """Kernel density of a sample, of equal weights if None are given, with its mean; None if it is too small for one."""
    from nmcstudio.stats.densities import density

    values = np.asarray(values, dtype=float)
    there = np.isfinite(values)
    values, weights = values[there], np.ones(there.sum()) if weights is None else weights[there]
    if len(values) < 3 or np.ptp(values) == 0:
        return None
    found = density(values, weights=weights, **bounds)
    mean = float(np.average(values, weights=weights))
    spread = float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))
    unit = x_label.partition("[")[2].rstrip("]")
    y_label = f"density [1/{unit}]" if unit else "density"
    series = Series(role, f"{len(values)} objects", found.x, found.y, mean)
    return Plot(key, title, x_label, y_label, (series,), caption=f"n = {len(values)}, mean {mean:.3g}, sd {spread:.3g}")


def histogram_edges(values: NDArray[Any], most: int) -> NDArray[np.float64]:
    """Edges of at most `most` bins of one width.

    Counts and bytes stand on a scale of equal steps, whole or not (a vendor's quality in bytes may be stored as multiples of
    0.75). Bins that do not fit the scale hold one step more here and one less there, and the histogram shows a comb that is
    not in the data; bins of whole steps, with the values in their middle, do not.
    """
    steps = np.unique(values).astype(float)
    low, high = float(steps[0]), float(steps[-1])
    step = float(np.diff(steps).min()) if len(steps) > 1 else 1.0
    count = round((high - low) / step)
    if count < _SCALE_STEPS:
        step = (high - low) / count if count else step
        place = (steps - low) / step
        if np.abs(place - np.rint(place)).max() < 0.1:
            each = -(-(count + 1) // most)
            bins = -(-(count + 1) // each)
            return low - step / 2 + each * step * np.arange(bins + 1)
    return np.linspace(low, high, most + 1)


def histogram_plot(key: str, title: str, x_label: str, noun: str, values: NDArray[Any], most: int = 256) -> Plot:
    """Shares of finite values in bins that fit their scale."""
    counts, edges = np.histogram(values, bins=histogram_edges(values, most))
    series = Series("data", noun, edges, counts / max(counts.sum(), 1), style="bars")
    return Plot(key, title, x_label, f"share of {noun}", (series,))


def ct_content(values: dict[str, Any], monitor: Monitor) -> Content:
    ct: Volume = values["ct"]
    layers = [grey_layer(ct)]
    if ct.observed is not None:
        layers.append(
            Layer(
                "field",
                "Outside the field of view",
                "mask",
                ~ct.observed,
                ct.spacing_um,
                ct.origin_um,
                opacity=0.35,
                colour=(40, 90, 160),
            )
        )
    step = _thinning(ct.shape, 3_000_000)
    thin = ct.values[::step, ::step, ::step]
    histogram = histogram_plot("grey-histogram", "Grey values", "grey value", "voxels", thin[np.isfinite(thin)])
    scene = (SceneItem("grey", "Grey volume", lambda m: grey_block(ct)),)
    return Content("ct", "CT volume", "", tuple(layers), scene, plots=(histogram,), simulated=ct.simulated)


def particles_content(values: dict[str, Any], monitor: Monitor) -> Content:
    particles: LabelVolume = values["particles"]
    ct: Volume | None = values.get("ct")
    layers = [grey_layer(ct)] if ct is not None else []
    layers += label_layers(particles, "particles", ct is not None)
    scene = [SceneItem("particles", "Particles", lambda m: label_surfaces(particles, "particles", m), subject="particles")]
    if ct is not None:
        scene.append(SceneItem("grey", "Grey volume", lambda m: grey_block(ct), visible=False))

    radii: RadiusFunctions | None = values.get("radii")
    simulated = particles.simulated or (ct is not None and ct.simulated)
    rest, later = object_figures(particles, "particles", "data", radii)
    return Content(
        "particles", "Particles", "particles", tuple(layers), tuple(scene), simulated=simulated, rest=rest, later=later
    )


Figures = Callable[[Monitor], tuple[Table | None, tuple[Plot, ...]]]


def object_figures(
    volume: LabelVolume, subject: str, role: str, radii: RadiusFunctions | None = None
) -> tuple[Figures, Figures | None]:
    """Makers of table and densities of particles or grains: the first one at once, the second with all columns, or None."""

    def sizes(monitor: Monitor) -> tuple[Table | None, tuple[Plot, ...]]:
        table = size_table(volume, subject, monitor, radii)
        return table, object_plots(table, role)

    def everything(monitor: Monitor) -> tuple[Table | None, tuple[Plot, ...]]:
        table = label_table(volume, subject, monitor, radii)
        return table, object_plots(table, role)

    return (sizes, everything) if is_large(volume) else (everything, None)


def object_plots(table: Table | None, role: str) -> tuple[Plot, ...]:
    """Densities of the objects of a table."""
    if table is None:
        return ()
    noun = "particle" if table.subject == "particles" else "grain"
    wanted = (("diameter_um", "Diameter", "diameter [µm]", {"lower": 0.0}),)
    wanted += (
        (("sphericity", "Sphericity", "sphericity", {"upper": 1.0}),)
        if noun == "particle"
        else (("neighbours", "Neighbours", "neighbours", {"lower": 0.0}),)
    )
    plots = []
    for name, title, axis, bounds in wanted:
        values = values_of(table, name)
        if values is not None:
            key = f"{noun}-{name.removesuffix('_um')}"
            plots.append(density_plot(key, f"{title} of the {noun}s", axis, values, role, **bounds))
    return tuple(plot for plot in plots if plot)
