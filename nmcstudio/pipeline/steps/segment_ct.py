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
    from nmcstudio.io.volumes.info import VolumeInfo


class SegmentCtParams(Params):
    field_of_view: Literal["automatic", "all", "cylinder", "box"] = param(
        "automatic",
        "Field of view",
        help="What was imaged. Outside is unknown, not pore. Automatic leaves out constant padding and the corners of a "
        "cylindrical scan, filled with one value or with noise.",
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
        None,
        "Cylinder radius",
        unit="um",
        optional_text="found",
        help="Radius of the field of view.",
        gt=0,
        advanced=True,
        group="Shape of the field of view",
    )
    cylinder_centre_um: tuple[float, float] | None = param(
        None,
        "Cylinder centre",
        unit="um",
        optional_text="middle",
        help="Axis (x y) of the field of view, measured from the first voxel.",
        advanced=True,
        group="Shape of the field of view",
    )
    box: tuple[int, int, int, int, int, int] | None = param(
        None,
        "Box",
        unit="voxel",
        optional_text="inside of the padding",
        help="Field of view z0 z1 y0 y1 x0 x1, for field of view box.",
        advanced=True,
        group="Shape of the field of view",
    )
    hold_outliers: bool = param(
        True,
        "Hold outliers",
        help="Voxels far beyond the grey values of the phases (metal, wrong detector pixels) are held at the end of that range.",
        advanced=True,
        group="Corrections of the grey values",
    )
    ring_width: int = param(
        0,
        "Ring width",
        unit="voxel",
        help="Removes rings around the rotation axis (along z) up to this width. 0 is none.",
        ge=0,
        le=20,
        advanced=True,
        group="Corrections of the grey values",
    )
    ring_centre_um: tuple[float, float] | None = param(
        None,
        "Rotation axis",
        unit="um",
        optional_text="found",
        help="Axis (x y) of the rings and of a cup, measured from the first voxel. Left open it is looked for near the middle.",
        advanced=True,
        group="Corrections of the grey values",
    )
    shading: Literal["none", "multiplicative", "additive", "cup"] = param(
        "none",
        "Shading",
        help="Evens out grey values that drift across the volume: by a factor (illumination), by an offset (scatter), or by a "
        "factor that grows with the distance from the axis (beam hardening). The notes say when there is a drift.",
        advanced=True,
        group="Corrections of the grey values",
    )
    shading_degree: int = param(
        2,
        "Degree of shading",
        help="Degree of the polynomial; not for a cup.",
        ge=1,
        le=4,
        advanced=True,
        group="Corrections of the grey values",
    )
    median_radius: int = param(
        0,
        "Median radius",
        unit="voxel",
        help="Median filter before the Gaussian one, against single wrong voxels.",
        ge=0,
        le=5,
        advanced=True,
        group="Corrections of the grey values",
    )
    alike_strength: float = param(
        0.0,
        "Non-local means",
        unit="× noise",
        symbol="h",
        help="Averages voxels whose surroundings look alike: less noise, and edges stay. 0.8 is usual, 0 is none. Then less "
        "Gaussian smoothing is needed.",
        ge=0,
        le=5,
        step=0.1,
        decimals=2,
        advanced=True,
        group="Corrections of the grey values",
    )
    alike_reach: int = param(
        2,
        "Reach of non-local means",
        unit="voxel",
        help="How far away voxels that look alike are looked for.",
        ge=1,
        le=6,
        advanced=True,
        group="Corrections of the grey values",
    )
    fill_pores: bool = param(True, "Fill closed pores", help="Pores without a way to the outside become material.", advanced=True)
    method: Literal["hierarchy", "markers"] = param(
        "hierarchy",
        "Splitting by",
        help="Hierarchy: widths of necks, which Split decides on. Markers: watershed from the h-maxima of the distance to the "
        "surface, h being Depth (1 to 3 is usual); Split has no say.",
        advanced=True,
    )
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


def settings_of(params: SegmentCtParams, volume: Volume | VolumeInfo) -> SegmentSettings:
    """The parameters as the imaging room takes them: lengths of the field of view in voxels.

    Of the volume, shape and spacing are asked for.
    """
    from nmcstudio.imaging.corrections import Corrections
    from nmcstudio.imaging.field_of_view import Cylinder
    from nmcstudio.imaging.segment_settings import SegmentSettings

    _, ny, nx = volume.shape
    _, hy, hx = volume.spacing_um or (1.0, 1.0, 1.0)
    axis = params.ring_centre_um
    corrections = Corrections(
        hold_outliers=params.hold_outliers,
        ring_width=params.ring_width,
        ring_centre=None if axis is None else (axis[1] / hy, axis[0] / hx),
        shading=params.shading,
        shading_degree=params.shading_degree,
        median_radius=params.median_radius,
        alike_strength=params.alike_strength,
        alike_reach=params.alike_reach,
    )
    cylinder = None
    if params.cylinder_radius_um is not None:
        centre = ((ny - 1) / 2, (nx - 1) / 2)
        if params.cylinder_centre_um is not None:
            centre = (params.cylinder_centre_um[1] / hy, params.cylinder_centre_um[0] / hx)
        cylinder = Cylinder(centre, params.cylinder_radius_um / math.sqrt(hy * hx))
    return SegmentSettings(
        field_of_view_kind=params.field_of_view,
        cylinder=cylinder,
        box=params.box,
        corrections=corrections,
        sigma=params.sigma,
        phase_value=params.phase_value,
        threshold=params.threshold,
        fill_closed_pores=params.fill_pores,
        method=params.method,
        depth_voxels=params.depth,
        split=params.split,
        minimum_diameter_um=params.minimum_diameter_um,
        keep_cut=params.border == "keep",
    )


def preflight(facts: Mapping[str, Mapping[str, Any]], params: SegmentCtParams) -> Preflight:
    problems = []
    if params.cylinder_centre_um is not None and params.cylinder_radius_um is None:
        problems.append(Problem("cylinder_radius_um", "a centre without a radius", "give the radius of the field of view too"))
    if params.phase_value is not None and params.threshold is not None:
        problems.append(Problem("threshold", "a phase has no threshold", "leave the threshold out, or the phase value"))
    shape = facts.get("ct", {}).get("shape")
    if shape is None:
        return Preflight(problems=tuple(problems))
    voxels = math.prod(shape)
    sigma = 4.0 if params.sigma is None else params.sigma
    nanoseconds = 30 + 2 * sigma + nanoseconds_of_corrections(params)
    spacing_um = facts["ct"].get("spacing_um")
    notes = []
    if params.sigma and spacing_um:
        notes.append(f"σ of {params.sigma:g} voxels is {params.sigma * math.prod(spacing_um) ** (1 / 3):.3g} um")
    return Preflight(
        seconds=0.5 + voxels * nanoseconds * 1e-9,
        memory_mib=BYTES_PER_VOXEL * voxels / 2**20,
        problems=tuple(problems),
        notes=tuple(notes),
    )


def nanoseconds_of_corrections(params: SegmentCtParams) -> float:
    """Per voxel, on two processors: measured on 24 million voxels."""
    edge = 2 * params.median_radius + 1
    total = 10.0 if params.shading != "none" else 0.0
    total += 60.0 if params.ring_width else 0.0
    total += 0.02 * edge**6 + 16 if edge > 1 else 0.0
    return total + (2.0 * (2 * params.alike_reach + 1) ** 3 if params.alike_strength else 0.0)


BYTES_PER_VOXEL = 8  # at the widest point: material, heights, basins; and the slabs in work

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
