"""The particle of a scenario as a content for the views: coarse while a slider is dragged, fine at rest. No Qt here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from nmcstudio.core.grains import GrainModel
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.rng import stream
from nmcstudio.core.shells import ShellModel
from nmcstudio.gui.views.content_images import label_layers, label_surfaces
from nmcstudio.gui.views.content_results import one_particle
from nmcstudio.gui.views.contents import Content, SceneItem

# Voxels across the particle and voxel edges in a mean grain's fifteenth: what fits into half a second, and into a few.
_COARSE = (56, 2.5)
_FINE = (150, 1.0)


@dataclass(frozen=True)
class Draw:
    """Which particle: the models, the seed, its number, what the sliders say."""

    shell_model: ShellModel
    grain_model: GrainModel
    seed: int
    index: int
    values: Mapping[str, float]
    diameter_um: float | None


def preview_voxel_um(draw: Draw, coarse: bool) -> float:
    """Voxel edge of a preview: as fine as the time allows, and not finer than compose would make it."""
    from nmcstudio.particle.sizes import default_voxel_um, mean_diameter_um

    across, factor = _COARSE if coarse else _FINE
    diameter = (draw.diameter_um or mean_diameter_um(draw.shell_model)) * draw.values.get("size", 1.0)
    usual = default_voxel_um(draw.grain_model) * draw.values.get("grain_size", 1.0)
    return max(factor * usual, 1.25 * diameter / across)


def scenario_content(draw: Draw, coarse: bool, monitor: Monitor) -> Content:
    """Compose the particle and say how it is shown; a coarse one has no table and no plots.

    Raises
    ------
    NmcError
        If a value is out of its limits, or no grain fits into the shell.
    """
    from nmcstudio.particle.compose import compose_particle

    particle = compose_particle(
        draw.shell_model, draw.grain_model, stream(draw.seed, "compose"), draw.index, diameter_um=draw.diameter_um,
        voxel_um=preview_voxel_um(draw, coarse), scenario=dict(draw.values), monitor=monitor,
    )  # fmt: skip
    title = f"Scenario, draw {draw.index + 1}"
    if not coarse:
        made = one_particle(particle, monitor)
        return replace(made, title=title, note=made.note + ". Not in the project: “Compose” makes it so.")
    grains = particle.grains
    surfaces = label_surfaces(grains, "particle", monitor, iterations=4)
    return Content(
        "particle", title, "particle", tuple(label_layers(grains, "particle", False)),
        (SceneItem("grains", "Grains", lambda m: surfaces, subject="particle"),), simulated=True, provisional=True,
        ipf_key=grains.point_group,
        note=f"{particle.grain_count} grains, diameter {particle.diameter_um:.3g} µm; coarse while the slider moves",
    )  # fmt: skip
