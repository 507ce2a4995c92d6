"""Surfaces and their cuts as actors of a VTK view. GUI thread only; what takes long is prepared by `scene_actors`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nmcstudio.gui.views import scene_actors as actors
from nmcstudio.gui.views.contents import Surfaces

_EDGES = 60_000


@dataclass(frozen=True)
class Style:
    """How a thing is drawn now.

    Attributes
    ----------
    colouring
        Name of the colours.
    chosen, hidden
        Labels that are selected, and those that are not shown.
    edges
        Draw the edges of triangles; None where there are few enough to see something between them.
    """

    colouring: str
    chosen: tuple[int, ...]
    hidden: frozenset[int]
    edges: bool | None


class SurfaceActors:
    """The surfaces on one view, by name: a thing's key, with "-quick" for its coarse mesh and "-cap" for its cut."""

    def __init__(self, view: Any) -> None:
        self._view = view
        self.skins: dict[str, tuple[actors.Skin, Any]] = {}

    def draw(self, name: str, thing: Surfaces, drawn: actors.Drawn, style: Style, *, translucent: bool) -> Any:
        """Put a prepared mesh of a thing on view; returns the actor, or None where nothing of it is to be seen."""
        import pyvista as pv

        if len(drawn.triangles) == 0:
            self.remove(name)
            return None
        poly = pv.PolyData.from_regular_faces(drawn.points, drawn.triangles)
        colouring = style.colouring if drawn.mesh is thing.mesh or style.colouring not in thing.scalars else "id"
        poly.cell_data["rgb"] = actors.face_colours(thing, drawn.skin, colouring, style.chosen)
        if drawn.normals is not None:
            poly.point_data["Normals"] = drawn.normals
            poly.GetPointData().SetActiveNormals("Normals")
        edges = style.edges if style.edges is not None else len(drawn.triangles) < _EDGES
        actor = self._view.add_mesh(
            poly, scalars="rgb", rgb=True, name=name, reset_camera=False, render=False, show_scalar_bar=False, copy_mesh=False,
            show_edges=thing.edges and edges, edge_color="#30353a", edge_opacity=0.5, line_width=1,
            opacity=0.35 if translucent else 1.0, ambient=0.25, diffuse=0.8, specular=0.05, pickable=not translucent,
        )  # fmt: skip
        if drawn.normals is not None:
            actor.GetProperty().SetInterpolationToPhong()
        self.skins[name] = (drawn.skin, poly)
        return actor

    def cut(self, key: str, thing: Surfaces, axis: int | None, position_um: float, style: Style) -> None:
        """Cut a thing at a plane normal to array axis `axis` (z, y, x) and close it with a cap; None takes the cut away."""
        import pyvista as pv
        from vtkmodules.vtkCommonDataModel import vtkPlane

        mapper = self._view.actors[key].GetMapper()
        mapper.RemoveAllClippingPlanes()
        if axis is None:
            self.remove(f"{key}-cap")
            return
        plane = vtkPlane()
        origin, normal = [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]
        origin[2 - axis], normal[2 - axis] = position_um, -1.0
        plane.SetOrigin(origin)
        plane.SetNormal(normal)
        mapper.AddClippingPlane(plane)
        found = actors.cap_of(thing.labels, axis, position_um, style.hidden) if thing.labels is not None else None
        if found is None:
            self.remove(f"{key}-cap")
            return
        points, quads, labels = found
        cap = pv.PolyData.from_regular_faces(points.astype(np.float32), quads)
        skin = actors.Skin(quads, labels, np.zeros(len(labels), np.int64))
        colouring = style.colouring if style.colouring not in thing.scalars else "id"
        cap.cell_data["rgb"] = actors.face_colours(thing, skin, colouring, style.chosen)
        self.skins[f"{key}-cap"] = (skin, cap)
        self._view.add_mesh(
            cap, scalars="rgb", rgb=True, name=f"{key}-cap", reset_camera=False, render=False, show_scalar_bar=False,
            copy_mesh=False, lighting=False,
        )  # fmt: skip

    def share_cut(self, key: str, actor: Any) -> None:
        """Cut another mesh of a thing where the thing is cut."""
        for plane in self._view.actors[key].GetMapper().GetClippingPlanes() or ():
            actor.GetMapper().AddClippingPlane(plane)

    def recolour(self, name: str, thing: Surfaces, style: Style) -> None:
        """Colour what is on view anew."""
        skin, poly = self.skins[name]
        colouring = style.colouring if name == key_of(name) or style.colouring not in thing.scalars else "id"
        poly.cell_data["rgb"] = actors.face_colours(thing, skin, colouring, style.chosen)

    def remove(self, *names: str) -> None:
        """Take actors off the view; names that are not there do not matter."""
        for name in names:
            self.skins.pop(name, None)
            self._view.remove_actor(name, reset_camera=False, render=False)

    def label_of(self, actor: Any, cell: int) -> tuple[str, int]:
        """Key of the thing and label that a triangle of an actor belongs to; an empty key if it is no surface."""
        for name, (skin, _) in self.skins.items():
            if self._view.actors.get(name) is actor and cell < len(skin.labels):
                return key_of(name), int(skin.labels[cell])
        return "", 0


def key_of(name: str) -> str:
    """The thing that an actor belongs to: caps and coarse meshes carry its key with an ending."""
    return name.removesuffix("-cap").removesuffix("-quick")
