"""What a window looks like, kept in the project, and pictures of it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from PySide6.QtCore import QByteArray, QObject, QSize, Qt, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from nmcstudio.gui.settings import last_folder, thumbnail_file

STATE_VERSION = 1
THUMBNAIL = QSize(288, 192)


class WindowView(QObject):
    """Docks, views, step and node of a `MainWindow`, to and from ``project.view``."""

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self.window = window
        self.controller = window.controller

    @Slot()
    def store(self) -> None:
        """Write the view into the project."""
        view = self.controller.project.view
        view["window"] = base64.b64encode(bytes(self.window.saveState(STATE_VERSION).data())).decode()
        view["step"], view["node"] = self.controller.step, self.controller.node
        if self.window.views is not None:
            view["views"] = self.window.views.state()

    @Slot()
    def restore(self) -> None:
        """Take the view from the project."""
        view, keys = self.controller.project.view, self.controller.project.keys
        if view.get("window"):
            self.window.restoreState(QByteArray.fromBase64(view["window"].encode()), STATE_VERSION)
        if not keys:
            return
        if view.get("views"):
            self.window.middle.ask("view", lambda views: views.restore(view["views"]))
        node = view.get("node") or keys[-1]
        node = node if node in keys else keys[-1]
        self.controller.show_node(node)
        self.controller.show_step(view.get("step") or self.window.workflow.step_for(node))

    @Slot()
    def store_thumbnail(self) -> None:
        """A small picture of the project for the welcome page."""
        path = self.controller.project.path
        if path is None or self.window.views is None:
            return
        picture = self.window.views.screenshot()
        if picture.isNull():
            return
        target = thumbnail_file(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        filled = Qt.AspectRatioMode.KeepAspectRatioByExpanding
        small = picture.scaled(THUMBNAIL, filled, Qt.TransformationMode.SmoothTransformation)
        small.copy(0, 0, THUMBNAIL.width(), THUMBNAIL.height()).save(str(target))

    def ask_screenshot(self) -> None:
        """Picture of the views into the clipboard and a file."""
        window = self.window
        picture = window.views.screenshot() if window.views is not None else window.grab().toImage()
        QGuiApplication.clipboard().setImage(picture)
        name, _ = QFileDialog.getSaveFileName(window, "Save the picture", last_folder(), "PNG (*.png)")
        if not name:
            return
        name = name if name.lower().endswith(".png") else name + ".png"
        if picture.save(name):
            self.controller.file_message.emit(f"Saved {Path(name).name}; the picture is in the clipboard too", name)
        else:
            self.controller.message.emit(f"{name} cannot be written: choose another folder")
