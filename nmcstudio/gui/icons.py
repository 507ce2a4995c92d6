"""The program's own icons, in the colours of the theme."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from nmcstudio.core.resources import resource

# Large enough for small icons on a screen at 200 % and for cards.
SIZES = (16, 20, 24, 32, 48, 64, 96)


@lru_cache(maxsize=512)
def pixmap(name: str, colour: str, size: int) -> QPixmap:
    """One icon as `size` by `size` device pixels, its lines in `colour`."""
    text = resource(f"icons/{name}.svg").read_text(encoding="utf-8").replace("currentColor", colour)
    made = QPixmap(size, size)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    QSvgRenderer(QByteArray(text.encode())).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return made


@lru_cache(maxsize=512)
def icon(name: str, colour: str, disabled: str = "") -> QIcon:
    """An icon of `resources/icons` in a colour, and in another one while it cannot be used."""
    made = QIcon()
    for size in SIZES:
        made.addPixmap(pixmap(name, colour, size), QIcon.Mode.Normal)
        if disabled:
            made.addPixmap(pixmap(name, disabled, size), QIcon.Mode.Disabled)
    return made


def scaled_pixmap(name: str, colour: str, size: int, ratio: float) -> QPixmap:
    """An icon of `size` logical pixels for a screen with this many device pixels each."""
    made = QPixmap(pixmap(name, colour, max(round(size * ratio), 1)))
    made.setDevicePixelRatio(ratio)
    return made


def app_icon() -> QIcon:
    """The program's own icon."""
    return icon("app", "#000000")
