"""One slice of a layer as the pixels of a picture; no widget here."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.gui.views.colours import argb, label_colours, label_table, map_table
from nmcstudio.gui.views.contents import Layer, PlaneSource
from nmcstudio.gui.views.layer_model import Look

# Normal of the pane -> array axes of (rows, columns): XY, XZ, YZ.
PLANES = {"xy": (0, 1, 2), "xz": (1, 0, 2), "yz": (2, 0, 1)}
_OPAQUE = np.uint32(0xFF000000)


def index_at(layer: Layer, axis: int, position_um: float) -> int:
    """Index of the slice normal to array axis `axis` (z, y, x) that holds a position on it."""
    return int(np.floor((position_um - layer.origin_um[axis]) / layer.spacing_um[axis] + 0.5))


def slice_of(layer: Layer, axis: int, index: int) -> NDArray | None:
    """The values ``[rows, columns]`` of one slice; None outside, and while a source does not know them."""
    if not 0 <= index < layer.values.shape[axis]:
        return None
    if isinstance(layer.values, PlaneSource):
        return layer.values.plane(axis, index)
    found: NDArray = layer.values[(slice(None),) * axis + (index,)]
    return found


def value_at(layer: Layer, position_um: NDArray[np.float64]) -> Any:
    """The value at a position (z, y, x), the label where values are pieces of objects; None outside or while unknown."""
    index = tuple(index_at(layer, axis, position_um[axis]) for axis in range(3))
    if not all(0 <= i < n for i, n in zip(index, layer.values.shape)):
        return None
    value = layer.values.value(index) if isinstance(layer.values, PlaneSource) else layer.values[index]
    return value if layer.numbers is None or value is None else layer.numbers[value]


def pixels(layer: Layer, look: Look, axis: int, index: int, strides: tuple[int, int] = (1, 1)) -> NDArray[np.uint32] | None:
    """Premultiplied ARGB32 words ``[rows, columns]`` of one slice of a layer (all kinds but outlines); None outside of it.

    Of every `strides` rows and columns the first one is taken.
    """
    values = slice_of(layer, axis, index)
    if values is None:
        return None
    values = values[:: strides[0], :: strides[1]]
    if layer.kind == "grey":
        return grey_pixels(values, look.limits or (0.0, 1.0), look.colormap)
    if layer.kind == "rgb":
        wide = values.astype(np.uint32)
        return _OPAQUE | (wide[..., 0] << 16) | (wide[..., 1] << 8) | wide[..., 2]
    if layer.kind == "mask":
        return np.where(values, word_of(layer.colour), np.uint32(0))
    if layer.words is not None:
        return striped(values, layer.words)
    if layer.table is not None:
        table = np.zeros((len(layer.table), 4), np.uint8)
        table[:, :3] = layer.table
        table[1:, 3] = 255
        return argb(table)[np.minimum(values, len(table) - 1)]
    if values.dtype in (np.uint8, np.uint16):
        # Every value has its word: no need to look for the largest one.
        return _label_words(np.iinfo(values.dtype).max + 1)[values]
    largest = int(values.max(initial=0))
    if largest > 1 << 20:
        unique, inverse = np.unique(values, return_inverse=True)
        return argb(label_colours(unique))[inverse.reshape(values.shape)]
    return _label_words(1 << max(largest, 255).bit_length())[values]


def striped(values: NDArray, words: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Words of values; of two rows of words the second one colours every other diagonal stripe."""
    if words.ndim == 1:
        return words[values]
    width = max(2, max(values.shape) // 120)
    rows, columns = np.ogrid[: values.shape[0], : values.shape[1]]
    odd = ((rows + columns) // width) % 2
    return words.ravel()[values + odd * words.shape[1]]


@lru_cache(maxsize=8)
def _label_words(size: int) -> NDArray[np.uint32]:
    return argb(label_table(size - 1))


def word_of(colour: tuple[int, int, int]) -> np.uint32:
    """An opaque colour as a word of ARGB32."""
    return np.uint32(0xFF000000 | (colour[0] << 16) | (colour[1] << 8) | colour[2])


@lru_cache(maxsize=16)
def _map_words(name: str) -> NDArray[np.uint32]:
    table = map_table(name).astype(np.uint32)
    return _OPAQUE | (table[:, 0] << 16) | (table[:, 1] << 8) | table[:, 2]


@lru_cache(maxsize=8)
def _wide_words(name: str, low: float, high: float, dtype: str) -> NDArray[np.uint32]:
    levels = np.arange(np.iinfo(dtype).max + 1)
    return _map_words(name)[_bytes(levels, low, high)]


def _bytes(values: NDArray, low: float, high: float) -> NDArray[np.uint8]:
    width = high - low if high > low else 1.0
    scaled = np.clip((values.astype(np.float32) - low) * (255.0 / width), 0, 255)
    return np.nan_to_num(scaled, copy=False).astype(np.uint8)


def grey_pixels(values: NDArray, limits: tuple[float, float], colormap: str) -> NDArray[np.uint32]:
    """A slice through a colour map; what is missing (NaN) is transparent."""
    if values.dtype in (np.uint8, np.uint16):
        return _wide_words(colormap, float(limits[0]), float(limits[1]), str(values.dtype))[values]
    words = _map_words(colormap)[_bytes(values, *limits)]
    if values.dtype.kind == "f":
        missing = np.isnan(values)
        if missing.any():
            words[missing] = 0
    return words


def edges(labels: NDArray) -> NDArray[np.bool_]:
    """Pixels of a slice that differ from the one to the right or below; between two labels only one side is marked."""
    found = np.zeros(labels.shape, bool)
    found[:, :-1] |= labels[:, 1:] != labels[:, :-1]
    found[:-1] |= labels[1:] != labels[:-1]
    return found


def edge_words(labels: NDArray, words_of: Callable[[NDArray, NDArray], NDArray[np.uint32]]) -> NDArray[np.uint32]:
    """Lines as of `edges`, each pixel in the word of the two labels that it parts; where it parts three, right goes first."""
    found = np.zeros(labels.shape, np.uint32)
    for here, there, part in (
        (labels[:-1], labels[1:], found[:-1]),
        (labels[:, :-1], labels[:, 1:], found[:, :-1]),
    ):
        differs = here != there
        part[differs] = words_of(here[differs], there[differs])
    return found


def screen_labels(
    layer: Layer, axes: tuple[int, int, int], index: int, corner_um: tuple[float, float], step_um: float, shape: tuple[int, int]
) -> NDArray | None:
    """Labels of one slice sampled at the pixels of the screen, so that lines between them are one pixel wide at any zoom.

    Parameters
    ----------
    axes
        Array axes of (normal, rows, columns).
    corner_um
        Position (rows, columns) of the middle of the first pixel.
    step_um
        Width of a pixel.
    shape
        Pixels (rows, columns).
    """
    values = slice_of(layer, axes[0], index)
    if values is None:
        return None
    places = []
    for axis, start, count, size in zip(axes[1:], corner_um, shape, values.shape):
        at = np.floor((start + step_um * np.arange(count) - layer.origin_um[axis]) / layer.spacing_um[axis] + 0.5).astype(
            np.int64
        )
        places.append((np.clip(at, 0, size - 1), (at >= 0) & (at < size)))
    (rows, rows_in), (columns, columns_in) = places
    found = values[rows[:, None], columns[None, :]]
    found[~rows_in] = 0
    found[:, ~columns_in] = 0
    return found


def rim(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of a mask with a neighbour outside, the picture's border not counted."""
    inner = mask.copy()
    inner[1:] &= mask[:-1]
    inner[:-1] &= mask[1:]
    inner[:, 1:] &= mask[:, :-1]
    inner[:, :-1] &= mask[:, 1:]
    return mask & ~inner


def nice_length_um(width_um: float) -> float:
    """The longest of 1, 2, 5 times a power of ten that is not over a width."""
    if not width_um > 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(width_um))
    return float(max(factor * power for factor in (1, 2, 5) if factor * power <= width_um * (1 + 1e-9)))


def length_text(length_um: float) -> str:
    """A length with a unit that suits it: nm, µm or mm."""
    if length_um < 0.9995:
        return f"{length_um * 1000:.3g} nm"
    if length_um >= 1000:
        return f"{length_um / 1000:.3g} mm"
    return f"{length_um:.3g} µm"
