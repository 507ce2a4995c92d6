"""Plots: ranges, bins, words, drawn when in sight; and the comparison beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("PySide6")
import pyqtgraph

from nmcstudio.core.comparison import Band, Comparison, Curve, Surface, Validation
from nmcstudio.core.volume import LabelVolume
from nmcstudio.gui.controller import Controller
from nmcstudio.gui.views.area import ViewArea
from nmcstudio.gui.views.compare import CompareView
from nmcstudio.gui.views.content_images import density_plot, histogram_edges
from nmcstudio.gui.views.content_validation import comparison_plots, distances_table
from nmcstudio.gui.views.contents import Content, Layer, Plot, Series
from nmcstudio.gui.views.plot_card import PlotCard, short_names
from nmcstudio.gui.views.plot_data import plot_csv, y_range_of
from nmcstudio.gui.views.plots import PlotGrid, PlotsPanel
from nmcstudio.gui.views.scene_controls import SceneControls
from nmcstudio.gui.views.scene_parts import aim, box_of
from nmcstudio.gui.views.selection import Selection
from nmcstudio.gui.views.store import ContentStore

pytestmark = pytest.mark.gui


@pytest.fixture
def control(qtbot):
    made = Controller()
    yield made
    ContentStore.of(made).close()
    made.close()


def curve(values: list[float], role: str = "data", **given: Any) -> Series:
    return Series(role, "", np.arange(len(values), dtype=float), np.array(values, dtype=float), **given)


def plot(*series: Series, key: str = "k", **given: Any) -> Plot:
    return Plot(key, "A title", "x [µm]", "density [1/µm]", series, **given)


@pytest.mark.parametrize("scale", [1.0, 0.74687, 257.0])
def test_bins_hold_equally_many_steps_of_the_scale(scale: float) -> None:
    steps = np.arange(13, 261)
    values = np.float32(scale) * np.repeat(steps, 3).astype(np.float32)
    for most in (256, 100, 7):
        counts, _ = np.histogram(values, bins=histogram_edges(values, most))
        assert len(counts) <= most
        assert counts.sum() == len(values)
        assert len(set(counts[:-1])) == 1
        assert 0 < counts[-1] <= counts[0]


def test_values_without_a_scale_get_plain_bins() -> None:
    values = np.random.default_rng(0).normal(size=5000)
    edges = histogram_edges(values, 50)
    assert len(edges) == 51
    assert (edges[0], edges[-1]) == pytest.approx((values.min(), values.max()))


def test_axis_begins_at_zero_where_nothing_is_below() -> None:
    assert y_range_of(plot(curve([0.0, 5.0, 1.0])))[0] == 0.0
    assert y_range_of(plot(curve([-3.0, 5.0])))[0] < -3.0
    far = y_range_of(plot(curve([100.0, 104.0])))
    assert 99 < far[0] < 100
    assert 104 < far[1] < 105
    assert y_range_of(plot(curve([0.0, 5.0]), log_y=True)) is None


def test_a_new_row_of_cards_never_lies_on_the_one_above(control, qtbot) -> None:
    grid = PlotGrid(control, compact=True)
    qtbot.addWidget(grid)
    grid.resize(640, 220)
    grid.show()
    qtbot.waitExposed(grid)
    plots = tuple(plot(curve([0, 1, 2]), key=str(i)) for i in range(5))
    grid.set_plots(plots[:2])
    qtbot.waitUntil(lambda: grid.is_drawn)
    grid.set_plots(plots)
    # Nothing was left to the event loop, which a fit keeps busy.
    frames = [card.geometry() for card in grid.cards]
    assert not any(a.intersects(b) for i, a in enumerate(frames) for b in frames[i + 1 :])


def test_a_density_is_drawn_from_zero_and_its_words_stand_outside(control, qtbot) -> None:
    found = density_plot("w", "Weights", "weight [µm²]", np.random.default_rng(0).normal(size=200))
    assert found.y_label == "density [1/µm²]"
    both = Plot("w", "Weights", "weight [µm²]", found.y_label, (*found.series, curve([0, 1, 0], "model")))
    card = PlotCard(control, both)
    qtbot.addWidget(card)
    card.draw()
    item = card.canvas.getPlotItem()
    assert item.viewRange()[1][0] == 0.0
    assert item.legend is None
    assert "(x0.001)" not in item.getAxis("bottom").labelString()
    words = card._words.text()
    assert control.theme.data in words
    assert control.theme.model in words
    assert "density [1/µm²]" in words
    assert "mean" in words


def test_only_plots_in_sight_are_drawn(control, qtbot) -> None:
    grid = PlotGrid(control)
    qtbot.addWidget(grid)
    grid.resize(900, 620)
    grid.show()
    grid.set_plots(tuple(plot(curve([0, 1, 2]), key=str(i)) for i in range(12)))
    qtbot.waitUntil(lambda: all(card.is_drawn for card in grid.cards[:4]))
    qtbot.wait(50)
    assert grid._grid.columnCount() == 2
    assert all(card.height() >= 260 for card in grid.cards)
    assert not any(card.canvas for card in grid.cards[8:])
    grid.verticalScrollBar().setValue(grid.verticalScrollBar().maximum())
    qtbot.waitUntil(lambda: grid.cards[11].is_drawn)
    first = grid.cards[0]
    grid.set_plots((plot(curve([0, 1, 2]), key="new"),))
    assert grid.cards == [first]
    qtbot.waitUntil(lambda: first.is_drawn)


def comparison() -> Comparison:
    line = Curve("data", "data (n = 3)", np.arange(3.0), np.arange(3.0), 1.0)
    surfaces = tuple(Surface(r, np.arange(3.0), np.arange(2.0), np.full((2, 3), v)) for r, v in (("data", 2.0), ("model", 5.0)))
    distances = {"ks": 0.1, "model_ks": 0.05, "ks_p": 0.5, "fitted_wasserstein": 0.3}
    return Comparison("c", "C", "grains", "x [µm]", "y", (), (line,), surfaces, distances, "µm", "Whole grains only.")


def test_distances_are_one_line_and_pictures_of_one_comparison_share_their_colours() -> None:
    line, data, model = comparison_plots(comparison())
    assert line.caption == "KS 0.1 (0.05), p 0.5 · fitted: Wasserstein 0.3 µm"
    assert line.note == "Whole grains only."
    assert data.image.brightest == model.image.brightest == 5.0


def test_the_dock_does_not_repeat_what_stands_in_the_middle(control, qtbot) -> None:
    area, panel = ViewArea(control), PlotsPanel(control)
    for widget in (area, panel):
        qtbot.addWidget(widget)
        widget.show()
    plots = comparison_plots(comparison())
    area.store.show_content(Content("validation", "Validation", plots=tuple(plots)))
    assert [card.plot.key for card in area._plots.cards] == ["c", "c-data", "c-model"]
    assert panel.grid.cards == []
    assert panel.index.isVisible()
    rows = [panel.index.topLevelItem(i) for i in range(panel.index.topLevelItemCount())]
    assert [row.text(0) for row in rows] == ["C", "C: data", "C: model"]
    assert rows[0].text(1) == plots[0].caption
    asked: list[str] = []
    area.store.plot_asked.connect(asked.append)
    panel.index.setCurrentItem(rows[2])
    assert asked == ["c-model"]
    area.set_layout("compare")
    assert len(panel.grid.cards) == 3
    area.set_layout("both")
    assert panel.grid.cards == []
    layer = Layer("grey", "Grey", "grey", np.zeros((4, 4, 4)), (1.0, 1.0, 1.0), limits=(0.0, 1.0))
    area.store.show_content(Content("ct", "CT", layers=(layer,), plots=tuple(plots)))
    assert len(panel.grid.cards) == 3
    area.close_views()


def validated() -> Comparison:
    x = np.linspace(1.0, 9.0, 40)
    curves = tuple(
        Curve(role, f"{role} (n = 9)", x, np.exp(-((x - at) ** 2)), at) for role, at in (("data", 4.0), ("model", 5.0))
    )
    band = Band(x, curves[1].y - 0.1, curves[1].y + 0.1, 99)
    distances = {"ks": 0.1, "model_ks": 0.05, "model_ks_95": 0.09, "wasserstein": 1.0, "wasserstein_p": 0.01}
    envelope = {"envelope_p": 0.01, "envelope_p_low": 0.01, "envelope_p_high": 0.02}
    return Comparison("v", "V", "particles", "x [µm]", "y", (), curves, (), distances | envelope, "µm", "", (band,))


def test_a_band_is_drawn_named_and_in_the_numbers(control, qtbot) -> None:
    (made,) = comparison_plots(validated())
    first, second = made.caption.split("\n")
    assert first.startswith("The data leave the envelope of 99 samples of the model (p = 0.01")
    assert second == "KS 0.1 (0.05, 95 % below 0.09) · Wasserstein 1 µm, p 0.01"
    card = PlotCard(control, made)
    qtbot.addWidget(card)
    card.draw()
    fills = [each for each in card.canvas.getPlotItem().items if isinstance(each, pyqtgraph.FillBetweenItem)]
    assert len(fills) == 1
    assert "95 % of samples of the model" in card._words.text()
    assert "mean 4" in card._words.text()
    head, *rows = plot_csv(made).splitlines()[1:]
    assert "envelope low" in head
    assert float(rows[0].split(",")[-1]) == pytest.approx(np.exp(-16) + 0.1, rel=1e-6)


def test_contours_and_the_mean_of_a_bivariate_density_are_drawn(control, qtbot) -> None:
    x = y = np.linspace(-2, 2, 30)
    z = np.exp(-(x[None, :] ** 2) - y[:, None] ** 2)
    surfaces = tuple(Surface(r, x, y, f * z, f"{r} (n = 5)", (0.3, -0.2)) for r, f in (("data", 1.0), ("model", 0.5)))
    plots = comparison_plots(Comparison("j", "J", "particles", "x", "y", surfaces=surfaces))
    counts = []
    for made in plots:
        card = PlotCard(control, made)
        qtbot.addWidget(card)
        card.draw()
        (picture,) = [each for each in card.canvas.getPlotItem().items if isinstance(each, pyqtgraph.ImageItem)]
        counts.append(len(picture.childItems()))
        assert "mean 0.3, -0.2" in card._words.text()
    # The same levels: half as high a density reaches fewer of them.
    assert counts[0] > counts[1] > 2


@pytest.mark.parametrize("ending", ["svg", "pdf", "png", ""])
def test_a_card_saves_its_picture_as_its_name_says(control, qtbot, tmp_path, monkeypatch, ending: str) -> None:
    (made,) = comparison_plots(validated())
    card = PlotCard(control, made)
    qtbot.addWidget(card)
    name = tmp_path / (f"Größe.{ending}" if ending else "Größe")
    monkeypatch.setattr("PySide6.QtWidgets.QFileDialog.getSaveFileName", lambda *a, **k: (str(name), "PDF (*.pdf)"))
    card.save_picture()
    (file,) = tmp_path.iterdir()
    assert file.suffix == f".{ending or 'pdf'}"
    heads = {".svg": b"<?xml", ".pdf": b"%PDF-", ".png": b"\x89PNG"}
    content = file.read_bytes()
    assert content.startswith(heads[file.suffix])
    if ending == "svg":
        assert "x [µm]" in content.decode()


def test_the_area_says_each_change_of_its_layout_once(control, qtbot) -> None:
    area = ViewArea(control)
    qtbot.addWidget(area)
    said: list[str] = []
    area.layout_changed.connect(said.append)
    area.set_layout("slices")
    area.set_layout("slices")
    area.store.layout_asked.emit("compare")
    area.restore({"layout": "3d"})
    assert said == ["slices", "compare", "3d"]
    assert area.layout_name == "3d"
    area.close_views()


def grains(subject: str) -> Content:
    volume = LabelVolume(np.ones((4, 4, 4), np.uint16), (1.0, 1.0, 1.0), kind="grains")
    layer = Layer("labels", "Grains", "labels", volume.labels, volume.spacing_um, subject=subject)
    return Content(subject, subject, subject, (layer,))


def test_one_id_is_chosen_on_both_sides_only_where_it_is_one_object(control, qtbot) -> None:
    selection = Selection.of(control)
    view = CompareView(control, ContentStore.of(control), selection)
    qtbot.addWidget(view)
    left, right = view.sides
    for side, content in ((left, grains("particle")), (right, grains("particle"))):
        side._mark = (id(content),)
        side._show(content)
    selection.set_subject("particle")
    left.selection.click(1)
    assert left.selection.ids == (1,)
    assert right.selection.ids == ()
    assert selection.ids == ()
    selection.set_subject("grains")
    for side in view.sides:
        side._show(grains("grains"))
    left.selection.click(1)
    assert right.selection.ids == (1,)
    assert selection.ids == (1,)
    selection.choose(())
    assert left.selection.ids == right.selection.ids == ()
    view.close_views()


def test_the_box_of_two_views_holds_both() -> None:
    small, large = np.array([[-1.0, 1.0]] * 3), np.array([[-2.0, 0.5]] * 3)
    assert np.array_equal(box_of([small, large]), [[-2.0, 1.0]] * 3)
    assert box_of([]) is None


def test_validation_explains_its_brackets() -> None:
    from nmcstudio.core.monitor import Monitor
    from nmcstudio.gui.views.store import make_content

    content = make_content("validation", {"validation": Validation((comparison(),))}, Monitor())
    assert "in brackets" in content.note


def test_distances_of_all_comparisons_stand_in_a_table() -> None:
    table = distances_table(Validation((comparison(),)))
    titles = [column.title for column in table.columns]
    assert titles == ["Comparison", "KS", "KS, two model samples", "p of KS", "Wasserstein, fitted", "Unit of Wasserstein"]
    assert [column.values[0] for column in table.columns] == ["C", 0.1, 0.05, 0.5, 0.3, "µm"]
    assert distances_table(Validation(())) is None


def test_controls_of_3d_fold_before_they_are_squeezed(qtbot) -> None:
    controls = SceneControls()
    qtbot.addWidget(controls)
    controls.colours.addItem("Label")
    controls.show()
    below = {}
    for width in (500, 220):
        controls.setFixedWidth(width)
        qtbot.waitUntil(lambda width=width: controls.width() == width)
        qtbot.wait(20)
        below[width] = controls.colours.y() >= controls.shown.geometry().bottom()
        for widget in (controls.shown, controls.colours, controls.cuts):
            assert widget.width() >= widget.minimumSizeHint().width()
    assert below == {500: False, 220: True}


def test_numbered_names_in_a_row_say_their_kind_once() -> None:
    names = ["data: 5 objects", "component 1", "component 2", "component 3", "theory"]
    assert short_names(names) == ["data: 5 objects", "component 1", "2", "3", "theory"]
    assert short_names(["data (n = 5)", "model (n = 7)"]) == ["data (n = 5)", "model (n = 7)"]


def test_the_camera_sees_the_whole_box_from_where_it_looks() -> None:
    vtk = pytest.importorskip("vtkmodules.vtkRenderingCore")
    camera = vtk.vtkCamera()
    camera.SetPosition(1.0, 1.0, 1.0)
    box = np.array([[-1.0, 5.0], [-2.0, 2.0], [0.0, 8.0]])
    for aspect in (0.5, 2.0):
        aim(camera, box, aspect)
        assert np.allclose(camera.GetFocalPoint(), box.mean(axis=1))
        matrix = camera.GetProjectionTransformMatrix(aspect, -1, 1)
        view = camera.GetViewTransformMatrix()
        for corner in np.array(np.meshgrid(*box)).reshape(3, -1).T:
            seen = np.array(matrix.MultiplyPoint(view.MultiplyPoint((*corner, 1.0))))
            assert np.all(np.abs(seen[:2] / seen[3]) <= 1.0)
