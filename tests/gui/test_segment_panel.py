"""The segmentation tried out in the window: slices and words follow what is dragged, and Run takes over what is ready."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from live_window import rest, tried_out

from nmcstudio.core.volume import Volume
from nmcstudio.gui.panels import live_preview, segment_live, segment_preview

SHAPE = (48, 52, 80)


def touching_balls() -> Volume:
    """Six balls, two pairs of which touch, one cut by the border; noise on top."""
    z, y, x = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    grey = np.full(SHAPE, 60.0)
    for centre in ((24, 26, 16), (24, 26, 33), (24, 26, 56), (24, 40, 66), (0, 10, 10)):
        grey[(z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2 < 10**2] = 160.0
    noise = np.random.default_rng(1).normal(0, 12, SHAPE)
    return Volume(np.clip(grey + noise, 0, 255).astype(np.uint8), (0.5, 0.5, 0.5))


@pytest.fixture
def panel(request, qtbot, monkeypatch) -> Iterator[Any]:
    """The panel with a volume on view, of which only a middle piece is quick; with the parameter "small" all of it is."""
    if getattr(request, "param", "") != "small":
        monkeypatch.setattr(segment_live, "middle_piece", lambda volume: segment_preview.middle_piece(volume, 60_000))
    params = {"sigma": 1.0, "minimum_diameter_um": 2.0, "field_of_view": "all"}
    with tried_out(qtbot, "segment-ct", "ct", touching_balls(), params) as made:
        qtbot.waitUntil(lambda: made.live.is_whole, timeout=60_000)
        yield made


def painted(panel: Any, key: str = "preview") -> np.ndarray:
    """Pixels of the XY plane that a preview covers."""
    from nmcstudio.gui.views.slicing import index_at, pixels

    layer, model = panel.area.model.layer(key), panel.area.model
    index = index_at(layer, 0, panel.area.cross.position[0])
    return pixels(layer, model.look(key), 0, index)


def drag(panel: Any, value: float) -> None:
    panel.threshold.line.setValue(value)
    panel.threshold.line.sigDragged.emit(panel.threshold.line)


def test_the_dragged_threshold_shows_in_the_slices_and_in_words(panel, qtbot):
    assert "material at Otsu" in panel.count.text()
    assert panel.area.model.layer("preview") is None
    shares, covered = [], []
    for value in (90.0, 130.0):
        drag(panel, value)
        rest(panel, qtbot)
        covered.append(int((painted(panel) > 0).sum()))
        shares.append(float(panel.count.text().removeprefix("Preview: ").split(" %")[0]))
        assert panel.controller.params("segment-ct")["threshold"] == value
        assert "grey value changes its volume by" in panel.count.text()
    assert covered[0] > covered[1] > 0
    assert shares[0] > shares[1]
    assert panel.live.mode == "material"
    # One drag is one step of the history.
    assert panel.area.slices["xy"].pane.badge == "preview"
    panel.controller.undo()
    assert panel.controller.params("segment-ct")["threshold"] is None


@pytest.mark.parametrize("panel", ["small", "large"], indirect=True)
def test_the_dragged_split_follows_and_run_gives_the_same(panel, qtbot):
    slider = panel.form.editors["split"].slider
    slider.setValue(950)
    qtbot.waitUntil(lambda: panel.live.splits_whole, timeout=60_000)
    rest(panel, qtbot)
    apart = len(panel.live.found.diameters_um)
    slider.setValue(50)
    together = len(panel.live.found.diameters_um)
    assert together < apart
    assert panel.count.text().startswith(f"Preview: {together} particles, median diameter")
    assert "1 at the border (striped)" in panel.count.text()
    view = painted(panel)
    kept = panel.live._segmenter._kept["hierarchy"]
    panel.run()
    rest(panel, qtbot)
    assert panel.live._segmenter._kept["hierarchy"] is kept
    labels = panel.controller.project.record("particles").load().labels
    assert int(labels.max()) == together
    assert panel.live.mode == "off"
    assert panel.area.model.layer("preview") is None
    # What was painted in colour, not in grey, is what became particles.
    z = labels.shape[0] // 2 - 1
    grey = np.isin(view, [word for word in np.unique(view) if word & 0xFF == (word >> 8) & 0xFF == (word >> 16) & 0xFF])
    assert np.array_equal((view > 0) & ~grey, labels[z] > 0) or np.array_equal((view > 0) & ~grey, labels[z + 1] > 0)


def test_dropped_particles_can_be_left_out(panel, qtbot):
    panel.form.editors["split"].slider.setValue(810)
    qtbot.waitUntil(lambda: panel.live.splits_whole, timeout=60_000)
    panel.area.cross.move(np.array([0.0, 13.0, 20.0]))
    rest(panel, qtbot)
    with_dropped = int((painted(panel) > 0).sum())
    panel.dropped.setChecked(False)
    assert int((painted(panel) > 0).sum()) < with_dropped
    panel.controller.edit_params("segment-ct", {"border": "keep"})
    assert "at the border" not in panel.count.text()
    assert int((painted(panel) > 0).sum()) == with_dropped


def test_before_and_after_of_the_smoothing(panel, qtbot):
    panel.form.editors["sigma"].box.setValue(2.0)
    assert panel.live.mode == "smoothed"
    rest(panel, qtbot)
    smoothed = painted(panel, "preview-grey")
    plane = panel.live.volume.values[panel.live.volume.shape[0] // 2]
    assert smoothed.shape == plane.shape
    assert len(panel.area.model.shown()) == 2
    panel.views.button(0).click()
    assert panel.live.mode == "off"
    assert [layer.key for layer in panel.area.model.shown()] == ["grey"]


def test_a_hidden_panel_takes_its_preview_along_and_other_work_its_memory(panel, qtbot):
    drag(panel, 100.0)
    rest(panel, qtbot)
    assert panel.area.model.layer("preview") is not None
    panel.hide()
    assert panel.area.model.layer("preview") is None
    assert panel.live._segmenter._kept
    panel.live.release()
    assert not panel.live._segmenter._kept
    panel.show()
    qtbot.waitUntil(lambda: panel.live.is_whole, timeout=60_000)


def test_too_little_memory_is_said_and_the_middle_stays(panel, qtbot, monkeypatch):
    monkeypatch.setattr(live_preview.psutil, "virtual_memory", lambda: type("Memory", (), {"available": 1 << 20}))
    panel.form.editors["split"].slider.setValue(700)
    assert "only its middle is looked at" in panel.count.text()
    rest(panel, qtbot)
    assert not panel.live.splits_whole
    assert len(panel.live.found.diameters_um) > 0


def test_work_on_the_whole_volume_can_be_cancelled(panel, qtbot):
    said = []
    panel.live.working.connect(said.append)
    panel.form.editors["split"].slider.setValue(700)
    assert panel.whole.currentIndex() == 1
    panel.whole.cancel_button.click()
    assert panel.whole.currentIndex() == 0
    assert said[-1] is None
    rest(panel, qtbot)
    assert not panel.live.splits_whole
    assert panel.split_button.isVisible()
    panel.split_button.click()
    qtbot.waitUntil(lambda: panel.live.splits_whole, timeout=60_000)
    assert not panel.split_button.isVisible()
