"""The large window of an import: pictures of what the files hold, and the parameters beside them."""

from __future__ import annotations

from typing import Any, Self

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QApplication, QDialog, QHBoxLayout, QSplitter, QWidget

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.background import Background
from nmcstudio.gui.controller import Controller
from nmcstudio.gui.widgets.number_box import as_sentence

LOOK_MS = 150


class ImportWindow(QDialog):
    """Stands beside the main window, not before it; closes when the import is done.

    A derived window says what it shows of the header of the files. That is read in a worker, when a parameter that it depends
    on has changed.
    """

    key = ""
    title = ""
    widths = (780, 400)  # of the pictures and of the parameters

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.controller = controller
        self.setWindowTitle(self.title)
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(sum(self.widths), 800)
        self._background = Background(self)
        self._looked_at: Any = None
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(self.make_views())
        split.addWidget(self.make_side())
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 0)
        split.setSizes(list(self.widths))
        split.setChildrenCollapsible(False)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 12, 4, 4)
        layout.addWidget(split)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(LOOK_MS)
        self._later.timeout.connect(self._look)
        controller.params_changed.connect(self._params_changed)
        controller.project_replaced.connect(self.close)
        controller.committed.connect(self._committed)
        controller.theme_changed.connect(self._paint)
        self._paint()
        self._look()

    @classmethod
    def open(cls, controller: Controller, parent: QWidget | None = None) -> Self:
        """Open the window, or bring it to the front where it is open."""
        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, cls) and widget.isVisible() and widget.controller is controller:
                widget.raise_()
                widget.activateWindow()
                return widget
        made = cls(controller, parent)
        made.show()
        return made

    # What derived windows fill in

    def make_views(self) -> QWidget:
        """The left side."""
        raise NotImplementedError

    def make_side(self) -> QWidget:
        """The right side."""
        raise NotImplementedError

    def paint_views(self) -> None:
        """Take the colours of the theme."""

    def header_values(self, values: dict[str, Any]) -> Any:
        """The parameters that change what the header says."""
        raise NotImplementedError

    @staticmethod
    def read_header(values: dict[str, Any], monitor: Monitor) -> Any:
        """What the files say of themselves; runs in a worker.

        Raises
        ------
        NmcError
            If they cannot be read.
        """
        raise NotImplementedError

    def show_header(self, header: Any, values: dict[str, Any]) -> None:
        """Show what was read, for the parameters that it was read with."""
        raise NotImplementedError

    def show_values(self, values: dict[str, Any]) -> None:
        """Follow the parameters that the header does not depend on."""
        raise NotImplementedError

    def show_nothing(self, words: str) -> None:
        """Say why there is no header."""
        raise NotImplementedError

    # Following the parameters

    @Slot()
    def _paint(self) -> None:
        self.paint_views()

    @Slot(str)
    def _params_changed(self, key: str) -> None:
        if key == self.key:
            self._later.start()

    @Slot()
    def _look(self) -> None:
        values = self.controller.params(self.key)
        wanted = self.header_values(values)
        if not values.get("files"):
            self._looked_at = None
            self.show_nothing("No file is chosen.")
        elif wanted != self._looked_at:
            self._looked_at = wanted
            self._background.ask("look", lambda monitor: (self.read_header(values, monitor), values), self._looked, self._lost)
        else:
            self.show_values(values)

    def _looked(self, found: tuple[Any, dict[str, Any]]) -> None:
        self.show_header(*found)

    def _lost(self, error: Exception) -> None:
        self.show_nothing(in_words(error))

    # The end

    @Slot(str, object)
    def _committed(self, key: str, outcome: Any) -> None:
        if key == self.key:
            self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        self._background.close()
        super().closeEvent(event)

    def done(self, result: int) -> None:
        # Escape ends the window without a close event, and a thread that outlives it ends the program.
        self._background.close()
        super().done(result)


def in_words(error: Exception) -> str:
    """What an error of a reader says and what to do about it; anything else is a fault of the program and is raised."""
    if not isinstance(error, NmcError):
        raise error
    return as_sentence(f"{error.message}: {error.hint}.")
