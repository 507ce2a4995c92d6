"""Preferences: theme and autosave, in a small window of their own."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QComboBox, QFormLayout, QSpinBox, QWidget

from nmcstudio.gui.controller import Controller
from nmcstudio.gui.documents import Documents
from nmcstudio.gui.settings import settings
from nmcstudio.gui.theme import CHOICES


class PreferencesWindow(QWidget):
    """Takes effect at once; there is no OK."""

    def __init__(self, controller: Controller, documents: Documents, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window | Qt.WindowType.Dialog)
        self.setWindowTitle("Preferences")
        self._controller = controller
        self._documents = documents
        self.theme = QComboBox()
        self.theme.addItems(["as the system", "light", "dark"])
        self.theme.setCurrentIndex(CHOICES.index(controller.theme_choice))
        self.theme.activated.connect(self._theme_chosen)
        self.autosave = QSpinBox()
        self.autosave.setRange(0, 3600)
        self.autosave.setSuffix(" s")
        self.autosave.setSpecialValueText("never")
        self.autosave.setValue(int(settings().value("autosave_seconds", 60)))
        self.autosave.valueChanged.connect(self._documents.set_autosave)
        form = QFormLayout(self)
        form.setContentsMargins(16, 16, 16, 16)
        form.setSpacing(8)
        form.addRow("Theme", self.theme)
        form.addRow("Autosave every", self.autosave)
        self.setMinimumWidth(320)

    @Slot(int)
    def _theme_chosen(self, index: int) -> None:
        settings().setValue("theme", CHOICES[index])
        self._controller.set_theme(CHOICES[index])
