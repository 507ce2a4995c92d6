"""Step import-grain-model: a grain model from grain-model.json."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import GrainModel
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.pipeline.step import Preflight, Problem, Step


class ImportGrainModelParams(Params):
    files: tuple[str, ...] = param((), "File", widget="files", help="grain-model.json, with its unit.", max_length=1)


def run(inputs: Mapping[str, Any], params: ImportGrainModelParams, monitor: Monitor, rng: np.random.Generator) -> GrainModel:
    from nmcstudio.io.tables.grain_model import read_grain_model

    if not params.files:
        raise NmcError("no file was given", "name a grain-model.json", "files")
    monitor.report(0.0, "Reading the grain model")
    return read_grain_model(params.files[0])


def preflight(facts: Mapping[str, Mapping[str, Any]], params: ImportGrainModelParams) -> Preflight:
    if not params.files:
        return Preflight(problems=(Problem("files", "no file was chosen", "choose a grain-model.json"),))
    if not Path(params.files[0]).is_file():
        return Preflight(problems=(Problem("files", f"there is no file {params.files[0]}", "choose a grain-model.json"),))
    return Preflight(seconds=0.1, memory_mib=1.0)


STEP = Step(
    key="import-grain-model",
    title="Import grain model",
    lane="grains",
    params=ImportGrainModelParams,
    run=run,
    writes="grain-model",
    preflight=preflight,
    about="Reads a grain model that was fitted elsewhere or typed in, for example the published one in resources/samples.",
)
