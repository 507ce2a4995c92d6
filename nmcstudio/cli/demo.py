"""The main job on the bundled sample: in the window where there is a display, in a virtual one otherwise."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from nmcstudio.cli.execute import console_monitor, tell
from nmcstudio.core.errors import NmcError
from nmcstudio.core.resources import resource
from nmcstudio.pipeline.recipe import read_recipe, run_recipe


def has_display() -> bool:
    """True where a window can be shown to somebody."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def run_demo(output: Path, *, window: bool, as_json: bool, quiet: bool) -> None:
    """Run the sample session and show it, or leave its results and pictures in `output`.

    Raises
    ------
    NmcError
        If the pictures cannot be made because there is no virtual display.
    """
    output = output.absolute()
    project_file = output / "sample.nmc"
    recipe = read_recipe(resource("recipes/sample.yaml"))
    with console_monitor("sample session", quiet) as monitor:
        figures = run_recipe(recipe, project_file, monitor)
    tell(figures, as_json=as_json, quiet=quiet)
    if window and has_display():
        from nmcstudio.gui.app import main as open_window

        open_window([str(project_file)])
        return
    screens = output / "screens"
    made = screens / "welcome-light.png"
    if figures["steps"] or not made.exists():
        _draw_screens(project_file, screens)
    if not (quiet or as_json):
        print(f"in {output}: the project sample.nmc, particles and meshes, report.html, screens/ with a picture of every panel")


def _draw_screens(project_file: Path, screens: Path) -> None:
    command = [sys.executable, "-m", "nmcstudio.gui.screens", str(project_file), str(screens)]
    environment = dict(os.environ)
    if not has_display():
        runner = shutil.which("xvfb-run")
        if runner is None:
            raise NmcError("there is no display and no xvfb-run to make one", "install xvfb, or run this on a desktop")
        command = [runner, "-a", "-s", "-screen 0 1920x1200x24", *command]
        environment["QT_QPA_PLATFORM"] = "xcb"
    ended = subprocess.run(command, env=environment, check=False)
    if ended.returncode:
        raise NmcError(f"the pictures could not be made (exit code {ended.returncode})", "look at the messages above")
