"""One plot: title, words in the colours of its lines, picture, caption; to be copied, or saved as a picture or as numbers."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QMimeData, Qt, Slot
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPixmap
from PySide6.QtWidgets import QBoxLayout, QFileDialog, QFrame, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from nmcstudio.gui.views.contents import Image, Plot, Series
from nmcstudio.gui.views.plot_canvas import colour_of, draw_plot, make_canvas
from nmcstudio.gui.views.plot_data import plot_csv
from nmcstudio.gui.views.plot_files import plot_bytes
from nmcstudio.gui.widgets.elided import ElidedLabel
from nmcstudio.report.drawing import KINDS, with_mean

# Heights of a card in pixels: in the dock, and in the middle of the window.
COMPACT_HEIGHT = 172
FULL_HEIGHTS = (300, 460)
_BESIDE_WIDTH = 120  # of words beside a picture
_MARKS = {"line": "━", "dashed": "╍", "points": "●", "bars": "■"}


class PlotCard(QFrame):
    """One plot with its title, its sentence and its buttons.

    The picture is drawn by `draw`, not before: making one costs more than all the rest of the card, so that a grid draws only
    what is in sight. The y label stands level above its axis, where no height is too small for it.
    """

    def __init__(self, controller: Any, plot: Plot, parent: QWidget | None = None, compact: bool = False) -> None:
        super().__init__(parent)
        self._controller = controller
        self.plot = plot
        self.canvas: pg.PlotWidget | None = None
        self.is_drawn = False
        self._title = QLabel(self)
        self._title.setWordWrap(True)
        font = QFont(self._title.font())
        font.setBold(True)
        self._title.setFont(font)
        row = QHBoxLayout()
        row.setContentsMargins(8, 4, 4, 0)
        row.setSpacing(2)
        row.addWidget(self._title, 1)
        for text, tip, slot in (
            ("Copy", "Copy the picture and its numbers", self.copy),
            ("Save", "Save the picture as SVG, PDF or PNG", self.save_picture),
            ("CSV", "Save the numbers of this plot", self.save_csv),
        ):
            button = QToolButton(self)
            button.setText(text)
            button.setToolTip(tip)
            button.setAutoRaise(True)
            button.clicked.connect(slot)
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        self._words = QLabel(self)
        self._words.setTextFormat(Qt.TextFormat.RichText)
        self._words.setWordWrap(True)
        self._words.setContentsMargins(8, 0, 8, 0)
        self._ground = QFrame(self)
        self._ground.setAutoFillBackground(True)
        inside = QVBoxLayout(self._ground)
        inside.setContentsMargins(0, 0, 0, 0)
        self._caption: QLabel = ElidedLabel("", self) if compact else QLabel(self)
        self._note = ElidedLabel("", self)
        for label in (self._caption, self._note):
            label.setObjectName("muted")
            label.setContentsMargins(8, 0, 8, 2)
        self._caption.setWordWrap(not compact)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        self._middle = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._middle.setSpacing(2)
        self._middle.addWidget(self._words)
        self._middle.addWidget(self._ground, 1)
        column.addLayout(self._middle, 1)
        column.addWidget(self._caption)
        column.addWidget(self._note)
        self._compact = compact
        self.setMinimumWidth(240)
        self._ground.setMinimumHeight(88 if compact else 180)
        self.setMinimumHeight(COMPACT_HEIGHT if compact else FULL_HEIGHTS[0])
        if not compact:
            self.setMaximumHeight(FULL_HEIGHTS[1])
        self.show_plot(plot)

    def show_plot(self, plot: Plot) -> None:
        """Put another plot in the same place; `draw` paints it."""
        self.plot = plot
        self.restyle()

    def restyle(self) -> None:
        """Words in the colours of the theme; the picture waits for `draw`."""
        self.is_drawn = False
        plot = self.plot
        # A picture as high as it is wide, such as a pole figure, has its words beside it where there is little height.
        beside = self._compact and plot.flat
        self._middle.setDirection(QBoxLayout.Direction.RightToLeft if beside else QBoxLayout.Direction.TopToBottom)
        self._words.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._words.setMinimumWidth(_BESIDE_WIDTH if beside else 0)
        self._title.setText(plot.title)
        self._words.setText(self._legend())
        palette = self._ground.palette()
        palette.setColor(self._ground.backgroundRole(), QColor(self._controller.theme.base))
        self._ground.setPalette(palette)
        if isinstance(self._caption, ElidedLabel):
            self._caption.set_full_text(plot.caption.replace("\n", " "))
        else:
            self._caption.setText(plot.caption)
        self._caption.setVisible(bool(plot.caption))
        self._note.set_full_text(plot.note)
        self._note.setVisible(bool(plot.note) and not self._compact)

    def _legend(self) -> str:
        """What the y axis counts, and the lines by name, each in its colour, with its mark and the number of its mean."""
        plot = self.plot
        words = [_coloured(plot.y_label, self._controller.theme.text)]
        if plot.image is not None:
            words += self._image_words(plot.image)
        if plot.bands:
            band, soft = plot.bands[0], colour_of(self._controller.theme, "model").name()
            words.append(_coloured(f"▒ {100 * band.coverage:g} % of samples of the model", soft))
        names = short_names([_name_of(series) for series in plot.series])
        for series, name in zip(plot.series, names):
            colour = self._colour(series).name()
            if not name:  # an outline explains itself
                continue
            if len(plot.series) > 1:
                words.append(_coloured(f"{_MARKS[series.style]} {with_mean(name, series.mean)}", colour))
            elif np.isfinite(series.mean):
                words.append(_coloured(f"│ mean {series.mean:.4g}", colour))
        return " &nbsp; ".join(words)

    def _image_words(self, image: Image) -> list[str]:
        theme = self._controller.theme
        words = [_coloured(f"■ {image.label or image.role}", colour_of(theme, image.role).name())]
        if np.isfinite(image.mean[0]):
            words.append(_coloured(f"+ mean {image.mean[0]:.4g}, {image.mean[1]:.4g}", theme.text))
        return [*words, _coloured(f"strongest colour: density {image.brightest:.3g}", theme.muted)]

    @Slot()
    def draw(self) -> None:
        """Paint the picture."""
        if self.canvas is None:
            self.canvas = make_canvas(self._ground)
            self._ground.layout().addWidget(self.canvas)
        self.is_drawn = True
        draw_plot(self.canvas, self.plot, self._controller.theme)

    def _colour(self, series: Series) -> QColor:
        return colour_of(self._controller.theme, series.role, series.colour)

    @Slot()
    def copy(self) -> None:
        """Picture and numbers to the clipboard."""
        if not self.is_drawn:
            self.draw()
        data = QMimeData()
        picture: QPixmap = self.grab()
        data.setImageData(picture.toImage())
        data.setText(plot_csv(self.plot))
        QGuiApplication.clipboard().setMimeData(data)
        self._controller.message.emit(f"Copied: {self.plot.title}")

    @Slot()
    def save_picture(self) -> None:
        """Ask for a file and write the picture there, as its ending says."""
        endings = ";;".join(f"{kind.upper()} (*.{kind})" for kind in KINDS)
        name, chosen = QFileDialog.getSaveFileName(self, "Save the picture", f"{self.plot.key}.{KINDS[0]}", endings)
        if not name:
            return
        kind = Path(name).suffix[1:].lower()
        if kind not in KINDS:
            kind = chosen.split(" ")[0].lower() or KINDS[0]
            name += f".{kind}"
        self._write(Path(name), plot_bytes(self.plot, kind))

    @Slot()
    def save_csv(self) -> None:
        """Ask for a file and write the numbers there."""
        name, _ = QFileDialog.getSaveFileName(self, "Save the numbers", f"{self.plot.key}.csv", "CSV (*.csv)")
        if name:
            self._write(Path(name if Path(name).suffix else f"{name}.csv"), plot_csv(self.plot).encode())

    def _write(self, path: Path, content: bytes) -> None:
        try:
            path.write_bytes(content)
        except OSError as error:
            self._controller.message.emit(f"{path} cannot be written: {error.strerror or error}")
        else:
            self._controller.message.emit(f"Saved {path}")


def _coloured(words: str, colour: str) -> str:
    return f'<span style="color:{colour}; white-space:nowrap">{html.escape(words)}</span>'


def short_names(names: list[str]) -> list[str]:
    """Names of a row where a numbered thing after its like says its number only: "component 1", "2", "3"."""
    made = []
    for before, name in zip(["", *names], names):
        kind, _, number = name.rpartition(" ")
        alike = bool(kind) and number.isdigit() and before.rpartition(" ")[0] == kind
        made.append(number if alike else name)
    return made


def _name_of(series: Series) -> str:
    """What the legend says: where a line comes from, and what it is if that is not the same."""
    if series.colour is not None:
        return series.label
    if not series.label or series.label.startswith(series.role) or series.role == "theory":
        return series.label or series.role
    return f"{series.role}: {series.label}"
