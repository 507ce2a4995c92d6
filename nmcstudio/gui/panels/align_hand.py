"""Hand work on single sections: it stands in the step's parameters and belongs to one state of the map."""

from __future__ import annotations

from typing import Any

from nmcstudio.gui.controller import Controller
from nmcstudio.gui.panels.align_live import LiveAlignment

# Parameters that hold it.
NAMES = ("nudges", "leave_out")


class HandWork:
    """Undoable edits of what is moved and left out by hand; sections are counted from 0.

    It goes when the map changes, because it is done then, and comes back with undo.
    """

    def __init__(self, controller: Controller, live: LiveAlignment) -> None:
        self._controller, self._live = controller, live
        self._gesture = 0
        self.forget()

    def forget(self) -> None:
        """Begin with another project."""
        self._of = self._map_digest()
        self._held: dict[str, dict[str, Any]] = {}

    def _map_digest(self) -> str:
        project = self._controller.project
        return project.record("ebsd").digest if "ebsd" in project.keys else ""

    def change_map(self) -> None:
        """Put the hand work on the map as it was before aside, and bring that on the map as it is now."""
        digest = self._map_digest()
        if digest == self._of:
            return
        project, key = self._controller.project, self._live.key
        params = project.params(key)
        self._held[self._of] = {name: params[name] for name in NAMES if params.get(name)}
        self._of = digest
        wanted = {name: value for name, value in params.items() if name not in NAMES} | self._held.get(digest, {})
        if wanted != params:
            # Not an edit of its own in the history: it comes and goes with the map.
            project.set_params(key, wanted)

    def end_gesture(self) -> None:
        """What is done next is another act of the history."""
        self._gesture += 1

    def nudge_to(self, section: int, down_um: float, right_um: float) -> None:
        """Move a section by so much in all. Steps that follow each other are one act of the history."""
        nudges = {**self._live.nudges, section: (down_um, right_um)}
        told = [[k + 1, round(down, 6), round(right, 6)] for k, (down, right) in sorted(nudges.items()) if down or right]
        self._controller.edit_params(self._live.key, {"nudges": told}, f"nudge-{id(self)}-{self._gesture}")

    def step(self, section: int, down: int, right: int) -> None:
        """Move a section by voxels more."""
        before = self._live.nudges.get(section, (0.0, 0.0))
        _, dy, dx = self._live.stack.spacing_um
        self.nudge_to(section, before[0] + down * dy, before[1] + right * dx)

    def leave_out(self, section: int, out: bool) -> None:
        """Leave a section out, or use it again."""
        self.end_gesture()
        left_out = set(self._live.left_out) - {section} | ({section} if out else set())
        self._controller.edit_params(self._live.key, {"leave_out": sorted(k + 1 for k in left_out)})

    def take_back(self, section: int) -> None:
        """Take back all that was done to a section."""
        self.end_gesture()
        nudges = [[k + 1, down, right] for k, (down, right) in sorted(self._live.nudges.items()) if k != section]
        out = [k + 1 for k in self._live.left_out if k != section]
        self._controller.edit_params(self._live.key, {"nudges": nudges, "leave_out": out})
