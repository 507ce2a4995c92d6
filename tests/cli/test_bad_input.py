"""Bad input is one line that says what to do, exit code 2, and nothing is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile

from nmcstudio.cli.main import main
from nmcstudio.core.errors import NmcError
from nmcstudio.core.resources import resource
from nmcstudio.project.store import open_project

Refused = Callable[..., str]


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """Run a command that must be refused, with one line; gives the line."""

    def run(*argv: object, code: int = 2) -> str:
        capsys.readouterr()
        assert main([*map(str, argv), "--quiet"]) == code, argv
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("error: "), captured.err
        assert captured.err.count("\n") == 1, captured.err
        return captured.err

    return run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with both models, in a folder of a name that people give."""
    folder = tmp_path / "Größe µm"
    folder.mkdir()
    file = folder / "a b.nmc"
    for key, name in (("import-grain-model", "published-grain-model"), ("import-shell-model", "simulated-shell-model")):
        assert main([key, str(file), str(resource(f"samples/{name}.json")), "--quiet"]) == 0
    return file


def labels_of_two() -> np.ndarray[Any, np.dtype[np.uint16]]:
    labels = np.zeros((10, 10, 20), np.uint16)
    labels[2:8, 2:8, 2:8], labels[2:8, 2:8, 11:18] = 1, 2
    return labels


