"""Pictures of one plane: sampled where the screen is coarser, kept until what they show changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nmcstudio.gui.views.contents import Layer, PlaneSource
from nmcstudio.gui.views.layer_model import Look
from nmcstudio.gui.views.slice_images import SliceImages
from nmcstudio.gui.views.slicing import PLANES, pixels, striped, value_at

LOOK = Look(True, 1.0, "grey", (0.0, 255.0))


def grey() -> Layer:
    return Layer("grey", "Grey", "grey", np.random.default_rng(1).integers(0, 255, (7, 11, 13), np.uint8), (1.0, 1.0, 1.0))


@pytest.mark.parametrize("strides", [(1, 1), (2, 3), (20, 20)])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_coarser_picture_is_a_sample_of_the_full_one(axis, strides):
    layer = grey()
    full = pixels(layer, LOOK, axis, 3)
    assert np.array_equal(pixels(layer, LOOK, axis, 3, strides), full[:: strides[0], :: strides[1]])


def test_a_picture_is_made_anew_for_other_values_only():
    images, layer = SliceImages(PLANES["xy"]), grey()
    first = images.image(layer, LOOK, 3, (1, 1))
    assert images.image(replace(layer, title="other"), LOOK, 3, (1, 1)) is first
    other = images.image(replace(layer, values=layer.values.copy()), LOOK, 3, (1, 1))
    assert other is not first
    assert images.image(layer, LOOK, 3, (2, 2)).width() == 7
    assert images.image(layer, LOOK, 9, (1, 1)) is None


def test_stripes_show_the_second_colour_on_half_of_the_pixels():
    words = np.array([[0, 10, 20], [0, 10, 99]], np.uint32)
    values = np.full((60, 60), 2)
    values[:, :30] = 1
    found = striped(values, words)
    assert (found[:, :30] == 10).all()
    assert np.mean(found[:, 30:] == 99) == pytest.approx(0.5, abs=0.05)
    assert set(np.unique(found[:, 30:])) == {20, 99}


class Ramp(PlaneSource):
    shape, dtype = (4, 5, 6), np.dtype(np.int64)

    def plane(self, axis, index):
        return None if (axis, index) == (0, 2) else np.arange(120).reshape(self.shape).take(index, axis=axis)


def test_a_source_gives_planes_and_values_like_an_array():
    array = np.arange(120).reshape(4, 5, 6)
    source = Layer("a", "A", "labels", Ramp(), (1.0, 1.0, 1.0))
    plain = replace(source, values=array)
    for axis, index in ((0, 1), (1, 4), (2, 5)):
        assert np.array_equal(pixels(source, LOOK, axis, index), pixels(plain, LOOK, axis, index))
    assert pixels(source, LOOK, 0, 2) is None
    at = np.array([1.2, 3.9, 4.6])
    assert value_at(source, at) == value_at(plain, at) == array[1, 4, 5]
    assert value_at(source, np.array([2.0, 0.0, 0.0])) is None
    assert value_at(plain, np.array([9.0, 0.0, 0.0])) is None
    numbered = replace(plain, numbers=np.arange(120) // 2)
    assert value_at(numbered, at) == array[1, 4, 5] // 2
