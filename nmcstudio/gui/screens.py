"""Pictures of the real window: one for each step's panel, the scenario, the comparison and the welcome, light and dark.

``python -m nmcstudio.gui.screens PROJECT.nmc FOLDER``. Needs a display; a virtual one will do (xvfb-run).
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path, PurePath

import numpy as np
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from nmcstudio.core.threads import configure_threads
from nmcstudio.gui.background import Background

SIZE = (1600, 1000)
THEMES = ("light", "dark")
# The views prepare their pictures in workers; what has not changed for this long is ready.
QUIET_MS = 700
LONGEST_S = 25.0
COLOURS = 256
# Levels of 255 by which a colour may be off before that shows as bands.
FAR_OFF = 16


def wait(milliseconds: int) -> None:
    """Let the window work."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def until(condition: Callable[[], bool]) -> None:
    """Let the window work until something is so, or far too long."""
    deadline = time.monotonic() + LONGEST_S
    while not condition() and time.monotonic() < deadline:
        wait(50)


def settled(window: object) -> QImage:
    """A picture of the window once nothing in it changes any more."""
    deadline = time.monotonic() + LONGEST_S
    before = QImage()
    while True:
        wait(QUIET_MS)
        now = window.grab().toImage()
        idle = not (window.controller.jobs.busy or any(each.busy for each in window.findChildren(Background)))
        # The status bar counts memory, so the bottom line always changes.
        body = now.copy(0, 0, now.width(), now.height() - window.statusBar().height())
        if (idle and body == before) or time.monotonic() > deadline:
            return now
        before = body


def hide_places(window: QWidget) -> None:
    """Fields show the names of files only: the folders of this machine are none of the reader's business."""
    for line in window.findChildren(QLineEdit):
        text = line.text()
        if PurePath(text).is_absolute():
            line.setText(PurePath(text).name)


def write_small(picture: QImage, file: Path) -> None:
    """A PNG with a palette made for this picture, a third of the size of one in true colour."""
    from PIL import Image

    rgb = picture.convertToFormat(QImage.Format.Format_RGB888)
    lines = np.frombuffer(rgb.constBits(), np.uint8).reshape(rgb.height(), rgb.bytesPerLine())
    pixels = lines[:, : 3 * rgb.width()].reshape(rgb.height(), rgb.width(), 3)
    true = Image.fromarray(np.ascontiguousarray(pixels))
    plain = true.quantize(COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    dithered = true.quantize(palette=plain, dither=Image.Dither.FLOYDSTEINBERG)
    # Dithered only where the palette has nothing near, as in a key of colours: dithered noise would double the file.
    off = np.abs(np.asarray(plain.convert("RGB")).astype(np.int16) - pixels).max(axis=2)
    few = Image.fromarray(np.where(off > FAR_OFF, np.asarray(dithered), np.asarray(plain)).astype(np.uint8))
    few.putpalette(plain.getpalette())
    few.save(file, optimize=True)


def make_screens(project: Path, folder: Path) -> list[Path]:
    """Draw all pictures into a folder and return their paths.

    Raises
    ------
    NmcError
        If the project cannot be read.
    """
    from nmcstudio.gui.main_window import MainWindow
    from nmcstudio.pipeline.registry import KEYS

    folder.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []

    def take(name: str) -> None:
        file = folder / f"{name}-{window.controller.theme_choice}.png"
        hide_places(window)
        write_small(settled(window), file)
        made.append(file)

    window = MainWindow()
    window.resize(*SIZE)
    for theme in THEMES:
        window.controller.set_theme(theme)
        window.controller.new()
        window.controller.show_step("")
        window.show()
        window.resize(*SIZE)
        take("welcome")
        window.documents.open(project)
        until(lambda: window.controller.project.path == project)
        for key in KEYS:
            show(window, key)
            take(key)
        show(window, "compose")
        window.docks["scenario"].raise_()
        take("scenario")
        window.docks["step"].raise_()
        window.actions_["compare"].trigger()
        take("compare")
        window.actions_["both"].trigger()
    window.controller.project.changed = False
    window.close()
    wait(100)
    return made


def show(window: object, key: str) -> None:
    """The panel of a step with its result on view, or with what it reads where there is no result."""
    from nmcstudio.gui.panels.foot import needed_nodes
    from nmcstudio.project.nodes import NODES

    controller = window.controller
    nodes = [node for node, kind in NODES.items() if key in kind.steps] or needed_nodes(controller, key)
    there = [node for node in nodes if node in controller.project.keys]
    if there:
        controller.show_node(there[0])
    elif controller.project.keys and not nodes:
        controller.show_node(controller.project.keys[-1])
    controller.show_step(key)
    window.docks["plots"].raise_()


def main(argv: list[str] | None = None) -> int:
    """Draw the pictures of a project: arguments PROJECT.nmc and FOLDER."""
    arguments = sys.argv[1:] if argv is None else argv
    if len(arguments) != 2:
        print("usage: python -m nmcstudio.gui.screens PROJECT.nmc FOLDER", file=sys.stderr)
        return 2
    configure_threads()
    with tempfile.TemporaryDirectory() as own:
        # The user's recent projects and autosaves are none of the pictures' business.
        os.environ["NMCSTUDIO_SETTINGS"] = str(Path(own) / "settings.ini")
        os.environ["NMCSTUDIO_RECOVERY"] = str(Path(own) / "recovery")
        application = QApplication.instance() or QApplication(["nmcstudio"])
        from nmcstudio.core.errors import NmcError
        from nmcstudio.gui.app import Collector

        collector = Collector()
        try:
            made = make_screens(Path(arguments[0]), Path(arguments[1]))
        except NmcError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        finally:
            collector.stop()
        print(f"{len(made)} pictures in {arguments[1]}")
        application.processEvents()
    return 0


if __name__ == "__main__":
    sys.exit(main())
