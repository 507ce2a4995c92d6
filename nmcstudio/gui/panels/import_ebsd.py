"""Import of orientation maps, with the middle section in IPF colours."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Slot

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.panels.import_panel import ImportPanel
from nmcstudio.gui.panels.map_preview import MapSections, picture_of
from nmcstudio.gui.panels.step_panel import StepPanel


class LookedAtFirst(StepPanel):
    """Looks at chosen files in a worker before they are checked: the first look at a format loads its reader, which takes
    a second, and a file on a slow disk takes what it takes. What was seen is kept by the readers."""

    _seen: Any = None

    @Slot()
    def _check(self) -> None:
        values = self.controller.params(self.key)
        wanted = [values.get(name) for name in ("files", "scan", "gaps")]
        if not values.get("files") or wanted == self._seen:
            super()._check()
            return

        def look(monitor: Monitor) -> Any:
            from nmcstudio.io.ebsd.registry import probe

            try:
                probe(values["files"], scan=values.get("scan") or None, gaps=values.get("gaps") or "blank")
            except NmcError:
                # The check that follows says it where it belongs.
                return wanted
            return wanted

        self.controller.loader.ask(f"look-{id(self)}", look, self._looked)

    def _looked(self, seen: Any) -> None:
        self._seen = seen
        self._check()


class ImportEbsdPanel(LookedAtFirst, ImportPanel):
    words = "The middle section of the chosen files stands here, in IPF colours."
    spacing_field = "slice_spacing_um"

    look_closer = (
        "Look closer and choose the frame …",
        "Files, what was read, and the map under each reference frame in a large window",
    )

    @Slot()
    def open_dialog(self) -> None:
        from nmcstudio.gui.import_ebsd_dialog import EbsdImportDialog

        EbsdImportDialog.open(self.controller, self.window())

    def what_to_picture(self, values: dict[str, Any]) -> Any:
        return [values.get(name) for name in ("files", "point_group", "frame", "scan", "gaps", "spacing_um")]

    @staticmethod
    def draw(values: dict[str, Any], monitor: Monitor) -> tuple[Any, float] | str:
        from nmcstudio.io.ebsd.registry import probe

        info = probe(values["files"], scan=values.get("scan") or None, gaps=values.get("gaps") or "blank")
        if values.get("point_group") in (None, "auto") and not all(info.point_groups):
            return "The file does not say the crystal's symmetry. Choose the point group below."
        count = len(info.files) if len(info.files) > 1 else info.slices
        section = MapSections().read(info, values, count // 2, monitor)
        frame = values.get("frame") or "auto"
        return picture_of(section, info.frame if frame == "auto" else frame, "IPF z"), section.stretch
