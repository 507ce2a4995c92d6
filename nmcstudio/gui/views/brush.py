"""Brush and eraser: strokes in the slices, drawn as they grow, one act of the history each."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPen

from nmcstudio.gui.label_editing import LabelEditing
from nmcstudio.gui.views.selection import Selection
from nmcstudio.imaging.label_acts import Paint, Point
from nmcstudio.pipeline.label_session import LabelSession

TOOLS = ("brush", "eraser")
SMALLEST_VOXELS, LARGEST_VOXELS = 0.5, 200.0
_STEP = 1.25


class Brush(QObject):
    """What the mouse paints while brush or eraser is held.

    Attributes
    ----------
    radius_um
        Radius of the brush; 0 until it is known what is painted on.
    in_3d
        Balls; otherwise discs in the slice under the mouse.
    over
        "background", "everything", or "object": only inside the object on which the stroke begins.
    new
        The next stroke makes a new object.

    ``changed`` says that one of them has changed, ``said`` what the brush cannot do.
    """

    changed = Signal()
    said = Signal(str)
    moved = Signal()

    def __init__(self, selection: Selection, editing: LabelEditing) -> None:
        super().__init__(editing)
        self._selection, self._editing = selection, editing
        self.node = ""
        self.radius_um = 0.0
        self.voxel_um = 1.0
        self.in_3d = True
        self.over = "background"
        self.new = False
        self._at: np.ndarray | None = None
        self._session: LabelSession | None = None
        self._stroke: Paint | None = None
        self._pane: Any = None

    @property
    def held(self) -> bool:
        """True while brush or eraser is the tool and there are labels to paint on."""
        return self._selection.tool in TOOLS and bool(self.node)

    def set_grid(self, node: str, voxel_um: float) -> None:
        """Say what is painted on: a node, empty for none, and the edge of its voxels."""
        self.node = node
        if node and voxel_um != self.voxel_um:
            self.voxel_um = voxel_um
            self.radius_um = 0.0
        if node and not self.radius_um:
            self.radius_um = round(4 * voxel_um, 4)
        self.changed.emit()

    def set_radius(self, radius_um: float) -> None:
        self.radius_um = round(float(np.clip(radius_um, SMALLEST_VOXELS * self.voxel_um, LARGEST_VOXELS * self.voxel_um)), 4)
        self.changed.emit()

    def grow(self, larger: bool) -> None:
        """The keys [ and ]."""
        self.set_radius(self.radius_um * (_STEP if larger else 1 / _STEP))

    def target(self, under: int) -> int | None:
        """Label that a stroke beginning on the label `under` paints; None if nobody has said which."""
        if self._selection.tool == "eraser":
            return 0
        if self.new:
            session = self._editing.session(self.node)
            return session.editor.free if session is not None else None
        return self._selection.ids[0] if self._selection.ids else (under or None)

    def only_over(self, under: int) -> int | None:
        """Label over which a stroke that begins on `under` paints; None for all."""
        if self.over == "object":
            return under
        return 0 if self.over == "background" and self._selection.tool == "brush" else None

    # Called by the slices; True where the mouse belongs to the brush

    def press(self, pane: Any, event: QMouseEvent) -> bool:
        if not self.held or event.button() != Qt.MouseButton.LeftButton:
            return False
        position = pane.to_um(event.position())
        under = pane.label_at(position)
        session = self._editing.session(self.node)
        if session is None:
            self._editing.prepare(self.node, lambda ready: self.changed.emit())
            self.said.emit("The labels are being prepared: paint again in a moment")
            return True
        label = self.target(under)
        if label is None:
            self.said.emit("Choose the object to paint, begin the stroke on it, or press New object")
            return True
        plane = "all" if self.in_3d else pane.plane
        self._session, self._pane, self._at = session, pane, position
        self._stroke = Paint(label, self.radius_um, (_point(position),), plane, self.only_over(under))
        if not self._editing.paint(session, self._stroke):
            self._session = self._stroke = None
        return True

    def move(self, pane: Any, event: QMouseEvent) -> bool:
        if not self.held:
            return False
        self._at = pane.to_um(event.position())
        self.moved.emit()
        pane.update()
        if self._stroke is None or self._session is None or pane is not self._pane:
            return False
        point, last = _point(self._at), self._stroke.points_um[-1]
        if max(abs(a - b) for a, b in zip(point, last)) > 0.2 * self.voxel_um:
            stroke = self._stroke
            piece = Paint(stroke.label, stroke.radius_um, (last, point), stroke.plane, stroke.only_over)
            if self._editing.paint(self._session, piece):
                self._stroke = Paint(stroke.label, stroke.radius_um, (*stroke.points_um, point), stroke.plane, stroke.only_over)
        return True

    def release(self, pane: Any, event: QMouseEvent) -> bool:
        if self._stroke is None or event.button() != Qt.MouseButton.LeftButton:
            return self.held and event.button() == Qt.MouseButton.LeftButton
        self.finish(keep=True)
        return True

    def finish(self, keep: bool) -> None:
        """End the stroke: one act of it, or none."""
        stroke, session = self._stroke, self._session
        self._stroke = self._session = self._pane = None
        if stroke is None or session is None:
            return
        numbers = [stroke.label, stroke.radius_um, *(v for point in stroke.points_um for v in point)]
        values = {"paint": [numbers], "plane": stroke.plane, "only_over": stroke.only_over}
        noun = self.node.rstrip("s")
        title = f"Paint {noun} {stroke.label}" if stroke.label else "Erase"
        was_new, self.new = self.new, False
        self._editing.end_stroke(session, values if keep else None, title)
        if was_new and keep:
            self._selection.choose((stroke.label,))
            self.changed.emit()

    def leave(self) -> None:
        """The mouse has left the slices."""
        self._at = None
        self.moved.emit()

    def draw(self, pane: Any, painter: QPainter) -> None:
        """The outline of the brush, where it cuts the slice of a pane."""
        if not self.held or self._at is None or not self.radius_um:
            return
        away = abs(float(pane.slice_position()) - float(self._at[pane.normal]))
        if (not self.in_3d and not pane.underMouse()) or away >= self.radius_um:
            return
        radius = float(np.sqrt(self.radius_um**2 - away**2)) * pane.pixels_per_um()
        centre: QPointF = pane.to_pixel(self._at[pane.columns], self._at[pane.rows])
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        style = Qt.PenStyle.DashLine if self._selection.tool == "eraser" else Qt.PenStyle.SolidLine
        for colour, width in ((QColor(0, 0, 0, 200), 3.0), (QColor(255, 255, 255), 1.4)):
            painter.setPen(QPen(colour, width, style))
            painter.drawEllipse(centre, radius, radius)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def _point(position_zyx_um: np.ndarray) -> Point:
    """(x, y, z) in um to a tenth of a nanometre: what stands in the record is what was painted."""
    z, y, x = (round(float(v), 4) for v in position_zyx_um)
    return x, y, z
