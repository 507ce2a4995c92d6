"""States, undo and autosave."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nmcstudio.core.errors import NmcError
from nmcstudio.core.volume import LabelVolume, Volume
from nmcstudio.project import codec, recovery
from nmcstudio.project.history import Committed, History, SetParams
from nmcstudio.project.nodes import summarise
from nmcstudio.project.project import Project
from nmcstudio.project.record import Held, Record
from nmcstudio.project.store import open_project, save_project


def record_of(value: object, step: str, params: dict[str, object] | None = None, inputs: dict[str, str] | None = None) -> Record:
    summary = summarise(value)
    made = {"version": "0", "created": "2026-01-01T00:00:00+00:00"}
    return Record(codec.digest(value), step, params or {}, inputs or {}, 1, 0.1, 1.0, **made, summary=summary, load=Held(value))


@pytest.fixture
def project() -> Project:
    ct = Volume(np.zeros((2, 3, 4), np.uint8), (1, 1, 1))
    particles = LabelVolume(np.ones((2, 3, 4), np.uint16), (1, 1, 1))
    project = Project()
    project.put("ct", record_of(ct, "import-ct"))
    project.put("particles", record_of(particles, "segment-ct", {"sigma": 4.0}, {"ct": codec.digest(ct)}))
    return project


def test_a_changed_parameter_makes_what_stands_behind_it_stale(project: Project) -> None:
    assert [project.state(key) for key in ("ct", "particles", "radii")] == ["ready", "ready", "empty"]
    project.set_params("segment-ct", {"sigma": 3.0})
    assert project.state("particles") == "stale"
    assert "segment-ct" in project.stale_because("particles")
    project.set_params("segment-ct", {"sigma": 4.0})
    assert project.state("particles") == "ready"
    project.set_params("import-ct", {"spacing_um": 2})
    assert project.state("ct") == "stale"
    assert project.stale_because("particles") == "the ct volume is stale"


def test_one_step_that_fills_two_nodes(project: Project) -> None:
    """Importing labels as particles leaves the grains, imported with the same step before, as they are."""
    labels = LabelVolume(np.ones((2, 3, 4), np.uint16), (1, 1, 1))
    for node in ("grains", "particles"):
        project.put(node, record_of(labels, "import-labels", {"as": node, "files": (node,)}))
        project.set_params("import-labels", {"as": node, "files": (node,)})
    assert [project.state(node) for node in ("grains", "particles")] == ["ready", "ready"]
    project.set_params("import-labels", {"as": "particles", "files": ("others",)})
    assert project.state("particles") == "stale"


def test_another_input_and_another_seed_make_a_result_stale(project: Project) -> None:
    project.put("ct", record_of(Volume(np.ones((2, 3, 4), np.uint8), (1, 1, 1)), "import-ct"))
    assert project.stale_because("particles") == "the ct volume was made anew"
    project.put("ct", None)
    assert "gone" in project.stale_because("particles")


def test_seed_matters_to_what_was_computed_and_not_to_what_was_read(project: Project) -> None:
    project.set_seed(2)
    assert project.state("ct") == "ready"
    assert project.state("particles") == "stale"


def test_an_empty_node_says_what_to_do(project: Project) -> None:
    with pytest.raises(NmcError, match="run extract-radii first"):
        project.value("radii")


def test_undo_and_redo_of_parameters_and_results(project: Project) -> None:
    history = History(project)
    history.do(SetParams("segment-ct", {}, {"sigma": 3.0}))
    old = project.record("particles")
    new = record_of(LabelVolume(np.zeros((2, 3, 4), np.uint16), (1, 1, 1)), "segment-ct", {"sigma": 3.0})
    history.do(Committed("segment-ct", "segment particles", "particles", old, new, {"sigma": 3.0}, {"sigma": 3.0}, 100))
    assert project.record("particles") is new
    assert history.undo() == "segment particles"
    assert project.record("particles") is old
    assert history.undo() == "sigma of segment-ct"
    assert project.params("segment-ct") == {}
    assert history.undo() == ""
    assert [history.redo(), history.redo(), history.redo()] == ["sigma of segment-ct", "segment particles", ""]
    assert project.record("particles") is new


def test_a_drag_is_one_command(project: Project) -> None:
    history = History(project)
    for before, after in ((4.0, 3.9), (3.9, 3.5), (3.5, 3.0)):
        history.do(SetParams("segment-ct", {"sigma": before}, {"sigma": after}, drag="a"))
    history.do(SetParams("segment-ct", {"sigma": 3.0}, {"sigma": 2.0}, drag="b"))
    history.undo()
    history.undo()
    assert project.params("segment-ct") == {"sigma": 4.0}
    assert history.undo_title == ""


def test_the_history_is_bounded_in_bytes_not_in_count(project: Project) -> None:
    history = History(project, limit_bytes=250)
    for index in range(10):
        history.remember(Committed("import-ct", f"{index}", "ct", None, None, {}, {}, 100))
    assert sum(command.nbytes for command in history.commands) <= 250
    assert [history.undo() for _ in range(11)] == [*"9876543210", ""]


def test_autosave_leaves_the_project_alone_and_can_be_recovered(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.path = tmp_path / "mine.nmc"
    file = recovery.autosave(project, tmp_path / "recovery")
    assert project.path == tmp_path / "mine.nmc"
    assert project.changed
    assert recovery.left_behind(tmp_path / "recovery") == []
    monkeypatch.setattr("psutil.pid_exists", lambda pid: False)
    (found,) = recovery.left_behind(tmp_path / "recovery")
    assert found.original == tmp_path / "mine.nmc"
    again = recovery.recover(found)
    assert again.changed
    assert again.path == project.path
    recovery.discard(found)
    assert not file.exists()


def test_a_recovered_project_does_not_overwrite_a_newer_file(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_project(project, tmp_path / "mine.nmc")
    project.set_seed(33)
    recovery.autosave(project, tmp_path / "recovery")
    monkeypatch.setattr("psutil.pid_exists", lambda pid: False)
    (found,) = recovery.left_behind(tmp_path / "recovery")
    other = open_project(tmp_path / "mine.nmc")
    other.set_scenario("newer", {})
    save_project(other)
    again = recovery.recover(found)
    with pytest.raises(NmcError, match="saved by another program"):
        save_project(again)
    assert open_project(tmp_path / "mine.nmc").scenarios == {"newer": {}}
    save_project(again, tmp_path / "under another name.nmc")
    assert open_project(tmp_path / "under another name.nmc").seed == 33


def test_the_recovered_values_are_those_of_the_project(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_project(project, tmp_path / "mine.nmc")
    recovery.autosave(project, tmp_path / "recovery")
    monkeypatch.setattr("psutil.pid_exists", lambda pid: False)
    (found,) = recovery.left_behind(tmp_path / "recovery")
    again = recovery.recover(found)
    save_project(again)  # nobody has touched the file since
    assert codec.digest(again.value("particles")) == codec.digest(project.value("particles"))


def test_forget_removes_only_our_own(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "recovery"
    recovery.autosave(project, folder)
    (folder / "1.nmc").write_bytes(b"another")
    recovery.forget(folder)
    assert [each.name for each in folder.iterdir()] == ["1.nmc"]
    with pytest.raises(NmcError):
        open_project(folder / "1.nmc")
