"""The report as a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, param
from nmcstudio.pipeline.step import Preflight, Problem, Step


class ReportParams(Params):
    """Where the report goes and what it is called."""

    to: str = param(
        "report.html",
        "File",
        widget="save",
        help="The HTML file. It holds its figures and numbers and needs no other file; an existing file is replaced.",
    )
    title: str = param("nmcstudio report", "Title", help="Heading of the report.")


def _run(inputs: Mapping[str, Any], params: ReportParams, monitor: Monitor, rng: np.random.Generator) -> dict[str, Any]:
    from nmcstudio.io.files import replacing
    from nmcstudio.report.html import render_report

    if not inputs.get("provenance"):
        raise NmcError("the project is empty", "import data or a model first")
    text = render_report(params.title, inputs["provenance"], inputs, monitor)
    with replacing(Path(params.to)) as part:
        part.write_text(text, encoding="utf-8")
    return {"to": params.to, "bytes": len(text.encode()), "headline": f"report in {params.to}"}


def _preflight(facts: Mapping[str, Mapping[str, Any]], params: ReportParams) -> Preflight:
    if not params.to.lower().endswith((".html", ".htm")):
        return Preflight(problems=(Problem("to", f"{params.to} is not an HTML file", "end its name in .html"),))
    maps = "ebsd" in facts or "grains" in facts
    notes = () if "validation" in facts else ("Without a validation the report does not compare data and models: run Validate.",)
    seconds = 0.2 + (4.0 if "validation" in facts else 0.0) + (6.0 if maps else 0.0)
    return Preflight(seconds=seconds, memory_mib=250.0 if maps else 100.0, notes=notes)


STEP = Step(
    key="report",
    title="Write report",
    lane="virtual",
    params=ReportParams,
    run=_run,
    optional=("validation", "shell-model", "grain-model", "ebsd", "grains"),
    provenance=True,
    preflight=_preflight,
    about="Writes one self-contained HTML file: what the project holds, the orientation map with pole figures and grain "
    "sizes, data beside model with every distance, the models' parameters, and how each result was made.",
)
