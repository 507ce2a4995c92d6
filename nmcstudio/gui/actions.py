"""Everything the menus, the toolbar and the keyboard can do, in one table."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence

from nmcstudio.gui.icons import icon
from nmcstudio.gui.theme import Theme


@dataclass(frozen=True)
class Entry:
    """One action: name in code, words, keys, icon, menu, what it does in a sentence."""

    name: str
    title: str
    menu: str
    keys: tuple[str, ...] = ()
    icon: str = ""
    tip: str = ""
    group: str = ""


ENTRIES = (
    Entry("new", "New", "File", ("Ctrl+N",), "new", "Start with an empty project"),
    Entry("open", "Open…", "File", ("Ctrl+O",), "open", "Open a project"),
    Entry("save", "Save", "File", ("Ctrl+S",), "save", "Save the project"),
    Entry("save_as", "Save as…", "File", ("Ctrl+Shift+S",), "", "Save the project under another name"),
    Entry("sample", "Open the sample session", "File", (), "sample", "Run the bundled simulated sample"),
    Entry("quit", "Quit", "File", ("Ctrl+Q",), "", "Close the window"),
    Entry("undo", "Undo", "Edit", ("Ctrl+Z",), "undo", "Undo what was done last"),
    Entry("redo", "Redo", "Edit", ("Ctrl+Shift+Z", "Ctrl+Y"), "redo", "Do again what was undone last"),
    Entry("preferences", "Preferences", "Edit", ("Ctrl+,",), "", "Theme and autosave"),
    Entry("run", "Run", "Run", ("Ctrl+R",), "run", "Run the step whose panel is open"),
    Entry("finish", "Finish now", "Run", ("Ctrl+Return",), "finish", "End the running job soon and keep its best result so far"),
    Entry("cancel", "Cancel", "Run", ("Ctrl+.",), "cancel", "Stop the running job; nothing is changed"),
    Entry("slices", "Slices", "View", ("Ctrl+1",), "slices", "Three linked slices", "layout"),
    Entry("3d", "3D", "View", ("Ctrl+2",), "cube", "The 3D view alone", "layout"),
    Entry("both", "Both", "View", ("Ctrl+3",), "both", "Slices and 3D", "layout"),
    Entry("compare", "Compare", "View", ("Ctrl+4",), "compare", "Two results side by side with one camera", "layout"),
    Entry("screenshot", "Screenshot", "View", ("Ctrl+P",), "camera", "Picture of the views into a file and the clipboard"),
    Entry("reset_docks", "Put docks back", "View", (), "", "The arrangement of docks that a new window has"),
    Entry("manual", "Manual page of this step", "Help", ("F1",), "help", "The manual's page of the step whose panel is open"),
    Entry("keys", "Keys", "Help", ("Ctrl+/",), "", "All keys of the window"),
    Entry("recovery", "Open an autosave…", "Help", (), "", "Projects in the recovery folder"),
    Entry("about", "About nmcstudio", "Help", (), "", "Version and licence"),
)

# Keys that belong to a view or to the workflow and are listed on the page of keys beside the actions.
OTHER_KEYS = (
    ("1 to 9", "Nodes of the workflow, from the top"),
    ("Space", "Overlay on and off"),
    ("F", "Fit the view"),
    ("M, X, Del, Esc", "Label tools: merge, split (Return carries it out), delete, pick"),
    ("B, E, H", "Label tools: brush, eraser, fill"),
    ("[ and ]", "Smaller or larger brush"),
    ("Wheel, Ctrl+wheel, drag", "Through the slices, zoom, pan"),
    ("Double click", "One view as large as all, and back"),
)


class Actions(QObject):
    """The actions of one window, by name."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._made: dict[str, QAction] = {}
        self.layouts = QActionGroup(self)
        for entry in ENTRIES:
            action = QAction(entry.title, parent)
            action.setShortcuts([QKeySequence(keys) for keys in entry.keys])
            action.setObjectName(entry.name)
            keys = f" ({action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)})" if entry.keys else ""
            action.setToolTip(entry.tip + keys)
            action.setStatusTip(entry.tip)
            if entry.group == "layout":
                action.setCheckable(True)
                self.layouts.addAction(action)
            if entry.name == "quit":
                action.setMenuRole(QAction.MenuRole.QuitRole)
            self._made[entry.name] = action

    def __getitem__(self, name: str) -> QAction:
        return self._made[name]

    def of_menu(self, menu: str) -> list[QAction]:
        """Actions of one menu in the order of the table."""
        return [self._made[entry.name] for entry in ENTRIES if entry.menu == menu]

    def paint(self, theme: Theme) -> None:
        """Icons in the theme's colours."""
        for entry in ENTRIES:
            if entry.icon:
                faded = theme.border
                self._made[entry.name].setIcon(icon(entry.icon, theme.text, faded))
