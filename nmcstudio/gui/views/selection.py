"""What is chosen, hovered and hidden, and which label tool is held: shared by slices, 3D, table and tool row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QObject, Signal

# Objects of these nodes are one and the same: a radius function is a particle's, a fitted cell a grain's.
SUBJECTS = {"particles": "particles", "radii": "particles", "grains": "grains", "tessellation": "grains"}
TOOLS = ("pick", "merge", "split", "delete", "brush", "eraser", "fill")
# Tools that do something to the background too.
_ANYWHERE = ("fill",)


class Selection(QObject):
    """The chosen objects of a window; `of` gives the one that all its views share.

    Attributes
    ----------
    subject
        Whose labels the ids are: "particles", "grains", "particle" (grains of the virtual particle), "components".
    ids
        Chosen labels, in the order of choice.
    hidden
        Labels that 3D does not show.
    tool
        One of `TOOLS`; what a click on a label does.
    brush
        Paints in the slices while its tool is held (`nmcstudio.gui.views.brush.Brush`), or None.

    plane
        Plane of the slice that was clicked last.
    seeds_um
        Points (z, y, x) in um of a split that is being prepared.

    ``acted`` carries the tool that is held, the label that was clicked and the position (z, y, x) in um, or None.
    ``centre_asked`` asks the views to bring an object into their middle.
    """

    changed = Signal()
    subject_changed = Signal(str)
    hovered = Signal(str, int)
    hidden_changed = Signal()
    tool_changed = Signal(str)
    acted = Signal(str, int, object)
    centre_asked = Signal(int)
    seeds_changed = Signal()

    def __init__(self, controller: Any) -> None:
        super().__init__(controller)
        self.subject = ""
        self.ids: tuple[int, ...] = ()
        self.hidden: frozenset[int] = frozenset()
        self.tool = "pick"
        self.brush: Any = None
        self.plane = "xy"
        self.seeds_um: tuple[Any, ...] = ()

    @classmethod
    def of(cls, controller: Any) -> Selection:
        """The one selection of a window."""
        found = controller.findChild(cls)
        return found if found is not None else cls(controller)

    def set_subject(self, subject: str) -> None:
        """Another kind of objects came on view; choices among the old ones end."""
        if subject != self.subject:
            self.subject = subject
            self.hidden = frozenset()
            self.set_tool("pick")
            self.choose(())
            self.hidden_changed.emit()
            self.subject_changed.emit(subject)

    def choose(self, ids: Iterable[int]) -> None:
        chosen = tuple(dict.fromkeys(int(i) for i in ids if int(i) > 0))
        if chosen != self.ids:
            self.ids = chosen
            self.changed.emit()

    def click(self, label: int, adding: bool = False, position_um: Any = None) -> None:
        """A label was clicked in a view (0: nothing there): choose it, or hand it to the tool that is held.

        `adding` (the Shift key) chooses with any tool.
        """
        if self.tool != "pick" and not adding and (label > 0 or self.tool in _ANYWHERE):
            self.acted.emit(self.tool, label, position_um)
            return
        if adding and label > 0:
            self.choose(tuple(i for i in self.ids if i != label) if label in self.ids else (*self.ids, label))
        elif not adding:
            self.choose((label,) if label > 0 else ())

    def hide(self, ids: Iterable[int]) -> None:
        self._set_hidden(self.hidden | frozenset(int(i) for i in ids))

    def isolate(self, ids: Iterable[int], everything: Iterable[int]) -> None:
        self._set_hidden(frozenset(int(i) for i in everything) - frozenset(int(i) for i in ids))

    def show_all(self) -> None:
        self._set_hidden(frozenset())

    def set_seeds(self, seeds_um: Iterable[Any]) -> None:
        """Points of a split, drawn in the slices."""
        self.seeds_um = tuple(seeds_um)
        self.seeds_changed.emit()

    def _set_hidden(self, hidden: frozenset[int]) -> None:
        if hidden != self.hidden:
            self.hidden = hidden
            self.hidden_changed.emit()

    def set_tool(self, tool: str) -> None:
        if tool != self.tool:
            self.tool = tool
            self.tool_changed.emit(tool)
