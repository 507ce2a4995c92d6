"""Sections moved by hand in the window: live, undoable, done by Run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyqtgraph as pg
import pytest
from live_window import put
from PySide6.QtCore import Qt

from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.crystal.quaternions import random_orientations
from nmcstudio.gui.controller import Controller
from nmcstudio.gui.panels.align_preview import moved, pair_pixels
from nmcstudio.gui.views.drift_plots import drift_plots
from nmcstudio.gui.views.plot_card import _name_of
from nmcstudio.gui.views.store import ContentStore
from nmcstudio.pipeline import registry


def columns(depth: int = 8, size: int = 24) -> EbsdStack:
    """Grains that go straight through all sections; section 5 lies off by (4, -4) voxels, section 2 is missing."""
    rng = np.random.default_rng(1)
    points = rng.uniform(size=(12, 2)) * size
    y, x = np.mgrid[:size, :size]
    labels = ((y[..., None] - points[:, 0]) ** 2 + (x[..., None] - points[:, 1]) ** 2).argmin(axis=-1)
    q = np.repeat(random_orientations(12, rng)[labels][None], depth, axis=0)
    phase = np.ones((depth, size, size), np.uint8)
    quality = np.full(phase.shape, 50.0)
    q[5], observed = moved(q[5], (4, -4), np.nan), np.ones(phase.shape, bool)
    phase[5] = moved(phase[5], (4, -4))
    q[2], phase[2], quality[2], observed[2] = np.nan, 0, np.nan, False
    return EbsdStack(
        quaternions=q, phase=phase, phases=(Phase("Ni", "m-3m"),), quality=quality, confidence=np.full(phase.shape, np.nan),
        observed=observed, spacing_um=(0.2, 0.1, 0.1),
    )  # fmt: skip


@pytest.fixture
def panel(qtbot: Any) -> Iterator[Any]:
    from nmcstudio.gui.panels.stack import make_panel

    registry.step.cache_clear()
    controller = Controller()
    made = make_panel(controller, "align-ebsd")
    made.live.rest_ms = 1
    qtbot.addWidget(made)
    put(controller, "ebsd", columns())
    made.show()
    qtbot.waitUntil(lambda: made.live.plan is not None, timeout=60_000)
    yield made
    controller.close()
    ContentStore.of(controller).close()


def moves(panel: Any) -> list[list[int]]:
    return panel.live.plan.moves.tolist()


def test_drift_and_outliers_are_there_and_lead_to_their_section(panel: Any) -> None:
    assert panel.live.drift.outliers == (5,)
    texts = [panel.list.item(row).text() for row in range(panel.list.count())]
    assert texts[0] == "3:  was never there"
    assert texts[1].startswith("6:  ▼ lies 0.5")
    panel.list.itemClicked.emit(panel.list.item(1))
    assert panel.section == 5
    assert panel.box.number.value() == 6
    assert [float(point.pos().x()) for point in panel.figure.outliers.points()] == [6.0]
    np.testing.assert_array_equal(np.subtract(moves(panel)[5], moves(panel)[4]), (-4, 4))


def test_arrow_keys_nudge_by_a_voxel_and_one_undo_takes_them_back(panel: Any, qtbot: Any) -> None:
    shown = []
    panel.controller.preview.connect(lambda key, layers: shown.append(layers))
    before = moves(panel)
    panel.show_section(4)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Up):
        qtbot.keyClick(panel.box.picture, key)
    assert panel.controller.params("align-ebsd")["nudges"] == [[5, -0.1, 0.2]]
    np.testing.assert_array_equal(np.subtract(moves(panel), before)[4], (-1, 2))
    assert not np.subtract(moves(panel), before)[[0, 1, 2, 3, 5, 6, 7]].any()
    assert shown[-1][0].title == "Aligned", "the slices show what Run would give"
    assert panel.box.down.value() == -0.1
    panel.show_section(6)
    panel.box.stepped.emit(1, 0)
    panel.controller.undo()
    assert panel.controller.params("align-ebsd")["nudges"] == [[5, -0.1, 0.2]], "another section is another act"
    panel.controller.undo()
    assert panel.controller.params("align-ebsd")["nudges"] == []
    assert moves(panel) == before


def test_a_section_left_out_is_filled_in_the_preview(panel: Any, qtbot: Any) -> None:
    panel.show_section(5)
    panel.box.leave.click()
    assert panel.controller.params("align-ebsd")["leave_out"] == [6]
    qtbot.waitUntil(lambda: panel.live.is_current, timeout=20_000)
    assert panel.live.drift.outliers == ()
    assert not panel.box.arrows[0].isEnabled()
    panel.controller.edit_params("align-ebsd", {"missing": "interpolate"})
    qtbot.waitUntil(lambda: set(panel.live.plan.filled) == {2, 5}, timeout=20_000)
    layer = panel.live.layers()[0]
    for axis, index in ((0, 5), (0, 6), (1, 12), (2, 12)):
        qtbot.waitUntil(lambda a=axis, i=index: layer.values.plane(a, i) is not None, timeout=20_000)
    np.testing.assert_array_equal(layer.values.plane(0, 5), layer.values.plane(0, 6))
    np.testing.assert_array_equal(layer.values.plane(1, 12)[5], layer.values.plane(0, 6)[12])
    np.testing.assert_array_equal(layer.values.plane(2, 12)[2], layer.values.plane(0, 6)[:, 12])
    panel.box.taken_back.emit()
    assert panel.controller.params("align-ebsd")["leave_out"] == []


def test_run_does_what_the_preview_showed_and_clears_the_form(panel: Any, qtbot: Any) -> None:
    panel.show_section(4)
    panel.box.stepped.emit(1, 0)
    qtbot.waitUntil(lambda: panel.live.is_current)
    wanted = panel.live.plan.moves
    axes = [each.getPlotItem().getAxis("left") for each in panel.findChildren(pg.PlotWidget)]
    assert axes
    assert {axis.autoSIPrefixScale for axis in axes if axis.labelText == "drift [µm]"} == {1.0}, "µm, not thousandths"
    with qtbot.waitSignal(panel.controller.committed, timeout=60_000):
        panel.run()
    stack = panel.controller.project.record("ebsd").load()
    np.testing.assert_allclose(stack.alignment.applied_um, wanted * 0.1)
    assert stack.alignment.nudged == (4,)
    assert not panel.controller.params("align-ebsd")["nudges"], "it is done"
    panel.controller.undo()
    assert panel.controller.params("align-ebsd")["nudges"] == [[5, 0.1, 0.0]], "it is to be done again"
    panel.controller.redo()
    assert not panel.controller.params("align-ebsd")["nudges"]
    plots = drift_plots(stack)
    assert [plot.key for plot in plots] == ["drift", "agreement"]
    assert [_name_of(line) for line in plots[0].series][:2] == ["x, measured", "x, undone"], "both directions are data"
    assert plots[0].caption == "8 sections; to look at: 6; moved by hand: 5"
    assert drift_plots(replace(stack, alignment=None)) == ()


def test_pairs_of_sections() -> None:
    one, two = np.zeros((16, 16, 3), np.uint8), np.full((16, 16, 3), 200, np.uint8)
    assert (pair_pixels(one, two, "Blend") == 100).all()
    assert (pair_pixels(one, two, "Difference") == 200).all()
    board = pair_pixels(one, two, "Checkerboard")[..., 0]
    assert board[0, 0] == 200
    assert board[0, 2] == 0
    assert (board == 200).mean() == 0.5
