"""Recipes: a YAML file with steps and parameters, run from top to bottom.

::

    title: NMC electrode
    seed: 7
    variables: {data: ../../../shared/data}
    steps:
      - import-ct: {files: ["{data}/scan.tif"], spacing_um: 0.128}
      - segment-ct: {sigma: 4}
      - export: {node: particles, to: labels.tif}

Files that are read are found relative to the recipe, files that are written relative to the project. Steps whose
parameters, seed and inputs have not changed since they were last run are not run again. While a recipe runs, finished
steps are kept beside the project; the project itself changes once, at the end.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import extra_of
from nmcstudio.core.resources import resource
from nmcstudio.pipeline.registry import step as step_of
from nmcstudio.pipeline.runner import commit, compute, is_fresh, prepare
from nmcstudio.pipeline.step import Step
from nmcstudio.pipeline.validation import defaults_of
from nmcstudio.project.project import Project
from nmcstudio.project.store import open_project, save_project


@dataclass(frozen=True)
class Recipe:
    """A recipe that was read: title, seed (None: the project's own), and the steps with their parameters."""

    title: str
    seed: int | None
    steps: tuple[tuple[str, dict[str, Any]], ...]
    folder: Path


def read_recipe(file: Path, variables: Mapping[str, str] | None = None) -> Recipe:
    """Read a recipe and put its variables in.

    Parameters
    ----------
    file
        The YAML file; a name without a folder that does not exist is looked for among the bundled recipes.
    variables
        Values over those of the recipe's own `variables`.

    Raises
    ------
    NmcError
        If the file is missing, is not YAML, or names a step or variable that does not exist.
    """
    import yaml

    if not file.exists():
        try:
            file = resource(f"recipes/{file.name}" if file.suffix else f"recipes/{file.name}.yaml")
        except FileNotFoundError:
            raise NmcError(f"there is no recipe {file}", "give the path of a YAML file") from None
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise NmcError(
            f"{file} is not a YAML file ({' '.join(str(error).split())})", "compare it with a bundled recipe"
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get("steps"), list):
        raise NmcError(f"{file} has no list of steps", "start it with 'steps:' and one '- step-name: {parameters}' a line")
    for name in content:
        if name not in ("title", "seed", "variables", "steps"):
            raise NmcError(f"{file} has an entry {name!r}", "a recipe has title, seed, variables and steps")
    known = {**(content.get("variables") or {}), **(variables or {})}
    steps = []
    for entry in content["steps"]:
        if isinstance(entry, str):
            entry = {entry: {}}
        if not isinstance(entry, dict) or len(entry) != 1:
            raise NmcError(f"{file}: {entry!r} is not one step", "write '- step-name: {parameters}'")
        ((key, values),) = entry.items()
        step_of(key)
        steps.append((key, _filled(values or {}, known, file)))
    return Recipe(str(content.get("title", "")), content.get("seed"), tuple(steps), file.resolve().parent)


def _filled(value: Any, variables: Mapping[str, str], file: Path) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, variables, file) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, variables, file) for item in value]
    if isinstance(value, str) and "{" in value:
        try:
            return value.format(**variables)
        except (KeyError, IndexError, ValueError) as error:
            raise NmcError(f"{file}: {value!r} uses a variable that is not set ({error})", "set it with -D NAME=VALUE") from None
    return value


def run_recipe(recipe: Recipe, project_file: Path, monitor: Monitor, *, seed: int | None = None) -> dict[str, Any]:
    """Run a recipe into a project file and return the figures of all steps.

    Raises
    ------
    Cancelled
        If asked to; the project file is as it was.
    NmcError
        If a step cannot run; the project file is as it was.
    """
    begun = time.monotonic()
    project_file = project_file.absolute()
    project_file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = project_file.with_name(project_file.stem + ".unfinished.nmc")
    source = unfinished if unfinished.exists() else project_file
    project = open_project(source) if source.exists() else Project()
    chosen = seed if seed is not None else recipe.seed
    if chosen is not None:
        project.set_seed(chosen)
    done, reused = [], 0
    figures: dict[str, Any] = {}
    for index, (key, values) in enumerate(recipe.steps):
        part = monitor.sub(index / len(recipe.steps), (index + 1) / len(recipe.steps))
        prepared = prepare(project, key, step_values(recipe, key, values, project_file.parent))
        if is_fresh(project, prepared):
            reused += 1
            continue
        monitor.warnings.clear()
        outcome = compute(prepared, part)
        figures = outcome.figures
        commit(project, outcome)
        done.append(outcome.figures)
        if outcome.node is not None:
            save_project(project, unfinished, autosave=True)
    if done or not project_file.exists():
        save_project(project, project_file)
    unfinished.unlink(missing_ok=True)
    return {
        "step": "run",
        "project": str(project_file),
        "seconds": round(time.monotonic() - begun, 3),
        "peak_rss_mib": figures.get("peak_rss_mib", 0.0),
        "seed": project.seed,
        "headline": f"{len(done)} steps run, {reused} unchanged, project {project_file.name}",
        "steps": done,
        "warnings": [f"{each['step']}: {text}" for each in done for text in each.get("warnings", ())],
    }


def step_values(recipe: Recipe, key: str, values: Mapping[str, Any], write_to: Path) -> dict[str, Any]:
    """All parameters of one step of a recipe: defaults, its own values, and paths that are found from anywhere."""
    step = step_of(key)
    given = {name: _placed(step, name, value, recipe.folder, write_to) for name, value in values.items()}
    # A recipe says all that matters: what it leaves out has its default, whatever the project had before.
    return {**defaults_of(step), **given}


def _placed(step: Step, name: str, value: Any, read_from: Path, write_to: Path) -> Any:
    field = step.params.model_fields.get(name)
    if field is None:
        return value
    if extra_of(field).get("widget") == "files":
        names = [value] if isinstance(value, str) else value
        return tuple(str(_found(text, read_from)) for text in names)
    if name == "to":
        return str(write_to / Path(str(value)))
    return value


def _found(name: str, folder: Path) -> Path:
    if name.startswith("resources:"):
        return resource(name.removeprefix("resources:"))
    return (folder / name).resolve()
