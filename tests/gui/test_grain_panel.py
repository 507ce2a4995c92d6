"""Grains tried out in the window: boundaries and numbers follow what is dragged, and Run gives what was shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from live_window import rest, tried_out

from nmcstudio.core.ebsd import EbsdStack, Phase
from nmcstudio.crystal.quaternions import from_axis_angle
from nmcstudio.gui.panels import live_preview


def four_blocks() -> EbsdStack:
    """Blocks along x, turned by 0, 3, 10 and 40 degrees about z; the lower half of the last has a low confidence."""
    shape = (6, 20, 40)
    angle = np.deg2rad(np.repeat([0.0, 3.0, 10.0, 40.0], 10))
    q = np.broadcast_to(np.stack([from_axis_angle((0, 0, 1), each) for each in angle]), (*shape, 4))
    confidence = np.full(shape, 0.9)
    confidence[:, 10:, 30:] = 0.2
    return EbsdStack(
        quaternions=q, phase=np.ones(shape, np.uint8), phases=(Phase("NMC", "-3m"),), quality=np.ones(shape),
        confidence=confidence, observed=np.ones(shape, bool), spacing_um=(0.5, 0.5, 0.5),
    )  # fmt: skip


@pytest.fixture
def panel(qtbot) -> Iterator[Any]:
    with tried_out(qtbot, "segment-ebsd", "ebsd", four_blocks(), {}) as made:
        qtbot.waitUntil(lambda: made.live.histograms is not None, timeout=60_000)
        yield made


def lines(panel: Any) -> list[int]:
    """Columns of the XY plane on which the preview draws boundaries."""
    from nmcstudio.gui.views.slicing import pixels

    layer = panel.area.model.layer("preview")
    fine = layer.values.shape[0] // 6
    drawn = pixels(layer, panel.area.model.look("preview"), 0, 3 * fine) > 0
    # a line lies on the last of the pixels of its voxel
    return ((np.flatnonzero(drawn.all(axis=0)) + 1) // fine - 1).tolist()


def drag(plot: Any, value: float) -> None:
    plot.line.setValue(value)
    plot.line.sigDragged.emit(plot.line)


def test_boundaries_and_numbers_follow_the_dragged_angle(panel, qtbot):
    assert panel.live.mode == "off"
    assert panel.area.model.layer("preview") is None
    shown = {}
    for value in (2.0, 5.0, 20.0, 30.5):
        drag(panel.angles, value)
        rest(panel, qtbot)
        shown[value] = lines(panel)
        assert f"differ by more than {value:.3g}°" in panel.count.text()
    assert shown == {2.0: [9, 19, 29], 5.0: [19, 29], 20.0: [29], 30.5: []}
    assert panel.controller.params("segment-ebsd")["angle_deg"] == 30.5
    panel.views.button(2).click()
    rest(panel, qtbot)
    counts = []
    for value in (2.0, 5.0, 20.0, 30.5):
        drag(panel.angles, value)
        # no worker: the number is there when the hand is
        counts.append(int(panel.count.text().removeprefix("Preview: ").split(" grain")[0]))
    assert counts == [4, 3, 2, 1]
    assert "with 100.0 % of the voxels" in panel.count.text()
    assert panel.area.slices["xy"].pane.badge == "preview"
    assert panel.area.readout.words(np.array([1.0, 1.0, 1.0])).endswith("grain 1 (preview)")
    panel.controller.undo()
    assert panel.controller.params("segment-ebsd")["angle_deg"] != 30.5


def test_confidence_is_dragged_and_run_gives_what_was_shown(panel, qtbot):
    drag(panel.confidences, 0.5)
    panel.views.button(2).click()
    panel.controller.edit_params("segment-ebsd", {"fill_um": 0.0})
    qtbot.waitUntil(lambda: panel.live.found is not None, timeout=60_000)
    rest(panel, qtbot)
    assert "3 grains with 87.5 % of the voxels" in panel.count.text()
    shown = panel.live.found.numbers[panel.live._hierarchy.hierarchy.pieces]
    panel.run()
    rest(panel, qtbot)
    labels = panel.controller.project.record("grains").load().labels
    np.testing.assert_array_equal(labels, shown)
    assert panel.live.mode == "off"
    assert panel.area.model.layer("preview") is None


def test_work_can_be_cancelled_and_errors_are_said(panel, qtbot):
    panel.views.button(2).click()
    qtbot.waitUntil(lambda: panel.whole.currentIndex() == 1, timeout=10_000)
    panel.whole.cancel_button.click()
    assert panel.whole.currentIndex() == 0
    assert panel.live.mode == "boundaries"
    panel.controller.edit_params("segment-ebsd", {"method": "map"})
    panel.views.button(2).click()
    qtbot.waitUntil(lambda: "no quality that could show boundaries" in panel.count.text(), timeout=60_000)
    assert not panel.views.button(1).isEnabled()


def test_too_little_memory_is_said_and_boundaries_stay(panel, qtbot, monkeypatch):
    monkeypatch.setattr(live_preview.psutil, "virtual_memory", lambda: type("Memory", (), {"available": 1 << 10}))
    panel.views.button(2).click()
    qtbot.waitUntil(lambda: "only boundaries are shown" in panel.count.text(), timeout=10_000)
    rest(panel, qtbot)
    assert lines(panel) == [19, 29]


def test_an_input_that_is_undone_leaves_no_figures_and_comes_back(panel, qtbot):
    panel.views.button(2).click()
    rest(panel, qtbot)
    assert "grains with" in panel.count.text()
    record = panel.controller.project.record("ebsd")
    panel.controller.project.put("ebsd", None)
    rest(panel, qtbot)
    assert panel.count.text() == ""
    assert (panel.live.mode, panel.live.has_input) == ("off", False)
    assert not panel.views.button(2).isEnabled()
    panel.controller.project.put("ebsd", record)
    qtbot.waitUntil(panel.views.button(2).isEnabled, timeout=60_000)
    panel.views.button(2).click()
    rest(panel, qtbot)
    assert "grains with" in panel.count.text()


def test_another_project_is_not_shown_what_was_tried_out(panel, qtbot):
    panel.views.button(2).click()
    rest(panel, qtbot)
    panel.controller.edit_params("segment-ebsd", {"angle_deg": 7.0})
    rest(panel, qtbot)
    shown: list[str] = []
    panel.controller.current_node_changed.connect(shown.append)
    panel.controller.new()
    rest(panel, qtbot)
    assert (shown, panel.controller.node) == ([], "")
    assert panel.area.model.layer("preview") is None
