"""Colours that mean the same in every view: labels and grey values. Those of data and model are the theme's."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.colours import oklab_to_srgb

ROLE_NAMES = {"data": "data", "model": "model", "fitted": "fitted tessellation", "theory": "theory"}
SELECTED = (255, 190, 0)
MAPS = ("grey", "viridis", "cividis", "plasma", "inverted")


def _mixed(labels: NDArray[np.uint64]) -> NDArray[np.uint64]:
    # The finaliser of splitmix64: neighbouring labels get unrelated bits.
    with np.errstate(over="ignore"):
        z = labels * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def label_colours(labels: NDArray) -> NDArray[np.uint8]:
    """RGBA ``(n, 4)`` of labels, a fixed function of the label; 0 is transparent.

    Lightness takes four clearly different levels and carries most of the difference, so that two labels can be told apart
    without colour vision.
    """
    labels = np.asarray(labels)
    bits = _mixed(labels.astype(np.uint64))
    level = np.array([0.50, 0.62, 0.73, 0.84])[(bits & np.uint64(3)).astype(int)]
    hue = 2 * np.pi * ((bits >> np.uint64(8)) & np.uint64(0xFFFF)).astype(float) / 65536
    chroma = 0.09 + 0.06 * ((bits >> np.uint64(32)) & np.uint64(0xFF)).astype(float) / 255
    colours = np.empty((len(labels), 4), np.uint8)
    colours[:, :3] = oklab_to_srgb(level, chroma * np.cos(hue), chroma * np.sin(hue))
    colours[:, 3] = np.where(labels == 0, 0, 255)
    return colours


@cache
def _table(size: int) -> NDArray[np.uint8]:
    table = label_colours(np.arange(size))
    table.flags.writeable = False
    return table


def label_table(largest: int) -> NDArray[np.uint8]:
    """RGBA ``(largest + 1 or more, 4)`` of the labels 0, 1, …; read-only and kept."""
    return _table(1 << max(int(largest), 255).bit_length())


def make_label_tables(largest: int) -> None:
    """Make the tables up to a label ready for `label_table`; they take a while."""
    size = 256
    while size <= largest:
        _table(size)
        size *= 2


@cache
def map_table(name: str) -> NDArray[np.uint8]:
    """RGB ``(256, 3)`` of one of `MAPS`."""
    ramp = np.arange(256, dtype=np.uint8)
    if name == "grey":
        return np.repeat(ramp[:, None], 3, axis=1)
    if name == "inverted":
        return np.repeat(ramp[::-1, None], 3, axis=1)
    import pyqtgraph

    table: NDArray[np.uint8] = pyqtgraph.colormap.get(name).getLookupTable(0.0, 1.0, 256, alpha=False).astype(np.uint8)
    return table


def argb(rgba: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """RGBA bytes ``(..., 4)`` as the words of QImage's premultiplied ARGB32."""
    wide = rgba.astype(np.uint32)
    alpha = wide[..., 3]
    red, green, blue = ((wide[..., i] * alpha + 127) // 255 for i in range(3))
    return (alpha << 24) | (red << 16) | (green << 8) | blue
