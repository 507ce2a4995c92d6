"""The report of an orientation map, and disorientations in the validation."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest

from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.core.grains import GrainModel, Law
from nmcstudio.core.monitor import Monitor
from nmcstudio.core.volume import LabelVolume
from nmcstudio.crystal.quaternions import random_orientations
from nmcstudio.report import maps
from nmcstudio.report.disorientations import compare_disorientations, find_neighbours
from nmcstudio.report.html import render_report
from nmcstudio.report.maps import render_maps
from nmcstudio.report.poles import pole_pictures
from nmcstudio.stats.descriptors import describe_labels


def blocks(shape: tuple[int, int, int], edge: int = 4) -> tuple[EbsdStack, LabelVolume]:
    index = np.stack(np.meshgrid(*(np.arange(n) // edge for n in shape), indexing="ij"))
    counts = [-(-n // edge) for n in shape]
    labels = (1 + np.ravel_multi_index(tuple(index), counts)).astype(np.uint16)
    means = np.concatenate([np.full((1, 4), np.nan), random_orientations(int(labels.max()), np.random.default_rng(1))])
    phase = np.ones(shape, np.uint8)
    quality = np.random.default_rng(2).random(shape).astype(np.float32)
    stack = EbsdStack(
        means[labels], phase, (Phase("Nickel", "m-3m"),), quality, quality, phase > 0, (1.0, 0.5, 0.5), frame="as is"
    )
    return stack, LabelVolume(labels, stack.spacing_um, kind="grains", quaternions=means, point_group="m-3m")


def test_a_map_reads_well() -> None:
    stack, grains = blocks((1, 24, 32))
    text = render_report("r", {}, {"ebsd": stack, "grains": grains}, Monitor())
    for words in ("one section of 32 × 24 points", "Nickel (m-3m)", "two-dimensional", "IPF map, z", "Pole figures", "as is",
                  "equivalent circle diameter", "Disorientation of touching grains", "Texture index", "µm²"):  # fmt: skip
        assert words in text, words
    assert f"{np.sqrt(4 / np.pi * 16 * 0.25):.4g} µm" in text
    # The words of key and scale bar are in the picture.
    assert ">101<" in text.replace(" ", "").replace("\n", "")
    for svg in text.split("<svg")[1:]:
        ElementTree.fromstring("<svg" + svg[: svg.index("</svg>") + 6])


def test_a_stack_and_a_map_without_grains() -> None:
    stack, grains = blocks((8, 12, 16))
    text = render_maps(stack, grains, Monitor())
    assert "8 sections" in text
    assert "Section 5 of 8" in text
    assert "two-dimensional" not in text
    alone = render_maps(stack, None, Monitor())
    assert "Pole figures" in alone
    assert "Grain size" not in alone
    assert render_maps(None, None, Monitor()) == ""
    assert render_maps(None, LabelVolume(grains.labels, grains.spacing_um), Monitor()) == ""


def test_whole_grains_are_those_that_nothing_cuts() -> None:
    """The border of the map does, and so does what was not observed."""
    assert "48, 24 of them whole" in maps._facts(None, describe_labels(blocks((1, 24, 32))[1]))
    _, grains = blocks((12, 12, 16))
    assert "36, 2 of them whole" in maps._facts(None, describe_labels(grains))
    observed = np.ones(grains.shape, bool)
    observed[5, 5, 5] = False
    assert "36, 1 of them whole" in maps._facts(None, describe_labels(replace(grains, observed=observed)))


def test_random_neighbours_have_the_random_law() -> None:
    _, grains = blocks((40, 40, 40))
    found = find_neighbours(grains)
    assert found is not None
    assert len(found.angles) == 3 * 9 * 100
    _, density, random = found.histogram()
    # 1000 orientations: the standard deviation of a bin's share is below 0.01.
    assert np.abs(density - random).sum() * 2.5 < 0.12
    assert found.mean_deg == pytest.approx(40.7, abs=1.0)
    assert found.judge(Monitor()).p > 0.01
    assert find_neighbours(LabelVolume(grains.labels, (1.0, 1.0, 1.0))) is None
    assert find_neighbours(blocks((1, 4, 8))[1]) is None


def test_disorientations_of_data_and_model() -> None:
    _, grains = blocks((20, 20, 20))
    law = {"alpha": 16.8, "beta": 3.1175, "theta": -0.191}
    model = GrainModel(
        Law("poisson", {"intensity": 0.02}), Law("inverse-gamma", law), Law("independence"), point_group="m-3m"
    )  # fmt: skip
    rng = np.random.default_rng(3)
    (found,) = compare_disorientations(grains, model, windows=2, monitor=Monitor(), rng=rng)
    assert [curve.role for curve in found.curves] == ["data", "model", "theory"]
    for curve in found.curves:
        assert np.sum(curve.y) * 2.5 == pytest.approx(1, abs=0.01)
    assert found.distances["wasserstein"] < 3
    assert "random" in found.curves[2].label
    assert compare_disorientations(None, model, windows=1, monitor=Monitor(), rng=rng) == []


def test_pole_pictures_run_upwards() -> None:
    """c along y of the sample, which runs down in the map, stands at the lower rim of the picture."""
    from nmcstudio.crystal.quaternions import from_axis_angle, rotate

    q = np.tile(from_axis_angle((1, 0, 0), np.pi / 2), (5, 1))
    assert abs(rotate(q[0], (0.0, 1.0, 0.0))[2]) == pytest.approx(1)
    first, *_, inverse = pole_pictures(q, "-3m", None, "grains", Monitor())
    np.testing.assert_allclose(np.abs(first.points), [[0, 1]] * 5, atol=1e-9)
    peak = np.unravel_index(np.nanargmax(first.density), first.density.shape)
    assert abs(first.y[peak[0]]) > 0.9
    assert np.all(np.diff(first.y) > 0)
    assert np.all(np.diff(inverse.y) > 0)
    assert max(first.contours) == 32
    tilted = multiply_tilt(20.0)
    low = pole_pictures(np.tile(tilted, (5, 1)), "-3m", None, "grains", Monitor())[0]
    # The c-axis leans from the viewer's line of sight towards +y, down in the map.
    assert low.points[0][1] < 0


def multiply_tilt(degrees: float) -> np.ndarray:
    """An orientation whose c-axis is (0, sin, -cos): towards the viewer and down."""
    from nmcstudio.crystal.quaternions import c_axis, from_axis_angle

    q = from_axis_angle((1, 0, 0), -np.radians(180 - degrees))
    axis = c_axis(q)
    axis = axis * -np.sign(axis[2])
    return q if axis[1] > 0 else from_axis_angle((1, 0, 0), np.radians(180 - degrees))
