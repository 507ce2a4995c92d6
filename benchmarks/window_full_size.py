"""The window with a volume of the published size: frames per second, blocks of the event loop, memory.

    .venv/bin/python benchmarks/window_full_size.py [--generator ../shared/bench | --volume FILE] [--shape 499 508 1616]

Drives the real window: imports the volume, wheels through the slices, drags the threshold, splits the whole volume, drags the
split, runs the step. Under Linux without a display it runs itself on a virtual one, where everything is drawn by the processor.
A frame is one event with all that it repaints; beside the wall clock stands the processor time of the window's own thread,
which a busy machine does not spoil.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

SPACING_UM = 0.128
FRAMES = 40
AIM_FPS = 10.0
AIM_BLOCK_MS = 100.0


def volume_file(arguments: argparse.Namespace, folder: Path) -> Path:
    """The volume to open: the given one, or one made by the generator of the benchmarks."""
    if arguments.volume is not None:
        return Path(arguments.volume)
    import tifffile

    sys.path.insert(0, str(Path(arguments.generator).resolve()))
    import gen

    grey, _ = gen.ct_volume(tuple(arguments.shape), 300, 1)
    file = folder / "volume.tif"
    tifffile.imwrite(file, grey)
    return file


class Heartbeat:
    """A timer of 5 ms in the window's thread: a longer gap is a time in which the window did not answer.

    Beside the longest gap stands the most processor time that this thread took between two beats: what the window itself holds
    up, without what other processes take.
    """

    def __init__(self) -> None:
        from PySide6.QtCore import Qt, QTimer

        self._last, self._last_own = time.perf_counter(), time.thread_time()
        self._gaps: list[tuple[float, float]] = [(0.0, 0.0)]
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start(5)

    def _beat(self) -> None:
        now, own = time.perf_counter(), time.thread_time()
        self._gaps.append((now - self._last, own - self._last_own))
        self._last, self._last_own = now, own

    def longest_ms(self) -> tuple[float, float]:
        """The longest gap since the last call, and the most processor time in one."""
        gaps, owns = zip(*self._gaps)
        self._gaps = [(0.0, 0.0)]
        return 1000 * max(gaps), 1000 * max(owns)


class Memory(threading.Thread):
    """The largest resident memory of this process, in MiB, looked at twenty times a second."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        import psutil

        self._process, self.peak_mib = psutil.Process(), 0.0
        self.start()

    def now_mib(self) -> float:
        return float(self._process.memory_info().rss / 2**20)

    def run(self) -> None:
        while True:
            self.peak_mib = max(self.peak_mib, self.now_mib())
            time.sleep(0.05)


