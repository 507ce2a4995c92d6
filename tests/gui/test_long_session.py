"""A long session must not use up None, True and False: PySide6 6.12.0 returns them uncounted on Python 3.11."""

from __future__ import annotations

import subprocess
import sys

LONG_SESSION = """
import nmcstudio.gui.controller
from PySide6.QtCore import QCoreApplication, QObject, Signal, Slot
class Speaker(QObject):
    said = Signal(str, object)
    @Slot(str, object)
    def hear(self, text, value): pass
application = QCoreApplication([])
speaker = Speaker()
speaker.said.connect(speaker.hear)
for _ in range(100_000):
    speaker.said.emit("", None)
    speaker.sender()
print("alive")
"""


def test_a_hundred_thousand_signals_leave_the_interpreter_alive():
    ended = subprocess.run([sys.executable, "-c", LONG_SESSION], capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout.strip()) == (0, "alive"), ended.stderr
