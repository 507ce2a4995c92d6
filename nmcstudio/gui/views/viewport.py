"""The OpenGL widget under a 3D view: renders once a paint, tells of clicks and of a resting mouse."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QWidget
from pyvistaqt import QtInteractor


class Viewport(QtInteractor):
    """pyvista's interactor, painting only when Qt paints.

    VTK's interactor renders on every event and pyvistaqt renders again in ``paintGL``; here an event only asks Qt for a
    paint, so that many events between two frames cost one frame.
    """

    clicked = Signal(QPointF, object)
    rested = Signal(QPointF)
    drawn = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        self._ready = False
        super().__init__(parent, multi_samples=0, auto_update=False)
        self._Iren.EnableRenderOff()
        self._render_tag = self._Iren.AddObserver("RenderEvent", self._asked)
        self._down: QPointF | None = None
        self._at = QPointF()
        self._camera_stamp = 0
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(80)
        self._rest.timeout.connect(self._rests)
        self._ready = True

    def _asked(self, caller: Any, event: str) -> None:
        if not self._in_paint:
            self.update()

    def _render(self, *args: Any, **kwargs: Any) -> None:
        self.update()

    def paintGL(self) -> None:
        self._Iren.EnableRenderOn()
        try:
            super().paintGL()
        finally:
            self._Iren.EnableRenderOff()
        self.drawn.emit()

    def update_from_twin(self) -> None:
        """The twin that shares this view's camera was drawn: draw as well if the camera has moved since."""
        stamp = self.camera.GetMTime()
        if stamp != self._camera_stamp:
            self._camera_stamp = stamp
            self.renderer.ResetCameraClippingRange()
            self._camera_stamp = self.camera.GetMTime()
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._down = event.position() if event.button() == Qt.MouseButton.LeftButton else None
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._down is not None and (event.position() - self._down).manhattanLength() > 4:
            self._down = None
        self._at = event.position()
        if event.buttons() == Qt.MouseButton.NoButton:
            self._rest.start()
        super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if self._down is not None and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(event.position(), event.modifiers())
        self._down = None

    def leaveEvent(self, event: Any) -> None:
        self._rest.stop()

    def _rests(self) -> None:
        self.rested.emit(self._at)

    def shut(self) -> None:
        """Release OpenGL; the widget cannot be used afterwards."""
        self._rest.stop()
        self._Iren.RemoveObserver(self._render_tag)
        self.close()
