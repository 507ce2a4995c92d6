"""Any node as an open file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.pipeline.step import Preflight, Problem, Step

Node = Literal[
    "ct", "particles", "radii", "shell-model", "ebsd", "grains", "tessellation", "grain-model", "particle", "mesh", "validation"
]


class ExportParams(Params):
    """What is written, and where to."""

    node: Node = param("particle", "Result", help="Which of the project's results is written.")
    to: str = param(
        ..., "File or folder", widget="file", min_length=1,
        help="The ending chooses the format: .tif, .vti, .nrrd, .h5, .zarr for volumes, .dream3d, .ang, .ctf for "
        "orientations, .csv for tables, .json for models, .vtu, .stl, .ply for meshes. Particles also go into a folder, each "
        "with all its files; a validation too, each figure as SVG, PDF and PNG with its numbers.",
    )  # fmt: skip
    particle: int | None = param(
        None, "Particle", ge=0, optional_text="all", help="Number of the particle, counted from 0; left open, all are written."
    )
    mesh: Literal["none", "tetrahedra", "surface", "hexahedra"] = param(
        "none",
        "Mesh in the folder",
        help="Mesh of every particle that goes into a folder, written as VTU beside its other files.",
    )


def _run(inputs: Mapping[str, Any], params: ExportParams, monitor: Monitor, rng: np.random.Generator) -> dict[str, Any]:
    from nmcstudio.pipeline.exporting import export_node

    made = _history(params.node, inputs.get("provenance", {}))
    written = export_node(
        params.node, inputs[params.node], Path(params.to), monitor, particle=params.particle,
        mesh=None if params.mesh == "none" else params.mesh, made=made,
    )  # fmt: skip
    size = written.size_bytes
    count = len(written.paths)
    what = (
        f"{count} {'folders' if params.node == 'particle' else 'files'} in {written.paths[0].parent}"
        if count > 1
        else str(written.paths[0])
    )
    return {
        "node": params.node,
        "to": params.to,
        "files": [str(path) for path in written.paths],
        "bytes": size,
        "headline": f"{params.node} in {what}, {size / 1e6:.3g} MB",
    }


def _history(node: str, facts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """How a node was made, and below "from" the same of each node that it was made from."""
    if node not in facts:
        return {}
    own = {key: facts[node][key] for key in ("step", "params", "seed", "digest", "version") if key in facts[node]}
    return own | {"from": {name: _history(name, facts) for name in facts[node].get("inputs", {}) if name != node}}


def _preflight(facts: Mapping[str, Mapping[str, Any]], params: ExportParams) -> Preflight:
    from nmcstudio.pipeline.exporting import endings

    ending = Path(params.to).suffix.lower()
    allowed = endings(params.node)
    several = params.node == "particle" and params.particle is None and facts.get("particle", {}).get("count", 1) > 1
    if ending and several and not Path(params.to).is_dir():
        problem = Problem("to", "several particles do not go into one file", "give a folder, or the number of one particle")
        return Preflight(problems=(problem,))
    foldable = params.node in ("particle", "validation")
    if foldable and not ending:
        return Preflight()
    if ending not in allowed and not (foldable and Path(params.to).is_dir()):
        problem = Problem("to", f"{params.node} cannot be written as {ending or params.to!r}", f"use one of {', '.join(allowed)}")
        return Preflight(problems=(problem,))
    return Preflight()


STEP = Step(
    key="export",
    title="Export",
    lane="virtual",
    params=ExportParams,
    run=_run,
    reads=lambda params: (params.node,),
    provenance=True,
    preflight=_preflight,
    about="Writes a result as an open file that other programs read; the ending of the name chooses the format.",
)
