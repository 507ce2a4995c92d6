"""The large window of an orientation import: files, what was read, and the reference frame chosen by its picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Slot
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QSlider,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.background import Background
from nmcstudio.gui.controller import Controller
from nmcstudio.gui.panels.import_ebsd import LookedAtFirst
from nmcstudio.gui.panels.map_preview import DIRECTIONS, MapSection, MapSections, alike, facts_of, picture_of
from nmcstudio.gui.panels.picture import Picture
from nmcstudio.gui.views.layer_keys import LayerKey
from nmcstudio.gui.views.legends import ipf_legend
from nmcstudio.gui.widgets.frame_choice import FrameChoice
from nmcstudio.gui.widgets.number_box import as_sentence

LOOK_MS = 150
_LISTED = 2000  # files in the list
_HOW = (
    "<b>Which frame is right?</b> The colours alone do not tell. Open the same map in the vendor's program, along x and then "
    "along y, and take the frame whose pictures are the same. Or look at something whose orientation is known: a silicon wafer, "
    "twin traces. “=” marks frames that look alike along this direction; <i>Between the axes</i> tells all apart that differ."
)


class EbsdImportSide(LookedAtFirst):
    """The import's parameters; above them the files and what their header says."""

    hidden = ("files",)

    def build_top(self) -> QWidget:
        self.files = QListWidget()
        self.files.setToolTip("The sections in their order, with numbers that are missing. Click to look at one")
        self.files.setAccessibleName("Files")
        self._fit_list()
        self.files.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.facts = QGridLayout()
        self.facts.setHorizontalSpacing(8)
        self.facts.setVerticalSpacing(2)
        self.facts.setColumnStretch(1, 1)
        self.warned = QLabel()
        self.warned.setWordWrap(True)
        self.warned.hide()
        self._paint()
        self.controller.theme_changed.connect(self._paint)
        top = QWidget()
        column = QVBoxLayout(top)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.files)
        column.addLayout(self.facts)
        column.addWidget(self.warned)
        return top

    @Slot()
    def _paint(self) -> None:
        self.warned.setStyleSheet(f"color: {self.controller.theme.stale}")

    def _fit_list(self) -> None:
        """As high as its lines, up to six of them."""
        self.files.setFixedHeight(min(max(self.files.count(), 1), 6) * (self.files.fontMetrics().lineSpacing() + 2) + 6)

    def show_info(self, info: Any) -> None:
        """List files and facts; None clears them."""
        self.files.clear()
        while self.facts.count():
            self.facts.takeAt(0).widget().deleteLater()
        self.warned.setVisible(info is not None and bool(info.warnings))
        if info is None:
            return
        for number, (path, gap) in enumerate(zip(info.files[:_LISTED], missing_of(info))):
            if gap:
                between = QListWidgetItem(f"      {gap} {'number is' if gap == 1 else 'numbers are'} missing")
                between.setData(Qt.ItemDataRole.UserRole, -1)
                between.setFlags(Qt.ItemFlag.NoItemFlags)
                self.files.addItem(between)
            item = QListWidgetItem(f"{number + 1}   {path.name}" if len(info.files) > 1 else path.name)
            item.setToolTip(str(path))
            item.setData(Qt.ItemDataRole.UserRole, number)
            self.files.addItem(item)
        self._fit_list()
        for row, (name, words) in enumerate(facts_of(info)):
            label, said = QLabel(name), QLabel(words)
            label.setObjectName("muted")
            said.setWordWrap(True)
            said.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self.facts.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
            self.facts.addWidget(said, row, 1)
        self.warned.setText("\n".join(f"⚠ {as_sentence(words)}." for words in info.warnings))

    def show_file(self, number: int) -> None:
        """Mark the file on view."""
        for row in range(self.files.count()):
            if self.files.item(row).data(Qt.ItemDataRole.UserRole) == number:
                self.files.setCurrentRow(row)


def missing_of(info: Any) -> list[int]:
    """How many numbers are missing before each file."""
    from nmcstudio.io.ebsd.files import missing_before

    return missing_before([path.stem for path in info.files]) if len(info.files) > 1 else [0]


