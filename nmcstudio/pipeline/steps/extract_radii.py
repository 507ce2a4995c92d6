"""Radius functions of the particles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.core.shells import RadiusFunctions
from nmcstudio.pipeline.step import Preflight, Problem, Step


class ExtractRadiiParams(Params):
    """How a particle's surface is seen from inside."""

    directions: Literal["gauss-legendre", "octasphere-258", "icosphere-642", "icosphere-2562"] = param(
        "gauss-legendre",
        "Directions",
        symbol="u_1 … u_m",
        help="Where the radius is measured for the fit. The Gauss-Legendre grid has 2 (L + 1) times 4 (L + 1) directions and "
        "suits it; the octasphere's 258 are the published ones, too few for degree 15. They are measured besides in any case, "
        "for the published diameter and sphericity.",
    )
    degree: int = param(
        15,
        "Degree of the grid",
        symbol="L",
        help="Highest degree that the Gauss-Legendre grid is made for; not used for the other directions.",
        ge=2,
        le=50,
    )
    directions_file: str = param(
        "",
        "Directions from a file",
        widget="file",
        help="A CSV file with the header x,y,z and one unit vector a row, in place of the directions above.",
        advanced=True,
    )
    surface: Literal["automatic", "grey", "mask", "voxel"] = param(
        "automatic",
        "Surface",
        help="Grey: between the voxels, where the filtered CT volume crosses the threshold. Mask: from the labels, lightly "
        "filtered. Voxel: nearest voxel, as published, with an error of about half a voxel. Automatic: grey where there is a CT "
        "volume, else mask.",
    )
    mask_sigma_voxels: float = param(
        0.7,
        "Smoothing of the labels",
        unit="voxel",
        help="Gaussian filter of the surface from the labels. More is smoother and moves convex surfaces inwards.",
        advanced=True,
        ge=0.3,
        le=5.0,
        step=0.1,
        decimals=2,
    )
    mask_level: float = param(
        0.5,
        "Level of the labels",
        help="Value of the filtered labels at the surface.",
        advanced=True,
        gt=0.05,
        lt=0.95,
        step=0.05,
    )
    star_tolerance: float = param(
        0.02,
        "Star-shape tolerance",
        help="A particle is flagged if what its centre cannot see adds more than this share of its volume.",
        advanced=True,
        ge=0.0,
        le=1.0,
        step=0.01,
        decimals=3,
    )
    minimum_voxels: int = param(
        100, "Smallest particle", unit="voxel", help="Smaller particles are left out: their shape is not resolved.", ge=8
    )
    edge_correction: bool = param(
        True,
        "Correct for the border",
        help="Large particles are cut by the border more often than small ones; weigh each by the inverse probability to lie "
        "wholly in the field of view.",
    )
    correct_blur: bool = param(
        False,
        "Correct for smoothing",
        symbol="σ²H",
        help="Move surfaces outwards by what the Gaussian filter moved them inwards, by the local curvature. Leave it off if "
        "model and data are compared "
        "after the same smoothing.",
    )


def _run(inputs: Mapping[str, Any], params: ExtractRadiiParams, monitor: Monitor, rng: np.random.Generator) -> RadiusFunctions:
    from nmcstudio.shell.directions import grid_for_degree, icosphere, octasphere
    from nmcstudio.shell.radii import extract_radii

    choices = {
        "gauss-legendre": lambda: grid_for_degree(params.degree).directions,
        "octasphere-258": lambda: octasphere().directions,
        "icosphere-642": lambda: icosphere(3).directions,
        "icosphere-2562": lambda: icosphere().directions,
    }
    if params.directions_file:
        from nmcstudio.io.tables.radii import read_directions

        directions = read_directions(params.directions_file)
    else:
        directions = choices[params.directions]()
    return extract_radii(
        inputs["particles"],
        inputs.get("ct"),
        directions=directions,
        monitor=monitor,
        **params.model_dump(exclude={"directions", "directions_file", "degree"}),
    )


def _preflight(facts: Mapping[str, Mapping[str, Any]], params: ExtractRadiiParams) -> Preflight:
    particles = facts.get("particles", {})
    problems = []
    if params.surface == "grey" and "ct" not in facts:
        problems.append(
            Problem("surface", "the grey surface needs a CT volume", "import it, or take the surface from the labels")
        )
    count = int(particles.get("count", 0))
    if "count" in particles and not count:
        problems.append(Problem("", "there are no particles", "segment the CT volume first"))
    if params.directions_file and not Path(params.directions_file).is_file():
        problems.append(Problem("directions_file", f"there is no file {params.directions_file}", "check the name"))
    sizes = {"octasphere-258": 258, "icosphere-642": 642, "icosphere-2562": 2562}
    m = sizes.get(params.directions, 8 * (params.degree + 1) ** 2)
    spacing_um = float(np.cbrt(np.prod(particles.get("spacing_um", (1.0,)))))
    across = float(particles.get("median_diameter_um", 0.0)) / spacing_um if count else 0.0
    grey = params.surface == "grey" or (params.surface == "automatic" and "ct" in facts)
    voxels = float(np.prod(particles.get("shape", (0.0,))))
    seconds = voxels * 1e-9 + count * (1e-3 + m * across * 4e-8 + (across + (40 if grey else 8)) ** 3 * 4e-9)
    notes = []
    if params.directions == "octasphere-258":
        notes.append("258 directions determine 249 of the 256 coefficients of degree 15.")
    return Preflight(
        seconds=seconds or None, memory_mib=100 + count * m * 8 / 2**20 * 2, problems=tuple(problems), notes=tuple(notes)
    )


STEP = Step(
    key="extract-radii",
    title="Measure radius functions",
    lane="particles",
    params=ExtractRadiiParams,
    run=_run,
    reads=("particles",),
    optional=("ct",),
    writes="radii",
    preflight=_preflight,
    about="Measures the distance from each particle's centroid to its surface in many directions, and flags particles that are "
    "not star-shaped.",
)
