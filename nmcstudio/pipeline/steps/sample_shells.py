"""Many shells in one file, without grains."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.pipeline.step import Preflight, Problem, Step

_ENDINGS = "use .h5, or the name of a folder for PLY files"


class SampleShellsParams(Params):
    """How many shells, of what size, and how fine."""

    to: str = param(
        "shells.h5", "File or folder", widget="file", min_length=1,
        help="A name that ends in .h5 gets all shells in one file, radii and triangles; a name without ending becomes a folder "
        "with one PLY file a shell.",
    )  # fmt: skip
    count: int = param(1000, "Number of shells", symbol="n", ge=1, le=10_000_000, help="Shells in the file.")
    directions: Literal[
        "octasphere-258", "octasphere-1026", "octasphere-4098", "octasphere-16386", "icosphere-2562", "icosphere-10242"
    ] = param(
        "octasphere-4098", "Points of a shell",
        help="Directions in which the harmonics are summed up, and the triangles between them. The resolution changes nothing "
        "about the shells; 258 is the published mesh, whose volumes are 2.3 % low.",
    )  # fmt: skip
    diameter_um: float | None = param(
        None, "Diameter", unit="um", symbol="d_opt", gt=0, le=1000, decimals=3, step=0.1, optional_text="drawn from the model",
        help="Volume-equivalent diameter of the shells. Left open, sizes are drawn from the shell model.",
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
    recentre: bool = param(
        True, "Centroid at the origin", advanced=True,
        help="Moves each shell's centroid to the origin, where measured particles have theirs. Off is quicker: size and shape do "
        "not depend on it.",
    )  # fmt: skip


def _run(inputs: Mapping[str, Any], params: SampleShellsParams, monitor: Monitor, rng: np.random.Generator) -> dict[str, Any]:
    from nmcstudio.io.files import check_place
    from nmcstudio.pipeline.steps.compose import sphericity_match
    from nmcstudio.shell.sphericity_match import draw_series
    from nmcstudio.shell.synthesis import mesh_by_name, synthesise

    to = Path(params.to)
    if to.suffix.lower() not in ("", ".h5"):
        raise NmcError(f"shells cannot be written as {to.suffix}", _ENDINGS, "to")
    if to.suffix:
        check_place(to)
    else:
        from nmcstudio.io.meshes.shells import check_shell_folder

        check_shell_folder(to, params.count)
    model = inputs["shell-model"]
    match = sphericity_match(inputs, params.match_sphericity, params.diameter_um, params.tolerance, monitor, rng)
    shells = draw_series(
        model, params.count, rng, match=match, diameter_um=params.diameter_um, recentre=params.recentre,
        monitor=monitor.sub(0.1, 0.7), tolerance=params.tolerance, conditioning=params.conditioning,
    )  # fmt: skip
    mesh = mesh_by_name(params.directions)
    batches = synthesise(shells.coefficients, mesh.directions)
    writing = monitor.sub(0.7, 1.0)
    if to.suffix:
        from nmcstudio.io.tables.shells import write_shells

        facts = {"seed": str(rng.bit_generator.seed_seq), "diameter": params.diameter_um or float("nan")}  # type: ignore[attr-defined]
        write_shells(
            to, batches, shells.coefficients, shells.components, mesh.directions, mesh.triangles, writing, **facts
        )  # fmt: skip
        size = to.stat().st_size
    else:
        from nmcstudio.io.meshes.shells import write_shell_folder

        write_shell_folder(to, batches, len(shells), mesh.directions, mesh.triangles, writing)
        size = sum(file.stat().st_size for file in to.glob("shell-*.ply"))
    monitor.report(1.0)
    return {
        "to": params.to,
        "count": len(shells),
        "points": len(mesh.directions),
        "drawn_again": shells.rejected,
        "bytes": size,
        "headline": f"{len(shells)} shells of {len(mesh.directions)} points in {params.to}, {size / 1e6:.3g} MB",
    }


def _preflight(facts: Mapping[str, Mapping[str, Any]], params: SampleShellsParams) -> Preflight:
    ending = Path(params.to).suffix.lower()
    if ending not in ("", ".h5"):
        problem = Problem("to", f"shells cannot be written as {ending}", _ENDINGS)
        return Preflight(problems=(problem,))
    points = int(params.directions.rpartition("-")[2])
    each = 4 * points if ending else 12 * points + 13 * 2 * points
    degree = int(facts.get("shell-model", {}).get("degree", 15))
    seconds = params.count * (
        1e-4
        + 4e-11 * points * (degree + 1) ** 2
        + each * 2e-9
        + (1e-3 if params.diameter_um else 0)
        + (4e-3 if params.recentre else 0)
    )
    return Preflight(
        seconds=0.5 + seconds,
        memory_mib=100 + params.count * (degree + 1) ** 2 * 24 / 2**20,
        notes=(f"{params.count * each / 1e6:.3g} MB on disk",),
    )


STEP = Step(
    key="sample-shells",
    title="Sample shells",
    lane="virtual",
    params=SampleShellsParams,
    run=_run,
    reads=lambda params: ("shell-model", *(("radii",) if params.match_sphericity else ())),
    preflight=_preflight,
    about="Draws any number of shells from the shell model, of one size if wanted, and writes them without grains.",
)
