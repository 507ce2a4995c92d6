"""Cancelling any step takes less than a second and leaves the project as it was."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from nmcstudio.core.errors import Cancelled
from nmcstudio.core.monitor import Monitor
from nmcstudio.pipeline.recipe import read_recipe, step_values
from nmcstudio.pipeline.runner import Outcome, commit, compute, prepare
from nmcstudio.project.project import Project
from tests.pipeline.chain import chain, make_inputs


def cancel_after(project: Project, key: str, given: dict[str, Any], delay_s: float) -> tuple[float, Outcome | None]:
    """Seconds from the request to the end, and the outcome if the step was faster than the request.

    Seconds that this process computed, where they are fewer than those of the clock: what else runs on the machine
    does not count. A wait in which nothing computes shows in the clock, which has a bound of its own.
    """
    prepared = prepare(project, key, given)
    monitor = Monitor()
    ended: list[Outcome | None] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            ended.append(compute(prepared, monitor))
        except Cancelled:
            ended.append(None)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(delay_s)
    asked, worked = time.monotonic(), time.process_time()
    monitor.cancel()
    thread.join()
    waited, worked = time.monotonic() - asked, time.process_time() - worked
    assert not failed, failed
    assert waited < 5.0, (key, delay_s, waited)
    return min(waited, worked), ended[0]


def state_of(project: Project) -> dict[str, Any]:
    return {key: project.record(key).facts() for key in project.keys} | {
        "params": project.params("fit-shell"),
        "seed": project.seed,
    }


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_every_step_of_the_small_chain(tmp_path: Path) -> None:
    inputs, outputs = tmp_path / "in", tmp_path / "out"
    inputs.mkdir()
    outputs.mkdir()
    make_inputs(inputs)
    project = Project(seed=3)
    cancelled = set()
    for key, given in chain(inputs, outputs):
        written = files_below(outputs)
        before = state_of(project)
        outcome = compute(prepare(project, key, given), Monitor())  # compiles what has to be compiled
        if outcome.node is None:
            for file in set(files_below(outputs)) - set(written):
                Path(file).unlink()
        for delay in (0.0, 0.05, 0.3):
            seconds, early = cancel_after(project, key, given, delay)
            assert seconds < 1.0, (key, delay, seconds)
            assert state_of(project) == before
            if early is None:
                cancelled.add(key)
                assert not [file for file in files_below(outputs) if file.endswith(".part")], key
        commit(project, outcome if outcome.node is not None else compute(prepare(project, key, given), Monitor()))
    # A step of a few milliseconds may be over before the request comes, but most are not.
    assert len(cancelled) >= 12, cancelled


@pytest.mark.slow
@pytest.mark.parametrize("fraction", [0.15, 0.5, 0.85])
def test_every_step_of_the_sample_session(tmp_path: Path, fraction: float) -> None:
    recipe = read_recipe(Path("sample.yaml"))
    project = Project(seed=recipe.seed or 1)
    for key, values in recipe.steps:
        given = step_values(recipe, key, values, tmp_path)
        begun = time.monotonic()
        outcome = compute(prepare(project, key, given), Monitor())
        seconds, _ = cancel_after(project, key, given, fraction * (time.monotonic() - begun))
        assert seconds < 1.0, (key, fraction, seconds)
        commit(project, outcome)
