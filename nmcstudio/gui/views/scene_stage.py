"""The things on one VTK view: surfaces with their cut and coarse meshes, grey slices, box and scale bar. GUI thread only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.gui.views import scene_parts as parts
from nmcstudio.gui.views.contents import GreyBlock, Surfaces
from nmcstudio.gui.views.scene_build import Prepared
from nmcstudio.gui.views.scene_surfaces import Style, SurfaceActors, key_of

# Frames that take longer than this, in seconds, are drawn coarser while the camera moves.
_SLOW_FRAME_S = 0.05
_GREY = "grey"


class Stage:
    """Draws prepared things; nothing is worked out here that grows with them.

    Attributes
    ----------
    things
        What is there, by key, on view or not.
    bounds
        Box around all of them, ``[[x0, x1], [y0, y1], [z0, z1]]`` in um, or None.
    surfaces
        The actors of the surfaces.
    """

    def __init__(self, view: Any, style_of: Callable[[str], Style]) -> None:
        self.view = view
        self.surfaces = SurfaceActors(view)
        self.things: dict[str, Prepared] = {}
        self.bounds: NDArray[np.float64] | None = None
        self._style_of = style_of
        self._on_view: set[str] = set()
        self._cut_axis: int | None = None
        self._cut_share = 0.5
        self._grid: Any = None

    # Things

    def take(self, made: Mapping[str, Prepared]) -> None:
        """Keep things that a worker has prepared."""
        self.things |= made
        self.bounds = parts.box_of(each.box_um for each in self.things.values() if each.box_um is not None)

    def remove(self, key: str) -> None:
        """Forget a thing."""
        self.hide(key)
        self.things.pop(key, None)
        self.take({})

    def hide(self, key: str) -> None:
        """Take a thing off the view; it stays ready."""
        self._on_view.discard(key)
        self.surfaces.remove(key, f"{key}-cap", f"{key}-quick", *(parts.GREY if key == _GREY else ()))

    def draw(self, key: str, position_zyx_um: NDArray[np.float64]) -> None:
        """Put a thing on view, grey slices through a position."""
        self._on_view.add(key)
        prepared = self.things[key]
        if isinstance(prepared.thing, GreyBlock):
            self._grid = parts.draw_grey(self.view, prepared.thing)
            parts.place_grey(self.view, prepared.thing, position_zyx_um)
        elif prepared.fine is not None:
            actor = self.surfaces.draw(key, prepared.thing, prepared.fine, self._style_of(key), translucent=key == "shell")
            if actor is not None:
                self._cut(key)

    def surfaces_on_view(self) -> Iterator[tuple[str, Surfaces]]:
        """Key and thing of each surface that is to be seen."""
        for key, prepared in self.things.items():
            if key in self._on_view and isinstance(prepared.thing, Surfaces):
                yield key, prepared.thing

    def redraw(self, position_zyx_um: NDArray[np.float64]) -> None:
        """Draw all surfaces anew."""
        for key, _ in list(self.surfaces_on_view()):
            self.draw(key, position_zyx_um)

    def recolour(self) -> None:
        """Colours alone have changed."""
        for name in self.surfaces.skins:
            thing = self.things[key_of(name)].thing
            if isinstance(thing, Surfaces):
                self.surfaces.recolour(name, thing, self._style_of(key_of(name)))

    # Cut

    def cut_along(self, axis: int | None, share: float) -> None:
        """Cut all surfaces normal to array axis `axis` (z, y, x) at a share of the box; None takes the cut away."""
        self._cut_axis, self._cut_share = axis, share
        for key, _ in list(self.surfaces_on_view()):
            if key in self.view.actors:
                self._cut(key)

    def _cut(self, key: str) -> None:
        thing = self.things[key].thing
        axis = self._cut_axis if self.bounds is not None else None
        position_um = 0.0
        if axis is not None and self.bounds is not None:
            low, high = self.bounds[2 - axis]
            position_um = float(low + (high - low) * self._cut_share)
        if isinstance(thing, Surfaces):
            self.surfaces.cut(key, thing, axis, position_um, self._style_of(key))

    # While a hand turns the camera

    def grasp(self, grasped: bool) -> None:
        """Coarser meshes while the camera moves, where a frame takes too long for that."""
        if grasped and self.view.frame_seconds < _SLOW_FRAME_S:
            return
        for key, thing in list(self.surfaces_on_view()):
            quick = self.things[key].quick
            if quick is None or key not in self.view.actors:
                continue
            if grasped:
                actor = self.surfaces.draw(f"{key}-quick", thing, quick, self._style_of(key), translucent=key == "shell")
                if actor is not None:
                    self.surfaces.share_cut(key, actor)
            else:
                self.surfaces.remove(f"{key}-quick")
            self.view.actors[key].SetVisibility(not grasped)

    # Grey values

    @property
    def has_grey(self) -> bool:
        """Whether grey slices are on view."""
        return _GREY in self._on_view

    def place_grey(self, position_zyx_um: NDArray[np.float64]) -> None:
        """Move the grey slices to a position."""
        thing = self.things[_GREY].thing if self.has_grey else None
        if isinstance(thing, GreyBlock):
            parts.place_grey(self.view, thing, position_zyx_um)

    def render_volume(self, shown: bool, position_zyx_um: NDArray[np.float64]) -> None:
        """Volume rendering in the place of the grey slices, or the slices again."""
        if shown and self.has_grey:
            parts.draw_volume(self.view, self._grid)
            return
        self.surfaces.remove("volume")
        if self.has_grey:
            self.draw(_GREY, position_zyx_um)

    # Box and scale bar

    def draw_frame(self, ink: str) -> None:
        """The box around everything with its scale bar, or nothing around nothing."""
        if self.bounds is None:
            parts.remove(self.view, parts.FRAME)
        else:
            parts.draw_frame(self.view, self.bounds, ink)

    # Picking

    def pick(self, x: float, y: float) -> tuple[str, int, NDArray[np.float64] | None]:
        """Key of the thing and label under a pixel, and the position (z, y, x) in um; ("", 0, None) where there is nothing."""
        from vtkmodules.vtkRenderingCore import vtkCellPicker

        ratio = self.view.devicePixelRatioF()
        picker = vtkCellPicker()
        picker.SetTolerance(0.0005)
        picker.Pick(x * ratio, (self.view.height() - 1 - y) * ratio, 0.0, self.view.renderer)
        actor, cell = picker.GetActor(), picker.GetCellId()
        if actor is None or cell < 0:
            return "", 0, None
        key, label = self.surfaces.label_of(actor, cell)
        return (key, label, np.array(picker.GetPickPosition())[::-1]) if key else ("", 0, None)
