"""The table of objects: sorted, filtered, linked with the selection of the views, written as CSV."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    Slot,
)
from PySide6.QtGui import QColor, QPixmap
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QLineEdit, QTableView, QToolButton, QVBoxLayout, QWidget

from nmcstudio.core.errors import NmcError
from nmcstudio.gui.label_editing import EDITABLE, LabelEditing
from nmcstudio.gui.views.colours import label_colours
from nmcstudio.gui.views.contents import Content, Table
from nmcstudio.gui.views.row_filter import parse_filter
from nmcstudio.gui.views.selection import Selection
from nmcstudio.gui.views.store import ContentStore
from nmcstudio.io.tables.descriptors import write_descriptors

_HINT = "Filter: words, or conditions such as  diameter > 5 and not touches border or flagged"
_EMPTY = "The objects of the node on view will stand here, one a row."
_MEASURED_ROWS = 60
_SWATCH = 10  # pixels of the mark of an object's colour
# The first columns of descriptors.csv; what else there is stands behind them.
DESCRIPTORS = (
    "label", "volume_um3", "diameter_um", "surface_um2", "sphericity", "neighbours", "touches_border", "x_um", "y_um", "z_um",
    "voxels", "axis_a_um", "axis_b_um", "axis_c_um", "aspect_ratio", "background_share",
)  # fmt: skip
_Index = QModelIndex | QPersistentModelIndex


class ObjectModel(QAbstractTableModel):
    """A `Table` for Qt; the first column is the id."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.table: Table | None = None
        self._rows: dict[int, int] = {}

    def set_table(self, table: Table | None) -> None:
        self.beginResetModel()
        self.table = table
        self._rows = {int(label): row for row, label in enumerate(table.ids)} if table is not None else {}
        self.endResetModel()

    def row_of(self, label: int) -> int:
        """Row of an object, -1 if it is not there."""
        return self._rows.get(label, -1)

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 (Qt's own default)
        return len(self.table.ids) if self.table is not None and not parent.isValid() else 0

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return len(self.table.columns) + 1 if self.table is not None and not parent.isValid() else 0

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or self.table is None:
            return None
        if role == Qt.ItemDataRole.ToolTipRole and section > 0:
            return self.table.columns[section - 1].tip or None
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if section == 0:
            return "Id"
        column = self.table.columns[section - 1]
        return f"{column.title} [{column.unit}]" if column.unit else column.title

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if self.table is None or not index.isValid():
            return None
        row, column = index.row(), index.column()
        if column == 0:
            if role == Qt.ItemDataRole.DecorationRole and self.table.subject:
                return _swatch(int(self.table.ids[row]))
            value: Any = int(self.table.ids[row])
        else:
            value = self.table.columns[column - 1].values[row]
        if role == Qt.ItemDataRole.DisplayRole:
            return text_of(value)
        if role == Qt.ItemDataRole.UserRole:
            return value.item() if hasattr(value, "item") else value
        if role == Qt.ItemDataRole.TextAlignmentRole and not isinstance(value, (str, np.bool_, bool)):
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None


_SWATCHES: dict[int, QPixmap] = {}


def _swatch(label: int) -> QPixmap:
    if label not in _SWATCHES:
        picture = QPixmap(_SWATCH, _SWATCH)
        picture.fill(QColor(*(int(v) for v in label_colours(np.array([label]))[0, :3])))
        _SWATCHES[label] = picture
    return _SWATCHES[label]


def text_of(value: Any) -> str:
    """A cell in words: yes and no, four significant digits, a dash for what is missing."""
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)):
        return f"{value}"
    if isinstance(value, (float, np.floating)):
        return f"{value:.4g}" if np.isfinite(value) else "–"
    return str(value)


class _Proxy(QSortFilterProxyModel):
    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._keep: np.ndarray | None = None

    def set_keep(self, keep: np.ndarray | None) -> None:
        self.beginFilterChange()
        self._keep = keep
        self.endFilterChange()

    def filterAcceptsRow(self, row: int, parent: _Index) -> bool:
        return self._keep is None or row >= len(self._keep) or bool(self._keep[row])

    def lessThan(self, left: _Index, right: _Index) -> bool:
        a, b = left.data(Qt.ItemDataRole.UserRole), right.data(Qt.ItemDataRole.UserRole)
        if isinstance(a, float) and isinstance(b, float) and (a != a or b != b):
            return b != b and a == a
        return a < b


