"""Step segment-ct: particles out of a CT volume."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.core.volume import LabelVolume, Volume
from nmcstudio.pipeline.step import Preflight, Problem, Step

if TYPE_CHECKING:
    from nmcstudio.imaging.segment_settings import SegmentSettings


class SegmentCtParams(Params):
    field_of_view: Literal["automatic", "all", "cylinder", "box"] = param(
        "automatic",
        "Field of view",
        help="What was imaged. Outside is unknown, not pore. Automatic looks for the empty corners of a cylindrical scan.",
    )
    phase_value: int | None = param(
        None,
        "Phase value",
        optional_text="grey values",
        help="For a volume that is segmented into phases already: the value of the active material. It needs no threshold.",
    )
    sigma: float | None = param(
        None,
        "Smoothing",
        unit="voxel",
        symbol="σ",
        optional_text="0.512 um, 1 to 4 voxels",
        help="Standard deviation of the Gaussian filter against noise. It moves a convex surface inwards by σ²/R. "
        "Automatic is none for phases.",
        ge=0,
        le=20,
        step=0.5,
        decimals=2,
    )
    threshold: float | None = param(
        None, "Threshold", optional_text="Otsu", help="Grey value between pores and material; brighter is material."
    )
    split: float = param(
        0.8,
        "Split",
        symbol="ρ",
        widget="slider",
        help="Neighbours stay apart if the neck between them is narrower than this share of the smaller one. Higher gives more.",
        ge=0,
        le=1,
        step=0.01,
        decimals=3,
    )
    minimum_diameter_um: float | None = param(
        None,
        "Smallest diameter",
        unit="um",
        symbol="V_min",
        optional_text="volume (4 σ)³",
        help="Particles of a smaller volume-equivalent diameter are dropped.",
        ge=0,
    )
    border: Literal["drop", "keep"] = param(
        "drop", "At the border", help="What happens to particles that the border of the volume or of the field of view cuts."
    )
    cylinder_radius_um: float | None = param(
        None, "Cylinder radius", unit="um", optional_text="found", help="Radius of the field of view.", gt=0, advanced=True
    )
    cylinder_centre_um: tuple[float, float] | None = param(
        None,
        "Cylinder centre",
        unit="um",
        optional_text="middle",
        help="Axis (x y) of the field of view, measured from the first voxel.",
        advanced=True,
    )
    box: tuple[int, int, int, int, int, int] | None = param(
        None,
        "Box",
        unit="voxel",
        optional_text="none",
        help="Field of view z0 z1 y0 y1 x0 x1, for field of view box.",
        advanced=True,
    )
    median_radius: int = param(
        0,
        "Median radius",
        unit="voxel",
        help="Median filter before the Gaussian one, against single wrong voxels.",
        ge=0,
        le=5,
        advanced=True,
    )
    fill_pores: bool = param(True, "Fill closed pores", help="Pores without a way to the outside become material.", advanced=True)
    depth: float = param(
        0.5,
        "Depth",
        unit="voxel",
        symbol="h",
        help="Bumps that stand out by less than this from a neck are never split off.",
        ge=0,
        le=10,
        advanced=True,
    )


def run(inputs: Mapping[str, Any], params: SegmentCtParams, monitor: Monitor, rng: np.random.Generator) -> LabelVolume:
    from nmcstudio.imaging.segment_ct import segment_ct

    volume = inputs["ct"]
    return segment_ct(volume, settings_of(params, volume), monitor)


def settings_of(params: SegmentCtParams, volume: Volume) -> SegmentSettings:
    """The parameters as the imaging room takes them: lengths of the field of view in voxels."""
    from nmcstudio.imaging.field_of_view import Cylinder
    from nmcstudio.imaging.segment_settings import SegmentSettings

    cylinder = None
    if params.cylinder_radius_um is not None:
        _, ny, nx = volume.shape
        _, hy, hx = volume.spacing_um
        centre = ((ny - 1) / 2, (nx - 1) / 2)
        if params.cylinder_centre_um is not None:
            centre = (params.cylinder_centre_um[1] / hy, params.cylinder_centre_um[0] / hx)
        cylinder = Cylinder(centre, params.cylinder_radius_um / math.sqrt(hy * hx))
    return SegmentSettings(
        field_of_view_kind=params.field_of_view,
        cylinder=cylinder,
        box=params.box,
        median_radius=params.median_radius,
        sigma=params.sigma,
        phase_value=params.phase_value,
        threshold=params.threshold,
        fill_closed_pores=params.fill_pores,
        depth_voxels=params.depth,
        split=params.split,
        minimum_diameter_um=params.minimum_diameter_um,
        keep_cut=params.border == "keep",
    )


def preflight(facts: Mapping[str, Mapping[str, Any]], params: SegmentCtParams) -> Preflight:
    problems = []
    if params.field_of_view == "box" and params.box is None:
        problems.append(Problem("box", "the box of the field of view is missing", "give six numbers: z0 z1 y0 y1 x0 x1"))
    if params.cylinder_centre_um is not None and params.cylinder_radius_um is None:
        problems.append(Problem("cylinder_radius_um", "a centre without a radius", "give the radius of the field of view too"))
    if params.phase_value is not None and params.threshold is not None:
        problems.append(Problem("threshold", "a phase has no threshold", "leave the threshold out, or the phase value"))
    shape = facts.get("ct", {}).get("shape")
    if shape is None:
        return Preflight(problems=tuple(problems))
    voxels = math.prod(shape)
    sigma = 4.0 if params.sigma is None else params.sigma
    nanoseconds = 260 + 15 * sigma + (80 * (2 * params.median_radius + 1) ** 3 if params.median_radius else 0)
    return Preflight(
        seconds=0.5 + voxels * nanoseconds * 1e-9, memory_mib=BYTES_PER_VOXEL * voxels / 2**20, problems=tuple(problems)
    )


BYTES_PER_VOXEL = 14  # at the widest point: material, distance before and after smoothing, basins

STEP = Step(
    key="segment-ct",
    title="Segment particles",
    lane="particles",
    params=SegmentCtParams,
    run=run,
    reads=("ct",),
    writes="particles",
    preflight=preflight,
    about="Smooths, finds the material by a threshold, splits touching particles and drops those that are cut or too small.",
)
