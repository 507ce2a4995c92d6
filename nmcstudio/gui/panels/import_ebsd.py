"""Import of orientation maps, with the middle section in IPF colours."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton, QVBoxLayout, QWidget

from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.panels.import_panel import ImportPanel
from nmcstudio.gui.panels.map_preview import MapSections, picture_of


class ImportEbsdPanel(ImportPanel):
    words = "The middle section of the chosen files stands here, in IPF colours."
    spacing_field = "slice_spacing_um"

    def build_top(self) -> QWidget:
        self.closer = QPushButton("Look closer and choose the frame …")
        self.closer.setToolTip("Files, what was read, and the map under each reference frame in a large window")
        self.closer.setEnabled(False)
        self.closer.clicked.connect(self.open_dialog)
        top = QWidget()
        column = QVBoxLayout(top)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(super().build_top())
        column.addWidget(self.closer, 0, Qt.AlignmentFlag.AlignLeft)
        return top

    def shown_values(self, values: dict[str, Any]) -> None:
        super().shown_values(values)
        self.closer.setEnabled(bool(values.get("files")))

    def open_dialog(self) -> None:
        """Open the large window, or bring it to the front."""
        from nmcstudio.gui.import_ebsd_dialog import EbsdImportDialog

        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, EbsdImportDialog) and widget.isVisible():
                widget.raise_()
                widget.activateWindow()
                return
        EbsdImportDialog(self.controller, self.window()).show()

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
