"""A shell model that was fitted or published elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.core.shells import ShellModel
from nmcstudio.pipeline.step import Preflight, Problem, Step


class ImportShellModelParams(Params):
    """Which file."""

    files: tuple[str, ...] = param(
        ...,
        "File",
        widget="files",
        help="A shell-model.json: unit, degree, and for each component probability, mean radius and power spectrum.",
        min_length=1,
        max_length=1,
    )


def _run(inputs: Mapping[str, Any], params: ImportShellModelParams, monitor: Monitor, rng: np.random.Generator) -> ShellModel:
    from dataclasses import replace

    from nmcstudio.io.tables.shell_model import read_shell_model
    from nmcstudio.shell.sample import rejection_probability

    monitor.report(None, "reading the shell model")
    model = read_shell_model(params.files[0])
    rejected = rejection_probability(model, rng, monitor=monitor)
    if rejected > 0.01:
        monitor.warn(
            f"{100 * rejected:.1f} % of the shells of this model have a radius at or below zero and will be rejected; check that "
            "mean radii and power spectra are in the same unit and for orthonormal harmonics"
        )
    return replace(model, rejection_probability=rejected)


def _preflight(facts: Mapping[str, Mapping[str, Any]], params: ImportShellModelParams) -> Preflight:
    from pathlib import Path

    if not Path(params.files[0]).is_file():
        return Preflight(problems=(Problem("files", f"there is no file {params.files[0]}", "check the name"),))
    return Preflight(seconds=1.0, memory_mib=60)


STEP = Step(
    key="import-shell-model",
    title="Import shell model",
    lane="particles",
    params=ImportShellModelParams,
    run=_run,
    writes="shell-model",
    preflight=_preflight,
    about="Reads a mixture of Gaussian random fields from shell-model.json, for example a published set of parameters.",
)
