"""Import of a CT volume, with its middle slice."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QWidget

from nmcstudio.core.errors import NmcError
from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.forms import ParamsForm
from nmcstudio.gui.panels.import_panel import ImportPanel

RAW_FIELDS = (
    "raw_shape", "raw_dtype", "raw_byte_order", "raw_offset", "raw_axis_order", "raw_row_padding", "raw_slice_padding",
)  # fmt: skip


class ImportCtPanel(ImportPanel):
    words = "The middle slice of the chosen files stands here."

    look_closer = (
        "Look closer and crop …",
        "Planes along all three axes in a large window, with handles to read only a part of the volume",
    )

    def build_top(self) -> QWidget:
        self._info: Any = None
        self._asked_for: Any = None
        self._looked: Any = None
        return super().build_top()

    @Slot(str, object, str)
    def _edited(self, name: str, value: Any, drag: str) -> None:
        self.controller.edit_params(self.key, edits_with_crop(self.controller.params(self.key), name, value), drag)

    def shown_values(self, values: dict[str, Any]) -> None:
        super().shown_values(values)
        self._look(values)

    def _look(self, values: dict[str, Any]) -> None:
        """Show the fields that these files have a use for; a RAW file of unknown layout opens the large window."""
        wanted = self.what_to_picture(values)
        if wanted == self._looked:
            return
        self._looked = wanted
        self._info = probed(values)
        show_relevant(self.form, self._info)
        self._offer()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        QTimer.singleShot(0, self._offer)

    @Slot()
    def _offer(self) -> None:
        """Open the large window by itself, once, for a RAW file of unknown layout."""
        files = self.controller.params(self.key).get("files")
        unknown = self._info is not None and self._info.format == "RAW" and self._info.layout is None
        if unknown and self.isVisible() and self._asked_for != files:
            self._asked_for = files
            self.open_dialog()

    @Slot()
    def open_dialog(self) -> None:
        from nmcstudio.gui.import_dialog import ImportDialog

        ImportDialog.open(self.controller, self.window())

    def what_to_picture(self, values: dict[str, Any]) -> Any:
        return {name: value for name, value in values.items() if name not in ("crop", "spacing_um")}

    @staticmethod
    def draw(values: dict[str, Any], monitor: Monitor) -> tuple[Any, float] | str:
        from nmcstudio.io.volumes.registry import probe, read_plane

        files, options = values["files"], reading_options(values)
        info = probe(files, options)
        lost = lost_to_a_picture(info)
        if lost is not None:
            return f"{lost.message[:1].upper()}{lost.message[1:]}. Say it below."
        middle = read_plane(files, "z", info.full_shape[0] // 2, options, monitor)
        middle = middle[:: max(1, middle.shape[0] // 700), :: max(1, middle.shape[1] // 700)].astype(np.float64)
        numbers = middle[np.isfinite(middle)]
        if not numbers.size:
            return "The middle slice holds no numbers."
        low, high = np.percentile(numbers, (0.5, 99.5))
        scaled = np.clip((middle - low) / max(high - low, 1e-12), 0, 1)
        spacing = np.broadcast_to(values.get("spacing_um") or info.spacing_um or 1.0, 3)
        return np.nan_to_num(255 * scaled).astype(np.uint8), float(spacing[1] / spacing[2])


def reading_options(values: dict[str, Any]) -> Any:
    """What the form says about reading, as the readers take it."""
    from nmcstudio.io.volumes.options import ReadOptions

    names = {field.name for field in fields(ReadOptions)} & values.keys()
    return ReadOptions(**{name: tuple(values[name]) if isinstance(values[name], list) else values[name] for name in names})


def lost_to_a_picture(info: Any) -> Any:
    """What has to be said before any plane can be drawn, or None."""
    return next((one for one in info.missing if one.field not in ("spacing_um", "channel", "time")), None)


def probed(values: dict[str, Any]) -> Any:
    """Header of the chosen files; None where there is none to read (the foot of the panel says why)."""
    from nmcstudio.io.volumes.registry import probe

    if not values.get("files"):
        return None
    try:
        return probe(values["files"], reading_options(values))
    except NmcError:
        return None


def edits_with_crop(values: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """An edit of the form. One of how the axes lie takes the crop along, which stays around the same piece of the sample."""
    edits = {name: value}
    uncropped = {**values, "crop": None}
    info = probed(uncropped) if values.get("crop") and name in ("axis_order", "flip") else None
    if info is None or min(info.shape) == 0:
        return edits
    from nmcstudio.io.volumes.placing import crop_in

    before, after = reading_options(uncropped), reading_options(uncropped | edits)
    return edits | {"crop": crop_in(tuple(values["crop"]), info.shape, before, after)}


def show_relevant(form: ParamsForm, info: Any) -> None:
    """Show only those special fields that the files have a use for, or that were filled in."""
    uses = {
        "dataset": info is not None and bool(info.datasets),
        "channel": info is not None and info.channels > 1,
        "time": info is not None and info.times > 1,
        "level": info is not None and len(info.levels) > 1,
        **dict.fromkeys(RAW_FIELDS, info is not None and info.format == "RAW"),
    }
    said = form.values()
    for name, used in uses.items():
        form.show_fields((name,), used or said.get(name) not in (None, ()))
