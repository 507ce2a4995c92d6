"""The panel of the tessellation fit: its form, and the grains that agree least while it runs and after."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QLabel, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from nmcstudio.core.grains import Tessellation
from nmcstudio.gui.panels.step_panel import StepPanel
from nmcstudio.gui.views.selection import Selection

_SHOWN = 8
_NOTHING = "Worst grains (while the fit runs and after)"


class WorstGrains(QWidget):
    """The grains with the lowest agreement; a click selects one and brings it into the middle of the slices."""

    def __init__(self, controller: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._selection = Selection.of(controller)
        self.words = QLabel(_NOTHING)
        self.words.setObjectName("muted")
        self.list = QTreeWidget()
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setHeaderLabels(["Grain", "Agreement [%]", "Volume [%]"])
        self.list.setToolTip(
            "Agreement: share of the voxels of a grain that its own cell holds. Volume: of all grains. "
            "A click brings the grain on view."
        )
        # as high as it will ever be: nothing below moves when rows come
        row = self.list.fontMetrics().height() + 6
        self.list.setFixedHeight(row * (_SHOWN + 1) + 12)
        self.list.itemClicked.connect(self._clicked)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.words)
        column.addWidget(self.list)

    def show_shares(self, labels: NDArray[np.int64], shares: NDArray[np.float64], sizes: NDArray[np.float64], words: str) -> None:
        """List the worst of these grains, the largest first among equals; the chosen row stays chosen."""
        order = np.lexsort((-sizes, np.where(np.isfinite(shares), shares, np.inf)))[:_SHOWN]
        rows = [(str(int(labels[i])), f"{100 * shares[i]:.1f}", f"{100 * sizes[i]:.3g}") for i in order if np.isfinite(shares[i])]
        self.words.setText(words)
        while self.list.topLevelItemCount() > len(rows):
            self.list.takeTopLevelItem(len(rows))
        while self.list.topLevelItemCount() < len(rows):
            item = QTreeWidgetItem()
            for column in (1, 2):
                item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight)
            self.list.addTopLevelItem(item)
        chosen = {str(label) for label in self._selection.ids}
        for row, texts in enumerate(rows):
            item = self.list.topLevelItem(row)
            for column, text in enumerate(texts):
                item.setText(column, text)
            item.setSelected(texts[0] in chosen)

    def clear(self) -> None:
        self.list.clear()
        self.words.setText(_NOTHING)

    @Slot(QTreeWidgetItem, int)
    def _clicked(self, item: QTreeWidgetItem, column: int) -> None:
        label = int(item.text(0))
        self._selection.choose((label,))
        self._selection.centre_asked.emit(label)


class FitTessellationPanel(StepPanel):
    """As every step's panel, with the worst grains below the form."""

    def build_bottom(self) -> QWidget:
        self.worst = WorstGrains(self.controller)
        self.controller.partial.connect(self._partial)
        self.controller.node_changed.connect(self._fitted)
        self.controller.project_replaced.connect(self._fitted)
        self._fitted()
        return self.worst

    @Slot(str, object)
    def _partial(self, step: str, partial: Any) -> None:
        if step == self.key and hasattr(partial, "shares"):
            percent = 100 * partial.agreement
            words = f"Worst grains now ({percent:.1f} % of all voxels agree)"
            self.worst.show_shares(partial.labels, partial.shares, partial.sizes, words)

    @Slot()
    def _fitted(self, node: str = "tessellation") -> None:
        if node != "tessellation":
            return
        if "tessellation" not in self.controller.project.keys:
            self.worst.clear()
            return
        # From the file where a project was opened: that must not hold up the window.
        self.controller.load_value_async("tessellation", self._show_fitted)

    def _show_fitted(self, fitted: Tessellation) -> None:
        if fitted.agreements is None or fitted.volumes_um3 is None:
            self.worst.clear()
            return
        sizes = fitted.volumes_um3 / fitted.volumes_um3.sum()
        self.worst.show_shares(fitted.labels, fitted.agreements, sizes, "Worst grains of the fitted tessellation")
