"""The views in a window: what they show, how hands move them, how they are linked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QWheelEvent
from PySide6.QtTest import QTest

from nmcstudio.core.grains import GrainModel, Law
from nmcstudio.core.shells import ShellComponent, ShellModel
from nmcstudio.core.volume import LabelVolume, Volume
from nmcstudio.grains.fit_progress import FitProgress
from nmcstudio.gui.controller import Controller
from nmcstudio.gui.views.area import ViewArea
from nmcstudio.gui.views.opengl import NO_OPENGL, has_opengl
from nmcstudio.gui.views.plots import PlotsPanel
from nmcstudio.gui.views.selection import Selection
from nmcstudio.gui.views.slice_pane import SlicePane
from nmcstudio.gui.views.tables import TablePanel
from nmcstudio.gui.widgets.scenario import ScenarioPanel
from nmcstudio.project.codec import digest
from nmcstudio.project.nodes import summarise
from nmcstudio.project.record import Held, Record

pytestmark = pytest.mark.gui
needs_display = pytest.mark.skipif(
    os.environ.get("QT_QPA_PLATFORM") == "offscreen" or not os.environ.get("DISPLAY"), reason="draws with OpenGL"
)


def record(value: Any, step: str = "import-labels") -> Record:
    return Record(digest(value), step, {}, {}, 1, 0.0, 0.0, "0", "", summarise(value), Held(value))


def labels() -> LabelVolume:
    made = np.zeros((20, 30, 40), np.uint16)
    made[2:18, 2:28, 2:20] = 3
    made[2:18, 2:28, 20:38] = 7
    made[4:8, 4:8, 4:8] = 9
    return LabelVolume(made, (2.0, 1.0, 0.5), kind="particles")


@pytest.fixture
def window(qtbot):
    controller = Controller()
    area = ViewArea(controller)
    qtbot.addWidget(area)
    area.resize(1000, 700)
    area.show()
    yield controller, area
    area.close_views()
    controller.close()


def put(controller: Controller, key: str, value: Any) -> None:
    controller.project.put(key, record(value))


def show(qtbot, controller: Controller, area: ViewArea, key: str) -> None:
    controller.show_node(key)
    area.show_node(key)
    qtbot.waitUntil(lambda: area.store.content is not None and area.store.content.key == key and not busy(area), timeout=60_000)


def busy(area: ViewArea) -> bool:
    return any(worker.busy for worker in area.store._workers)


def wheel(pane, steps: int, modifiers=Qt.KeyboardModifier.NoModifier) -> None:
    at = QPointF(pane.rect().center())
    event = QWheelEvent(
        at, QPointF(pane.mapToGlobal(at.toPoint())), QPoint(), QPoint(0, 120 * steps), Qt.MouseButton.NoButton, modifiers,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QGuiApplication.sendEvent(pane, event)


def test_empty_nodes_say_what_will_stand_there(window) -> None:
    _, area = window
    assert "Open CT data" in area._empty.text()
    area.show_node("shell-model")
    assert "Fit shell model" in area._empty.text()
    assert area._pages.currentWidget() is area._empty


def test_wheel_steps_through_slices_and_the_planes_are_linked(window, qtbot) -> None:
    controller, area = window
    put(controller, "particles", labels())
    show(qtbot, controller, area, "particles")
    pane = area.slices["xy"].pane
    before = pane.slice_index()
    wheel(pane, 1)
    assert pane.slice_index() == before + 1
    assert area.cross.position[0] == pytest.approx(2.0 * (before + 1))
    wheel(pane, -100)
    assert pane.slice_index() == 0
    assert area.slices["xz"].pane.slice_index() == area.slices["xz"]._slider.value()


def test_ctrl_wheel_zooms_about_the_mouse_and_fit_comes_back(window, qtbot) -> None:
    controller, area = window
    put(controller, "particles", labels())
    show(qtbot, controller, area, "particles")
    pane = area.slices["xy"].pane
    pane.grab()
    at = QPointF(pane.rect().center())
    kept, scale = pane.to_um(at), pane.view()[0]
    wheel(pane, 2, Qt.KeyboardModifier.ControlModifier)
    assert pane.view()[0] == pytest.approx(1.44 * scale)
    assert np.allclose(pane.to_um(at), kept)
    area.fit_view()
    pane.grab()
    assert pane.view()[0] == pytest.approx(scale)


def test_a_fitted_slice_follows_its_pane_and_a_zoomed_one_comes_back_to_its_scale(window, qtbot) -> None:
    controller, area = window
    put(controller, "particles", labels())
    show(qtbot, controller, area, "particles")
    pane = SlicePane("xy", area.model, area.cross, area.selection)
    qtbot.addWidget(pane)
    scales = []
    for size in ((400, 300), (800, 300), (800, 900), (400, 900), (400, 300)):
        pane.resize(*size)
        pane.grab()
        scales.append(pane.view()[0])
    assert max(scales) > 1.5 * scales[0]
    assert scales[-1] == scales[0]
    assert pane.is_fitted
    pane.zoom(2.0, QPointF(200, 150))
    assert not pane.is_fitted
    for size in ((800, 300), (800, 900), (400, 900), (400, 300)):
        pane.resize(*size)
        pane.grab()
    assert pane.view()[0] == pytest.approx(2 * scales[0])


@pytest.mark.viewport
def test_a_single_section_stands_in_3d_only_where_3d_is_asked_for(window, qtbot) -> None:
    controller, area = window
    put(controller, "particles", LabelVolume(labels().labels[5:6], (2.0, 1.0, 0.5), kind="particles"))
    show(qtbot, controller, area, "particles")
    area.set_layout("both")
    assert not area.scene.isVisible()
    assert area.slices["xy"].isVisible()
    area.set_layout("3d")
    assert area.scene.isVisible()


def test_pixels_keep_the_aspect_of_unequal_voxels(window, qtbot) -> None:
    controller, area = window
    put(controller, "particles", labels())
    show(qtbot, controller, area, "particles")
    pane = area.slices["xz"].pane
    pane.grab()
    target = pane._target(area.model.layer("labels"))
    assert target.width() / target.height() == pytest.approx(40 * 0.5 / (20 * 2.0))


def test_a_click_chooses_in_slices_table_and_back(window, qtbot) -> None:
    controller, area = window
    table = TablePanel(controller)
    qtbot.addWidget(table)
    put(controller, "particles", labels())
    show(qtbot, controller, area, "particles")
    pane = area.slices["xy"].pane
    pane.grab()
    selection = Selection.of(controller)
    QTest.mouseClick(pane, Qt.MouseButton.LeftButton, pos=pane.to_pixel(15.0, 15.0).toPoint())
    assert selection.ids == (7,)
    rows = [index.row() for index in table.view.selectionModel().selectedRows()]
    assert [int(table.model.table.ids[table.proxy.mapToSource(table.proxy.index(r, 0)).row()]) for r in rows] == [7]
    table.view.selectRow(0)
    assert selection.ids == (3,)
    assert "particle 3" in area.readout.words(np.array([20.0, 15.0, 5.0]))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.uint16(21794), "21794"), (np.uint8(0), "0"), (np.int32(-1234567), "-1234567"), (np.float32(21794.26), "21794"),
        (np.float64(1234567.8), "1234568"), (np.float32(0.87771), "0.87771"), (np.float32(103.0), "103"),
        (np.float16(0.1), "0.1"), (-3.0e-6, "-0.000003"), (np.float32(np.nan), "not a number"), (True, "1"),
    ],
)  # fmt: skip
def test_grey_values_are_said_in_plain_figures(value: Any, words: str) -> None:
    from nmcstudio.gui.views.slices import in_figures

    assert in_figures(value) == words


def test_what_is_chosen_is_drawn(window, qtbot) -> None:
    controller, area = window
    put(controller, "particles", labels())
    show(qtbot, controller, area, "particles")
    pane = area.slices["xy"].pane
    before = pane.grab().toImage()
    Selection.of(controller).choose((7,))
    assert pane.grab().toImage() != before
    Selection.of(controller).choose(())
    assert pane.grab().toImage() == before


def test_simulated_and_stale_and_preview_are_said(window, qtbot) -> None:
    controller, area = window
    grey = Volume(np.random.default_rng(0).normal(size=(20, 30, 40)), (2.0, 1.0, 0.5), simulated=True)
    put(controller, "ct", grey)
    show(qtbot, controller, area, "ct")
    assert area.slices["xy"].pane.badge == "simulated"
    area.show_preview("segment-ct", labels())
    assert area.slices["xy"].pane.badge == "simulated · preview"
    assert area.model.layer("preview") is not None
    area.show_preview("segment-ct", None)
    assert area.slices["xy"].pane.badge == "simulated"
    controller.project.set_params("import-labels", {"spacing_um": 3})
    assert "stale" in area.slices["xy"].pane.badge


def test_a_running_fit_is_drawn_over_the_grains(window, qtbot) -> None:
    controller, area = window
    grains = labels()
    put(controller, "grains", LabelVolume(grains.labels, grains.spacing_um, kind="grains"))
    show(qtbot, controller, area, "grains")
    seeds = np.array([[5.0, 15, 20], [15.0, 15, 20]])
    curve = np.array([[0.1, 0.9]])
    shares = np.array([0.95, 0.85])
    area.show_partial(
        "fit-tessellation",
        FitProgress("laguerre", np.array([3, 7]), seeds, np.zeros(2), None, shares, shares, curve, curve, curve),
    )
    qtbot.waitUntil(lambda: area.model.layer("live") is not None, timeout=30_000)
    assert "fit in progress" in area.slices["xy"].pane.badge
    cells = area.model.layer("live").values
    at = area.cross.position / np.array(grains.spacing_um)
    for axis in range(3):
        plane = cells.plane(axis, int(np.floor(at[axis] + 0.5)))
        z, y, x = np.meshgrid(*(np.arange(n) * h for n, h in zip(grains.shape, grains.spacing_um)), indexing="ij")
        away = np.stack([(x - s[0]) ** 2 + (y - s[1]) ** 2 + (z - s[2]) ** 2 for s in seeds])
        whole = np.where(grains.labels > 0, away.argmin(axis=0) + 1, 0)
        np.testing.assert_array_equal(plane, np.take(whole, int(np.floor(at[axis] + 0.5)), axis))


def test_layouts_maximise_and_state_come_back(window, qtbot) -> None:
    controller, area = window
    put(controller, "particles", labels())
    show(qtbot, controller, area, "particles")
    area.set_layout("slices")
    assert area.slices["yz"].isVisibleTo(area)
    assert not area.scene.isVisibleTo(area)
    area.maximise("xz")
    assert [plane for plane, view in area.slices.items() if view.isVisibleTo(area)] == ["xz"]
    area.maximise("xz")
    area.model.set_look("labels", opacity=0.5)
    area.cross.move(np.array([4.0, 5.0, 6.0]))
    state = area.state()
    area.model.set_look("labels", opacity=1.0)
    area.set_layout("both")
    area.restore(state)
    qtbot.waitUntil(lambda: not busy(area), timeout=30_000)
    assert area.model.look("labels").opacity == 0.5
    assert area.state()["layout"] == "slices"
    area.toggle_overlays()
    assert area.model.shown() == []


def test_nodes_without_a_picture_show_their_plots(window, qtbot) -> None:
    controller, area = window
    put(controller, "grain-model", models()[1])
    put(controller, "particles", labels())
    for key in ("grain-model", "particles", "grain-model"):
        show(qtbot, controller, area, key)
    assert area._plots.isVisibleTo(area)
    assert len(area._plots.cards) == 3
    assert not area._quad.isVisibleTo(area)
    show(qtbot, controller, area, "particles")
    assert not area._plots.isVisibleTo(area)
    assert area._quad.isVisibleTo(area)


def test_another_project_empties_the_views(window, qtbot) -> None:
    controller, area = window
    put(controller, "particles", labels())
    show(qtbot, controller, area, "particles")
    controller.new()
    assert area.store.content is None
    assert area._pages.currentWidget() is area._empty


def test_without_opengl_the_3d_pane_says_so(window, qtbot) -> None:
    if has_opengl():
        pytest.skip("there is OpenGL here")
    controller, area = window
    put(controller, "particles", labels())
    area.set_layout("3d")
    show(qtbot, controller, area, "particles")
    assert area.scene._words.text() == NO_OPENGL
    assert area.scene.picture() is None


def test_table_filters_sorts_and_writes_what_it_shows(window, qtbot, tmp_path: Path) -> None:
    controller, area = window
    table = TablePanel(controller)
    qtbot.addWidget(table)
    put(controller, "particles", labels())
    show(qtbot, controller, area, "particles")
    table.view.sortByColumn(1, Qt.SortOrder.AscendingOrder)
    assert table.proxy.index(0, 0).data() == "9"
    table.filter.setText("voxels > 100")
    assert table.proxy.rowCount() == 2
    assert table._count.text() == "2 of 3 particles"
    table.filter.setText("nonsense > 3")
    assert "no column" in table.filter.toolTip()
    table.filter.setText("voxels > 100")
    table.write_csv(str(tmp_path / "t.csv"))
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert lines[0].startswith("label,volume_um3,diameter_um,surface_um2,sphericity,neighbours,touches_border,x_um,y_um,z_um")
    assert len(lines) == 3


def test_plots_follow_the_node_and_the_running_step(window, qtbot) -> None:
    controller, area = window
    panel = PlotsPanel(controller)
    qtbot.addWidget(panel)
    put(controller, "ct", Volume(np.random.default_rng(0).normal(size=(20, 30, 40)), (2.0, 1.0, 0.5)))
    show(qtbot, controller, area, "ct")
    assert [card.plot.key for card in panel.grid.cards] == ["grey-histogram"]
    controller.partial.emit("fit-shell", {"log_likelihood": [1.0, 2.0]})
    qtbot.waitUntil(lambda: [card.plot.key for card in panel.grid.cards] == ["live-log_likelihood"])
    panel.grid.cards[0].copy()
    assert "log-likelihood" in QGuiApplication.clipboard().text()


def models() -> tuple[ShellModel, GrainModel]:
    shell = ShellModel(6, (ShellComponent(1.0, 1.2, np.array([0.01, 0, 0.01, 0.004, 0.002, 0.001, 0.001])),))
    grains = GrainModel(
        Law("matern-cluster", {"parent_intensity": 8.64, "mean_offspring": 0.418, "cluster_radius": 0.129}),
        Law("inverse-gamma", {"alpha": 16.8, "beta": 3.1175, "theta": -0.191}),
        Law("tawn", {"kappa": 1.25, "psi1": 1.0, "psi2": 0.372}),
    )
    return shell, grains


def test_scenario_sliders_recompose_the_particle(window, qtbot) -> None:
    controller, area = window
    panel = ScenarioPanel(controller)
    qtbot.addWidget(panel)
    assert not panel.sliders
    for key, value in zip(("shell-model", "grain-model"), models()):
        put(controller, key, value)
    qtbot.waitUntil(lambda: bool(panel.sliders), timeout=30_000)
    panel.reset_all()
    qtbot.waitUntil(lambda: area.store.content is not None and not busy(area) and not panel._running, timeout=120_000)
    many = len(area.store.content.table.ids)
    before = area.store.content.layers[0].values
    panel.sliders["grain_size"].box.setValue(1.6)
    assert panel.values() == {"grain_size": 1.6}
    qtbot.waitUntil(
        lambda: not busy(area) and not panel._running and not panel._settle.isActive() and area.store.content.table is not None,
        timeout=60_000,
    )
    assert len(area.store.content.table.ids) < many
    assert "particle" not in controller.project.keys
    panel._names.setCurrentText("big grains")
    panel.save()
    assert controller.project.scenarios == {"big grains": {"grain_size": 1.6}}
    panel.reset_all()
    qtbot.waitUntil(lambda: not busy(area) and not panel._running, timeout=60_000)
    assert np.array_equal(area.store.content.layers[0].values, before)
    panel.dice()
    panel.keep("A")
    qtbot.waitUntil(lambda: "Scenario A" in area.store.kept, timeout=60_000)
    assert not np.array_equal(area.store.content.layers[0].values, before)
    assert list(area.compare.sources()) == ["Scenario A", "Shell model"]


@pytest.mark.viewport
@needs_display
def test_3d_draws_picks_cuts_and_hides(window, qtbot) -> None:
    controller, area = window
    put(controller, "particles", labels())
    area.set_layout("3d")
    show(qtbot, controller, area, "particles")
    scene = area.scene
    qtbot.waitUntil(lambda: scene.stage is not None and "particles" in scene.stage.things and not busy(area), timeout=30_000)
    with qtbot.waitSignal(scene.view.drawn):
        scene.view.update()
    whole = scene.picture()
    scene.look_along("z")
    scene.fit_view()
    with qtbot.waitSignal(scene.view.drawn):
        scene.view.update()
    middle = QPointF(scene.view.width() / 2, scene.view.height() / 2)
    key, label, position = scene.stage.pick(middle.x(), middle.y())
    assert key == "particles"
    assert label in (3, 7)
    assert position is not None
    QTest.mouseClick(scene.view, Qt.MouseButton.LeftButton, pos=middle.toPoint())
    assert area.selection.ids == (label,)
    scene.isolate()
    qtbot.waitUntil(lambda: set(scene.stage.surfaces.skins["particles"][0].labels) == {label}, timeout=30_000)
    scene.controls.cuts.setCurrentIndex(3)
    scene._cut_chosen(3)
    assert "particles-cap" in scene.view.actors
    with qtbot.waitSignal(scene.view.drawn):
        scene.view.update()
    assert scene.picture() != whole
    scene.set_orthographic(True)
    assert scene.view.camera.GetParallelProjection()


@pytest.mark.viewport
@needs_display
def test_one_event_costs_one_frame(window, qtbot) -> None:
    controller, area = window
    put(controller, "particles", labels())
    area.set_layout("3d")
    show(qtbot, controller, area, "particles")
    view = area.scene.view
    qtbot.waitUntil(
        lambda: area.scene.stage is not None and "particles" in area.scene.stage.things and not busy(area), timeout=30_000
    )
    qtbot.wait(300)
    rendered = []
    tag = view.renderer.AddObserver("StartEvent", lambda *args: rendered.append(1))
    for _ in range(5):
        view._Iren.Render()
        view.render()
    with qtbot.waitSignal(view.drawn):
        pass
    qtbot.wait(200)
    view.renderer.RemoveObserver(tag)
    assert len(rendered) == 1
