"""A shell of the wanted size, filled with grains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.pipeline.step import Preflight, Problem, Step


class ComposeParams(Params):
    """How a particle is put together."""

    diameter_um: float | None = param(
        None, "Diameter", unit="um", symbol="d_opt", gt=0, le=1000, decimals=3, step=0.1, optional_text="drawn from the model",
        help="Volume-equivalent diameter of the shell. Left open, the size is drawn from the shell model too.",
    )  # fmt: skip
    measured_size: bool = param(
        False, "Size of the measured particle",
        help="Takes the diameter of a sphere through the visible surface of the segmented grains, as published. The diameter "
        "above must be left open.",
    )  # fmt: skip
    count: int = param(
        1, "Number of particles", symbol="n", ge=1, le=1000,
        help="Particles kept in the project. Use Generate for many: it writes them to a folder.",
    )  # fmt: skip
    voxel_um: float | None = param(
        None, "Voxel size", unit="um", gt=0, le=100, decimals=4, step=0.01, optional_text="a fifteenth of a grain",
        help="Edge of the voxels of the grain labels. The random numbers do not depend on it.",
    )  # fmt: skip
    scenario: dict[str, float] = param(
        {}, "Scenario", widget="scenario",
        help="Changes of the fitted models' parameters by name, as the sliders of the scenario make them; 1 is the fitted value.",
    )  # fmt: skip
    tolerance: float = param(
        0.02, "Tolerance of the diameter", gt=0, le=0.5, decimals=3, step=0.005, advanced=True,
        help="Half width of the accepted diameters as a share: 0.02 accepts 0.98 to 1.02 times the diameter.",
    )  # fmt: skip
    conditioning: Literal["exact", "rejection"] = param(
        "exact", "Conditioning on the size", advanced=True,
        help="Exact draws the shape first and then a size that fits it. Rejection draws shells until one has the size, as "
        "published: the same law, slower. Without a diameter there is nothing to condition on.",
    )  # fmt: skip
    match_sphericity: bool = param(
        False, "Sphericity of the data", advanced=True,
        help="Keeps shells so that their sphericities have the distribution of the measured particles, at the diameter if one is "
        "given. Needs the radius functions; off, the shell model decides alone.",
    )  # fmt: skip
    connected: bool = param(
        True, "Largest piece only", advanced=True,
        help="Drops grains that do not share a voxel face with the rest of the particle.",
    )  # fmt: skip


def _run(inputs: Mapping[str, Any], params: ComposeParams, monitor: Monitor, rng: np.random.Generator) -> Any:
    from nmcstudio.particle.compose import compose

    given = params.model_dump(exclude={"measured_size", "match_sphericity"})
    if params.measured_size:
        from nmcstudio.core.rng import child
        from nmcstudio.particle.visible_shell import fit_visible_shell

        # Its stream stands beside those of the particles, whose numbers begin at 0.
        found = fit_visible_shell(inputs["grains"], child(rng, 2**31 - 1), monitor.sub(0.0, 0.1))
        given["diameter_um"] = found.diameter_um
        low, high = found.interval_um
        monitor.warn(f"the measured particle has a diameter of {found.diameter_um:.3g} um (95 %: {low:.3g} to {high:.3g} um)")
        monitor = monitor.sub(0.1, 1.0)
    given["match"] = sphericity_match(inputs, params.match_sphericity, given["diameter_um"], params.tolerance, monitor, rng)
    return compose(inputs["shell-model"], inputs["grain-model"], rng, monitor=monitor, **given)


def sphericity_match(
    inputs: Mapping[str, Any],
    wanted: bool,
    diameter_um: float | None,
    tolerance: float,
    monitor: Monitor,
    rng: np.random.Generator,
) -> Any:
    """The law by which shells are kept, from the radius functions; None if it is not wanted."""
    if not wanted:
        return None
    from nmcstudio.core.rng import child
    from nmcstudio.shell.sphericity_match import estimate_match

    found = estimate_match(
        inputs["radii"], inputs["shell-model"], child(rng, 2**31 - 2), diameter_um=diameter_um, tolerance=tolerance,
        monitor=monitor.sub(0.0, 0.1),
    )  # fmt: skip
    monitor.warn(f"to match the sphericity of the data, one shell in {found.bound:.2f} is kept")
    return found


def grid_estimate(facts: Mapping[str, Mapping[str, Any]], params: Any) -> tuple[float, float] | None:
    """Voxels of a particle's grid and its voxel edge, um, from the models' summaries; None where they do not say enough."""
    from nmcstudio.particle.sizes import expected_grid

    try:
        return expected_grid(facts["shell-model"], facts["grain-model"], params.diameter_um, params.voxel_um, params.scenario)
    except (KeyError, ValueError, TypeError):
        return None


def _preflight(facts: Mapping[str, Mapping[str, Any]], params: ComposeParams) -> Preflight:
    if params.measured_size and params.diameter_um is not None:
        message = "a diameter is given and the measured one is asked for"
        return Preflight(problems=(Problem("diameter_um", message, "leave one of the two open"),))
    found = grid_estimate(facts, params)
    if found is None:
        return Preflight()
    voxels, edge = found
    if voxels > 2e9:
        problem = Problem("voxel_um", f"a particle would need {voxels:.2g} voxels", "use larger voxels")
        return Preflight(problems=(problem,))
    notes = (f"voxels of {edge:.3g} um, about {voxels / 1e6:.3g} million of them around a particle",)
    return Preflight(
        seconds=params.count * (1.5 + 2e-7 * voxels),
        memory_mib=(12.0 * voxels + 2.0 * voxels * params.count) / 2**20 + 200.0,
        notes=notes,
    )


STEP = Step(
    key="compose",
    title="Compose virtual particles",
    lane="virtual",
    params=ComposeParams,
    run=_run,
    reads=lambda params: (
        "shell-model",
        "grain-model",
        *(("grains",) if params.measured_size else ()),
        *(("radii",) if params.match_sphericity else ()),
    ),
    writes="particle",
    can_finish=True,
    preflight=_preflight,
    about="Draws a shell from the shell model, of a given size if wanted, and fills it with the grains whose centroids lie in "
    "it. Each grain gets an orientation by the model's texture.",
)
