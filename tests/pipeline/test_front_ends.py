"""Library, command and window give the same bytes for every step."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from nmcstudio.cli.main import main
from nmcstudio.core.params import extra_of, option_name
from nmcstudio.pipeline.direct import run
from nmcstudio.pipeline.registry import KEYS, step
from nmcstudio.pipeline.validation import params_of
from nmcstudio.project.codec import digest
from nmcstudio.project.project import Project
from nmcstudio.project.store import open_project, save_project
from tests.pipeline.chain import chain, make_inputs

SEED = 3


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    make_inputs(folder)
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    """Contents of all written files; dates and this run's folder taken out of the text ones."""
    found = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix != ".h5":
            content = file.read_bytes().replace(str(folder).encode(), b"FOLDER")
            if file.suffix in (".html", ".json"):
                content = re.sub(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\+00:00| UTC)?", b"DATE", content)
            found[str(file.relative_to(folder))] = content
    return found


def by_library(inputs: Path, outputs: Path) -> list[tuple[str, str]]:
    """The chain on plain values; files that later steps read are exported the way a script would."""
    from nmcstudio.core.monitor import Monitor
    from nmcstudio.pipeline.exporting import export_node

    values: dict[str, Any] = {}
    made = []
    for key, given in chain(inputs, outputs):
        chosen = step(key)
        if key == "export":
            export_node(given["node"], values[given["node"]], Path(given["to"]), Monitor())
            continue
        if chosen.provenance:
            continue  # the report tells where a project's values came from, and plain values do not know
        params = params_of(chosen, given)
        have = {name: values[name] for name in (*chosen.reads_with(params), *chosen.optional_with(params)) if name in values}
        value = run(key, have, seed=SEED, **given)
        node = chosen.writes_with(params)
        if node is not None:
            values[node] = value
            made.append((key, digest(value)))
    return made


def by_command(inputs: Path, outputs: Path, project: Path) -> list[tuple[str, str]]:
    assert main(["new", str(project), "--seed", str(SEED)]) == 0
    made = []
    for key, given in chain(inputs, outputs):
        fields = step(key).params.model_fields
        words: list[str] = []
        for name, value in given.items():
            if extra_of(fields[name]).get("widget") == "files":
                words = [*map(str, value), *words]
                continue
            words.append(option_name(name) if value is not False else option_name(name).replace("--", "--no-", 1))
            if isinstance(value, tuple):
                words += [",".join(map(str, item)) if isinstance(item, tuple) else str(item) for item in value]
            elif not isinstance(value, bool):
                words.append(str(value))
        assert main([key, str(project), *words, "--quiet"]) == 0, key
        node = step(key).writes_with(params_of(step(key), given))
        if node is not None:
            made.append((key, open_project(project).record(node).digest))
    return made


def test_the_chain_has_every_step(tmp_path: Path) -> None:
    assert {key for key, _ in chain(tmp_path, tmp_path)} == set(KEYS)


def test_library_command_and_window_give_the_same_bytes(inputs: Path, tmp_path: Path, qtbot: Any) -> None:
    from nmcstudio.gui.controller import Controller

    folders = {name: tmp_path / name for name in ("library", "command", "window")}
    for folder in folders.values():
        folder.mkdir()
    library = by_library(inputs, folders["library"])
    command = by_command(inputs, folders["command"], tmp_path / "command.nmc")
    assert command == library

    controller = Controller(Project(seed=SEED))
    window = []
    for key, given in chain(inputs, folders["window"]):
        with qtbot.waitSignal(controller.jobs.finished, timeout=60_000):
            job = controller.run_step(key, given)
        assert job.state == "done", (key, job.error)
        if job.outcome.node is not None:
            window.append((key, controller.project.record(job.outcome.node).digest))
    assert window == library
    # The files that the other two wrote are the same as well.
    assert files_of(folders["window"]) == files_of(folders["command"])
    save_project(controller.project, tmp_path / "window.nmc")
    again = open_project(tmp_path / "window.nmc")
    for key in again.keys:
        assert digest(again.value(key)) == controller.project.record(key).digest
    controller.close()
