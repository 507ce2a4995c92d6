"""Steps that are quick and do what a test wants: they write a small CT volume."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.params import Params, param
from nmcstudio.core.volume import LabelVolume, Volume
from nmcstudio.pipeline.step import Preflight, Problem, Step


class MakeParams(Params):
    level: float = param(1.0, "Level", unit="grey", ge=0.0, le=10.0)
    seconds: float = param(0.0, "Duration", unit="s", ge=0.0)
    trouble: bool = param(False, "Fail")


def make(inputs: Any, params: MakeParams, monitor: Any, rng: np.random.Generator) -> Volume:
    if params.trouble:
        raise NmcError("there is nothing in the file", "choose another file", "level")
    monitor.warn("this is simulated")
    end = time.monotonic() + params.seconds
    rounds = 0
    while time.monotonic() < end and not monitor.finish_requested:
        rounds += 1
        monitor.report(1 - (end - time.monotonic()) / max(params.seconds, 1e-9), "making", np.full((2, 2), rounds))
        time.sleep(0.02)
    return Volume(np.full((4, 5, 6), params.level, np.float32), (1.0, 1.0, 1.0))


def check_make(facts: Any, params: MakeParams) -> Preflight:
    problems = (Problem("level", "level 7 is unlucky", "take 6 or 8"),) if params.level == 7 else ()
    return Preflight(seconds=40, memory_mib=3200, problems=problems, notes=("a note",))


MAKE = Step(
    "import-ct", "Make a volume", "particles", MakeParams, make, writes="ct", can_finish=True, preflight=check_make,
    about="Makes a volume.",
)  # fmt: skip


class SplitParams(Params):
    threshold: float = param(0.5, "Threshold", unit="grey")


def split(inputs: Any, params: SplitParams, monitor: Any, rng: np.random.Generator) -> LabelVolume:
    volume = inputs["ct"]
    for _ in range(10):
        monitor.report(None, "splitting")
        time.sleep(0.02)
    return LabelVolume((volume.values > params.threshold).astype(np.uint16), volume.spacing_um)


SPLIT = Step("segment-ct", "Split a volume", "particles", SplitParams, split, reads=("ct",), writes="particles")
