"""Step align-ebsd: the sections of a stack moved onto each other, by their drift and by hand."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import field_validator

from nmcstudio.core.ebsd import EbsdStack
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.pipeline.step import Preflight, Problem, Step

_SIGNED = r"([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)"
_NUDGE = re.compile(rf"\s*(\d+)\s*[:=]\s*{_SIGNED}[\s,]+{_SIGNED}\s*")
_BYTES_A_POINT = 60


class AlignEbsdParams(Params):
    drift: Literal["measure", "none"] = param(
        "measure",
        "Drift",
        help="Measure finds the shifts between sections and undoes them; none leaves all sections where they are, but for those "
        "that are moved by hand.",
    )
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
    nudges: tuple[tuple[int, float, float], ...] = param(
        (),
        "Moved by hand",
        unit="um",
        help='Section, counted from 1, and by how much it is moved down and to the right besides: "12: 0.4 -0.2; 13: 0.4 0".',
    )
    leave_out: tuple[int, ...] = param(
        (),
        "Left out",
        help='Sections, counted from 1, whose data are not used: "3 7 12-14".',
    )
    missing: Literal["blank", "nearest", "interpolate"] = param(
        "blank",
        "Missing sections",
        help="What stands in the place of sections that are left out or were never there: nothing, the nearest section, or the "
        "outlines of grains that go on above and below. What is made so joins grains, and is marked as not observed.",
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

    @field_validator("nudges", mode="before")
    @classmethod
    def _read_nudges(cls, given: Any) -> Any:
        found = []
        for text in _texts(given):
            for part in filter(str.strip, text.split(";")):
                match = _NUDGE.fullmatch(part)
                if match is None:
                    raise ValueError(
                        f'write section: down right in um, as in "12: 0.4 -0.2; 13: 0.4 0"; {part.strip()!r} is none'
                    )
                found.append((int(match[1]), float(match[2]), float(match[3])))
        return found or given

    @field_validator("nudges")
    @classmethod
    def _sort_nudges(cls, nudges: tuple[tuple[int, float, float], ...]) -> tuple[tuple[int, float, float], ...]:
        numbers = [number for number, _, _ in nudges]
        twice = [number for number in numbers if numbers.count(number) > 1]
        if twice:
            raise ValueError(f"section {twice[0]} stands in it twice")
        if any(number < 1 for number in numbers):
            raise ValueError("sections are counted from 1")
        if not all(math.isfinite(value) for each in nudges for value in each):
            raise ValueError("give finite numbers")
        return tuple(sorted(each for each in nudges if each[1] or each[2]))

    @field_validator("leave_out", mode="before")
    @classmethod
    def _read_numbers(cls, given: Any) -> Any:
        numbers: list[int] = []
        for text in _texts(given):
            for part in text.replace(",", " ").replace(";", " ").split():
                match = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
                if match is None:
                    raise ValueError(f'write numbers and ranges of sections, as in "3 7 12-14"; {part!r} is none')
                numbers += range(int(match[1]), int(match[2] or match[1]) + 1)
        return numbers or given

    @field_validator("leave_out")
    @classmethod
    def _sort_numbers(cls, numbers: tuple[int, ...]) -> tuple[int, ...]:
        if any(number < 1 for number in numbers):
            raise ValueError("sections are counted from 1")
        return tuple(sorted(set(numbers)))


def _texts(given: Any) -> list[str]:
    """What was typed, on the command line or in a recipe; empty if it is numbers already."""
    if isinstance(given, str):
        return [given]
    if isinstance(given, list | tuple) and given:
        inner = [_texts(each) for each in given]
        if all(inner):
            # The command line has cut "12:0.4,-0.2" at its comma.
            return [" ".join(each) for each in inner]
    return []


def hand_work(params: AlignEbsdParams) -> tuple[dict[int, tuple[float, float]], tuple[int, ...]]:
    """Nudges (y, x) in um by section, and sections to leave out, counted from 0."""
    return {number - 1: (down, right) for number, down, right in params.nudges}, tuple(k - 1 for k in params.leave_out)


def run(inputs: Mapping[str, Any], params: AlignEbsdParams, monitor: Monitor, rng: np.random.Generator) -> EbsdStack:
    from nmcstudio.imaging.align import align_slices

    nudges_um, leave_out = hand_work(params)
    stack, _ = align_slices(
        inputs["ebsd"],
        measure=params.drift == "measure",
        max_shift_um=params.max_shift_um,
        angle=math.radians(params.angle_deg),
        reach=params.reach,
        remove_trend=params.remove_trend,
        keep_size=params.keep_size,
        nudges_um=nudges_um,
        leave_out=leave_out,
        missing=params.missing,
        monitor=monitor,
    )
    return stack


def preflight(facts: Mapping[str, Mapping[str, Any]], params: AlignEbsdParams) -> Preflight:
    shape = facts.get("ebsd", {}).get("shape")
    if not shape:
        return Preflight()
    problems = []
    if shape[0] < 2:
        problems.append(Problem("", "the map has a single section, there is nothing to align", "go on with “Segment grains”"))
    for field, numbers in (("nudges", [each[0] for each in params.nudges]), ("leave_out", params.leave_out)):
        beyond = [number for number in numbers if number > shape[0]]
        if beyond:
            problems.append(Problem(field, f"there is no section {beyond[0]}", f"give numbers from 1 to {shape[0]}"))
    points = math.prod(shape)
    compared = shape[0] * min(params.reach, max(shape[0] - 1, 1)) if params.drift == "measure" else 0
    filled = len(params.leave_out) if params.missing == "interpolate" else 0
    area = shape[1] * shape[2]
    seconds = compared * 0.012 + (points * 4e-7 if compared else 0) + filled * 1e-5 * area
    return Preflight(seconds=seconds, memory_mib=points * _BYTES_A_POINT / 2**20, problems=tuple(problems))


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
