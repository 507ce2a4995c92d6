"""Correction by hand with the mouse: tools in the slices, the table, undo, and the records that a command would make."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QVBoxLayout, QWidget

from nmcstudio.core.volume import LabelVolume
from nmcstudio.gui.controller import Controller
from nmcstudio.gui.views.area import ViewArea
from nmcstudio.gui.views.object_table import label_table
from nmcstudio.gui.views.tables import TablePanel
from nmcstudio.gui.widgets.label_tools import LabelToolRow
from nmcstudio.pipeline.direct import run
from nmcstudio.project.codec import digest
from nmcstudio.project.nodes import summarise
from nmcstudio.project.record import Held, Record

pytestmark = pytest.mark.gui
LEFT = Qt.MouseButton.LeftButton


def labels(kind: str = "particles") -> LabelVolume:
    made = np.zeros((16, 30, 40), np.uint16)
    made[2:14, 2:28, 2:19] = 3
    made[2:14, 2:28, 21:38] = 7
    made[6:9, 10:20, 8:13] = 0
    made[7, 14:16, 10:11] = 9
    return LabelVolume(made, (1.0, 1.0, 1.0), kind=kind)


@pytest.fixture(params=["particles"])
def desk(qtbot: Any, request: pytest.FixtureRequest) -> Iterator[SimpleNamespace]:
    """Views, tool row and table of a project with labels."""
    controller = Controller()
    node = request.param
    value = labels(node)
    controller.project.put(
        node, Record(digest(value), "import-labels", {}, {}, 1, 0.0, 0.0, "0", "", summarise(value), Held(value))
    )
    area = ViewArea(controller)
    row, table = LabelToolRow(controller), TablePanel(controller)
    host = QWidget()
    column = QVBoxLayout(host)
    for widget in (row, area, table):
        column.addWidget(widget)
    row.add_keys(host)
    host.resize(1000, 900)
    qtbot.addWidget(host)
    host.show()
    host.activateWindow()
    qtbot.waitUntil(host.isActiveWindow, timeout=5000)
    area.show_node(node)
    qtbot.waitUntil(lambda: area.store.content is not None and area.store.content.table is not None, timeout=30_000)
    pane = area.slices["xy"].pane
    pane.grab()
    area.cross.move(np.array([7.0, 15.0, 15.0]))

    def at(x: float, y: float) -> QPoint:
        return pane.to_pixel(x, y).toPoint()

    def value_now() -> np.ndarray:
        return controller.project.value(node).labels

    def acted(count: int) -> None:
        qtbot.waitUntil(lambda: len(controller.history.commands) == count, timeout=30_000)

    def ready() -> None:
        qtbot.waitUntil(lambda: row.editing.session(node) is not None, timeout=30_000)

    yield SimpleNamespace(
        controller=controller, area=area, row=row, table=table, pane=pane, at=at, value=value_now, acted=acted, ready=ready,
        node=node, qtbot=qtbot, selection=area.selection,
    )  # fmt: skip
    area.close_views()
    controller.close()


def drag(desk: SimpleNamespace, *points: tuple[float, float]) -> None:
    """Press, move and release the left button along points (x, y) in um."""
    QTest.mousePress(desk.pane, LEFT, pos=desk.at(*points[0]))
    for point in points[1:]:
        QTest.mouseMove(desk.pane, desk.at(*point))
        # The test platform moves without buttons: the pane is told what a held button would tell it.
        desk.row.brush.move(desk.pane, SimpleNamespace(position=lambda point=point: QPointF(desk.at(*point))))
    QTest.mouseRelease(desk.pane, LEFT, pos=desk.at(*points[-1]))


def redone_by_command(desk: SimpleNamespace) -> str:
    """Digest of what the recorded edits give as commands."""
    value = labels(desk.node)
    for edit in desk.controller.project.record(desk.node).edits:
        value = run(edit["step"], {desk.node: value}, **edit["params"])
    return digest(value)


@pytest.mark.parametrize("desk", ["particles", "grains"], indirect=True)
def test_merge_and_delete_by_clicks_and_back_by_undo(desk: SimpleNamespace) -> None:
    noun = desk.node.rstrip("s")
    QTest.keyClick(desk.area, Qt.Key.Key_M)
    assert desk.selection.tool == "merge"
    QTest.mouseClick(desk.pane, LEFT, pos=desk.at(15, 5))
    desk.selection.hovered.emit(desk.node, 7)
    assert desk.row.next_click() == f"Click merges {noun} 7 into {noun} 3"
    QTest.mouseClick(desk.pane, LEFT, pos=desk.at(30, 15))
    desk.acted(1)
    assert list(np.unique(desk.value())) == [0, 3, 9]
    desk.row.pick()
    QTest.mouseClick(desk.pane, LEFT, pos=desk.at(10, 14.5))
    assert desk.selection.ids == (9,)
    QTest.keyClick(desk.area, Qt.Key.Key_Delete)
    desk.acted(2)
    assert list(np.unique(desk.value())) == [0, 3]
    assert redone_by_command(desk) == desk.controller.project.record(desk.node).digest
    for _ in range(2):
        desk.controller.undo()
    assert np.array_equal(desk.value(), labels().labels)
    for _ in range(2):
        desk.controller.redo()
    assert list(np.unique(desk.value())) == [0, 3]


def test_a_stroke_is_one_act_and_what_a_command_would_paint(desk: SimpleNamespace) -> None:
    desk.row.buttons["brush"].click()
    desk.ready()
    desk.selection.choose((9,))
    desk.row.brush.set_radius(2.0)
    drag(desk, (10.0, 12.0), (11.0, 13.0), (11.0, 17.0))
    desk.acted(1)
    painted = desk.value() == 9
    assert 30 < painted.sum() < 150
    assert not (painted & (labels().labels == 3)).any()  # only over background
    edit = desk.controller.project.record("particles").edits[0]["params"]
    assert edit["only_over"] == 0
    assert len(edit["paint"]) == 1
    assert edit["paint"][0][:2] == [9, 2.0]
    assert redone_by_command(desk) == desk.controller.project.record("particles").digest
    desk.row.buttons["eraser"].click()
    drag(desk, (10.0, 12.0), (5.0, 17.0))  # out of the hole into the object, so that no rounding to pixels decides
    desk.acted(2)
    assert 50 < (labels().labels == 3).sum() - (desk.value() == 3).sum() < 250
    assert redone_by_command(desk) == desk.controller.project.record("particles").digest
    desk.controller.undo()
    desk.controller.undo()
    assert np.array_equal(desk.value(), labels().labels)


def test_escape_takes_back_a_stroke_that_has_not_ended(desk: SimpleNamespace) -> None:
    desk.row.buttons["brush"].click()
    desk.ready()
    desk.selection.choose((7,))
    QTest.mousePress(desk.pane, LEFT, pos=desk.at(20, 15))
    live = desk.row.editing.session("particles").volume.labels
    assert (live == 7).sum() > (labels().labels == 7).sum()
    QTest.keyClick(desk.area, Qt.Key.Key_Escape)
    assert np.array_equal(live, labels().labels)
    assert not desk.controller.history.commands


def test_a_new_object_gets_the_next_label_and_is_chosen(desk: SimpleNamespace) -> None:
    desk.row.buttons["brush"].click()
    desk.ready()
    desk.row.brush_options.new.click()
    desk.row.brush.in_3d = False
    drag(desk, (20.0, 29.0))
    desk.acted(1)
    assert desk.selection.ids == (10,)
    assert set(np.nonzero(desk.value() == 10)[0]) == {7}


def test_a_brush_without_an_object_says_what_it_needs(desk: SimpleNamespace) -> None:
    desk.row.buttons["brush"].click()
    desk.ready()
    drag(desk, (20.0, 15.0))
    assert "Choose the object to paint" in desk.row.words.full_text()
    assert not desk.controller.history.commands


def test_brackets_change_the_size_of_the_brush_and_the_outline_follows_the_mouse(desk: SimpleNamespace) -> None:
    desk.row.buttons["brush"].click()
    before = desk.row.brush.radius_um
    QTest.keyClick(desk.area, Qt.Key.Key_BracketRight)
    assert desk.row.brush.radius_um == pytest.approx(1.25 * before)
    assert desk.row.brush_options.radius.value() == pytest.approx(desk.row.brush.radius_um, abs=0.01)
    QTest.keyClick(desk.area, Qt.Key.Key_BracketLeft)
    QTest.keyClick(desk.area, Qt.Key.Key_BracketLeft)
    assert desk.row.brush.radius_um == pytest.approx(before / 1.25, abs=1e-4)
    picture = desk.pane.grab().toImage()
    QTest.mouseMove(desk.pane, desk.at(20, 20))
    assert desk.pane.grab().toImage() != picture


def test_split_between_clicked_seeds(desk: SimpleNamespace) -> None:
    QTest.keyClick(desk.area, Qt.Key.Key_X)
    desk.ready()
    QTest.mouseClick(desk.pane, LEFT, pos=desk.at(25, 8))
    assert "other piece of particle 7" in desk.row.words.full_text()
    QTest.mouseClick(desk.pane, LEFT, pos=desk.at(34, 8))
    assert desk.row.split_options.pieces.text() == "2 pieces"
    QTest.keyClick(desk.area, Qt.Key.Key_Return)
    desk.acted(1)
    assert list(np.unique(desk.value())) == [0, 3, 7, 9, 10]
    assert np.array_equal(np.isin(desk.value(), (7, 10)), labels().labels == 7)
    assert redone_by_command(desk) == desk.controller.project.record("particles").digest
    assert desk.row.split_options.seeds == 0


def test_the_neck_slider_previews_its_pieces_and_splits_so(desk: SimpleNamespace) -> None:
    desk.selection.choose((3,))
    desk.row.buttons["split"].click()
    desk.ready()
    desk.row.split_options.slider.setValue(100)
    desk.qtbot.waitUntil(lambda: desk.area.model.layer("split-pieces") is not None, timeout=30_000)
    pieces = int(desk.area.model.layer("split-pieces").values.max())
    if pieces < 2:
        assert not desk.row.split_options.apply.isEnabled()
        return
    desk.row.split_options.apply.click()
    desk.acted(1)
    assert len(np.unique(desk.value())) == 4 + pieces - 1
    assert desk.area.model.layer("split-pieces") is None


def test_fill_closes_the_hole_of_the_clicked_object(desk: SimpleNamespace) -> None:
    desk.row.buttons["fill"].click()
    desk.ready()
    QTest.mouseClick(desk.pane, LEFT, pos=desk.at(15, 5))
    desk.acted(1)
    wanted = labels().labels.copy()
    wanted[6:9, 10:20, 8:13] = np.where(wanted[6:9, 10:20, 8:13] == 0, 3, wanted[6:9, 10:20, 8:13])
    assert np.array_equal(desk.value(), wanted)
    QTest.mouseClick(desk.pane, LEFT, pos=desk.at(15, 5))
    assert "Particle 3 has no holes" in desk.row.words.full_text()
    desk.controller.undo()
    desk.qtbot.waitUntil(lambda: "has no holes" not in desk.row.words.full_text(), timeout=10_000)


def test_a_contour_is_filled_with_the_chosen_object(desk: SimpleNamespace) -> None:
    desk.selection.choose((3,))
    desk.row.buttons["fill"].click()
    desk.ready()
    QTest.mouseClick(desk.pane, LEFT, pos=desk.at(9, 17))
    desk.acted(1)
    changed = desk.value() != labels().labels
    assert set(np.nonzero(changed)[0]) == {7}
    assert changed.sum() == 50 - 2


def test_a_contour_is_filled_in_the_plane_that_was_clicked(desk: SimpleNamespace) -> None:
    desk.row.buttons["fill"].click()
    desk.ready()
    pane = desk.area.slices["yz"].pane
    desk.area.cross.move(np.array([7.0, 15.0, 9.0]))
    pane.grab()
    at = pane.to_pixel(12.0, 7.0)
    QTest.mouseClick(pane, LEFT, pos=at.toPoint())
    assert "Choose the particle" in desk.row.words.full_text()
    QTest.mouseClick(pane, LEFT, Qt.KeyboardModifier.ShiftModifier, pane.to_pixel(5.0, 7.0).toPoint())
    assert desk.selection.ids == (3,)
    QTest.mouseClick(pane, LEFT, pos=at.toPoint())
    desk.acted(1)
    changed = desk.value() != labels().labels
    assert set(np.nonzero(changed)[2]) == {9}
    assert changed.sum() == 30


def test_views_and_table_follow_an_act_and_its_undo(desk: SimpleNamespace) -> None:
    before = desk.pane.grab().toImage()
    desk.table.view.sortByColumn(1, Qt.SortOrder.DescendingOrder)
    desk.row.editing.act("particles", {"paint": [[9, 3.0, 30.0, 15.0, 7.0]]}, "Paint")
    desk.acted(1)
    assert desk.pane.grab().toImage() != before

    def agrees() -> bool:
        now = label_table(desk.controller.project.value("particles"), "particles", _silent())
        shown = desk.table.model.table
        return np.array_equal(now.ids, shown.ids) and all(
            np.allclose(one.values, other.values) for one, other in zip(now.columns, shown.columns)
        )

    desk.qtbot.waitUntil(agrees, timeout=30_000)
    assert [c.name for c in desk.table.model.table.columns][:3] == ["diameter_um", "sphericity", "touches_border"]
    desk.controller.undo()
    desk.qtbot.waitUntil(agrees, timeout=30_000)
    assert desk.pane.grab().toImage() == before
    desk.controller.redo()
    desk.qtbot.waitUntil(agrees, timeout=30_000)


def _silent() -> Any:
    from nmcstudio.core.monitor import Monitor

    return Monitor()


def test_pictures_while_painting_are_those_of_a_fresh_drawing(desk: SimpleNamespace) -> None:
    desk.selection.choose((7,))
    desk.row.buttons["brush"].click()
    desk.ready()
    for pane in (view.pane for view in desk.area.slices.values()):
        pane.grab()
    drag(desk, (19.0, 10.0), (20.0, 14.0), (17.0, 20.0))
    desk.acted(1)
    desk.row.brush.leave()
    for pane in (view.pane for view in desk.area.slices.values()):
        patched = pane.grab().toImage()
        pane._replaced()
        assert pane.grab().toImage() == patched


def test_rows_of_the_table_are_merged_deleted_and_brought_into_sight(desk: SimpleNamespace, tmp_path: Path) -> None:
    table = desk.table
    table.view.selectRow(table.proxy.mapFromSource(table.model.index(table.model.row_of(7), 0)).row())
    assert desk.selection.ids == (7,)
    assert np.allclose(desk.area.cross.position, [7.5, 14.5, 29.0])
    assert not table.merge.isEnabled()
    desk.selection.choose((7, 3))
    table.merge.click()
    desk.acted(1)
    assert list(np.unique(desk.value())) == [0, 7, 9]
    desk.qtbot.waitUntil(lambda: list(table.model.table.ids) == [7, 9], timeout=30_000)
    desk.selection.choose((9,))
    table.delete.click()
    desk.acted(2)
    desk.qtbot.waitUntil(lambda: list(table.model.table.ids) == [7], timeout=30_000)
    table.write_csv(str(tmp_path / "descriptors.csv"))
    lines = (tmp_path / "descriptors.csv").read_text().splitlines()
    assert lines[0].split(",")[:4] == ["label", "volume_um3", "diameter_um", "surface_um2"]
    assert lines[1].split(",")[0] == "7"
    assert len(lines) == 2


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("diameter > 5 and not touches border", [3, 7]), ("id = 9 or voxels > 5000", [3, 7, 9]), ("touches border", []),
        ("not id = 3, voxels > 100", [7]), ("9", [9]),
    ],
)  # fmt: skip
def test_expressions_filter_the_table(desk: SimpleNamespace, text: str, kept: list[int]) -> None:
    desk.table.filter.setText(text)
    rows = range(desk.table.proxy.rowCount())
    assert sorted(int(desk.table.proxy.index(row, 0).data()) for row in rows) == kept


def test_a_job_that_reads_the_labels_is_not_disturbed_by_acts(desk: SimpleNamespace) -> None:
    desk.row.editing.act("particles", {"delete": [9]}, "Delete")
    desk.acted(1)
    held = desk.controller.project.record("particles")
    value = held.load()
    desk.row.editing.act("particles", {"delete": [3]}, "Delete")
    desk.acted(2)
    assert digest(value) == held.digest
    assert 3 not in desk.value()


def test_acts_make_no_copy_of_the_labels_and_saving_reads_none_of_the_history(desk: SimpleNamespace, tmp_path: Path) -> None:
    desk.row.editing.act("particles", {"delete": [9]}, "Delete")
    desk.acted(1)
    session = desk.row.editing.session("particles")
    copies: list[Any] = []
    made = session.copy_of
    session.copy_of = lambda version: copies.append(version) or made(version)
    desk.row.editing.act("particles", {"paint": [[7, 2.0, 20.0, 15.0, 7.0]]}, "Paint")
    desk.controller.undo()
    desk.controller.redo()
    desk.qtbot.wait(400)
    assert not copies
    assert all(layer.values is session.volume.labels for layer in desk.area.model.layers)
    assert desk.controller.records_of_history() == []
    written: list[Any] = []
    desk.controller.files.save(desk.controller.project, tmp_path / "p.nmc", [], written.append, pytest.fail)
    desk.qtbot.waitUntil(lambda: bool(written), timeout=30_000)
    assert len(copies) == 1
    desk.controller.undo()
    assert desk.controller.history.redo_title == "Paint"


def test_a_node_that_was_edited_is_shown_again_on_the_labels_of_its_session(desk: SimpleNamespace) -> None:
    desk.row.editing.act("particles", {"delete": [9]}, "Delete")
    desk.acted(1)
    desk.area.store.refresh()
    session = desk.row.editing.session("particles")
    desk.qtbot.waitUntil(
        lambda: all(layer.values is session.volume.labels for layer in desk.area.store.content.layers), timeout=30_000
    )
    desk.qtbot.waitUntil(lambda: list(desk.table.model.table.ids) == [3, 7], timeout=30_000)
    desk.row.editing.act("particles", {"delete": [3]}, "Delete")
    desk.qtbot.waitUntil(lambda: list(desk.table.model.table.ids) == [7], timeout=30_000)


def test_the_tools_stand_only_where_labels_are_on_view(desk: SimpleNamespace) -> None:
    wanted: list[bool] = []
    desk.area.tools_wanted.connect(wanted.append)
    desk.area.head.edit_button.setChecked(True)
    assert wanted[-1]
    desk.area.set_layout("compare")
    assert not wanted[-1]
    assert not desk.area.head.edit_button.isVisible()
    desk.area.set_layout("both")
    assert wanted[-1]
