"""Step segment-ebsd: grains out of an orientation map."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.core.volume import LabelVolume, Volume
from nmcstudio.pipeline.step import Preflight, Problem, Step

_CLEAN = "Clean-up"
_MAP = "Map of boundaries"
_DATA = "Points and phases"


class SegmentEbsdParams(Params):
    method: Literal["auto", "orientation", "file", "map", "both"] = param(
        "auto",
        "Grains from",
        help="Orientation joins neighbours of small disorientation; file takes the labels that a grain map brings along; map "
        "cuts at the seams of the image quality or another map of boundaries; both splits grains of orientation at such seams. "
        "Automatic takes the file's labels where there are any, else orientation.",
    )
    angle_deg: float = param(
        5.0,
        "Boundary angle",
        unit="deg",
        symbol="ω",
        help="Neighbouring voxels with a larger disorientation, under the crystal's symmetry, belong to different grains.",
        gt=0,
        lt=90,
        step=0.5,
        decimals=1,
    )
    split: float = param(
        0.9,
        "Split at seams",
        symbol="ρ",
        widget="slider",
        help="For grains from a map: hills stay apart if the saddle between them is below this share of the lower one; higher "
        "gives more grains.",
        ge=0,
        le=1,
        step=0.01,
        decimals=3,
    )
    min_voxels: int = param(
        20, "Smallest grain", unit="voxel", help="Smaller pieces are noise; their voxels go to the nearest grain.", ge=1
    )
    min_confidence: float | None = param(
        None,
        "Least confidence",
        optional_text="no limit",
        help="Points below are taken as not indexed. For EDAX 0.1 is usual; for others it is 1 − MAD / 2°.",
        ge=-1,
        le=1,
        step=0.05,
        decimals=2,
    )
    fill_um: float | None = param(
        None,
        "Close gaps up to",
        unit="um",
        optional_text="2 voxels",
        help="Points without a grain go to the nearest one in holes and seams less than twice this wide; 0 closes none.",
        ge=0,
        decimals=3,
    )
    boundary_map: Literal["quality", "confidence", "volume"] = param(
        "quality",
        "Map",
        help="What shows the boundaries: the image quality (for LabDCT the completeness), the confidence, or a volume of the "
        "same grid, for example the probabilities of a trained network.",
        advanced=True,
        group=_MAP,
    )
    boundary_file: str = param(
        "",
        "Volume of boundaries",
        widget="file",
        help="For the map “volume”: a file with as many voxels as the orientation map.",
        advanced=True,
        group=_MAP,
    )
    boundaries_are: Literal["auto", "dark", "bright"] = param(
        "auto",
        "Boundaries are",
        help="Dark or bright in the map. Automatic: dark in quality and confidence, bright in a volume.",
        advanced=True,
        group=_MAP,
    )
    sigma_voxels: float = param(
        0.0,
        "Smoothing of the map",
        unit="voxel",
        symbol="σ",
        help="Gaussian filter before the seams are looked for; a noisy map needs 1 or 2.",
        ge=0,
        le=10,
        step=0.5,
        decimals=1,
        advanced=True,
        group=_MAP,
    )
    replace_passes: int = param(
        0,
        "Mend single points",
        unit="passes",
        help="Points without a usable orientation, and points unlike all their neighbours, take the orientation on which more "
        "than half of their neighbours agree; so many times.",
        ge=0,
        le=20,
        advanced=True,
        group=_CLEAN,
    )
    smooth_passes: int = param(
        0,
        "Smooth boundaries",
        unit="passes",
        help="Voxels at boundaries take the label of most of their neighbours, so many times: takes away spikes and steps. No "
        "grain falls apart or goes.",
        ge=0,
        le=20,
        advanced=True,
        group=_CLEAN,
    )
    spare_border: bool = param(
        False,
        "Spare grains at the border",
        help="Small pieces stay if they touch the border of the volume or of what was imaged: they may be large grains cut off.",
        advanced=True,
        group=_CLEAN,
    )
    pieces: Literal["keep", "split", "largest"] = param(
        "keep",
        "Pieces of one label",
        help="For labels of a file that do not hang together: keep the label, split them into grains of their own, or keep the "
        "largest piece only.",
        advanced=True,
        group=_CLEAN,
    )
    twin_angle_deg: float | None = param(
        None,
        "Merge twins of",
        unit="deg",
        optional_text="merge none",
        help="Neighbours whose mean orientations differ by this rotation become one parent grain: 60 about 1 1 1 for fcc metals.",
        gt=0,
        le=180,
        decimals=2,
        advanced=True,
        group=_CLEAN,
    )
    twin_axis: tuple[float, float, float] = param(
        (1.0, 1.0, 1.0),
        "Twin axis",
        help="Direction [u v w] of the lattice that the twins are turned about.",
        advanced=True,
        group=_CLEAN,
    )
    twin_tolerance_deg: float = param(
        3.0,
        "Twin tolerance",
        unit="deg",
        help="Largest deviation from the rotation of twins.",
        gt=0,
        le=15,
        step=0.5,
        decimals=1,
        advanced=True,
        group=_CLEAN,
    )
    phase: int | None = param(
        None,
        "Phase",
        optional_text="the most frequent",
        help="Number of the phase whose grains are wanted.",
        ge=1,
        advanced=True,
        group=_DATA,
    )
    blank: Literal["sections", "border", "keep"] = param(
        "sections",
        "Not imaged",
        help="What counts as milled away or outside of the cut, beside what the file says so of. Sections: those without any "
        "signal. Border: also what has no signal and reaches the border of its section. Keep: nothing more.",
        advanced=True,
        group=_DATA,
    )


def settings_of(params: SegmentEbsdParams) -> Any:
    """The parameters as `nmcstudio.imaging.grain_settings.GrainSettings`."""
    from nmcstudio.imaging.grain_settings import GrainSettings

    values = params.model_dump(exclude={"boundary_file"})
    for name in ("angle_deg", "twin_angle_deg", "twin_tolerance_deg"):
        degrees = values.pop(name)
        values[name.removesuffix("_deg")] = None if degrees is None else math.radians(degrees)
    return GrainSettings(**values)


def read_boundary(params: SegmentEbsdParams, monitor: Monitor | None = None) -> Volume | None:
    """The volume of boundaries, if the parameters want one."""
    if params.method not in ("map", "both") or params.boundary_map != "volume" or not params.boundary_file:
        return None
    from nmcstudio.io.volumes.registry import read_volume

    # Its grid is that of the orientation map, whatever voxel size it has.
    return read_volume(params.boundary_file, 1.0, monitor=monitor)


def run(inputs: Mapping[str, Any], params: SegmentEbsdParams, monitor: Monitor, rng: np.random.Generator) -> LabelVolume:
    from nmcstudio.imaging.grains import segment_grains

    boundary = read_boundary(params, monitor.sub(0.0, 0.05))
    return segment_grains(inputs["ebsd"], settings_of(params), boundary=boundary, monitor=monitor.sub(0.05, 1.0))


def preflight(facts: Mapping[str, Mapping[str, Any]], params: SegmentEbsdParams) -> Preflight:
    problems: tuple[Problem, ...] = ()
    uses_map = params.method in ("map", "both")
    if uses_map and params.boundary_map == "volume":
        if not params.boundary_file:
            problems = (Problem("boundary_file", "there is no boundary map", "choose its file, or another map"),)
        elif not Path(params.boundary_file).exists():
            problems = (Problem("boundary_file", f"{params.boundary_file} is not there", "choose the file again"),)
    shape = facts.get("ebsd", {}).get("shape")
    if not shape:
        return Preflight(problems=problems)
    points = math.prod(shape)
    seconds = 0.3 + points * (1.0e-6 + 0.6e-6 * uses_map)
    return Preflight(seconds=seconds, memory_mib=points * (40 + 20 * uses_map) / 2**20, problems=problems)


STEP = Step(
    key="segment-ebsd",
    title="Segment grains",
    lane="grains",
    params=SegmentEbsdParams,
    run=run,
    reads=("ebsd",),
    writes="grains",
    preflight=preflight,
    about="Labels the grains of an orientation map by disorientation, seams of a map, or both, and cleans them up.",
)
