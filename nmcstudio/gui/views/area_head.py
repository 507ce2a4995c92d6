"""The line above the views: what is on view, a note on it, a choice among several values, and the buttons."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QToolButton, QWidget

from nmcstudio.gui.views.contents import Content
from nmcstudio.gui.widgets.elided import ElidedLabel


class AreaHead(QWidget):
    """Title, note, choice and buttons.

    ``chosen`` carries the number of a value; ``layers_shown`` says whether the list of layers is wanted; ``tools_wanted`` whether
    the tools for labels are, which are offered only where there is something to edit.
    """

    chosen = Signal(int)
    layers_shown = Signal(bool)
    tools_wanted = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = QLabel("", self)
        font = self._title.font()
        font.setBold(True)
        self._title.setFont(font)
        self._note = ElidedLabel("", self)
        self._note.setObjectName("muted")
        self._choices = QComboBox(self)
        self._choices.setToolTip("Which particle of the set is on view")
        self._choices.activated.connect(self.chosen)
        self._choices.hide()
        self._editable = False
        self._by_hand = False
        self._layers = QToolButton(self)
        self._layers.setText("Layers")
        self._layers.setCheckable(True)
        self._layers.setChecked(True)
        self._layers.setToolTip("Show or hide the list of layers")
        self._layers.toggled.connect(self.layers_shown)
        self._layers.clicked.connect(self._layers_chosen)
        self.edit_button = QToolButton(self)
        self.edit_button.setText("Edit labels")
        self.edit_button.setCheckable(True)
        self.edit_button.setObjectName("choice")
        self.edit_button.setToolTip("Show or hide the tools that correct particles and grains by hand")
        self.edit_button.hide()
        self.edit_button.toggled.connect(self._offer_tools)
        self._row = row = QHBoxLayout(self)
        # As high without its buttons as with them: the views below stay where they are from node to node.
        row.addStrut(max(self._choices.sizeHint().height(), self._layers.sizeHint().height()))
        row.setContentsMargins(8, 4, 4, 4)
        row.setSpacing(12)
        row.addWidget(self._title)
        row.addWidget(self._note, 1)
        row.addWidget(self._choices)
        row.addWidget(self.edit_button)
        row.addWidget(self._layers)

    # Words

    def show_words(self, title: str, note: str) -> None:
        """What is on view, and a sentence about it."""
        self._title.setText(title)
        self._note.set_full_text(note)

    def show_note(self, note: str) -> None:
        """Another sentence."""
        self._note.set_full_text(note)

    def add_hint(self, words: QWidget) -> None:
        """Give words that tell what a click will do their place beside the title."""
        self._row.insertWidget(self._row.indexOf(self._note), words, 3)

    # Choices

    def set_choices(self, content: Content) -> None:
        """Offer the values of a content."""
        self._choices.clear()
        self._choices.addItems(content.choices)
        self._choices.setCurrentIndex(content.choice)

    def show_choices(self, shown: bool) -> None:
        """Show the choice where there are several values."""
        self._choices.setVisible(shown and self._choices.count() > 1)

    # Layers

    @property
    def wants_layers(self) -> bool:
        """Whether the list of layers is to be seen."""
        return self._layers.isChecked()

    def enable_layers(self, enabled: bool) -> None:
        """Layers can be listed where there are any."""
        self._layers.setEnabled(enabled)

    def show_layers_button(self, shown: bool) -> None:
        """The button stands where it does something."""
        self._layers.setVisible(shown)

    @Slot()
    def _layers_chosen(self) -> None:
        self._by_hand = True

    def suggest_layers(self, shown: bool) -> None:
        """Show or hide the list as the room asks for it, unless somebody has chosen."""
        if not self._by_hand:
            self._layers.setChecked(shown)

    def layers_by_hand(self) -> bool | None:
        """What somebody has chosen, or None."""
        return self._layers.isChecked() if self._by_hand else None

    def restore_layers(self, shown: bool | None) -> None:
        """Come back to what somebody had chosen."""
        if shown is not None:
            self._by_hand = True
            self._layers.setChecked(bool(shown))

    # Tools

    def let_edit(self, editable: bool) -> None:
        """Offer the tools only where there is something to edit; whether they are wanted there is remembered."""
        self._editable = editable
        self.edit_button.setVisible(editable)
        self._offer_tools()

    @Slot()
    def _offer_tools(self) -> None:
        self.tools_wanted.emit(self._editable and self.edit_button.isChecked())
