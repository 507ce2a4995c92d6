"""Whether and how a window draws with OpenGL."""

from __future__ import annotations

from functools import cache

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

NO_OPENGL = "3D needs a display with OpenGL; this one has none.\nThe slices, plots and tables work as usual."


@cache
def has_opengl() -> bool:
    """True where a QOpenGLWidget can draw."""
    if QGuiApplication.platformName() in ("offscreen", "minimal", "vnc", "linuxfb"):
        return False
    from PySide6.QtGui import QOpenGLContext

    return bool(QOpenGLContext().create())


def prepare_for_opengl(widget: QWidget) -> None:
    """Give a window its first OpenGL widget: one that gets it when it is on the screen is made anew by Qt and flickers."""
    if has_opengl():
        from PySide6.QtOpenGLWidgets import QOpenGLWidget

        placeholder = QOpenGLWidget(widget)
        placeholder.setGeometry(0, 0, 1, 1)
        placeholder.lower()