def damaged_volumes(folder: Path) -> dict[str, str]:
    """Files that are no volumes, and a word of what is said about each."""
    tifffile.imwrite(folder / "whole.tif", labels_of_two())
    whole = (folder / "whole.tif").read_bytes()
    (folder / "cut.tif").write_bytes(whole[: len(whole) // 2])
    (folder / "head.tif").write_bytes(whole[:8])
    for name in ("text.tif", "text.h5", "text.vti", "text.nrrd"):
        (folder / name).write_text("hello\n" * 9)
    (folder / "empty.tif").write_bytes(b"")
    tifffile.imwrite(folder / "colour.tif", np.zeros((3, 8, 8, 3), np.uint8), photometric="rgb")
    tifffile.imwrite(folder / "complex.tif", np.zeros((3, 8, 8), np.complex64), photometric="minisblack")
    (folder / "x.py").write_text("1")
    return {
        "cut.tif": "incomplete", "head.tif": "incomplete", "text.tif": "holds text", "text.h5": "holds text",
        "text.vti": "holds text", "text.nrrd": "holds text", "empty.tif": "empty", "colour.tif": "colour",
        "complex.tif": "complex", "x.py": "not a volume", "none.tif": "there is no file",
    }  # fmt: skip


def test_damaged_volumes(tmp_path: Path, project: Path, refused: Refused) -> None:
    before = project.read_bytes()
    for name, word in damaged_volumes(tmp_path).items():
        for command in ("import-ct", "import-labels"):
            assert word in refused(command, project, tmp_path / name, "--spacing-um", 1), (command, name)
    assert "voxel size is not known" in refused("import-ct", project, tmp_path / "whole.tif")
    for spacing in (["0"], ["-1"], ["nan"], ["inf"], ["1um"], ["1", "2"], ["1", "2", "3", "4"], ["0,1"]):
        assert "oxel size" in refused("import-ct", project, tmp_path / "whole.tif", "--spacing-um", *spacing)
    assert project.read_bytes() == before
    assert [file.name for file in project.parent.iterdir()] == [project.name]


def test_labels_that_are_none(tmp_path: Path, project: Path, refused: Refused) -> None:
    labels = labels_of_two()
    cases = {"half": labels + 0.5, "negative": -labels.astype(np.int16), "nothing": 0 * labels}
    words = {"half": "whole numbers", "negative": "outside 0", "nothing": "no labels"}
    for name, values in cases.items():
        tifffile.imwrite(tmp_path / "l.tif", values.astype(np.float32) if name == "half" else values)
        assert words[name] in refused("import-labels", project, tmp_path / "l.tif", "--spacing-um", 1)


def test_damaged_models(tmp_path: Path, project: Path, refused: Refused) -> None:
    shells = json.loads(resource("samples/simulated-shell-model.json").read_text(encoding="utf-8"))
    spectrum = shells["components"][0]["power_spectrum"]
    first = {**shells["components"][0], "probability": 1.0}
    file = tmp_path / "m.json"
    for changed, word in (
        ({"unit": None}, "unit"),
        ({"version": 2}, "version"),
        ({"format": "x"}, "format"),
        ({"degree": "six"}, "degree"),
        ({"components": []}, "components"),
        ({"components": [{**first, "power_spectrum": [-1, *spectrum[1:]]}]}, "zero or larger"),
        ({"components": [{**first, "power_spectrum": spectrum[1:]}]}, "values"),
        ({"components": [{**first, "mean": -1}]}, "mean"),
        ({"components": [{**first, "probability": 0.4}]}, "sum"),
    ):
        file.write_text(json.dumps(shells | changed))
        assert word in refused("import-shell-model", project, file)
    grains = json.loads(resource("samples/published-grain-model.json").read_text(encoding="utf-8"))
    for changed, word in (
        ({"unit": None}, "unit"),
        ({"version": 9}, "version"),
        ({"seeds": {**grains["seeds"], "parent_intensity": -1}}, "parent_intensity"),
        ({"seeds": {"kind": "foo"}}, "foo"),
        ({"copula": {**grains["copula"], "kappa": 0.5}}, "kappa"),
    ):
        file.write_text(json.dumps(grains | changed))
        assert word in refused("import-grain-model", project, file)
    for text in ("", "hello", "[1]", "3", '{"a": '):
        file.write_text(text)
        for command in ("import-shell-model", "import-grain-model"):
            refused(command, project, file)


def test_a_tessellation_needs_its_window(tmp_path: Path, project: Path, refused: Refused) -> None:
    file = tmp_path / "t.csv"
    file.write_text("# laguerre\nlabel,x_um,y_um,z_um,weight_um2\n1,1,1,1,0\n")
    assert "window" in refused("import-tessellation", project, file)
    file.write_text("")
    refused("import-tessellation", project, file)
    assert "file" in refused("import-tessellation", project)
    assert "file" in refused("import-radii", project)
    assert "file" in refused("import-shell-model", project)


def test_values_and_options_that_are_not_usable(project: Path, refused: Refused) -> None:
    for words in (
        ["compose", "--diameter-um", "nan"],
        ["compose", "--diameter-um", "-1e-3"],
        ["compose", "--count", "0"],
        ["compose", "--voxel-um", "inf"],
        ["compose", "--scenario", "size"],
        ["compose", "--scenario", "nothing=1"],
        ["compose", "--diam", "3"],
        ["compose", "extra.tif"],
        ["fit-grains", "--seeds", "stars"],
        ["fit-shell", "--components", "many"],
        ["export", "--node", "shell-model"],
        ["export", "--node", "shell-model", "--to", "x.tif"],
        ["export", "--node", "nothing", "--to", "x.tif"],
        ["export", "--node", "mesh", "--to", "x.vtu"],
        ["segment-ct", "--box", "1", "2", "3"],
    ):
        refused(words[0], project, *words[1:])
    assert "'auto'" in refused("fit-shell", project, "--components", "many")
    assert "too few" in refused("segment-ct", project, "--box", "1", "2", "3")


def test_places_that_cannot_be_written_are_refused_before_the_work(project: Path, refused: Refused, tmp_path: Path) -> None:
    source = resource("samples/published-grain-model.json")
    below_a_file = source / "x.nmc"
    for place in (tmp_path / "none" / "x.nmc", below_a_file):
        assert "no folder" in refused("import-grain-model", place, source)
        assert "no folder" in refused("new", place)
    assert "is a folder" in refused("import-grain-model", tmp_path, source)
    assert "is a folder" in refused("show", tmp_path)
    refused("export", project, "--node", "shell-model", "--to", source / "m.json")
    refused("report", project, "--to", source / "r.html")
    refused("generate", project, "--count", 1, "--to", source / "many")
    recipe = tmp_path / "r.yaml"
    recipe.write_text("steps: []")
    assert "cannot be made" in refused("run", recipe, "-o", below_a_file)
    assert "is a folder" in refused("run", recipe, "-o", tmp_path)
    assert "cannot be read" in refused("run", tmp_path)


def test_damaged_projects_stay_as_they_are(project: Path, tmp_path: Path, refused: Refused) -> None:
    whole = project.read_bytes()
    file = tmp_path / "b.nmc"
    for content in (b"", b"hello", whole[:1000], whole[:-1]):
        file.write_bytes(content)
        assert "cannot be read" in refused("show", file)
        assert "cannot be read" in refused("compose", file)
        assert file.read_bytes() == content
    for name in ("head", "nodes/shell-model/value", "nodes/shell-model/value/components"):
        file.write_bytes(whole)
        with h5py.File(file, "a") as inside:
            del inside[name]
        content = file.read_bytes()
        assert "cannot be read" in refused("compose", file)
        assert file.read_bytes() == content


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "no list of steps"),
        ("steps:\n\t- a", "not a YAML file"),
        ("stairs: []\nsteps: []", "stairs"),
        ("steps: [frobnicate]", "no step 'frobnicate'"),
        ("steps: [{compose: {}, mesh: {}}]", "not one step"),
        ("steps: [{compose: {countt: 3}}]", "no parameter 'countt'"),
        ("steps: [{compose: [1]}]", "for parameters"),
        ("steps: [{compose: {1: 2}}]", "for parameters"),
        ("steps: [{import-ct: {files: 5}}]", "Files = '5'"),
        ("steps: [{import-ct: {files: 'resources:none.tif'}}]", "no bundled file"),
        ("steps: [{import-ct: {files: '{data}/a.tif'}}]", "'data' that is not set"),
        ("variables: {d: x}\nsteps: [{import-ct: {files: '{d.real}'}}]", "'d.real' that is not set"),
        ("variables: [1]\nsteps: []", "variables"),
        ("steps: [{import-ct: {files: '{a'}}]", "stray brace"),
        ("steps: &a [{import-ct: {files: *a}}]", "without end"),
        ("seed: many\nsteps: []", "seed"),
        ("seed: -1\nsteps: []", "seed"),
        ("seed: 1.5\nsteps: []", "seed"),
        (
            "steps: [{import-shell-model: {files: 'resources:samples/simulated-shell-model.json'}}, {compose: {count: 0}}]",
            "Number",
        ),
    ],
)
def test_bad_recipes_change_nothing(text: str, word: str, tmp_path: Path, refused: Refused) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text(text, encoding="utf-8")
    assert word in refused("run", recipe, "-o", tmp_path / "r.nmc")
    assert [file.name for file in tmp_path.iterdir()] == ["r.yaml"]


