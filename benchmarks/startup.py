"""Start: `import nmcstudio`, the first line of help, and the window until it is drawn. Each in a fresh process, five times.

The window needs a display; under Linux without one this script runs itself in a virtual display.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time

_WINDOW = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from nmcstudio.core.threads import configure_threads
configure_threads()
application = QApplication(["nmcstudio"])
from nmcstudio.gui.main_window import MainWindow
window = MainWindow()
window.show()
# After the first turn of the event loop in which nothing is left to draw, the user can work.
QTimer.singleShot(0, lambda: QTimer.singleShot(0, lambda: (window.close(), application.quit())))
application.exec()
"""
COMMANDS = {
    "python alone": ([sys.executable, "-c", "pass"], None),
    "import nmcstudio": ([sys.executable, "-c", "import nmcstudio"], 0.3),
    "nmcstudio --help": ([sys.executable, "-m", "nmcstudio.cli.main", "--help"], None),
    "window drawn": ([sys.executable, "-c", _WINDOW], 3.0),
}


def main() -> int:
    if sys.platform == "linux" and not os.environ.get("DISPLAY") and shutil.which("xvfb-run"):
        command = ["xvfb-run", "-a", "-s", "-screen 0 1920x1200x24", sys.executable, *sys.argv]
        return subprocess.call(command, env=os.environ | {"QT_QPA_PLATFORM": "xcb"})
    slow = 0
    for name, (command, limit) in COMMANDS.items():
        runs = []
        for _ in range(6):
            begun = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            runs.append(time.perf_counter() - begun)
        median = statistics.median(runs[1:])
        aim = f"  aim: under {limit} s" if limit else ""
        print(f"{name:<20} {median:6.3f} s warm ({min(runs[1:]):.3f} to {max(runs[1:]):.3f}), first {runs[0]:.3f} s{aim}")
        slow += limit is not None and median >= limit
    return slow


if __name__ == "__main__":
    sys.exit(main())