class Drive:
    """The window and what a hand does with it."""

    def __init__(self, file: Path) -> None:
        from PySide6.QtWidgets import QApplication

        from nmcstudio.gui.app import Collector
        from nmcstudio.gui.main_window import MainWindow

        self.file = file
        self.application = QApplication.instance() or QApplication(["nmcstudio"])
        self.window = MainWindow()
        self.window.resize(1600, 1000)
        self.window.show()
        self.collector = Collector()
        self.window.warm_up()
        self.settle()
        self.memory, self.heart = Memory(), Heartbeat()
        self.slow: list[str] = []

    def until(self, condition: Callable[[], bool], limit_s: float = 1800.0) -> None:
        """Let the window work until something is so."""
        end = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError("the window does not come to rest")
            self.application.processEvents()
            time.sleep(0.002)

    def settle(self) -> None:
        """Let the window work until nothing runs beside it."""
        from nmcstudio.gui.background import Background

        def idle() -> bool:
            window = self.window
            return not (window.controller.jobs.busy or any(each.busy for each in window.findChildren(Background)))

        for _ in range(3):
            end = time.monotonic() + 0.3
            self.until(lambda end=end: time.monotonic() > end)
            self.until(idle)

    def say(self, name: str, begun: float) -> None:
        """One line about something that takes long."""
        block, own = self.heart.longest_ms()
        print(f"  {name:<34} {time.perf_counter() - begun:7.1f} s   longest block {block:5.0f} ms   own time {own:5.0f} ms   "
              f"{self.memory.now_mib():6.0f} MiB", flush=True)  # fmt: skip
        self.slow += [f"{name}: the window did not answer for {block:.0f} ms"] if block > AIM_BLOCK_MS else []

    def frames(self, name: str, acts: Iterable[Callable[[], Any]]) -> None:
        """One line about events that each repaint the slices."""
        wall, own = [], []
        for act in acts:
            begun, begun_own = time.perf_counter(), time.thread_time()
            act()
            self.application.processEvents()
            wall.append(time.perf_counter() - begun)
            own.append(time.thread_time() - begun_own)
        fps = 1 / statistics.median(wall)
        self.heart.longest_ms()
        print(f"  {name:<34} {fps:7.1f} frames a second   slowest {1000 * max(wall):5.0f} ms   "
              f"own time {1000 * statistics.median(own):5.1f} ms a frame", flush=True)  # fmt: skip
        self.slow += [f"{name}: {fps:.1f} frames a second"] if fps < AIM_FPS else []

    def wheel(self, what: str) -> None:
        """Through the slices of each plane."""
        from PySide6.QtCore import QPoint, QPointF, Qt
        from PySide6.QtGui import QWheelEvent

        for plane, view in self.window.views.slices.items():
            at = QPointF(40, 40)

            def turn(pane: Any = view.pane, at: QPointF = at) -> None:
                event = QWheelEvent(
                    at, pane.mapToGlobal(at), QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton,
                    Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
                )  # fmt: skip
                self.application.sendEvent(pane, event)

            self.frames(f"wheel {plane}, {what}", [turn] * FRAMES)

    def go(self) -> None:
        """The whole tour."""
        window = self.window
        begun = time.perf_counter()
        window.controller.run_step("import-ct", {"files": (str(self.file),), "spacing_um": (SPACING_UM,)})
        self.settle()
        self.say("import and first view", begun)
        self.wheel("scan")
        begun = time.perf_counter()
        window.controller.show_step("segment-ct")
        panel = window.panels.current_panel()
        live = panel.live
        self.until(lambda: live.histogram is not None)
        self.say("panel, first histogram", begun)
        self.until(lambda: live.is_whole or live.is_small)
        self.settle()
        self.say("whole volume smoothed", begun)
        low, high = live.histogram.edges[[0, -1]]

        def drag(value: float) -> None:
            panel.threshold.line.setValue(value)
            panel.threshold.line.sigDragged.emit(panel.threshold.line)

        middle, width = live.level, 0.15 * (high - low)
        values = [middle + width * (2 * i / FRAMES - 1) for i in range(FRAMES)]
        drag(values[0])
        self.settle()
        self.frames("threshold dragged", [lambda v=v: drag(v) for v in values])
        self.wheel("material over it")
        window.controller.edit_params("segment-ct", {"threshold": None})
        self.settle()
        slider = panel.form.editors["split"].slider
        begun = time.perf_counter()
        slider.setValue(790)
        self.until(lambda: live.found is not None)
        self.say("split tried on the middle", begun)
        self.until(lambda: live.splits_whole)
        self.settle()
        self.say("whole volume split", begun)
        pieces = len(live._pieces[True].hierarchy.sizes) - 1
        self.frames(
            f"split dragged ({pieces} pieces)", [lambda v=v: slider.setValue(v) for v in range(520, 520 + 10 * FRAMES, 10)]
        )
        self.wheel("particles over it")
        begun = time.perf_counter()
        window.controller.run_step("segment-ct")
        self.until(lambda: not window.controller.jobs.busy)
        self.say("run, from what was tried", begun)
        begun = time.perf_counter()
        self.settle()
        self.say("particles on view, 3D too", begun)
        self.wheel("particles")
        print(f"  {window.controller.project.record('particles').summary['headline']}")
        print(f"  peak {self.memory.peak_mib:.0f} MiB")
        window.controller.project.changed = False
        window.close()
        self.application.processEvents()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", default=str(Path(__file__).resolve().parents[2] / "shared" / "bench"))
    parser.add_argument("--volume", help="a volume to open in place of a generated one; voxels of 0.128 um are assumed")
    parser.add_argument("--shape", nargs=3, type=int, default=(499, 508, 1616), metavar=("Z", "Y", "X"))
    arguments = parser.parse_args()
    if sys.platform == "linux" and not os.environ.get("DISPLAY") and shutil.which("xvfb-run"):
        command = ["xvfb-run", "-a", "-s", "-screen 0 1920x1200x24", sys.executable, *sys.argv]
        return subprocess.call(command, env=os.environ | {"QT_QPA_PLATFORM": "xcb"})
    from nmcstudio.core.threads import configure_threads

    configure_threads()
    with tempfile.TemporaryDirectory() as own:
        os.environ["NMCSTUDIO_SETTINGS"] = str(Path(own) / "settings.ini")
        os.environ["NMCSTUDIO_RECOVERY"] = str(Path(own) / "recovery")
        load = f", load {os.getloadavg()[0]:.1f} before the start" if hasattr(os, "getloadavg") else ""
        print(f"{os.cpu_count()} processors{load}; aims: over {AIM_FPS:g} frames a second, no block over {AIM_BLOCK_MS:g} ms")
        drive = Drive(volume_file(arguments, Path(own)))
        drive.go()
    for each in drive.slow:
        print(f"  missed: {each}")
    return len(drive.slow)


if __name__ == "__main__":
    sys.exit(main())