def test_variables_on_the_command_line(tmp_path: Path, refused: Refused) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text("steps: [{import-shell-model: {files: '{data}'}}]")
    assert "not NAME=VALUE" in refused("run", recipe, "-D", "data")
    assert "no variable 'dta'" in refused("run", recipe, "-D", "dta=x", "-D", "data=y")
    model = resource("samples/simulated-shell-model.json")
    assert main(["run", str(recipe), "-o", str(tmp_path / "r.nmc"), "-D", f"data={model}", "--quiet"]) == 0


@pytest.mark.parametrize("before", [True, False])
def test_options_for_every_command_stand_anywhere(before: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    every = ["--json", "--seed", "7", "--threads", "1", "--quiet"]
    project, model = str(tmp_path / "a.nmc"), str(resource("samples/simulated-shell-model.json"))
    exported = str(tmp_path / "m.json")
    for words in (
        ["new", project],
        ["import-shell-model", project, model],
        ["show", project],
        ["export", project, "--node", "shell-model", "--to", exported],
    ):
        # after the name also means between the project and the files
        argv = [*every, *words] if before else [*words[:2], *every, *words[2:]]
        assert main(argv) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        figures = json.loads(captured.out)
        assert {"step", "seconds", "peak_rss_mib", "seed"} <= set(figures)
        assert figures["seed"] == 7
        assert figures["peak_rss_mib"] > 1


def test_a_terminal_without_greek_letters(project: Path) -> None:
    command = [sys.executable, "-m", "nmcstudio.cli.main", "show", str(project)]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0
    ended = subprocess.run([*command, "--json"], env=environment, capture_output=True, check=True)
    assert json.loads(ended.stdout)["project"] == str(project)


def test_a_full_disk_leaves_the_project_as_it_was(project: Path) -> None:
    before = project.read_bytes()
    code = (
        "import resource, sys; from nmcstudio.cli.main import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        f"sys.exit(main(['compose', {str(project)!r}, '--diameter-um', '8', '--voxel-um', '0.2', '--quiet']))"
    )
    if sys.platform == "win32":
        pytest.skip("file sizes cannot be limited here")
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, text=True)
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.startswith("error: ")
    assert ended.stderr.count("\n") == 1, ended.stderr
    assert project.read_bytes() == before
    assert [file.name for file in project.parent.iterdir()] == [project.name]


