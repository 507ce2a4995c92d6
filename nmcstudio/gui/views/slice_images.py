"""Pictures of the layers of one plane, each kept until what it was made of changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from PySide6.QtGui import QImage, QPainter

from nmcstudio.gui.views.colours import SELECTED
from nmcstudio.gui.views.contents import Layer
from nmcstudio.gui.views.layer_model import Look
from nmcstudio.gui.views.lazy_planes import LazyPlanes
from nmcstudio.gui.views.slicing import edge_words, edges, pixels, rim, screen_labels, word_of

Axes = tuple[int, int, int]


class _Held:
    """A picture with what it was made of; the arrays are held by reference, so that no other can take their place in memory."""

    def __init__(self, mark: tuple[Any, ...], layer: Layer, image: QImage) -> None:
        self.mark, self.image = mark, image
        self._layer = layer

    def shows(self, layer: Layer) -> bool:
        mine = self._layer
        return mine is layer or (mine.values is layer.values and mine.table is layer.table and mine.words is layer.words)


class SliceImages:
    """The pictures of one pane; `axes` are the array axes of (normal, rows, columns)."""

    def __init__(self, axes: Axes) -> None:
        self._axes = axes
        self._held: dict[str, _Held] = {}

    def clear(self) -> None:
        self._held.clear()

    def image(self, layer: Layer, look: Look, index: int, strides: tuple[int, int]) -> QImage | None:
        """One slice of a layer, every `strides`-th voxel along rows and columns; None where nothing is known of it."""
        mark = (index, look.colormap, look.limits, layer.colour, strides)
        held = self._held.get(layer.key)
        if held is None or held.mark != mark or not held.shows(layer):
            words = pixels(layer, look, self._axes[0], index, strides)
            if words is None:
                # While a plane is worked out the one before stays: nothing flickers.
                waits = held is not None and isinstance(layer.values, LazyPlanes) and held.shows(layer)
                return held.image if waits and held is not None else None
            held = self._held[layer.key] = _Held(mark, layer, as_image(words))
        return held.image

    def lines(
        self, layer: Layer, index: int, chosen: tuple[int, ...] | None, view: tuple[float, float, float, int, int, float]
    ) -> QImage | None:
        """Lines between labels, or around the `chosen` ones, at the resolution of the screen.

        `view` is pixels per um, the position (columns, rows) in the middle in um, width and height, and device pixels per pixel.
        """
        mark = (index, chosen, layer.colour, view)
        name = layer.key if chosen is None else f"selected {layer.key}"
        held = self._held.get(name)
        if held is None or held.mark != mark or not held.shows(layer):
            scale, x, y, width, height, ratio = view
            step = 1.0 / (scale * ratio)
            shape = (round(height * ratio), round(width * ratio))
            corner = (y - (shape[0] - 1) / 2 * step, x - (shape[1] - 1) / 2 * step)
            labels = screen_labels(layer, self._axes, index, corner, step, shape)
            if labels is None:
                return None
            if chosen is not None:
                inside = np.isin(labels, chosen)
                words = np.where(rim(inside) | rim(rim(inside) ^ inside), word_of(SELECTED), np.uint32(0))
            elif layer.pair_words is not None:
                words = edge_words(labels, layer.pair_words)
            else:
                words = np.where(edges(labels), word_of(layer.colour), np.uint32(0))
            image = as_image(words)
            image.setDevicePixelRatio(ratio)
            held = self._held[name] = _Held(mark, layer, image)
        return held.image

    def touch(self, layer: Layer, look: Look, box: tuple[slice, slice, slice]) -> None:
        """Draw a part of a layer anew: what a brush has changed."""
        normal, rows, columns = self._axes
        around = box[normal]
        for name in (layer.key, f"selected {layer.key}"):
            held = self._held.get(name)
            if held is None or layer.kind not in ("labels", "outline") or not around.start <= held.mark[0] < around.stop:
                continue
            if layer.kind == "outline" or name != layer.key or not held.shows(layer) or held.mark[-1] != (1, 1):
                del self._held[name]
                continue
            words = pixels(replace(layer, values=layer.values[box]), look, normal, held.mark[0] - around.start)
            painter = QPainter(held.image)
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
            painter.drawImage(box[columns].start, box[rows].start, as_image(words))
            painter.end()


def as_image(words: np.ndarray) -> QImage:
    """Premultiplied ARGB32 words ``[rows, columns]`` as a picture of its own."""
    words = np.ascontiguousarray(words, dtype=np.uint32)
    height, width = words.shape
    return QImage(words.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied).copy()
