"""The tool row for labels: pick, merge, delete; every act is a run of edit-labels that Ctrl+Z takes back."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QToolButton, QWidget

from nmcstudio.gui.views.contents import Content
from nmcstudio.gui.views.selection import Selection
from nmcstudio.gui.views.store import ContentStore

_TIPS = {
    "pick": "Pick: click chooses an object, Shift+click adds one (Esc)",
    "merge": "Merge: joins the chosen objects, or holds the tool so that a click joins (M)",
    "delete": "Delete: removes the chosen objects, or holds the tool so that a click removes (Del)",
}
_EDITABLE = ("particles", "grains")


class LabelToolRow(QWidget):
    """Tools that a click in slices or 3D uses, and words about what the next click will do."""

    def __init__(self, controller: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._selection = Selection.of(controller)
        self._store = ContentStore.of(controller)
        self._hovered = 0
        self.buttons: dict[str, QToolButton] = {}
        group = QButtonGroup(self)
        group.setExclusive(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 0)
        row.setSpacing(4)
        for tool, tip in _TIPS.items():
            button = QToolButton(self)
            button.setText(tool.capitalize())
            button.setCheckable(True)
            button.setToolTip(tip)
            group.addButton(button)
            row.addWidget(button)
            self.buttons[tool] = button
        self.buttons["pick"].setChecked(True)
        self.buttons["pick"].clicked.connect(self.pick)
        self.buttons["merge"].clicked.connect(self.merge)
        self.buttons["delete"].clicked.connect(self.delete)
        # Its room stays where it is not wanted: the views below must not jump from node to node.
        policy = self.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.setSizePolicy(policy)
        self.words = QLabel("", self)
        self.words.setObjectName("muted")
        row.addSpacing(8)
        row.addWidget(self.words, 1)
        for key, slot in ((Qt.Key.Key_M, self.merge), (Qt.Key.Key_Delete, self.delete), (Qt.Key.Key_Escape, self.pick)):
            QShortcut(QKeySequence(key), self).activated.connect(slot)
        self._selection.acted.connect(self._acted)
        self._selection.hovered.connect(self._hover)
        self._selection.changed.connect(self._say)
        self._selection.tool_changed.connect(self._tool_changed)
        self._store.shown.connect(self._shown)
        self._shown(self._store.content)

    @property
    def node(self) -> str:
        """Node whose labels the tools edit; empty where there is nothing to edit."""
        content = self._store.content
        return content.key if content is not None and content.key in _EDITABLE and self._store.showing_node else ""

    @property
    def _noun(self) -> str:
        return self.node.rstrip("s")

    @Slot()
    def pick(self) -> None:
        self._selection.set_tool("pick")

    @Slot()
    def merge(self) -> None:
        """Merge what is chosen; with less than two objects the tool is held for the next click."""
        if self.node and len(self._selection.ids) > 1:
            self._merge(self._selection.ids)
        self._selection.set_tool(
            "merge" if self.node and self._selection.tool != "merge" and len(self._selection.ids) < 2 else "pick"
        )
        self._tool_changed(self._selection.tool)

    @Slot()
    def delete(self) -> None:
        """Delete what is chosen; with nothing chosen the tool is held for the next click."""
        chosen = self._selection.ids
        if self.node and chosen:
            self._delete(chosen)
        self._selection.set_tool("delete" if self.node and self._selection.tool != "delete" and not chosen else "pick")
        self._tool_changed(self._selection.tool)

    def _merge(self, ids: tuple[int, ...]) -> None:
        title = f"Merge {self._noun}s {', '.join(str(i) for i in ids[:4])}{' …' if len(ids) > 4 else ''}"
        self._controller.run_step("edit-labels", {"on": self.node, "merge": [list(ids)], "delete": []}, title=title)
        self._selection.choose(ids[:1])

    def _delete(self, ids: tuple[int, ...]) -> None:
        title = (
            f"Delete {self._noun}{'s' if len(ids) > 1 else ''} {', '.join(str(i) for i in ids[:4])}{' …' if len(ids) > 4 else ''}"
        )
        self._controller.run_step("edit-labels", {"on": self.node, "merge": [], "delete": list(ids)}, title=title)
        self._selection.choose(())

    @Slot(str, int)
    def _acted(self, tool: str, label: int) -> None:
        """An object was clicked while a tool is held."""
        if not self.node:
            return
        if tool == "delete":
            self._delete((label,))
        elif tool == "merge" and not self._selection.ids:
            self._selection.choose((label,))
        elif tool == "merge" and label not in self._selection.ids:
            self._merge((*self._selection.ids, label))

    @Slot(str, int)
    def _hover(self, subject: str, label: int) -> None:
        if label != self._hovered:
            self._hovered = label
            self._say()

    @Slot(str)
    def _tool_changed(self, tool: str) -> None:
        self.buttons[tool].setChecked(True)
        self._say()

    @Slot(object)
    def _shown(self, content: Content | None) -> None:
        if not self.node:
            self._selection.set_tool("pick")
        for tool in ("merge", "delete"):
            self.buttons[tool].setEnabled(bool(self.node))
        self._say()

    @Slot()
    def _say(self) -> None:
        self.words.setText(self.next_click())

    def next_click(self) -> str:
        """What a click will do now, in words."""
        ids, tool, under, noun = self._selection.ids, self._selection.tool, self._hovered, self._noun
        if not self.node:
            return ""
        if tool == "merge":
            if not ids:
                return f"Click the {noun} that the others are to join"
            if under and under not in ids:
                return f"Click merges {noun} {under} into {noun} {ids[0]}"
            return f"Click the {noun} that is to join {noun} {ids[0]}; Esc ends"
        if tool == "delete":
            return f"Click deletes {noun} {under}" if under else f"Click the {noun} to delete; Esc ends"
        if len(ids) > 1:
            return f"{len(ids)} {noun}s chosen: M merges them, Del deletes them"
        if ids:
            return f"{noun.capitalize()} {ids[0]} chosen: Shift+click adds another, Del deletes it"
        return ""