def test_a_script_that_passes_the_wrong_thing() -> None:
    import nmcstudio

    with pytest.raises(NmcError, match=r"'ct' is a ndarray: make it a nmcstudio\.core\.volume\.Volume"):
        nmcstudio.run("segment-ct", {"ct": np.zeros((3, 3, 3))})
    with pytest.raises(NmcError, match="needs 'radii'"):
        nmcstudio.run("fit-shell")
    with pytest.raises(NmcError, match="no parameter 'foo'"):
        nmcstudio.run("compose", foo=1)


def test_commands_that_make_the_same_project_together(tmp_path: Path) -> None:
    project = tmp_path / "a.nmc"
    sources = {"import-grain-model": "published-grain-model", "import-shell-model": "simulated-shell-model"}
    commands = [
        [sys.executable, "-m", "nmcstudio.cli.main", key, str(project), str(resource(f"samples/{name}.json")), "--quiet"]
        for key, name in sources.items()
    ]
    running = [subprocess.Popen(command) for command in commands]
    assert [each.wait(timeout=60) for each in running] == [0, 0]
    assert open_project(project).keys == ("shell-model", "grain-model")
    assert [file.name for file in tmp_path.iterdir()] == ["a.nmc"]


def test_another_command_on_the_same_project_loses_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    from nmcstudio.pipeline import runner

    compute = runner.compute
    model = resource("samples/simulated-shell-model.json")

    def meanwhile(*words: str) -> None:
        def run(*given: Any) -> Any:
            outcome = compute(*given)
            monkeypatch.setattr(runner, "compute", compute)
            assert main([*words, "--quiet"]) == 0
            return outcome

        monkeypatch.setattr(runner, "compute", run)

    words = ["compose", str(project), "--diameter-um", "8", "--voxel-um", "0.3"]
    meanwhile("export", str(project), "--node", "shell-model", "--to", str(project.parent / "m.json"))
    assert main([*words, "--quiet"]) == 0
    assert open_project(project).outputs  # the export that came in between
    assert "particle" in open_project(project).keys
    other = project.parent / "m.json"
    other.write_text(model.read_text(encoding="utf-8").replace('"mean": ', '"mean": 1'), encoding="utf-8")
    meanwhile("import-shell-model", str(project), str(other))
    assert "run the step again" in refused(*words)
