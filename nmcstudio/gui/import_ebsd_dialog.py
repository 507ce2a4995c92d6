"""The large window of an orientation import: files, what was read, and the reference frame chosen by its picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Slot
from PySide6.QtWidgets import QWidget

from nmcstudio.core.monitor import Monitor
from nmcstudio.gui.import_window import ImportWindow, in_words
from nmcstudio.gui.panels.import_ebsd import LookedAtFirst
from nmcstudio.gui.panels.map_files import MapFiles, missing_of
from nmcstudio.gui.panels.map_preview import MapSection, MapSections, alike, picture_of
from nmcstudio.gui.panels.map_views import MapViews


class EbsdImportSide(LookedAtFirst):
    """The import's parameters; above them the files and what their header says."""

    hidden = ("files",)
    tells_notes = False

    def build_top(self) -> QWidget:
        self.files = MapFiles()
        return self.files

    def _show_warnings(self) -> None:
        """They stand among the facts, and in the panel of the main window until they are read."""


class EbsdImportDialog(ImportWindow):
    key = "import-ebsd"
    title = "Import EBSD map"

    def make_views(self) -> QWidget:
        self._sections = MapSections()
        self._info: Any = None
        self._section: MapSection | None = None
        self._read_for: Any = None
        self.views = MapViews()
        self.views.section_chosen.connect(self._section_chosen)
        self.views.direction_chosen.connect(self._draw)
        self.views.frame_chosen.connect(self._frame_chosen)
        return self.views

    def make_side(self) -> QWidget:
        self.side = EbsdImportSide(self.controller, self.key)
        self.side.files.chosen.connect(self._file_chosen)
        return self.side

    def paint_views(self) -> None:
        self.side.files.paint(self.controller.theme)
        self._draw()

    # What is chosen

    @Slot(str)
    def _frame_chosen(self, key: str) -> None:
        self.controller.edit_params(self.key, {"frame": key})
        self._look()

    @Slot(int)
    def _file_chosen(self, number: int) -> None:
        if self._has_many_files:
            self.views.slider.setValue(number)

    @Slot(int)
    def _section_chosen(self, index: int) -> None:
        self._show_file()
        self._read()

    @property
    def _has_many_files(self) -> bool:
        return self._info is not None and len(self._info.files) > 1

    def _show_file(self) -> None:
        self.side.files.show_file(self.views.section if self._has_many_files else 0)

    # Header, section, pictures: each in the worker, each only when what it is made of has changed

    def header_values(self, values: dict[str, Any]) -> Any:
        return [values.get(name) for name in ("files", "scan", "gaps")]

    @staticmethod
    def read_header(values: dict[str, Any], monitor: Monitor) -> Any:
        from nmcstudio.crystal.frames import FRAMES
        from nmcstudio.io.ebsd.registry import probe

        info = probe(values["files"], scan=values.get("scan") or None, gaps=values.get("gaps") or "blank")
        # Loaded here, where it does not hold up the window.
        missing_of(info)
        return info, {key: frame.words for key, frame in FRAMES.items()}

    def show_header(self, header: tuple[Any, dict[str, str]], values: dict[str, Any]) -> None:
        self._info, words = header
        self.views.frames.set_frames(words)
        self.side.files.show_info(self._info)
        self.views.set_sections(len(self._info.files) if self._has_many_files else self._info.slices)
        self._show_file()
        self._read_for = None
        self._read()

    def show_values(self, values: dict[str, Any]) -> None:
        self._read()

    def show_nothing(self, words: str) -> None:
        self._info = self._section = self._read_for = None
        self.side.files.show_info(None)
        self.views.forget(words)

    def _read(self) -> None:
        info, values, index = self._info, self.controller.params(self.key), self.views.section
        if info is None:
            return
        if values.get("point_group") in (None, "auto") and not all(info.point_groups):
            self._read_for = self._section = None
            self.views.say(
                "The file does not say which point group the crystal has: choose it on the right (R-3m of layered oxides is -3m)."
            )
            return
        wanted = (self._looked_at, index, values.get("point_group"), values.get("spacing_um"))
        if wanted == self._read_for:
            self._draw()
            return
        self._read_for = wanted
        if self._section is None:
            self.views.picture.say("Reading …")

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

    @Slot()
    def _draw(self) -> None:
        section, direction, frame = self._section, self.views.direction.currentText(), self.frame
        keys = list(self.views.frames.buttons)
        if section is None:
            return

        def draw(monitor: Monitor) -> Any:
            small = {}
            for key in keys:
                monitor.check()
                small[key] = picture_of(section, key, direction, small=True)
            return section, frame, small, alike(small), picture_of(section, frame, direction)

        self._background.ask("draw", draw, self._drawn, self._not_read)

    def _drawn(self, drawn: tuple[MapSection, str, dict[str, NDArray[np.uint8]], dict[str, str], NDArray[np.uint8]]) -> None:
        section, frame, small, same, large = drawn
        if frame == self.frame:
            self.views.show_map(section, large, small, same, frame, self._info.frame)

    def _not_read(self, error: Exception) -> None:
        self._section = None
        self.views.say(in_words(error))
