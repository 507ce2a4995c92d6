"""What belongs to splitting: the seeds that were clicked, and the slider that cuts at necks with its preview."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QToolButton, QWidget

from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.label_editing import LabelEditing
from nmcstudio.gui.views.contents import Layer
from nmcstudio.gui.views.selection import Selection
from nmcstudio.gui.views.store import ContentStore
from nmcstudio.imaging.label_split import pieces_at_necks, surroundings
from nmcstudio.imaging.split import SplitHierarchy, split_hierarchy
from nmcstudio.pipeline.label_session import LabelSession

_KEY = "split-pieces"


class SplitOptions(QWidget):
    """Seeds and slider of the split tool in the tool row.

    ``changed`` says that another seed was set or another cut is previewed.
    """

    changed = Signal()

    def __init__(self, editing: LabelEditing, selection: Selection, store: ContentStore, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._editing, self._selection, self._store = editing, selection, store
        self._background = store.worker()
        self._node = ""
        self._label = 0
        self._seeds: list[np.ndarray] = []
        self._hierarchy: SplitHierarchy | None = None
        self._corner: tuple[int, int, int] = (0, 0, 0)
        self._held = False
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setRange(30, 100)
        self.slider.setFixedWidth(110)
        self.slider.setToolTip("Cut the chosen object where a neck is narrower than this share of the smaller piece")
        self.slider.setAccessibleName("Neck over smaller piece")
        self.slider.valueChanged.connect(self._slid)
        self._value = QLabel("", self)
        self.pieces = QLabel("", self)
        self.pieces.setMinimumWidth(self.fontMetrics().horizontalAdvance("000 pieces"))
        self._value.setMinimumWidth(self.fontMetrics().horizontalAdvance("0.00"))
        self.apply = QToolButton(self)
        self.apply.setText("Split")
        self.apply.setToolTip("Split between the seeds, or at the necks if there are none (Return)")
        self.apply.clicked.connect(self.split)
        self.turned = QToolButton(self)
        self.turned.setText("By orientation")
        self.turned.setToolTip("Split the chosen grain into two parts of different orientation, each with its own mean")
        self.turned.clicked.connect(self.split_by_orientation)
        self.turned.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 8, 0)
        row.setSpacing(4)
        row.addWidget(QLabel("Necks below", self))
        for widget in (self.slider, self._value, self.pieces, self.apply, self.turned):
            row.addWidget(widget)
        row.insertSpacing(3, 8)
        selection.changed.connect(self._chosen)
        self._say()

    def set_node(self, node: str) -> None:
        if node != self._node:
            self._node = node
            self.turned.setVisible(node == "grains")
            self.forget()

    def show_seeds(self, held: bool) -> None:
        """The split tool was taken up or put down."""
        if held != self._held:
            self._held = held
            self.forget()

    @property
    def seeds(self) -> int:
        return len(self._seeds)

    def add_seed(self, label: int, position_um: Any) -> None:
        """A point inside an object was clicked."""
        if position_um is None:
            return
        if label != self._label or not self._seeds:
            self._seeds = []
            self._label = label
            self._selection.choose((label,))
        self._seeds.append(np.asarray(position_um, float))
        self._show()

    @Slot()
    def split(self) -> None:
        """Split between the seeds; without seeds at the necks, as previewed."""
        if not self._held or not self._node or not self._label:
            return
        noun = self._node.rstrip("s")
        if len(self._seeds) == 1:
            self._editing.refused.emit(f"Click a second point in {noun} {self._label}, in the other piece")
        elif self._seeds:
            points = [round(float(v), 4) for seed in self._seeds for v in seed[::-1]]
            self._editing.act(self._node, {"split": [[self._label, *points]]}, f"Split {noun} {self._label}")
        else:
            values = {"split_necks": [[self._label, self.slider.value() / 100]]}
            self._editing.act(self._node, values, f"Split {noun} {self._label} at its necks")

    @Slot()
    def split_by_orientation(self) -> None:
        """Split the chosen grain into two parts of different orientation."""
        if self._held and self._node == "grains" and self._label:
            self._editing.split_by_orientation(self._label, 2)

    def forget(self) -> None:
        """No seeds, no preview."""
        self._seeds = []
        self._hierarchy = None
        self._label = 0
        with QSignalBlocker(self.slider):
            self.slider.setValue(self.slider.minimum())
        self._chosen()
        self._show()

    def next_click(self, under: int, noun: str) -> str:
        """What a click will do, in words."""
        if len(self._seeds) > 1:
            return f"{len(self._seeds)} seeds in {noun} {self._label}: Return splits, another click adds one, Esc ends"
        if self._seeds:
            return f"Click a point in the other piece of {noun} {self._label}"
        if self._label:
            return f"Click a point in each piece of {noun} {self._label}, or drag the slider and press Split"
        return f"Click sets the first point in {noun} {under}" if under else f"Click a point in each piece of a {noun}; Esc ends"

    # The preview of necks

    @Slot()
    def _chosen(self) -> None:
        ids = self._selection.ids
        label = ids[0] if self._held and len(ids) == 1 else 0
        if label != self._label:
            self._seeds = []
            self._label = label
            self._hierarchy = None
            self._show()
        self._say()

    @Slot(int)
    def _slid(self, value: int) -> None:
        self._seeds = []
        if self._label and self._hierarchy is None:
            self._editing.prepare(self._node, self._measure)
        self._show()

    def _measure(self, session: LabelSession) -> None:
        """Basins of the chosen object, once; the slider then runs through their merges."""
        label = self._label
        if not session.editor.index.has(label):
            return
        box, mask = surroundings(session.editor, label)
        spacing = session.volume.spacing_um

        def work(monitor: Monitor) -> SplitHierarchy:
            return split_hierarchy(mask, spacing, monitor=monitor)

        def answer(hierarchy: SplitHierarchy) -> None:
            if self._label == label and self._held:
                self._hierarchy = hierarchy
                self._corner = (box[0].start, box[1].start, box[2].start)
                self._show()

        self._background.ask("basins", work, answer, self._failed)

    def _failed(self, error: Exception) -> None:
        self._editing.refused.emit(str(error))

    def _show(self) -> None:
        """Draw seeds or pieces over the labels."""
        session = self._editing.session(self._node) if self._node else None
        layer = None
        if session is not None and self._held and self._label:
            grid = session.volume
            if self._hierarchy is not None and not self._seeds:
                pieces = pieces_at_necks(self._hierarchy, self.slider.value() / 100)
                values = pieces.astype(np.uint16)
                origin = tuple(o + c * s for o, c, s in zip(grid.origin_um, self._corner, grid.spacing_um))
                layer = Layer(_KEY, "Pieces", "labels", values, grid.spacing_um, origin, opacity=0.9)  # type: ignore[arg-type]
        self._store.overlay.emit(_KEY, layer)
        self._selection.set_seeds(self._seeds)
        self._say()
        self.changed.emit()

    def _say(self) -> None:
        self._value.setText(f"{self.slider.value() / 100:.2f}")
        count = 0
        if self._seeds:
            count = len(self._seeds)
        elif self._hierarchy is not None:
            count = int(self._hierarchy.groups(self.slider.value() / 100).max(initial=0))
        self.pieces.setText(f"{count} piece{'' if count == 1 else 's'}" if count else "")
        self.slider.setEnabled(bool(self._label))
        self.turned.setEnabled(bool(self._label))
        self.apply.setEnabled(bool(self._label) and (len(self._seeds) > 1 or count > 1))
