"""Exit codes, the one-line error, JSON, and that nothing changes when something fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nmcstudio.cli.main import main
from nmcstudio.cli.progress import ConsoleProgress, duration
from nmcstudio.core.monitor import Progress
from nmcstudio.pipeline.registry import KEYS
from nmcstudio.project.store import open_project


def test_new_and_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = tmp_path / "a.nmc"
    assert main(["--seed", "5", "new", str(project)]) == 0
    assert open_project(project).seed == 5
    assert "seed 5" in capsys.readouterr().out
    assert main(["show", str(project), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["seed"] == 5
    assert shown["nodes"]["ct"] == {"state": "empty"}
    assert main(["new", str(project)]) == 2
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize(
    "argv",
    [
        ["no-such-command"],
        ["fit-shell"],
        ["fit-shell", "missing.nmc"],
        ["run", "missing.yaml"],
        ["new", "a.nmc", "--seed", "many"],
        ["new", "a.nmc", "--seed", "-1"],
        ["new", "a.nmc", "--threads", "0"],
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    argv: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", KEYS)
def test_every_step_has_a_command_with_help(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([key, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "PROJECT.nmc" in shown
    assert "--json" in shown


def test_a_step_writes_the_project_and_prints_its_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from nmcstudio.core.resources import resource

    project = tmp_path / "a.nmc"
    source = resource("samples/published-grain-model.json")
    assert main(["import-grain-model", str(project), str(source), "--json", "--quiet"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert {"step", "seconds", "peak_rss_mib", "seed", "digest"} <= set(figures)
    assert figures["seeds"]["parent_intensity"] == pytest.approx(8.64, rel=1e-3)
    before = project.read_bytes()
    assert main(["fit-grains", str(project)]) == 2
    assert "fit-tessellation" in capsys.readouterr().err
    assert project.read_bytes() == before


def test_interrupting_leaves_the_project_as_it_was(tmp_path: Path) -> None:
    from nmcstudio.core.resources import resource

    project = tmp_path / "a.nmc"
    for key, name in (("import-grain-model", "published-grain-model"), ("import-shell-model", "simulated-shell-model")):
        assert main([key, str(project), str(resource(f"samples/{name}.json")), "--quiet"]) == 0
    before = project.read_bytes()
    command = [sys.executable, "-m", "nmcstudio.cli.main", "compose", str(project), "--count", "500"]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    assert running.stderr is not None
    running.stderr.readline()
    time.sleep(1.0)
    running.send_signal(signal.SIGINT)
    begun = time.monotonic()
    assert running.wait(timeout=60) == 130
    assert time.monotonic() - begun < 5
    assert "interrupted" in running.stderr.read().decode()
    running.stderr.close()
    assert project.read_bytes() == before


def test_progress_lines_for_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    shown = ConsoleProgress("work")
    shown(Progress(0.1, "reading", None, 1.0, 9.0))
    shown(Progress(0.11, "reading", None, 1.1, 9.0))
    shown(Progress(0.2, "reading", None, 2.0, 65.0))
    assert capsys.readouterr().err.splitlines() == [
        "work:  10 % reading, about 9 s left",
        "work:  20 % reading, about 1 min 05 s left",
    ]
    assert [duration(s) for s in (3.2, 60, 3700)] == ["3 s", "1 min 00 s", "1 h 01 min"]


def test_importing_the_package_is_fast_and_needs_no_display() -> None:
    heavy = ("scipy", "numba", "vtkmodules", "PySide6", "matplotlib", "orix", "h5py", "skimage")
    code = f"import sys, nmcstudio; print([m for m in {heavy!r} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout.strip() == "[]"


def test_listing_all_steps_imports_nothing_heavy() -> None:
    heavy = ("scipy", "numba", "vtkmodules", "PySide6", "matplotlib", "orix", "h5py", "skimage")
    code = (
        "import sys\nfrom nmcstudio.pipeline.registry import all_steps\nall_steps()\n"
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout.strip() == "[]"
