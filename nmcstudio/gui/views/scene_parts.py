"""Parts of a 3D scene besides the surfaces: grey slices, volume rendering, box and scale bar. GUI thread only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.gui.views.contents import GreyBlock
from nmcstudio.gui.views.slicing import length_text, nice_length_um

FRAME = ("box", "bar", "bar-words")
GREY = ("grey-x", "grey-y", "grey-z", "volume")


def box_of(boxes: Iterable[NDArray[np.float64]]) -> NDArray[np.float64] | None:
    """The box around boxes ``[[x0, x1], [y0, y1], [z0, z1]]``; None if there are none."""
    found = list(boxes)
    if not found:
        return None
    stacked = np.stack(found)
    return np.stack([stacked[:, :, 0].min(axis=0), stacked[:, :, 1].max(axis=0)], axis=1)


def with_margin(box: NDArray[np.float64]) -> NDArray[np.float64]:
    """A box with room around it for the scale bar and its words."""
    room = 0.06 * float((box[:, 1] - box[:, 0]).max())
    return box + np.array([-room, room])


def aim(camera: Any, box: NDArray[np.float64], aspect: float) -> None:
    """Move a camera along its direction until the ball around a box fits into pictures of this width over height."""
    centre = box.mean(axis=1)
    radius = 0.5 * float(np.linalg.norm(box[:, 1] - box[:, 0]))
    half = np.arctan(np.tan(np.radians(camera.GetViewAngle()) / 2) * min(aspect, 1.0))
    away = np.array(camera.GetPosition()) - np.array(camera.GetFocalPoint())
    camera.SetFocalPoint(*centre)
    camera.SetPosition(*(centre + away / np.linalg.norm(away) * radius / np.sin(half)))
    camera.SetParallelScale(radius / min(aspect, 1.0))


def remove(view: Any, names: Iterable[str]) -> None:
    """Take actors off a view; names that are not there do not matter."""
    for name in names:
        view.remove_actor(name, reset_camera=False, render=False)


def draw_frame(view: Any, bounds: NDArray[np.float64], ink: str) -> None:
    """The box, and a bar of a round length along its lower edge that the usual corner looks at."""
    import pyvista as pv

    (x0, x1), (y0, y1), (z0, z1) = bounds
    style = {"reset_camera": False, "render": False, "pickable": False, "color": ink}
    view.add_mesh(pv.Box(bounds.ravel()).extract_all_edges(), name="box", line_width=1, opacity=0.5, **style)
    length = nice_length_um(0.5 * (x1 - x0))
    out = 0.03 * max(y1 - y0, z1 - z0)
    view.add_mesh(pv.Line((x1 - length, y1 + out, z0), (x1, y1 + out, z0)), name="bar", line_width=4, **style)
    view.add_point_labels(
        np.array([[x1 - length / 2, y1 + 5 * out, z0]]), [length_text(length)], name="bar-words", font_size=12, shape=None,
        show_points=False, text_color=ink, always_visible=True, reset_camera=False, render=False, pickable=False,
    )  # fmt: skip


def draw_grey(view: Any, block: GreyBlock) -> Any:
    """Three slices of a grey volume; returns the grid, for volume rendering."""
    import pyvista as pv
    from vtkmodules.vtkRenderingCore import vtkImageSlice, vtkImageSliceMapper

    grid = pv.ImageData(dimensions=block.values.shape[::-1], spacing=block.spacing_um[::-1], origin=block.origin_um[::-1])
    grid.point_data["grey"] = block.values.ravel()
    grid.GetPointData().SetActiveScalars("grey")
    for axis, name in enumerate(GREY[:3]):
        mapper = vtkImageSliceMapper()
        mapper.SetInputData(grid)
        mapper.SetOrientation(axis)
        image = vtkImageSlice()
        image.SetMapper(mapper)
        image.GetProperty().SetColorWindow(255)
        image.GetProperty().SetColorLevel(127.5)
        image.GetProperty().SetInterpolationTypeToNearest()
        view.add_actor(image, name=name, reset_camera=False, render=False, pickable=False)
    return grid


def place_grey(view: Any, block: GreyBlock, position_zyx_um: NDArray[np.float64]) -> None:
    """Move the three slices to a position."""
    for axis, name in enumerate(GREY[:3]):
        image = view.actors.get(name)
        if image is None:
            continue
        spacing, origin, count = block.spacing_um[2 - axis], block.origin_um[2 - axis], block.values.shape[2 - axis]
        index = round((position_zyx_um[2 - axis] - origin) / spacing)
        image.GetMapper().SetSliceNumber(min(max(index, 0), count - 1))


def draw_volume(view: Any, grid: Any) -> None:
    """Volume rendering in the place of the slices."""
    view.add_volume(
        grid, scalars="grey", cmap="gray", opacity="sigmoid_5", name="volume", show_scalar_bar=False, reset_camera=False,
        render=False, pickable=False,
    )  # fmt: skip
    remove(view, GREY[:3])
