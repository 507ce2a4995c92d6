"""What the commands do."""

from __future__ import annotations

import argparse
import json
import math
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nmcstudio.cli.progress import ConsoleProgress, duration
from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.io.files import check_place


@contextmanager
def console_monitor(title: str, quiet: bool) -> Iterator[Monitor]:
    """A monitor that writes to stderr and is cancelled by Ctrl+C and by a request to terminate."""
    progress = None if quiet else ConsoleProgress(title)
    monitor = Monitor(progress)

    def stop(number: int, frame: Any) -> None:
        monitor.cancel()
        # A second Ctrl+C ends the program at once; files are replaced whole or not at all.
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield monitor
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if progress is not None:
            progress.end()


def run_step(key: str, project_file: Path, values: dict[str, Any], *, seed: int | None, as_json: bool, quiet: bool) -> None:
    """One step on a project file; the file changes only if the step succeeds."""
    from nmcstudio.pipeline.registry import step
    from nmcstudio.pipeline.runner import commit, compute, is_outdated, prepare
    from nmcstudio.pipeline.validation import complete
    from nmcstudio.project.project import Project
    from nmcstudio.project.store import ChangedElsewhere, open_project, save_project

    check_place(project_file)
    if project_file.exists() or not key.startswith("import-"):
        project = open_project(project_file)
    else:
        project = Project()
        project.path = project_file
        if not quiet:
            print(f"making {project_file}", file=sys.stderr)
    if seed is not None:
        project.set_seed(seed)
    with console_monitor(step(key).title, quiet) as monitor:
        # An option that is not given has the default that --help names, whatever the window's form holds.
        outcome = compute(prepare(project, key, complete(step(key), values)), monitor)
        while True:
            commit(project, outcome)
            try:
                save_project(project)
                break
            except ChangedElsewhere:
                # Another command has worked on the same project: its results stay, and ours joins them.
                project = open_project(project_file)
                if seed is not None:
                    project.set_seed(seed)
                if is_outdated(project, outcome):
                    raise NmcError(
                        f"{project_file} was changed by another program, and the input with it", "run the step again"
                    ) from None
    tell(outcome.figures, as_json=as_json, quiet=quiet)


def tell(figures: dict[str, Any], *, as_json: bool, quiet: bool) -> None:
    """Print a result: one JSON object on stdout, or a line for people."""
    for warning in figures.get("warnings", ()):
        print(f"warning: {warning}", file=sys.stderr)
    if as_json:
        # ASCII, so that no pipe can garble it.
        print(json.dumps(_json(figures)))
    elif not quiet:
        words = figures.get("headline") or ", ".join(f"{k} {v}" for k, v in figures.items() if k not in _ROUTINE)
        print(f"{figures['step']}: {words} ({duration(figures['seconds'])}, {figures['peak_rss_mib']:.0f} MiB)")


def _json(value: Any) -> Any:
    """`value` as other programs read JSON: what is not a finite number becomes null, numpy's numbers become plain ones."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


_ROUTINE = ("step", "seconds", "peak_rss_mib", "seed", "warnings")


def new(project_file: Path, *, seed: int | None, as_json: bool, quiet: bool) -> None:
    """An empty project file."""
    from nmcstudio.pipeline.runner import peak_rss_mib
    from nmcstudio.project.project import Project
    from nmcstudio.project.store import save_project

    if project_file.exists():
        raise NmcError(f"{project_file} exists already", "choose another name, or remove the file first")
    begun = time.monotonic()
    project = Project(seed=1 if seed is None else seed)
    project.path = project_file
    save_project(project)
    figures = {
        "step": "new",
        "project": str(project_file),
        "seconds": round(time.monotonic() - begun, 3),
        "peak_rss_mib": round(peak_rss_mib(), 1),
        "seed": project.seed,
        "headline": f"{project_file}, empty, seed {project.seed}",
    }
    tell(figures, as_json=as_json, quiet=quiet)


def show(project_file: Path, *, as_json: bool) -> None:
    """What is in a project."""
    from nmcstudio.pipeline.runner import peak_rss_mib
    from nmcstudio.project.nodes import NODES
    from nmcstudio.project.store import open_project

    begun = time.monotonic()
    project = open_project(project_file)
    nodes: dict[str, Any] = {}
    for key in NODES:
        state = project.state(key)
        nodes[key] = {"state": state}
        if state != "empty":
            record = project.record(key)
            nodes[key] |= {"step": record.step, "params": record.params, "stale_because": project.stale_because(key)}
            nodes[key] |= {"summary": record.summary, "seconds": record.seconds, "warnings": list(record.warnings)}
    if as_json:
        figures = {"step": "show", "project": str(project_file), "seed": project.seed, "nodes": nodes}
        figures |= {"seconds": round(time.monotonic() - begun, 3), "peak_rss_mib": round(peak_rss_mib(), 1)}
        tell(figures, as_json=True, quiet=True)
        return
    print(f"{project_file}, seed {project.seed}")
    for key, facts in nodes.items():
        mark = {"empty": "○", "stale": "◐", "ready": "●"}[facts["state"]]
        headline = facts.get("summary", {}).get("headline", "")
        reason = f"  ({facts['stale_because']})" if facts["state"] == "stale" else ""
        print(f"  {mark} {NODES[key].title:<18} {headline}{reason}")


def variables_of(given: list[str]) -> dict[str, str]:
    """Variables of a recipe from NAME=VALUE.

    Raises
    ------
    NmcError
        Where there is no equals sign.
    """
    pairs = [text.partition("=") for text in given]
    for name, equals, _ in pairs:
        if not (name and equals):
            raise NmcError(f"-D {name} is not NAME=VALUE", f"write -D {name or 'data'}=…")
    return {name: value for name, _, value in pairs}


def run_recipe(
    recipe_file: Path, output: Path | None, variables: dict[str, str], *, seed: int | None, as_json: bool, quiet: bool
) -> None:
    """All steps of a recipe, into a project file."""
    from nmcstudio.pipeline.recipe import read_recipe, run_recipe

    recipe = read_recipe(recipe_file, variables)
    with console_monitor(recipe.title or recipe_file.stem, quiet) as monitor:
        figures = run_recipe(recipe, output or Path(f"{recipe_file.stem}.nmc"), monitor, seed=seed)
    tell(figures, as_json=as_json, quiet=quiet)


def segment_blocks(arguments: argparse.Namespace, *, as_json: bool, quiet: bool) -> None:
    """A volume on disk to labels on disk; no project has a part in it."""
    from nmcstudio.cli.options import values_of
    from nmcstudio.pipeline.block_segmentation import STEP, segment_file

    values = values_of(arguments, STEP.params)
    with console_monitor(STEP.title, quiet) as monitor:
        figures = segment_file(values, monitor)
        if monitor.warnings:
            figures["warnings"] = list(monitor.warnings)
    tell(figures, as_json=as_json, quiet=quiet)
