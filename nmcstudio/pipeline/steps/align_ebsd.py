"""Step align-ebsd: the sections of a stack moved onto each other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.pipeline.step import Preflight, Problem, Step


class AlignEbsdParams(Params):
    max_shift_um: float | None = param(
        None,
        "Largest shift",
        unit="um",
        optional_text="a quarter of the field",
        help="Between neighbouring sections. Lower it if sections that do not belong together are matched.",
        gt=0,
        decimals=3,
    )
    angle_deg: float = param(
        5.0,
        "Agreement",
        unit="deg",
        help="Points of two sections agree if their orientations differ by less than this.",
        gt=0,
        le=30,
        step=0.5,
        decimals=1,
    )
    remove_trend: bool = param(
        False,
        "Remove straight trend",
        help="Take the straight line out of the drift: for inclined grains, which look like a drift and are none.",
    )
    keep_size: bool = param(
        False,
        "Keep the field's size",
        help="Cut what moves out of the field. Otherwise the field grows, and what was not imaged is marked as unknown.",
        advanced=True,
    )
    reach: int = param(
        3,
        "Sections compared",
        help="How many following sections each one is compared with; more makes single bad sections harmless.",
        ge=1,
        le=10,
        advanced=True,
    )


def run(inputs: Mapping[str, Any], params: AlignEbsdParams, monitor: Monitor, rng: np.random.Generator) -> EbsdStack:
    from nmcstudio.imaging.align import align_slices

    stack, _ = align_slices(
        inputs["ebsd"],
        max_shift_um=params.max_shift_um,
        angle=math.radians(params.angle_deg),
        reach=params.reach,
        remove_trend=params.remove_trend,
        keep_size=params.keep_size,
        monitor=monitor,
    )
    return stack


def preflight(facts: Mapping[str, Mapping[str, Any]], params: AlignEbsdParams) -> Preflight:
    shape = facts.get("ebsd", {}).get("shape")
    if not shape:
        return Preflight()
    problems = []
    if shape[0] < 2:
        problems.append(Problem("", "the map has a single section, there is nothing to align", "go on with segment-ebsd"))
    points = math.prod(shape)
    compared = shape[0] * min(params.reach, max(shape[0] - 1, 1))
    seconds = compared * (0.004 + 6e-7 * min(shape[1] * shape[2], 250_000))
    return Preflight(seconds=seconds, memory_mib=points * 60 / 2**20, problems=tuple(problems))


STEP = Step(
    key="align-ebsd",
    title="Align sections",
    lane="grains",
    params=AlignEbsdParams,
    run=run,
    reads=("ebsd",),
    writes="ebsd",
    in_place=True,
    preflight=preflight,
    about="Finds the shifts between the sections of a stack from orientations and image quality, and undoes them.",
)
