"""A step on a project in three parts: prepare (cheap, reads the project), compute (values only, any thread), commit."""

from __future__ import annotations

import datetime
import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import Params, extra_of
from nmcstudio.core.rng import stream
from nmcstudio.core.version import VERSION
from nmcstudio.pipeline.registry import step as step_of
from nmcstudio.pipeline.step import Preflight, Problem, Step
from nmcstudio.pipeline.validation import params_of
from nmcstudio.project.codec import digest
from nmcstudio.project.nodes import NODES, summarise
from nmcstudio.project.project import Project
from nmcstudio.project.record import Held, Record


@dataclass(frozen=True)
class Prepared:
    """Everything that a computation needs; holds values, never the project."""

    step: Step
    params: Params
    records: dict[str, Record]
    seed: int
    provenance: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: str = ""

    @property
    def inputs(self) -> dict[str, str]:
        """Node key to digest of what goes in."""
        return {name: record.digest for name, record in self.records.items()}

    @property
    def name(self) -> str:
        """Step and parameters as one text, the name of this run among the project's outputs."""
        return f"{self.step.key} {self.params.model_dump_json()}"


@dataclass(frozen=True)
class Outcome:
    """What a computation gave.

    Attributes
    ----------
    node
        Where the value belongs; None for steps that write files.
    record
        The value with its provenance; None for steps that write files.
    figures
        The result's summary: `step`, `seconds`, `peak_rss_mib`, `seed` and the step's own figures.
    prepared
        What was run.
    warnings
        What the computation had to say.
    """

    node: str | None
    record: Record | None
    figures: dict[str, Any]
    prepared: Prepared
    warnings: tuple[str, ...]

    @property
    def inputs(self) -> dict[str, str]:
        """Node key to digest of what went in."""
        return self.prepared.inputs


def prepare(project: Project, key: str, values: Mapping[str, Any] | None = None) -> Prepared:
    """Check a run before it starts.

    Parameters
    ----------
    values
        Parameters by name over those that stand in the project.

    Raises
    ------
    NmcError
        If a parameter is not usable, an input is missing, or preflight finds a problem.
    """
    step = step_of(key)
    params = params_of(step, {**project.params(key), **(values or {})})
    records = {}
    for name in step.reads_with(params):
        if name not in project.keys:
            first = NODES[name].steps[0]
            raise NmcError(f"{step.title} needs {NODES[name].title.lower()}, and the project has none", f"run {first} first")
        records[name] = project.record(name)
    for name in step.optional_with(params):
        if name in project.keys and name not in records:
            records[name] = project.record(name)
    facts = {name: record.summary for name, record in records.items()}
    for problem in step.preflight(facts, params).problems:
        raise NmcError(problem.message, problem.hint, problem.field or None)
    provenance = provenance_of(project) if step.provenance else {}
    return Prepared(step, params, records, project.seed, provenance, _stamp(step, params))


