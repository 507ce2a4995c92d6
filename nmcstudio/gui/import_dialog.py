"""The large window of a CT import: planes of the file as it would be read, crop by handles, and the layout of RAW files."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSignalBlocker, Slot
from PySide6.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.import_window import ImportWindow
from nmcstudio.gui.panels.import_ct import edits_with_crop, lost_to_a_picture, reading_options, show_relevant
from nmcstudio.gui.panels.step_panel import StepPanel
from nmcstudio.gui.widgets.number_box import as_sentence
from nmcstudio.gui.widgets.volume_preview import VolumePreview


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


class ImportDialog(ImportWindow):
    key = "import-ct"
    title = "Import CT volume"
    widths = (800, 380)

    def make_views(self) -> QWidget:
        self._drag = 0
        self.preview = VolumePreview(self._background)
        self.preview.crop_edited.connect(self._crop_edited)
        return self.preview

    def make_side(self) -> QWidget:
        self.side = ImportSide(self.controller, self.key)
        return self.side

    def paint_views(self) -> None:
        self.preview.paint(self.controller.theme)

    def header_values(self, values: dict[str, Any]) -> Any:
        return {name: value for name, value in values.items() if name != "crop"}

    @staticmethod
    def read_header(values: dict[str, Any], monitor: Monitor) -> Any:
        from nmcstudio.io.volumes.registry import probe

        return probe(values["files"], reading_options({**values, "crop": None}))

    def show_values(self, values: dict[str, Any]) -> None:
        self.preview.show_crop(values.get("crop"))

    def show_nothing(self, words: str) -> None:
        self.side.show_info(None)
        self.preview.say(words)

    def show_header(self, info: Any, values: dict[str, Any]) -> None:
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

    @Slot(object, bool)
    def _crop_edited(self, crop: tuple[int, ...] | None, ended: bool) -> None:
        self.controller.edit_params(self.key, {"crop": crop}, f"crop-{id(self)}-{self._drag}")
        if ended:
            self._drag += 1
