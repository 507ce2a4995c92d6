"""Layers of orientations plane by plane, their keys, and the plots of orientations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.core.grains import GrainModel, Law
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.crystal.c_axis_colours import c_axis_colours
from nmcstudio.crystal.ipf import ipf_colours
from nmcstudio.crystal.quaternions import from_axis_angle, multiply, random_orientations
from nmcstudio.gui.views import slicing
from nmcstudio.gui.views.content_orientations import model_plots
from nmcstudio.gui.views.contents import Layer
from nmcstudio.gui.views.layer_keys import LayerKeys
from nmcstudio.gui.views.layer_model import LayerModel, Look
from nmcstudio.gui.views.lazy_planes import LazyPlanes
from nmcstudio.gui.views.orientation_layers import boundary_words
from nmcstudio.gui.views.plot_canvas import _outwards
from nmcstudio.gui.views.plot_data import plot_csv
from nmcstudio.gui.views.plot_files import plot_bytes
from nmcstudio.gui.views.slice_images import SliceImages
from nmcstudio.gui.views.store import make_content

pytestmark = pytest.mark.gui

SHAPE = (4, 12, 16)


def stack_of_blocks(group: str = "-3m", shape: tuple[int, int, int] = SHAPE) -> tuple[EbsdStack, LabelVolume]:
    """Blocks of 4 voxels with one orientation each, a little noise inside; a corner is not indexed."""
    z, y, x = np.meshgrid(*(np.arange(n) // 4 for n in shape), indexing="ij")
    labels = (1 + x + 4 * y + 16 * z).astype(np.uint16)
    rng = np.random.default_rng(1)
    means = np.concatenate([np.full((1, 4), np.nan), random_orientations(int(labels.max()), rng)])
    noise = rng.normal(scale=np.radians(0.3), size=(*shape, 3))
    q = multiply(from_axis_angle(noise, np.linalg.norm(noise, axis=-1)), means[labels])
    phase = np.ones(shape, np.uint8)
    phase[0, 0, 0] = 0
    q[0, 0, 0] = np.nan
    quality = rng.random(shape).astype(np.float32)
    spacing = (0.5, 0.4, 0.3)
    stack = EbsdStack(q, phase, (Phase("lattice", group),), quality, quality, phase > 0, spacing)
    grains = LabelVolume(labels, spacing, kind="grains", quaternions=means, point_group=group)
    return stack, grains


def layers_of(content) -> dict[str, Layer]:
    return {layer.key: layer for layer in content.layers}


def test_planes_of_a_map_are_those_of_the_whole() -> None:
    stack, _ = stack_of_blocks()
    layers = layers_of(make_content("ebsd", {"ebsd": stack}, Monitor()))
    indexed = stack.phase > 0
    for name in "xyz":
        whole = np.where(indexed[..., None], ipf_colours(stack.quaternions, "-3m", name), 0)
        for axis in range(3):
            np.testing.assert_array_equal(layers[f"ipf-{name}"].values.plane(axis, 1), np.take(whole, 1, axis))
    whole = np.where(indexed[..., None], c_axis_colours(stack.quaternions), 0)
    np.testing.assert_array_equal(layers["c-axis"].values.plane(0, 0), whole[0])
    kernel = layers["kam"].values.plane(0, 2)
    assert 0.2 < np.nanmean(kernel) < 2
    classes = layers["angles"].values.plane(0, 1)
    # Blocks of 4: every fourth column has a boundary on its right, inside there is none.
    assert np.all(classes[:, 3::4][:, :3] > 0)
    assert not classes[:3, :3].any()
    assert layers["ipf-z"].visible
    assert not layers["ipf-x"].visible
    assert "c-axis" not in layers_of(make_content("ebsd", {"ebsd": stack_of_blocks("m-3m")[0]}, Monitor()))


def test_lazy_planes_are_asked_for_once_and_kept_within_their_room() -> None:
    made: list[tuple[int, int]] = []

    def work(axis: int, index: int) -> np.ndarray:
        made.append((axis, index))
        return np.full((100, 100), index, np.float32)

    planes = LazyPlanes((50, 100, 100), np.float32, work, point_us=1.0, room_bytes=5 * 40_000)
    asked: list[tuple[int, int]] = []
    planes.ask = lambda source, axis, index: asked.append((axis, index))
    assert planes.plane(0, 3)[0, 0] == 3  # 10 ms: made on the spot
    slow = LazyPlanes((50, 100, 100), np.float32, work, point_us=10.0, room_bytes=5 * 40_000)
    slow.ask = planes.ask
    assert slow.plane(0, 7) is None
    assert asked == [(0, 7)]
    assert slow.value((7, 1, 1)) is None
    slow.put(0, 7, slow.work_out(0, 7))
    assert slow.plane(0, 7)[2, 2] == 7
    assert slow.value((7, 1, 1)) == 7
    for index in range(20, 30):
        slow.put(0, index, work(0, index))
    assert slow.plane(0, 7) is None
    assert slow.plane(0, 29) is not None
    assert len(asked) == 2


def test_the_picture_before_stays_while_a_plane_is_made() -> None:
    planes = LazyPlanes((4, 100, 100), np.uint8, lambda axis, index: np.full((100, 100), index, np.uint8), point_us=10.0)
    planes.put(0, 1, planes.work_out(0, 1))
    planes.ask = lambda source, axis, index: None
    images = SliceImages((0, 1, 2))
    layer = Layer("a", "A", "grey", planes, (1.0, 1.0, 1.0), limits=(0.0, 3.0))
    look = Look(True, 1.0, "grey", (0.0, 3.0))
    assert images.image(layer, look, 2, (1, 1)) is None
    first = images.image(layer, look, 1, (1, 1))
    assert images.image(layer, look, 2, (1, 1)) is first
    planes.put(0, 2, planes.work_out(0, 2))
    assert images.image(layer, look, 2, (1, 1)) is not first


def test_lines_between_grains_have_the_colour_of_their_angle() -> None:
    q = np.full((5, 4), np.nan)
    q[1] = (1.0, 0, 0, 0)
    q[2] = from_axis_angle((0, 0, 1), np.radians(10.0))
    q[3] = from_axis_angle((1, 0, 0), np.radians(50.0))
    words = boundary_words(q, "-3m")
    low, high, unknown, outside = words(np.array([1, 1, 1, 1]), np.array([2, 3, 4, 9]))
    assert len({int(low), int(high), int(unknown)}) == 3
    assert unknown == outside
    labels = np.array([[1, 1, 2], [1, 3, 3]])
    found = slicing.edge_words(labels, words)
    assert found[0, 1] == low  # 1 beside 2
    assert found[1, 0] == high
    assert found[0, 0] == 0


def test_deviation_in_grains_is_the_noise() -> None:
    stack, grains = stack_of_blocks()
    layers = layers_of(make_content("grains", {"grains": grains, "ebsd": stack}, Monitor()))
    spread = layers["spread"].values.plane(1, 5)
    assert 0.2 < np.nanmean(spread) < 1
    assert np.isnan(layers["spread"].values.plane(0, 0)[0, 0])
    assert layers["angles"].pair_words is not None
    assert layers["ipf-x"].legend.title == "IPF x, -3m"


def test_keys_follow_the_visible_layers(qtbot) -> None:
    stack, _ = stack_of_blocks()
    model = LayerModel()
    keys = LayerKeys(model)
    qtbot.addWidget(keys)
    model.set_layers(make_content("ebsd", {"ebsd": stack}, Monitor()).layers)
    assert [key.legend.title for key in keys.keys] == ["IPF z, -3m"]
    model.set_look("ipf-z", visible=False)
    assert keys.isHidden()
    for name in ("ipf-y", "c-axis", "angles"):
        model.set_look(name, visible=True)
    assert [key.legend.kind for key in keys.keys] == ["classes", "c-axis", "ipf"]
    assert "y" in keys.keys[-1].toolTip()
    assert "low angle" in keys.keys[0].accessibleName()
    for key in keys.keys:
        assert not key.grab().isNull()
        assert key.sizeHint().height() > 60
    model.set_layers(())
    assert not keys.keys


def test_plots_of_orientations() -> None:
    stack, grains = stack_of_blocks(shape=(8, 12, 16))
    plots = {plot.key: plot for plot in make_content("ebsd", {"ebsd": stack}, Monitor()).completed(Monitor()).plots}
    assert [plot.title for key, plot in plots.items() if key.startswith("pole")] == [
        "Pole figure {0001}, c-axis", "Pole figure {10-10}", "Pole figure {2-1-10}"
    ]  # fmt: skip
    figure = plots["pole-figure-0"]
    assert figure.flat
    assert {words for words, *_ in figure.marks} == {"X", "Y"}
    assert np.isnan(figure.image.z[0, 0])
    assert np.isfinite(figure.image.brightest)
    assert {words for words, *_ in plots["inverse-pole-figure"].marks} == {"0001", "1-100", "10-10"}
    x_mark, y_mark = (_outwards(figure.image, x, y) for _, x, y in figure.marks)
    assert x_mark == (0.0, pytest.approx(0.5)), "X begins where the circle ends"
    assert y_mark == (pytest.approx(0.5), 0.0)
    assert b"<svg" in plot_bytes(figure, "svg")
    assert plot_csv(figure).count("\n") > 100
    content = make_content("grains", {"grains": grains, "ebsd": stack}, Monitor()).completed(Monitor())
    found = next(plot for plot in content.plots if plot.key == "disorientations")
    bars = found.series[0]
    assert np.sum(bars.y * np.diff(bars.x)) == pytest.approx(1)
    assert "p = " in found.caption


def test_sizes_in_a_single_section_are_areas_and_circles() -> None:
    grains = stack_of_blocks(shape=(1, 12, 16))[1]
    table = make_content("grains", {"grains": grains}, Monitor()).completed(Monitor()).table
    columns = {column.name: column.values for column in table.columns}
    np.testing.assert_allclose(columns["area_um2"], 16 * 0.4 * 0.3)
    np.testing.assert_allclose(columns["diameter_um"], np.sqrt(4 / np.pi * 16 * 0.4 * 0.3))
    assert "volume_um3" not in columns
    assert "sphericity" not in columns


def test_the_grain_model_shows_what_neighbours_were_measured() -> None:
    nothing = Law("poisson", {"intensity": 1.0})
    angles = np.radians(np.linspace(1, 60, 200))
    model = GrainModel(nothing, nothing, nothing, point_group="m-3m", neighbour_angles=angles)
    (plot,) = model_plots(model)
    assert np.sum(plot.series[0].y) * 5 == pytest.approx(1)
    assert np.sum(plot.series[1].y) * 5 == pytest.approx(1, abs=1e-3)
    assert "do not follow" in plot.caption
    assert model_plots(replace(model, neighbour_angles=None)) == []