def _stamp(step: Step, params: Params) -> str:
    """Digest of the names, sizes and times of the files that a step reads; empty if it reads none."""
    lines = []
    for name, declared in step.params.model_fields.items():
        if extra_of(declared).get("widget") == "files":
            for path in map(Path, getattr(params, name)):
                for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                    if file.is_file():
                        facts = file.stat()
                        lines.append(f"{file} {facts.st_size} {facts.st_mtime_ns}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest() if lines else ""


def provenance_of(project: Project) -> dict[str, dict[str, Any]]:
    """Where each value of a project came from: node key to title, headline, step, params, warnings, state, simulated."""
    facts = {}
    for key in project.keys:
        record = project.record(key)
        facts[key] = record.facts() | {
            "title": NODES[key].title,
            "headline": record.summary.get("headline", ""),
            "state": project.state(key),
            "simulated": bool(record.summary.get("simulated", False)),
        }
    return facts


def preflight(project: Project, key: str, values: Mapping[str, Any]) -> Preflight:
    """What is known before a run: problems at their fields, time and memory. Never raises for bad parameters."""
    step = step_of(key)
    try:
        params = params_of(step, values)
    except NmcError as error:
        return Preflight(problems=(Problem(error.field or "", error.message, error.hint),))
    names = step.reads_with(params)
    missing = [name for name in names if name not in project.keys]
    if missing:
        wanted = NODES[missing[0]]
        return Preflight(problems=(Problem("", f"needs {wanted.title.lower()}", f"run {wanted.steps[0]} first"),))
    facts = {name: project.record(name).summary for name in (*names, *step.optional_with(params)) if name in project.keys}
    return step.preflight(facts, params)


def compute(prepared: Prepared, monitor: Monitor) -> Outcome:
    """Run a prepared step. Touches no project; may run in any thread.

    Raises
    ------
    Cancelled
        If the monitor was asked to cancel.
    NmcError
        If the input turns out to be unusable.
    """
    step, params = prepared.step, prepared.params
    begun = time.monotonic()
    monitor.report(0.0, step.title)
    inputs: dict[str, Any] = {name: record.load() for name, record in prepared.records.items()}
    if step.provenance:
        inputs["provenance"] = prepared.provenance
    monitor.check()
    value = step.run(inputs, params, monitor, stream(prepared.seed, step.key))
    monitor.check()
    node = step.writes_with(params)
    seconds = time.monotonic() - begun
    peak = peak_rss_mib()
    figures: dict[str, Any] = {
        "step": step.key,
        "seconds": round(seconds, 3),
        "peak_rss_mib": round(peak, 1),
        "seed": prepared.seed,
    }
    warnings = tuple(monitor.warnings)
    if warnings:
        figures["warnings"] = list(warnings)
    if node is None:
        return Outcome(None, None, figures | dict(value), prepared, warnings)
    summary = summarise(value)
    as_json = params.model_dump(mode="json")
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    record = Record(
        digest=digest(value),
        step=step.key,
        params=as_json,
        inputs=prepared.inputs,
        seed=prepared.seed,
        seconds=seconds,
        peak_rss_mib=peak,
        version=VERSION,
        created=now,
        summary=summary,
        load=Held(value),
        warnings=warnings,
        files=prepared.files,
    )
    if step.in_place:
        # An edit by hand belongs to the value it changed: what made that value, and from what, still stands.
        old = prepared.records[node]
        edit = {"step": step.key, "params": as_json, "created": now}
        record = replace(
            record,
            step=old.step,
            params=old.params,
            inputs=old.inputs,
            files=old.files,
            edits=(*old.edits, edit),
            warnings=old.warnings + warnings,
        )
    figures |= {"node": node, "digest": record.digest, **summary}
    return Outcome(node, record, figures, prepared, warnings)


def is_outdated(project: Project, outcome: Outcome) -> bool:
    """True if an input of the computation has changed since it was prepared."""
    return any(name not in project.keys or project.record(name).digest != used for name, used in outcome.inputs.items())


def commit(project: Project, outcome: Outcome) -> Record | None:
    """Put a result into the project and return what stood there before."""
    if outcome.node is None or outcome.record is None:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        project.note_output(outcome.prepared.name, {"inputs": outcome.inputs, "seed": outcome.prepared.seed, "created": now})
        return None
    if not outcome.record.edits:
        project.set_params(outcome.record.step, outcome.record.params)
    return project.put(outcome.node, outcome.record)


def is_fresh(project: Project, prepared: Prepared, edits: Sequence[tuple[str, dict[str, Any]]] = ()) -> bool:
    """True if the project, or the place that the step writes to, holds just what this run would give.

    Parameters
    ----------
    edits
        Keys and parameters (as JSON) of the steps that edit the value in place afterwards, in their order.
    """
    node = prepared.step.writes_with(prepared.params)
    if prepared.step.in_place:
        return False
    if node is None:
        written = project.outputs.get(prepared.name, {})
        target = getattr(prepared.params, "to", None)
        there = target is not None and Path(str(target)).exists()
        return there and written.get("inputs") == prepared.inputs and written.get("seed") == prepared.seed
    if node not in project.keys:
        return False
    record = project.record(node)
    same = record.step == prepared.step.key and record.params == prepared.params.model_dump(mode="json")
    made_from = (record.inputs, record.files, record.seed) == (prepared.inputs, prepared.files, prepared.seed)
    return same and made_from and [(edit["step"], edit["params"]) for edit in record.edits] == list(edits)


def run_on_project(
    project: Project, key: str, values: Mapping[str, Any] | None = None, monitor: Monitor | None = None
) -> Outcome:
    """Prepare, compute and commit one step; an exception leaves the project as it was."""
    outcome = compute(prepare(project, key, values), monitor or Monitor())
    commit(project, outcome)
    return outcome


def peak_rss_mib() -> float:
    """Largest memory of this process so far, in MiB."""
    if os.name == "nt":
        return float(getattr(psutil.Process().memory_info(), "peak_wset")) / 2**20  # noqa: B009
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
