"""Which views of an area are to be seen; plain rules without Qt."""

from __future__ import annotations

from dataclasses import dataclass

from nmcstudio.gui.views.contents import Content, Layer
from nmcstudio.gui.views.slicing import PLANES

LAYOUTS = ("slices", "3d", "both", "compare")


@dataclass(frozen=True)
class Arrangement:
    """What stands in the middle of the window.

    Attributes
    ----------
    slices
        Planes that are on view.
    scene
        Whether 3D is.
    plots
        Whether the plots stand there: of what has no pictures.
    """

    slices: frozenset[str] = frozenset()
    scene: bool = False
    plots: bool = False

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to be seen."""
        return not (self.slices or self.scene or self.plots)


def arrange(content: Content | None, layers: tuple[Layer, ...], layout: str, maximised: str) -> Arrangement:
    """Views for a content and the layers over it, in a layout of `LAYOUTS`; `maximised` is a plane alone, or empty."""
    has_scene = content is not None and bool(content.scene)
    plots = not layers and content is not None and bool(content.plots)
    flat = bool(layers) and layers[0].values.shape[0] == 1
    # A single section is a sheet in 3D and says nothing there that it does not say as a picture.
    with_3d = ("3d",) if flat else ("3d", "both")
    scene = has_scene and (layout in with_3d or not layers) and not maximised
    slices: frozenset[str] = frozenset()
    if layers and (layout in ("slices", "both") or not has_scene):
        slices = frozenset([maximised] if maximised else ["xy"] if flat else PLANES)
    return Arrangement(slices, scene, plots)
