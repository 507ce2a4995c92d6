"""What measured radius functions show."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.meshes import SurfaceMesh
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.shells import RadiusFunctions
from nmcstudio.gui.views.content_images import density_plot, grey_layer, label_layers
from nmcstudio.gui.views.contents import Column, Content, SceneItem, Surfaces, Table

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
