"""The layers on view and how each is to be drawn; settings stay with a layer's name from node to node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from nmcstudio.gui.views.contents import Layer

# Previews are the layers whose keys begin so.
PREVIEW = "preview"


def is_preview(layer: Layer) -> bool:
    """True for a layer that shows what a step would give."""
    return layer.key.startswith(PREVIEW)


@dataclass(frozen=True)
class Look:
    """How a layer is drawn."""

    visible: bool
    opacity: float
    colormap: str
    limits: tuple[float, float] | None


class LayerModel(QObject):
    """Layers from the bottom to the top, with their looks.

    ``changed`` says that pictures are to be drawn anew, ``replaced`` that there are other layers, ``touched`` that values of
    labels have changed in place inside a box (slices z, y, x).
    """

    changed = Signal()
    replaced = Signal()
    touched = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.layers: tuple[Layer, ...] = ()
        self._looks: dict[str, Look] = {}
        self._kept: dict[str, dict[str, Any]] = {}
        self.overlays = True

    def set_layers(self, layers: Sequence[Layer]) -> None:
        """Put other layers on view; what the user set for layers of the same name holds."""
        self.layers = tuple(layers)
        self._looks = {}
        for layer in self.layers:
            look = Look(layer.visible, layer.opacity, layer.colormap, layer.limits)
            kept = {name: value for name, value in self._kept.get(layer.key, {}).items() if name != "limits"}
            self._looks[layer.key] = replace(look, **kept)
        self.replaced.emit()

    def put(self, layer: Layer) -> None:
        """Add a layer on top, or put it in the place of the one of the same name."""
        old = self.layer(layer.key)
        if old is None:
            self.set_layers((*self.layers, layer))
        else:
            self.layers = tuple(layer if each is old else each for each in self.layers)
            self.changed.emit()

    def remove(self, key: str) -> None:
        if self.layer(key) is not None:
            self.set_layers([layer for layer in self.layers if layer.key != key])

    def replace_those(self, which: Callable[[Layer], bool], layers: Sequence[Layer]) -> None:
        """Put layers on top in the place of those that a function picks; nothing is rebuilt where the names stay the same."""
        after = (*(layer for layer in self.layers if not which(layer)), *layers)
        if [(layer.key, layer.title) for layer in after] != [(layer.key, layer.title) for layer in self.layers]:
            self.set_layers(after)
        elif layers:
            self.layers = after
            self.changed.emit()

    def layer(self, key: str) -> Layer | None:
        return next((layer for layer in self.layers if layer.key == key), None)

    def look(self, key: str) -> Look:
        return self._looks[key]

    def shown(self) -> list[Layer]:
        """Layers to be drawn, from the bottom to the top; without overlays only the lowest grey or coloured one.

        A preview stands in the place of the labels that it would replace.
        """
        shown = [layer for layer in self.layers if self._looks[layer.key].visible]
        if any(map(is_preview, shown)):
            shown = [layer for layer in shown if layer.kind not in ("labels", "outline") or is_preview(layer)]
        if self.overlays:
            return shown
        return shown[:1] if shown and shown[0].kind in ("grey", "rgb") else []

    def set_look(self, key: str, **values: Any) -> None:
        """Change one or more of visible, opacity, colormap, limits."""
        self._looks[key] = replace(self._looks[key], **values)
        self._kept.setdefault(key, {}).update(values)
        self.changed.emit()

    def toggle_overlays(self) -> None:
        self.overlays = not self.overlays
        self.changed.emit()

    def forget(self) -> None:
        """Every layer looks as it does at first, overlays are on."""
        self._kept = {}
        self.overlays = True
        self.set_layers(self.layers)

    def bounds_um(self) -> np.ndarray | None:
        """Box ``[[x0, x1], [y0, y1], [z0, z1]]`` of all layers, to the outer faces of the voxels; None without layers."""
        boxes = [box_um(layer) for layer in self.layers]
        if not boxes:
            return None
        stacked = np.stack(boxes)
        return np.stack([stacked[:, :, 0].min(axis=0), stacked[:, :, 1].max(axis=0)], axis=1)

    def state(self) -> dict[str, Any]:
        return {key: {k: v for k, v in kept.items() if k != "limits"} for key, kept in self._kept.items()}

    def restore(self, state: dict[str, Any]) -> None:
        fields = ("visible", "opacity", "colormap")
        self._kept = {key: {k: v for k, v in kept.items() if k in fields} for key, kept in state.items()}
        self.set_layers(self.layers)


def box_um(layer: Layer) -> np.ndarray:
    """Outer box of a layer's voxels, ``[[x0, x1], [y0, y1], [z0, z1]]`` in um."""
    spacing = np.asarray(layer.spacing_um)
    low = np.asarray(layer.origin_um) - spacing / 2
    high = low + spacing * np.asarray(layer.values.shape[:3])
    return np.stack([low, high], axis=1)[::-1]
