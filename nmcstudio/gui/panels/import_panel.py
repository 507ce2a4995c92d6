"""Panels of the imports of images: what the files are, seen before they are read in."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.panels.picture import Picture
from nmcstudio.gui.panels.step_panel import StepPanel
from nmcstudio.gui.widgets.number_box import as_sentence
from nmcstudio.pipeline.step import Preflight


class ImportPanel(StepPanel):
    """Shows one section of the chosen files, and opens a large window. The one question, an unknown spacing, gets the keyboard.

    Attributes
    ----------
    words
        What stands in the place of the picture while no file is chosen.
    spacing_field
        The parameter that may be the one question.
    look_closer
        Title and tooltip of the button that opens the large window.
    """

    words = ""
    spacing_field = "spacing_um"
    tells_notes = False
    look_closer = ("", "")

    def build_top(self) -> QWidget:
        self._pictured: Any = None
        self.picture = Picture(self.words)
        title, tip = self.look_closer
        self.closer = QPushButton(title)
        self.closer.setToolTip(tip)
        self.closer.setEnabled(False)
        self.closer.clicked.connect(self.open_dialog)
        top = QWidget()
        column = QVBoxLayout(top)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.picture)
        column.addWidget(self.closer, 0, Qt.AlignmentFlag.AlignLeft)
        self.notes = QLabel()
        self.notes.setWordWrap(True)
        self.notes.setObjectName("muted")
        column.addWidget(self.notes)
        return top

    @Slot()
    def open_dialog(self) -> None:
        """Open the large window, or bring it to the front."""
        raise NotImplementedError

    def shown_values(self, values: dict[str, Any]) -> None:
        self.closer.setEnabled(bool(values.get("files")))
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
        raise NotImplementedError

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
        # Beside the picture, not in the foot: there they would leave no room for the fields.
        self.notes.setText("\n".join(map(as_sentence, preflight.notes)))
        self.notes.setVisible(bool(preflight.notes))
        wrong = [problem.field for problem in preflight.problems]
        if wrong == [self.spacing_field] and not self.form.isAncestorOf(self.focusWidget() or self.form):
            self.form.focus(self.spacing_field)
