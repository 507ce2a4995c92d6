"""Editing act by act: the same bytes and digests as the command, undo, spilled history, versions that others still hold."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.core.volume import LabelVolume
from nmcstudio.imaging.label_acts import Paint
from nmcstudio.pipeline.direct import run
from nmcstudio.pipeline.label_session import LabelAct, LabelSession
from nmcstudio.pipeline.registry import step
from nmcstudio.pipeline.runner import run_on_project
from nmcstudio.project import digests
from nmcstudio.project.codec import digest
from nmcstudio.project.history import Committed, History
from nmcstudio.project.nodes import summarise
from nmcstudio.project.project import Project
from nmcstudio.project.record import Held, Record
from nmcstudio.project.store import open_project, save_project

SPACING = (0.5, 0.5, 0.25)
ACTS: tuple[dict[str, Any], ...] = (
    {"merge": [[2, 3]]},
    {"split": [[1, 1.0, 3.0, 3.0, 4.0, 3.0, 3.0]]},
    {"paint": [[5, 0.8, 8.0, 5.0, 5.0, 9.0, 5.5, 5.0]], "only_over": 0},
    {"paint": [[0, 0.6, 7.5, 2.0, 3.0]], "plane": "xy"},
    {"fill": [2]},
    {"delete": [4]},
)


def particles(kind: str = "particles") -> LabelVolume:
    labels = np.zeros((20, 24, 48), np.uint16)
    labels[2:10, 2:10, 1:22] = 1
    labels[2:10, 2:10, 24:30] = 2
    labels[4:6, 4:6, 26:28] = 0
    labels[2:10, 2:10, 30:36] = 3
    labels[12:18, 12:20, 2:20] = 4
    return LabelVolume(labels, SPACING, kind=kind)


def project_with(value: LabelVolume) -> Project:
    project = Project()
    made = Record(digest(value), "import-labels", {}, {}, 1, 0.0, 0.0, "0", "", summarise(value), Held(value))
    project.put(value.kind, made)
    return project


def edited(project: Project, history: History, node: str = "particles") -> tuple[LabelSession, list[LabelAct]]:
    session = LabelSession(node, project.record(node))
    history.swap(project.record(node), session.root)
    record, acts = session.root, []
    for values in ACTS:
        acts.append(session.act(record, values, next(iter(values))))
        record = acts[-1].after
        project.put(node, record)
        history.remember(acts[-1])
    return session, acts


def files_written(folder: Path) -> int:
    """Files of the undo history, once the threads that write them have ended."""
    for thread in threading.enumerate():
        if thread.name == "undo history":
            thread.join()
    return len(list(folder.glob("*.undo")))


@pytest.mark.parametrize("bricks", [False, True])
@pytest.mark.parametrize("node", ["particles", "grains"])
def test_acts_of_the_window_are_commands(bricks: bool, node: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if bricks:  # as for volumes of many megabytes
        monkeypatch.setattr(digests, "_LARGE", 1000)
        monkeypatch.setattr(digests, "_BRICK", (7, 8, 9))
    window, commands = project_with(particles(node)), project_with(particles(node))
    edited(window, History(window), node)
    for values in ACTS:
        run_on_project(commands, "edit-labels", values | {"on": node})
    one, other = window.record(node), commands.record(node)
    assert one.digest == other.digest == digest(other.load()) == digest(one.load())
    assert one.summary == other.summary
    assert [edit["params"] for edit in one.edits] == [edit["params"] for edit in other.edits]
    replayed = particles(node)
    for edit in one.edits:
        replayed = run(edit["step"], {node: replayed}, **edit["params"])
    assert digest(replayed) == one.digest


def test_one_command_with_all_options_does_them_in_order() -> None:
    both = {"merge": [[2, 3]], "fill": [2], "delete": [4], "paint": [[1, 0.7, 6.0, 3.0, 3.0]]}
    value = run("edit-labels", {"particles": particles()}, **both)
    project = project_with(particles())
    act = LabelSession("particles", project.record("particles")).act(project.record("particles"), both, "all")
    assert act.after.digest == digest(value)
    act.undo(project)
    assert project.record("particles").digest == digest(particles())
    act.redo(project)
    assert digest(project.value("particles")) == digest(value)


def test_points_in_voxels_are_points_in_um() -> None:
    value = particles()
    in_um = run("edit-labels", {"particles": value}, paint=[[4, 0.9, 6.0, 5.0, 4.0]])
    edge = float(np.cbrt(np.prod(SPACING)))
    in_voxels = run("edit-labels", {"particles": value}, paint=[[4, 0.9 / edge, 24, 10, 8]], unit="voxel")
    assert digest(in_um) == digest(in_voxels)


def test_undo_and_redo_restore_every_byte_also_from_files(tmp_path: Path) -> None:
    project = project_with(particles())
    before = digest(particles())
    history = History(project, limit_bytes=0, folder=tmp_path)
    _, acts = edited(project, history)
    after = digest(project.value("particles"))
    assert files_written(tmp_path) == len(acts) - 1
    for _ in range(2):
        while history.undo():
            assert project.record("particles").digest == digest(project.value("particles"))
        assert project.record("particles").digest == before
        while history.redo():
            pass
        assert digest(project.value("particles")) == after


def test_the_values_of_results_go_into_files_too(tmp_path: Path) -> None:
    project = project_with(particles())
    history = History(project, limit_bytes=1000, folder=tmp_path)
    for label in (1, 2, 3):
        before = project.record("particles")
        value = run("edit-labels", {"particles": before.load()}, delete=[label])
        after = Record(digest(value), "import-labels", {}, {}, 1, 0.0, 0.0, "0", "", summarise(value), Held(value))
        project.put("particles", after)
        history.remember(Committed("import-labels", f"{label}", "particles", before, after, {}, {}, value.labels.nbytes))
    assert files_written(tmp_path) == 2
    assert [history.undo() for _ in range(4)] == ["3", "2", "1", ""]
    assert digest(project.value("particles")) == digest(particles())


def test_a_version_that_a_worker_holds_does_not_change(tmp_path: Path) -> None:
    project = project_with(particles())
    session, acts = edited(project, History(project))
    wanted = [act.after.digest for act in acts]
    held = acts[1].after
    session.paint(Paint(1, 0.8, ((3.0, 3.0, 3.0),)))
    found: list[str] = []
    workers = [threading.Thread(target=lambda act=act: found.append(digest(act.after.load()))) for act in acts]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(found) == sorted(wanted)
    session.end_stroke()
    value = held.load()
    acts[-1].undo(project)
    assert digest(value) == held.digest
    assert not value.labels.flags.writeable


def test_edits_are_saved_and_can_go_on_after_opening(tmp_path: Path) -> None:
    project = project_with(particles())
    _, acts = edited(project, History(project))
    save_project(project, tmp_path / "p.nmc")
    again = open_project(tmp_path / "p.nmc")
    record = again.record("particles")
    assert record.digest == acts[-1].after.digest == digest(record.load())
    assert len(record.edits) == len(ACTS)
    act = LabelSession("particles", record).act(record, {"delete": [1]}, "more")
    assert len(act.after.edits) == len(ACTS) + 1


def test_an_act_that_cannot_be_done_leaves_all_as_it_was() -> None:
    project = project_with(particles())
    session = LabelSession("particles", project.record("particles"))
    with pytest.raises(NmcError, match="there is no label 77"):
        session.act(session.root, {"merge": [[1, 2]], "delete": [77]}, "wrong")
    assert np.array_equal(session.volume.labels, particles().labels)
    assert digest(session.root.load()) == digest(particles())


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"split": [[1, 2, 3, 4]]}, "split"), ({"split": [[1, 2, 3, 4, 5, 6, 7, 8]]}, "split"), ({"paint": [[1, 2, 3]]}, "paint"),
        ({"split_necks": [[1]]}, "split_necks"), ({"split_necks": [[1, 7]]}, "split_necks"),
        ({"flood": [[1, 2, 3, 4]]}, "plane"), ({"paint": [[1.5, 1, 2, 3, 4]]}, "paint"), ({}, "merge"),
    ],
)  # fmt: skip
def test_wrong_numbers_are_found_before_the_run(values: dict[str, Any], field: str) -> None:
    edit = step("edit-labels")
    facts = {"particles": {"shape": [20, 24, 48]}}
    problems = edit.preflight(facts, edit.params(**values)).problems
    assert [problem.field for problem in problems] == [field]
    assert not edit.preflight(facts, edit.params(delete=(1,))).problems


def test_the_command_line_writes_the_same_bytes(tmp_path: Path) -> None:
    from nmcstudio.cli.main import main

    project = project_with(particles())
    file = save_project(project, tmp_path / "Größe µm.nmc")
    _, acts = edited(project, History(project))
    words = (
        ["--merge", "2,3"], ["--split", "1,1.0,3.0,3.0,4.0,3.0,3.0"],
        ["--paint", "5,0.8,8.0,5.0,5.0,9.0,5.5,5.0", "--only-over", "0"],
        ["--paint", "0,0.6,7.5,2.0,3.0", "--plane", "xy"], ["--fill", "2"], ["--delete", "4"],
    )  # fmt: skip
    for each, act in zip(words, acts, strict=True):
        assert main(["edit-labels", str(file), *each, "--quiet"]) == 0
        assert open_project(file).record("particles").digest == act.after.digest
    assert main(["edit-labels", str(file), "--paint", "5,0.8,1", "--quiet"]) == 2
    assert main(["edit-labels", str(file), "--paint", "77,0.8,1,1,1", "--quiet"]) == 2
