"""Recipes: a YAML file with steps and parameters, run from top to bottom.

::

    title: NMC electrode
    seed: 7
    variables: {data: ../../../shared/data}
    steps:
      - import-ct: {files: ["{data}/scan.tif"], spacing_um: 0.128}
      - segment-ct: {sigma: 4}
      - export: {node: particles, to: labels.tif}

Parameters are named as the options of the commands (``spacing_um`` for ``--spacing-um``, ``as`` for ``--as``). Files that
are read are found relative to the recipe, files that are written relative to the project. Steps whose parameters, seed,
files and inputs have not changed since they were last run are not run again. While a recipe runs, finished steps are kept
beside the project, in ``NAME.unfinished.nmc``; the project itself changes once, at the end. A recipe that was interrupted
goes on from there, unless the project was changed in between.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.params import extra_of
from nmcstudio.core.resources import resource
from nmcstudio.io.files import check_place
from nmcstudio.pipeline.registry import step as step_of
from nmcstudio.pipeline.runner import commit, compute, is_fresh, peak_rss_mib, prepare
from nmcstudio.pipeline.step import Step
from nmcstudio.pipeline.validation import complete, params_of
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
    if not file.exists():
        try:
            file = resource(f"recipes/{file.name}" if file.suffix else f"recipes/{file.name}.yaml")
        except FileNotFoundError:
            raise NmcError(f"there is no recipe {file}", "give the path of a YAML file") from None
    content = _parsed(file)
    if not isinstance(content, dict) or not isinstance(content.get("steps"), list):
        raise NmcError(f"{file} has no list of steps", "start it with 'steps:' and one '- step-name: {parameters}' a line")
    for name in content:
        if name not in ("title", "seed", "variables", "steps"):
            raise NmcError(f"{file} has an entry {name!r}", "a recipe has title, seed, variables and steps")
    seed, own = content.get("seed"), content.get("variables") or {}
    if seed is not None and (not isinstance(seed, int) or isinstance(seed, bool) or seed < 0):
        raise NmcError(f"{file}: the seed {seed!r} is not usable", "write a whole number of 0 or more")
    if not isinstance(own, dict):
        raise NmcError(f"{file}: the variables are not names with values", "write 'variables: {name: value}'")
    known, used = {**own, **(variables or {})}, set(own)
    steps = []
    for entry in content["steps"]:
        if isinstance(entry, str):
            entry = {entry: {}}
        if not isinstance(entry, dict) or len(entry) != 1:
            raise NmcError(f"{file}: {entry!r} is not one step", "write '- step-name: {parameters}'")
        ((key, values),) = entry.items()
        step_of(key)
        if values is not None and not (isinstance(values, dict) and all(isinstance(name, str) for name in values)):
            raise NmcError(f"{file}: {key} has {values!r} for parameters", f"write '- {key}: {{name: value}}'")
        steps.append((key, _filled(values or {}, known, used, file)))
    for name in variables or {}:
        if name not in used:
            raise NmcError(f"{file} has no variable {name!r}", f"it has {', '.join(sorted(used)) or 'none'}")
    return Recipe(str(content.get("title", "")), seed, tuple(steps), file.resolve().parent)


def _parsed(file: Path) -> Any:
    """Content of a YAML file. Only true and false are truth values: ``on`` is the name of a parameter."""
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:bool"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
    try:
        return yaml.load(file.read_text(encoding="utf-8"), Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise NmcError(
            f"{file} is not a YAML file ({' '.join(str(error).split())})", "compare it with a bundled recipe"
        ) from error
    except OSError as error:
        raise NmcError(f"{file} cannot be read ({error.strerror or error})", "give the path of a YAML file") from error


def _filled(value: Any, variables: Mapping[str, Any], used: set[str], file: Path, depth: int = 0) -> Any:
    if depth > 8:
        raise NmcError(f"{file} holds lists in lists without end", "write the values out, without & and *")
    if isinstance(value, dict):
        return {key: _filled(item, variables, used, file, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, variables, used, file, depth + 1) for item in value]
    return _with_variables(value, variables, used, file) if isinstance(value, str) else value


def _with_variables(text: str, variables: Mapping[str, Any], used: set[str], file: Path) -> str:
    filled = ""
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        raise NmcError(f"{file}: {text!r} has a stray brace ({error})", "write {name} for a variable, {{ for a brace") from None
    for words, name, form, conversion in parts:
        filled += words
        if name is None:
            continue
        if name not in variables or form or conversion:
            raise NmcError(f"{file}: {text!r} uses a variable {name!r} that is not set", "set it with -D NAME=VALUE")
        used.add(name)
        filled += str(variables[name])
    return filled


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
    # Everything that can be checked is, before the first step begins.
    steps = [(key, step_values(recipe, key, values, project_file.parent)) for key, values in recipe.steps]
    try:
        project_file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NmcError(
            f"the folder {project_file.parent} cannot be made ({error.strerror or error})", "choose another place"
        ) from error
    check_place(project_file)
    unfinished = project_file.with_name(project_file.stem + ".unfinished.nmc")
    project = _begin(project_file, unfinished)
    chosen = seed if seed is not None else recipe.seed
    if chosen is not None:
        project.set_seed(chosen)
    done, reused = [], 0
    kept: set[str | None] = set()
    for index, (key, values) in enumerate(steps):
        part = monitor.sub(index / len(steps), (index + 1) / len(steps))
        prepared = prepare(project, key, values)
        node = prepared.step.writes_with(prepared.params)
        edits = _edits(steps[index + 1 :], node)
        # An edit in place stands in the value that it edited: both are fresh, or neither.
        if node in kept if prepared.step.in_place else is_fresh(project, prepared, edits):
            kept.add(node)
            reused += 1
            continue
        kept.discard(node)
        monitor.warnings.clear()
        outcome = compute(prepared, part)
        commit(project, outcome)
        done.append(outcome.figures)
        if outcome.node is not None:
            save_project(project, unfinished, autosave=True)
    if project.changed or not project_file.exists():
        save_project(project)
    unfinished.unlink(missing_ok=True)
    return {
        "step": "run",
        "project": str(project_file),
        "seconds": round(time.monotonic() - begun, 3),
        "peak_rss_mib": round(peak_rss_mib(), 1),
        "seed": project.seed,
        "headline": f"{len(done)} steps run, {reused} unchanged, project {project_file.name}",
        "steps": done,
        "warnings": [f"{each['step']}: {text}" for each in done for text in each.get("warnings", ())],
    }


def _edits(steps: list[tuple[str, dict[str, Any]]], node: str | None) -> list[tuple[str, dict[str, Any]]]:
    """Steps that edit a node in place before another step writes it anew, with their parameters as JSON."""
    found = []
    for key, values in steps:
        step = step_of(key)
        params = params_of(step, values)
        if node is None or step.writes_with(params) != node:
            continue
        if not step.in_place:
            break
        found.append((key, params.model_dump(mode="json")))
    return found


def _begin(project_file: Path, unfinished: Path) -> Project:
    """The project to go on from: what an interrupted run has left, if the project is still the one that it began with."""
    project = open_project(project_file) if project_file.exists() else Project()
    project.path = project_file
    if not unfinished.exists():
        return project
    kept = open_project(unfinished)
    if kept.revision != project.revision:
        return project
    kept.path, kept.changed = project_file, True
    return kept


def step_values(recipe: Recipe, key: str, values: Mapping[str, Any], write_to: Path) -> dict[str, Any]:
    """All parameters of one step of a recipe: defaults, its own values, and paths that are found from anywhere.

    Raises
    ------
    NmcError
        If one is unknown or not usable.
    """
    step = step_of(key)
    fields = step.params.model_fields
    named = {f"{name}_" if f"{name}_" in fields else name: value for name, value in values.items()}
    given = {name: _placed(step, name, value, recipe.folder, write_to) for name, value in named.items()}
    return complete(step, given)


def _placed(step: Step, name: str, value: Any, read_from: Path, write_to: Path) -> Any:
    field = step.params.model_fields.get(name)
    if field is None:
        return value
    if extra_of(field).get("widget") == "files" and isinstance(value, str | list):
        names = [value] if isinstance(value, str) else value
        return tuple(str(_found(str(text), read_from)) for text in names)
    if name == "to" and isinstance(value, str) and value:
        return str(write_to / value)
    return value


def _found(name: str, folder: Path) -> Path:
    if name.startswith("resources:"):
        try:
            return resource(name.removeprefix("resources:"))
        except FileNotFoundError as error:
            raise NmcError(str(error), "choose a file that is there", "files") from None
    return (folder / name).resolve()
