"""Step import-tessellation: generators from tessellation.csv."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import Tessellation
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.pipeline.step import Preflight, Problem, Step


class ImportTessellationParams(Params):
    files: tuple[str, ...] = param(
        (), "File", widget="files", help="tessellation.csv: kind, window and one generator a row, in um.", max_length=1
    )


def run(inputs: Mapping[str, Any], params: ImportTessellationParams, monitor: Monitor, rng: np.random.Generator) -> Tessellation:
    from nmcstudio.io.tables.tessellation import read_tessellation

    if not params.files:
        raise NmcError("no file was given", "name a tessellation.csv", "files")
    monitor.report(0.0, "Reading the tessellation")
    return read_tessellation(params.files[0])


def preflight(facts: Mapping[str, Mapping[str, Any]], params: ImportTessellationParams) -> Preflight:
    if not params.files:
        return Preflight(problems=(Problem("files", "no file was chosen", "choose a tessellation.csv"),))
    if not Path(params.files[0]).is_file():
        return Preflight(problems=(Problem("files", f"there is no file {params.files[0]}", "choose a tessellation.csv"),))
    return Preflight(seconds=0.1, memory_mib=10.0)


STEP = Step(
    key="import-tessellation",
    title="Import tessellation",
    lane="grains",
    params=ImportTessellationParams,
    run=run,
    writes="tessellation",
    preflight=preflight,
    about="Reads the generators of a tessellation that was fitted elsewhere.",
)
