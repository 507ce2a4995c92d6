"""Threads beside the window that nobody has closed."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
from PySide6.QtCore import QCoreApplication
application = QCoreApplication([])
from nmcstudio.gui.background import Background

def work(monitor):
    while True:
        monitor.check()

kept, lost = Background(), Background()
kept.ask("", work, print)
lost.ask("", work, print)
del lost
"""


def test_threads_that_nobody_closed_end_with_the_program() -> None:
    ended = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert "QThread" not in ended.stderr
