"""The right dock's content: one panel a step, made when it is first shown."""

from __future__ import annotations

from importlib import import_module

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QLabel, QStackedWidget, QWidget

from nmcstudio.gui.controller import Controller
from nmcstudio.gui.panels.step_panel import StepPanel

# Steps whose panel has more to show than a form.
SPECIAL = {
    "import-ct": ("import_ct", "ImportCtPanel"),
    "import-ebsd": ("import_ebsd", "ImportEbsdPanel"),
    "align-ebsd": ("align_ebsd", "AlignEbsdPanel"),
    "segment-ct": ("segment_ct", "SegmentCtPanel"),
    "segment-ebsd": ("segment_ebsd", "SegmentEbsdPanel"),
    "fit-tessellation": ("fit_tessellation", "FitTessellationPanel"),
}


def make_panel(controller: Controller, key: str) -> StepPanel:
    """The panel of a step."""
    if key in SPECIAL:
        module, name = SPECIAL[key]
        made: StepPanel = getattr(import_module(f"nmcstudio.gui.panels.{module}"), name)(controller, key)
        return made
    return StepPanel(controller, key)


class PanelStack(QStackedWidget):
    """Shows the panel of the chosen step."""

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.controller = controller
        self.panels: dict[str, StepPanel] = {}
        nothing = QLabel("Choose a step on the left:\nits parameters stand here.")
        nothing.setObjectName("muted")
        nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        nothing.setMinimumWidth(300)
        self.addWidget(nothing)
        controller.current_step_changed.connect(self.show_panel)
        controller.project_replaced.connect(self._replaced)

    @Slot(str)
    def show_panel(self, key: str) -> None:
        if not key:
            self.setCurrentIndex(0)
            return
        if key not in self.panels:
            self.panels[key] = make_panel(self.controller, key)
            self.addWidget(self.panels[key])
        self.setCurrentWidget(self.panels[key])

    @Slot()
    def _replaced(self) -> None:
        self.show_panel(self.controller.step)

    def current_panel(self) -> StepPanel | None:
        """The panel on view."""
        shown = self.currentWidget()
        return shown if isinstance(shown, StepPanel) else None
