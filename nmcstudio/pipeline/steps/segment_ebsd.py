"""Step segment-ebsd: grains out of an orientation map."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.core.volume import LabelVolume
from nmcstudio.pipeline.step import Preflight, Step


class SegmentEbsdParams(Params):
    method: Literal["auto", "orientation", "file", "quality"] = param(
        "auto",
        "Grains from",
        help="Orientation joins neighbours of small disorientation; file takes the labels that a grain map brings along; quality "
        "cuts at dark seams of the image quality. "
        "Automatic takes the file's where there are any.",
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
    split: float = param(
        0.9,
        "Split by quality",
        symbol="ρ",
        help="For grains from quality: hills stay apart if the saddle between them is below this share; higher gives more.",
        ge=0,
        le=1,
        step=0.01,
        decimals=3,
        advanced=True,
    )
    sigma_voxels: float = param(
        0.0,
        "Smoothing of quality",
        unit="voxel",
        symbol="σ",
        help="For grains from quality: Gaussian filter before the seams are looked for.",
        ge=0,
        le=10,
        step=0.5,
        decimals=1,
        advanced=True,
    )
    phase: int | None = param(
        None, "Phase", optional_text="the most frequent", help="Number of the phase whose grains are wanted.", ge=1, advanced=True
    )


def run(inputs: Mapping[str, Any], params: SegmentEbsdParams, monitor: Monitor, rng: np.random.Generator) -> LabelVolume:
    from nmcstudio.imaging.grains import segment_grains

    return segment_grains(
        inputs["ebsd"],
        method=params.method,
        angle=math.radians(params.angle_deg),
        split=params.split,
        sigma_voxels=params.sigma_voxels,
        min_voxels=params.min_voxels,
        min_confidence=params.min_confidence,
        fill_um=params.fill_um,
        phase=params.phase,
        monitor=monitor,
    )


def preflight(facts: Mapping[str, Mapping[str, Any]], params: SegmentEbsdParams) -> Preflight:
    shape = facts.get("ebsd", {}).get("shape")
    if not shape:
        return Preflight()
    points = math.prod(shape)
    return Preflight(seconds=0.3 + points * 2.5e-6, memory_mib=points * 40 / 2**20)


STEP = Step(
    key="segment-ebsd",
    title="Segment grains",
    lane="grains",
    params=SegmentEbsdParams,
    run=run,
    reads=("ebsd",),
    writes="grains",
    preflight=preflight,
    about="Labels the grains of an orientation map by their disorientation, and cleans them of noise and gaps.",
)
