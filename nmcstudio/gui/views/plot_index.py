"""Contents of the plots that stand in the middle of the window: title and sentence of each, a click goes there."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from nmcstudio.gui.views.contents import Plot


class PlotIndex(QTreeWidget):
    """One row a plot; ``chosen`` carries the key of the one that is to be seen."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setColumnCount(2)
        self.setHeaderLabels(["Plot", "What it says"])
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAllColumnsShowFocus(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setAccessibleName("Contents of the plots above")
        self.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self.header().setStretchLastSection(True)
        self.currentItemChanged.connect(self._go)
        self.itemClicked.connect(self._go)

    def set_plots(self, plots: tuple[Plot, ...]) -> None:
        """List these plots."""
        self.blockSignals(True)
        self.clear()
        bold = QFont(self.font())
        bold.setBold(True)
        for plot in plots:
            item = QTreeWidgetItem([plot.title, plot.caption.split("\n")[0]])
            item.setData(0, Qt.ItemDataRole.UserRole, plot.key)
            item.setFont(0, bold)
            for column in (0, 1):
                item.setToolTip(
                    column,
                    f"{plot.caption}\n\nClick to see this plot above." if plot.caption else "Click to see this plot above.",
                )
            self.addTopLevelItem(item)
        self.blockSignals(False)

    @Slot(QTreeWidgetItem)
    def _go(self, item: QTreeWidgetItem | None) -> None:
        if item is not None:
            self.chosen.emit(item.data(0, Qt.ItemDataRole.UserRole))