class EbsdImportDialog(QDialog):
    """Stands beside the window, not before it; closes when the import is done."""

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.controller = controller
        self.key = "import-ebsd"
        self.setWindowTitle("Import EBSD map")
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(1180, 780)
        self._background = Background(self)
        self._sections = MapSections()
        self._info: Any = None
        self._section: MapSection | None = None
        self._looked_at: Any = None
        self._read_for: Any = None
        self._key: LayerKey | None = None
        self.side = EbsdImportSide(controller, self.key)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(self._make_views())
        split.addWidget(self.side)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 0)
        split.setSizes([780, 400])
        split.setChildrenCollapsible(False)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 12, 4, 4)
        layout.addWidget(split)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(LOOK_MS)
        self._later.timeout.connect(self._look)
        self.side.files.itemClicked.connect(self._file_clicked)
        controller.params_changed.connect(self._params_changed)
        controller.project_replaced.connect(self.close)
        controller.committed.connect(self._committed)
        controller.theme_changed.connect(self._later.start)
        self._look()

    def _make_views(self) -> QWidget:
        self.direction = QComboBox()
        self.direction.addItems(list(DIRECTIONS))
        self.direction.setCurrentText("IPF x")
        self.direction.setToolTip("Along which direction of the map the pictures show the crystals")
        self.direction.currentTextChanged.connect(lambda _: self._draw())
        self.picture = Picture("The map will stand here.")
        self.picture.setMinimumHeight(200)
        self.picture.setMaximumHeight(16_777_215)
        self.picture.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setToolTip("Which section is shown")
        self.slider.setAccessibleName("Section")
        self.slider.valueChanged.connect(self._slid)
        self.number = QLabel()
        self.number.setMinimumWidth(130)
        self.number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.said = QLabel()
        self.said.setWordWrap(True)
        self.said.setMinimumHeight(2 * self.said.fontMetrics().lineSpacing())
        self._key_place = QVBoxLayout()
        self._key_place.addWidget(QLabel("Pictures show"))
        self._key_place.addWidget(self.direction)
        self._key_place.addSpacing(8)
        self._key_place.addStretch(1)
        above = QHBoxLayout()
        above.addWidget(self.picture, 1)
        above.addLayout(self._key_place)
        foot = QHBoxLayout()
        foot.addWidget(QLabel("Section"))
        foot.addWidget(self.slider, 1)
        foot.addWidget(self.number)
        self.frames = FrameChoice()
        self.frames.chosen.connect(self._frame_chosen)
        how = QLabel(_HOW)
        how.setWordWrap(True)
        how.setObjectName("muted")
        views = QWidget()
        column = QVBoxLayout(views)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(6)
        column.addLayout(above, 1)
        column.addLayout(foot)
        column.addWidget(self.said)
        column.addWidget(self.frames)
        column.addWidget(how)
        return views

    # What is chosen

    @Slot(str)
    def _params_changed(self, key: str) -> None:
        if key == self.key:
            self._later.start()

    @Slot(str)
    def _frame_chosen(self, key: str) -> None:
        self.controller.edit_params(self.key, {"frame": key})
        self._look()

    @Slot(QListWidgetItem)
    def _file_clicked(self, item: QListWidgetItem) -> None:
        number = int(item.data(Qt.ItemDataRole.UserRole))
        if number >= 0 and self._info is not None and len(self._info.files) > 1:
            self.slider.setValue(number)

    @Slot(int)
    def _slid(self, index: int) -> None:
        self._count()
        self._read()

    def _count(self) -> None:
        self.number.setText(f"{self.slider.value() + 1} of {self.slider.maximum() + 1}")
        self.side.show_file(self.slider.value() if self._info is not None and len(self._info.files) > 1 else 0)

    @Slot(str, object)
    def _committed(self, key: str, outcome: Any) -> None:
        if key == self.key:
            self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        self._background.close()
        super().closeEvent(event)

    def done(self, result: int) -> None:
        # Escape ends the window without a close event, and a thread that outlives it ends the program.
        self._background.close()
        super().done(result)

    # Header, section, pictures: each in the worker, each only when what it is made of has changed

    @Slot()
    def _look(self) -> None:
        values = self.controller.params(self.key)
        wanted = [values.get(name) for name in ("files", "scan", "gaps")]
        if not values.get("files"):
            self._looked_at = None
            self._lost("No file is chosen.")
        elif wanted != self._looked_at:
            self._looked_at = wanted

            def look(monitor: Monitor) -> Any:
                from nmcstudio.crystal.frames import FRAMES
                from nmcstudio.io.ebsd.registry import probe

                info = probe(values["files"], scan=values.get("scan") or None, gaps=values.get("gaps") or "blank")
                missing_of(info)
                return info, {key: frame.words for key, frame in FRAMES.items()}

            self._background.ask("look", look, self._looked, self._not_looked)
        else:
            self._read()

    def _looked(self, found: tuple[Any, dict[str, str]]) -> None:
        self._info, words = found
        self.frames.set_frames(words)
        self.side.show_info(self._info)
        count = len(self._info.files) if len(self._info.files) > 1 else self._info.slices
        with QSignalBlocker(self.slider):
            self.slider.setRange(0, max(0, count - 1))
            self.slider.setValue(count // 2)
        self.slider.setEnabled(count > 1)
        self._count()
        self._read_for = None
        self._read()

    def _read(self) -> None:
        info, values, index = self._info, self.controller.params(self.key), self.slider.value()
        if info is None:
            return
        if values.get("point_group") in (None, "auto") and not all(info.point_groups):
            self._read_for = self._section = None
            self.picture.say(
                "The file does not say which point group the crystal has: choose it on the right (R-3m of layered oxides is -3m)."
            )
            self.frames.forget_pictures()
            return
        wanted = (self._looked_at, index, values.get("point_group"), values.get("spacing_um"))
        if wanted == self._read_for:
            self._draw()
            return
        self._read_for = wanted
        if self._section is None:
            self.picture.say("Reading …")

        def read(monitor: Monitor) -> MapSection:
            return self._sections.read(info, values, index, monitor)

        self._background.ask("read", read, self._was_read, self._not_read)

    def _was_read(self, section: MapSection) -> None:
        self._section = section
        self._draw()

    @property
    def frame(self) -> str:
        """Key of the frame in use."""
        chosen = self.controller.params(self.key).get("frame") or "auto"
        return self._info.frame if chosen == "auto" and self._info is not None else chosen

    def _draw(self) -> None:
        section, direction, frame, keys = self._section, self.direction.currentText(), self.frame, list(self.frames.buttons)
        if section is None:
            return

        def draw(monitor: Monitor) -> Any:
            small = {}
            for key in keys:
                monitor.check()
                small[key] = picture_of(section, key, direction, small=True)
            return section, frame, direction, small, alike(small), picture_of(section, frame, direction)

        self._background.ask("draw", draw, self._drawn, self._not_read)

    def _drawn(self, drawn: tuple[MapSection, str, str, dict[str, NDArray[np.uint8]], dict[str, str], NDArray[np.uint8]]) -> None:
        section, frame, direction, small, same, large = drawn
        if frame != self.frame:
            return
        self.picture.show_pixels(large, section.stretch)
        self.frames.show_pictures(small, section.stretch, same, self._info.frame)
        self.frames.choose(frame)
        words = self.frames.buttons[frame].toolTip() if frame in self.frames.buttons else frame
        implied = (
            "as the file says or its format implies"
            if frame == self._info.frame
            else "chosen by you, other than the file implies"
        )
        self.said.setText(f"<b>{words}</b>, {implied}.")
        self._show_key(direction, section.groups[0] if section.groups else "")

    def _show_key(self, direction: str, group: str) -> None:
        along = direction.removeprefix("IPF ") if direction.startswith("IPF") else "x + 2y + 3z"
        legend = ipf_legend(along, group)
        if self._key is None or self._key.legend != legend:
            if self._key is not None:
                self._key_place.removeWidget(self._key)
                self._key.deleteLater()
            self._key = LayerKey(legend)
            self._key_place.insertWidget(3, self._key)

    def _lost(self, words: str) -> None:
        self._info = self._section = self._read_for = None
        self.side.show_info(None)
        self.slider.setEnabled(False)
        self.number.clear()
        self.said.clear()
        self.picture.say(words)
        self.frames.forget_pictures()

    def _not_looked(self, error: Exception) -> None:
        if not isinstance(error, NmcError):
            raise error
        self._lost(as_sentence(f"{error.message}: {error.hint}."))

    def _not_read(self, error: Exception) -> None:
        if not isinstance(error, NmcError):
            raise error
        self._section = None
        self.picture.say(as_sentence(f"{error.message}: {error.hint}."))
        self.frames.forget_pictures()
