"""What stands in the middle of an empty project: three ways to begin, recent projects, a place to drop files."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QIcon, QKeyEvent, QMouseEvent, QPixmap
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from nmcstudio.gui.controller import Controller
from nmcstudio.gui.icons import icon, scaled_pixmap
from nmcstudio.gui.settings import recent_projects, thumbnail_file

CARDS = (
    ("ct", "Open CT data", "A grey-scale volume of many particles: TIFF, TXM, HDF5, RAW, DICOM, OME-Zarr, a folder of slices."),
    (
        "ebsd",
        "Open EBSD data",
        "An orientation map or a stack of sections: .ang, .ctf, .cpr, .h5oina, EDAX or Bruker HDF5, DREAM.3D, LabDCT, a table.",
    ),
    ("sample", "Open the sample session", "A small simulated electrode and grain map, from images to virtual particles."),
)
# Three cards with their gaps and the page's margins.
ROOMY = 3 * 176 + 2 * 16 + 2 * 32


class Card(QFrame):
    """A large button with a picture, a title and a sentence."""

    chosen = Signal(str)

    def __init__(self, key: str, title: str, about: str) -> None:
        super().__init__()
        self.key = key
        self.setObjectName("card")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(title)
        self.setMinimumWidth(176)
        self.picture = QLabel()
        self.picture.setFixedSize(48, 48)
        head = QLabel(title)
        font = head.font()
        font.setPointSizeF(font.pointSizeF() * 1.2)
        font.setBold(True)
        head.setFont(font)
        head.setWordWrap(True)
        words = QLabel(about)
        words.setObjectName("muted")
        words.setWordWrap(True)
        words.setAlignment(Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(8)
        layout.addWidget(self.picture)
        layout.addWidget(head)
        layout.addWidget(words, 1)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.chosen.emit(self.key)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit(self.key)
        else:
            super().keyPressEvent(event)


class WelcomePage(QScrollArea):
    """Signals `chosen` ("ct", "ebsd" or "sample") and `project_chosen` (path)."""

    chosen = Signal(str)
    project_chosen = Signal(str)

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.controller = controller
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        inside.setMaximumWidth(948)
        title = QLabel("From images to virtual particles")
        font = title.font()
        font.setPointSizeF(font.pointSizeF() * 1.8)
        font.setBold(True)
        title.setFont(font)
        title.setWordWrap(True)
        self.cards = [Card(*card) for card in CARDS]
        self._row = QHBoxLayout()
        self._row.setSpacing(16)
        for card in self.cards:
            card.chosen.connect(self.chosen)
            self._row.addWidget(card, 1)
        self.drop_zone = QFrame()
        self.drop_zone.setObjectName("dropZone")
        self.drop_zone.setMinimumHeight(88)
        self._drop_picture = QLabel()
        self._drop_picture.setFixedSize(32, 32)
        drop_words = QLabel(
            "Drop files or a folder anywhere in the window.\nThe right import opens with what could be read filled in."
        )
        drop_words.setWordWrap(True)
        drop = QHBoxLayout(self.drop_zone)
        drop.setContentsMargins(24, 12, 24, 12)
        drop.setSpacing(16)
        drop.addWidget(self._drop_picture)
        drop.addWidget(drop_words, 1)
        self._recent_title = QLabel("Recent projects")
        bold = self._recent_title.font()
        bold.setBold(True)
        self._recent_title.setFont(bold)
        self._recent = QGridLayout()
        self._recent.setSpacing(16)
        column = QVBoxLayout(inside)
        column.setContentsMargins(32, 24, 32, 24)
        column.setSpacing(16)
        column.addStretch(1)
        column.addWidget(title)
        column.addLayout(self._row)
        column.addWidget(self.drop_zone)
        column.addWidget(self._recent_title)
        column.addLayout(self._recent)
        column.addStretch(2)
        outer = QWidget()
        centre = QHBoxLayout(outer)
        centre.setContentsMargins(0, 0, 0, 0)
        centre.addStretch(1)
        centre.addWidget(inside, 1000)
        centre.addStretch(1)
        self.setWidget(outer)
        controller.theme_changed.connect(self.refresh)
        self.refresh()
        self._fit()

    def resizeEvent(self, event) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Cards beside each other where there is room, else below each other."""
        wide = self.viewport().width() >= ROOMY
        self._row.setDirection(QHBoxLayout.Direction.LeftToRight if wide else QHBoxLayout.Direction.TopToBottom)
        for card in self.cards:
            card.setMinimumHeight(184 if wide else 128)
            card.setMaximumWidth(300 if wide else 948)

    @Slot()
    def refresh(self) -> None:
        """Colours, and the recent projects as they are now."""
        theme = self.controller.theme
        for card in self.cards:
            card.picture.setPixmap(scaled_pixmap(card.key, theme.accent, 48, self.devicePixelRatioF()))
        self._drop_picture.setPixmap(scaled_pixmap("drop", theme.muted, 32, self.devicePixelRatioF()))
        while (item := self._recent.takeAt(0)) is not None:
            item.widget().deleteLater()
        recent = recent_projects()[:4]
        self._recent_title.setVisible(bool(recent))
        for index, path in enumerate(recent):
            self._recent.addWidget(self._recent_button(path), 0, index)
        for index in range(4):
            self._recent.setColumnStretch(index, 1)

    def _recent_button(self, path: Path) -> QToolButton:
        button = QToolButton()
        button.setText(path.stem)
        button.setToolTip(str(path))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setIconSize(QSize(144, 96))
        button.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        picture = QPixmap(str(thumbnail_file(path)))
        button.setIcon(QIcon(picture) if not picture.isNull() else icon("cube", self.controller.theme.muted))
        button.clicked.connect(lambda checked=False, path=path: self.project_chosen.emit(str(path)))
        return button

    def show_drag(self, over: bool) -> None:
        """Light the drop zone up while files hang over the window."""
        self.drop_zone.setProperty("over", over)
        self.drop_zone.style().unpolish(self.drop_zone)
        self.drop_zone.style().polish(self.drop_zone)
