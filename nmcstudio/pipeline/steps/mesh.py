"""A composed particle as a mesh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.pipeline.step import Preflight, Problem, Step

_LARGE_DEVIATION = 0.1


class MeshParams(Params):
    """Kind and fineness of the mesh."""

    kind: Literal["tetrahedra", "surface", "hexahedra"] = param(
        "tetrahedra", "Kind",
        help="Tetrahedra for simulation, the surface between all grains, or one hexahedron a voxel.",
    )  # fmt: skip
    particle: int = param(0, "Particle", ge=0, help="Number of the particle, counted from 0.")
    edge_um: float | None = param(
        None, "Edge length", unit="um", gt=0, le=1000, decimals=4, step=0.01, optional_text="chosen by kind",
        help="Mean edge of the tetrahedra (a fifth of a grain if left open) or of the hexahedra (the voxel's). "
        "The surface always has the voxels' fineness.",
    )  # fmt: skip
    smoothing: int = param(
        12, "Smoothing sweeps", ge=0, le=100, advanced=True,
        help="Sweeps that move the nodes of tetrahedra or surface onto the grain boundaries; 0 leaves the lattice as it is.",
    )  # fmt: skip
    floor_quality: float = param(
        0.15, "Quality kept", ge=0.01, le=0.6, decimals=2, step=0.05, advanced=True,
        help="No move takes a tetrahedron below this quality (1 is regular). Higher values leave boundaries rougher.",
    )  # fmt: skip


def _run(inputs: Mapping[str, Any], params: MeshParams, monitor: Monitor, rng: np.random.Generator) -> Any:
    from nmcstudio.mesh.make import make_mesh
    from nmcstudio.mesh.quality import volume_errors

    particles = inputs["particle"].particles
    if params.particle >= len(particles):
        raise NmcError(
            f"there is no particle {params.particle}", f"the project has 0 to {len(particles) - 1}", "particle"
        )  # fmt: skip
    grains = particles[params.particle].grains
    mesh = make_mesh(
        grains, params.kind, edge_um=params.edge_um, sweeps=params.smoothing,
        floor_quality=params.floor_quality, monitor=monitor,
    )  # fmt: skip
    deviation = float(np.nanmedian(np.abs(volume_errors(mesh, grains))))
    if deviation > _LARGE_DEVIATION:
        monitor.warn(f"half of the grains differ by more than {100 * deviation:.0f} % in volume: the edge is too long for them")
    return mesh


def _preflight(facts: Mapping[str, Mapping[str, Any]], params: MeshParams) -> Preflight:
    known = facts.get("particle", {})
    if not {"count", "diameters_um", "grains", "shapes"} <= known.keys():
        return Preflight()
    if params.particle >= known["count"]:
        problem = Problem("particle", f"there is no particle {params.particle}", f"choose 0 to {known['count'] - 1}")
        return Preflight(problems=(problem,))
    volume = np.pi / 6 * known["diameters_um"][params.particle] ** 3
    grains = known["grains"][params.particle]
    voxels = float(np.prod(known["shapes"][params.particle]))
    if params.kind == "surface":
        return Preflight(seconds=0.5 + 3e-7 * voxels, memory_mib=100 + 80 * voxels / 2**20)
    if params.kind == "hexahedra":
        cells = voxels / 2 if params.edge_um is None else volume / params.edge_um**3
        return Preflight(seconds=0.2 + 4e-7 * cells, memory_mib=100 + 300 * cells / 2**20)
    edge = params.edge_um or (6 * volume / (np.pi * max(grains, 1))) ** (1 / 3) / 5
    # twelve cells a cube, whose edge is the mean edge over 0.91; cuts add a quarter
    cells = 15 * volume / (edge / 0.91) ** 3
    if cells > 2e8:
        return Preflight(problems=(Problem("edge_um", f"that makes {cells:.2g} tetrahedra", "use a longer edge"),))
    note = f"edge {edge:.3g} um, about {cells:,.0f} tetrahedra"
    return Preflight(seconds=1 + 4e-5 * cells, memory_mib=200 + 600 * cells / 2**20, notes=(note,))


STEP = Step(
    key="mesh",
    title="Mesh a particle",
    lane="virtual",
    params=MeshParams,
    run=_run,
    reads=("particle",),
    writes="mesh",
    can_finish=True,
    preflight=_preflight,
    about="Makes a composed particle into a mesh whose grains share their nodes: tetrahedra with smooth boundaries, the surface "
    "between all grains, or one hexahedron a voxel.",
)