class TablePanel(QWidget):
    """The dock: objects of the node on view."""

    def __init__(self, controller: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._selection = Selection.of(controller)
        self._store = ContentStore.of(controller)
        self._editing = LabelEditing.of(controller)
        self._following = False
        self._shown_key = ""
        self.model = ObjectModel(self)
        self.proxy = _Proxy(self)
        self.proxy.setSourceModel(self.model)
        self.filter = QLineEdit(self)
        self.filter.setPlaceholderText(_HINT)
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(self._filter)
        self._count = QLabel("", self)
        self._count.setObjectName("muted")
        export = QToolButton(self)
        export.setText("CSV")
        export.setToolTip("Save the rows on view as CSV")
        export.clicked.connect(self.export)
        self.merge = QToolButton(self)
        self.merge.setText("Merge")
        self.merge.setToolTip("Make one object of the chosen rows; it keeps the label of the first one chosen")
        self.merge.clicked.connect(self._merge)
        self.delete = QToolButton(self)
        self.delete.setText("Delete")
        self.delete.setToolTip("Make background of the chosen rows; Ctrl+Z takes it back")
        self.delete.clicked.connect(self._delete)
        row = QHBoxLayout()
        row.setContentsMargins(8, 4, 8, 0)
        row.setSpacing(8)
        row.addWidget(self.filter, 1)
        row.addWidget(self._count)
        row.addWidget(self.merge)
        row.addWidget(self.delete)
        row.addWidget(export)
        self.view = QTableView(self)
        self.view.setModel(self.proxy)
        self.view.setSortingEnabled(True)
        self.view.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.view.setSelectionMode(QTableView.SelectionMode.ExtendedSelection)
        self.view.setAlternatingRowColors(True)
        self.view.setShowGrid(False)
        self.view.verticalHeader().hide()
        self.view.horizontalHeader().setHighlightSections(False)
        self.view.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        self.view.selectionModel().selectionChanged.connect(self._rows_chosen)
        self._empty = QLabel(_EMPTY, self)
        self._empty.setObjectName("muted")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.view, 1)
        column.addWidget(self._empty, 1)
        self._store.shown.connect(self._shown)
        self._selection.changed.connect(self._follow)
        self._shown(self._store.content)

    @Slot(object)
    def _shown(self, content: Content | None) -> None:
        if content is not None and content.is_waiting and content.key == self._shown_key:
            return
        table = content.table if content is not None else None
        key = content.key if content is not None else ""
        if key != self._shown_key:
            self.filter.clear()
            self.proxy.sort(-1)
            self.view.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
            self._shown_key = key
        self._following = True
        place = self.view.verticalScrollBar().value()
        known = [column.title for column in self.model.table.columns] if self.model.table is not None else []
        self.model.set_table(table)
        self._following = False
        self.view.setVisible(table is not None)
        self._empty.setVisible(table is None)
        self._empty.setText("Describing the objects …" if content is not None and content.is_waiting else _EMPTY)
        self._filter(self.filter.text())
        if table is not None and known != [column.title for column in table.columns]:
            self._fit_columns(table)
        editable = key in EDITABLE and table is not None
        self.merge.setVisible(editable)
        self.delete.setVisible(editable)
        self._follow(into_sight=False)
        self.view.verticalScrollBar().setValue(place)

    def _fit_columns(self, table: Table) -> None:
        """Widths for the words of the first rows; Qt would ask the model for every role of every cell."""
        header, metrics = self.view.horizontalHeader(), self.view.fontMetrics()
        for section, values in enumerate([table.ids, *(column.values for column in table.columns)]):
            longest = max((metrics.horizontalAdvance(text_of(value)) for value in values[:_MEASURED_ROWS]), default=0)
            mark = _SWATCH + 6 if section == 0 else 0
            header.resizeSection(section, max(longest + mark + 12, header.sectionSizeHint(section)))

    @Slot(str)
    def _filter(self, text: str) -> None:
        table = self.model.table
        self.filter.setStyleSheet("")
        self.filter.setToolTip(_HINT)
        if table is None:
            self._count.setText("")
            return
        try:
            keep = parse_filter(text, table)
        except NmcError as error:
            self.filter.setStyleSheet(f"QLineEdit {{ border: 1px solid {self._controller.theme.failed}; }}")
            self.filter.setToolTip(str(error))
            return
        self.proxy.set_keep(keep)
        shown = len(table.ids) if keep is None else int(keep.sum())
        self._count.setText(f"{shown} of {len(table.ids)} {table.noun}" if keep is not None else f"{shown} {table.noun}")

    @Slot()
    def _rows_chosen(self) -> None:
        table = self.model.table
        if self._following or table is None or not table.subject:
            return
        rows = [self.proxy.mapToSource(index).row() for index in self.view.selectionModel().selectedRows()]
        self._following = True
        before = self._selection.ids
        self._selection.choose(int(table.ids[row]) for row in rows)
        if rows and self._selection.ids != before:
            current = self.proxy.mapToSource(self.view.currentIndex()).row()
            self._selection.centre_asked.emit(int(table.ids[current if current in rows else rows[-1]]))
        self._following = False
        self._offer()

    def _offer(self) -> None:
        """Merge and delete are there for what is chosen."""
        self.merge.setEnabled(len(self._selection.ids) > 1)
        self.delete.setEnabled(bool(self._selection.ids))

    @Slot()
    def _merge(self) -> None:
        ids = self._selection.ids
        self._editing.merge(self._shown_key, ids)
        self._selection.choose(ids[:1])

    @Slot()
    def _delete(self) -> None:
        self._editing.delete(self._shown_key, self._selection.ids)
        self._selection.choose(())

    @Slot()
    def _follow(self, into_sight: bool = True) -> None:
        """Select the rows of what was chosen in a view, and bring the last one into sight."""
        table = self.model.table
        self._offer()
        if self._following or table is None or table.subject != self._selection.subject:
            return
        chosen, last = QItemSelection(), None
        for label in self._selection.ids:
            row = self.model.row_of(label)
            if row >= 0:
                index = self.proxy.mapFromSource(self.model.index(row, 0))
                if index.isValid():
                    chosen.select(index, index)
                    last = index
        flags = QItemSelectionModel.SelectionFlag
        self._following = True
        self.view.selectionModel().select(chosen, flags.ClearAndSelect | flags.Rows)
        self._following = False
        if last is not None and into_sight:
            self.view.scrollTo(last)

    @Slot()
    def export(self) -> None:
        """Ask for a file and write the rows on view there."""
        if self.model.table is None:
            return
        name, _ = QFileDialog.getSaveFileName(self, "Save the table", f"{self._shown_key}.csv", "CSV (*.csv)")
        if name:
            self.write_csv(name)
            self._controller.message.emit(f"Saved {name}")

    def write_csv(self, path: str) -> None:
        """The rows on view in their order: named as in descriptors.csv where they are descriptors, else with titles and units."""
        table = self.model.table
        if table is not None and all(column.name for column in table.columns):
            rows = [self.proxy.mapToSource(self.proxy.index(row, 0)).row() for row in range(self.proxy.rowCount())]
            values = {"label": table.ids} | {column.name: column.values for column in table.columns}
            order = [name for name in DESCRIPTORS if name in values]
            order += [name for name in values if name not in order]
            write_descriptors(path, {name: values[name][rows] for name in order})
            return
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            columns = range(self.model.columnCount())
            writer.writerow([self.model.headerData(c, Qt.Orientation.Horizontal) for c in columns])
            for row in range(self.proxy.rowCount()):
                values = [self.proxy.index(row, c).data(Qt.ItemDataRole.UserRole) for c in columns]
                writer.writerow([f"{v:.8g}" if isinstance(v, float) else text_of(v) for v in values])
