"""Many particles, written to a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.pipeline.step import Preflight, Problem, Step

Format = Literal["vti", "tif", "csv", "stl", "ply", "json"]


class GenerateParams(Params):
    """How many, of what size, and which files."""

    to: str = param(
        "particles", "Folder", widget="folder", min_length=1,
        help="Gets one folder a particle. Particles that are complete there already are kept and not made again.",
    )  # fmt: skip
    count: int = param(10, "Number of particles", symbol="n", ge=1, le=1_000_000, help="Particles in the folder in the end.")
    diameter_um: float | None = param(
        None, "Diameter", unit="um", symbol="d_opt", gt=0, le=1000, decimals=3, step=0.1, optional_text="drawn from the model",
        help="Volume-equivalent diameter of the shells. Left open, sizes are drawn from the shell model.",
    )  # fmt: skip
    voxel_um: float | None = param(
        None, "Voxel size", unit="um", gt=0, le=100, decimals=4, step=0.01, optional_text="a fifteenth of a grain",
        help="Edge of the voxels of the grain labels.",
    )  # fmt: skip
    scenario: dict[str, float] = param(
        {}, "Scenario", widget="scenario", help="Changes of the fitted models' parameters by name, as for Compose."
    )
    formats: tuple[Format, ...] = param(
        ("vti", "tif", "csv", "stl", "json"), "Files",
        help="Grain ids as VTI and TIFF, the table of grains as CSV, the shell as STL or PLY; particle.json is always written.",
    )  # fmt: skip
    mesh: Literal["none", "tetrahedra", "surface", "hexahedra"] = param(
        "none", "Mesh", help="Mesh of every particle, written as VTU."
    )
    mesh_edge_um: float | None = param(
        None, "Edge of the mesh", unit="um", gt=0, le=1000, decimals=4, step=0.01, optional_text="chosen by kind",
        help="As for Mesh: a fifth of a grain for tetrahedra, the voxel's for hexahedra.",
    )  # fmt: skip
    workers: int | None = param(
        None, "Processes", ge=1, le=512, optional_text="half of the processors", advanced=True,
        help="Particles made at the same time. The particles do not depend on it.",
    )  # fmt: skip
    tolerance: float = param(
        0.02, "Tolerance of the diameter", gt=0, le=0.5, decimals=3, step=0.005, advanced=True,
        help="Half width of the accepted diameters as a share.",
    )  # fmt: skip
    conditioning: Literal["exact", "rejection"] = param(
        "exact", "Conditioning on the size", advanced=True,
        help="Exact is quick. Rejection draws shells until one has the size, as published: the same law, slower.",
    )  # fmt: skip
    match_sphericity: bool = param(
        False, "Sphericity of the data", advanced=True,
        help="Keeps shells so that their sphericities have the distribution of the measured particles. Needs the radius "
        "functions.",
    )  # fmt: skip
    connected: bool = param(
        True, "Largest piece only", advanced=True,
        help="Drops grains that do not share a voxel face with the rest of the particle.",
    )  # fmt: skip


def _run(inputs: Mapping[str, Any], params: GenerateParams, monitor: Monitor, rng: np.random.Generator) -> dict[str, Any]:
    from nmcstudio.pipeline.generation import generate
    from nmcstudio.pipeline.steps.compose import sphericity_match

    options = params.model_dump(include={"diameter_um", "voxel_um", "scenario", "tolerance", "conditioning", "connected"})
    match = sphericity_match(inputs, params.match_sphericity, params.diameter_um, params.tolerance, monitor, rng)
    if match is not None:
        options["match"] = match
    made, before = generate(
        inputs["shell-model"],
        inputs["grain-model"],
        rng,
        Path(params.to),
        count=params.count,
        options=options,
        formats=params.formats,
        mesh=None if params.mesh == "none" else params.mesh,
        mesh_edge_um=params.mesh_edge_um,
        workers=params.workers,
        monitor=monitor,
    )
    grains = float(np.mean([one.grains for one in made]))
    return {
        "to": params.to,
        "count": len(made),
        "made": len(made) - before,
        "kept": before,
        "mean_grains": grains,
        "mean_diameter_um": float(np.mean([one.diameter_um for one in made])),
        "headline": f"{len(made)} particles in {params.to} ({before} were there), {grains:.0f} grains on average",
    }


def _preflight(facts: Mapping[str, Mapping[str, Any]], params: GenerateParams) -> Preflight:
    from nmcstudio.particle.sizes import expected_grid

    try:
        voxels, edge = expected_grid(
            facts["shell-model"], facts["grain-model"], params.diameter_um, params.voxel_um, params.scenario
        )  # fmt: skip
    except KeyError:
        return Preflight()
    if voxels > 2e9:
        return Preflight(problems=(Problem("voxel_um", f"a particle would need {voxels:.2g} voxels", "use larger voxels"),))
    workers = params.workers or 2
    return Preflight(
        seconds=params.count * (2.0 + 4e-7 * voxels + (20.0 if params.mesh == "tetrahedra" else 0.0)) / workers,
        memory_mib=workers * (250.0 + 14.0 * voxels / 2**20),
        notes=(f"voxels of {edge:.3g} um",),
    )


STEP = Step(
    key="generate",
    title="Generate many particles",
    lane="virtual",
    params=GenerateParams,
    run=_run,
    reads=lambda params: ("shell-model", "grain-model", *(("radii",) if params.match_sphericity else ())),
    can_finish=True,
    preflight=_preflight,
    about="Writes any number of particles into a folder, on several processes. It can be interrupted and started again.",
)
