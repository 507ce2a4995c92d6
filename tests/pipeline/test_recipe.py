"""Recipes run what has changed and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from nmcstudio.core.monitor import Monitor
from nmcstudio.pipeline.recipe import Recipe, read_recipe, run_recipe
from nmcstudio.project.store import open_project
from tests.pipeline.chain import make_inputs


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    make_inputs(folder)
    return folder


def recipe(inputs: Path, **changed: object) -> Recipe:
    steps = (
        ("import-ct", {"files": "Größe µm.tif", "spacing_um": 0.25}),
        ("segment-ct", {"sigma": 1.0, "border": "keep"}),
        ("edit-labels", {"on": "particles", "delete": changed.get("delete", [1])}),
        ("extract-radii", {"degree": 6}),
        ("export", {"node": "particles", "to": "labels.tif"}),
    )
    return Recipe("small", 3, steps, inputs)


def steps_run(figures: dict[str, object]) -> list[str]:
    return [each["step"] for each in figures["steps"]]  # type: ignore[attr-defined]


def test_nothing_runs_twice_and_a_change_runs_what_depends_on_it(inputs: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.nmc"
    first = run_recipe(recipe(inputs), file, Monitor())
    assert steps_run(first) == ["import-ct", "segment-ct", "edit-labels", "extract-radii", "export"]
    content = file.read_bytes()
    assert steps_run(run_recipe(recipe(inputs), file, Monitor())) == []
    assert file.read_bytes() == content
    # An edit in place belongs to what it edited: with another edit both are made again, and what follows.
    changed = run_recipe(recipe(inputs, delete=[1, 2]), file, Monitor())
    assert steps_run(changed) == ["segment-ct", "edit-labels", "extract-radii", "export"]
    (tmp_path / "labels.tif").unlink()
    assert steps_run(run_recipe(recipe(inputs, delete=[1, 2]), file, Monitor())) == ["export"]
    assert open_project(file).value("particles").labels.max() > 2


def test_the_bundled_recipes_can_be_read() -> None:
    for name in ("sample.yaml", "nmc-electrode-and-grain-map.yaml", "snow.yaml", "iron-stack.yaml"):
        assert read_recipe(Path(name)).steps
