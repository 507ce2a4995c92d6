"""Radius functions that were measured elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.core.shells import RadiusFunctions
from nmcstudio.pipeline.step import Preflight, Problem, Step


class ImportRadiiParams(Params):
    """Which files."""

    files: tuple[str, ...] = param(
        ...,
        "Files",
        widget="files",
        help="One HDF5 file; or a CSV file with one row a particle, and the CSV file of its directions if that is not called "
        "NAME.directions.csv. The unit stands in the file.",
        min_length=1,
        max_length=2,
    )


def _run(inputs: Mapping[str, Any], params: ImportRadiiParams, monitor: Monitor, rng: np.random.Generator) -> RadiusFunctions:
    from nmcstudio.io.tables.radii import read_radii
    from nmcstudio.shell.radii import with_volumes

    monitor.report(None, "reading radii")
    return with_volumes(read_radii(params.files))


def _preflight(facts: Mapping[str, Mapping[str, Any]], params: ImportRadiiParams) -> Preflight:
    from pathlib import Path

    missing = [name for name in params.files if not Path(name).is_file()]
    if missing:
        return Preflight(problems=(Problem("files", f"there is no file {missing[0]}", "check the name"),))
    size = sum(Path(name).stat().st_size for name in params.files)
    return Preflight(seconds=0.2 + size / 2e7, memory_mib=50 + 4 * size / 2**20)


STEP = Step(
    key="import-radii",
    title="Import radius functions",
    lane="particles",
    params=ImportRadiiParams,
    run=_run,
    writes="radii",
    preflight=_preflight,
    about="Reads radius functions that another program measured.",
)
