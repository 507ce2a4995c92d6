"""Run the test suite; with a virtual display where there is none, so that the window's viewport is tested too."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys


def main() -> int:
    command = [sys.executable, "-m", "pytest", *sys.argv[1:]]
    environment = dict(os.environ)
    if not environment.get("DISPLAY") and shutil.which("xvfb-run"):
        command = ["xvfb-run", "-a", "-s", "-screen 0 1920x1200x24", *command]
        environment["QT_QPA_PLATFORM"] = "xcb"
    return subprocess.call(command, env=environment)


if __name__ == "__main__":
    sys.exit(main())
