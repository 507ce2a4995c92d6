"""The OpenGL widget under a 3D view: renders once a paint, tells of clicks and of a resting mouse."""

from __future__ import annotations

import time
from typing import Any

from PySide6.QtCore import QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QWidget
from pyvistaqt import QtInteractor


class Viewport(QtInteractor):
    """pyvista's interactor, painting only when Qt paints.

    VTK's interactor renders on every event and pyvistaqt renders again in ``paintGL``; here an event only asks Qt for a
    paint, so that many events between two frames cost one frame.

    ``grasped`` says that a hand turns the camera now, or no longer; `frame_seconds` is what the last frame cost.
    """

    clicked = Signal(QPointF, object)
    rested = Signal(QPointF)
    drawn = Signal()
    grasped = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
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
        self._wheel = QTimer(self)
        self._wheel.setSingleShot(True)
        self._wheel.setInterval(250)
        self._wheel.timeout.connect(self._wheel_rests)
        self._is_grasped = False
        self.frame_seconds = 0.0

    def _asked(self, caller: Any, event: str) -> None:
        if not self._in_paint:
            self.update()

    def _render(self, *args: Any, **kwargs: Any) -> None:
        self.update()

    def paintGL(self) -> None:
        self._Iren.EnableRenderOn()
        begun = time.perf_counter()
        try:
            super().paintGL()
        finally:
            self._Iren.EnableRenderOff()
        self.frame_seconds = time.perf_counter() - begun
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
        if self._down is None and event.buttons() != Qt.MouseButton.NoButton:
            self._grasp(True)
        self._at = event.position()
        if event.buttons() == Qt.MouseButton.NoButton:
            self._rest.start()
        super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if self._down is not None and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(event.position(), event.modifiers())
        self._down = None
        self._grasp(False)

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._grasp(True)
        self._wheel.start()
        super().wheelEvent(event)

    def _grasp(self, grasped: bool) -> None:
        if grasped != self._is_grasped:
            self._is_grasped = grasped
            self.grasped.emit(grasped)

    def _wheel_rests(self) -> None:
        self._grasp(False)

    def leaveEvent(self, event: Any) -> None:
        self._rest.stop()

    def _rests(self) -> None:
        self.rested.emit(self._at)

    def shut(self) -> None:
        """Release OpenGL; the widget cannot be used afterwards."""
        self._rest.stop()
        self._wheel.stop()
        self._Iren.RemoveObserver(self._render_tag)
        self.close()
