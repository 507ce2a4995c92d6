"""The large window of an import: planes of the file as it would be read, crop by handles, and the layout of RAW files."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Slot
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QComboBox, QDialog, QHBoxLayout, QLabel, QSplitter, QVBoxLayout, QWidget

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.background import Background
from nmcstudio.gui.controller import Controller
from nmcstudio.gui.panels.import_ct import edits_with_crop, lost_to_a_picture, reading_options, show_relevant
from nmcstudio.gui.panels.step_panel import StepPanel
from nmcstudio.gui.widgets.number_box import as_sentence
from nmcstudio.gui.widgets.volume_preview import VolumePreview

LOOK_MS = 150


class ImportSide(StepPanel):
    """The import's parameters beside the planes; likely layouts of a RAW file stand above them."""

    hidden = ("files",)

    def build_top(self) -> QWidget:
        self.guesses = QComboBox()
        self.guesses.setToolTip("Layouts that fit the length of the file, the likeliest first. Choosing one fills in the fields.")
        self.guesses.setAccessibleName("Likely layouts")
        self.guesses.setPlaceholderText("Choose one …")
        self._layouts: list[Any] = []
        self.guesses.activated.connect(self._guess_chosen)
        words = QLabel("Likely layouts")
        self._guess_row = QWidget()
        row = QVBoxLayout(self._guess_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(words)
        row.addWidget(self.guesses)
        self._guess_row.hide()
        return self._guess_row

    @Slot(str, object, str)
    def _edited(self, name: str, value: Any, drag: str) -> None:
        self.controller.edit_params(self.key, edits_with_crop(self.controller.params(self.key), name, value), drag)

    def show_info(self, info: Any) -> None:
        """Fields and likely layouts for what the file is."""
        show_relevant(self.form, info)
        self._layouts = list(info.guesses) if info is not None else []
        with QSignalBlocker(self.guesses):
            self.guesses.clear()
            self.guesses.addItems([layout.describe() for layout in self._layouts])
            chosen = self._layouts.index(info.layout) if info is not None and info.layout in self._layouts else -1
            self.guesses.setCurrentIndex(chosen)
        self._guess_row.setVisible(bool(self._layouts))

    @Slot(int)
    def _guess_chosen(self, index: int) -> None:
        layout = self._layouts[index]
        names = ("shape", "dtype", "byte_order", "offset", "axis_order", "row_padding", "slice_padding")
        self.controller.edit_params(self.key, {f"raw_{name}": getattr(layout, name) for name in names} | {"crop": None})


class ImportDialog(QDialog):
    """Stands beside the window, not before it; closes when the import is done."""

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.controller = controller
        self.key = "import-ct"
        self.setWindowTitle("Import CT volume")
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(1180, 800)
        self._background = Background(self)
        self._drag = 0
        self._looked_at: Any = None
        self.preview = VolumePreview(self._background)
        self.side = ImportSide(controller, self.key)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(self.preview)
        split.addWidget(self.side)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 0)
        split.setSizes([800, 380])
        split.setChildrenCollapsible(False)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 12, 4, 4)
        layout.addWidget(split)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(LOOK_MS)
        self._later.timeout.connect(self._look)
        self.preview.crop_edited.connect(self._crop_edited)
        controller.params_changed.connect(self._params_changed)
        controller.project_replaced.connect(self.close)
        controller.committed.connect(self._committed)
        controller.theme_changed.connect(self._paint)
        self._paint()
        self._look()

    @Slot()
    def _paint(self) -> None:
        self.preview.paint(self.controller.theme)

    @Slot(str)
    def _params_changed(self, key: str) -> None:
        if key == self.key:
            self._later.start()

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

    # The file

    @Slot()
    def _look(self) -> None:
        values = self.controller.params(self.key)
        self.preview.show_crop(values.get("crop"))
        wanted = {name: value for name, value in values.items() if name != "crop"}
        if wanted == self._looked_at:
            return
        self._looked_at = wanted
        if not values.get("files"):
            self.side.show_info(None)
            self.preview.say("No file is chosen.")
            return

        def look(monitor: Monitor) -> tuple[Any, dict[str, Any]]:
            from nmcstudio.io.volumes.registry import probe

            return probe(values["files"], reading_options(wanted)), values

        self._background.ask("look", look, self._looked, self._not_looked)

    def _looked(self, found: tuple[Any, dict[str, Any]]) -> None:
        info, values = found
        self.side.show_info(info)
        lost = lost_to_a_picture(info)
        if lost is not None:
            self.preview.say(as_sentence(f"{lost.message}: {lost.hint}."))
            return
        options = reading_options({**values, "crop": None})
        spacing = values.get("spacing_um") or info.spacing_um or (1.0, 1.0, 1.0)
        spacing = tuple(spacing) * 3 if len(spacing) == 1 else tuple(spacing)

        def read(axis: int, index: int, monitor: Monitor) -> NDArray[np.generic]:
            from nmcstudio.io.volumes.registry import read_plane

            return read_plane(values["files"], "zyx"[axis], index, options, monitor)

        size = " × ".join(f"{n * h:.4g}" for n, h in zip(info.full_shape, spacing))
        known = values.get("spacing_um") or info.spacing_um
        words = [f"{info.format}, {' × '.join(map(str, info.full_shape))} voxels (z y x), {info.dtype}"]
        words += [f"{size} µm" if known else "The voxel size is not known yet."]
        words += ["Drag the handles to read only a part."]
        self.preview.show_volume(info.full_shape, spacing, read, "\n".join(words))
        self.preview.show_crop(values.get("crop"))

    def _not_looked(self, error: Exception) -> None:
        if not isinstance(error, NmcError):
            raise error
        self.side.show_info(None)
        self.preview.say(as_sentence(f"{error.message}: {error.hint}."))

    @Slot(object, bool)
    def _crop_edited(self, crop: tuple[int, ...] | None, ended: bool) -> None:
        self.controller.edit_params(self.key, {"crop": crop}, f"crop-{id(self)}-{self._drag}")
        if ended:
            self._drag += 1
