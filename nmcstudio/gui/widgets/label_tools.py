"""The tool row for labels: every act is a run of edit-labels on the labels on view, and Ctrl+Z takes it back."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QHideEvent, QIcon, QKeySequence, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from nmcstudio.gui.icons import icon, pixmap
from nmcstudio.gui.label_editing import EDITABLE, LabelEditing
from nmcstudio.gui.views.brush import Brush
from nmcstudio.gui.views.contents import Content
from nmcstudio.gui.views.selection import TOOLS, Selection
from nmcstudio.gui.views.store import ContentStore
from nmcstudio.gui.widgets.brush_options import BrushOptions
from nmcstudio.gui.widgets.elided import ElidedLabel
from nmcstudio.gui.widgets.number_box import as_sentence
from nmcstudio.gui.widgets.split_options import SplitOptions

_TIPS = {
    "pick": "Pick: click chooses an object, Shift+click adds one (Esc)",
    "merge": "Merge: joins the chosen objects, or holds the tool so that a click joins (M)",
    "split": "Split: click a point in each piece and press Return, or cut at the necks with the slider (X)",
    "delete": "Delete: removes the chosen objects, or holds the tool so that a click removes (Del)",
    "brush": "Brush: paints the chosen object, or the one on which the stroke begins; [ and ] change its size (B)",
    "eraser": "Eraser: paints background (E)",
    "fill": "Fill: click an object to close its holes, or background inside a closed contour (H)",
}
_KEYS = {
    "merge": Qt.Key.Key_M, "split": Qt.Key.Key_X, "delete": Qt.Key.Key_Delete, "pick": Qt.Key.Key_Escape,
    "brush": Qt.Key.Key_B, "eraser": Qt.Key.Key_E, "fill": Qt.Key.Key_H,
}  # fmt: skip


# Below this width the tools show their icons alone.
_ROOMY = 1060


class LabelToolRow(QWidget):
    """Tools that a click in slices or 3D uses, and what belongs to the one that is held.

    `words` says what the next click will do; it stands where the page has room for it. ``asked`` says that a key has called
    for a tool: the row is then to be seen.
    """

    asked = Signal()

    def __init__(self, controller: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._selection = Selection.of(controller)
        self._store = ContentStore.of(controller)
        self.editing = LabelEditing.of(controller)
        self.brush = Brush(self._selection, self.editing)
        self._selection.brush = self.brush
        self._hovered = 0
        self._refused = ""
        self.buttons: dict[str, QToolButton] = {}
        group = QButtonGroup(self)
        row = QHBoxLayout()
        row.setContentsMargins(8, 4, 8, 0)
        row.setSpacing(4)
        for tool in TOOLS:
            button = QToolButton(self)
            button.setText(tool.capitalize())
            button.setCheckable(True)
            button.setObjectName("choice")
            button.setToolTip(_TIPS[tool])
            button.setAccessibleName(tool.capitalize())
            group.addButton(button)
            row.addWidget(button)
            self.buttons[tool] = button
        self.buttons["pick"].setChecked(True)
        self.split_options = SplitOptions(self.editing, self._selection, self._store, self)
        self.brush_options = BrushOptions(self.brush, self._selection, self)
        self.words = ElidedLabel("", self)
        self.words.setObjectName("muted")
        self.words.hide()
        self._options = QStackedWidget(self)
        self._nothing = QWidget(self)
        for page in (self._nothing, self.split_options, self.brush_options):
            self._options.addWidget(page)
        row.addSpacing(8)
        row.addWidget(self._options)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        self._paint()
        self._tools = {
            "pick": self.pick, "merge": self.merge, "split": self.split, "delete": self.delete,
            "brush": self.paint, "eraser": self.erase, "fill": self.fill,
        }  # fmt: skip
        for tool in TOOLS:
            self.buttons[tool].clicked.connect(self._tools[tool])
        self._connect()
        self._tool_changed(self._selection.tool)
        self._shown(self._store.content)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.words.show()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.words.hide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wide = self.width() >= _ROOMY
        style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if wide else Qt.ToolButtonStyle.ToolButtonIconOnly
        for button in self.buttons.values():
            button.setToolButtonStyle(style)

    @Slot()
    def _paint(self) -> None:
        theme = self._controller.theme
        for tool, button in self.buttons.items():
            drawn = QIcon(icon(f"tool-{tool}", theme.text, theme.border))
            drawn.addPixmap(pixmap(f"tool-{tool}", theme.accent_text, 32), QIcon.Mode.Normal, QIcon.State.On)
            button.setIcon(drawn)

    def _connect(self) -> None:
        self._controller.theme_changed.connect(self._paint)
        self._selection.acted.connect(self._acted)
        self._selection.hovered.connect(self._hover)
        self._selection.changed.connect(self._changed)
        self._controller.node_changed.connect(self._node_changed)
        self._selection.tool_changed.connect(self._tool_changed)
        self._store.shown.connect(self._shown)
        self.editing.preparing.connect(self._say)
        self.editing.refused.connect(self._refuse)
        self.editing.done.connect(self._done)
        self.brush.said.connect(self._refuse)
        self.brush.changed.connect(self._say)
        self.editing.painted.connect(self._store.touched)
        self.split_options.changed.connect(self._say)

    def add_keys(self, page: QWidget) -> None:
        """Let the keys of the tools work wherever the page of the views has them, the row on view or not."""
        for tool, key in _KEYS.items():
            QShortcut(QKeySequence(key), page).activated.connect(self._tools[tool])
        for key, larger in ((Qt.Key.Key_BracketLeft, False), (Qt.Key.Key_BracketRight, True)):
            QShortcut(QKeySequence(key), page).activated.connect(lambda larger=larger: self.brush.grow(larger))
        for key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            QShortcut(QKeySequence(key), page).activated.connect(self.split_options.split)

    @property
    def node(self) -> str:
        """Node whose labels the tools edit; empty where there is nothing to edit."""
        content = self._store.content
        return content.key if content is not None and content.key in EDITABLE and self._store.showing_node else ""

    @property
    def _noun(self) -> str:
        return self.node.rstrip("s")

    # Tools

    @Slot()
    def pick(self) -> None:
        self.brush.finish(keep=False)
        self.split_options.forget()
        self._selection.set_tool("pick")
        self._tool_changed("pick")

    @Slot()
    def merge(self) -> None:
        """Merge what is chosen; with less than two objects the tool is held for the next click."""
        several = len(self._selection.ids) > 1
        if self.node and several:
            self._merge(self._selection.ids)
        self._hold("pick" if several else "merge")

    @Slot()
    def delete(self) -> None:
        """Delete what is chosen; with nothing chosen the tool is held for the next click."""
        chosen = self._selection.ids
        if self.node and chosen:
            self._delete(chosen)
        self._hold("pick" if chosen else "delete")

    @Slot()
    def split(self) -> None:
        self._hold("split")

    @Slot()
    def paint(self) -> None:
        self._hold("brush")

    @Slot()
    def erase(self) -> None:
        self._hold("eraser")

    @Slot()
    def fill(self) -> None:
        self._hold("fill")

    def _hold(self, tool: str) -> None:
        """Hold a tool; asked for again, it is put down."""
        self.asked.emit()
        self._refused = ""
        held = tool if self.node and self._selection.tool != tool else "pick"
        if held != "pick":
            # So that the first act does not wait for what a worker can do while the mouse is on its way.
            self.editing.prepare(self.node, lambda session: self._say())
        self._selection.set_tool(held)
        self._tool_changed(self._selection.tool)

    # Acts

    def _merge(self, ids: tuple[int, ...]) -> None:
        self.editing.merge(self.node, ids)
        self._selection.choose(ids[:1])

    def _delete(self, ids: tuple[int, ...]) -> None:
        self.editing.delete(self.node, ids)
        self._selection.choose(())

    def _fill(self, label: int, position_um: Any) -> None:
        if label:
            self.editing.act(self.node, {"fill": [label]}, f"Fill holes of {self._noun} {label}")
        elif position_um is not None and len(self._selection.ids) == 1:
            target = self._selection.ids[0]
            z, y, x = (round(float(v), 4) for v in position_um)
            values = {"flood": [[target, x, y, z]], "plane": self._selection.plane}
            self.editing.act(self.node, values, f"Fill a contour with {self._noun} {target}")
        else:
            self._refuse(f"Choose the {self._noun} that is to fill the contour first (Shift+click)")

    @Slot(str, int, object)
    def _acted(self, tool: str, label: int, position_um: Any) -> None:
        """An object was clicked while a tool is held."""
        self._refused = ""
        if not self.node:
            return
        if tool == "delete":
            self._delete((label,))
        elif tool == "fill":
            self._fill(label, position_um)
        elif tool in ("brush", "eraser"):
            self._selection.choose((label,))
        elif tool == "split":
            self.split_options.add_seed(label, position_um)
        elif tool == "merge" and not self._selection.ids:
            self._selection.choose((label,))
        elif tool == "merge" and label not in self._selection.ids:
            self._merge((*self._selection.ids, label))
        self._say()

    # Words

    @Slot(str, int)
    def _hover(self, subject: str, label: int) -> None:
        if label != self._hovered:
            self._hovered = label
            self._say()

    @Slot()
    def _changed(self) -> None:
        self._refused = ""
        self._say()

    @Slot(str)
    def _node_changed(self, node: str) -> None:
        # What could not be done with the labels says nothing of other ones, as after an undo.
        if node == self.node:
            self._changed()

    @Slot(str)
    def _tool_changed(self, tool: str) -> None:
        self.buttons[tool].setChecked(True)
        pages = {
            "split": self.split_options,
            "brush": self.brush_options,
            "eraser": self.brush_options,
        }
        page = pages.get(tool, self._nothing)
        self._options.setCurrentWidget(page)
        self._options.setVisible(page is not self._nothing)
        if page is not self._nothing:
            self._options.setFixedWidth(page.sizeHint().width())
        self.brush_options.refresh()
        self.split_options.show_seeds(tool == "split")
        self._say()

    @Slot(object)
    def _shown(self, content: Content | None) -> None:
        layer = next((each for each in content.layers if each.subject), None) if content is not None and self.node else None
        voxel_um = float(min(layer.spacing_um)) if layer is not None else 1.0
        if self.brush.node != (self.node if layer is not None else ""):
            self.brush.set_grid(self.node if layer is not None else "", voxel_um)
            self.pick()
        for tool in TOOLS:
            self.buttons[tool].setEnabled(bool(self.node) or tool == "pick")
        self.split_options.set_node(self.node)
        self._say()

    @Slot(str)
    def _refuse(self, words: str) -> None:
        self._refused = as_sentence(words)
        self._controller.message.emit(self._refused)
        self._say()

    @Slot(object)
    def _done(self, act: Any) -> None:
        self._refused = ""
        self.split_options.forget()
        self._say()

    @Slot()
    def _say(self) -> None:
        self.words.set_full_text(self._refused or self.next_click())

    def next_click(self) -> str:
        """What a click will do now, in words."""
        ids, tool, under, noun = self._selection.ids, self._selection.tool, self._hovered, self._noun
        if not self.node:
            return "Particles and grains can be edited: choose one of them in the workflow"
        if tool == "merge":
            if not ids:
                return f"Click the {noun} that the others are to join"
            if under and under not in ids:
                return f"Click merges {noun} {under} into {noun} {ids[0]}"
            return f"Click the {noun} that is to join {noun} {ids[0]}; Esc ends"
        if tool == "delete":
            return f"Click deletes {noun} {under}" if under else f"Click the {noun} to delete; Esc ends"
        if tool == "split":
            return self.split_options.next_click(under, noun)
        if tool in ("brush", "eraser"):
            return self.brush_options.next_click(under, noun)
        if tool == "fill":
            if under:
                return f"Click fills the holes of {noun} {under}"
            return f"Click fills the contour here with {noun} {ids[0]}" if ids else f"Click a {noun} to fill its holes; Esc ends"
        if len(ids) > 1:
            return f"{len(ids)} {noun}s chosen: M merges them, Del deletes them"
        if ids:
            return f"{noun.capitalize()} {ids[0]} chosen: Shift+click adds another, Del deletes it, X splits it, B paints it"
        return f"Click chooses a {noun}; Ctrl+Z takes back any act"
