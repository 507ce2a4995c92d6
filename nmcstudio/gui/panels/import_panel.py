"""Panels of the imports of images: what the files are, seen before they are read in."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QWidget

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.panels.picture import Picture
from nmcstudio.gui.panels.step_panel import StepPanel
from nmcstudio.pipeline.step import Preflight


class ImportPanel(StepPanel):
    """Shows one section of the chosen files. The one question, an unknown spacing, gets the keyboard."""

    words = "A section of the chosen files stands here."
    spacing_field = "spacing_um"

    def build_top(self) -> QWidget:
        self.picture = Picture(self.words)
        self._pictured: Any = None
        return self.picture

    def shown_values(self, values: dict[str, Any]) -> None:
        wanted = self.what_to_picture(values)
        if wanted == self._pictured:
            return
        self._pictured = wanted
        if not values.get("files"):
            self.controller.previews.drop(self.key)
            self.picture.say(self.words)
            return
        self.picture.say("Looking at the files …")
        self.controller.previews.ask(self.key, lambda monitor: self.draw(dict(values), monitor), self._drawn, self._not_drawn)

    def what_to_picture(self, values: dict[str, Any]) -> Any:
        """The parameters that change the picture."""
        return values.get("files"), values.get("dataset")

    @staticmethod
    def draw(values: dict[str, Any], monitor: Monitor) -> tuple[Any, float] | str:
        """Pixels and their stretch, or words why there are none; runs in a worker."""
        raise NotImplementedError

    def _drawn(self, drawn: tuple[Any, float] | str) -> None:
        if isinstance(drawn, str):
            self.picture.say(drawn)
        else:
            self.picture.show_pixels(*drawn)

    def _not_drawn(self, error: Exception) -> None:
        if not isinstance(error, NmcError):
            raise error
        self.picture.say("There is no picture of these files.")

    @Slot()
    def _check(self) -> None:
        super()._check()
        preflight: Preflight = self.controller.preflight(self.key)
        wrong = [problem.field for problem in preflight.problems]
        if wrong == [self.spacing_field] and not self.form.isAncestorOf(self.focusWidget() or self.form):
            self.form.focus(self.spacing_field)
