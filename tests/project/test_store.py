"""Projects on disk: what is written comes back, and nothing is lost when something goes wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from nmcstudio.core.errors import Cancelled, NmcError
from nmcstudio.core.grains import GrainModel, Law
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.shells import ShellComponent, ShellModel
from nmcstudio.core.volume import LabelVolume, SurfaceLevel, Volume
from nmcstudio.project import codec
from nmcstudio.project.nodes import summarise
from nmcstudio.project.project import Project
from nmcstudio.project.record import Held, Record
from nmcstudio.project.store import open_project, save_project


def record_of(value: object, step: str = "import-ct", inputs: dict[str, str] | None = None) -> Record:
    return Record(
        digest=codec.digest(value),
        step=step,
        params={"files": ["a.tif"]},
        inputs=inputs or {},
        seed=1,
        seconds=0.1,
        peak_rss_mib=1.0,
        version="0",
        created="2026-01-01T00:00:00+00:00",
        summary=summarise(value),
        load=Held(value),
    )


@pytest.fixture
def volume(rng: np.random.Generator) -> Volume:
    values = rng.integers(0, 60000, (5, 6, 7)).astype(np.uint16)
    return Volume(values, (0.1, 0.2, 0.3), observed=values > 100, name="Größe µm")


@pytest.fixture
def labels(rng: np.random.Generator) -> LabelVolume:
    return LabelVolume(rng.integers(0, 9, (40, 41, 42)), (0.1, 0.1, 0.2), surface=SurfaceLevel(4.0, 0.5), notes=("a", "b"))


def shell_model() -> ShellModel:
    return ShellModel(3, (ShellComponent(0.25, 3.0, np.ones(4)), ShellComponent(0.75, 5.0, np.arange(4.0))), method="em")


def test_every_kind_of_value_comes_back_with_its_digest(tmp_path: Path, volume: Volume, labels: LabelVolume) -> None:
    model = GrainModel(Law("poisson", {"intensity": 2.0}), Law("inverse-gamma", {"alpha": 3.0}), Law("tawn"), notes=("x",))
    project = Project(seed=5)
    values = {"ct": volume, "particles": labels, "shell-model": shell_model(), "grain-model": model}
    for key, value in values.items():
        project.put(key, record_of(value))
    project.view = {"layout": "both"}
    project.set_scenario("rough", {"irregularity": 1.5})
    project.set_params("segment-ct", {"sigma": 2.0})
    save_project(project, tmp_path / "Größe µm.nmc")
    again = open_project(tmp_path / "Größe µm.nmc")
    assert again.seed == 5
    assert again.view == {"layout": "both"}
    assert again.scenarios == {"rough": {"irregularity": 1.5}}
    assert again.params("segment-ct") == {"sigma": 2.0}
    for key, value in values.items():
        assert codec.digest(again.value(key)) == codec.digest(value)
        assert json.dumps(again.record(key).facts()) == json.dumps(project.record(key).facts())
    np.testing.assert_array_equal(again.value("ct").observed, volume.observed)
    assert not again.value("particles").labels.flags.writeable


def test_a_copy_made_without_loading_is_whole(tmp_path: Path, labels: LabelVolume) -> None:
    project = Project()
    project.put("particles", record_of(labels))
    save_project(project, tmp_path / "a.nmc")
    save_project(open_project(tmp_path / "a.nmc"), tmp_path / "b.nmc")
    (tmp_path / "a.nmc").unlink()
    assert codec.digest(open_project(tmp_path / "b.nmc").value("particles")) == codec.digest(labels)


def test_saving_over_itself_keeps_values_that_were_never_loaded(tmp_path: Path, labels: LabelVolume) -> None:
    project = Project()
    project.put("particles", record_of(labels))
    save_project(project, tmp_path / "a.nmc")
    again = open_project(tmp_path / "a.nmc")
    again.set_seed(9)
    save_project(again)
    assert open_project(tmp_path / "a.nmc").seed == 9
    assert codec.digest(again.value("particles")) == codec.digest(labels)


def test_large_arrays_are_written_in_parts_and_the_writing_can_be_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.random.default_rng(3).integers(0, 9, (100, 20, 30), dtype=np.uint8)
    large = Volume(values, (1.0, 1.0, 1.0), observed=values > 4)
    project = Project()
    project.put("ct", record_of(large))
    file = save_project(project, tmp_path / "a.nmc")
    monkeypatch.setattr(codec, "_LARGE", 30_000)
    parts = []
    monitor = Monitor()
    monkeypatch.setattr(monitor, "check", lambda: parts.append(1))
    save_project(project, tmp_path / "parts.nmc", monitor=monitor)
    assert len(parts) > 2
    assert codec.digest(open_project(tmp_path / "parts.nmc").value("ct")) == codec.digest(large)
    stopped = Monitor()
    stopped.cancel()
    before = file.read_bytes()
    with pytest.raises(Cancelled):
        save_project(project, file, monitor=stopped)
    assert file.read_bytes() == before
    assert list(tmp_path.glob(".*")) == []


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, volume: Volume, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Project()
    project.put("ct", record_of(volume))
    file = save_project(project, tmp_path / "a.nmc")
    before = file.read_bytes()

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    project.set_seed(77)
    with pytest.raises(NmcError, match="No space left"):
        save_project(project)
    assert file.read_bytes() == before
    assert project.changed
    assert [each.name for each in tmp_path.iterdir()] == ["a.nmc"]


@pytest.mark.parametrize("content", [b"", b"not a project", b"\x89HDF\r\n\x1a\n" + b"\0" * 50])
def test_a_damaged_project_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.nmc"
    file.write_bytes(content)
    with pytest.raises(NmcError, match="cannot be read as a project"):
        open_project(file)
    assert file.read_bytes() == content


def test_a_truncated_project_is_one_clear_error(tmp_path: Path, labels: LabelVolume) -> None:
    project = Project()
    project.put("particles", record_of(labels))
    file = save_project(project, tmp_path / "a.nmc")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(NmcError, match="cannot be read as a project"):
        open_project(file)


def test_a_foreign_hdf5_and_a_newer_project_are_named(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["data"] = 1
    with pytest.raises(NmcError, match="not a project"):
        open_project(tmp_path / "x.h5")
    save_project(Project(), tmp_path / "a.nmc")
    with h5py.File(tmp_path / "a.nmc", "a") as file:
        file.attrs["schema"] = 999
    with pytest.raises(NmcError, match="newer version"):
        open_project(tmp_path / "a.nmc")
    with pytest.raises(NmcError, match="does not exist"):
        open_project(tmp_path / "none.nmc")


def test_digests_tell_values_types_and_shapes_apart() -> None:
    base = np.arange(6, dtype=np.int32)
    others = [base + 1, base.astype(np.int64), base.reshape(2, 3), base.astype(float), base[:5]]
    assert len({codec.digest(each) for each in (base, *others)}) == 6
    assert codec.digest(base) == codec.digest(base.copy())
    assert codec.digest(("a", "b")) != codec.digest(("ab",))
    assert codec.digest(np.asfortranarray(base.reshape(2, 3))) == codec.digest(base.reshape(2, 3))
